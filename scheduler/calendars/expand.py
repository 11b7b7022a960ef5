"""From rules in local time to spans of instants: weekly patterns with their exceptions, absences, on-call windows. Pure.

Rolled out for some months and stored; nothing is expanded while somebody waits for an interpreter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from scheduler.calendars.localtime import clock_time, day_start, instant, local_day, local_moment
from scheduler.calendars.spans import Interval

_DAY = timedelta(days=1)
_SLACK = 2 * _DAY
"""Local days that may reach into a window from outside: nights, and zones that differ."""


class SpanKind(StrEnum):
    """What a span of a calendar means."""

    DESK = "desk"
    OPEN = "open"
    """No pattern is stated for these days: bookable on request."""
    ON_CALL = "on_call"
    LEAVE = "leave"
    BUSY = "busy"


@dataclass(frozen=True)
class Reach:
    """How somebody on call is reached, and how soon they interpret."""

    report_in_min: int | None = None
    reachable_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """Every such weekday from one local time to another; an end that is not later is on the next day."""

    id: str
    kind: SpanKind
    weekday: int
    """0 Monday to 6 Sunday."""
    from_time: str
    to_time: str
    zone: str
    valid_from: date
    valid_to: date | None = None
    """Last day, included."""
    skip_holidays: bool = False
    reach: Reach = Reach()

    def valid_on(self, day: date) -> bool:
        """Whether the rule holds on a local day, whatever weekday it is."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True)
class Change:
    """One day that differs from the rules: ``extra``, ``removed`` or ``changed`` (also moved to ``to_day``)."""

    id: str
    kind: str
    span_kind: SpanKind
    on_day: date
    zone: str
    replaces: str | None = None
    """Local start of the one span that is meant; none: all of that kind on that day."""
    to_day: date | None = None
    from_time: str | None = None
    to_time: str | None = None
    reach: Reach = Reach()


@dataclass(frozen=True)
class Block:
    """From one local moment to another: an absence or an on-call window."""

    id: str
    starts_local: str
    ends_local: str
    zone: str
    reach: Reach = Reach()

    @property
    def interval(self) -> Interval | None:
        """Its instants; none if it is empty or backwards."""
        return Interval.of(
            instant(local_moment(self.starts_local), self.zone), instant(local_moment(self.ends_local), self.zone)
        )


@dataclass(frozen=True)
class Span:
    """One expanded span and the row that it comes from."""

    kind: SpanKind
    interval: Interval
    source: str
    """rule, exception, absence, window or none."""
    source_id: str | None = None
    reach: Reach = Reach()


@dataclass(frozen=True)
class Stated:
    """All that one interpreter has stated."""

    zone: str
    """Where their days begin and end."""
    rules: Sequence[Rule] = ()
    changes: Sequence[Change] = ()
    absences: Sequence[Block] = ()
    windows: Sequence[Block] = ()
    holidays: Collection[date] = ()


def expand(stated: Stated, start: datetime, end: datetime) -> list[Span]:
    """Every span that lies in ``[start, end)``, cut to it, in order of time."""
    spans = [
        *_patterns(stated, start, end),
        *_open_days(stated, start, end),
        *_blocks(stated.absences, SpanKind.LEAVE, "absence"),
        *_blocks(stated.windows, SpanKind.ON_CALL, "window"),
    ]
    found = []
    for span in spans:
        cut = Interval.of(max(span.interval.starts_at, start), min(span.interval.ends_at, end))
        if cut is not None:
            found.append(Span(span.kind, cut, span.source, span.source_id, span.reach))
    return sorted(found, key=lambda span: (span.interval, span.kind, span.source_id or ""))


def on_the_day(day: date, from_time: str, to_time: str, zone: str) -> Interval | None:
    """The instants between two times of a local day; none if the clock jumps over all of them."""
    last = day if clock_time(to_time) > clock_time(from_time) else day + _DAY
    return Interval.of(
        instant(datetime.combine(day, clock_time(from_time)), zone),
        instant(datetime.combine(last, clock_time(to_time)), zone),
    )


def _patterns(stated: Stated, start: datetime, end: datetime) -> Iterator[Span]:
    used: set[str] = set()
    for rule in stated.rules:
        for day in _days(start - _SLACK, end + _SLACK, rule.zone):
            if day.weekday() != rule.weekday or not rule.valid_on(day):
                continue
            if rule.skip_holidays and day in stated.holidays:
                continue
            changes = [change for change in stated.changes if _is_meant(change, rule, day)]
            if not changes:
                interval = on_the_day(day, rule.from_time, rule.to_time, rule.zone)
                if interval is not None:
                    yield Span(rule.kind, interval, "rule", rule.id, rule.reach)
            for change in changes:
                if change.kind == "changed" and change.id not in used:
                    used.add(change.id)
                    yield from _changed(
                        change, change.to_day or change.on_day, change.reach if change.reach != Reach() else rule.reach
                    )
    for change in stated.changes:
        if change.kind == "extra":
            yield from _changed(change, change.on_day, change.reach)


def _is_meant(change: Change, rule: Rule, day: date) -> bool:
    return (
        change.kind in ("removed", "changed")
        and change.span_kind is rule.kind
        and change.on_day == day
        and change.replaces in (None, rule.from_time)
    )


def _changed(change: Change, day: date, reach: Reach) -> Iterator[Span]:
    if change.from_time is None or change.to_time is None:
        return
    interval = on_the_day(day, change.from_time, change.to_time, change.zone)
    if interval is not None:
        yield Span(change.span_kind, interval, "exception", change.id, reach)


def _open_days(stated: Stated, start: datetime, end: datetime) -> Iterator[Span]:
    """Runs of days for which no desk rule is valid."""
    desk = [rule for rule in stated.rules if rule.kind is SpanKind.DESK]
    first: date | None = None
    day = local_day(start, stated.zone)
    last = local_day(end, stated.zone) + _DAY
    while day <= last:
        is_open = day < last and not any(rule.valid_on(day) for rule in desk)
        if is_open and first is None:
            first = day
        if not is_open and first is not None:
            interval = Interval.of(day_start(first, stated.zone), day_start(day, stated.zone))
            if interval is not None:
                yield Span(SpanKind.OPEN, interval, "none")
            first = None
        day += _DAY


def _blocks(blocks: Iterable[Block], kind: SpanKind, source: str) -> Iterator[Span]:
    for block in blocks:
        interval = block.interval
        if interval is not None:
            yield Span(kind, interval, source, block.id, block.reach)


def _days(start: datetime, end: datetime, zone: str) -> Iterator[date]:
    day, last = local_day(start, zone), local_day(end, zone)
    while day <= last:
        yield day
        day += _DAY
