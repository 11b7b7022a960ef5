"""The SIP agent against SIPp: every outcome of a call, keys, prompts, sound both ways, restart and drain."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from core.errors import Unavailable
from media.sip.client import SipAgent
from media.sip.protocol import (
    Answer,
    Answered,
    CallEnd,
    Digit,
    Ended,
    HangUp,
    Incoming,
    Join,
    Joined,
    LineEnded,
    Place,
    Play,
    Played,
    Rang,
    Ready,
    TrunkOptions,
)
from tests.media.sip.lines import SECRET, FakeLines
from tests.media.sip.rig import (
    LOOPBACK,
    Ear,
    Handset,
    Sipp,
    free_port,
    rms_dbfs,
    share_of,
    speech_like,
    tone,
    trunk,
    until,
)

pytestmark = [
    pytest.mark.usefixtures("sip_stack", "sipp"),
]
NUMBER = "+381111234567"


@asynccontextmanager
async def running(options: TrunkOptions) -> AsyncIterator[tuple[SipAgent, Ear]]:
    ear = Ear()
    async with SipAgent(options, ear.hear) as agent:
        async with asyncio.timeout(30):
            await agent.usable.wait()
        yield agent, ear


async def test_a_trunk_that_wants_to_know_us() -> None:
    """With registration calls can be placed only once the trunk took it."""
    ear = Ear()
    refusing, taking = free_port(), free_port()
    async with (
        Sipp.playing("uas_registers", refusing, calls=100, keys={"status": 403}),
        SipAgent(trunk(refusing, registers=True), ear.hear) as agent,
    ):
        assert not (await ear.first(Ready)).usable
        with pytest.raises(Unavailable):
            agent.send(Place(call_id="leg_1", number=NUMBER))
    async with (
        Sipp.playing("uas_registers", taking, calls=100, keys={"status": 200}),
        SipAgent(trunk(taking, registers=True), ear.hear) as agent,
        asyncio.timeout(30),
    ):
        await agent.usable.wait()


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (486, CallEnd.BUSY),
        (600, CallEnd.BUSY),
        (603, CallEnd.REFUSED),
        (404, CallEnd.NUMBER_UNKNOWN),
        (480, CallEnd.NOT_REACHABLE),
        (403, CallEnd.TRUNK_REFUSED),
        (503, CallEnd.TRUNK_DOWN),
    ],
)
async def test_a_call_that_is_not_taken_ends_with_its_reason(status: int, end: CallEnd) -> None:
    peer = free_port()
    async with Sipp.playing("uas_refuses", peer, keys={"status": status}) as sipp, running(trunk(peer)) as (agent, ear):
        agent.send(Place(call_id="leg_1", number=NUMBER))
        ended = await ear.first(Ended)
        assert (ended.why, ended.status) == (end, status)
        assert await sipp.done()
        assert agent.calls == 0


async def test_nobody_answers_and_we_give_up() -> None:
    peer = free_port()
    async with Sipp.playing("uas_rings", peer) as sipp, running(trunk(peer)) as (agent, ear):
        agent.send(Place(call_id="leg_1", number=NUMBER, ring_seconds=3))
        await ear.first(Rang)
        assert (await ear.first(Ended)).why is CallEnd.NO_ANSWER
        assert await sipp.done()


async def test_we_hang_up_while_it_rings() -> None:
    peer = free_port()
    async with Sipp.playing("uas_rings", peer) as sipp, running(trunk(peer)) as (agent, ear):
        agent.send(Place(call_id="leg_1", number=NUMBER))
        await ear.first(Rang)
        agent.send(HangUp(call_id="leg_1"))
        assert (await ear.first(Ended)).why is CallEnd.HUNG_UP_HERE
        assert await sipp.done()


async def test_we_hang_up_before_it_rings() -> None:
    peer = free_port()
    async with Sipp.playing("uas_rings", peer) as sipp, running(trunk(peer)) as (agent, ear):
        agent.send(Place(call_id="leg_1", number=NUMBER))
        agent.send(HangUp(call_id="leg_1"))
        assert (await ear.first(Ended)).why is CallEnd.HUNG_UP_HERE
        assert await sipp.done()


async def test_nobody_at_the_trunk() -> None:
    async with running(trunk(free_port())) as (agent, ear):
        agent.send(Place(call_id="leg_1", number=NUMBER, ring_seconds=1))
        assert (await ear.first(Ended)).why is CallEnd.TRUNK_DOWN


async def test_they_hang_up() -> None:
    peer = free_port()
    async with (
        Handset.listening() as handset,
        Sipp.playing("uas_answers", peer, keys=handset.keys) as sipp,
        running(trunk(peer)) as (agent, ear),
    ):
        agent.send(Place(call_id="leg_1", number=NUMBER))
        await ear.first(Answered)
        await sipp.hang_up()
        assert (await ear.first(Ended)).why is CallEnd.HUNG_UP_THERE
        assert await sipp.done()


async def test_prompt_keys_and_sound_both_ways() -> None:
    """The whole of a good call: a prompt is heard, keys arrive once each, a line carries both voices at their level."""
    peer = free_port()
    async with Handset.listening() as handset, FakeLines.listening() as lines:
        keys = handset.keys
        async with Sipp.playing("uas_answers", peer, keys=keys) as sipp, running(trunk(peer)) as (agent, ear):
            agent.send(Place(call_id="leg_1", number=NUMBER))
            await ear.first(Rang)
            assert not (await ear.first(Answered)).secure
            agent.send(Play(call_id="leg_1", prompts=("tone_attention",), language="en"))
            await handset.press_all("129#")
            assert [(await ear.first(Digit)).digit for _ in range(4)] == ["1", "2", "9", "#"]
            await ear.first(Played)
            assert (
                max(share_of(660, b"".join(handset.heard[at : at + 8])) for at in range(len(handset.heard) - 8)) > 0.8
            )

            agent.send(Join(call_id="leg_1", url=lines.url, secret=SECRET))
            await ear.first(Joined)
            spoken, said = speech_like(2), tone(500, 2, level=6000)
            handset.repeated, lines.repeated = spoken, said

            def good() -> bool:
                up, down = b"".join(lines.heard[-30:]), b"".join(handset.heard[-30:])
                levels = abs(rms_dbfs(up) - rms_dbfs(spoken)), abs(rms_dbfs(down) - rms_dbfs(said))
                return share_of(500, down) > 0.97 and max(levels) < 1.5

            # 600 ms, whole, both ways; a busy machine tears some.
            await until(good)

            await lines.end("room_closed")
            assert (await ear.first(LineEnded)).why == "room_closed"
            agent.send(HangUp(call_id="leg_1"))
            ended = await ear.first(Ended)
            assert ended.why is CallEnd.HUNG_UP_HERE
            assert ended.figures.lost == 0
            assert await sipp.done()


async def test_a_wrong_ticket_ends_the_line_and_not_the_call() -> None:
    peer = free_port()
    async with Handset.listening() as handset, FakeLines.listening() as lines:
        keys = handset.keys
        async with Sipp.playing("uas_answers", peer, keys=keys) as sipp, running(trunk(peer)) as (agent, ear):
            agent.send(Place(call_id="leg_1", number=NUMBER))
            await ear.first(Answered)
            agent.send(Join(call_id="leg_1", url=lines.url, secret="another"))
            assert (await ear.first(LineEnded)).why == "line_refused"
            agent.send(Join(call_id="leg_1", url=lines.url, secret=SECRET))
            await ear.first(Joined)
            agent.send(HangUp(call_id="leg_1"))
            await ear.first(Ended)
            assert await sipp.done()


async def test_somebody_calls_us_and_is_answered() -> None:
    options = trunk(free_port())
    async with Handset.listening() as handset, running(options) as (agent, ear):
        keys = {"called": "+38111700800", "caller": "+38164555666", **handset.keys}
        to = f"{LOOPBACK}:{options.local_port}"
        async with Sipp.playing("uac_calls", free_port(), to=to, keys=keys) as sipp:
            incoming = await ear.first(Incoming)
            assert (incoming.caller, incoming.called) == ("+38164555666", "+38111700800")
            agent.send(Answer(call_id=incoming.call_id))
            await ear.first(Answered)
            await handset.press_all("123456")
            assert "".join([(await ear.first(Digit)).digit for _ in range(6)]) == "123456"
            agent.send(HangUp(call_id=incoming.call_id))
            await ear.first(Ended)
            assert await sipp.done()


async def test_somebody_calls_us_and_hangs_up() -> None:
    options = trunk(free_port())
    async with Handset.listening() as handset, running(options) as (agent, ear):
        keys = {"called": "+38111700800", "caller": "anonymous", **handset.keys}
        to = f"{LOOPBACK}:{options.local_port}"
        async with Sipp.playing("uac_hangs_up", free_port(), to=to, pause_ms=100, keys=keys) as sipp:
            incoming = await ear.first(Incoming)
            assert incoming.caller == "", "a withheld number is no number"
            agent.send(Answer(call_id=incoming.call_id))
            await ear.first(Answered)
            assert (await ear.first(Ended)).why is CallEnd.HUNG_UP_THERE
            assert await sipp.done()


async def test_somebody_calls_us_and_is_not_taken() -> None:
    options = trunk(free_port())
    async with Handset.listening() as handset, running(options) as (agent, ear):
        keys = {"called": "+38111700800", "caller": "+38164555666", "status": 486, **handset.keys}
        to = f"{LOOPBACK}:{options.local_port}"
        async with Sipp.playing("uac_refused", free_port(), to=to, keys=keys) as sipp:
            agent.send(HangUp(call_id=(await ear.first(Incoming)).call_id))
            assert (await ear.first(Ended)).why is CallEnd.HUNG_UP_HERE
            assert await sipp.done()


async def test_the_sound_of_a_call_dies() -> None:
    """A telephone that vanished without a word (no BYE) does not hold its place for ever."""
    peer = free_port()
    async with Handset.listening() as handset:
        keys = handset.keys
        async with Sipp.playing("uas_answers", peer, keys=keys), running(trunk(peer, sound_timeout=2)) as (agent, ear):
            agent.send(Place(call_id="leg_1", number=NUMBER))
            await ear.first(Answered)
            await until(lambda: len(handset.heard) > 5)
            handset.muted = True
            assert (await ear.first(Ended)).why is CallEnd.SOUND_LOST


async def test_more_calls_than_the_cap() -> None:
    peer = free_port()
    async with Sipp.playing("uas_rings", peer, calls=3), running(trunk(peer, max_calls=1)) as (agent, ear):
        agent.send(Place(call_id="leg_1", number=NUMBER))
        await ear.first(Rang)
        agent.send(Place(call_id="leg_2", number=NUMBER))
        ended = await ear.first(Ended)
        assert (ended.call_id, ended.why) == ("leg_2", CallEnd.FULL)


async def test_a_crash_of_the_stack_ends_its_calls_with_a_reason_and_the_next_ones_work() -> None:
    peer = free_port()
    async with Handset.listening() as handset:
        keys = handset.keys
        async with Sipp.playing("uas_answers", peer, calls=2, keys=keys), running(trunk(peer)) as (agent, ear):
            agent.send(Place(call_id="leg_1", number=NUMBER))
            await ear.first(Answered)
            assert agent.pid is not None
            os.kill(agent.pid, signal.SIGSEGV)
            assert (await ear.first(Ended)).why is CallEnd.AGENT_LOST
            with pytest.raises(Unavailable):
                agent.send(Place(call_id="leg_2", number=NUMBER))
            async with asyncio.timeout(30):
                await agent.usable.wait()
            agent.send(Place(call_id="leg_3", number=NUMBER))
            assert (await ear.first(Answered)).call_id == "leg_3"
            assert agent.starts == 2


async def test_draining_lets_a_call_finish_and_takes_no_other() -> None:
    peer = free_port()
    async with Handset.listening() as handset:
        keys = handset.keys
        async with Sipp.playing("uas_answers", peer, keys=keys), running(trunk(peer)) as (agent, ear):
            agent.send(Place(call_id="leg_1", number=NUMBER))
            await ear.first(Answered)
            draining = asyncio.create_task(agent.drain(45))
            await asyncio.sleep(0)
            with pytest.raises(Unavailable):
                agent.send(Place(call_id="leg_2", number=NUMBER))
            assert not draining.done()
            agent.send(HangUp(call_id="leg_1"))
            await ear.first(Ended)
            assert await draining
            assert agent.pid is None


async def test_stopping_hangs_up() -> None:
    peer = free_port()
    async with Handset.listening() as handset:
        keys = handset.keys
        async with Sipp.playing("uas_answers", peer, keys=keys) as sipp:
            async with running(trunk(peer)) as (agent, ear):
                agent.send(Place(call_id="leg_1", number=NUMBER))
                await ear.first(Answered)
            assert await sipp.done(), "the other side got no BYE"
            assert (await ear.first(Ended, 1)).call_id == "leg_1"
