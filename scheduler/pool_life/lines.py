"""Lines of timesheets: how one is made from work or from on-call time, and how it looks. Reads and writes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TypedDict
from zoneinfo import ZoneInfo

from core.clock import new_id
from scheduler.calendars.spans import Interval
from scheduler.models import Assignment, Booking
from scheduler.notice import NO_SHOW
from scheduler.pool_life.call_in import least_minutes
from scheduler.pool_life.models import TimesheetLine
from scheduler.pool_life.pay import LineKind, LineState


class LineView(TypedDict):
    """A line of a timesheet; no case, no step."""

    id: str
    interpreter_id: str
    interpreter_code: str
    country: str
    authority: str
    kind: str
    state: str
    starts_at: datetime
    ends_at: datetime
    minutes: int
    """Until it is confirmed what was interpreted, then what counts."""
    least: int | None
    """What a call-in counts at least by the house rule of the country; none for other lines and where there is no such rule."""
    interpreter_minutes: int | None
    officer_minutes: int | None
    confirm_by: datetime
    late: bool
    """Not confirmed by both sides on the day of the work."""
    by_coordinator: bool
    """On-call time: a coordinator of the country is the other side, not an officer."""
    currency: str | None
    minor: int | None
    exported_at: datetime | None
    paid_at: datetime | None


def line_of_work(assignment: Assignment, booking: Booking, *, called_in: bool) -> TimesheetLine:
    """The line of a finished piece of work, of one that was given up too late, or of one to which the other side did not come."""
    if assignment.active_min > 0:
        kind, minutes = LineKind.CALL_IN if called_in else LineKind.SESSION, assignment.active_min
    else:
        kind = LineKind.WASTED if assignment.notice_class == NO_SHOW else LineKind.LATE_CANCEL
        minutes = assignment.minutes * (assignment.notice_percent or 0) // 100
    ended = assignment.ended_at or assignment.ends_at
    starts = min(assignment.starts_at, ended)
    return TimesheetLine(
        id=new_id("line"),
        country=booking.country,
        interpreter_id=assignment.interpreter_id,
        assignment_id=assignment.id,
        session_id=booking.session_id,
        officer_user_id=booking.requested_by,
        authority=booking.authority,
        kind=kind,
        state=LineState.OPEN,
        starts_at=starts,
        ends_at=ended,
        minutes=minutes,
        confirm_by=end_of_day(ended, booking.zone),
    )


def line_of_duty(interpreter_id: str, country: str, zone: str, duty: Interval, minutes: int) -> TimesheetLine:
    """The line of a stretch of on-call time; ``minutes`` are those that count."""
    return TimesheetLine(
        id=new_id("line"),
        country=country,
        interpreter_id=interpreter_id,
        duty_from=duty.starts_at,
        authority="",
        kind=LineKind.STANDBY,
        state=LineState.OPEN,
        starts_at=duty.starts_at,
        ends_at=duty.ends_at,
        minutes=minutes,
        confirm_by=end_of_day(duty.ends_at, zone),
    )


def end_of_day(at: datetime, zone: str) -> datetime:
    """The end of the local day of an instant."""
    local = ZoneInfo(zone)
    return datetime.combine(at.astimezone(local).date() + timedelta(days=1), time.min, local).astimezone(UTC)


def line_view(line: TimesheetLine, code: str, now: datetime) -> LineView:
    """The line as both sides see it."""
    both = max((at for at in (line.interpreter_at, line.officer_at) if at is not None), default=None)
    open_late = line.state in (LineState.OPEN, LineState.DISPUTED) and now >= line.confirm_by
    return LineView(
        id=line.id,
        interpreter_id=line.interpreter_id,
        interpreter_code=code,
        country=line.country,
        authority=line.authority,
        kind=line.kind.value,
        state=line.state.value,
        starts_at=line.starts_at,
        ends_at=line.ends_at,
        minutes=line.minutes,
        least=(least_minutes()[line.country] or None) if line.kind is LineKind.CALL_IN else None,
        interpreter_minutes=line.interpreter_minutes,
        officer_minutes=line.officer_minutes,
        confirm_by=line.confirm_by,
        late=open_late or (line.settled_by is None and both is not None and both > line.confirm_by),
        currency=line.currency.value if line.currency else None,
        minor=line.minor,
        exported_at=line.exported_at,
        paid_at=line.paid_at,
        by_coordinator=line.officer_user_id is None,
    )
