"""When an interpreter can be booked, is on call or away: the one function that slots, ring, assignment and rosters ask.

Reads the expanded spans, never the rules. Days without any pattern count as unstated: bookable on request.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select

from core.db.session import ReadUnit
from scheduler.calendars.models import AvailabilitySpan, CalendarState
from scheduler.calendars.spans import Interval, subtract, union, within
from scheduler.eligibility import Refusal, Rule
from scheduler.lifecycle import KEPT
from scheduler.models import Assignment, Interpreter

LONGEST_DUTY = timedelta(days=31)
"""No on-call span is longer, so that a look at one moment need not read the whole half year."""

LONGEST_DAY = timedelta(hours=25)
"""No desk span is longer: a whole day on which the clocks are set back."""


@dataclass(frozen=True)
class OnCall:
    """Somebody who may be called in although not on line."""

    report_in: int
    """Minutes from the call to the first word (R-2)."""
    until: datetime
    reachable_by: tuple[str, ...]
    """app, sms, phone; in the order in which they are tried."""


@dataclass
class Stated:
    """What one interpreter has stated about a span of time."""

    hours: list[Interval] = field(default_factory=list)
    """Working hours, and days without a pattern."""
    away: list[Interval] = field(default_factory=list)
    """Leave, and busy elsewhere."""
    desk: list[Interval] = field(default_factory=list)
    """Working hours of a pattern: who stated them can be booked without being asked."""

    def add(self, kind: str, starts_at: datetime, ends_at: datetime) -> None:
        """Take in one span of that kind."""
        (self.away if kind in ("leave", "busy") else self.hours).append(Interval(starts_at, ends_at))
        if kind == "desk":
            self.desk.append(Interval(starts_at, ends_at))

    @property
    def bookable(self) -> list[Interval]:
        """The hours that are left."""
        return subtract(self.hours, self.away)


class Availability:
    """Answers for many interpreters at once, in a fixed number of statements."""

    async def free(
        self, unit: ReadUnit, interpreter_ids: Sequence[str], start: datetime, end: datetime
    ) -> dict[str, list[Interval]]:
        """When each may be booked between ``start`` and ``end``: stated hours minus leave, busy and agreed work with its break.

        Every id asked for is in the answer.
        """
        hours = await self.hours(unit, interpreter_ids, start, end)
        engaged = await self.engaged(unit, interpreter_ids, start, end)
        return {who: subtract(hours[who], engaged.get(who, ())) for who in hours}

    async def hours(
        self, unit: ReadUnit, interpreter_ids: Sequence[str], start: datetime, end: datetime
    ) -> dict[str, list[Interval]]:
        """The same without regard to agreed work: stated hours (all of the time if nothing is stated) minus leave and busy."""
        stated = await stated_hours(unit, interpreter_ids, start, end)
        whole = Interval.of(start, end)
        everything = [] if whole is None else [whole]
        return {
            who: within(stated[who].bookable, start, end) if who in stated else list(everything)
            for who in interpreter_ids
        }

    async def engaged(
        self, unit: ReadUnit, interpreter_ids: Iterable[str], start: datetime, end: datetime
    ) -> dict[str, list[Interval]]:
        """Agreed work with the break owed after it; who has none is missing."""
        wanted = select(Assignment.interpreter_id, Assignment.starts_at, Assignment.busy_until).where(
            Assignment.interpreter_id.in_(sorted(set(interpreter_ids))),
            Assignment.state.in_(KEPT),
            Assignment.starts_at < end,
            Assignment.busy_until > start,
        )
        async with unit.across_countries():
            rows = (await unit.session.execute(wanted)).all()
        found: dict[str, list[Interval]] = defaultdict(list)
        for row in rows:
            found[row.interpreter_id].append(Interval(row.starts_at, row.busy_until))
        return {who: union(spans) for who, spans in found.items()}

    async def refusal(self, unit: ReadUnit, interpreter_id: str, start: datetime, end: datetime) -> Refusal | None:
        """Why the interpreter cannot be booked for ``[start, end)``: outside hours or away, or engaged; none if nothing forbids it."""
        hours = await self.hours(unit, [interpreter_id], start, end)
        if not any(span.holds(start, end) for span in hours[interpreter_id]):
            return Refusal(Rule.AVAILABILITY, {})
        if await self.engaged(unit, [interpreter_id], start, end):
            return Refusal(Rule.ENGAGED, {})
        return None

    async def on_call(self, unit: ReadUnit, at: datetime, country: str | None = None) -> dict[str, OnCall]:
        """Who is on call at that moment and not on leave; ``country`` is where the interpreter works.

        Of two duties at once the quicker counts, until the later end.
        """
        duty = await on_duty(unit, at)
        if country is None:
            return duty.called
        working_there = select(Interpreter.id).where(
            Interpreter.id.in_(sorted(duty.called)), Interpreter.base_country == country
        )
        there = set(await unit.session.scalars(working_there))
        return {who: one for who, one in duty.called.items() if who in there}


@dataclass(frozen=True)
class Duty:
    """Who is on call and who is on leave at one moment."""

    called: dict[str, OnCall]
    away: frozenset[str]
    has_windows: frozenset[str]
    """Of those asked for: who has on-call windows now or later, so that the mark in the profile says nothing more."""

    def calls(self, interpreter_id: str, marked: bool) -> bool:
        """Whether somebody may be called in: in a window, or marked in the profile without windows and not on leave."""
        if interpreter_id in self.called:
            return True
        return marked and interpreter_id not in self.has_windows and interpreter_id not in self.away


async def on_duty(unit: ReadUnit, at: datetime, marked: Sequence[str] = ()) -> Duty:
    """On-call duty and leave at ``at``; ``marked`` are the interpreters whose profile says that they can be called in."""
    wanted = (
        select(AvailabilitySpan)
        .join(Interpreter, Interpreter.id == AvailabilitySpan.interpreter_id)
        .where(
            or_(
                and_(AvailabilitySpan.kind == "on_call", AvailabilitySpan.ends_at <= at + LONGEST_DUTY),
                AvailabilitySpan.kind == "leave",
            ),
            AvailabilitySpan.starts_at <= at,
            AvailabilitySpan.ends_at > at,
            Interpreter.active.is_(True),
        )
        .order_by(AvailabilitySpan.report_in_min, AvailabilitySpan.id)
    )
    rows = (await unit.session.scalars(wanted)).all()
    away = frozenset(row.interpreter_id for row in rows if row.kind == "leave")
    called: dict[str, OnCall] = {}
    for row in rows:
        if row.interpreter_id in away:
            continue
        known = called.get(row.interpreter_id)
        if known is None:
            called[row.interpreter_id] = OnCall(row.report_in_min or 0, row.ends_at, tuple(row.reachable_by))
        else:
            means = tuple(dict.fromkeys((*known.reachable_by, *row.reachable_by)))
            called[row.interpreter_id] = OnCall(known.report_in, max(known.until, row.ends_at), means)
    windows: set[str] = set()
    if marked:
        stated = select(AvailabilitySpan.interpreter_id).where(
            AvailabilitySpan.kind == "on_call",
            AvailabilitySpan.ends_at > at,
            AvailabilitySpan.interpreter_id.in_(list(marked)),
        )
        windows = set(await unit.session.scalars(stated.distinct()))
    return Duty(called, away, frozenset(windows))


async def stated_hours(
    unit: ReadUnit, interpreter_ids: Iterable[str], start: datetime, end: datetime
) -> Mapping[str, Stated]:
    """What everybody who has a calendar stated about ``[start, end)``; who is missing has stated nothing at all."""
    ids = sorted(set(interpreter_ids))
    touching = and_(
        AvailabilitySpan.interpreter_id == CalendarState.interpreter_id,
        AvailabilitySpan.kind != "on_call",
        AvailabilitySpan.starts_at < end,
        AvailabilitySpan.ends_at > start,
        AvailabilitySpan.ends_at <= end + LONGEST_DAY,
    )
    span = (AvailabilitySpan.kind, AvailabilitySpan.starts_at, AvailabilitySpan.ends_at)
    rows = await unit.session.execute(
        select(CalendarState.interpreter_id, *span)
        .outerjoin(AvailabilitySpan, touching)
        .where(CalendarState.interpreter_id.in_(ids))
    )
    found: dict[str, Stated] = defaultdict(Stated)
    for row in rows:
        stated = found[row.interpreter_id]
        if row.kind is not None:
            stated.add(row.kind, row.starts_at, row.ends_at)
    # The few that last long are read apart: a look at one hour need not pass over half a year of working days.
    longer = await unit.session.execute(
        select(AvailabilitySpan.interpreter_id, *span).where(
            AvailabilitySpan.interpreter_id.in_(list(found)),
            AvailabilitySpan.kind.in_(["open", "leave", "busy"]),
            AvailabilitySpan.starts_at < end,
            AvailabilitySpan.ends_at > end + LONGEST_DAY,
        )
    )
    for row in longer:
        found[row.interpreter_id].add(row.kind, row.starts_at, row.ends_at)
    return found
