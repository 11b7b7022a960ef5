"""Whole calls with robots over real ICE, DTLS and SRTP: who hears whom, and what the node tells about it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from core.errors import AppError, Conflict, Invalid, Unavailable
from media.protocol import (
    Grade,
    Kind,
    MediaWant,
    OfferMade,
    PeerBack,
    PeerConnected,
    PeerFlags,
    PeerHeard,
    PeerLost,
    QualityChanged,
    RoomClosed,
    RoomDescription,
    SpeakingChanged,
    TrackEnded,
    TrackPublished,
)
from media.robot import RobotPeer
from media.similarity import Comparison, Samples, compare
from media.sockets import WireOptions
from tests.media.pace import pace
from tests.media.rig import ANYWHERE, rig
from tests.media.udp import bad_line

ROOM = "ses_1"
LIMIT = 45.0
Voices = dict[str, Samples]


async def hears(
    listener: RobotPeer, peer_id: str, said: Samples, *, seconds: float = 3, least: float = 0.85
) -> Comparison:
    """Waits until the last so many seconds that arrived are what was said, as loud as it was said. A machine that stands still
    meanwhile tears holes into both ends, who share a process with the node."""
    limit, wanted = time.monotonic() + LIMIT, seconds
    while True:
        sound = await listener.until_heard(peer_id, seconds=wanted, timeout=LIMIT)
        result = await asyncio.to_thread(compare, said, sound[-int(seconds * 48000) :], 48000, looped=True)
        if result.similarity > least and abs(result.heard_dbfs - result.said_dbfs) < 6:
            return result
        if time.monotonic() > limit:
            pytest.fail(f"not what was said: {result}")
        hearing = listener.hearing(peer_id)
        assert hearing is not None
        wanted = hearing.frames / 50 + 1


async def until_it_stands(counts: Callable[[], object]) -> None:
    """What was on its way still comes, on a busy machine late; then nothing."""
    async with asyncio.timeout(LIMIT):
        known = None
        while known != (found := counts()):
            known = found
            await asyncio.sleep(0.6)


async def test_two_people_hear_and_see_each_other_and_nothing_is_decoded(voices: Voices) -> None:
    async with rig() as r:
        await r.client.open_room(ROOM)
        officer = await r.join(ROOM, "officer", voices["fa"], video=True)
        interpreter = await r.join(ROOM, "interpreter", voices["ar"], video=True)
        await hears(officer, "interpreter", voices["ar"])
        await hears(interpreter, "officer", voices["fa"])
        for robot, other in ((officer, "interpreter"), (interpreter, "officer")):
            await robot.until(
                lambda robot=robot, other=other: (h := robot.hearing(other, Kind.VIDEO)) is not None and h.frames > 15,
                timeout=30,
            )
        decoders = [t.name for t in threading.enumerate() if t.name.endswith("-decoder")]
        assert len(decoders) == 4, "one per track that a robot receives, none of the node's"
        for peer_id in ("officer", "interpreter"):
            for cls in (PeerConnected, PeerHeard, SpeakingChanged):
                await r.until_news(cls, peer_id=peer_id)
            for kind in Kind:
                await r.until_news(TrackPublished, peer_id=peer_id, kind=kind)

        def well(room: RoomDescription) -> bool:
            return len(room.peers) == 2 and all(
                (p.connected, p.audio_flowing, p.video_flowing, p.grade) == (True, True, True, Grade.GOOD)
                and p.numbers.uplink_bps > 20_000
                and 0 <= (p.numbers.rtt_ms if p.numbers.rtt_ms is not None else 1000) < 100
                for p in room.peers
            )

        for peer in (await r.until_described(ROOM, well)).peers:
            assert peer.speech_ms > 1000
            assert peer.heard_at is not None
        assert r.refused == []


async def test_third_joins_late_one_leaves_and_another_uses_the_line_again(voices: Voices) -> None:
    async with rig() as r:
        await r.client.open_room(ROOM)
        a = await r.join(ROOM, "a", voices["fa"])
        await r.join(ROOM, "b", voices["ar"])
        await a.until_heard("b", seconds=0.2, timeout=30)
        c = await r.join(ROOM, "c", voices["fa2"])
        await hears(c, "a", voices["fa"])
        await hears(c, "b", voices["ar"])
        await hears(a, "c", voices["fa2"])
        lines = {track.mid: track.peer_id for track in a.tracks}
        await r.client.close(ROOM, "b", "left")
        await r.robots.pop((ROOM, "b")).close()
        d = await r.join(ROOM, "d", voices["ar"])
        await a.until(lambda: {t.peer_id for t in a.tracks} == {"c", "d"}, timeout=30)
        assert {track.mid for track in a.tracks} == set(lines), "no m-line was added"
        assert next(t.mid for t in a.tracks if t.peer_id == "d") == next(m for m, p in lines.items() if p == "b")
        await hears(d, "a", voices["fa"])
        before = a.heard[next(t.mid for t in a.tracks if t.peer_id == "d")].frames
        await a.until(
            lambda: a.heard[next(t.mid for t in a.tracks if t.peer_id == "d")].frames > before + 160, timeout=30
        )
        await hears(a, "d", voices["ar"], least=0.8)
        assert r.refused == []


async def test_rejoining_replaces_the_old_connection_within_a_second(voices: Voices) -> None:
    async with rig() as r:
        await r.client.open_room(ROOM)
        a = await r.join(ROOM, "a", voices["fa"])
        b = await r.join(ROOM, "b", voices["ar"])
        await b.until_heard("a", seconds=0.3, timeout=30)
        async with pace() as taken:
            await r.join(ROOM, "a", voices["fa"])
            assert taken.waited < 1.0
            frames = (h := b.hearing("a")) is not None and h.frames
            await b.until(lambda: (h := b.hearing("a")) is not None and h.frames > frames + 5, timeout=30)
            assert taken.waited < 2.0, "and is heard again"
        assert a.generation == 2
        described = await r.client.describe(ROOM)
        assert [(p.peer_id, p.generation, p.connected) for p in described.peers] == [("a", 2, True), ("b", 1, True)]
        assert not [n for n in r.news if isinstance(n, PeerLost)]


async def test_the_server_mutes_and_holds_back_video(voices: Voices) -> None:
    async with rig() as r:
        await r.client.open_room(ROOM)
        a = await r.join(ROOM, "a", voices["fa"], video=True)
        b = await r.join(ROOM, "b", voices["ar"], video=True)
        await b.until_heard("a", seconds=0.5, timeout=30)
        await r.until_news(SpeakingChanged, peer_id="a", on=True)
        await a.until(lambda: (h := a.hearing("b", Kind.VIDEO)) is not None and h.frames > 5, timeout=30)
        await r.until(  # and not in a pause
            lambda: [n.on for n in r.news if isinstance(n, SpeakingChanged) and n.peer_id == "a"][-1]
        )
        mark = len(r.news)
        await r.client.set_peer(ROOM, "a", PeerFlags(audio=False, receive_video=False))
        await r.until_news(SpeakingChanged, after=mark, peer_id="a", on=False)
        heard, seen = b.hearing("a"), a.hearing("b", Kind.VIDEO)
        assert heard is not None
        assert seen is not None
        await until_it_stands(lambda: (heard.frames, seen.frames))
        counts = heard.frames, seen.frames
        await r.until_described(
            ROOM,
            lambda room: (
                [(p.audio_flowing, p.video_flowing) for p in room.peers if p.peer_id == "a"] == [(False, True)]
            ),
        )
        await r.client.set_peer(ROOM, "a", PeerFlags())
        await b.until(lambda: heard.frames > counts[0] + 20, timeout=30)
        await a.until(lambda: seen.frames > counts[1] + 5, timeout=30)


async def test_flags_outlive_the_connection(voices: Voices) -> None:
    async with rig() as r:
        await r.client.open_room(ROOM)
        await r.join(ROOM, "a", voices["fa"])
        await r.client.set_peer(ROOM, "a", PeerFlags(audio=False))
        await r.join(ROOM, "a", voices["fa"])
        b = await r.join(ROOM, "b", voices["ar"])
        await r.until_news(PeerHeard, peer_id="a", generation=2)
        await asyncio.sleep(0.5)
        hearing = b.hearing("a")
        assert hearing is None or hearing.frames == 0


async def test_echo_for_the_check_before_joining(voices: Voices) -> None:
    async with rig() as r:
        await r.client.open_room("check_1")
        robot = await r.join("check_1", "me", voices["fa"], want=MediaWant(send_video=False, echo=True))
        await hears(robot, "me", voices["fa"])


async def test_a_listener_who_sends_nothing_and_a_sender_who_hears_nothing(voices: Voices) -> None:
    async with rig() as r:
        await r.client.open_room(ROOM)
        silent = MediaWant(send_audio=False, send_video=False)
        deaf = MediaWant(send_video=False, receive_audio=False, receive_video=False)
        listener = await r.join(ROOM, "listener", voices["fa"], want=silent)
        await r.join(ROOM, "speaker", voices["ar"], want=deaf)
        await hears(listener, "speaker", voices["ar"], seconds=2, least=0.8)
        assert not [n for n in r.news if isinstance(n, OfferMade) and n.offer.peer_id == "speaker"]


async def test_a_cut_line_is_lost_and_back(voices: Voices) -> None:
    options = replace(ANYWHERE, lost_after=3.0)
    async with rig(options) as r:
        await r.client.open_room(ROOM)
        await r.join(ROOM, "b", voices["ar"])
        offer = await r.client.offer(ROOM, "a", want=MediaWant(send_video=False))
        async with bad_line(routable(offer.sdp)) as line:
            robot = r.robots[ROOM, "a"] = RobotPeer(voices["fa"])
            answer = await robot.take(offer.model_copy(update={"sdp": line.redirect(offer.sdp)}))
            await r.client.answer(ROOM, "a", offer.generation, offer.negotiation, without_candidates(answer))
            await robot.until_connected(timeout=30)
            await r.until_news(PeerHeard, peer_id="a")
            await asyncio.sleep(1.0)
            line.cut, began = True, time.monotonic()
            async with pace() as taken:
                lost = await r.until_news(PeerLost, peer_id="a", timeout=30)
            assert lost.reason == "silent"
            assert lost.last_rtp_at is not None
            silent = (lost.at - lost.last_rtp_at).total_seconds()
            assert 2.5 < silent < time.monotonic() - began + 2.0, "since about when the line was cut"
            assert taken.waited < 5.5
            grade = await r.until_news(QualityChanged, peer_id="a", grade=Grade.LOST)
            assert grade.score == 0
            line.cut = False
            await r.until_news(PeerBack, peer_id="a", timeout=30)
            described = next(p for p in (await r.client.describe(ROOM)).peers if p.peer_id == "a")
            assert described.connected
            await robot.close()


async def test_a_browser_that_says_goodbye_is_lost_at_once_and_its_tracks_end(voices: Voices) -> None:
    async with rig() as r:
        await r.client.open_room(ROOM)
        a = await r.join(ROOM, "a", voices["fa"])
        b = await r.join(ROOM, "b", voices["ar"])
        await b.until_heard("a", seconds=0.3, timeout=30)
        async with pace() as taken:
            await a.close()
            lost = await r.until_news(PeerLost, peer_id="a", timeout=30)
        assert lost.reason == "failed"
        assert taken.waited < 2
        await r.until_news(TrackEnded, peer_id="a", kind=Kind.AUDIO)
        await b.until(lambda: not b.tracks, timeout=30)
        mark = len(r.news)
        await r.join(ROOM, "a", voices["fa"])
        await r.until_news(PeerBack, after=mark, peer_id="a", generation=2)
        await b.until(lambda: bool(b.tracks), timeout=30)


async def test_who_never_connects_is_told(voices: Voices) -> None:
    async with rig(replace(ANYWHERE, connect_timeout=0.5)) as r:
        await r.client.open_room(ROOM)
        offer = await r.client.offer(ROOM, "a", want=MediaWant(send_video=False))
        robot = RobotPeer(voices["fa"])
        answer = await robot.take(offer)
        await robot.close()
        await r.client.answer(ROOM, "a", 1, 1, without_candidates(answer))
        assert (await r.until_news(PeerLost, peer_id="a", timeout=30)).reason == "never_connected"
        assert r.node.status().join_success == 0.0


async def test_malformed_input_gets_codes_and_the_call_goes_on(voices: Voices) -> None:
    async with rig() as r:
        await r.client.open_room(ROOM)
        a = await r.join(ROOM, "a", voices["fa"])
        b = await r.join(ROOM, "b", voices["ar"])
        await b.until_heard("a", seconds=0.3, timeout=30)
        again = await r.client.offer(ROOM, "c", want=MediaWant())
        for text in ("", "v=0", "\0" * 1000, "m=", again.sdp, "v=0\r\n" + "m=audio 9 x 0\r\n" * 40, "a=" * 100_000):
            with pytest.raises(Invalid):
                await r.client.answer(ROOM, "c", 1, 1, text)
        for text in ("nonsense", "candidate:", "candidate:1 1 udp 5", "x" * 5000):
            with pytest.raises(Invalid):
                await r.client.candidate(ROOM, "c", 1, text, "0")
        await r.client.candidate(ROOM, "c", 1, None, None)
        with pytest.raises(Conflict):
            await r.client.answer(ROOM, "a", 1, 1, again.sdp)
        with pytest.raises(Conflict):
            await r.client.answer(ROOM, "a", 7, 1, again.sdp)
        hearing = b.hearing("a")
        assert hearing is not None
        frames = hearing.frames
        await b.until(lambda: hearing.frames > frames + 25, timeout=30)
        assert a.state == "connected"


async def test_a_full_node_says_so() -> None:
    async with rig(replace(ANYWHERE, capacity=1)) as r:
        await r.client.open_room(ROOM)
        await r.client.offer(ROOM, "a", want=MediaWant())
        with pytest.raises(Unavailable) as full:
            await r.client.offer(ROOM, "b", want=MediaWant())
        assert full.value.code == "node_full"
        with pytest.raises(Unavailable):
            await r.client.open_room("another")
        await r.client.offer(ROOM, "a", want=MediaWant())
        await r.client.close(ROOM, "a", "left")
        await r.client.offer(ROOM, "b", want=MediaWant())


async def test_draining_ends_with_the_last_room() -> None:
    async with rig() as r:
        await r.client.open_room(ROOM)
        assert not await r.node.drain(0.05)
        waiting = asyncio.create_task(r.node.drain(LIMIT))
        await r.client.close(ROOM, None, "ended")
        assert await waiting
        await r.until_news(RoomClosed, reason="ended")


async def test_an_empty_room_that_everybody_forgot_is_closed() -> None:
    async with rig(replace(ANYWHERE, idle_room_after=0.1)) as r:
        await r.client.open_room(ROOM)
        await r.until_news(RoomClosed, reason="idle", timeout=30)


async def test_two_joins_at_once_leave_one_connection(voices: Voices) -> None:
    async with rig() as r:
        await r.client.open_room(ROOM)
        answers = await asyncio.gather(
            *(r.client.offer(ROOM, "a", want=MediaWant(send_video=False)) for _ in range(5)), return_exceptions=True
        )
        offers = [a for a in answers if not isinstance(a, BaseException)]
        assert all(isinstance(a, AppError) for a in answers if isinstance(a, BaseException))
        assert max(o.generation for o in offers) == 5
        robot = RobotPeer(voices["fa"])
        await r.client.answer(ROOM, "a", 5, 1, await robot.take(next(o for o in offers if o.generation == 5)))
        await robot.until_connected(timeout=30)
        assert r.node.peers == 1
        await robot.close()


async def test_loopback_alone_is_enough(voices: Voices) -> None:
    async with rig(replace(ANYWHERE, wire=WireOptions(allow_loopback=True, interfaces=("127.0.0.1",)))) as r:
        await r.client.open_room(ROOM)
        await r.join(ROOM, "a", voices["fa"])


def routable(sdp: str) -> str:
    """An address of the machine that the node offers and stock clients can reach."""
    hosts = [row.split()[4] for row in sdp.splitlines() if row.startswith("a=candidate:")]
    return next((host for host in hosts if not host.startswith("127.")), hosts[0])


def without_candidates(sdp: str) -> str:
    """So that the node cannot find a way around the line."""
    return "\r\n".join(row for row in sdp.split("\r\n") if not row.startswith("a=candidate:"))
