"""Carries committed events from the outbox table to the bus: at least once, in order within a country.

A process that dies between commit and publish loses nothing: its own next start, or any other process, finds the row waiting.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, func, select, update

from core.access import Actor, Country
from core.db.outbox_event import OutboxEvent
from core.db.session import Database, ReadUnit, UnitOfWork
from core.events.bus import Event, EventBus
from core.tasks import end

log = logging.getLogger(__name__)

LOCK_SPACE = 0x7A01
"""First half of the PostgreSQL advisory lock that makes one relay at a time responsible for a country."""
PUBLISH_LIMIT = 5.0
"""Seconds that the bus may take for one event."""


class OutboxRelay:
    """Publishes what waits in the outbox. Every process may run one; per country only one of them works at a time."""

    def __init__(
        self,
        database: Database,
        bus: EventBus,
        *,
        countries: Iterable[Country] = tuple(Country),
        poll: float = 1.0,
        batch: int = 100,
        keep: timedelta = timedelta(days=1),
    ) -> None:
        self._database = database
        self._bus = bus
        self._countries = tuple(countries)
        self._poll = poll
        self._batch = batch
        self._keep = keep
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While open, a task relays: at once after commits of this process, every ``poll`` seconds for those of others."""
        stop_listening = self._database.on_news(self._wake.set)
        task = asyncio.create_task(self._run(), name="outbox-relay")
        try:
            yield
        finally:
            stop_listening()
            await end([task])

    async def relay(self) -> int:
        """Publish everything that waits now; returns how many events the bus took. Stops early when the bus refuses."""
        total = 0
        async with self._turn:
            for country in self._countries:
                while True:
                    sent, more = await self._relay_batch(country)
                    total += sent
                    if not more:
                        break
        return total

    async def prune(self) -> int:
        """Delete events that were published longer than ``keep`` ago; returns how many."""
        async with self._database.unit(Actor.system(self._countries)) as uow:
            done = await uow.session.execute(delete(OutboxEvent).where(OutboxEvent.published_at < uow.now - self._keep))
            return cast(CursorResult[Any], done).rowcount

    async def _run(self) -> None:
        failures = 0
        pruned_at: float | None = None
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            try:
                await self.relay()
                if pruned_at is None or loop.time() - pruned_at > 600:
                    await self.prune()
                    pruned_at = loop.time()
                failures = 0
            except Exception:
                failures += 1
                log.warning("outbox_relay_failed", exc_info=True, extra={"failures": failures})
                await asyncio.sleep(min(10.0, self._poll * failures))
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._wake.wait()

    async def _relay_batch(self, country: Country) -> tuple[int, bool]:
        """One batch of one country: how many went out, and whether to go on."""
        actor = Actor.system([country])
        if self._database.dialect == "postgresql":
            async with self._database.unit(actor) as uow:
                lock = select(func.pg_try_advisory_xact_lock(LOCK_SPACE, list(Country).index(country)))
                if not await uow.session.scalar(lock):
                    return 0, False
                waiting = await self._waiting(uow)
                sent = await self._publish(waiting)
                await self._mark(uow, sent)
        else:
            async with self._database.read(actor) as view:
                waiting = await self._waiting(view)
            sent = await self._publish(waiting)
            if sent:
                async with self._database.unit(actor) as uow:
                    await self._mark(uow, sent)
        return len(sent), len(sent) == self._batch

    async def _waiting(self, unit: ReadUnit) -> Sequence[OutboxEvent]:
        query = (
            select(OutboxEvent).where(OutboxEvent.published_at.is_(None)).order_by(OutboxEvent.seq).limit(self._batch)
        )
        return (await unit.session.scalars(query)).all()

    async def _publish(self, waiting: Sequence[OutboxEvent]) -> list[int]:
        sent: list[int] = []
        for row in waiting:
            try:
                async with asyncio.timeout(PUBLISH_LIMIT):
                    await self._bus.publish(Event(name=row.name, country=row.country, body=row.body, id=row.id))
            except Exception:
                log.warning("outbox_publish_failed", exc_info=True, extra={"event_name": row.name})
                break
            sent.append(row.seq)
        return sent

    async def _mark(self, uow: UnitOfWork, sent: list[int]) -> None:
        if sent:
            await uow.session.execute(
                update(OutboxEvent)
                .where(OutboxEvent.seq.in_(sent))
                .values(published_at=uow.now)
                .execution_options(synchronize_session=False)
            )
