"""Absences and the agreed work in them: what falls out is told before, repairs are proposed, and an absence can be taken back.

Agreed work stays agreed until somebody else has it: nothing is released here. Boards show that it needs a hand, as long as any absence
of whoever has it stands, whoever entered that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from core.db.session import ReadUnit, UnitOfWork
from core.errors import Invalid
from scheduler.calendars.service import BlockInput, CalendarService, Entered, instants
from scheduler.calendars.spans import Interval, subtract
from scheduler.calendars.store import person
from scheduler.lifecycle import KEPT, AssignmentState, BookingState
from scheduler.locks import hold_person, locked_booking
from scheduler.models import Assignment, Booking
from scheduler.news import tell_booking
from scheduler.plans.models import Plan, PlanKind, PlanState
from scheduler.plans.repairs import Repairs
from scheduler.plans.service import PlanService
from scheduler.plans.source import SOON

AWAY = "interpreter_away"
"""Why a booking needs a coordinator: whoever has it will not be there."""


@dataclass(frozen=True)
class Clash:
    """A piece of work that lies in the absence."""

    booking_id: str
    case_ref: str
    country: str
    language: str
    starts_at: datetime
    ends_at: datetime
    agreed: bool
    """Otherwise only held."""
    soon: bool
    """It begins too soon for a proposal: a coordinator places somebody by hand."""


@dataclass(frozen=True)
class Effect:
    """What an absence would lead to, as far as the asker may know."""

    clashes: Sequence[Clash]
    """Of the asker's countries, by start."""
    elsewhere: int
    """How many pieces of work of other countries."""


@dataclass(frozen=True)
class EnteredAbsence:
    """What was entered."""

    id: str
    effect: Effect
    plans: Sequence[str]
    """Repairs that are proposed, by country."""


