"""Repair proposals over the database: who takes the agreed appointments of somebody who drops out. Proposes only; ``approval`` binds.

Read is what the answer needs: first the lost appointments and the people who speak their languages. Only where somebody is not found
so, also the work that stands in those people's way and may move.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import aliased

from core.db.session import ReadUnit, UnitOfWork
from core.errors import Invalid
from scheduler.lifecycle import AssignmentState, BookingState
from scheduler.models import Assignment, Booking
from scheduler.plans.checker import Finding, Verdict, check
from scheduler.plans.models import Plan, PlanKind, PlanPin, PlanState
from scheduler.plans.prepare import prepare
from scheduler.plans.problem import NOBODY, Ints, Problem
from scheduler.plans.repair import Proposal, repair
from scheduler.plans.service import Cell, PlanService
from scheduler.plans.source import SOON, Appointment, Source

_DAY = timedelta(days=1)
"""So far around a lost appointment others are moved at most."""
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
    broken: Sequence[Finding] = ()
    """What the checker finds wrong with it as it stands."""


@dataclass(frozen=True)
class _Work:
    """Agreed appointments with their people, by booking."""

    rows: Mapping[str, Appointment]
    agreed: Agreed


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
        work = lost = await self._agreed(uow, country, absent, start - _DAY, end, after=start)
        if not lost.rows:
            raise Invalid("nothing_to_repair", {})
        problem, standing = await self._problem(uow, country, work, absent, lost)
        found = repair(problem, standing.chosen, _places(problem, absent), standing.lost)
        movable = await self._movable(uow, country, problem, found[0], absent, lost)
        if movable.rows:
            work = _Work({**lost.rows, **movable.rows}, {**lost.agreed, **movable.agreed})
            problem, standing = await self._problem(uow, country, work, absent, lost)
            found = repair(problem, standing.chosen, _places(problem, absent), standing.lost)
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
            plan.phase = "done"
            cells = _cells(problem, proposal, work.agreed, frozenset(lost.rows))
            verdict = _new(standing, proposal.verdict)
            await self._plans.fill(uow, plan, cells, verdict=verdict, bound=None)
            plans.append(plan)
        return plans

    async def _agreed(
        self,
        unit: ReadUnit,
        country: str,
        people: Collection[str],
        start: datetime,
        end: datetime,
        *,
        after: datetime | None = None,
    ) -> _Work:
        """Agreed appointments of a country in which one of ``people`` works, that begin in ``[start, end)`` (and end ``after``) and have
        not begun yet, with who takes each leg."""
        mine = aliased(Assignment)
        theirs = select(mine.booking_id).where(
            mine.interpreter_id.in_(sorted(people)), mine.state == AssignmentState.ACTIVE, mine.ends_at > start
        )
        rows = await unit.session.execute(
            select(
                Booking.id, Booking.step_code, Booking.need, Booking.priority, Booking.way, Booking.pivot,
                Booking.starts_at, Booking.ends_at, Assignment.leg, Assignment.interpreter_id,
            )
            .join(Assignment, Assignment.booking_id == Booking.id)
            .where(
                Booking.country == country,
                Booking.kind != "now",
                Booking.state == BookingState.ASSIGNED,
                Booking.starts_at >= max(start, unit.now + SOON),
                Booking.starts_at < end,
                Booking.ends_at > (after or start),
                Assignment.state == AssignmentState.ACTIVE,
                Booking.id.in_(theirs),
            )
            .order_by(Booking.starts_at, Booking.id)
        )  # fmt: skip
        found: dict[str, Appointment] = {}
        agreed: dict[str, dict[int, str]] = {}
        for row in rows:
            found[row.id] = Appointment(
                row.id, row.step_code, row.need, row.priority, row.way, row.pivot, row.starts_at, row.ends_at
            )
            agreed.setdefault(row.id, {})[row.leg] = row.interpreter_id
        return _Work(found, agreed)

    async def _movable(
        self,
        unit: ReadUnit,
        country: str,
        problem: Problem,
        proposal: Proposal,
        absent: frozenset[str],
        lost: _Work,
    ) -> _Work:
        """Agreed work near in time of those who could take what nobody is free for; what a coordinator has pinned stays."""
        nothing = _Work({}, {})
        names = [problem.bookings[booking] for booking in proposal.left_out]
        legs = [leg for booking in proposal.left_out for leg in _legs_of(problem, booking)]
        could = {
            int(who) for leg in legs for who in problem.opt_person[problem.leg_ptr[leg] : problem.leg_ptr[leg + 1]]
        }
        people = {problem.people[who] for who in could} - absent
        if not people:
            return nothing
        times = [(lost.rows[name].starts_at - _DAY, lost.rows[name].starts_at + _DAY) for name in names]
        start, end = min(low for low, _ in times), max(high for _, high in times)
        near = await self._agreed(unit, country, people, start, end)
        kept = {
            name
            for name, row in near.rows.items()
            if name not in lost.rows and any(low <= row.starts_at < high for low, high in times)
        }
        pinned = await unit.session.scalars(select(PlanPin.booking_id).where(PlanPin.booking_id.in_(sorted(kept))))
        kept -= set(pinned)
        return _Work(
            {name: row for name, row in near.rows.items() if name in kept},
            {name: legs for name, legs in near.agreed.items() if name in kept},
        )

    async def _problem(
        self, unit: ReadUnit, country: str, work: _Work, absent: frozenset[str], lost: _Work
    ) -> tuple[Problem, _Standing]:
        """The problem with today's agreement as its plan. What today's rules would not allow any more stays as it is, unplanned, unless
        it is just what has to be repaired."""
        material = await self._source.material(unit, country, list(work.rows.values()), connecting=True)
        planned = set(work.rows)
        while True:
            problem = prepare(
                [ask for ask in material.asks if ask.id in planned],
                material.people,
                material.rules,
                material.frame,
                free=material.free,
                held=[piece for piece in material.held if piece.booking_id not in planned],
            )
            standing = _as_plan(problem, work.agreed, absent, frozenset(lost.rows))
            broken = check(problem, standing.chosen).findings
            fixed = standing.missing | (_unruly(problem, standing, broken) - frozenset(lost.rows))
            if not fixed:
                return problem, replace(standing, broken=broken)
            planned -= fixed


def _unruly(problem: Problem, standing: _Standing, broken: Sequence[Finding]) -> frozenset[str]:
    """Agreed bookings that keep the rules of agreeing but not those of planning (a plan leaves longer breaks): they stay as they are."""
    people = {finding.person for finding in broken}
    return frozenset(
        problem.bookings[int(problem.leg_booking[leg])]
        for leg, option in enumerate(standing.chosen.tolist())
        if option >= 0 and int(problem.opt_person[option]) in people
    )


def _new(standing: _Standing, verdict: Verdict) -> Verdict:
    """What a proposal breaks beside what is broken already."""
    known = {(finding.fault, finding.person) for finding in standing.broken}
    found = (finding for finding in verdict.findings if (finding.fault, finding.person) not in known)
    return replace(verdict, findings=tuple(found))


def _places(problem: Problem, people: frozenset[str]) -> frozenset[int]:
    """Their numbers in the problem."""
    return frozenset(at for at, who in enumerate(problem.people) if who in people)


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
