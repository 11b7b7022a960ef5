"""Keeps the expanded spans of a calendar in step with its rules: half a year ahead, made anew after every change.

Called within the unit of work that changes a rule, and by a nightly job that rolls the half year on and notices new zone data.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, or_, select

from core.db.session import ReadUnit, UnitOfWork
from core.errors import NotFound
from scheduler.calendars.expand import Block, Change, Reach, Rule, Span, SpanKind, Stated, expand
from scheduler.calendars.holidays import days_off
from scheduler.calendars.localtime import day_start, local_day, tz_version
from scheduler.calendars.models import (
    AvailabilitySpan,
    CalendarAbsence,
    CalendarException,
    CalendarRule,
    CalendarState,
    OnCallWindow,
)
from scheduler.events import CALENDAR_CHANGED
from scheduler.locks import hold_person
from scheduler.models import Interpreter

AHEAD = timedelta(days=200)
"""Farther than anything can be booked (180 days), so that no booking meets the end of what is expanded."""
BEHIND = timedelta(days=62)
"""How long past months can be looked at."""
_ROLL_BELOW = timedelta(days=199)
"""Each calendar is made anew about once a day: a changed zone or country of the profile is taken over then."""


async def person(unit: ReadUnit, interpreter_id: str) -> Interpreter:
    """The row. Raises ``NotFound('interpreter_unknown')``."""
    found = await unit.session.get(Interpreter, interpreter_id)
    if found is None:
        raise NotFound("interpreter_unknown")
    return found


async def stated_by(unit: ReadUnit, who: Interpreter, start: datetime, end: datetime) -> Stated:
    """All that somebody has stated, with the holidays of the years concerned."""
    rules = await unit.session.scalars(
        select(CalendarRule).where(CalendarRule.interpreter_id == who.id).order_by(CalendarRule.id)
    )
    changes = await unit.session.scalars(
        select(CalendarException).where(CalendarException.interpreter_id == who.id).order_by(CalendarException.id)
    )
    absences = await unit.session.scalars(select(CalendarAbsence).where(CalendarAbsence.interpreter_id == who.id))
    windows = await unit.session.scalars(select(OnCallWindow).where(OnCallWindow.interpreter_id == who.id))
    return Stated(
        zone=who.time_zone,
        rules=[_rule(row) for row in rules],
        changes=[_change(row) for row in changes],
        absences=[Block(row.id, row.starts_local, row.ends_local, row.zone) for row in absences],
        windows=[
            Block(row.id, row.starts_local, row.ends_local, row.zone, Reach(row.report_in_min, tuple(row.reachable_by)))
            for row in windows
        ],
        holidays=await days_off(unit, who.base_country, range(start.year, end.year + 1)),
    )


async def refresh(uow: UnitOfWork, interpreter_id: str, *, changed: bool) -> CalendarState:
    """Make the spans of one calendar anew; those of imported calendars stay. ``changed`` counts its version up.

    Raises ``NotFound('interpreter_unknown')``.
    """
    await hold_person(uow, interpreter_id)
    await uow.flush()
    who = await person(uow, interpreter_id)
    start, end = horizon(uow.now, who.time_zone)
    spans = expand(await stated_by(uow, who, start, end), start, end)
    await uow.session.execute(
        delete(AvailabilitySpan)
        .where(AvailabilitySpan.interpreter_id == interpreter_id, AvailabilitySpan.source.not_in(["import", "roster"]))
        .execution_options(synchronize_session=False)
    )
    await put_spans(uow, interpreter_id, spans)
    state = await uow.session.get(CalendarState, interpreter_id)
    if state is None:
        state = CalendarState(interpreter_id=interpreter_id, version=0, changed_at=uow.now)
        uow.session.add(state)
        changed = True
    if changed:
        state.version += 1
        state.changed_at = uow.now
        body = {"interpreter_id": interpreter_id, "country": who.base_country}
        uow.emit(CALENDAR_CHANGED, body, country=who.base_country)
    state.expanded_from, state.expanded_to, state.tz_version = start, end, tz_version()
    await uow.flush()
    return state


async def put_spans(uow: UnitOfWork, interpreter_id: str, spans: Sequence[Span]) -> None:
    """Store spans beside those that are there."""
    if not spans:
        return
    rows = [
        {
            "interpreter_id": interpreter_id,
            "kind": span.kind.value,
            "starts_at": span.interval.starts_at,
            "ends_at": span.interval.ends_at,
            "source": span.source,
            "source_id": span.source_id,
            "report_in_min": span.reach.report_in_min,
            "reachable_by": list(span.reach.reachable_by),
        }
        for span in spans
    ]
    await uow.session.execute(insert(AvailabilitySpan), rows)


def horizon(now: datetime, zone: str) -> tuple[datetime, datetime]:
    """What is expanded today: whole local days."""
    return day_start(local_day(now - BEHIND, zone), zone), day_start(local_day(now + AHEAD, zone), zone)


async def outdated(unit: ReadUnit, limit: int = 100) -> list[str]:
    """Calendars that reach no longer far enough, or were expanded with other zone data; the most urgent first."""
    rows = await unit.session.scalars(
        select(CalendarState.interpreter_id)
        .where(
            or_(CalendarState.expanded_to < unit.now + _ROLL_BELOW, CalendarState.tz_version != tz_version()),
        )
        .order_by(CalendarState.expanded_to, CalendarState.interpreter_id)
        .limit(limit)
    )
    return list(rows)


async def who_skips_holidays(unit: ReadUnit, country: str) -> list[str]:
    """Whose spans depend on the holidays of a country."""
    rows = await unit.session.scalars(
        select(CalendarRule.interpreter_id)
        .join(Interpreter, Interpreter.id == CalendarRule.interpreter_id)
        .where(CalendarRule.skip_holidays.is_(True), Interpreter.base_country == country)
        .distinct()
        .order_by(CalendarRule.interpreter_id)
    )
    return list(rows)


def _rule(row: CalendarRule) -> Rule:
    return Rule(
        id=row.id,
        kind=SpanKind(row.kind),
        weekday=row.weekday,
        from_time=row.from_time,
        to_time=row.to_time,
        zone=row.zone,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        skip_holidays=row.skip_holidays,
        reach=Reach(row.report_in_min, tuple(row.reachable_by)),
    )


def _change(row: CalendarException) -> Change:
    return Change(
        id=row.id,
        kind=row.kind,
        span_kind=SpanKind(row.span_kind),
        on_day=row.on_day,
        zone=row.zone,
        replaces=row.replaces,
        to_day=row.to_day,
        from_time=row.from_time,
        to_time=row.to_time,
        reach=Reach(row.report_in_min, tuple(row.reachable_by)),
    )
