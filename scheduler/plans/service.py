"""Plans as a coordinator knows them: ask for one, stop its search, pin a cell, reject. ``runs`` finds, ``approval`` binds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid, NotFound
from scheduler.models import Booking, Interpreter
from scheduler.plans.checker import Verdict
from scheduler.plans.models import PLAN, CellState, Plan, PlanCell, PlanKind, PlanMove, PlanPin, PlanState
from scheduler.plans.problem import Ints, Problem

LONGEST_WINDOW = timedelta(days=42)
SECONDS = 30
"""How long a search takes unless something else is asked for."""
MOST_SECONDS = 300


@dataclass(frozen=True)
class Cell:
    """One row of a plan to be stored."""

    booking_id: str
    leg: int
    interpreter_id: str | None
    before_id: str | None = None
    pivot: str | None = None
    pinned: bool = False
    cost: int = 0


class PlanService:
    """Plans and pins. Methods take the plan under its row lock where they change it."""

    async def ask(
        self,
        uow: UnitOfWork,
        country: str,
        start: datetime,
        end: datetime,
        *,
        kind: PlanKind = PlanKind.ON_DEMAND,
        seconds: int = SECONDS,
    ) -> Plan:
        """Ask for a plan of the appointments in ``[start, end)``; the search begins within seconds.

        Raises ``Conflict('plan_running')``, ``Invalid``: ``window_wrong`` (days), ``seconds_wrong`` (most).
        """
        if not start < end or end - start > LONGEST_WINDOW or end <= uow.now:
            raise Invalid("window_wrong", {"days": LONGEST_WINDOW.days})
        if not 1 <= seconds <= MOST_SECONDS:
            raise Invalid("seconds_wrong", {"most": MOST_SECONDS})
        plan = await self.add(uow, country, start, end, kind=kind, seconds=seconds)
        await uow.flush()
        return plan

    async def add(
        self,
        uow: UnitOfWork,
        country: str,
        start: datetime,
        end: datetime,
        *,
        kind: PlanKind,
        seconds: int,
        state: PlanState = PLAN.start,
        absent_id: str | None = None,
    ) -> Plan:
        """A new row with the next version of its country."""
        last = await uow.session.scalar(select(func.max(Plan.version)).where(Plan.country == country))
        plan = Plan(
            id=new_id("plan"),
            country=country,
            version=int(last or 0) + 1,
            kind=kind,
            state=state,
            starts_at=start,
            ends_at=end,
            seconds=seconds,
            made_by=uow.actor.id,
            made_at=uow.now,
            absent_id=absent_id,
            phase="first",
            elapsed_ms=0,
            bookings=0,
            left_out=0,
            parts={},
            stop_asked=False,
        )
        uow.session.add(plan)
        return plan

    async def get(self, unit: ReadUnit, plan_id: str) -> Plan:
        """The row, read anew. Raises ``NotFound('plan_unknown')``."""
        plan = await unit.session.get(Plan, plan_id, populate_existing=True)
        if plan is None:
            raise NotFound("plan_unknown")
        return plan

    async def locked(self, uow: UnitOfWork, plan_id: str) -> Plan:
        """The row under its lock."""
        found: Plan | None = await uow.session.scalar(
            select(Plan).where(Plan.id == plan_id).with_for_update().execution_options(populate_existing=True)
        )
        if found is None:
            raise NotFound("plan_unknown")
        return found

    async def cells(self, unit: ReadUnit, plan_id: str) -> list[PlanCell]:
        """All cells of a plan."""
        rows = await unit.session.scalars(
            select(PlanCell).where(PlanCell.plan_id == plan_id).order_by(PlanCell.booking_id, PlanCell.leg)
        )
        return list(rows)

    async def stop(self, uow: UnitOfWork, plan_id: str) -> Plan:
        """End a search; the best plan so far is proposed. A plan that is not searched any more is left as it is."""
        plan = await self.locked(uow, plan_id)
        if plan.state is PlanState.DRAFT:
            plan.stop_asked = True
        return plan

    async def reject(self, uow: UnitOfWork, plan_id: str) -> Plan:
        """Put a proposal aside. Raises ``move_not_allowed``."""
        plan = await self.locked(uow, plan_id)
        plan.state = PLAN.advance(plan.state, PlanMove.REJECT)
        plan.decided_by, plan.decided_at = uow.actor.id, uow.now
        return plan

    async def pin(self, uow: UnitOfWork, plan_id: str, booking_id: str, leg: int, *, pinned: bool) -> PlanCell:
        """Set or lift a pin on a cell: later plans give the booking to the same person. Raises ``NotFound('cell_unknown')``."""
        cell = await uow.session.get(PlanCell, (plan_id, booking_id, leg))
        if cell is None or cell.interpreter_id is None:
            raise NotFound("cell_unknown")
        await uow.session.execute(
            delete(PlanPin)
            .where(PlanPin.booking_id == booking_id, PlanPin.leg == leg)
            .execution_options(synchronize_session=False)
        )
        if pinned:
            uow.session.add(
                PlanPin(
                    booking_id=booking_id,
                    leg=leg,
                    country=cell.country,
                    interpreter_id=cell.interpreter_id,
                    pinned_by=uow.actor.id,
                    pinned_at=uow.now,
                )
            )
        cell.pinned = pinned
        await uow.flush()
        return cell

    async def store(
        self, uow: UnitOfWork, plan: Plan, cells: Sequence[Cell], *, verdict: Verdict, bound: float | None
    ) -> None:
        """Put cells in the place of the plan's earlier ones. Raises ``Conflict('plan_refused')`` for what the checker refuses."""
        await uow.session.execute(
            delete(PlanCell).where(PlanCell.plan_id == plan.id).execution_options(synchronize_session=False)
        )
        await self.fill(uow, plan, cells, verdict=verdict, bound=bound)

    async def fill(
        self, uow: UnitOfWork, plan: Plan, cells: Sequence[Cell], *, verdict: Verdict, bound: float | None
    ) -> None:
        """The same for a plan that has no cells yet. Raises what ``store`` raises."""
        if not verdict.ok:
            raise Conflict("plan_refused", {"rule": verdict.findings[0].fault.value})
        uow.session.add_all(cell_rows(plan, cells))
        price = verdict.price
        plan.total = price.total
        plan.bound = None if bound is None else int(bound)
        plan.left_out = len({cell.booking_id for cell in cells if cell.interpreter_id is None})
        plan.bookings = len({cell.booking_id for cell in cells})
        plan.parts = {
            "unassigned": price.unassigned,
            "people": price.people,
            "relay": price.relay,
            "continuity": price.continuity,
            "fairness": price.fairness,
        }
        await uow.flush()

    async def propose(self, uow: UnitOfWork, plan: Plan) -> None:
        """The search is over: earlier proposals of the same country and kind that nobody decided about are stale now."""
        older = (
            update(Plan)
            .where(
                Plan.country == plan.country,
                Plan.id != plan.id,
                Plan.state == PlanState.PROPOSED,
                Plan.kind != PlanKind.REPAIR,
            )
            .values(state=PlanState.STALE)
            .execution_options(synchronize_session=False)
        )
        await uow.session.execute(older)
        plan.state = PLAN.advance(plan.state, PlanMove.PROPOSE)
        plan.phase = "done"


