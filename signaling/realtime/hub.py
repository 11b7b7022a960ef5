"""Connections of this process and what they follow: numbered news from the bus, in order, each once, through bounded queues.

The hub knows no domain: who may follow what is decided before ``follow`` is called.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from core.clock import Clock
from core.errors import Conflict
from core.events.bus import EventBus, Message, Position
from signaling.realtime.protocol import event_body, event_frame

log = logging.getLogger(__name__)
QUEUE = 256
"""Frames that wait for one slow browser, at most, unless the settings say otherwise; then the socket closes with 4409 and the
browser resumes."""
TOPICS = 64
"""Topics that one connection may follow, unless the settings say otherwise; a page follows a handful."""
REPLAY_MOST = QUEUE // 2
"""Longer absences get a snapshot: a replay must fit into half of the queue, with room for what comes meanwhile."""
SIGNED_OUT = "signed_out"
"""News on a person's own topic that a sign-in was taken back: ``{login_id}`` (none: all of them)."""
FRAME_TOPIC = "frames"
"""Prefix of internal topics that carry ready, unnumbered frames to one connection (media offers)."""


@dataclass
class _Followed:
    """How far one connection is in one topic."""

    last: Position | None = None
    backlog: list[Message] | None = field(default_factory=list)
    """Live messages kept while the replay runs; none once it is done."""


class Connection:
    """One socket. Frames are put into its queue by anybody and written by its owner."""

    def __init__(self, connection_id: str, queue: int = QUEUE, topics: int = TOPICS) -> None:
        self.id = connection_id
        self.most_topics = topics
        self.place_id: str | None = None
        """The place in a room that this connection sits on; another connection may take it."""
        self.place_gone = False
        """The last look found its place given up or withdrawn."""
        self.queue: asyncio.Queue[str] = asyncio.Queue(queue)
        self.closing: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        """Set to (close code, reason code) when the server wants the socket to end."""
        self.followed: dict[str, _Followed] = {}
        self.redacted = False
        """True: log entries reach this browser empty, only their number is kept (ux: what interpreters and guests must not see)."""
        self.login_id: str | None = None
        """The sign-in behind the socket; when it is taken back the socket ends."""
        self._held: list[Mapping[str, Any]] | None = []

    def open(self, welcome: Mapping[str, Any]) -> None:
        """Send the welcome, then what came while it was made: the welcome is the first frame that a browser reads."""
        held, self._held = self._held or [], None
        for frame in [welcome, *held]:
            self.send(frame)

    def send(self, frame: Mapping[str, Any]) -> None:
        """Queue a frame; never blocks. A full queue ends the connection, nothing is dropped in the middle."""
        if self._held is not None:
            self._held.append(frame)
            return
        try:
            self.queue.put_nowait(json.dumps(frame, ensure_ascii=False, separators=(",", ":")))
        except asyncio.QueueFull:
            self.close(4409, "too_slow")

    def close(self, code: int, reason: str) -> None:
        """Ask the owner to end the socket; the first reason wins."""
        if not self.closing.done():
            self.closing.set_result((code, reason))

    def hear(self, message: Message) -> None:
        """A live message of a followed topic."""
        followed = self.followed.get(message.topic)
        if followed is None:
            return
        if followed.backlog is not None:
            followed.backlog.append(message)
            return
        self._deliver(followed, message)

    def catch_up(self, topic: str, replay: list[Message], head: Position) -> None:
        """Deliver the replay, then what came meanwhile; from now on live messages pass straight through."""
        followed = self.followed.get(topic)
        if followed is None:
            return
        backlog, followed.backlog = followed.backlog or [], None
        followed.last = Position(head.epoch, replay[0].position.seq - 1) if replay else head
        for message in [*replay, *backlog]:
            self._deliver(followed, message)

    def _deliver(self, followed: _Followed, message: Message) -> None:
        last = followed.last
        if last is not None and message.position.epoch == last.epoch and message.position.seq <= last.seq:
            return
        followed.last = message.position
        if message.topic.startswith(FRAME_TOPIC):
            seat = message.body.get("seat")
            if seat is None:
                self.send(message.body["frame"])
            elif seat > self.id:
                # Ids sort by the time at which the place was taken: only a later one replaces.
                self.close(4410, "replaced")
        else:
            hidden = {"log.appended"} if self.redacted else set()
            ends = message.body["name"] == SIGNED_OUT and message.body["data"]["login_id"] in (None, self.login_id)
            self.send(event_frame(message, hidden=hidden if ends else hidden | {SIGNED_OUT}))
            if ends:
                self.close(4401, "signed_out")


