"""The algebra of spans of time: half-open intervals of UTC instants, joined, cut and met. Pure; knows no clock, zone or database.

Every function takes intervals in any order, overlapping or not, and gives them sorted, apart from each other (neither
overlapping nor touching).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, order=True)
class Interval:
    """``[starts_at, ends_at)``: aware instants in UTC, never empty. Raises ``ValueError`` otherwise."""

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        if self.starts_at.utcoffset() != timedelta(0) or self.ends_at.utcoffset() != timedelta(0):
            raise ValueError("an interval is of instants in UTC")
        if self.starts_at >= self.ends_at:
            raise ValueError("an interval is not empty")

    @classmethod
    def of(cls, starts_at: datetime, ends_at: datetime) -> Interval | None:
        """The interval of two aware instants of any zone; none if it is empty."""
        start, end = starts_at.astimezone(UTC), ends_at.astimezone(UTC)
        return cls(start, end) if start < end else None

    @property
    def minutes(self) -> int:
        """Whole minutes that passed between the two instants, whatever the clocks on the wall did."""
        return int((self.ends_at - self.starts_at).total_seconds() // 60)

    def holds(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Whether all of ``[starts_at, ends_at)`` lies inside."""
        return self.starts_at <= starts_at and ends_at <= self.ends_at

    def meets(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Whether some of ``[starts_at, ends_at)`` lies inside."""
        return self.starts_at < ends_at and starts_at < self.ends_at


def union(*groups: Iterable[Interval]) -> list[Interval]:
    """All instants that are in any of the intervals."""
    found: list[Interval] = []
    for one in sorted(one for group in groups for one in group):
        if found and one.starts_at <= found[-1].ends_at:
            if one.ends_at > found[-1].ends_at:
                found[-1] = Interval(found[-1].starts_at, one.ends_at)
        else:
            found.append(one)
    return found


def intersect(one: Iterable[Interval], other: Iterable[Interval]) -> list[Interval]:
    """All instants that are in both."""
    left, right = union(one), union(other)
    found: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        both = Interval.of(max(left[i].starts_at, right[j].starts_at), min(left[i].ends_at, right[j].ends_at))
        if both is not None:
            found.append(both)
        if left[i].ends_at <= right[j].ends_at:
            i += 1
        else:
            j += 1
    return found


def subtract(whole: Iterable[Interval], *taken: Iterable[Interval]) -> list[Interval]:
    """All instants of ``whole`` that are in none of ``taken``."""
    cuts = union(*taken)
    found: list[Interval] = []
    first = 0
    for one in union(whole):
        start = one.starts_at
        while first < len(cuts) and cuts[first].ends_at <= start:
            first += 1
        for cut in cuts[first:]:
            if cut.starts_at >= one.ends_at:
                break
            if start < cut.starts_at:
                found.append(Interval(start, cut.starts_at))
            start = max(start, cut.ends_at)
        if start < one.ends_at:
            found.append(Interval(start, one.ends_at))
    return found


def within(intervals: Iterable[Interval], starts_at: datetime, ends_at: datetime) -> list[Interval]:
    """The part of the intervals that lies in ``[starts_at, ends_at)``."""
    window = Interval.of(starts_at, ends_at)
    return [] if window is None else intersect(intervals, [window])


def holds(intervals: Iterable[Interval], starts_at: datetime, ends_at: datetime) -> bool:
    """Whether the intervals together cover all of ``[starts_at, ends_at)``."""
    return any(one.holds(starts_at, ends_at) for one in union(intervals))


def minutes(intervals: Iterable[Interval]) -> int:
    """How many whole minutes the intervals last together, each instant counted once."""
    return sum(one.minutes for one in union(intervals))
