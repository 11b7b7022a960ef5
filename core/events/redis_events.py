"""Events on Redis: one stream per event name, one consumer group per group, entries of dead members claimed by living ones."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis.exceptions import ResponseError

from core.events.bus import Event, EventHandler
from core.events.delivery import CONCURRENCY, HANDLER_LIMIT, MAX_ATTEMPTS, retry_wait
from core.events.redis_client import BLOCK, TROUBLE, RedisClients, packed, unavailable_when_down
from core.events.redis_scripts import PUBLISH
from core.tasks import end

log = logging.getLogger(__name__)

MAX_EVENTS = 100_000
"""Events kept per name; far more than a working house ever has waiting."""
KEEP_ID = 24 * 3600
"""Seconds for which the identity of an event is remembered, so that the outbox may publish it again."""
MAX_IN_HAND = 128
"""Events that one member holds at once, waiting for their turn or for another attempt."""


class EventStreams:
    """Publishing and consuming."""

    def __init__(
        self, clients: RedisClients, prefix: str, *, first_wait: float, longest_wait: float, claim_after: float
    ) -> None:
        self._clients = clients
        self._prefix = prefix
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._claim_after = claim_after
        self._publish = clients.commands.register_script(PUBLISH)

    async def publish(self, event: Event) -> None:
        """See ``EventBus.publish``. The same event id again within a day is ignored."""
        data = packed({"name": event.name, "country": event.country, "body": event.body, "id": event.id})
        keys = [self.stream(event.name), f"{self._prefix}:event-once:{event.id}"]
        with unavailable_when_down():
            await self._publish(keys, [MAX_EVENTS, KEEP_ID, data])

    @asynccontextmanager
    async def consume(self, group: str, names: Sequence[str], handler: EventHandler) -> AsyncIterator[None]:
        """See ``EventBus.consume``. A new group begins with what is published after it first consumed."""
        member = _Member(self, group, [self.stream(name) for name in names], handler)
        with unavailable_when_down():
            await member.join("$")
        tasks = [
            asyncio.create_task(member.read(), name=f"consume:{group}"),
            asyncio.create_task(member.look_after(), name=f"consume:{group}:claims"),
        ]
        try:
            yield
        finally:
            await end(tasks)
            await member.leave()

    def stream(self, name: str) -> str:
        """Key of the stream of events called ``name``."""
        return f"{self._prefix}:events:{name}"


class _Member:
    """One process's part in a group."""

    def __init__(self, owner: EventStreams, group: str, streams: list[str], handler: EventHandler) -> None:
        self._owner = owner
        self._commands = owner._clients.commands
        self._blocking = owner._clients.blocking
        self._group = group
        self._streams = streams
        self._handler = handler
        self._name = uuid.uuid4().hex
        self._turn = asyncio.Semaphore(CONCURRENCY)
        self._room = asyncio.Semaphore(MAX_IN_HAND)
        self._in_hand: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def join(self, start: str) -> None:
        """Create the groups that are missing, from ``start`` (``$``: new events only, ``0``: all that are kept)."""
        for stream in self._streams:
            try:
                await self._commands.xgroup_create(stream, self._group, id=start, mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise

    async def read(self) -> None:
        """Take new events as long as there is room."""
        failures = 0
        while True:
            async with self._room:
                pass
            try:
                found: Any = await self._blocking.xreadgroup(
                    self._group,
                    self._name,
                    dict.fromkeys(self._streams, ">"),
                    count=CONCURRENCY,
                    block=int(BLOCK * 1000),
                )
                failures = 0
            except TROUBLE as error:
                failures += 1
                await asyncio.sleep(min(1.0, 0.05 * failures))
                if isinstance(error, ResponseError) and str(error).startswith("NOGROUP"):
                    # Redis was lost: whatever was published since then has been handled by nobody.
                    with suppress(*TROUBLE):
                        await self.join("0")
                continue
            for stream, entries in found or []:
                for key, fields in entries:
                    self._take(stream, key, fields, attempt=1)

    async def look_after(self) -> None:
        """Show that we are alive with what we hold, and claim what silent members hold."""
        while True:
            await asyncio.sleep(self._owner._claim_after / 3)
            try:
                for stream in self._streams:
                    mine: list[Any] = [key for held, key in self._in_hand if held == stream]
                    if mine:
                        await self._commands.xclaim(stream, self._group, self._name, 0, mine, justid=True)
                    await self._claim(stream)
            except TROUBLE as error:
                log.warning("bus_claim_failed", extra={"reason": type(error).__name__})

    async def leave(self) -> None:
        """Stop handling; what is in hand may be claimed by other members at once."""
        held = list(self._in_hand)
        await end(list(self._in_hand.values()))
        with suppress(*TROUBLE):
            for stream, key in held:
                await self._commands.xclaim(
                    stream, self._group, self._name, 0, [key], idle=int(self._owner._claim_after * 2000), justid=True
                )
            for stream in self._streams:
                waiting: Any = await self._commands.xpending_range(
                    stream, self._group, min="-", max="+", count=1, consumername=self._name
                )
                if not waiting:
                    await self._commands.xgroup_delconsumer(stream, self._group, self._name)

    async def _claim(self, stream: str) -> None:
        idle = int(self._owner._claim_after * 1000)
        answer: Any = await self._commands.xautoclaim(stream, self._group, self._name, idle, count=CONCURRENCY)
        for key, fields in answer[1]:
            if fields is None:
                continue
            delivered: Any = await self._commands.xpending_range(stream, self._group, min=key, max=key, count=1)
            attempts = delivered[0]["times_delivered"] if delivered else 1
            self._take(stream, key, fields, attempt=attempts)

    def _take(self, stream: str, key: str, fields: dict[str, str], *, attempt: int) -> None:
        if (stream, key) in self._in_hand:
            return
        task = asyncio.create_task(self._handle(stream, key, fields, attempt), name=f"event:{key}")
        self._in_hand[stream, key] = task
        task.add_done_callback(lambda _: self._in_hand.pop((stream, key), None))

    async def _handle(self, stream: str, key: str, fields: dict[str, str], attempt: int) -> None:
        event = Event(**json.loads(fields["e"]))
        async with self._room:
            while not await self._succeeds(event, attempt):
                if attempt >= MAX_ATTEMPTS:
                    log.error("event_set_aside", extra={"event_name": event.name, "event_id": event.id})
                    await self._finish(stream, key, aside=fields["e"])
                    return
                await asyncio.sleep(retry_wait(attempt, self._owner._first_wait, self._owner._longest_wait))
                attempt += 1
            await self._finish(stream, key)

    async def _succeeds(self, event: Event, attempt: int) -> bool:
        async with self._turn:
            try:
                async with asyncio.timeout(HANDLER_LIMIT):
                    await self._handler(event)
            except Exception:
                log.warning("event_retried", exc_info=True, extra={"event_name": event.name, "attempt": attempt})
                return False
            return True

    async def _finish(self, stream: str, key: str, aside: str | None = None) -> None:
        """Acknowledge; if Redis is away the entry stays pending and the event is handled again later."""
        try:
            if aside is not None:
                dead = f"{self._owner._prefix}:dead:{self._group}"
                await self._commands.xadd(dead, {"e": aside}, maxlen=1000, approximate=True)
            await self._commands.xack(stream, self._group, key)
        except TROUBLE as error:
            log.warning("bus_ack_failed", extra={"reason": type(error).__name__})
