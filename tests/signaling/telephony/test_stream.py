"""Media streams into a real room: a node, its sound process, a robot as the officer's browser, real speech both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly
from websockets.exceptions import InvalidStatus

from core.clock import SystemClock
from media.lines import g711
from media.lines.protocol import Codec
from media.protocol import Kind
from media.robot import read_wav
from media.similarity import Comparison, Samples, compare
from signaling.rehearsal.client import StaffClient
from signaling.rehearsal.participant import RobotParticipant
from signaling.telephony.port import LegState, LegWhy
from signaling.telephony.twilio_stream import StreamLimits
from tests import speech
from tests.signaling.house import PASSWORD, open_house, settings_for
from tests.signaling.telephony.conftest import Exchange, phone_settings
from tests.signaling.telephony.stand_in import PUBLIC, Call, Stand, served
from tests.signaling.world import make_world

ALIKE = 0.6


@pytest.fixture
async def live(stand: Stand, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Exchange]:
    """The exchange on the real clock: sound knows no other."""
    settings = settings_for(sqlite_url, tmp_path, telephony=phone_settings(stand))
    async with open_house(settings, SystemClock()) as house, served(house.app) as port:  # type: ignore[arg-type]
        stand.proxied = f"127.0.0.1:{port}"
        made = Exchange(await make_world(house), stand)
        await made.numbers()
        yield made


async def until(true: Callable[[], Awaitable[bool]], *, within: float = 40.0) -> None:
    async with asyncio.timeout(within):
        while not await true():  # noqa: ASYNC110 - rows tell nobody
            await asyncio.sleep(0.05)


@asynccontextmanager
async def officer_in(live: Exchange, session_id: str, said: Samples) -> AsyncIterator[RobotParticipant]:
    """The officer's browser in the room."""
    async with StaffClient(f"http://{live.stand.proxied}") as officer:
        await officer.sign_in("O-RS", PASSWORD)
        join = await officer.call("POST", f"/api/sessions/{session_id}/join")
        robot = await RobotParticipant.enter(await officer.socket(grant=join["grant"]), join, said)
        try:
            yield robot
        finally:
            await robot.close()


async def connected(live: Exchange, session_id: str, place_id: str) -> tuple[str, Call]:
    """The interpreter has lifted, pressed 1, and the stream is asked for."""
    await live.sound(session_id)
    leg_id, call = await live.called(session_id, place_id)
    await call.tell("ringing")
    await call.lift()
    assert await call.press("1") == "connect"
    return leg_id, call


def seen(live: Exchange, leg_id: str, state: LegState) -> Callable[[], Awaitable[bool]]:
    async def true() -> bool:
        return (await live.leg(leg_id)).state is state

    return true


async def alike(said: Samples, heard: Callable[[], Samples], rate: int) -> Comparison:
    """Waits for three seconds that are the same speech: a test machine that stands still meanwhile tears holes into both ends."""

    def looked_for(sound: Samples) -> Comparison | None:
        for begin in range(max(0, len(sound) - 12 * rate), len(sound) - 3 * rate, rate):
            found = compare(said, sound[begin : begin + 3 * rate], rate, looped=True)
            if found.similarity > ALIKE:
                return found
        return None

    async with asyncio.timeout(60):
        while True:
            await asyncio.sleep(1.0)
            # In a thread: both ends and the house have to go on meanwhile.
            if (found := await asyncio.to_thread(looked_for, heard())) is not None:
                return found


def _at_officer(officer: RobotParticipant, place_id: str) -> Samples:
    for track in officer.peer.tracks:
        if track.peer_id == place_id and track.kind is Kind.AUDIO and track.mid in officer.peer.heard:
            return officer.peer.heard[track.mid].sound()
    return np.zeros(0, np.float32)


def telephone_band(sound: Samples) -> Samples:
    """As a telephone would send it."""
    return np.asarray(resample_poly(sound, 1, 6), dtype=np.float32)


