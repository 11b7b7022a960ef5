"""Places in a room whose people come, are overtaken, vanish and die, with connections made of nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from core.clock import ManualClock
from core.errors import AppError, Conflict
from media import room as rooms
from media.forwarding import TrackForwarder
from media.lines.link import LinesOptions, SoundLink
from media.participant import Connection
from media.protocol import Kind, MediaWant, News, PeerBack, PeerClosed, PeerFlags, PeerLost, PeerOffer
from media.quality import QualityMeter, Smoothed, VideoGate
from media.room import Room


class Nothing:
    """A connection that only counts what it holds."""

    def __init__(self, peer_id: str, generation: int, slow: asyncio.Event | None = None) -> None:
        self.peer_id, self.generation = peer_id, generation
        self.want, self.opened_at, self.heard_at = MediaWant(), 0.0, 0.0
        self.published: dict[Kind, TrackForwarder] = {}
        self.quality, self.smoothed, self.gate = QualityMeter(), Smoothed(), VideoGate()
        self.uplink_bps = self.downlink_bps = 0
        self.rtt_ms: float | None = None
        self.connected = False
        self.bound = 0
        self.slow = slow

    def jitter_ms(self) -> tuple[float, float]:
        return 0.0, 0.0

    async def open(self) -> None:
        self.bound += 1

    def wish(self, sources: Iterable[TrackForwarder]) -> None:
        return

    def next_offer(self) -> PeerOffer | None:
        return PeerOffer(peer_id=self.peer_id, generation=self.generation, negotiation=1, sdp="", tracks=())

    async def answer(self, negotiation: int, sdp: str) -> None:
        return

    async def candidate(self, text: str | None) -> None:
        return

    def set_flags(self, flags: PeerFlags) -> None:
        return

    def tick(self, now: float) -> None:
        return

    async def close(self, reason: str = "") -> None:
        if self.slow is not None:
            await self.slow.wait()
        self.bound = 0


class Rooms:
    """One room and everything that was ever connected in it."""

    def __init__(self, clock: ManualClock, seats: int = 3) -> None:
        self.news: list[News] = []
        self.room = Room("ses", "node", clock, self.news.append, SoundLink(LinesOptions()), seats=seats)
        self.made: list[Nothing] = []
        self.slow: asyncio.Event | None = None

    async def join(self, peer_id: str) -> Nothing:
        def make(generation: int, flags: PeerFlags) -> Connection:
            self.made.append(Nothing(peer_id, generation, self.slow))
            return self.made[-1]

        await self.room.join(peer_id, make)
        return self.made[-1]


async def test_connections_that_were_overtaken_bind_nothing(clock: ManualClock) -> None:
    house = Rooms(clock)
    house.slow = asyncio.Event()
    await house.join("a")
    racing = [asyncio.create_task(house.join("a")) for _ in range(3)]
    await asyncio.sleep(0)
    house.slow.set()
    outcomes = await asyncio.gather(*racing, return_exceptions=True)
    assert sum(isinstance(one, Nothing) for one in outcomes) == 1
    assert all(isinstance(one, AppError) for one in outcomes if not isinstance(one, Nothing))
    assert [one.bound for one in house.made] == [0, 0, 0, 1]


@pytest.mark.parametrize("end", ["leave", "close"])
async def test_whoever_comes_while_they_leave_or_the_room_ends_binds_nothing(clock: ManualClock, end: str) -> None:
    house = Rooms(clock)
    house.slow = asyncio.Event()
    await house.join("a")
    coming = asyncio.create_task(house.join("a"))
    await asyncio.sleep(0)
    ending = asyncio.create_task(house.room.leave("a", "left") if end == "leave" else house.room.close("ended"))
    await asyncio.sleep(0)
    house.slow.set()
    with pytest.raises(AppError):
        await coming
    await ending
    assert [one.bound for one in house.made] == [0, 0]
    if end == "close":
        with pytest.raises(AppError):
            await house.join("a")


async def test_the_place_of_a_dead_tablet_goes_to_the_next_guest(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = Rooms(clock, seats=3)
    await house.join("officer")
    tablets = [await house.join("tablet 1"), await house.join("tablet 2")]
    for tablet in tablets:
        house.room.peer_failed(tablet, "failed")
    with pytest.raises(Conflict, match="room_full"):
        await house.join("tablet 3")  # They may come back within a moment.
    monkeypatch.setattr(rooms, "_GIVEN_UP", 0.0)
    await asyncio.sleep(0.001)
    await house.join("tablet 3")
    assert [news.peer_id for news in house.news if isinstance(news, PeerClosed)] == ["tablet 1"]
    await house.join("tablet 2")
    with pytest.raises(Conflict, match="room_full"):
        await house.join("tablet 4")
    assert house.room.size == 3


async def test_whoever_is_lost_is_back_when_something_is_heard_and_not_when_the_node_stood_still(
    clock: ManualClock,
) -> None:
    house = Rooms(clock)
    peer = await house.join("a")
    peer.connected = True
    house.room.tick(100.0)
    house.room.tick(101.0, judge=False)
    assert [type(news) for news in house.news if isinstance(news, PeerLost | PeerBack)] == [PeerLost]
    peer.heard_at = 101.5
    house.room.tick(102.0)
    assert [type(news) for news in house.news if isinstance(news, PeerLost | PeerBack)] == [PeerLost, PeerBack]


async def test_a_room_of_people_who_never_said_goodbye_counts_as_empty(clock: ManualClock) -> None:
    house = Rooms(clock)
    lost = await house.join("a")
    assert house.room.empty_since is None
    house.room.peer_failed(lost, "failed")
    assert house.room.empty_since is not None
    await house.join("a")
    assert house.room.empty_since is None


async def test_the_speech_of_those_who_left_is_not_forgotten(clock: ManualClock) -> None:
    house = Rooms(clock)
    peer = await house.join("a")
    for number in range(100):
        house.room.peer_audio_level(peer, 20, number * 0.02)
    await house.room.leave("a", "replaced")
    described = house.room.describe()
    assert described.peers == ()
    assert 1500 < described.left_speech_ms < 2500
