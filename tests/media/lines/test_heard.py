"""Sound of telephones and a browser as it is heard, in real time, by all three. Runs alone: a busy machine tears it."""

from __future__ import annotations

import asyncio

import numpy as np

from media.protocol import (
    Codec,
    Kind,
    PeerConnected,
    PeerFlags,
    PeerHeard,
    PeerLost,
    SpeakingChanged,
    TrackPublished,
)
from media.similarity import Samples, level_dbfs
from tests.media.lines.phones import calling
from tests.media.lines.pieces import LONG_S, Heard, alike, alike_whole, until_heard
from tests.media.lines.test_lines import house
from tests.media.rig import Rig

QUIET_DB = -60.0
RAISED_S = 0.9
"""So long a soft voice is still being raised to the loudness of the others."""


def of(robot_heard: Rig, who: str, whom: str) -> Samples:
    """What the robot ``who`` heard on the m-line of ``whom``."""
    robot = robot_heard.robots["ses", who]
    mid = next(t.mid for t in robot.tracks if t.peer_id == whom and t.kind is Kind.AUDIO)
    return robot.heard[mid].sound()


async def test_two_telephones_and_a_browser_hear_each_other_and_nobody_himself(
    speech: dict[str, Samples], narrow: dict[str, Samples]
) -> None:
    async with house() as r:
        await r.client.open_room("ses")
        robot = await r.join("ses", "officer", speech["officer"])
        await r.client.set_peer("ses", "officer", PeerFlags(audio=False))
        mulaw = await r.client.open_line("ses", "phone-a", Codec.PCMU)
        alaw = await r.client.open_line("ses", "phone-b", Codec.PCMA)
        async with calling(mulaw) as a, calling(alaw, Codec.PCMA) as b:
            await robot.until(lambda: len({t.peer_id for t in robot.tracks}) == 2, timeout=45)
            soft = (narrow["interpreter"] * 0.25).astype(np.float32)

            async def say() -> Heard:
                since, before, mark = len(b.frames), len(of(r, "officer", "phone-a")), len(r.news)
                a.say(soft)
                await r.until_news(SpeakingChanged, after=mark, peer_id="phone-a", on=True, timeout=30)
                await a.said()
                await r.until_news(SpeakingChanged, after=mark, peer_id="phone-a", on=False, timeout=30)
                await asyncio.sleep(0.8)
                phone, browser = b.heard(since), of(r, "officer", "phone-a")[before:]
                return {
                    "b": alike(narrow["interpreter"], phone, 8000, piece_s=LONG_S, since=RAISED_S),
                    "officer": alike_whole(speech["interpreter"], browser, 48_000),
                }

            for found in await until_heard(say):
                assert -24 < found.heard_dbfs < -16, "a soft telephone is as loud as others"
            assert level_dbfs(a.heard()) < QUIET_DB, "a muted browser and its own voice are not heard"
            await r.client.set_peer("ses", "officer", PeerFlags())

            async def listen() -> Heard:
                since = len(a.frames), len(b.frames)
                await asyncio.sleep(8)
                return {
                    "a": alike_whole(narrow["officer"], a.heard(since[0]), 8000, looped=True),
                    "b": alike_whole(narrow["officer"], b.heard(since[1]), 8000, looped=True),
                }

            for found in await until_heard(listen):
                assert -24 < found.heard_dbfs < -16
            room = await r.until_described(
                "ses", lambda room: any(p.peer_id == "phone-a" and p.audio_flowing for p in room.peers)
            )
            described = {p.peer_id: p for p in room.peers}
            assert described["phone-a"].speech_ms > 2000
            assert described["phone-b"].speech_ms == 0
        for peer_id in ("phone-a", "phone-b"):
            for cls in (PeerConnected, PeerHeard, TrackPublished):
                await r.until_news(cls, peer_id=peer_id, timeout=30)
            await r.until_news(PeerLost, peer_id=peer_id, reason="failed", timeout=30)
        assert r.refused == []