class Hub:
    """All connections of this process."""

    def __init__(self, bus: EventBus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._connections: dict[str, Connection] = {}
        self._listeners: dict[str, set[Connection]] = {}
        self._open: dict[str, AsyncExitStack] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def count(self) -> int:
        """Open connections."""
        return len(self._connections)

    def connection_ids(self) -> list[str]:
        """Ids of the open connections."""
        return list(self._connections)

    def place_ids(self) -> list[str]:
        """Places on which connections of this process sit, or sat until another one took them."""
        return [one.place_id for one in self._connections.values() if one.place_id is not None]

    def keep(self, holders: Mapping[str, str | None]) -> None:
        """End the connections whose place belongs to another one by now, or to nobody who was in it before.

        A place that is gone is believed at the second look: whoever has just stepped back is still to get the answer.
        """
        for connection in list(self._connections.values()):
            if connection.place_id is None or connection.place_id not in holders:
                continue
            holder = holders[connection.place_id]
            if holder is None and not connection.place_gone:
                connection.place_gone = True
            elif holder is None:
                connection.close(4403, "place_gone")
            elif holder != connection.id:
                connection.close(4410, "replaced")

    async def sit(self, connection: Connection, place_id: str) -> None:
        """The connection has just taken a place: an older one of the same place ends, in whichever process it is."""
        connection.place_id = place_id
        await self._bus.append(frame_topic(place_id), {"seat": connection.id})

    def add(self, connection: Connection) -> None:
        """Register; an older connection with the same id is told that it was replaced."""
        older = self._connections.get(connection.id)
        if older is not None and older is not connection:
            older.close(4410, "replaced")
        self._connections[connection.id] = connection

    async def remove(self, connection: Connection) -> None:
        """Forget a connection and what it followed."""
        if self._connections.get(connection.id) is connection:
            del self._connections[connection.id]
        for topic in list(connection.followed):
            await self.unfollow(connection, topic)

    async def follow(self, connection: Connection, topic: str, after: Position | None) -> tuple[Position, bool]:
        """From now on the connection hears ``topic``. Returns the head, and whether everything after ``after`` was replayed
        (False: the caller must give a snapshot). Live messages that arrive before ``start`` is called are kept in order.
        Raises ``Conflict('too_many_topics')`` (most)."""
        if topic not in connection.followed:
            if len(connection.followed) >= connection.most_topics:
                raise Conflict("too_many_topics", {"most": connection.most_topics})
            connection.followed[topic] = _Followed()
        lock = self._locks.setdefault(topic, asyncio.Lock())
        async with lock:
            listeners = self._listeners.setdefault(topic, set())
            listeners.add(connection)
            if topic not in self._open:
                stack = AsyncExitStack()
                try:
                    await stack.enter_async_context(self._bus.follow(topic, self._fan_out))
                except BaseException:
                    listeners.discard(connection)
                    connection.followed.pop(topic, None)
                    raise
                self._open[topic] = stack
        replay = await self._bus.read_after(topic, after, limit=min(REPLAY_MOST, connection.queue.maxsize // 2))
        messages = list(replay.messages)
        whole = not messages or messages[-1].position.seq == replay.head.seq
        complete = after is not None and not replay.gap and whole
        connection.catch_up(topic, messages if complete else [], replay.head)
        return replay.head, complete

    async def unfollow(self, connection: Connection, topic: str) -> None:
        """The connection no longer hears ``topic``; the last one to leave ends the subscription."""
        connection.followed.pop(topic, None)
        lock = self._locks.setdefault(topic, asyncio.Lock())
        async with lock:
            listeners = self._listeners.get(topic, set())
            listeners.discard(connection)
            if not listeners:
                self._listeners.pop(topic, None)
                stack = self._open.pop(topic, None)
                if stack is not None:
                    await stack.aclose()
        if topic not in self._listeners and not lock.locked():
            self._locks.pop(topic, None)

    async def tell(self, topic: str, name: str, data: dict[str, Any], *, dedupe_id: str | None = None) -> None:
        """Append numbered news to a topic, for all processes."""
        await self._bus.append(topic, event_body(name, self._clock.now(), data), dedupe_id=dedupe_id)

    async def send_frame(self, participant_id: str, frame: dict[str, Any], *, dedupe_id: str | None = None) -> None:
        """A ready frame for whichever process holds the participant's socket; lost when nobody does."""
        await self._bus.append(frame_topic(participant_id), {"frame": frame}, dedupe_id=dedupe_id)

    async def close(self) -> None:
        """Tell every browser to come back elsewhere (1012) and end all subscriptions."""
        for connection in list(self._connections.values()):
            connection.close(1012, "restart")
        for stack in list(self._open.values()):
            await stack.aclose()
        self._open.clear()
        self._listeners.clear()

    def _fan_out(self, message: Message) -> None:
        for connection in list(self._listeners.get(message.topic, ())):
            connection.hear(message)


def frame_topic(participant_id: str) -> str:
    """Internal topic of ready frames for one participant."""
    return f"{FRAME_TOPIC}:{participant_id}"
