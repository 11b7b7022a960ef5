"""The kinds of shifts of our rosters, and the instants of a shift on a local day. Pure.

Policy of the project: a night block lasts at most six hours (R-4), on call counts a quarter of its time as work (R-6).
In the autumn night that is an hour longer it ends an hour earlier by the clock: R-4 speaks of hours, not of clocks.
A kind serves one line of the cover table: ``E:pbt`` is the early shift at the Pashto desk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from scheduler.rosters.desk import Template
from scheduler.rosters.problem import ShiftKind


@dataclass(frozen=True)
class ShiftTime(Template):
    """When a kind of shift is, whatever desk it serves."""

    word: str = ""
    """early, day, short, late, night, on_call: for wishes and texts."""

    @property
    def on_call(self) -> bool:
        """Not at the desk, but ready to be called."""
        return self.word == "on_call"

    @property
    def end(self) -> int:
        """Minutes after local midnight; above 1440 on the next day."""
        return self.start + self.minutes


TIMES: tuple[ShiftTime, ...] = (
    ShiftTime("E", 6 * 60, 8 * 60, word="early"),
    ShiftTime("D", 9 * 60, 8 * 60, word="day"),
    ShiftTime("S", 8 * 60, 4 * 60, word="short"),
    ShiftTime("L", 14 * 60, 8 * 60, word="late"),
    ShiftTime("N", 22 * 60, 6 * 60, night=True, word="night"),
    ShiftTime("A", 8 * 60, 12 * 60, counts=3 * 60, word="on_call"),
    ShiftTime("B", 20 * 60, 12 * 60, counts=3 * 60, word="on_call"),
)
BY_CODE = {one.id: one for one in TIMES}
WISH_TIMES = tuple(dict.fromkeys(one.word for one in TIMES))
"""Words that a wish may name."""
REST = 11 * 60
"""Minutes between two shifts (R-4)."""


def hours_of(word: str) -> tuple[int, int] | None:
    """First and last minute after local midnight of the shifts with this word; none where there are several such times."""
    same = [one for one in TIMES if one.word == word]
    return (same[0].start, same[0].end) if len(same) == 1 else None


def parts(kind: str) -> tuple[ShiftTime, str]:
    """Time and line of a kind. Raises ``KeyError`` for one that is not ours."""
    code, _, line = kind.partition(":")
    return BY_CODE[code], line


def lost_minutes(first: date, days: int, zone: str) -> int:
    """By how much the shortest night of these days, and the one before them, is shorter than others: an hour in spring, else none."""
    noons = [_at(first + timedelta(days=day), 12 * 60, zone) for day in range(-1, days + 1)]
    return max(24 * 60 - int((then - noon) / timedelta(minutes=1)) for noon, then in pairwise(noons))


def too_close(kinds: tuple[ShiftKind, ...], lost: int = 0) -> frozenset[tuple[str, str]]:
    """Pairs on two days in a row with less than eleven hours between them (a kind's own minutes are contract time).

    ``lost``: minutes that a night of the period lacks (:func:`lost_minutes`). R-4 speaks of hours, not of clocks; a pair is forbidden in
    the whole period then, which costs one change from late to day.
    """
    found = set()
    for first in kinds:
        for then in kinds:
            before, after = parts(first.id)[0], parts(then.id)[0]
            if 24 * 60 + after.start - before.end - lost < REST:
                found.add((first.id, then.id))
    return frozenset(found)


def instants(day: date, kind: str, zone: str) -> tuple[datetime, datetime]:
    """Start and end of a shift in UTC. On the two switch days of the year the clock decides, so its length is another; but a
    night is never longer than it is on other days (R-4)."""
    when, _ = parts(kind)
    start, end = _at(day, when.start, zone), _at(day, when.end, zone)
    return start, min(end, start + timedelta(minutes=when.minutes)) if when.night else end


def cut(day: date, template: ShiftTime, zone: str) -> int:
    """Minutes of the clock by which a shift ends before its usual end: an hour of the longer night, else none."""
    _, end = instants(day, template.id, zone)
    usual = datetime.combine(day, time.min) + timedelta(minutes=template.end)
    return (
        int((usual - end.astimezone(ZoneInfo(zone)).replace(tzinfo=None)) / timedelta(minutes=1))
        if template.night
        else 0
    )


def _at(day: date, minute: int, zone: str) -> datetime:
    local = datetime.combine(day, time.min) + timedelta(minutes=minute)
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