async def test_both_hear_each_other_and_keys_are_signals(live: Exchange, tmp_path: Path) -> None:
    officers = read_wav(speech.wav(tmp_path, "officer"))
    interpreters = read_wav(speech.wav(tmp_path, "interpreter"))
    session_id, place_id = await live.session()
    async with officer_in(live, session_id, officers) as officer:
        leg_id, call = await connected(live, session_id, place_id)
        async with call.stream() as stream:
            await until(seen(live, leg_id, LegState.IN_ROOM))
            words = g711.encode(Codec.PCMU, telephone_band(interpreters))
            stream.saying = words[: len(words) // 160 * 160]
            heard = await alike(interpreters, lambda: _at_officer(officer, place_id), 48_000)
            assert -30 < heard.heard_dbfs < -12, heard
            back = await alike(
                telephone_band(officers), lambda: g711.decode(Codec.PCMU, b"".join(stream.heard) or b"\xff"), 8000
            )
            assert -30 < back.heard_dbfs < -12, back
            assert stream.marks, "marks tell how far Twilio has played"
            assert stream.clears == 0
            await until(_logged(live, session_id, "mode"))
            await stream.key("1")
            await until(_logged(live, session_id, "signal"))
            await asyncio.sleep(0.5)
            await stream.key("2")
            await until(_logged(live, session_id, "signal", 2))
            entries = await live.log(session_id)
            assert [e["data"]["signal"] for e in entries if e["kind"] == "signal"] == ["repeat", "break"]
            assert [e["data"]["mode"] for e in entries if e["kind"] == "mode"][-1] == "phone"
            assert "+381" not in str(entries)
            await asyncio.sleep(0.5)
            await stream.key("9")
            await asyncio.wait_for(stream.closed.wait(), 30)
        assert await call.wait() == "hangup"
        leg = await live.leg(leg_id)
        assert (leg.state, leg.why) == (LegState.ENDED, LegWhy.LEFT)
        assert (await live.seat(place_id)).state == "left"
        assert [e["data"]["event"] for e in await live.log(session_id) if e["kind"] == "phone_call"][-2:] == [
            "joined",
            "ended",
        ]


async def test_streams_that_are_not_what_they_say(live: Exchange) -> None:
    session_id, place_id = await live.session()
    await live.officer_here(session_id)
    leg_id, call = await connected(live, session_id, place_id)
    for changes in (
        {"token": "another token"},
        {"signed_as": f"{PUBLIC}/telephony/media"},
        {"signed_as": f"ws://{live.stand.proxied}/telephony/media"},
        {"signed_as": f"wss{PUBLIC.removeprefix('https')}/telephony/media/"},
    ):
        with pytest.raises(InvalidStatus) as refused:
            async with call.stream(**changes):
                pass
        assert refused.value.response.status_code == 403
    async with call.stream(parameters={"ticket": "x" * 43}) as stream:
        await asyncio.wait_for(stream.closed.wait(), 30)
        assert stream.socket.close_code == 4401
    assert (await live.leg(leg_id)).state is LegState.HELD or (await live.leg(leg_id)).state is LegState.ASKED
    async with call.stream() as stream:
        await until(seen(live, leg_id, LegState.IN_ROOM))
        async with call.stream() as replayed:
            await asyncio.wait_for(replayed.closed.wait(), 30)
            assert replayed.socket.close_code == 4401, "a ticket works once"
        assert not stream.closed.is_set()
        await stream.stop()
        await asyncio.wait_for(stream.closed.wait(), 30)
    leg = await live.leg(leg_id)
    assert (leg.state, leg.why) == (LegState.ENDED, LegWhy.HUNG_UP)
    assert (await live.seat(place_id)).phone_leg_id is None


async def test_a_cut_stream_comes_in_again_and_a_dead_one_ends(live: Exchange) -> None:
    session_id, place_id = await live.session()
    await live.officer_here(session_id)
    leg_id, call = await connected(live, session_id, place_id)
    async with call.stream():
        await until(seen(live, leg_id, LegState.IN_ROOM))
    await until(seen(live, leg_id, LegState.HELD))
    assert await call.wait() == "connect", "the same call, a new ticket"
    live.telephony.streams._limits = StreamLimits(unplayed=1.5, silent=3.0)
    async with call.stream() as stream:
        await until(seen(live, leg_id, LegState.IN_ROOM))
        stream.stop_reading()
        await until(seen(live, leg_id, LegState.ENDED))
        assert (await live.leg(leg_id)).why is LegWhy.STALLED
        assert call.ended_by_us.is_set()


def _logged(live: Exchange, session_id: str, kind: str, times: int = 1) -> Callable[[], Awaitable[bool]]:
    async def true() -> bool:
        return [str(entry["kind"]) for entry in await live.log(session_id)].count(kind) >= times

    return true
