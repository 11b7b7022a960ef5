"""One telephone leg over SIP: time to set a call up, processor time of the agent, and the way through it and back. SIPp is the trunk.

The way does not hold the sound process (see the figures of lines): the line's end sends back at once what it gets.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import AsyncExitStack

import psutil

from media.sip.client import SipAgent
from media.sip.protocol import Answered, Ended, HangUp, Join, Joined, Place
from tests.bench.figures import Figure
from tests.media.sip.lines import SECRET, FakeLines
from tests.media.sip.rig import Ear, Handset, Sipp, free_port, rms_dbfs, speech_like, tone, trunk, until

SETUPS = 10
SECONDS = 10.0
BURSTS = 8


async def run() -> list[Figure]:
    """The figures; SIPp lifts 50 ms after it rings, which is taken off the setup time."""
    peer = free_port()
    setups: list[float] = []
    ear = Ear()
    async with AsyncExitStack() as stack:
        handset = await stack.enter_async_context(Handset.listening())
        lines = await stack.enter_async_context(FakeLines.listening())
        lines.echo = True
        agent = await stack.enter_async_context(SipAgent(trunk(peer), ear.hear))
        async with asyncio.timeout(20):
            await agent.usable.wait()
        async with Sipp.playing("uas_answers", peer, calls=SETUPS, keys=handset.keys):
            for number in range(SETUPS):
                began = time.perf_counter()
                agent.send(Place(call_id=f"leg_{number}", number="+381111234567"))
                await ear.first(Answered)
                setups.append((time.perf_counter() - began - 0.05) * 1000)
                agent.send(HangUp(call_id=f"leg_{number}"))
                await ear.first(Ended)
        assert agent.pid is not None
        process = psutil.Process(agent.pid)
        idle = await _share(process, 3.0)
        await stack.enter_async_context(Sipp.playing("uas_answers", peer, keys=handset.keys))
        agent.send(Place(call_id="leg_way", number="+381111234567"))
        await ear.first(Answered)
        agent.send(Join(call_id="leg_way", url=lines.url, secret=SECRET))
        await ear.first(Joined)
        way = await _way(handset)
        handset.say(speech_like(SECONDS + 2))
        busy = await _share(process, SECONDS)
    return [
        Figure("set-up of a call, median", statistics.median(setups), "ms", note=f"{SETUPS} calls, our part"),
        Figure("agent without calls", idle * 100, "% of a core"),
        Figure("agent with one leg, both ways", busy * 100, "% of a core", limit=5.0, note=f"{SECONDS:g} s of speech"),
        Figure("handset to line and back, median", statistics.median(way), "ms", note=f"{BURSTS} bursts"),
        Figure("handset to line and back, worst", max(way), "ms", limit=240.0),
    ]


async def _share(process: psutil.Process, seconds: float) -> float:
    before = process.cpu_times()
    await asyncio.sleep(seconds)
    after = process.cpu_times()
    return (after.user + after.system - before.user - before.system) / seconds


async def _way(handset: Handset) -> list[float]:
    """Milliseconds from the moment that a burst leaves the handset until its echo comes."""
    found = []
    for _ in range(BURSTS):
        await asyncio.sleep(0.5)
        count = len(handset.heard)
        began = asyncio.get_running_loop().time()
        handset.say(tone(600, 0.1))
        await until(lambda count=count: _loud(handset, count) is not None, 3)  # type: ignore[misc]
        at = _loud(handset, count)
        assert at is not None
        found.append((handset.times[at] - began) * 1000)
    return found


def _loud(handset: Handset, since: int) -> int | None:
    return next((at for at in range(since, len(handset.heard)) if rms_dbfs(handset.heard[at]) > -30), None)
