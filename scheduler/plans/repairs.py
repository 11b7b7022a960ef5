"""Repair proposals over the database: who takes the agreed appointments of somebody who drops out. Proposes only; ``approval`` binds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from core.db.session import ReadUnit, UnitOfWork
from core.errors import Invalid
from scheduler.lifecycle import AssignmentState, BookingState
from scheduler.models import Assignment, Booking
from scheduler.plans.models import Plan, PlanKind, PlanState
from scheduler.plans.prepare import prepare
from scheduler.plans.problem import Ints, Problem
from scheduler.plans.repair import Proposal, repair
from scheduler.plans.service import Cell, PlanService
from scheduler.plans.source import SOON, Source

_DAY = timedelta(days=1)
Agreed = Mapping[str, Mapping[int, str]]
"""Interpreter by leg, by booking."""


class Repairs:
    """Makes proposals."""

    def __init__(self, source: Source, plans: PlanService) -> None:
        self._source, self._plans = source, plans

    async def propose(
        self, uow: UnitOfWork, country: str, interpreter_ids: Sequence[str], start: datetime, end: datetime
    ) -> list[Plan]:
        """At most two proposals for the agreed appointments of these people in ``[start, end)``: with nobody else moved, and with some.

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
        problem, current = await self._problem(uow, country, rows, agreed)
        people = frozenset(at for at, who in enumerate(problem.people) if who in absent)
        place = {name: at for at, name in enumerate(problem.bookings)}
        hit = {place[name] for name in lost if name in place}
        legs = frozenset(
            leg
            for leg, option in enumerate(current.tolist())
            if int(problem.leg_booking[leg]) in hit
            and option >= 0
            and problem.people[int(problem.opt_person[option])] in absent
        )
        found = repair(problem, current, people, legs)
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
            cells = _cells(problem, proposal, agreed)
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
        self, unit: ReadUnit, country: str, rows: Sequence[Booking], agreed: Agreed
    ) -> tuple[Problem, Ints]:
        """The problem with today's agreement as its plan. What today's rules would not allow any more stays as it is, unplanned."""
        material = await self._source.material(unit, country, rows, without=[row.id for row in rows])
        problem = prepare(
            material.asks, material.people, material.rules, material.frame, free=material.free, held=material.held
        )
        current, missing = _as_plan(problem, agreed)
        if missing:
            rows = [row for row in rows if row.id not in missing]
            return await self._problem(unit, country, rows, agreed)
        return problem, current


def _as_plan(problem: Problem, agreed: Agreed) -> tuple[Ints, frozenset[str]]:
    """Agreed work as a plan, and bookings whose agreement is no option of the problem."""
    chosen = problem.nobody()
    missing: set[str] = set()
    for booking, name in enumerate(problem.bookings):
        people = agreed.get(name, {})
        fitting = None
        for way in range(int(problem.booking_ptr[booking]), int(problem.booking_ptr[booking + 1])):
            options: dict[int, int] = {}
            for leg in range(int(problem.way_ptr[way]), int(problem.way_ptr[way + 1])):
                for option in range(int(problem.leg_ptr[leg]), int(problem.leg_ptr[leg + 1])):
                    if problem.people[int(problem.opt_person[option])] == people.get(int(problem.leg_place[leg])):
                        options[leg] = option
            if len(options) == len(people) == int(problem.way_ptr[way + 1] - problem.way_ptr[way]):
                fitting = options
                break
        if fitting is None:
            missing.add(name)
            continue
        for leg, option in fitting.items():
            chosen[leg] = option
    return chosen, frozenset(missing)


def _cells(problem: Problem, proposal: Proposal, agreed: Agreed) -> list[Cell]:
    """All legs of every booking in which something changes."""
    touched = {int(problem.leg_booking[change.leg]) for change in proposal.changes}
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
    return list(range(int(problem.way_ptr[first]), int(problem.way_ptr[last])))