def cell_rows(plan: Plan, cells: Iterable[Cell]) -> list[PlanCell]:
    """Cells as they are stored, each proposed and not yet bound."""
    return [
        PlanCell(
            plan_id=plan.id,
            country=plan.country,
            booking_id=cell.booking_id,
            leg=cell.leg,
            interpreter_id=cell.interpreter_id,
            before_id=cell.before_id,
            pivot=cell.pivot,
            pinned=cell.pinned,
            cost=cell.cost,
            state=CellState.PROPOSED,
        )
        for cell in cells
    ]


def cells_of(
    problem: Problem,
    chosen: Ints,
    *,
    before: Mapping[tuple[str, int], str] | None = None,
    pinned: frozenset[tuple[str, int]] = frozenset(),
) -> list[Cell]:
    """The cells of a plan: one per leg that has somebody, and one for each booking that has nobody."""
    before = before or {}
    cells: list[Cell] = []
    served: set[int] = set()
    for leg, option in enumerate(chosen.tolist()):
        if option < 0:
            continue
        booking = int(problem.leg_booking[leg])
        served.add(booking)
        key = (problem.bookings[booking], int(problem.leg_place[leg]))
        cells.append(
            Cell(
                *key,
                interpreter_id=problem.people[int(problem.opt_person[option])],
                before_id=before.get(key),
                pivot=problem.pivots[int(problem.leg_way[leg])] or None,
                pinned=key in pinned,
                cost=int(problem.opt_cost[option]),
            )
        )
    for booking, name in enumerate(problem.bookings):
        if booking not in served:
            cells.append(Cell(name, 1, None, before_id=before.get((name, 1))))
    return cells


async def names(unit: ReadUnit, ids: Sequence[str]) -> dict[str, str]:
    """Pool codes by id."""
    rows = await unit.session.execute(
        select(Interpreter.id, Interpreter.code).where(Interpreter.id.in_(sorted(set(ids))))
    )
    return {row.id: row.code for row in rows}


async def bookings_by_id(unit: ReadUnit, ids: Sequence[str]) -> dict[str, Booking]:
    """Bookings of the reader's countries."""
    rows = await unit.session.scalars(select(Booking).where(Booking.id.in_(sorted(set(ids)))))
    return {row.id: row for row in rows}
