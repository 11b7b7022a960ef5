"""One month of an interpreter, cut into local days: what the month page shows. Reads only.

Leave is leave: neither its kind nor its reason is here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import TypedDict
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.db.session import ReadUnit
from core.errors import Invalid
from scheduler.calendars.expand import SpanKind
from scheduler.calendars.holidays import COUNTRIES, FIRST_YEAR, LAST_YEAR, Holiday, holidays_of
from scheduler.calendars.localtime import day_start, local_day
from scheduler.calendars.models import AvailabilitySpan, CalendarState
from scheduler.calendars.spans import Interval, minutes, subtract, union, within
from scheduler.calendars.store import horizon, person
from scheduler.lifecycle import AssignmentState
from scheduler.models import Assignment, Booking

_DAY = timedelta(days=1)
_WEEK = 7
_BOOKED = (AssignmentState.ACTIVE, AssignmentState.HONOURED, AssignmentState.HELD)


class Piece(TypedDict):
    """Something on one local day; what lasts over midnight has a piece on each day."""

    kind: str
    """desk, on_call, leave, busy or booking."""
    starts_at: datetime
    ends_at: datetime
    from_time: str
    """Local, ``HH:MM``."""
    to_time: str
    """Local; ``24:00`` for the end of the day."""
    minutes: int
    state: str | None
    """Of a booking: confirmed, held or done."""
    report_in_min: int | None


class Day(TypedDict):
    """One local day."""

    day: date
    in_month: bool
    holiday: Holiday | None
    stated: bool
    """Whether hours are stated for this day; otherwise bookable on request."""
    pieces: list[Piece]


class Month(TypedDict):
    """Whole weeks from Monday on that hold a month."""

    month: str
    zone: str
    today: date
    known_until: date
    """Hours are worked out until then; later days may still be empty."""
    days: list[Day]
    desk_minutes: int
    """Of the month itself, without leave."""
    on_call_minutes: int
    booked_minutes: int


class MonthViews:
    """Months of interpreters."""

    async def month(self, unit: ReadUnit, interpreter_id: str, month: str) -> Month:
        """The month ``YYYY-MM``. Raises ``NotFound('interpreter_unknown')``, ``Invalid('value_unknown')`` (month)."""
        who = await person(unit, interpreter_id)
        first, last = _bounds(month)
        monday = first - timedelta(days=first.weekday())
        end_day = last + timedelta(days=_WEEK - last.weekday())
        start, end = day_start(monday, who.time_zone), day_start(end_day, who.time_zone)
        spans = await self._spans(unit, interpreter_id, start, end)
        booked = await self._booked(unit, interpreter_id, start, end)
        off = await _holidays(unit, who.base_country, {monday.year, first.year, end_day.year})
        has_state = await unit.session.get(CalendarState, interpreter_id) is not None
        leave = [span.interval for span in spans[SpanKind.LEAVE]]
        desk = subtract((span.interval for span in spans[SpanKind.DESK]), leave)
        opened = union(span.interval for span in spans[SpanKind.OPEN])
        duty = [(cut, one.report) for one in spans[SpanKind.ON_CALL] for cut in subtract([one.interval], leave)]
        month_start, month_end = day_start(first, who.time_zone), day_start(last + _DAY, who.time_zone)
        days: list[Day] = []
        day = monday
        while day < end_day:
            begins, ends = day_start(day, who.time_zone), day_start(day + _DAY, who.time_zone)
            pieces = [
                *(_piece("desk", cut, who.time_zone, ends) for cut in within(desk, begins, ends)),
                *(
                    _piece("on_call", cut, who.time_zone, ends, report=report)
                    for one, report in duty
                    for cut in within([one], begins, ends)
                ),
                *(_piece("leave", cut, who.time_zone, ends) for cut in within(leave, begins, ends)),
                *(
                    _piece("busy", cut, who.time_zone, ends)
                    for cut in within((span.interval for span in spans[SpanKind.BUSY]), begins, ends)
                ),
                *(
                    _piece("booking", cut, who.time_zone, ends, state=state)
                    for one, state in booked
                    for cut in within([one], begins, ends)
                ),
            ]
            days.append(
                Day(
                    day=day,
                    in_month=first <= day <= last,
                    holiday=off.get(day),
                    stated=has_state and not any(one.meets(begins, ends) for one in opened),
                    pieces=sorted(pieces, key=lambda piece: (piece["starts_at"], piece["ends_at"])),
                )
            )
            day += _DAY
        return Month(
            month=month,
            zone=who.time_zone,
            today=local_day(unit.now, who.time_zone),
            known_until=local_day(horizon(unit.now, who.time_zone)[1], who.time_zone) - _DAY,
            days=days,
            desk_minutes=minutes(within(desk, month_start, month_end)),
            on_call_minutes=minutes(within((one for one, _ in duty), month_start, month_end)),
            booked_minutes=minutes(within((one for one, _ in booked), month_start, month_end)),
        )

    async def _spans(
        self, unit: ReadUnit, interpreter_id: str, start: datetime, end: datetime
    ) -> dict[SpanKind, list[_Span]]:
        rows = await unit.session.scalars(
            select(AvailabilitySpan)
            .where(
                AvailabilitySpan.interpreter_id == interpreter_id,
                AvailabilitySpan.starts_at < end,
                AvailabilitySpan.ends_at > start,
            )
            .order_by(AvailabilitySpan.starts_at, AvailabilitySpan.id)
        )
        found: dict[SpanKind, list[_Span]] = {kind: [] for kind in SpanKind}
        for row in rows:
            _put(found[SpanKind(row.kind)], _Span(Interval(row.starts_at, row.ends_at), row.report_in_min))
        return found

    async def _booked(
        self, unit: ReadUnit, interpreter_id: str, start: datetime, end: datetime
    ) -> list[tuple[Interval, str]]:
        wanted = (
            select(Assignment.starts_at, Booking.ends_at, Assignment.state)
            .join(Booking, Booking.id == Assignment.booking_id)
            .where(
                Assignment.interpreter_id == interpreter_id,
                Assignment.state.in_(_BOOKED),
                Assignment.starts_at < end,
                Assignment.busy_until > start,
            )
            .order_by(Assignment.starts_at)
        )
        async with unit.across_countries():
            rows = (await unit.session.execute(wanted)).all()
        words = {AssignmentState.ACTIVE: "confirmed", AssignmentState.HELD: "held", AssignmentState.HONOURED: "done"}
        return [
            (Interval(row.starts_at, max(row.ends_at, row.starts_at + timedelta(minutes=1))), words[row.state])
            for row in rows
        ]


class _Span:
    """An interval and how soon its duty begins to work."""

    __slots__ = ("interval", "report")

    def __init__(self, interval: Interval, report: int | None) -> None:
        self.interval = interval
        self.report = report


def _bounds(month: str) -> tuple[date, date]:
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise Invalid("value_unknown", {"field": "month"}) from None
    if len(month) != 7 or not FIRST_YEAR <= first.year < LAST_YEAR:
        raise Invalid("value_unknown", {"field": "month"})
    following = (first + timedelta(days=32)).replace(day=1)
    return first, following - _DAY


async def _holidays(unit: ReadUnit, country: str, years: Iterable[int]) -> dict[date, Holiday]:
    if country not in COUNTRIES:
        return {}
    wanted = [year for year in years if FIRST_YEAR <= year <= LAST_YEAR]
    return {one.day: one for one in await holidays_of(unit, country, wanted) if one.state != "removed"}


def _piece(
    kind: str,
    interval: Interval,
    zone: str,
    day_ends: datetime,
    *,
    state: str | None = None,
    report: int | None = None,
) -> Piece:
    def shown(at: datetime) -> str:
        return at.astimezone(ZoneInfo(zone)).strftime("%H:%M")

    return Piece(
        kind=kind,
        starts_at=interval.starts_at,
        ends_at=interval.ends_at,
        from_time=shown(interval.starts_at),
        to_time="24:00" if interval.ends_at == day_ends else shown(interval.ends_at),
        minutes=interval.minutes,
        state=state,
        report_in_min=report,
    )


def _put(spans: list[_Span], new: _Span) -> None:
    """Weekly hours and a published shift may say the same: what lies inside another span of its kind is not told twice."""
    if any(span.interval.holds(new.interval.starts_at, new.interval.ends_at) for span in spans):
        return
    spans[:] = [span for span in spans if not new.interval.holds(span.interval.starts_at, span.interval.ends_at)]
    spans.append(new)
