"""Topic logs on Redis: a stream per topic is the log, publish/subscribe is the doorbell that carries the message itself.

One owner holds the one subscribed connection and does all subscribing (redis-py's ``PubSub`` loses subscriptions when several
tasks subscribe first at the same time). The doorbell may fail at any time: a hole in the numbers, a new connection and a
regular look at the heads all lead to reading on from the log, so followers miss nothing and hear nothing twice.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis.asyncio.connection import AbstractConnection

from core.errors import Unavailable
from core.events.bus import FollowHandler, Json, Message, Position, Replay
from core.events.delivery import tell
from core.events.redis_client import TROUBLE, RedisClients, packed, unavailable_when_down
from core.events.redis_scripts import APPEND, READ
from core.tasks import end

log = logging.getLogger(__name__)

MAX_MESSAGES = 2000
KEEP_LOG = 24 * 3600
KEEP_DEDUPE = 2 * 3600
SUBSCRIBE_LIMIT = 5.0
CANARY_EVERY = 2.0
"""Seconds between two messages that the owner sends to itself; the connection is given up after two and a half times as long."""
_BATCH = 200

_Id = tuple[int, int]


class TopicStore:
    """The logs themselves: append and read."""

    def __init__(self, clients: RedisClients, prefix: str) -> None:
        self._clients = clients
        self._prefix = prefix
        self._append = clients.commands.register_script(APPEND)
        self._read = clients.commands.register_script(READ)

    def channel(self, topic: str) -> str:
        """Name of the publish/subscribe channel of ``topic``."""
        return f"{self._prefix}:bell:{topic}"

    async def append(self, topic: str, body: Json, dedupe_id: str | None) -> Position:
        """See ``EventBus.append``. Without a ``dedupe_id`` one is made up, so that repeating a lost command is safe."""
        keys = [self._log(topic), self._meta(topic), f"{self._prefix}:once:{topic}:{dedupe_id or uuid.uuid4().hex}"]
        arguments: list[str | int] = [self.channel(topic), packed(body), MAX_MESSAGES, KEEP_LOG, KEEP_DEDUPE]
        with unavailable_when_down():
            return _position(_parsed(await self._append(keys, arguments)))

    async def read_after(self, topic: str, position: Position | None, limit: int) -> Replay:
        """See ``EventBus.read_after``."""
        foreign = position is not None and not (position.epoch.isdecimal() and len(position.epoch) < 16)
        asked = None if foreign else position
        arguments: list[str | int] = (
            ["", 0, 0, KEEP_LOG] if asked is None else [asked.epoch, asked.seq, limit, KEEP_LOG]
        )
        with unavailable_when_down():
            head, gap, entries = await self._read([self._log(topic), self._meta(topic)], arguments)
        messages = [Message(topic, _position(_parsed(key)), json.loads(fields[1])) for key, fields in entries]
        return Replay(tuple(messages), _position(_parsed(head)), gap=foreign or bool(gap))

    async def after(self, topic: str, last: _Id) -> list[Message]:
        """What is in the log after ``last``, whether or not something between them was lost."""
        entries: Any = await self._clients.commands.xrange(self._log(topic), min=f"({last[0]}-{last[1]}", count=_BATCH)
        return [Message(topic, _position(_parsed(key)), json.loads(fields["b"])) for key, fields in entries]

    async def heads(self, topics: Sequence[str]) -> dict[str, _Id]:
        """The newest id of each topic that has a log."""
        pipeline = self._clients.commands.pipeline(transaction=False)
        for topic in topics:
            pipeline.hmget(self._meta(topic), ["epoch", "seq"])
        found = await pipeline.execute()
        return {
            topic: (int(epoch), int(seq))
            for topic, (epoch, seq) in zip(topics, found, strict=True)
            if epoch is not None
        }

    def _log(self, topic: str) -> str:
        return f"{self._prefix}:log:{topic}"

    def _meta(self, topic: str) -> str:
        return f"{self._prefix}:meta:{topic}"


class _Follower:
    """One handler and how far it has heard."""

    def __init__(self, handler: FollowHandler) -> None:
        self._handler = handler
        self._early: list[Message] | None = []
        self.last: _Id = (0, 0)

    @property
    def started(self) -> bool:
        return self._early is None

    def start(self, head: _Id) -> None:
        """From now on everything after ``head`` is heard; what came early is sorted in."""
        early, self._early, self.last = self._early or [], None, head
        for message in early:
            self.hear(message)

    def hear(self, message: Message) -> bool:
        """Take ``message`` if it is new; false when something before it is missing. Then read the log."""
        if self._early is not None:
            self._early.append(message)
            return True
        here = _id(message)
        if here <= self.last:
            return True
        if here != (self.last[0], self.last[1] + 1):
            return False
        self.take(message)
        return True

    def take(self, message: Message) -> None:
        """Take a message that the log gives, if it is new."""
        if self._early is None and _id(message) > self.last:
            self.last = _id(message)
            tell(self._handler, message)


class _Topic:
    """A subscribed topic."""

    def __init__(self) -> None:
        self.followers: list[_Follower] = []
        self.confirmed = asyncio.Event()


class TopicFollowers:
    """Owns the subscribed connection of this process."""

    def __init__(self, clients: RedisClients, store: TopicStore, prefix: str) -> None:
        self._clients = clients
        self._store = store
        self._topics: dict[str, _Topic] = {}
        self._names: dict[str, str] = {}
        self._wanted: asyncio.Queue[str] = asyncio.Queue()
        self._canary = f"{prefix}:canary:{uuid.uuid4().hex}"
        self._owner: asyncio.Task[None] | None = None
        self._stale: set[str] = set()

    @asynccontextmanager
    async def follow(self, topic: str, handler: FollowHandler) -> AsyncIterator[None]:
        """See ``EventBus.follow``."""
        if self._owner is None:
            self._owner = asyncio.create_task(self._own(), name="bus-doorbell")
        entry = self._topics.get(topic)
        if entry is None:
            entry = self._topics[topic] = _Topic()
            self._names[self._store.channel(topic)] = topic
            self._wanted.put_nowait(topic)
        follower = _Follower(handler)
        entry.followers.append(follower)
        try:
            try:
                async with asyncio.timeout(SUBSCRIBE_LIMIT):
                    await entry.confirmed.wait()
            except TimeoutError:
                raise Unavailable("bus_unavailable") from None
            head = (await self._store.read_after(topic, None, 0)).head
            follower.start((int(head.epoch), head.seq))
            yield
        finally:
            entry.followers.remove(follower)

    async def close(self) -> None:
        """End the owner."""
        if self._owner is not None:
            await end([self._owner])
            self._owner = None

    async def _own(self) -> None:
        failures = 0
        while True:
            started = time.monotonic()
            try:
                await self._with_connection()
            except TROUBLE as error:
                log.warning("bus_doorbell_lost", extra={"reason": type(error).__name__})
            except Exception:
                log.exception("bus_doorbell_failed")
            failures = 0 if time.monotonic() - started > 10 else failures + 1
            await asyncio.sleep(min(1.0, 0.02 * 2 ** min(failures, 6)))

    async def _with_connection(self) -> None:
        connection: AbstractConnection = self._clients.blocking.connection_pool.make_connection()  # type: ignore[no-untyped-call]
        tasks: list[asyncio.Task[None]] = []
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            self._wanted = asyncio.Queue()
            known = list(self._topics)
            self._stale = {topic for topic in known if self._topics[topic].confirmed.is_set()}
            await connection.send_command("SUBSCRIBE", self._canary)
            for start in range(0, len(known), _BATCH):
                await self._subscribe(connection, known[start : start + _BATCH])
            tasks = [asyncio.create_task(part(connection)) for part in (self._read, self._write, self._keep)]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end(tasks)
            await connection.disconnect()

    async def _subscribe(self, connection: AbstractConnection, topics: Sequence[str]) -> None:
        await connection.send_command("SUBSCRIBE", *[self._store.channel(topic) for topic in topics])

    async def _write(self, connection: AbstractConnection) -> None:
        """Send the subscriptions that ``follow`` asks for and end those that nobody needs."""
        while True:
            topics: list[str] = []
            with suppress(TimeoutError):
                topics.append(await asyncio.wait_for(self._wanted.get(), CANARY_EVERY))
                while not self._wanted.empty() and len(topics) < _BATCH:
                    topics.append(self._wanted.get_nowait())
            if topics:
                await self._subscribe(connection, topics)
                continue
            idle = [name for name, entry in self._topics.items() if not entry.followers and entry.confirmed.is_set()]
            if idle:
                channels = [self._store.channel(topic) for topic in idle]
                for topic, channel in zip(idle, channels, strict=True):
                    del self._topics[topic]
                    del self._names[channel]
                await connection.send_command("UNSUBSCRIBE", *channels)

    async def _read(self, connection: AbstractConnection) -> None:
        """Hear the doorbell; the only task that reads from the connection."""
        while True:
            response: Any = await connection.read_response(timeout=CANARY_EVERY * 2.5)
            if response is None:
                raise TimeoutError("the canary was not heard")
            kind, channel = response[0], response[1]
            topic = self._names.get(channel)
            if topic is None:
                continue
            if kind == "subscribe":
                self._topics[topic].confirmed.set()
                if topic in self._stale:
                    self._stale.discard(topic)
                    await self._catch_up(topic)
            elif kind == "message":
                key, _, body = response[2].partition(" ")
                message = Message(topic, _position(_parsed(key)), json.loads(body))
                heard = [follower.hear(message) for follower in self._topics[topic].followers]
                if not all(heard):
                    await self._catch_up(topic)

    async def _keep(self, _connection: AbstractConnection) -> None:
        """Ring for ourselves, and look whether any log has run ahead of its followers."""
        while True:
            await asyncio.sleep(CANARY_EVERY)
            await self._clients.commands.publish(self._canary, "")
            topics = [name for name, entry in self._topics.items() if any(f.started for f in entry.followers)]
            for start in range(0, len(topics), _BATCH):
                heads = await self._store.heads(topics[start : start + _BATCH])
                await asyncio.sleep(0.2)
                for topic, head in heads.items():
                    entry = self._topics.get(topic)
                    if entry and any(f.started and f.last < head for f in entry.followers):
                        log.warning("bus_doorbell_missed", extra={"topic_kind": topic.partition(":")[0]})
                        await self._catch_up(topic)

    async def _catch_up(self, topic: str) -> None:
        """Give each follower what the log has after its last message."""
        while True:
            entry = self._topics.get(topic)
            followers = [follower for follower in entry.followers if follower.started] if entry else []
            if not followers:
                return
            messages = await self._store.after(topic, min(follower.last for follower in followers))
            for message in messages:
                for follower in followers:
                    follower.take(message)
            if len(messages) < _BATCH:
                return


def _parsed(key: str) -> _Id:
    epoch, _, seq = key.partition("-")
    return int(epoch), int(seq)


def _position(key: _Id) -> Position:
    return Position(str(key[0]), key[1])


def _id(message: Message) -> _Id:
    return int(message.position.epoch), message.position.seq
