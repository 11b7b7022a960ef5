"""A coordinator chooses the person for one cell of a proposed plan: everybody with reasons, the whole plan checked again, a pin.

What is found here is a proposal like the rest of the plan; ``approval`` binds it, with every rule once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypedDict

from sqlalchemy import delete, select

from core.access import Actor
from core.db.session import Database, ReadUnit, UnitOfWork
from core.errors import Conflict, NotFound
from scheduler.assignments import Assignments
from scheduler.eligibility import NeedContext, Rule
from scheduler.legs import Way
from scheduler.models import Booking, Interpreter
from scheduler.need import Candidate
from scheduler.plans.models import Plan, PlanCell, PlanKind, PlanState
from scheduler.plans.prepare import Held, prepare
from scheduler.plans.reasons import Beside, ReasonView, WhyNot, failed, reasons
from scheduler.plans.runs import resumed
from scheduler.plans.seats import Changed, Seat, seated, seats
from scheduler.plans.service import PlanService, bookings_by_id, cell_rows, cells_of
from scheduler.plans.source import Material, Source
from scheduler.ranking import TENTHS, TermCode, rank

_NO_LANGUAGE = frozenset({Rule.LANGUAGE, Rule.RELAY})


class TermView(TypedDict):
    """One part of the score of a match, in points."""

    rule: str
    code: str
    points: float


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
class _Desk(Beside):
    """A cell of an open plan, from which a choice is made: all read at one moment."""

    plan: Plan
    cells: Sequence[PlanCell]


class Choosing:
    """Reads who could have a cell, and gives it to one of them."""

    def __init__(self, plans: PlanService, source: Source, assignments: Assignments) -> None:
        self._plans, self._source, self._assignments = plans, source, assignments

    async def people(self, unit: ReadUnit, plan_id: str, booking_id: str, leg: int) -> CellPeople:
        """Everybody who is matched at all, with score or reasons.

        Raises ``NotFound``: ``plan_unknown``, ``cell_unknown`` (also: is not looked for any more); ``Conflict('plan_fixed')``.
        """
        desk = await self._desk(unit, plan_id, booking_id, leg)
        context, everybody = await self._rules(unit, desk, desk.cells)
        able, barred, other = [], [], 0
        cell = next((c for c in desk.cells if (c.booking_id, c.leg) == (booking_id, leg)), None)
        holder = cell.interpreter_id if cell is not None else None
        terms = {match.candidate.id: match.terms for match in rank(context.need, everybody, context.rules)}
        for one in everybody:
            rules = failed(context, one)
            if not rules and (seat := desk.seats.free.get(one.id)) is not None:
                points = [
                    TermView(rule=term.rule, code=term.code.value, points=term.points / TENTHS)
                    for term in terms.get(one.id, ())
                    if term.code is not TermCode.BASE
                ]
                able.append(_seat_view(one, seat, desk.seats.now, points, chosen=one.id == holder))
            elif _NO_LANGUAGE & set(rules):
                other += 1
            else:
                barred.append(
                    BarredView(interpreter_id=one.id, interpreter=one.code, reasons=reasons(desk, context, one, rules))
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
            context, everybody = await self._rules(unit, desk, desk.cells)
        person = next((one for one in everybody if one.id == interpreter_id), None)
        if person is None:
            raise NotFound("interpreter_unknown")
        found = reasons(desk, context, person, failed(context, person))
        seat = desk.seats.free.get(interpreter_id)
        if found or seat is None:
            raise Conflict("not_eligible", {"rule": found[0]["rule"]})
        changed = await asyncio.to_thread(seated, desk.problem, desk.chosen, desk.booking, seat)
        if changed.new:
            raise Conflict("not_eligible", {"rule": changed.new[0].fault.value})
        async with database.unit(actor) as uow:
            await self._write(uow, desk, changed)
            note(uow)

    async def why_not(
        self, unit: ReadUnit, booking_id: str, interpreter_id: str, *, leg: int = 1, plan_id: str | None = None
    ) -> WhyNot:
        """Every rule that keeps a person from a booking now and, with a plan, beside the other work in it: as ``people`` says it.

        Raises ``NotFound``: ``booking_unknown``, ``interpreter_unknown``, ``plan_unknown``, ``cell_unknown`` (no such leg).
        """
        booking = await unit.session.get(Booking, booking_id)
        if booking is None:
            raise NotFound("booking_unknown")
        if leg not in Way(booking.way).legs:
            raise NotFound("cell_unknown")
        cells: Sequence[PlanCell] = ()
        desk: Beside | None = None
        if plan_id is not None:
            plan, cells = await self._plans.get(unit, plan_id), await self._plans.cells(unit, plan_id)
            with suppress(Conflict, NotFound):
                # A plan that is decided, or of which the booking is no open part, has no desk to choose at.
                desk = await self._desk(unit, plan.id, booking_id, leg)
        desk = desk or await self._alone(unit, booking, leg, cells)
        context, found = await self._rules(unit, desk, cells, interpreter_id)
        if not found:
            raise NotFound("interpreter_unknown")
        (person,) = found
        why = reasons(desk, context, person, failed(context, person))
        points = None if why else round(desk.seats.free[person.id].cost / TENTHS)
        return WhyNot(booking_id=booking_id, interpreter=person.code, reasons=why, points=points)

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
        beside = await asyncio.to_thread(_beside, material, rows, cells, booking_id, leg, pins)
        return _Desk(**vars(beside), plan=plan, cells=cells)

    async def _alone(self, unit: ReadUnit, row: Booking, leg: int, cells: Sequence[PlanCell]) -> Beside:
        """One booking beside all agreed work, as it would be with the cells of a plan."""
        planned = {cell.booking_id for cell in cells} - {row.id}
        rows = await bookings_by_id(unit, sorted(planned))
        material = await self._source.material(unit, row.country, [row], without=[row.id, *planned], connecting=True)
        work = [
            Held(
                cell.interpreter_id,
                rows[cell.booking_id].starts_at,
                int((rows[cell.booking_id].ends_at - rows[cell.booking_id].starts_at) / timedelta(minutes=1)),
                case_id=rows[cell.booking_id].case_id,
            )
            for cell in cells
            if cell.interpreter_id is not None and cell.booking_id in rows
        ]
        material = replace(material, held=[*material.held, *work])
        pins = {pin.leg: pin.interpreter_id for pin in material.pins}
        return await asyncio.to_thread(_beside, material, {row.id: row}, (), row.id, leg, pins)

    async def _rules(
        self, unit: ReadUnit, desk: Beside, cells: Sequence[PlanCell], person: str | None = None
    ) -> tuple[NeedContext, list[Candidate]]:
        """What the leg needs, and everybody (or one person) beside it."""
        booking = desk.rows[desk.problem.bookings[desk.booking]]
        pivot = next((cell.pivot for cell in cells if cell.booking_id == booking.id and cell.pivot), None)
        ids = (
            [person]
            if person is not None
            else list(await unit.session.scalars(select(Interpreter.id).where(Interpreter.active.is_(True))))
        )
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


def _beside(
    material: Material,
    rows: Mapping[str, Booking],
    cells: Sequence[PlanCell],
    booking_id: str,
    leg: int,
    pins: Mapping[int, str],
) -> Beside:
    """The leg beside the cells of a plan and everything that is held."""
    problem = prepare(
        material.asks, material.people, material.rules, material.frame, free=material.free, held=material.held
    )
    standing = resumed(problem, list(cells))
    chosen = problem.nobody() if standing is None else standing
    booking = list(problem.bookings).index(booking_id)
    found = seats(problem, chosen, booking, leg, kept=pins)
    declined = next(one for one in material.asks if one.id == booking_id).declined
    return Beside(rows, problem, chosen, booking, leg, found, declined)


def _price(plan: Plan, changed: Changed) -> None:
    """Add the difference to the plan's cost. A bound that is passed was one of another state of things, and is forgotten."""
    plan.total = (plan.total or 0) + changed.after.total - changed.before.total
    if plan.bound is not None and plan.total < plan.bound:
        plan.bound = None
    plan.parts = {
        name: int(plan.parts.get(name, 0)) + getattr(changed.after, name) - getattr(changed.before, name)
        for name in ("unassigned", "people", "relay", "continuity", "fairness")
    }


def _seat_view(person: Candidate, seat: Seat, now: int, terms: list[TermView], *, chosen: bool) -> SeatView:
    return SeatView(
        interpreter_id=person.id,
        interpreter=person.code,
        points=round(seat.cost / TENTHS),
        change=0 if chosen else round((seat.added - now) / TENTHS),
        terms=terms,
        chosen=chosen,
    )
