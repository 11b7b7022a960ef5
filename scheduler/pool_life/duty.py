"""On-call time on timesheets (R-6): which minutes of a duty are stand-by, and which talks were call-ins.

A duty is a stretch of on-call spans of the calendar, from whichever source (weekly rule, single window, published roster), less leave.
Its stand-by minutes are those in which nothing was interpreted: a talk in it has a line and a rate of its own, with the least time that
a call-in counts (``call_in``), and no minute is paid twice. The country where the interpreter works pays the stand-by, the country of
the case the call-in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select

from core.db.session import ReadUnit, UnitOfWork
from scheduler.calendars.models import AvailabilitySpan
from scheduler.calendars.spans import Interval, minutes, subtract, union
from scheduler.lifecycle import AssignmentState, BookingState
from scheduler.models import Assignment, Booking, Interpreter
from scheduler.pool_life.call_in import CallIn, counted_at_least, least_minutes
from scheduler.pool_life.lines import line_of_duty
from scheduler.pool_life.models import TimesheetLine

LOOK_BACK = timedelta(days=7)
"""Duties that ended longer ago get no line by themselves: whoever states a past duty afterwards is not paid for it unseen."""
_LONGEST = timedelta(days=32)
_BATCH = 300


def duties(
    on_call: Iterable[Interval], leave: Iterable[Interval], worked: Sequence[Interval], now: datetime
) -> list[tuple[Interval, int]]:
    """The duties that are over, each with its stand-by minutes; those without a minute are left out. Pure.

    Spans that touch are one duty. One that goes on at ``now`` is not over.
    """
    found = []
    for duty in subtract(on_call, leave):
        if duty.ends_at > now:
            continue
        left = minutes(subtract([duty], worked))
        if left:
            found.append((duty, left))
    return found


def is_call_in(starts_at: datetime, on_call: Iterable[Interval], desk: Iterable[Interval]) -> bool:
    """Whether a talk that began then was a call-in: in on-call time, and not in desk hours. Pure."""
    at = starts_at + timedelta(microseconds=1)
    on_duty = any(one.meets(starts_at, at) for one in on_call)
    return on_duty and not any(one.meets(starts_at, at) for one in desk)


async def collect_duty(uow: UnitOfWork) -> int:
    """Make the lines of on-call time that is over and has none yet; returns how many. A periodic job calls this."""
    since = uow.now - LOOK_BACK
    ended = await uow.session.scalars(
        select(AvailabilitySpan.interpreter_id)
        .where(
            AvailabilitySpan.kind == "on_call",
            AvailabilitySpan.ends_at > since,
            AvailabilitySpan.ends_at <= uow.now,
        )
        .distinct()
        .order_by(AvailabilitySpan.interpreter_id)
    )
    ids = list(ended)
    made = 0
    for first in range(0, len(ids), _BATCH):
        made += await _collect(uow, ids[first : first + _BATCH], since)
    return made


async def called_in(unit: ReadUnit, work: Sequence[Assignment]) -> set[str]:
    """Which of these pieces of work were call-ins."""
    if not work:
        return set()
    starts = [row.starts_at for row in work]
    spans = await _spans(
        unit, {row.interpreter_id for row in work}, ("on_call", "desk"), min(starts), max(starts) + timedelta(minutes=1)
    )
    return {
        row.id
        for row in work
        if is_call_in(row.starts_at, spans[row.interpreter_id, "on_call"], spans[row.interpreter_id, "desk"])
    }


async def _collect(uow: UnitOfWork, ids: Sequence[str], since: datetime) -> int:
    earliest = since - _LONGEST
    spans = await _spans(uow, ids, ("on_call", "desk", "leave"), earliest, uow.now + _LONGEST)
    worked = await _worked(uow, ids, earliest)
    known: dict[str, list[Interval]] = defaultdict(list)
    for row in await uow.session.execute(
        select(TimesheetLine.interpreter_id, TimesheetLine.starts_at, TimesheetLine.ends_at).where(
            TimesheetLine.interpreter_id.in_(ids),
            TimesheetLine.duty_from.is_not(None),
            TimesheetLine.ends_at > earliest,
        )
    ):
        known[row.interpreter_id].append(Interval(row.starts_at, row.ends_at))
    people = await uow.session.execute(
        select(Interpreter.id, Interpreter.base_country, Interpreter.time_zone).where(Interpreter.id.in_(ids))
    )
    made = 0
    for person in people:
        taken = [*spans[person.id, "leave"], *known[person.id]]
        on_call = spans[person.id, "on_call"]
        talks = worked.get(person.id, [])
        calls = [
            talk.call
            for talk in talks
            if talk.for_now and is_call_in(talk.call.starts_at, on_call, spans[person.id, "desk"])
        ]
        paid = union((talk.span for talk in talks), counted_at_least(calls, least_minutes()).values())
        for duty, standby in duties(on_call, taken, paid, uow.now):
            if duty.ends_at > since:
                uow.session.add(line_of_duty(person.id, person.base_country, person.time_zone, duty, standby))
                made += 1
    await uow.flush()
    return made


async def _spans(
    unit: ReadUnit, ids: Iterable[str], kinds: Sequence[str], start: datetime, end: datetime
) -> Mapping[tuple[str, str], list[Interval]]:
    rows = await unit.session.execute(
        select(
            AvailabilitySpan.interpreter_id, AvailabilitySpan.kind, AvailabilitySpan.starts_at, AvailabilitySpan.ends_at
        ).where(
            AvailabilitySpan.interpreter_id.in_(sorted(set(ids))),
            AvailabilitySpan.kind.in_(kinds),
            AvailabilitySpan.starts_at < end,
            AvailabilitySpan.ends_at > start,
        )
    )
    found: dict[tuple[str, str], list[Interval]] = defaultdict(list)
    for row in rows:
        found[row.interpreter_id, row.kind].append(Interval(row.starts_at, row.ends_at))
    return found


@dataclass(frozen=True)
class _Talk:
    """A time in which somebody was interpreting."""

    span: Interval
    call: CallIn
    for_now: bool
    """Not an appointment: only such a talk can be a call-in."""


async def _worked(unit: ReadUnit, ids: Sequence[str], since: datetime) -> dict[str, list[_Talk]]:
    """When each was interpreting: from the start of the work to its end, or until now where it goes on."""
    rows = await unit.session.execute(
        select(
            Assignment.id,
            Assignment.interpreter_id,
            Assignment.starts_at,
            Assignment.ended_at,
            Booking.kind,
            Booking.country,
        )
        .join(Booking, Booking.id == Assignment.booking_id)
        .where(
            Assignment.interpreter_id.in_(ids),
            or_(
                and_(Assignment.active_min > 0, Assignment.ended_at > since),
                and_(Assignment.state == AssignmentState.ACTIVE, Booking.state == BookingState.IN_SESSION),
            ),
        )
    )
    found: dict[str, list[_Talk]] = defaultdict(list)
    for row in rows:
        span = Interval.of(row.starts_at, row.ended_at or unit.now)
        if span is not None:
            call = CallIn(row.id, row.starts_at, row.country)
            found[row.interpreter_id].append(_Talk(span, call, row.kind == "now"))
    return found
