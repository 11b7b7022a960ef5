"""Plans as a coordinator sees them: the gap, cells beside those of another plan, people before and after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypedDict

from sqlalchemy import or_, select

from core.db.session import ReadUnit
from scheduler.models import Booking
from scheduler.plans.models import Plan, PlanCell, PlanKind, PlanState
from scheduler.plans.service import PlanService, bookings_by_id, names

_SHOWN = 30
_TENTHS = 10


class PlanHead(TypedDict):
    """One plan in a list."""

    id: str
    country: str
    version: int
    kind: str
    state: str
    starts_at: datetime
    ends_at: datetime
    made_at: datetime
    seconds: int
    phase: str
    elapsed_ms: int
    bookings: int
    left_out: int
    points: int | None
    """Cost in points, rounded."""
    gap_permille: int | None
    """How far above the best possible plan it may be at most, in tenths of a percent rounded up; none: nothing is proven yet."""
    absent: str | None
    """Code of who drops out."""
    failure: str | None
    decided_at: datetime | None


class PlanCellView(TypedDict):
    """One leg of one booking."""

    booking_id: str
    leg: int
    case_ref: str
    step_code: str
    language: str
    officer_language: str
    pivot: str | None
    starts_at: datetime
    ends_at: datetime
    priority: str
    interpreter_id: str | None
    interpreter: str | None
    before: str | None
    """Code of who has it now, or has it in the plan that is compared with."""
    moved: bool
    """Agreed work of somebody who does not drop out, that goes to somebody else."""
    pinned: bool
    points: int
    """How much worse than the best possible match, in points."""
    state: str
    reason: str | None


class PersonView(TypedDict):
    """What a plan means for one person."""

    interpreter: str
    before_min: int
    after_min: int
    bookings: int


class PlanView(TypedDict):
    """A plan with everything in it."""

    head: PlanHead
    parts: dict[str, int]
    """Parts of the cost in points."""
    against: int | None
    """Version of the plan that it is compared with."""
    cells: list[PlanCellView]
    people: list[PersonView]


class PlanList(TypedDict):
    """The latest plans."""

    items: list[PlanHead]


class PlanViews:
    """Reads."""

    def __init__(self, plans: PlanService) -> None:
        self._plans = plans

    async def recent(self, unit: ReadUnit) -> PlanList:
        """The latest plans of the reader's countries, newest first."""
        rows = (
            await unit.session.scalars(select(Plan).order_by(Plan.made_at.desc(), Plan.id.desc()).limit(_SHOWN))
        ).all()
        codes = await names(unit, [row.absent_id for row in rows if row.absent_id])
        return PlanList(items=[head(row, codes) for row in rows])

    async def plan(self, unit: ReadUnit, plan_id: str, *, against: str | None = None) -> PlanView:
        """One plan beside another one: by default the version before it. Raises ``plan_unknown``."""
        plan = await self._plans.get(unit, plan_id)
        cells = await self._plans.cells(unit, plan_id)
        other = await self._other(unit, plan, against)
        theirs = await self._plans.cells(unit, other.id) if other is not None else []
        bookings = await bookings_by_id(unit, [cell.booking_id for cell in (*cells, *theirs)])
        ids = {who for cell in (*cells, *theirs) for who in (cell.interpreter_id, cell.before_id) if who}
        codes = await names(unit, [*ids, *([plan.absent_id] if plan.absent_id else [])])
        known = {(cell.booking_id, cell.leg): cell.interpreter_id for cell in theirs}
        before = {
            (cell.booking_id, cell.leg): cell.before_id
            if plan.kind is PlanKind.REPAIR
            else known.get((cell.booking_id, cell.leg))
            for cell in cells
        }
        absent = plan.absent_id if plan.kind is PlanKind.REPAIR else None
        hit = {key[0] for key, who in before.items() if who == absent}
        shown = [
            _cell(cell, bookings[cell.booking_id], codes, before[cell.booking_id, cell.leg], absent, hit)
            for cell in sorted(cells, key=lambda one: (bookings[one.booking_id].starts_at, one.booking_id, one.leg))
        ]
        return PlanView(
            head=head(plan, codes),
            parts={name: value // _TENTHS for name, value in plan.parts.items()},
            against=other.version if other is not None else None,
            cells=shown,
            people=_people(cells, theirs, before, bookings, codes, is_repair=plan.kind is PlanKind.REPAIR),
        )

    async def _other(self, unit: ReadUnit, plan: Plan, against: str | None) -> Plan | None:
        if plan.kind is PlanKind.REPAIR:
            return None
        if against is not None:
            return await self._plans.get(unit, against)
        found: Plan | None = await unit.session.scalar(
            select(Plan)
            .where(
                Plan.country == plan.country,
                Plan.version < plan.version,
                Plan.kind != PlanKind.REPAIR,
                or_(Plan.failure.is_(None), Plan.failure != "search_failed"),
                Plan.state != PlanState.DRAFT,
            )
            .order_by(Plan.version.desc())
            .limit(1)
        )
        return found


def head(plan: Plan, codes: Mapping[str, str]) -> PlanHead:
    """The header of a plan."""
    gap = None
    if plan.total is not None and plan.bound is not None and plan.bound > 0:
        gap = -(-(plan.total - plan.bound) * 1000 // plan.bound)
    return PlanHead(
        id=plan.id,
        country=plan.country,
        version=plan.version,
        kind=plan.kind.value,
        state=plan.state.value,
        starts_at=plan.starts_at,
        ends_at=plan.ends_at,
        made_at=plan.made_at,
        seconds=plan.seconds,
        phase=plan.phase,
        elapsed_ms=plan.elapsed_ms,
        bookings=plan.bookings,
        left_out=plan.left_out,
        points=None if plan.total is None else round(plan.total / _TENTHS),
        gap_permille=None if gap is None else max(0, gap),
        absent=codes.get(plan.absent_id) if plan.absent_id else None,
        failure=plan.failure,
        decided_at=plan.decided_at,
    )


def _cell(
    cell: PlanCell, booking: Booking, codes: Mapping[str, str], before: str | None, absent: str | None, hit: set[str]
) -> PlanCellView:
    return PlanCellView(
        booking_id=cell.booking_id,
        leg=cell.leg,
        case_ref=booking.case_ref,
        step_code=booking.step_code,
        language=booking.language,
        officer_language=booking.officer_language,
        pivot=cell.pivot,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        priority=booking.priority,
        interpreter_id=cell.interpreter_id,
        interpreter=codes.get(cell.interpreter_id) if cell.interpreter_id else None,
        before=codes.get(before) if before else None,
        moved=absent is not None and cell.booking_id not in hit and before != cell.interpreter_id,
        pinned=cell.pinned,
        points=round(cell.cost / _TENTHS),
        state=cell.state.value,
        reason=cell.reason,
    )


def _people(
    cells: Sequence[PlanCell],
    theirs: Sequence[PlanCell],
    before: Mapping[tuple[str, int], str | None],
    bookings: Mapping[str, Booking],
    codes: Mapping[str, str],
    *,
    is_repair: bool,
) -> list[PersonView]:
    """Minutes by person; those whose work changes most come first."""

    def minutes(booking_id: str) -> int:
        row = bookings[booking_id]
        return int((row.ends_at - row.starts_at) / timedelta(minutes=1))

    was: dict[str, int] = defaultdict(int)
    becomes: dict[str, int] = defaultdict(int)
    count: dict[str, int] = defaultdict(int)
    for cell in cells:
        if cell.interpreter_id:
            becomes[cell.interpreter_id] += minutes(cell.booking_id)
            count[cell.interpreter_id] += 1
        if is_repair and (who := before.get((cell.booking_id, cell.leg))):
            was[who] += minutes(cell.booking_id)
    if not is_repair:
        for cell in theirs:
            if cell.interpreter_id:
                was[cell.interpreter_id] += minutes(cell.booking_id)
    people = [
        PersonView(interpreter=codes[who], before_min=was[who], after_min=becomes[who], bookings=count[who])
        for who in {*was, *becomes}
        if who in codes
    ]
    return sorted(people, key=lambda one: (-abs(one["after_min"] - one["before_min"]), one["interpreter"]))
