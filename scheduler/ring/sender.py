"""Sends what ``reach`` queued: takes a message, hands it to its port outside of any transaction, writes down what became of it.

Several processes may run it. A message that was taken by a process that died is taken again; the receiver shows one reference
once only, so that a message sent twice rings once.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from sqlalchemy import and_, delete, or_, select, update

from core.access import Actor
from core.clock import Clock
from core.db.errors import is_transient
from core.db.session import Database, UnitOfWork
from core.errors import AppError
from core.notify import Delivery, Means, Note, NoteKind, Ports, PushAddress
from scheduler.ring.models import PushSubscription, ReachAttempt

log = logging.getLogger(__name__)

IDLE = 5.0
TAKE_OVER = timedelta(seconds=30)
KEPT_FOR = timedelta(days=7)
_BATCH = 32
_SIDE_BY_SIDE = 8


class ReachSender:
    """The loop that sends."""

    def __init__(self, database: Database, ports: Ports, clock: Clock) -> None:
        self._database = database
        self._ports = ports
        self._clock = clock
        self._system = Actor.system()
        self._news = asyncio.Event()
        self._room = asyncio.Semaphore(_SIDE_BY_SIDE)

    def wake(self) -> None:
        """Look again now. Give this to ``Database.on_news``."""
        self._news.set()

    async def run(self) -> None:
        """Send until cancelled. One failed look is logged and does not end it."""
        while True:
            self._news.clear()
            try:
                while await self.tick():
                    pass
            except Exception as error:
                if not is_transient(error) and not isinstance(error, AppError):
                    log.exception("reach_tick_failed")
            try:
                async with asyncio.timeout(IDLE):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def tick(self) -> int:
        """Send what waits, a batch at most; returns how many were taken."""
        taken = await self._take()
        await asyncio.gather(*(self._one(attempt) for attempt in taken))
        return len(taken)

    async def forget_old(self, uow: UnitOfWork) -> None:
        """Delete messages that are over for a week."""
        await uow.session.execute(
            delete(ReachAttempt)
            .where(ReachAttempt.made_at < uow.now - KEPT_FOR)
            .execution_options(synchronize_session=False)
        )

    async def _take(self) -> list[ReachAttempt]:
        stuck = self._clock.now() - TAKE_OVER
        due = or_(
            ReachAttempt.state == "waiting", and_(ReachAttempt.state == "sending", ReachAttempt.taken_at <= stuck)
        )
        async with self._database.read(self._system) as unit:
            if await unit.session.scalar(select(ReachAttempt.id).where(due).limit(1)) is None:
                return []
        async with self._database.unit(self._system) as uow:
            rows = (
                await uow.session.scalars(
                    select(ReachAttempt)
                    .where(due)
                    .order_by(ReachAttempt.made_at, ReachAttempt.id)
                    .limit(_BATCH)
                    .with_for_update(skip_locked=True)
                )
            ).all()
            for row in rows:
                row.state, row.taken_at = "sending", uow.now
            await uow.flush()
            for row in rows:
                uow.session.expunge(row)
        return list(rows)

    async def _one(self, attempt: ReachAttempt) -> None:
        async with self._room:
            found = await self._deliver(attempt)
        state = "sent" if found is Delivery.SENT else "late" if found is None else "failed"
        async with self._database.unit(self._system) as uow:
            await uow.session.execute(
                update(ReachAttempt)
                .where(ReachAttempt.id == attempt.id)
                .values(state=state, reason=found.value if found and state == "failed" else None, done_at=uow.now)
                .execution_options(synchronize_session=False)
            )

    async def _deliver(self, attempt: ReachAttempt) -> Delivery | None:
        """What became of it; none if its time was over before it was sent."""
        if attempt.expires_at <= self._clock.now():
            return None
        note = Note(NoteKind(attempt.kind), attempt.offer_id or attempt.id, attempt.expires_at)
        if attempt.means == Means.PUSH.value:
            return await self._push(attempt.interpreter_id, note)
        port = self._ports.phone if attempt.means == Means.PHONE.value else self._ports.sms
        return await port.call(attempt.interpreter_id, note)

    async def _push(self, interpreter_id: str, note: Note) -> Delivery:
        """To every browser of a person; sent when one took it. A browser that is gone is forgotten."""
        async with self._database.read(self._system) as unit:
            devices = (
                await unit.session.execute(
                    select(
                        PushSubscription.id, PushSubscription.endpoint, PushSubscription.p256dh, PushSubscription.auth
                    ).where(PushSubscription.interpreter_id == interpreter_id)
                )
            ).all()
        results = await asyncio.gather(
            *(self._ports.push.call(PushAddress(one.endpoint, one.p256dh, one.auth), note) for one in devices)
        )
        gone = [one.id for one, result in zip(devices, results, strict=True) if result is Delivery.GONE]
        fine = [one.id for one, result in zip(devices, results, strict=True) if result is Delivery.SENT]
        if gone or fine:
            async with self._database.unit(self._system) as uow:
                await uow.session.execute(delete(PushSubscription).where(PushSubscription.id.in_(gone)))
                await uow.session.execute(
                    update(PushSubscription)
                    .where(PushSubscription.id.in_(fine))
                    .values(last_ok_at=uow.now)
                    .execution_options(synchronize_session=False)
                )
        if fine:
            return Delivery.SENT
        return next((result for result in results if result is not Delivery.GONE), Delivery.GONE)
