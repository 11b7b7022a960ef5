"""Telephones and taps in real rooms: a node, its sound process, robots as browsers, real speech."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import numpy as np
import psutil
import pytest
from websockets.asyncio.client import connect

from core.errors import NotFound, Unavailable
from media.lines.client import PhoneLine, SpeechTap
from media.lines.link import LinesOptions
from media.lines.protocol import LineTicket
from media.node import NodeOptions
from media.protocol import (
    Codec,
    MediaWant,
    PeerBack,
    PeerClosed,
    PeerConnected,
    PeerHeard,
    PeerLost,
)
from media.similarity import Samples, level_dbfs
from tests.media.lines.phones import calling
from tests.media.rig import ANYWHERE, Rig, rig
from tests.media.test_leaks import no_more


async def ready(r: Rig) -> None:
    """The sound process is there, however busy the machine is."""
    for _ in range(4):
        with suppress(Unavailable):
            return await r.node.sound.ready()
    pytest.fail("no sound process after half a minute")


@asynccontextmanager
async def house(options: NodeOptions = ANYWHERE) -> AsyncIterator[Rig]:
    """A node with its sound process."""
    async with rig(options) as r:
        await ready(r)
        yield r


async def until(condition: Callable[[], bool]) -> None:
    """Looks each 10 ms; fails after half a minute."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def test_only_allowed_sound_leaves_the_node(speech: dict[str, Samples]) -> None:
    async with house() as r:
        await r.client.open_room("ses")
        await r.join("ses", "officer", speech["officer"], want=MediaWant(send_video=False, receive_audio=False))
        await r.join("ses", "applicant", speech["applicant"], want=MediaWant(send_video=False, receive_audio=False))
        told: list[str] = []
        tell = r.node.sound.tell

        def listening(what: str, handle: int, **more: object) -> None:
            told.extend([str(more["peer"])] if what == "voice" else [])
            tell(what, handle, **more)

        r.node.sound.tell = listening  # type: ignore[method-assign]
        ticket = await r.client.open_tap("ses", ("officer",))
        await asyncio.sleep(0.2)
        assert r.node.sound.copied == 0, "not before somebody listens"
        pcm: dict[str, bytes] = {}

        async def listen(tap: SpeechTap) -> None:
            async for piece in tap:
                pcm[piece.peer_id] = pcm.get(piece.peer_id, b"") + piece.pcm

        async with SpeechTap.connect(ticket) as tap:
            reading = asyncio.create_task(listen(tap))
            await until(lambda: len(pcm.get("officer", b"")) > 32_000)
            assert set(pcm) == {"officer"}
            assert told == ["officer"]
            heard = np.frombuffer(pcm["officer"], "<i2") / 32768
            assert level_dbfs(heard.astype(np.float32)) > -45
            await tap.allow({"applicant"})
            officer = len(pcm["officer"])
            await until(lambda: len(pcm.get("applicant", b"")) > 6_400)
            assert len(pcm["officer"]) == officer
            await tap.allow(set())
            copied = r.node.sound.copied
            await asyncio.sleep(0.3)
            assert r.node.sound.copied == copied, "after the withdrawal no packet is copied"
            await tap.allow({"somebody of another room"})
            await asyncio.sleep(0.1)
            assert r.node.sound.copied == copied
            await tap.allow({"officer"})
            await r.client.close("ses", None, "ended")
            async with asyncio.timeout(30):
                await reading
            assert tap.closed_by == "room_closed"


