"""Adds up what happened in a simulated plan: waits, queue, work. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from scheduler.whatif.plan import Point, Waits

_MOST_POINTS = 240


@dataclass
class Asked:
    """One request and what became of it."""

    at: float
    language: str
    priority: str
    waited: float | None = None
    """Seconds until somebody accepted; none: given up."""


@dataclass
class Hour:
    """The largest numbers of one hour."""

    arrived: int = 0
    waiting: int = 0
    busy: int = 0
    on_shift: int = 0


@dataclass
class Tally:
    """Everything that is counted while a plan runs."""

    hours: list[Hour]
    asked: list[Asked] = field(default_factory=list)
    interpreted_minutes: float = 0.0
    paid_minutes: float = 0.0
    relays: int = 0
    partner_sessions: int = 0
    briefings: int = 0

    def hour(self, now: float) -> Hour:
        """The hour of ``now``; what runs on after the end counts for the last one."""
        return self.hours[min(len(self.hours) - 1, int(now // 3600))]


def waits_of(asked: Sequence[Asked]) -> Waits:
    """Nearest-rank quantiles over all that asked: who gave up counts as infinitely long."""
    waited = sorted(one.waited for one in asked if one.waited is not None)
    count = len(asked)

    def quantile(percent: int) -> float | None:
        place = -(-count * percent // 100) - 1
        return round(waited[place], 1) if 0 <= place < len(waited) else None

    return Waits(
        asked=count,
        served=len(waited),
        given_up=count - len(waited),
        within_minute=_share(sum(wait <= 60 for wait in waited), count),
        within_five=_share(sum(wait <= 300 for wait in waited), count),
        p50=quantile(50),
        p90=quantile(90),
        longest=round(waited[-1], 1) if waited else None,
    )


def series_of(tally: Tally) -> list[Point]:
    """Hours, joined to at most 240 points by taking the largest."""
    step = max(1, -(-len(tally.hours) // _MOST_POINTS))
    waits: list[list[Asked]] = [[] for _ in range(0, len(tally.hours), step)]
    for one in tally.asked:
        waits[min(len(waits) - 1, int(one.at // (3600 * step)))].append(one)
    points = []
    for number, begin in enumerate(range(0, len(tally.hours), step)):
        some = tally.hours[begin : begin + step]
        points.append(
            Point(
                at=begin * 3600,
                arrived=sum(hour.arrived for hour in some),
                waiting=max(hour.waiting for hour in some),
                busy=max(hour.busy for hour in some),
                on_shift=max(hour.on_shift for hour in some),
                p90=waits_of(waits[number]).p90 if waits[number] else None,
            )
        )
    return points


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 1.0
