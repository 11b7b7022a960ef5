"""SwapService: interpreters give a published shift to a colleague; the rules are checked again, gaps go to a coordinator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TypedDict

from sqlalchemy import select

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, NotFound
from scheduler.events import SWAP_CHANGED
from scheduler.models import Interpreter
from scheduler.rosters import checker
from scheduler.rosters.lifecycle import SWAP, SwapMove, SwapState
from scheduler.rosters.models import Shift, ShiftSwap
from scheduler.rosters.service import Held, RosterService

_OPEN = (SwapState.ASKED, SwapState.TAKEN)


class SwapView(TypedDict):
    """A swap as interpreters and coordinators see it; colleagues by code."""

    id: str
    shift_id: str
    country: str
    zone: str
    """Of the roster."""
    day: date
    kind: str
    starts_at: datetime
    ends_at: datetime
    from_code: str
    to_code: str | None
    state: str
    mine: bool
    """The asker gave it."""
    fits: bool
    """The asker could take it."""
    why_not: list[str]
    """Rules that forbid it, by name."""
    gap_half_hours: int


class SwapService:
    """A shift changes hands in the newest version of the roster and in the published one, or not at all."""

    def __init__(self, rosters: RosterService) -> None:
        self._rosters = rosters

    async def ask(self, uow: UnitOfWork, shift_id: str, interpreter_id: str) -> str:
        """Offer an own future shift to colleagues. Raises ``NotFound('shift_unknown')``, ``Conflict('shift_begun' | 'swap_open')``."""
        shift = await self._shift(uow, shift_id)
        if shift.interpreter_id != interpreter_id:
            raise NotFound("shift_unknown")
        if shift.starts_at <= uow.now:
            raise Conflict("shift_begun")
        swap = ShiftSwap(
            id=new_id("swap"),
            country=shift.country,
            shift_id=shift_id,
            from_id=interpreter_id,
            state=SwapState.ASKED,
            asked_at=uow.now,
            gap_half_hours=0,
        )
        uow.session.add(swap)
        await uow.flush()
        _tell(uow, swap)
        return swap.id

    async def take(self, uow: UnitOfWork, swap_id: str, interpreter_id: str) -> SwapState:
        """Take a colleague's shift: done at once when every rule holds and no cover is lost, else a coordinator decides.

        Raises ``NotFound('swap_unknown')``, ``Conflict('move_not_allowed' | 'roster_rule' | 'shift_begun' | 'swap_stale')``."""
        swap = await self._swap(uow, swap_id)
        if swap.from_id == interpreter_id:
            raise NotFound("swap_unknown")
        SWAP.advance(swap.state, SwapMove.TAKE)
        shift = await self._shift(uow, swap.shift_id)
        if shift.starts_at <= uow.now:
            raise Conflict("shift_begun")
        held = await self._rosters.read(uow, shift.roster_id, lock=True)
        shift = await self._shift(uow, swap.shift_id)  # The lock on the roster keeps it from now on.
        if interpreter_id not in held.problem.person:
            raise NotFound("swap_unknown")
        lost = _lost_cover(held, shift, interpreter_id)
        swap.to_id, swap.taken_at, swap.gap_half_hours = interpreter_id, uow.now, lost
        if lost:
            refusals = why_not(held, shift, interpreter_id)
            if refusals:
                raise Conflict("roster_rule", {"rule": refusals[0], "person": interpreter_id})
            swap.state = SWAP.advance(swap.state, SwapMove.TAKE)
        else:
            await self._carry_out(uow, swap, shift, held)
        await uow.flush()
        _tell(uow, swap)
        return swap.state

    async def decide(self, uow: UnitOfWork, swap_id: str, *, agreed: bool) -> None:
        """A coordinator agrees to a swap that costs cover, or not. Raises ``NotFound``, ``Conflict``."""
        swap = await self._swap(uow, swap_id)
        if swap.state is not SwapState.TAKEN:
            SWAP.advance(swap.state, SwapMove.REFUSE)
        if agreed:
            shift = await self._shift(uow, swap.shift_id)
            if shift.starts_at <= uow.now:
                raise Conflict("shift_begun")
            held = await self._rosters.read(uow, shift.roster_id, lock=True)
            await self._carry_out(uow, swap, await self._shift(uow, swap.shift_id), held)
        else:
            swap.state = SWAP.advance(swap.state, SwapMove.REFUSE)
            swap.ended_at, swap.ended_by = uow.now, uow.actor.id
        await uow.flush()
        _tell(uow, swap)

    async def withdraw(self, uow: UnitOfWork, swap_id: str, interpreter_id: str) -> None:
        """Keep the shift after all. Raises ``NotFound('swap_unknown')``, ``Conflict('move_not_allowed')``."""
        swap = await self._swap(uow, swap_id)
        if swap.from_id != interpreter_id:
            raise NotFound("swap_unknown")
        swap.state = SWAP.advance(swap.state, SwapMove.WITHDRAW)
        swap.ended_at, swap.ended_by = uow.now, uow.actor.id
        await uow.flush()
        _tell(uow, swap)

    async def country_of(self, unit: ReadUnit, swap_id: str) -> str:
        """Whose roster it is. Raises ``NotFound('swap_unknown')``."""
        found: str | None = await unit.session.scalar(select(ShiftSwap.country).where(ShiftSwap.id == swap_id))
        if found is None:
            raise NotFound("swap_unknown")
        return found

    async def open(self, unit: ReadUnit, *, interpreter_id: str | None = None) -> Sequence[SwapView]:
        """Swaps that wait: for an interpreter those of rosters they are in, with whether they could take each; else all."""
        giver, taker = Interpreter.__table__.alias(), Interpreter.__table__.alias()
        rows = (
            await unit.session.execute(
                select(ShiftSwap, Shift, giver.c.code.label("from_code"), taker.c.code.label("to_code"))
                .join(Shift, Shift.id == ShiftSwap.shift_id)
                .join(giver, giver.c.id == ShiftSwap.from_id)
                .outerjoin(taker, taker.c.id == ShiftSwap.to_id)
                .where(ShiftSwap.state.in_(_OPEN), Shift.starts_at > unit.now)
                .order_by(Shift.starts_at)
            )
        ).all()
        held: dict[str, Held] = {}
        found: list[SwapView] = []
        for swap, shift, from_code, to_code in rows:
            roster = held.get(shift.roster_id) or await self._rosters.read(unit, shift.roster_id)
            held[shift.roster_id] = roster
            mine = swap.from_id == interpreter_id
            refusals: list[str] = []
            if interpreter_id is not None and not mine:
                if interpreter_id not in roster.problem.person:
                    continue
                refusals = why_not(roster, shift, interpreter_id)
            found.append(
                SwapView(
                    id=swap.id,
                    shift_id=shift.id,
                    country=shift.country,
                    zone=roster.row.zone,
                    day=shift.day,
                    kind=shift.kind,
                    starts_at=shift.starts_at,
                    ends_at=shift.ends_at,
                    from_code=from_code,
                    to_code=to_code,
                    state=swap.state.value,
                    mine=mine,
                    fits=not mine and not refusals and swap.state is SwapState.ASKED,
                    why_not=refusals,
                    gap_half_hours=swap.gap_half_hours,
                )
            )
        return found

    async def _carry_out(self, uow: UnitOfWork, swap: ShiftSwap, shift: Shift, held: Held) -> None:
        if swap.to_id is None:
            raise Conflict("swap_stale")
        swap.state = SWAP.advance(swap.state, SwapMove.DO)
        swap.ended_at, swap.ended_by = uow.now, uow.actor.id
        day = (shift.day - held.row.starts_on).days
        await self._rosters.swap_cells(uow, held, swap.from_id, swap.to_id, day, shift.kind)

    async def _shift(self, uow: UnitOfWork, shift_id: str) -> Shift:
        shift = await uow.session.scalar(
            select(Shift)
            .where(Shift.id == shift_id, Shift.ended_version.is_(None))
            .execution_options(populate_existing=True)
        )
        if shift is None:
            raise NotFound("shift_unknown")
        return shift

    async def _swap(self, uow: UnitOfWork, swap_id: str) -> ShiftSwap:
        swap = await uow.session.get(ShiftSwap, swap_id, with_for_update=True, populate_existing=True)
        if swap is None:
            raise NotFound("swap_unknown")
        return swap


def _tell(uow: UnitOfWork, swap: ShiftSwap) -> None:
    body = {"swap_id": swap.id, "country": swap.country, "state": swap.state.value}
    uow.emit(SWAP_CHANGED, body, country=swap.country)


def why_not(held: Held, shift: Shift, interpreter_id: str) -> list[str]:
    """Names of the rules that forbid somebody to take a shift; a day on which they work already is ``works_already``."""
    day = (shift.day - held.row.starts_on).days
    if held.cells[interpreter_id][day] is not None:
        return ["works_already"]
    found = checker.explain(held.problem, held.cells, interpreter_id, day, shift.kind)
    return list(
        dict.fromkeys(breach.reason if breach.rule.value == "barred" else breach.rule.value for breach in found)
    )


def _lost_cover(held: Held, shift: Shift, taker: str) -> int:
    """Half-hours of cover (women among them, R-3) that are lost when the shift changes hands."""
    day = (shift.day - held.row.starts_on).days
    after = dict(held.cells)
    after[shift.interpreter_id] = checker.replaced(after[shift.interpreter_id], day, None)
    after[taker] = checker.replaced(after[taker], day, shift.kind)
    before = sum(gap.missing for gap in checker.gaps(held.problem, held.cells))
    return max(0, sum(gap.missing for gap in checker.gaps(held.problem, after)) - before)
