"""The reserve of M-10: a fifth of the people of a language stays for booked work, whatever surge asks for now.

A request for now of another class than P1 rings, and is accepted, only while enough people stay free for the appointments of
the next two hours. With few people on line nobody can be set aside, and without appointments nobody is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Integer, and_, case, delete, func, literal, select

from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict
from scheduler.eligibility import BRIDGE, NeedContext
from scheduler.lifecycle import AssignmentState, BookingState, Priority
from scheduler.models import Assignment, Booking, Interpreter, InterpreterPair, Presence
from scheduler.need import MatchRules, Need
from scheduler.ring.models import RingHold
from scheduler.ring.policy import LadderPolicy

KEPT = "kept_for_booked"
"""The reason of a request that waits because the rest is kept for booked work."""
AGE_STEP = timedelta(minutes=10)
"""A waiting request rises one class per step, so that nobody starves behind newer ones."""
_LOWEST, _HIGHEST_AGED = 5, 2
_BOOKED = (BookingState.REQUESTED, BookingState.OFFERING, BookingState.UNFILLED, BookingState.ASSIGNED)


@dataclass(frozen=True)
class Capacity:
    """The people of a language at one moment, and how many of them booked work keeps."""

    people: int
    """On line, free or at work."""
    free: int
    booked: int
    """Appointments that begin soon."""
    reserve: int

    @property
    def is_kept(self) -> bool:
        """Whether taking one more would eat the reserve."""
        return self.reserve > 0 and self.free <= self.reserve


def reserve_of(people: int, booked: int, *, percent: int, smallest: int) -> int:
    """How many people stay free: the share of ``percent``, rounded up, and never more than there are appointments."""
    if people < smallest:
        return 0
    return min(booked, -(-people * percent // 100))


def is_under_reserve(kind: str, priority: str) -> bool:
    """Whether a request must leave the reserve alone: everything for now but P1 (M-10)."""
    return kind == "now" and priority != Priority.P1.value


class Reserves:
    """Looks how many people are left, and says no in time."""

    async def look(
        self, unit: ReadUnit, booking: Booking, need: Need, rules: MatchRules, policy: LadderPolicy
    ) -> Capacity | None:
        """How things stand for this request; none if nothing is kept from it."""
        if not is_under_reserve(booking.kind, booking.priority):
            return None
        options = sorted(NeedContext.build(need, rules).options)
        booked = int(
            await unit.session.scalar(
                select(func.count())
                .select_from(Booking)
                .where(
                    Booking.kind != "now",
                    Booking.country == booking.country,
                    Booking.state.in_(_BOOKED),
                    Booking.language.in_(options),
                    Booking.starts_at > unit.now,
                    Booking.starts_at <= unit.now + timedelta(minutes=policy.booked_ahead_minutes),
                )
            )
            or 0
        )
        if not booked or await self._is_lifted(unit, booking.id):
            return None
        people, busy = await self._people(unit, booking.country, options, sorted({*need.officer_languages, BRIDGE}))
        reserve = reserve_of(people, booked, percent=policy.reserve_percent, smallest=policy.reserve_from)
        return Capacity(people, people - busy, booked, reserve)

    async def guard(
        self, uow: UnitOfWork, booking: Booking, need: Need, rules: MatchRules, policy: LadderPolicy
    ) -> None:
        """Refuse an acceptance that would eat the reserve; acceptances of a country come here one after the other.

        Raises ``Conflict('kept_for_booked')``. Taken after the person and before the booking (``scheduler.locks``).
        """
        if await self.look(uow, booking, need, rules, policy) is None:
            return
        if uow.dialect == "postgresql":
            lock = func.pg_advisory_xact_lock(func.hashtext(f"reserve:{booking.country}"))
            await uow.session.execute(select(lock))
        capacity = await self.look(uow, booking, need, rules, policy)
        if capacity is not None and capacity.is_kept:
            raise Conflict(KEPT)

    async def hold(self, uow: UnitOfWork, booking: Booking, capacity: Capacity) -> RingHold:
        """Note that the request is kept back; the first moment stays."""
        row = await uow.session.get(RingHold, booking.id, populate_existing=True)
        if row is None:
            row = RingHold(booking_id=booking.id, country=booking.country, since=uow.now)
            uow.session.add(row)
        row.capacity, row.free, row.reserve = capacity.people, capacity.free, capacity.reserve
        await uow.flush()
        return row

    async def release(self, uow: UnitOfWork, booking_id: str) -> None:
        """The request rings: it is not kept back any more."""
        await uow.session.execute(
            delete(RingHold)
            .where(RingHold.booking_id == booking_id, RingHold.lifted_at.is_(None))
            .execution_options(synchronize_session=False)
        )

    async def lift(self, uow: UnitOfWork, booking: Booking) -> bool:
        """A coordinator lets a request through that was kept back; false if it was not."""
        row = await uow.session.get(RingHold, booking.id, populate_existing=True)
        if row is None or row.lifted_at is not None:
            return False
        row.lifted_by, row.lifted_at = uow.actor.id, uow.now
        await uow.flush()
        return True

    async def _is_lifted(self, unit: ReadUnit, booking_id: str) -> bool:
        lifted = select(RingHold.booking_id).where(RingHold.booking_id == booking_id, RingHold.lifted_at.is_not(None))
        return await unit.session.scalar(lifted) is not None

    async def _people(self, unit: ReadUnit, country: str, spoken: list[str], officer: list[str]) -> tuple[int, int]:
        """Who of the country connects the languages and is on line; how many of them are at work."""
        speaks = select(InterpreterPair.interpreter_id).where(
            InterpreterPair.from_lang.in_(spoken), InterpreterPair.to_lang.in_(officer)
        )
        at_work = (
            select(Assignment.interpreter_id)
            .where(
                Assignment.state == AssignmentState.ACTIVE,
                Assignment.starts_at <= unit.now,
                Assignment.busy_until > unit.now,
            )
            .distinct()
        )
        wanted = (
            select(func.count(), func.sum(case((Interpreter.id.in_(at_work), 1), else_=0)))
            .select_from(Interpreter)
            .join(Presence, Presence.interpreter_id == Interpreter.id)
            .where(
                Interpreter.active.is_(True),
                Interpreter.base_country == country,
                Interpreter.id.in_(speaks),
                Presence.wanted == "available",
                Presence.seen_until > unit.now,
            )
        )
        async with unit.across_countries():
            row = (await unit.session.execute(wanted)).one()
        return int(row[0]), int(row[1] or 0)


def aged_class(priority: str, waited: timedelta) -> int:
    """The class of a request that has waited: one higher per step, P2 at best, so that nobody starves; P1 stays P1."""
    number = int(priority[1:])
    return number if number == 1 else max(_HIGHEST_AGED, number - waited // AGE_STEP)


def aged_class_sql(now: datetime) -> ColumnElement[int]:
    """:func:`aged_class` as an expression to order by."""
    rises = [
        (
            and_(Booking.priority == f"P{number}", Booking.requested_at <= now - AGE_STEP * (number - better)),
            literal(better, Integer),
        )
        for number in range(_HIGHEST_AGED + 1, _LOWEST + 1)
        for better in range(_HIGHEST_AGED, number)
    ]
    plain = [(Booking.priority == f"P{number}", literal(number, Integer)) for number in range(1, _LOWEST + 1)]
    return case(*rises, *plain, else_=literal(_LOWEST, Integer))