async def test_a_killed_sound_process_comes_back_and_browsers_notice_nothing(speech: dict[str, Samples]) -> None:
    async with house() as r:
        await r.client.open_room("ses")
        officer = await r.join("ses", "officer", speech["officer"])
        await r.join("ses", "applicant", speech["applicant"])
        ticket = await r.client.open_line("ses", "phone", Codec.PCMU)
        async with calling(ticket) as phone:
            await r.until_news(PeerHeard, peer_id="phone")
            first = r.node.sound.pid
            assert first is not None
            frames = sum(h.frames for h in officer.heard.values())
            os.kill(first, signal.SIGKILL)
            await r.until_news(PeerLost, peer_id="phone", reason="failed")
            async with asyncio.timeout(30):
                await phone.over.wait()
            assert phone.line.closed_by == "sound_lost"
        await ready(r)
        ticket = await r.client.open_line("ses", "phone", Codec.PCMU)
        assert r.node.sound.pid not in (None, first)
        async with calling(ticket):
            await r.until_news(PeerConnected, peer_id="phone", generation=2)
            await r.until_news(PeerBack, peer_id="phone")
        assert sum(h.frames for h in officer.heard.values()) > frames
        assert not [n for n in r.news if isinstance(n, PeerLost) and n.peer_id in ("officer", "applicant")]


async def test_secrets_open_once_in_time_and_only_as_long_as_the_place_is_wanted() -> None:
    async with house() as r:
        with pytest.raises(NotFound):
            await r.client.open_line("nowhere", "phone", Codec.PCMU)
        await r.client.open_room("ses")

        async def refused(ticket: LineTicket) -> bool:
            try:
                async with PhoneLine.connect(ticket):
                    return False
            except Unavailable as error:
                return error.code == "line_refused"

        ticket = await r.client.open_line("ses", "phone", Codec.PCMU)
        assert ticket.secret not in repr(ticket)
        assert await refused(ticket.model_copy(update={"secret": "guessed"}))
        assert not await refused(ticket)
        assert await refused(ticket), "used"
        ticket = await r.client.open_line("ses", "phone", Codec.PCMU)
        await r.client.close("ses", "phone", "left")
        assert await refused(ticket), "the place is given up"
        ticket = await r.client.open_line("ses", "phone", Codec.PCMU)
        again = await r.client.open_line("ses", "phone", Codec.PCMU)
        assert await refused(ticket), "another connection took the place"
        headers = {"Authorization": f"Bearer {again.secret}", "Origin": "https://elsewhere.example"}
        with pytest.raises(Exception, match="403"):
            await connect(again.url, additional_headers=headers, proxy=None)
        assert not await refused(again), "what was refused took nothing away"
        r.node.sound._options = LinesOptions(secret_s=0.3)
        tap = await r.client.open_tap("ses", ("phone",))
        mark = len(r.news)
        late = await r.client.open_line("ses", "phone", Codec.PCMU)
        await r.until_news(PeerLost, after=mark, peer_id="phone", reason="never_connected")
        assert await refused(late), "too late"
        with pytest.raises(Unavailable):
            async with SpeechTap.connect(tap):
                pass


async def test_why_a_line_ended_is_told(speech: dict[str, Samples]) -> None:
    async with house() as r:
        await r.client.open_room("ses")

        async def ended(line: PhoneLine) -> str | None:
            async with asyncio.timeout(30):
                async for _ in line:
                    pass
            return line.closed_by

        async with PhoneLine.connect(await r.client.open_line("ses", "phone", Codec.PCMU)) as line:
            await r.client.close("ses", "phone", "removed")
            assert await ended(line) == "removed"
        await r.until_news(PeerClosed, peer_id="phone", reason="removed")
        async with PhoneLine.connect(await r.client.open_line("ses", "phone", Codec.PCMU)) as line:
            await r.join("ses", "phone", speech["officer"])
            assert await ended(line) == "replaced"
        async with PhoneLine.connect(await r.client.open_line("ses", "phone", Codec.PCMU)) as line:
            await r.client.close("ses", None, "ended")
            assert await ended(line) == "ended"
            await line.send(bytes(160))
            with pytest.raises(ValueError):
                await line.send(bytes(100))
            with pytest.raises(Unavailable):
                await line.hold(True)


