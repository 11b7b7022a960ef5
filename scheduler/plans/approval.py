"""A coordinator's yes: the cells of a plan become agreed work, each through the one path that binds, with every rule checked again.

A plan of new assignments is bound booking by booking, each in a transaction of its own; what a rule forbids by now is stale and
told. A repair moves agreed work and is all or nothing.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import delete, select, update

from core.access import Actor
from core.db.session import Database, UnitOfWork
from core.errors import AppError, Conflict
from scheduler.assignments import Assignments
from scheduler.bookings import BookingService
from scheduler.closing import Closing
from scheduler.lifecycle import AssignmentMove, BookingMove, BookingState, advance
from scheduler.locks import hold_person, locked_booking
from scheduler.models import Assignment, Booking
from scheduler.plans.models import PLAN, CellState, PlanCell, PlanKind, PlanMove, PlanPin, PlanState
from scheduler.plans.service import PlanService
from scheduler.rounds import Rounds

BUDGET = 6.0
"""Seconds that one request binds; what is left is bound by the next one."""
_STALE = "plan_stale"


@dataclass(frozen=True)
class Approved:
    """What an approval did so far."""

    bound: int
    stale: tuple[tuple[str, str], ...]
    """Bookings that were not bound, each with the rule or code."""
    remaining: int
    """Bookings that wait for the next request."""


class Approval:
    """Binds plans."""

    def __init__(
        self,
        plans: PlanService,
        bookings: BookingService,
        assignments: Assignments,
        rounds: Rounds,
        closing: Closing,
    ) -> None:
        self._plans, self._bookings, self._assignments = plans, bookings, assignments
        self._rounds, self._closing = rounds, closing

    async def approve(self, database: Database, actor: Actor, plan_id: str, *, budget: float = BUDGET) -> Approved:
        """Approve a proposal, or go on with one whose approval was interrupted.

        Raises ``NotFound('plan_unknown')``, ``Conflict('move_not_allowed')``.
        """
        async with database.unit(actor) as uow:
            plan = await self._plans.locked(uow, plan_id)
            if plan.state is not PlanState.APPROVED:
                plan.state = PLAN.advance(plan.state, PlanMove.APPROVE)
                plan.decided_by, plan.decided_at = actor.id, uow.now
            kind = plan.kind
            waiting = await self._waiting(uow, plan_id)
        if kind is PlanKind.REPAIR:
            await self._together(database, actor, plan_id, waiting)
        else:
            ends = time.monotonic() + budget
            for booking_id, cells in waiting.items():
                if time.monotonic() > ends:
                    break
                await self._one(database, actor, plan_id, booking_id, cells)
        return await self._report(database, actor, plan_id)

    async def _waiting(self, uow: UnitOfWork, plan_id: str) -> dict[str, dict[int, str]]:
        """Cells that are still to be bound: interpreter by leg, by booking. Whoever keeps a booking is left out."""
        rows = await uow.session.scalars(
            select(PlanCell)
            .where(PlanCell.plan_id == plan_id, PlanCell.state == CellState.PROPOSED)
            .order_by(PlanCell.booking_id, PlanCell.leg)
        )
        found: dict[str, dict[int, str]] = defaultdict(dict)
        for cell in rows:
            if cell.interpreter_id is not None:
                found[cell.booking_id][cell.leg] = cell.interpreter_id
        return dict(found)

    async def _one(
        self, database: Database, actor: Actor, plan_id: str, booking_id: str, people: dict[int, str]
    ) -> None:
        """One booking in its own transaction."""
        try:
            async with database.unit(actor) as uow:
                await self._place(uow, plan_id, booking_id, people)
                await _mark(uow, plan_id, booking_id, CellState.BOUND, None)
        except AppError as error:
            async with database.unit(actor) as uow:
                await _mark(uow, plan_id, booking_id, CellState.STALE, _why(error))

    async def _place(self, uow: UnitOfWork, plan_id: str, booking_id: str, people: dict[int, str]) -> None:
        """Bind; the pivot of a relay is the plan's."""
        pivot = await uow.session.scalar(
            select(PlanCell.pivot).where(PlanCell.plan_id == plan_id, PlanCell.booking_id == booking_id).limit(1)
        )
        for person in sorted(set(people.values())):
            await hold_person(uow, person)
        booking = await locked_booking(uow, booking_id)
        if booking.state is BookingState.ASSIGNED:
            raise Conflict("booking_taken")
        if pivot is not None:
            booking.pivot = pivot
            await uow.flush()
        await self._bookings.place(uow, booking_id, interpreter_id=people[1], second_id=people.get(2))
        await uow.session.execute(
            delete(PlanPin).where(PlanPin.booking_id == booking_id).execution_options(synchronize_session=False)
        )

    async def _together(
        self, database: Database, actor: Actor, plan_id: str, waiting: dict[str, dict[int, str]]
    ) -> None:
        """All of a repair in one transaction, or nothing of it: then the plan is stale and says which cell was refused."""
        at = next(iter(waiting), "")
        try:
            async with database.unit(actor) as uow:
                rows = (await uow.session.scalars(select(PlanCell).where(PlanCell.plan_id == plan_id))).all()
                lost = {cell.booking_id for cell in rows} - set(waiting)
                people = {who for cell in rows for who in (cell.interpreter_id, cell.before_id) if who is not None}
                for person in sorted(people):
                    await hold_person(uow, person)
                freed: list[Assignment] = []
                for at in sorted(waiting):
                    booking = await locked_booking(uow, at)
                    freed += await self._free(uow, booking, search=False)
                for at in sorted(lost):
                    freed += await self._free(uow, await locked_booking(uow, at), search=True)
                    await _mark(uow, plan_id, at, CellState.BOUND, "searching")
                for at in sorted(waiting):
                    people_of = waiting[at]
                    await self._bookings.place(uow, at, interpreter_id=people_of[1], second_id=people_of.get(2))
                    await _mark(uow, plan_id, at, CellState.BOUND, None)
                # Who dropped out takes nothing in a repair, so whoever does is there and may have time left.
                there = {who for people_of in waiting.values() for who in people_of.values()}
                await self._closing.serve(uow, [row for row in freed if row.interpreter_id in there])
        except AppError as error:
            async with database.unit(actor) as uow:
                await _mark(uow, plan_id, at, CellState.STALE, _why(error))
                plan = await self._plans.locked(uow, plan_id)
                plan.state, plan.failure = PlanState.STALE, _STALE

    async def _free(self, uow: UnitOfWork, booking: Booking, *, search: bool) -> list[Assignment]:
        """End the agreed work of a booking, and return it; ``search``: nobody was found, so the ring looks for somebody."""
        if booking.state is not BookingState.ASSIGNED:
            return []
        ended = await self._assignments.end(uow, booking, AssignmentMove.RELEASE, "repair")
        if search:
            await self._rounds.begin(uow, booking, BookingMove.WITHDRAW)
        else:
            booking.state = advance(booking.state, BookingMove.WITHDRAW)
            await uow.flush()
        return ended

    async def _report(self, database: Database, actor: Actor, plan_id: str) -> Approved:
        async with database.read(actor) as unit:
            plan = await self._plans.get(unit, plan_id)
            cells = await self._plans.cells(unit, plan_id)
        filled = [cell for cell in cells if cell.interpreter_id is not None]
        waits = {cell.booking_id for cell in filled if cell.state is CellState.PROPOSED}
        return Approved(
            bound=len({cell.booking_id for cell in filled if cell.state is CellState.BOUND}),
            stale=tuple(
                sorted({(cell.booking_id, cell.reason or "") for cell in cells if cell.state is CellState.STALE})
            ),
            remaining=len(waits) if plan.state is PlanState.APPROVED else 0,
        )


async def _mark(uow: UnitOfWork, plan_id: str, booking_id: str, state: CellState, reason: str | None) -> None:
    await uow.session.execute(
        update(PlanCell)
        .where(PlanCell.plan_id == plan_id, PlanCell.booking_id == booking_id)
        .values(state=state, reason=reason)
        .execution_options(synchronize_session=False)
    )


def _why(error: AppError) -> str:
    """The rule where there is one, else the code."""
    return str(error.params.get("rule") or error.code)[:32]
