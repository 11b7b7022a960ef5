"""The bus of the embedded deployment: one process, one event loop, nothing outlives it. The outbox makes up for that."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from core.errors import Unavailable
from core.events.bus import Event, EventHandler, FollowHandler, Json, Position, Replay, RequestHandler
from core.events.delivery import CONCURRENCY, HANDLER_LIMIT, MAX_ATTEMPTS, answer, copied, retry_wait, tell
from core.events.topic_log import TopicLog
from core.tasks import end

log = logging.getLogger(__name__)

MAX_TOPICS = 10_000
"""Logs kept at once; the one unused for longest is dropped first (its readers get a gap)."""
KEEP_LOG_S = 24 * 3600.0
"""Logs that nobody has used for so long are dropped, as Redis does: a process that runs for months must not keep every room."""
MAX_WAITING = 10_000
"""Events that may wait for one group; beyond that ``publish`` refuses and the outbox keeps them."""


_Attempt = tuple[Event, int]


class InProcessBus:
    """``EventBus`` within one process."""

    def __init__(
        self, *, first_wait: float = 0.1, longest_wait: float = 5.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._logs: OrderedDict[str, TopicLog] = OrderedDict()
        self._used: dict[str, float] = {}
        """When each log was used last; the order of ``_logs`` is the same."""
        self._followers: dict[str, list[FollowHandler]] = {}
        self._waiting: dict[tuple[str, str], asyncio.Queue[_Attempt]] = {}
        self._served: dict[str, tuple[RequestHandler, set[asyncio.Task[Json]]]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def append(self, topic: str, body: Json, *, dedupe_id: str | None = None) -> Position:
        self._check_open()
        message, position = self._log(topic).append(copied(body), dedupe_id)
        if message is not None:
            for handler in list(self._followers.get(topic, ())):
                tell(handler, message)
        return position

    async def read_after(self, topic: str, position: Position | None, *, limit: int = 500) -> Replay:
        self._check_open()
        return self._log(topic).read_after(position, limit)

    @asynccontextmanager
    async def follow(self, topic: str, handler: FollowHandler) -> AsyncIterator[None]:
        self._check_open()
        handlers = self._followers.setdefault(topic, [])
        handlers.append(handler)
        try:
            yield
        finally:
            handlers.remove(handler)
            if not handlers:
                self._followers.pop(topic, None)

    async def publish(self, event: Event) -> None:
        self._check_open()
        interested = [queue for (_, name), queue in self._waiting.items() if name == event.name]
        if any(queue.qsize() >= MAX_WAITING for queue in interested):
            raise Unavailable("bus_unavailable")
        for queue in interested:
            queue.put_nowait((Event(event.name, event.country, copied(event.body), event.id), 1))

    @asynccontextmanager
    async def consume(self, group: str, names: Sequence[str], handler: EventHandler) -> AsyncIterator[None]:
        self._check_open()
        turn = asyncio.Semaphore(CONCURRENCY)
        handling: set[asyncio.Task[None]] = set()
        readers = []
        for name in names:
            queue = self._waiting.setdefault((group, name), asyncio.Queue())
            readers.append(self._spawn(self._read(queue, handler, turn, handling), f"consume:{group}"))
        try:
            yield
        finally:
            await end([*readers, *handling])

    async def request(self, address: str, body: Json, *, timeout: float) -> Json:
        self._check_open()
        if address not in self._served:
            raise Unavailable("no_answer")
        handler, running = self._served[address]
        task = self._spawn(answer(handler, copied(body)), f"serve:{address}")
        running.add(task)
        task.add_done_callback(running.discard)
        task.add_done_callback(_look_at)
        done, _ = await asyncio.wait({task}, timeout=timeout)
        if not done or task.cancelled():
            raise Unavailable("no_answer")
        result: Json = task.result()
        return result

    @asynccontextmanager
    async def serve(self, address: str, handler: RequestHandler) -> AsyncIterator[None]:
        self._check_open()
        if address in self._served:
            raise RuntimeError(f"{address} is served already")
        running: set[asyncio.Task[Json]] = set()
        self._served[address] = (handler, running)
        try:
            yield
        finally:
            del self._served[address]
            await end(list(running))

    async def close(self) -> None:
        self._closed = True
        await end(list(self._tasks))

    async def _read(
        self,
        queue: asyncio.Queue[_Attempt],
        handler: EventHandler,
        turn: asyncio.Semaphore,
        handling: set[asyncio.Task[None]],
    ) -> None:
        """Hand what waits to tasks of their own, as many at once as ``turn`` allows."""
        while True:
            event, attempt = await queue.get()
            try:
                await turn.acquire()
            except asyncio.CancelledError:
                queue.put_nowait((event, attempt))
                raise
            task = self._spawn(self._handle(queue, handler, event, attempt), f"event:{event.name}")
            handling.add(task)
            task.add_done_callback(handling.discard)
            task.add_done_callback(lambda _: turn.release())

    async def _handle(self, queue: asyncio.Queue[_Attempt], handler: EventHandler, event: Event, attempt: int) -> None:
        try:
            async with asyncio.timeout(HANDLER_LIMIT):
                await handler(event)
        except asyncio.CancelledError:
            queue.put_nowait((event, attempt))
            raise
        except Exception:
            if attempt >= MAX_ATTEMPTS:
                log.exception("event_set_aside", extra={"event_name": event.name, "event_id": event.id})
                return
            log.warning("event_retried", exc_info=True, extra={"event_name": event.name, "attempt": attempt})
            wait = retry_wait(attempt, self._first_wait, self._longest_wait)
            self._spawn(_later(wait, queue, (event, attempt + 1)), f"retry:{event.name}")

    def _log(self, topic: str) -> TopicLog:
        now = self._monotonic()
        found = self._logs.get(topic)
        if found is None:
            found = self._logs[topic] = TopicLog(topic)
        self._logs.move_to_end(topic)
        self._used[topic] = now
        while len(self._logs) > 1:
            oldest = next(iter(self._logs))
            if len(self._logs) <= MAX_TOPICS and now - self._used[oldest] < KEEP_LOG_S:
                break
            del self._logs[oldest], self._used[oldest]
        return found

    def _spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("bus_unavailable")


async def _later(wait: float, queue: asyncio.Queue[_Attempt], attempt: _Attempt) -> None:
    try:
        await asyncio.sleep(wait)
    finally:
        queue.put_nowait(attempt)


def _look_at(task: asyncio.Task[Any]) -> None:
    """Mark the outcome as seen, so that an answer nobody waited for is not reported as a lost exception."""
    if not task.cancelled():
        task.exception()