async def test_a_line_is_held_and_let_go_over_its_connection() -> None:
    """What hold does to the sound is told in ``test_pump``."""
    async with house() as r:
        await r.client.open_room("ses")
        ticket = await r.client.open_line("ses", "phone", Codec.PCMU)
        async with calling(ticket) as phone:
            await r.until_news(PeerHeard, peer_id="phone")
            await phone.line.hold(True)
            before = len(phone.frames)
            await asyncio.sleep(0.3)
            assert len(phone.frames) - before <= 1, "one may have waited in the reader's hands"
            await phone.line.hold(False)
            await until(lambda: len(phone.frames) > before + 5)


async def test_who_does_not_read_loses_the_oldest_sound_and_memory_stays() -> None:
    async with house() as r:
        await r.client.open_room("ses")
        stalled = await r.client.open_line("ses", "stalled", Codec.PCMU)
        lazy = await r.client.open_line("ses", "lazy", Codec.PCMU)
        async with PhoneLine.connect(lazy) as idle, PhoneLine.connect(stalled) as line:
            line._connection.transport.pause_reading()
            assert r.node.sound.pid is not None
            memory = psutil.Process(r.node.sound.pid).memory_info().rss
            await until(lambda: idle.dropped > 185)
            assert len(idle._queue) == 15, "nobody iterated: 0.3 s are kept and the rest is gone"
            assert psutil.Process(r.node.sound.pid).memory_info().rss - memory < 3e6
            line._connection.transport.resume_reading()
            got, begin = 0, time.monotonic()
            async with asyncio.timeout(30):
                async for _ in line:
                    got += 1
                    if got == 100:
                        break
            waited = got / 50 - (time.monotonic() - begin)
            assert waited < 1.0, f"{waited:.1f} s of old sound for a reader that was away for four"


OURS = {"LinePeer", "TrackForwarder", "Downlink", "_Tap", "Reception"}


def objects() -> Counter[str]:
    gc.collect()
    return Counter(type(o).__name__ for o in gc.get_objects() if type(o).__name__ in OURS)


async def test_fifty_telephones_come_and_go_without_a_trace(speech: dict[str, Samples]) -> None:
    async with house() as r:
        await r.client.open_room("ses")
        await r.join("ses", "officer", speech["officer"], want=MediaWant(send_video=False, receive_audio=False))

        async def once(number: int) -> None:
            codec = Codec.PCMU if number % 2 else Codec.PCMA
            async with (
                PhoneLine.connect(await r.client.open_line("ses", "phone", codec)) as line,
                SpeechTap.connect(await r.client.open_tap("ses", ("officer", "phone"))) as tap,
            ):
                await line.send(bytes(800))
                await anext(aiter(line))
                if number % 10 == 0:
                    await anext(aiter(tap))
                if number % 3 == 0:
                    await r.client.close("ses", "phone", "left")

        def things() -> tuple[Counter[str], int, int, int]:
            return objects(), len(asyncio.all_tasks()), psutil.Process().num_fds(), child.num_fds()

        async def settled() -> tuple[Counter[str], int, int, int]:
            """Once nothing changes any more for a second."""
            await r.client.close("ses", "phone", "left")
            async with asyncio.timeout(45):
                found = None
                while found != (now := things()):
                    found = now
                    await asyncio.sleep(1.2)
            return now

        async def without_a_trace(before: tuple[Counter[str], int, int, int]) -> None:
            """Once there is nothing more than before: what the sound process tells late is waited for, what stays for ever is not."""
            now, limit = await settled(), time.monotonic() + 45
            while not no_more(now, before):
                assert time.monotonic() < limit, (now, before)
                now = await settled()

        for number in range(10):
            await once(number)
        assert r.node.sound.pid is not None
        child = psutil.Process(r.node.sound.pid)
        before, memory = await settled(), child.memory_info().rss
        for number in range(50):
            await once(number)
        await without_a_trace(before)
        grown = (child.memory_info().rss - memory) / 1e6
        assert grown < 4, f"{grown:.1f} MB"
    assert not psutil.pid_exists(child.pid), "the sound process ends with its node"
