"""Timed work of the queue: rounds that are over, people who vanished, leases of those who accepted, no-shows.

Every process may run it: rows are picked with SKIP LOCKED, each piece of work is a transaction of its own and checks again
under the row's lock, so that two workers do nothing twice and a slow one does no harm.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, exists, func, or_, select, update

from core.access import Actor
from core.clock import Clock
from core.db.errors import is_transient
from core.db.session import Database, ReadUnit, UnitOfWork
from core.errors import AppError
from records.cases import CaseService
from records.events import CASE_CHANGED
from records.lifecycle import SessionState
from records.models import Session, SessionParticipant
from records.referrals import Referrals
from records.session_log import SessionLog
from scheduler.hurry import due_for_reclass, unmet_musts
from scheduler.lifecycle import AssignmentState, BookingState, MissReason, OfferState
from scheduler.locks import try_lock_booking
from scheduler.models import Assignment, Booking, Offer, Presence
from scheduler.news import tell_assignment, tell_booking
from scheduler.ring.reserve import KEPT, aged_class_sql
from scheduler.ring.search import give_up_at
from scheduler.services import SchedulerServices

log = logging.getLogger(__name__)

IDLE = timedelta(seconds=5)
"""Longest sleep between two looks, whatever is known to be due."""
SEAL_AFTER = timedelta(seconds=60)
"""A session that ended and was not sealed by then (its process died) is sealed here."""
EXTEND = timedelta(minutes=15)
"""How far the reservation of a session that runs over its time is moved on."""
_BATCH = 50
AGAIN_AFTER = timedelta(seconds=30)
"""When work that broke is tried again: a row that cannot be worked off must not keep the others from it."""
_GATHER = 0.05
"""Seconds in which several pieces of news become one look."""
_Find = Callable[[ReadUnit], Awaitable[Sequence[str]]]
_Work = Callable[[UnitOfWork, str], Awaitable[None]]


class SchedulerWorker:
    """Does what is due, and says when it has to look again."""

    def __init__(
        self, database: Database, services: SchedulerServices, cases: CaseService, session_log: SessionLog, clock: Clock
    ) -> None:
        self._database = database
        self._services = services
        self._cases = cases
        self._log = session_log
        self._clock = clock
        self._system = Actor.system()
        self._referrals = Referrals()
        self._news = asyncio.Event()
        self._looked_at = clock.now()
        self._broken: dict[str, datetime] = {}
        """Work that broke, by what it was about, and when it is tried again."""

    def wake(self) -> None:
        """Look again now: something was asked for or answered. Give this to ``Database.on_news``."""
        self._news.set()

    async def run(self) -> None:
        """Work until cancelled. One failed look is logged and does not end it."""
        while True:
            self._news.clear()
            try:
                due = await self.tick()
            except Exception as error:
                if not is_transient(error) and not isinstance(error, AppError):
                    log.exception("scheduler_tick_failed")
                due = self._clock.now() + timedelta(seconds=1)
            wait = max(0.05, (due - self._clock.now()).total_seconds())
            try:
                async with asyncio.timeout(wait):
                    await self._news.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(_GATHER)

    async def tick(self) -> datetime:
        """Do everything that is due now; returns when the next thing is due (at most ``IDLE`` ahead).

        Mostly nothing is: every piece of news asks for a look, so that is found out in one transaction.
        """
        async with self._database.read(self._system) as unit:
            if not await self._anything(unit):
                return await self._next_due(unit)
        async with self._database.read(self._system) as unit:
            gone = await self._gone(unit)
        if gone:
            async with self._database.unit(self._system) as uow:
                await self._services.presence.sweep(uow)
        for find, work in self._looks():
            # What was done before may have made more due, or less.
            async with self._database.read(self._system) as unit:
                subjects = await find(unit)
            for subject in subjects:
                await self._one(work, subject)
        await self._overdue_cases()
        async with self._database.read(self._system) as unit:
            due = await self._next_due(unit)
        # What broke stays due in its row; without this the next look would come at once, and every one after it.
        return max(due, self._clock.now() + timedelta(seconds=1)) if self._broken else due

    def _looks(self) -> tuple[tuple[_Find, _Work], ...]:
        return (
            (self._due_classes, self._reclass),
            (self._due_musts, self._services.bookings.escalate_must),
            (self._due_rounds, self._round),
            (self._unkept_leases, self._join_lease),
            (self._due_windows, self._window),
            (self._over_waits, self._give_up),
            (self._over_holds, self._lapse),
            (self._over_legs, self._drop_leg),
            (self._services.proposals.expired, self._services.proposals.lapse),
            (self._running_over, self._extend),
            (self._unsealed, self._seal),
            (self._referrals.overdue, self._referrals.tell_overdue),
        )

    async def _anything(self, unit: ReadUnit) -> bool:
        """Whether there is any work."""
        if await self._gone(unit):
            return True
        for find, _ in self._looks():
            if await find(unit):
                return True
        if await self._cases.overdue(unit, after=self._looked_at):
            return True
        self._looked_at = unit.now
        return False

    async def _gone(self, unit: ReadUnit) -> bool:
        """Whether somebody's page has not been heard of in time."""
        silent = select(Presence.interpreter_id).where(Presence.seen_until <= self._clock.now()).limit(1)
        return await unit.session.scalar(silent) is not None

    async def _one(self, work: _Work, subject: str) -> None:
        """One piece of work in its own transaction; what another worker or a person did meanwhile is no failure.
        What breaks is logged and left alone for a while: one row's trouble is not that of the others.
        """
        until = self._broken.get(subject)
        if until is not None and self._clock.now() < until:
            return
        self._broken.pop(subject, None)
        try:
            async with self._database.unit(self._system) as uow:
                await work(uow, subject)
        except AppError as error:
            log.info("scheduler_work_skipped", extra={"code": error.code, "subject": subject})
        except Exception as error:
            if is_transient(error):
                raise
            self._broken[subject] = self._clock.now() + AGAIN_AFTER
            log.exception("scheduler_work_failed", extra={"subject": subject})

    async def _due_classes(self, unit: ReadUnit) -> Sequence[str]:
        return await due_for_reclass(unit, self._clock.now())

    async def _reclass(self, uow: UnitOfWork, booking_id: str) -> None:
        await self._services.bookings.by_the_clock(uow, booking_id)

    async def _due_musts(self, unit: ReadUnit) -> Sequence[str]:
        return await unmet_musts(unit, self._clock.now())

    async def _due_rounds(self, unit: ReadUnit) -> list[str]:
        """Searches whose round is over, or in which nobody is left who could answer."""
        now = self._clock.now()
        ringing = exists().where(Offer.booking_id == Booking.id, Offer.state == OfferState.PENDING)
        return await _ids(
            unit,
            select(Booking.id)
            .where(
                Booking.state == BookingState.OFFERING,
                or_(Booking.next_round_at <= now, ~ringing & Booking.reason.is_distinct_from(KEPT)),
            )
            .order_by(aged_class_sql(now), Booking.requested_at)
            .limit(_BATCH),
        )

    async def _round(self, uow: UnitOfWork, booking_id: str) -> None:
        booking = await try_lock_booking(uow, booking_id)
        if booking is None or booking.state is not BookingState.OFFERING:
            return
        if give_up_at(booking) <= uow.now:
            await self._services.conduct.miss(uow, booking_id, reason=MissReason.NO_INTERPRETER)
        else:
            await self._services.offers.advance_round(uow, booking_id)

    async def _unkept_leases(self, unit: ReadUnit) -> list[str]:
        return await _ids(
            unit,
            select(Booking.id).where(
                Booking.state == BookingState.ASSIGNED, Booking.kind == "now", Booking.join_by <= self._clock.now()
            ),
        )

    async def _join_lease(self, uow: UnitOfWork, booking_id: str) -> None:
        """Accepted, but not in the room in time: released, and the next are rung without that person."""
        booking = await try_lock_booking(uow, booking_id)
        if booking is None or booking.state is not BookingState.ASSIGNED or booking.join_by is None:
            return
        if booking.join_by > uow.now:
            return
        absent = await self._log.absent_interpreters(uow, str(booking.session_id))
        if not absent and await _in_room(uow, booking.session_id, "interpreter"):
            await self._services.conduct.arrived(uow, str(booking.session_id))
        else:
            who = await self._services.conduct.only_absent(uow, booking)
            await self._services.conduct.release(uow, booking_id, reason="not_joined", broken=True, who=who)

    async def _due_windows(self, unit: ReadUnit) -> list[str]:
        now = self._clock.now()
        appointment_over = (Booking.kind != "now") & (Booking.join_by <= now)
        return await _ids(
            unit,
            select(Booking.id).where(
                Booking.state == BookingState.ASSIGNED, or_(Booking.next_round_at <= now, appointment_over)
            ),
        )

    async def _window(self, uow: UnitOfWork, booking_id: str) -> None:
        """The room of an appointment opens; or the time of an agreed session is over and it has not begun."""
        booking = await try_lock_booking(uow, booking_id)
        if booking is None or booking.state is not BookingState.ASSIGNED:
            return
        opens = booking.next_round_at is not None and booking.next_round_at <= uow.now
        if booking.join_by is None or (booking.kind != "now" and booking.join_by <= uow.now):
            await self._begin_or_miss(uow, booking)
        elif opens:
            booking.next_round_at = None
            await uow.flush()
            tell_booking(uow, booking)
            assignments = await uow.session.scalars(
                select(Assignment).where(
                    Assignment.booking_id == booking_id, Assignment.state == AssignmentState.ACTIVE
                )
            )
            for assignment in assignments.all():
                await tell_assignment(uow, booking, assignment)

    async def _begin_or_miss(self, uow: UnitOfWork, booking: Booking) -> None:
        """Who is missing, misses it; with both in the room an appointment has until its end to begin."""
        if not await _in_room(uow, booking.session_id, "interpreter"):
            reason = MissReason.INTERPRETER_ABSENT
        elif not await _in_room(uow, booking.session_id, "officer"):
            reason = MissReason.OFFICER_ABSENT
        elif booking.join_by is not None and booking.ends_at > uow.now:
            booking.join_by, booking.next_round_at = None, booking.ends_at
            await uow.flush()
            return
        else:
            reason = MissReason.CONNECTION_FAILED
        await self._services.conduct.miss(uow, booking.id, reason=reason)

    async def _over_waits(self, unit: ReadUnit) -> list[str]:
        return await _ids(
            unit,
            select(Booking.id).where(
                Booking.state == BookingState.UNFILLED, Booking.next_round_at <= self._clock.now()
            ),
        )

    async def _give_up(self, uow: UnitOfWork, booking_id: str) -> None:
        booking = await try_lock_booking(uow, booking_id)
        if booking is None or booking.state is not BookingState.UNFILLED:
            return
        if booking.next_round_at is not None and booking.next_round_at <= uow.now:
            await self._services.conduct.miss(uow, booking_id, reason=MissReason.NO_INTERPRETER)

    async def _over_holds(self, unit: ReadUnit) -> list[str]:
        return list(await self._services.appointments.expired(unit))

    async def _lapse(self, uow: UnitOfWork, booking_id: str) -> None:
        await self._services.appointments.lapse(uow, booking_id)

    async def _over_legs(self, unit: ReadUnit) -> list[str]:
        return list(await self._services.legs.expired(unit))

    async def _drop_leg(self, uow: UnitOfWork, booking_id: str) -> None:
        await self._services.legs.lapse(uow, booking_id)

    async def _running_over(self, unit: ReadUnit) -> list[str]:
        soon = self._clock.now() + timedelta(minutes=1)
        return await _ids(
            unit,
            select(Assignment.id)
            .join(Booking, Booking.id == Assignment.booking_id)
            .where(
                Assignment.state == AssignmentState.ACTIVE,
                Assignment.busy_until <= soon,
                Booking.state == BookingState.IN_SESSION,
            ),
        )

    async def _extend(self, uow: UnitOfWork, assignment_id: str) -> None:
        """A session runs over its time: nobody else may get this person meanwhile. A next appointment is not moved."""
        assignment = await uow.session.get_one(Assignment, assignment_id)
        following = await uow.session.scalar(
            select(func.min(Assignment.starts_at)).where(
                Assignment.interpreter_id == assignment.interpreter_id,
                Assignment.state == AssignmentState.ACTIVE,
                Assignment.id != assignment_id,
                Assignment.starts_at >= assignment.busy_until,
            )
        )
        until = uow.now + EXTEND
        if following is not None and following < until:
            until = following
        if until <= assignment.busy_until:
            return
        await uow.session.execute(
            update(Assignment)
            .where(Assignment.id == assignment_id, Assignment.state == AssignmentState.ACTIVE)
            .values(busy_until=until)
            .execution_options(synchronize_session=False)
        )

    async def _unsealed(self, unit: ReadUnit) -> list[str]:
        return await _ids(
            unit,
            select(Session.id).where(
                Session.state == SessionState.ENDED, Session.ended_at <= self._clock.now() - SEAL_AFTER
            ),
        )

    async def _seal(self, uow: UnitOfWork, session_id: str) -> None:
        await self._log.seal(uow, session_id)

    async def _overdue_cases(self) -> None:
        """Temporary cases whose day is over: their screens and lists are told; nothing closes by itself."""
        since, self._looked_at = self._looked_at, self._clock.now()
        async with self._database.read(self._system) as unit:
            found = await self._cases.overdue(unit, after=since)
        if not found:
            return
        async with self._database.unit(self._system) as uow:
            for case in found:
                body = {"case_id": case.id, "country": case.country, "authority": case.authority}
                uow.emit(CASE_CHANGED, body, country=case.country)

    async def _next_due(self, unit: ReadUnit) -> datetime:
        now = self._clock.now()
        timed = (BookingState.OFFERING, BookingState.UNFILLED, BookingState.ASSIGNED)
        rounds = await unit.session.scalar(select(func.min(Booking.next_round_at)).where(Booking.state.in_(timed)))
        joins = await unit.session.scalar(
            select(func.min(Booking.join_by)).where(Booking.state == BookingState.ASSIGNED)
        )
        leases = await unit.session.scalar(select(func.min(Presence.seen_until)))
        known = [at for at in (rounds, joins, leases) if at is not None]
        return max(now, min([*known, now + IDLE]))


async def _ids(unit: ReadUnit, statement: Select[str]) -> list[str]:
    return list((await unit.session.scalars(statement)).all())


async def _in_room(uow: UnitOfWork, session_id: str | None, part: str) -> bool:
    """Whether that part is in the room, or was a moment ago with a line that is being mended."""
    if session_id is None:
        return False
    found = await uow.session.scalar(
        select(SessionParticipant.id)
        .where(
            SessionParticipant.session_id == session_id,
            SessionParticipant.part == part,
            SessionParticipant.state.in_(["present", "lost"]),
        )
        .limit(1)
    )
    return found is not None
