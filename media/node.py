"""The media node of this process: owns its rooms, obeys commands, tells news, announces its state, drains. No bus of its own."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from core.clock import Clock
from core.errors import AppError, NotFound, Unavailable
from media.aiortc_seam import Certificates, Wire, WireError
from media.lines.link import LinesOptions, SoundLink
from media.peer import BrowserPeer
from media.protocol import (
    AddCandidate,
    Close,
    Command,
    Describe,
    LineTicket,
    MakeOffer,
    News,
    NodeStatus,
    OpenLine,
    OpenRoom,
    OpenTap,
    PeerConnected,
    PeerFlags,
    PeerLost,
    PeerOffer,
    RoomDescription,
    SetPeer,
    TakeAnswer,
)
from media.room import Room
from media.sockets import WireOptions

logger = logging.getLogger(__name__)

_NEWS_BOUND = 10_000
_RECENT_JOINS = 20
_LATE = 2.5
"""Seconds between two rounds of upkeep after which it was this process that stood still, not the people."""
_ANNOUNCE_EVERY = 0.5
_OFFERS_AT_ONCE = 4
"""A mass reconnection takes turns, so that it does not hold up the sound of those who are in."""


@dataclass(frozen=True)
class NodeOptions:
    """What one node may take on. Times in seconds."""

    node_id: str
    region: str = ""
    capacity: int = 240
    """Peers at most."""
    lost_after: float = 5.0
    connect_timeout: float = 15.0
    idle_room_after: float = 900.0
    """An empty room is closed after this time, in case nobody else does."""
    video_cap_bps: int = 1_500_000
    wire: WireOptions = field(default_factory=WireOptions)
    lines: LinesOptions = field(default_factory=LinesOptions)


Emit = Callable[[News], Awaitable[None]]
Announce = Callable[[NodeStatus], Awaitable[None]]


class MediaNode:
    """Use as ``async with MediaNode(...)``: the tasks live inside. ``emit`` gets the news one by one and in order; when it
    raises, the same news is tried again, since signaling depends on it."""

    def __init__(self, options: NodeOptions, clock: Clock, emit: Emit, announce: Announce | None = None) -> None:
        self.options = options
        self.draining = False
        self._clock = clock
        self._emit = emit
        self._announce = announce
        self._rooms: dict[str, Room] = {}
        self._certificates = Certificates()
        self.sound = SoundLink(options.lines)
        self.sound.on_lost = self._sound_lost
        self._news: deque[News] = deque(maxlen=_NEWS_BOUND)
        self._news_there = asyncio.Event()
        self._all_told = asyncio.Event()
        self._all_told.set()
        self._no_rooms = asyncio.Event()
        self._no_rooms.set()
        self._offers = asyncio.Semaphore(_OFFERS_AT_ONCE)
        self._joins: deque[bool] = deque(maxlen=_RECENT_JOINS)
        self._load = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> MediaNode:
        self._tasks = [
            asyncio.create_task(self._keep(), name="media upkeep"),
            asyncio.create_task(self._tell_all(), name="media news"),
        ]
        if self._announce is not None:
            status = self._announce_often(self._announce)
            self._tasks.append(asyncio.create_task(status, name="media status"))
        return self

    async def __aexit__(self, *exc: object) -> None:
        for room_id in list(self._rooms):
            await self._close_room(room_id, "node_stopped")
        await self.sound.close()
        try:
            async with asyncio.timeout(2.0):
                await self._all_told.wait()
        except TimeoutError:
            logger.warning("news left untold at stop", extra={"count": len(self._news)})
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    @property
    def peers(self) -> int:
        return sum(room.size for room in self._rooms.values())

    def status(self) -> NodeStatus:
        """What is announced twice a second."""
        return NodeStatus(
            node_id=self.options.node_id,
            at=self._clock.now(),
            room_ids=tuple(self._rooms),
            rooms=len(self._rooms),
            peers=self.peers,
            capacity=self.options.capacity,
            load=round(self._load, 3),
            draining=self.draining,
            region=self.options.region,
            join_success=sum(self._joins) / len(self._joins) if self._joins else 1.0,
            lines_url=self.sound.url,
        )

    async def drain(self, timeout: float) -> bool:
        """Takes no new rooms and waits until the last one is over. True when it is, False when time ran out."""
        self.draining = True
        try:
            async with asyncio.timeout(timeout):
                await self._no_rooms.wait()
        except TimeoutError:
            return False
        return True

    # commands

    async def handle(self, command: Command) -> PeerOffer | RoomDescription | LineTicket | None:
        """Obeys one command; errors as in ``MediaClient``."""
        match command:
            case OpenRoom(room_id=room_id, seats=seats):
                self._open_room(room_id, seats)
            case MakeOffer():
                return await self._make_offer(command)
            case TakeAnswer():
                await self._room(command.room_id).answer(
                    command.peer_id, command.generation, command.negotiation, command.sdp
                )
            case AddCandidate():
                peer = self._room(command.room_id).peer(command.peer_id, command.generation)
                await peer.candidate(command.candidate)
            case SetPeer(room_id=room_id, peer_id=peer_id, flags=flags):
                self._room(room_id).set_flags(peer_id, flags)
            case Close(room_id=room_id, peer_id=None, reason=reason):
                await self._close_room(room_id, reason)
            case Close(room_id=room_id, peer_id=str(peer_id), reason=reason):
                if room_id in self._rooms:
                    await self._rooms[room_id].leave(peer_id, reason)
            case Describe(room_id=room_id):
                return self._room(room_id).describe()
            case OpenLine(peer_id=peer_id, codec=codec):
                await self.sound.ready()
                room = self._room(command.room_id)
                if self.peers >= self.options.capacity and not room.holds(peer_id):
                    raise Unavailable("node_full")
                return await room.join_line(peer_id, codec)
            case OpenTap(peer_ids=peer_ids):
                await self.sound.ready()
                return self._room(command.room_id).copies.open_tap(peer_ids)
        return None

    def _room(self, room_id: str) -> Room:
        room = self._rooms.get(room_id)
        if room is None:
            raise NotFound("room_unknown")
        return room

    def _open_room(self, room_id: str, seats: int) -> None:
        if room_id in self._rooms:
            return
        if self.draining:
            raise Unavailable("node_draining")
        if self.peers >= self.options.capacity:
            raise Unavailable("node_full")
        self._no_rooms.clear()
        self._rooms[room_id] = Room(
            room_id, self.options.node_id, self._clock, self._tell, self.sound,
            lost_after=self.options.lost_after, seats=seats,
        )  # fmt: skip

    async def _make_offer(self, command: MakeOffer) -> PeerOffer:
        room = self._room(command.room_id)
        if self.peers >= self.options.capacity and not room.holds(command.peer_id):
            raise Unavailable("node_full")

        def make(generation: int, flags: PeerFlags) -> BrowserPeer:
            return BrowserPeer(
                command.peer_id, generation, command.want, flags, Wire(self.options.wire, self._certificates), room,
                connect_timeout=self.options.connect_timeout, video_cap_bps=self.options.video_cap_bps,
            )  # fmt: skip

        async with self._offers:
            try:
                offer = await room.join(command.peer_id, make)
            except WireError as error:
                raise Unavailable("node_full") from error
        if self._rooms.get(command.room_id) is not room:
            await room.leave(command.peer_id, "room_closed")
            raise NotFound("room_unknown")
        return offer

    def _sound_lost(self) -> None:
        for room in self._rooms.values():
            room.copies.lost()

    async def _close_room(self, room_id: str, reason: str) -> None:
        room = self._rooms.pop(room_id, None)
        if room is not None:
            await room.close(reason)
        if not self._rooms:
            self._no_rooms.set()

    # news and upkeep

    def _tell(self, news: News) -> None:
        if isinstance(news, PeerConnected):
            self._joins.append(True)
        elif isinstance(news, PeerLost) and news.reason == "never_connected":
            self._joins.append(False)
        self._news.append(news)
        self._news_there.set()
        self._all_told.clear()

    async def _tell_all(self) -> None:
        while True:
            await self._news_there.wait()
            while self._news:
                news = self._news[0]
                try:
                    async with asyncio.timeout(5.0):
                        await self._emit(news)
                except (AppError, TimeoutError):
                    logger.warning("news not told, trying again", extra={"news": news.name})
                    await asyncio.sleep(0.5)
                    continue
                except Exception:
                    logger.exception("news refused")
                if self._news and self._news[0] is news:
                    self._news.popleft()
            self._news_there.clear()
            self._all_told.set()

    async def _keep(self) -> None:
        cpu, wall = time.process_time(), time.monotonic()
        while True:
            await asyncio.sleep(1.0)
            now, used = time.monotonic(), time.process_time()
            self._load = min(1.0, max(0.0, (used - cpu) / max(0.001, now - wall)))
            late, cpu, wall = now - wall > _LATE, used, now
            for room_id, room in list(self._rooms.items()):
                try:
                    for peer in room.tick(now, judge=not late):
                        await peer.close()
                except Exception:
                    logger.exception("room upkeep failed")
                if room.empty_since is not None and now - room.empty_since > self.options.idle_room_after:
                    await self._close_room(room_id, "idle")

    async def _announce_often(self, announce: Announce) -> None:
        while True:
            await asyncio.sleep(_ANNOUNCE_EVERY)
            try:
                async with asyncio.timeout(2.0):
                    await announce(self.status())
            except (AppError, TimeoutError):
                logger.warning("node status not announced")
            except Exception:
                # Whoever stops announcing counts as dead while it carries calls.
                logger.exception("node status not announced")
