"""A coordinator chooses the person for one cell of a proposed plan: everybody with reasons, the whole plan checked again, a pin.

What is found here is a proposal like the rest of the plan; ``approval`` binds it, with every rule once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from sqlalchemy import delete, select

from core.access import Actor
from core.db.session import Database, ReadUnit, UnitOfWork
from core.errors import Conflict, NotFound, Param
from scheduler.assignments import Assignments
from scheduler.eligibility import NeedContext, Rule, failed_rules
from scheduler.legs import Way
from scheduler.models import Booking, Interpreter
from scheduler.need import Candidate
from scheduler.plans.models import Plan, PlanCell, PlanKind, PlanState
from scheduler.plans.prepare import prepare
from scheduler.plans.problem import Ints, Problem
from scheduler.plans.runs import resumed
from scheduler.plans.seats import Changed, Seat, Seats, seated, seats
from scheduler.plans.service import PlanService, cell_rows, cells_of
from scheduler.plans.source import Material, Source
from scheduler.ranking import TENTHS, TermCode, rank

_NO_LANGUAGE = frozenset({Rule.LANGUAGE, Rule.RELAY})
_SAID_NO, _OTHER_SIDE, _TOO_LONG = "M-11.declined", "M-9.other_side", "S-8.window"


class TermView(TypedDict):
    """One part of the score of a match, in points."""

    rule: str
    code: str
    points: float


class ReasonView(TypedDict):
    """One rule that keeps somebody from the cell."""

    rule: str
    params: dict[str, Param]
    beside: str | None
    """Reference of the case whose appointment in this plan stands in the way."""
    beside_at: datetime | None


class SeatView(TypedDict):
    """Somebody who may have the cell."""

    interpreter_id: str
    interpreter: str
    points: int
    """Points lost against the best possible match."""
    change: int
    """What the plan costs more than now, in points; below 0 less."""
    terms: list[TermView]
    chosen: bool
    """Has the cell in this plan."""


class BarredView(TypedDict):
    """Somebody who may not, and by which rules."""

    interpreter_id: str
    interpreter: str
    reasons: list[ReasonView]


class CellPeople(TypedDict):
    """Everybody for one cell: who may have it, the cheapest for the plan first; who may not; how many do not speak the languages."""

    booking_id: str
    leg: int
    able: list[SeatView]
    barred: list[BarredView]
    other_languages: int


@dataclass(frozen=True)
class _Desk:
    """What a choice is made from, all read at one moment."""

    plan: Plan
    cells: Sequence[PlanCell]
    rows: Mapping[str, Booking]
    problem: Problem
    chosen: Ints
    booking: int
    """Of the problem."""
    leg: int
    seats: Seats
    declined: frozenset[str]
    pinned: Mapping[int, str]


class Choosing:
    """Reads who could have a cell, and gives it to one of them."""

    def __init__(self, plans: PlanService, source: Source, assignments: Assignments) -> None:
        self._plans, self._source, self._assignments = plans, source, assignments

    async def people(self, unit: ReadUnit, plan_id: str, booking_id: str, leg: int) -> CellPeople:
        """Everybody who is matched at all, with score or reasons.

        Raises ``NotFound``: ``plan_unknown``, ``cell_unknown`` (also: is not looked for any more); ``Conflict('plan_fixed')``.
        """
        desk = await self._desk(unit, plan_id, booking_id, leg)
        context, everybody = await self._rules(unit, desk)
        able, barred, other = [], [], 0
        cell = next((c for c in desk.cells if (c.booking_id, c.leg) == (booking_id, leg)), None)
        holder = cell.interpreter_id if cell is not None else None
        terms = {match.candidate.id: match.terms for match in rank(context.need, everybody, context.rules)}
        for one in everybody:
            failed = _failed(context, one)
            if not failed and (seat := desk.seats.free.get(one.id)) is not None:
                points = [
                    TermView(rule=term.rule, code=term.code.value, points=term.points / TENTHS)
                    for term in terms.get(one.id, ())
                    if term.code is not TermCode.BASE
                ]
                able.append(_seat_view(one, seat, desk.seats.now, points, chosen=one.id == holder))
            elif _NO_LANGUAGE & set(failed):
                other += 1
            else:
                barred.append(
                    BarredView(
                        interpreter_id=one.id, interpreter=one.code, reasons=_reasons(desk, context, one, failed)
                    )
                )
        return CellPeople(
            booking_id=booking_id,
            leg=leg,
            able=sorted(able, key=lambda one: (one["change"], one["points"], one["interpreter"])),
            barred=sorted(barred, key=lambda one: (len(one["reasons"]), one["interpreter"])),
            other_languages=other,
        )

    async def choose(
        self,
        database: Database,
        actor: Actor,
        plan_id: str,
        booking_id: str,
        leg: int,
        interpreter_id: str,
        *,
        note: Callable[[UnitOfWork], None] = lambda _: None,
    ) -> None:
        """Give the cell to this person and pin it; the plan as a whole is checked again before. ``note`` runs with the change.

        Raises ``NotFound`` and ``Conflict`` as ``people``; ``Conflict``: ``not_eligible`` (rule), ``changed_meanwhile``.
        """
        async with database.read(actor) as unit:
            desk = await self._desk(unit, plan_id, booking_id, leg)
            context, everybody = await self._rules(unit, desk)
        person = next((one for one in everybody if one.id == interpreter_id), None)
        if person is None:
            raise NotFound("interpreter_unknown")
        failed = _failed(context, person)
        seat = desk.seats.free.get(interpreter_id)
        if failed or seat is None:
            raise Conflict("not_eligible", {"rule": _reasons(desk, context, person, failed)[0]["rule"]})
        changed = await asyncio.to_thread(seated, desk.problem, desk.chosen, desk.booking, seat)
        if changed.new:
            raise Conflict("not_eligible", {"rule": changed.new[0].fault.value})
        async with database.unit(actor) as uow:
            await self._write(uow, desk, changed)
            note(uow)

    async def _desk(self, unit: ReadUnit, plan_id: str, booking_id: str, leg: int) -> _Desk:
        plan = await self._plans.get(unit, plan_id)
        if plan.state is not PlanState.PROPOSED or plan.kind is PlanKind.REPAIR:
            raise Conflict("plan_fixed")
        cells = await self._plans.cells(unit, plan_id)
        mine = {cell.booking_id for cell in cells}
        every = await self._source.open_appointments(unit, plan.country, plan.starts_at, plan.ends_at)
        rows = {row.id: row for row in every if row.id in mine}
        if booking_id not in rows or leg not in Way(rows[booking_id].way).legs:
            raise NotFound("cell_unknown")
        material = await self._source.material(unit, plan.country, list(rows.values()))
        pins = {pin.leg: pin.interpreter_id for pin in material.pins if pin.booking_id == booking_id}
        problem, chosen, booking, found = await asyncio.to_thread(self._seats, material, cells, booking_id, leg, pins)
        ask = next(one for one in material.asks if one.id == booking_id)
        return _Desk(plan, cells, rows, problem, chosen, booking, leg, found, ask.declined, pins)

    @staticmethod
    def _seats(
        material: Material, cells: Sequence[PlanCell], booking_id: str, leg: int, pins: Mapping[int, str]
    ) -> tuple[Problem, Ints, int, Seats]:
        problem = prepare(
            material.asks, material.people, material.rules, material.frame, free=material.free, held=material.held
        )
        standing = resumed(problem, list(cells))
        chosen = problem.nobody() if standing is None else standing
        booking = list(problem.bookings).index(booking_id)
        return problem, chosen, booking, seats(problem, chosen, booking, leg, kept=pins)

    async def _rules(self, unit: ReadUnit, desk: _Desk) -> tuple[NeedContext, list[Candidate]]:
        """What the leg needs, and everybody beside it."""
        booking = desk.rows[desk.problem.bookings[desk.booking]]
        pivot = next((cell.pivot for cell in desk.cells if cell.booking_id == booking.id and cell.pivot), None)
        ids = list(await unit.session.scalars(select(Interpreter.id).where(Interpreter.active.is_(True))))
        return await self._assignments.everybody(unit, booking, ids, leg=desk.leg, pivot=pivot)

    async def _write(self, uow: UnitOfWork, desk: _Desk, changed: Changed) -> None:
        """The cells of the booking, the plan's figures and the pin, if nobody was faster."""
        plan = await self._plans.locked(uow, desk.plan.id)
        if plan.state is not PlanState.PROPOSED:
            raise Conflict("plan_fixed")
        rows = await uow.session.execute(
            select(PlanCell.booking_id, PlanCell.leg, PlanCell.interpreter_id)
            .where(PlanCell.plan_id == plan.id)
            .order_by(PlanCell.booking_id, PlanCell.leg)
        )
        if [tuple(row) for row in rows] != [(cell.booking_id, cell.leg, cell.interpreter_id) for cell in desk.cells]:
            raise Conflict("changed_meanwhile")
        booking_id = desk.problem.bookings[desk.booking]
        before = {(cell.booking_id, cell.leg): cell.before_id for cell in desk.cells if cell.before_id}
        stays = {
            (booking_id, cell.leg)
            for cell in desk.cells
            if cell.booking_id == booking_id and cell.pinned and cell.leg != desk.leg
        }
        mine = [
            cell
            for cell in cells_of(desk.problem, changed.chosen, before=before, pinned=frozenset(stays))
            if cell.booking_id == booking_id
        ]
        await uow.session.execute(
            delete(PlanCell)
            .where(PlanCell.plan_id == plan.id, PlanCell.booking_id == booking_id)
            .execution_options(synchronize_session=False)
        )
        uow.session.add_all(cell_rows(plan, mine))
        await uow.flush()
        empty = {cell.booking_id for cell in desk.cells if cell.interpreter_id is None} - {booking_id}
        plan.left_out = len(empty)
        _price(plan, changed)
        await self._plans.pin(uow, plan.id, booking_id, desk.leg, pinned=True)