class EnteredAbsences:
    """Absences as they meet agreed work. Who may enter whose is policy; units must see both countries (``pool.regional``)."""

    def __init__(self, calendars: CalendarService, repairs: Repairs, plans: PlanService) -> None:
        self._calendars, self._repairs, self._plans = calendars, repairs, plans

    async def effect(
        self, unit: ReadUnit, interpreter_id: str, block: BlockInput, countries: Collection[str]
    ) -> Effect:
        """What falls out. Raises ``NotFound('interpreter_unknown')``, ``Invalid``: ``value_unknown``, ``time_order``."""
        zone = (await person(unit, interpreter_id)).time_zone
        rows = await self._work(unit, interpreter_id, *instants(block, zone))
        clashes = [
            Clash(
                booking_id=booking.id,
                case_ref=booking.case_ref,
                country=booking.country,
                language=booking.language,
                starts_at=booking.starts_at,
                ends_at=booking.ends_at,
                agreed=state is AssignmentState.ACTIVE,
                soon=booking.starts_at < unit.now + SOON,
            )
            for booking, state in rows
            if booking.country in countries
        ]
        return Effect(clashes, len(rows) - len(clashes))

    async def enter(
        self, uow: UnitOfWork, interpreter_id: str, block: BlockInput, *, kind: str, countries: Collection[str]
    ) -> EnteredAbsence:
        """Enter it, mark the agreed work in it for the boards of both countries, and propose repairs for ``countries``.

        Raises what ``CalendarService.enter_absence`` raises.
        """
        await hold_person(uow, interpreter_id)
        found = await self.effect(uow, interpreter_id, block, countries)
        start, end = instants(block, (await person(uow, interpreter_id)).time_zone)
        # Before it stands in the calendar: a repair begins from what is agreed by the rules as they were.
        plans: list[str] = []
        for country in sorted({clash.country for clash in found.clashes if clash.agreed and not clash.soon}):
            try:
                proposed = await self._repairs.propose(uow, country, [interpreter_id], max(start, uow.now), end)
            except Invalid as error:
                if error.code != "nothing_to_repair":
                    raise
                continue
            plans += [plan.id for plan in proposed]
        made = await self._calendars.enter_absence(uow, interpreter_id, block, kind=kind, entered_by=uow.actor.code)
        await self._mark(uow, interpreter_id, start, end)
        return EnteredAbsence(made.id, found, plans)

    async def enter_own(
        self, uow: UnitOfWork, interpreter_id: str, block: BlockInput, *, kind: str, reason: str | None = None
    ) -> Entered:
        """Enter what an interpreter says of the own time. Nothing is proposed: who agreed to work gives it back, or a coordinator acts,
        whose board shows it. Raises what ``CalendarService.add_absence`` raises."""
        await hold_person(uow, interpreter_id)
        made = await self._calendars.add_absence(uow, interpreter_id, block, kind=kind, reason=reason)
        await self._mark(uow, interpreter_id, *instants(block, (await person(uow, interpreter_id)).time_zone))
        return made

    async def take_back(self, uow: UnitOfWork, interpreter_id: str, absence_id: str) -> None:
        """Take it back, whoever entered it: work in which no other absence stands needs no hand any more, and proposals for a time in
        which none stands are put aside. What was moved meanwhile stays moved.

        Raises ``NotFound('entry_unknown')``.
        """
        await hold_person(uow, interpreter_id)
        row = await self._calendars.absence(uow, interpreter_id, absence_id)
        start, end = instants(BlockInput(row.starts_local, row.ends_local), row.zone)
        made_at = row.made_at
        await self._calendars.remove(uow, interpreter_id, "absence", absence_id)
        open_plans = await uow.session.execute(
            select(Plan.id, Plan.starts_at, Plan.ends_at).where(
                Plan.kind == PlanKind.REPAIR,
                Plan.state == PlanState.PROPOSED,
                Plan.absent_id == interpreter_id,
                Plan.ends_at == end,
                Plan.made_at >= made_at,
            )
        )
        for plan in open_plans.all():
            away = await self._calendars.away(uow, interpreter_id, plan.starts_at, plan.ends_at)
            if subtract([Interval(plan.starts_at, plan.ends_at)], away):
                await self._plans.reject(uow, plan.id)
        await self._mark(uow, interpreter_id, start, end)

    async def _work(
        self, unit: ReadUnit, interpreter_id: str, start: datetime, end: datetime
    ) -> list[tuple[Booking, AssignmentState]]:
        """What the person has agreed to or is held for in that time and has not begun, by start."""
        rows = await unit.session.execute(
            select(Booking, Assignment.state)
            .join(Assignment, Assignment.booking_id == Booking.id)
            .where(
                Assignment.interpreter_id == interpreter_id,
                Assignment.state.in_(KEPT),
                Assignment.starts_at < end,
                Assignment.ends_at > start,
                Booking.state != BookingState.IN_SESSION,
            )
            .order_by(Booking.starts_at, Booking.id)
        )
        return [(row[0], row[1]) for row in rows]

    async def _mark(self, uow: UnitOfWork, interpreter_id: str, start: datetime, end: datetime) -> None:
        """Make the marks of the person's agreed work in that time what the absences that stand now say."""
        work = await self._work(uow, interpreter_id, start, end)
        for booking_id in sorted(booking.id for booking, state in work if state is AssignmentState.ACTIVE):
            booking = await locked_booking(uow, booking_id)
            if booking.state is not BookingState.ASSIGNED:
                continue
            away = await self._anybody_away(uow, booking)
            if away == (booking.reason == AWAY):
                continue
            booking.needs_coordinator, booking.reason = away, AWAY if away else None
            booking.version += 1
            tell_booking(uow, booking)
        await uow.flush()

    async def _anybody_away(self, unit: ReadUnit, booking: Booking) -> bool:
        """Whether an absence of one of those who have the booking meets it."""
        rows = await unit.session.execute(
            select(Assignment.interpreter_id, Assignment.starts_at, Assignment.ends_at).where(
                Assignment.booking_id == booking.id, Assignment.state == AssignmentState.ACTIVE
            )
        )
        for who, start, end in rows.all():
            away = await self._calendars.away(unit, who, start, end)
            if any(one.meets(start, end) for one in away):
                return True
        return False
