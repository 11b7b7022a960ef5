"""The event bus port and what travels over it. Implementations: ``memory_bus`` (one process) and ``redis_bus``.

Three promises, never mixed up:

* a **topic log** (``append``/``read_after``/``follow``) is numbered news for one room, person or board: kept for a while, replayed
  after a reconnect, at most once per ``dedupe_id``. Losing it loses no fact: the reader then takes a fresh snapshot.
* an **event** (``publish``/``consume``) is a fact from the outbox, handled once per group, at least once after failures:
  handlers are idempotent.
* a **request** (``request``/``serve``) asks one process and waits for its answer, within a time limit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Position:
    """A place in a topic log. ``epoch`` changes when the log was lost and begun anew; ``seq`` counts from 1 within it."""

    epoch: str
    seq: int


@dataclass(frozen=True)
class Message:
    """One numbered message of a topic log."""

    topic: str
    position: Position
    body: Json


@dataclass(frozen=True)
class Replay:
    """What came after a position. ``gap`` means: not all of it is known any more, take a snapshot."""

    messages: Sequence[Message]
    head: Position
    gap: bool


@dataclass(frozen=True)
class Event:
    """A past-tense fact such as ``booking.assigned``, stored with the change that made it true."""

    name: str
    country: str
    body: Json
    id: str
    """Identity for idempotent handling."""


FollowHandler = Callable[[Message], None]
"""Called in order, must not block; put into a bounded queue."""
EventHandler = Callable[[Event], Awaitable[None]]
RequestHandler = Callable[[Json], Awaitable[Json]]


class EventBus(Protocol):
    """The bus as the rest of the house knows it. All methods raise ``core.errors.Unavailable('bus_unavailable')`` when it is down."""

    async def append(self, topic: str, body: Json, *, dedupe_id: str | None = None) -> Position:
        """Add to the topic log and tell followers. The same ``dedupe_id`` again returns the first position and tells nobody."""
        ...

    async def read_after(self, topic: str, position: Position | None, *, limit: int = 500) -> Replay:
        """What came after ``position`` (none: nothing but the head)."""
        ...

    def follow(self, topic: str, handler: FollowHandler) -> AbstractAsyncContextManager[None]:
        """While the context is open ``handler`` hears each new message once, in order. When ``__aenter__`` returns, nothing
        appended later is missed. Safe to enter concurrently from many tasks, for the same and for different topics."""
        ...

    async def publish(self, event: Event) -> None:
        """Hand a fact to every group that consumes its name (durably where the bus is durable)."""
        ...

    def consume(self, group: str, names: Sequence[str], handler: EventHandler) -> AbstractAsyncContextManager[None]:
        """While open, this process takes part in ``group``: each event goes to one member. An exception means: try again later."""
        ...

    async def request(self, address: str, body: Json, *, timeout: float) -> Json:
        """Ask the one process that serves ``address``. An ``AppError`` raised there is raised here with the same code.

        Raises ``Unavailable('no_answer')`` when nobody serves it or no answer came within ``timeout`` seconds."""
        ...

    def serve(self, address: str, handler: RequestHandler) -> AbstractAsyncContextManager[None]:
        """While open, requests to ``address`` are answered by ``handler``, each in its own task."""
        ...

    async def close(self) -> None:
        """Free everything. Idempotent."""
        ...