def _price(plan: Plan, changed: Changed) -> None:
    """Add the difference to the plan's cost. A bound that is passed was one of another state of things, and is forgotten."""
    plan.total = (plan.total or 0) + changed.after.total - changed.before.total
    if plan.bound is not None and plan.total < plan.bound:
        plan.bound = None
    plan.parts = {
        name: int(plan.parts.get(name, 0)) + getattr(changed.after, name) - getattr(changed.before, name)
        for name in ("unassigned", "people", "relay", "continuity", "fairness")
    }


def _failed(context: NeedContext, person: Candidate) -> list[Rule]:
    """Rules of matching that the person fails; who is on line now does not matter for an appointment."""
    return [rule for rule in failed_rules(context, person) if rule is not Rule.PRESENCE]


def _seat_view(person: Candidate, seat: Seat, now: int, terms: list[TermView], *, chosen: bool) -> SeatView:
    return SeatView(
        interpreter_id=person.id,
        interpreter=person.code,
        points=round(seat.cost / TENTHS),
        change=0 if chosen else round((seat.added - now) / TENTHS),
        terms=terms,
        chosen=chosen,
    )


def _reasons(desk: _Desk, context: NeedContext, person: Candidate, failed: Sequence[Rule]) -> list[ReasonView]:
    """Every rule of matching; if there is none, what the rest of the plan leaves no room for."""
    found = [
        ReasonView(rule=rule.value, params=dict(context.refusal(rule).params), beside=None, beside_at=None)
        for rule in failed
    ]
    if person.id in desk.declined:
        found.append(ReasonView(rule=_SAID_NO, params={}, beside=None, beside_at=None))
    if found:
        return found
    if person.id not in desk.seats.stuck:
        # Allowed by every rule, but no option of the problem: the work is too long for one person.
        return [ReasonView(rule=_TOO_LONG, params={}, beside=None, beside_at=None)]
    obstacle = desk.seats.stuck[person.id]
    if obstacle is None:
        return [ReasonView(rule=_OTHER_SIDE, params={}, beside=None, beside_at=None)]
    params: dict[str, Param] = {}
    if obstacle.limit:
        params = {"minutes": obstacle.amount, "limit": obstacle.limit}
    planned = [leg for leg in obstacle.legs if leg >= 0]
    row = desk.rows[desk.problem.bookings[int(desk.problem.leg_booking[planned[0]])]] if planned else None
    return [
        ReasonView(
            rule=obstacle.fault.value,
            params=params,
            beside=row.case_ref if row else None,
            beside_at=row.starts_at if row else None,
        )
    ]
