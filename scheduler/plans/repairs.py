"""Repair proposals over the database: who takes the agreed appointments of somebody who drops out. Proposes only; ``approval`` binds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from core.db.session import ReadUnit, UnitOfWork
from core.errors import Invalid
from scheduler.lifecycle import AssignmentState, BookingState
from scheduler.models import Assignment, Booking
from scheduler.plans.models import Plan, PlanKind, PlanState
from scheduler.plans.prepare import prepare
from scheduler.plans.problem import NOBODY, Ints, Problem
from scheduler.plans.repair import Proposal, repair
from scheduler.plans.service import Cell, PlanService
from scheduler.plans.source import SOON, Source

_DAY = timedelta(days=1)
Agreed = Mapping[str, Mapping[int, str]]
"""Interpreter by leg, by booking."""


@dataclass(frozen=True)
class _Standing:
    """Agreed work as a plan of a problem."""

    chosen: Ints
    lost: frozenset[int]
    """Legs that somebody has to take who is not absent; whether or not the rules would still allow who has them."""
    missing: frozenset[str]
    """Bookings whose agreement is no option of the problem, although nobody of theirs is absent."""


class Repairs:
    """Makes proposals."""

    def __init__(self, source: Source, plans: PlanService) -> None:
        self._source, self._plans = source, plans

    async def propose(
        self, uow: UnitOfWork, country: str, interpreter_ids: Sequence[str], start: datetime, end: datetime
    ) -> list[Plan]:
        """At most two proposals for the agreed appointments of these people in ``[start, end)``: with nobody else moved, and with some.
        It does not matter whether their absence stands in the calendar already.

        Raises ``Invalid``: ``window_wrong``, ``nothing_to_repair``.
        """
        if not start < end:
            raise Invalid("window_wrong", {"days": 0})
        absent = frozenset(interpreter_ids)
        agreed = await self.agreed(uow, country, start - _DAY, end + _DAY)
        lost = await self._lost(uow, agreed, absent, start, end)
        if not lost:
            raise Invalid("nothing_to_repair", {})
        rows = await self._rows(uow, list(agreed))
        problem, standing = await self._problem(uow, country, rows, agreed, absent, lost)
        people = frozenset(at for at, who in enumerate(problem.people) if who in absent)
        found = repair(problem, standing.chosen, people, standing.lost)
        plans = []
        for proposal in found:
            plan = await self._plans.add(
                uow,
                country,
                start,
                end,
                kind=PlanKind.REPAIR,
                seconds=0,
                state=PlanState.PROPOSED,
                absent_id=interpreter_ids[0],
            )
            await uow.flush()
            plan.phase = "done"
            cells = _cells(problem, proposal, agreed, lost)
            await self._plans.store(uow, plan, cells, verdict=proposal.verdict, bound=None)
            plans.append(plan)
        return plans

    async def agreed(self, unit: ReadUnit, country: str, start: datetime, end: datetime) -> dict[str, dict[int, str]]:
        """Agreed appointments of a country that have not begun, with who takes each leg."""
        rows = await unit.session.execute(
            select(Assignment.booking_id, Assignment.leg, Assignment.interpreter_id)
            .join(Booking, Booking.id == Assignment.booking_id)
            .where(
                Booking.country == country,
                Booking.kind != "now",
                Booking.state == BookingState.ASSIGNED,
                Booking.starts_at >= max(start, unit.now + SOON),
                Booking.starts_at < end,
                Assignment.state == AssignmentState.ACTIVE,
            )
        )
        found: dict[str, dict[int, str]] = defaultdict(dict)
        for booking_id, leg, who in rows:
            found[booking_id][leg] = who
        return dict(found)

    async def _lost(
        self, unit: ReadUnit, agreed: Agreed, absent: frozenset[str], start: datetime, end: datetime
    ) -> frozenset[str]:
        rows = await unit.session.scalars(
            select(Booking.id).where(
                Booking.id.in_([name for name, legs in agreed.items() if absent & set(legs.values())]),
                Booking.starts_at < end,
                Booking.ends_at > start,
            )
        )
        return frozenset(rows)

    async def _rows(self, unit: ReadUnit, ids: Sequence[str]) -> list[Booking]:
        rows = await unit.session.scalars(
            select(Booking).where(Booking.id.in_(ids)).order_by(Booking.starts_at, Booking.id)
        )
        return list(rows)

    async def _problem(
        self,
        unit: ReadUnit,
        country: str,
        rows: Sequence[Booking],
        agreed: Agreed,
        absent: frozenset[str],
        lost: frozenset[str],
    ) -> tuple[Problem, _Standing]:
        """The problem with today's agreement as its plan. What today's rules would not allow any more stays as it is, unplanned, unless
        it is just what has to be repaired."""
        material = await self._source.material(unit, country, rows, without=[row.id for row in rows])
        problem = prepare(
            material.asks, material.people, material.rules, material.frame, free=material.free, held=material.held
        )
        standing = _as_plan(problem, agreed, absent, lost)
        if standing.missing:
            rows = [row for row in rows if row.id not in standing.missing]
            return await self._problem(unit, country, rows, agreed, absent, lost)
        return problem, standing


def _as_plan(problem: Problem, agreed: Agreed, absent: frozenset[str], lost: frozenset[str]) -> _Standing:
    """Agreed work as a plan. Of ``lost`` bookings the legs of those who are absent are open; where the way that was agreed does not exist
    any more, all legs of another one are."""
    chosen = problem.nobody()
    open_legs: set[int] = set()
    missing: set[str] = set()
    for booking, name in enumerate(problem.bookings):
        people = agreed.get(name, {})
        gone = absent if name in lost else frozenset[str]()
        ways = range(int(problem.booking_ptr[booking]), int(problem.booking_ptr[booking + 1]))
        fitting = next((found for way in ways if (found := _on_way(problem, way, people, gone)) is not None), None)
        if fitting is not None:
            for leg, option in fitting.items():
                chosen[leg] = option
                if people[int(problem.leg_place[leg])] in gone:
                    open_legs.add(leg)
        elif name not in lost:
            missing.add(name)
        elif ways:
            open_legs |= set(_legs(problem, ways[0]))
    return _Standing(chosen, frozenset(open_legs), frozenset(missing))


def _on_way(problem: Problem, way: int, people: Mapping[int, str], gone: frozenset[str]) -> dict[int, int] | None:
    """Options by leg if the agreement fits this way. Who is gone need not be allowed any more: then the leg has nobody."""
    legs = _legs(problem, way)
    if len(legs) != len(people):
        return None
    options: dict[int, int] = {}
    for leg in legs:
        who = people.get(int(problem.leg_place[leg]))
        span = range(int(problem.leg_ptr[leg]), int(problem.leg_ptr[leg + 1]))
        found = next((one for one in span if problem.people[int(problem.opt_person[one])] == who), NOBODY)
        if who is None or (found == NOBODY and who not in gone):
            return None
        options[leg] = found
    return options


def _cells(problem: Problem, proposal: Proposal, agreed: Agreed, lost: frozenset[str]) -> list[Cell]:
    """All legs of every booking in which something changes, and of those for which nobody was found."""
    touched = {int(problem.leg_booking[change.leg]) for change in proposal.changes}
    touched |= {booking for booking, name in enumerate(problem.bookings) if name in lost}
    cells: list[Cell] = []
    for booking in sorted(touched):
        name = problem.bookings[booking]
        after: dict[int, tuple[str, int, str]] = {}
        for leg in _legs_of(problem, booking):
            option = int(proposal.chosen[leg])
            if option >= 0:
                who = problem.people[int(problem.opt_person[option])]
                pivot = problem.pivots[int(problem.leg_way[leg])]
                after[int(problem.leg_place[leg])] = (who, int(problem.opt_cost[option]), pivot)
        for place, before in sorted(agreed[name].items()):
            got = after.get(place)
            cells.append(
                Cell(
                    name,
                    place,
                    interpreter_id=got[0] if got else None,
                    before_id=before,
                    pivot=(got[2] or None) if got else None,
                    cost=got[1] if got else 0,
                )
            )
    return cells


def _legs_of(problem: Problem, booking: int) -> list[int]:
    """Legs of a booking."""
    first, last = int(problem.booking_ptr[booking]), int(problem.booking_ptr[booking + 1])
    return [leg for way in range(first, last) for leg in _legs(problem, way)]


def _legs(problem: Problem, way: int) -> range:
    """Legs of a way."""
    return range(int(problem.way_ptr[way]), int(problem.way_ptr[way + 1]))
