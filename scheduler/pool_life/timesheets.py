"""TimesheetService: lines made from finished work, confirmed by both sides, worth money by the rates, exported and paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from sqlalchemy import and_, or_, select

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid, NotFound
from scheduler.lifecycle import AssignmentState
from scheduler.models import Assignment, Booking, Interpreter
from scheduler.pool_life.batches import file_of
from scheduler.pool_life.call_in import CallIn, counted_at_least, least_minutes
from scheduler.pool_life.duty import called_in
from scheduler.pool_life.lines import LineView, line_of_work, line_view
from scheduler.pool_life.models import PayRate, TimesheetLine
from scheduler.pool_life.pay import (
    LINES,
    Currency,
    LineKind,
    LineMove,
    LineState,
    Rate,
    Unpaid,
    ageing,
    amount,
    rate_for,
)

_BATCH = 500


class RateView(TypedDict):
    """A rate as it is set."""

    id: str
    country: str
    engagement: str
    kind: str
    currency: str
    minor_per_hour: int
    valid_from: datetime


class AgeingView(TypedDict):
    """Unpaid confirmed money of one currency by age."""

    currency: str
    up_to_30: int
    up_to_60: int
    up_to_90: int
    older: int


@dataclass(frozen=True)
class Export:
    """What accounting gets: a CSV of codes, minutes and amounts, and the number under which it was taken."""

    batch: str
    lines: int
    content: str


class TimesheetService:
    """From minutes to money. Who may call what is policy."""

    async def collect(self, uow: UnitOfWork) -> int:
        """Make the lines of finished work that has none yet; returns how many. A periodic job calls this."""
        found = await uow.session.execute(
            select(Assignment, Booking)
            .join(Booking, Booking.id == Assignment.booking_id)
            .outerjoin(TimesheetLine, TimesheetLine.assignment_id == Assignment.id)
            .where(
                TimesheetLine.id.is_(None),
                Assignment.ended_at.is_not(None),
                or_(
                    Assignment.active_min > 0,
                    and_(Assignment.state == AssignmentState.RELEASED, Assignment.notice_percent > 0),
                ),
            )
            .order_by(Assignment.ended_at)
            .limit(_BATCH)
        )
        rows = [(assignment, booking) for assignment, booking in found]
        called = await called_in(uow, [assignment for assignment, booking in rows if booking.kind == "now"])
        for assignment, booking in rows:
            uow.session.add(line_of_work(assignment, booking, called_in=assignment.id in called))
        await uow.flush()
        return len(rows)

    async def confirm(self, uow: UnitOfWork, line_id: str, *, as_interpreter: bool, minutes: int) -> None:
        """One side says how many minutes it was. When both say the same number the line is confirmed and its worth fixed; when they
        differ it is disputed. A side may correct itself until the other has spoken. A call-in counts at least what the house rule says,
        whatever was said.

        Raises ``NotFound('line_unknown')``, ``Conflict('line_closed')``, ``Invalid('value_unknown')``."""
        line = await self._line(uow, line_id)
        if line.state is not LineState.OPEN:
            raise Conflict("line_closed")
        if not 0 <= minutes <= 24 * 60:
            raise Invalid("value_unknown", {"field": "minutes"})
        if as_interpreter:
            line.interpreter_minutes, line.interpreter_at = minutes, uow.now
        else:
            line.officer_minutes, line.officer_at = minutes, uow.now
        mine, theirs = line.interpreter_minutes, line.officer_minutes
        if mine is not None and theirs is not None:
            if mine != theirs:
                line.state = LINES.advance(line.state, LineMove.DISPUTE)
            else:
                line.state = LINES.advance(line.state, LineMove.CONFIRM)
                line.minutes = await self._counted(uow, line, mine)
                await self._price(uow, line)
        await uow.flush()

    async def settle(self, uow: UnitOfWork, line_id: str, *, minutes: int) -> None:
        """A coordinator decides a disputed line, or one that a side left open after its day. Raises ``Conflict('line_closed')``
        for others."""
        line = await self._line(uow, line_id)
        if line.state is LineState.OPEN and uow.now >= line.confirm_by:
            line.state = LINES.advance(line.state, LineMove.DISPUTE)
        if line.state is not LineState.DISPUTED:
            raise Conflict("line_closed")
        if not 0 <= minutes <= 24 * 60:
            raise Invalid("value_unknown", {"field": "minutes"})
        line.state, line.settled_by = LINES.advance(line.state, LineMove.SETTLE), uow.actor.id
        line.minutes = await self._counted(uow, line, minutes)
        await self._price(uow, line)
        await uow.flush()

    async def export(self, uow: UnitOfWork, country: str) -> Export:
        """Take all confirmed lines of a country with an amount for accounting. Raises ``Conflict('nothing_to_export')``."""
        rows = (
            await uow.session.execute(
                select(TimesheetLine, Interpreter.code, Interpreter.engagement, Interpreter.time_zone)
                .join(Interpreter, Interpreter.id == TimesheetLine.interpreter_id)
                .where(
                    TimesheetLine.country == country,
                    TimesheetLine.state == LineState.CONFIRMED,
                    TimesheetLine.minor.is_not(None),
                )
                .order_by(Interpreter.code, TimesheetLine.starts_at)
                .with_for_update(of=TimesheetLine)
            )
        ).all()
        if not rows:
            raise Conflict("nothing_to_export")
        batch = new_id("batch")
        for row in rows:
            line = row[0]
            line.state = LINES.advance(line.state, LineMove.EXPORT)
            line.exported_at, line.batch = uow.now, batch
        await uow.flush()
        return Export(batch, len(rows), file_of((row[0], row[1], row[2], row[3]) for row in rows))

    async def paid(self, uow: UnitOfWork, batch: str) -> tuple[int, str]:
        """Accounting has paid a batch; returns the number of lines and the country. Raises ``NotFound('batch_unknown')``."""
        lines = (
            await uow.session.scalars(
                select(TimesheetLine)
                .where(TimesheetLine.batch == batch, TimesheetLine.state == LineState.EXPORTED)
                .with_for_update()
            )
        ).all()
        if not lines:
            raise NotFound("batch_unknown")
        for line in lines:
            line.state, line.paid_at = LINES.advance(line.state, LineMove.PAY), uow.now
        await uow.flush()
        return len(lines), lines[0].country

    async def set_rate(
        self,
        uow: UnitOfWork,
        *,
        country: str,
        engagement: str,
        kind: LineKind,
        currency: Currency,
        minor_per_hour: int,
        valid_from: datetime,
    ) -> None:
        """Set what an hour costs from ``valid_from`` on. Confirmed lines keep their worth; those without one are priced now.

        Raises ``Invalid('value_unknown')``, ``Conflict('rate_exists')``."""
        if not 0 <= minor_per_hour <= 100_000_000 or engagement not in ("staff", "contract", "roster", "volunteer"):
            raise Invalid("value_unknown", {"field": "minor_per_hour"})
        uow.session.add(
            PayRate(
                id=new_id("rate"),
                country=country,
                engagement=engagement,
                kind=kind,
                currency=currency,
                minor_per_hour=minor_per_hour,
                valid_from=valid_from,
                set_by=uow.actor.id,
            )
        )
        await uow.flush()
        waiting = await uow.session.scalars(
            select(TimesheetLine)
            .where(
                TimesheetLine.country == country,
                TimesheetLine.state == LineState.CONFIRMED,
                TimesheetLine.minor.is_(None),
            )
            .with_for_update()
        )
        for line in waiting.all():
            await self._price(uow, line)
        await uow.flush()

    async def rates(self, unit: ReadUnit) -> list[RateView]:
        """All rates of the actor's countries, the newest first."""
        rows = await unit.session.scalars(
            select(PayRate).order_by(PayRate.country, PayRate.engagement, PayRate.kind, PayRate.valid_from.desc())
        )
        return [
            RateView(
                id=row.id,
                country=row.country,
                engagement=row.engagement,
                kind=row.kind.value,
                currency=row.currency.value,
                minor_per_hour=row.minor_per_hour,
                valid_from=row.valid_from,
            )
            for row in rows
        ]

    async def lines(
        self,
        unit: ReadUnit,
        *,
        interpreter_id: str | None = None,
        state: LineState | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 200,
    ) -> Sequence[LineView]:
        """Lines by any of these facts, the newest first, ``limit`` of them."""
        wanted = select(TimesheetLine, Interpreter.code).join(
            Interpreter, Interpreter.id == TimesheetLine.interpreter_id
        )
        if interpreter_id is not None:
            wanted = wanted.where(TimesheetLine.interpreter_id == interpreter_id)
        if state is not None:
            wanted = wanted.where(TimesheetLine.state == state)
        if since is not None:
            wanted = wanted.where(TimesheetLine.starts_at >= since)
        if until is not None:
            wanted = wanted.where(TimesheetLine.starts_at < until)
        rows = await unit.session.execute(wanted.order_by(TimesheetLine.starts_at.desc()).limit(limit))
        return [line_view(line, code, unit.now) for line, code in rows]

    async def unanswered(self, unit: ReadUnit, officer_user_id: str) -> Sequence[LineView]:
        """All lines that wait for this officer's word, the oldest first."""
        rows = await unit.session.execute(
            select(TimesheetLine, Interpreter.code)
            .join(Interpreter, Interpreter.id == TimesheetLine.interpreter_id)
            .where(
                TimesheetLine.officer_user_id == officer_user_id,
                TimesheetLine.state == LineState.OPEN,
                TimesheetLine.officer_minutes.is_(None),
            )
            .order_by(TimesheetLine.starts_at, TimesheetLine.id)
        )
        return [line_view(line, code, unit.now) for line, code in rows]

    async def line_facts(self, unit: ReadUnit, line_id: str) -> tuple[str, str, str | None]:
        """Country, interpreter id and officer's user id (none: on-call time) of a line: what policy asks.

        Raises ``NotFound('line_unknown')``.
        """
        row = (
            await unit.session.execute(
                select(TimesheetLine.country, TimesheetLine.interpreter_id, TimesheetLine.officer_user_id).where(
                    TimesheetLine.id == line_id
                )
            )
        ).first()
        if row is None:
            raise NotFound("line_unknown")
        return row.country, row.interpreter_id, row.officer_user_id

    async def ageing(self, unit: ReadUnit) -> list[AgeingView]:
        """How old the confirmed and not yet paid money of the actor's countries is."""
        rows = await unit.session.execute(
            select(TimesheetLine.currency, TimesheetLine.minor, TimesheetLine.ends_at).where(
                TimesheetLine.state.in_((LineState.CONFIRMED, LineState.EXPORTED)), TimesheetLine.minor.is_not(None)
            )
        )
        unpaid = [Unpaid(row.currency.value, row.minor, row.ends_at) for row in rows]
        return [
            AgeingView(currency=currency, up_to_30=sums[0], up_to_60=sums[1], up_to_90=sums[2], older=sums[3])
            for currency, sums in ageing(unpaid, unit.now).items()
        ]

    async def _counted(self, uow: UnitOfWork, line: TimesheetLine, minutes: int) -> int:
        """The minutes that count: those that were said, of a call-in at least those of the house rule, once where several follow."""
        if line.kind is not LineKind.CALL_IN:
            return minutes
        wanted = select(TimesheetLine.id, TimesheetLine.starts_at, TimesheetLine.country).where(
            TimesheetLine.interpreter_id == line.interpreter_id,
            TimesheetLine.kind == LineKind.CALL_IN,
            TimesheetLine.starts_at > line.starts_at - timedelta(days=1),
            TimesheetLine.starts_at <= line.starts_at,
        )
        async with uow.across_countries():
            rows = (await uow.session.execute(wanted)).all()
        calls = [CallIn(row.id, row.starts_at, row.country) for row in rows]
        span = counted_at_least(calls, least_minutes()).get(line.id)
        return minutes if span is None else max(minutes, span.minutes)

    async def _line(self, uow: UnitOfWork, line_id: str) -> TimesheetLine:
        line = await uow.session.get(TimesheetLine, line_id, with_for_update=True, populate_existing=True)
        if line is None:
            raise NotFound("line_unknown")
        return line

    async def _price(self, uow: UnitOfWork, line: TimesheetLine) -> None:
        engagement = await uow.session.scalar(
            select(Interpreter.engagement).where(Interpreter.id == line.interpreter_id)
        )
        rows = await uow.session.scalars(
            select(PayRate).where(PayRate.country == line.country, PayRate.kind == line.kind)
        )
        known = [
            Rate(row.country, row.engagement, row.kind, row.currency, row.minor_per_hour, row.valid_from)
            for row in rows
        ]
        rate = rate_for(known, country=line.country, engagement=engagement or "", kind=line.kind, at=line.starts_at)
        if rate is not None:
            line.currency, line.minor = rate.currency, amount(line.minutes, rate)
