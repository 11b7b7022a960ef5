"""A roster problem as plain data: people x days x shift kinds, what must hold, and what costs how much.

Pure: no solver, no database, no clock. Languages, leave and contracts become this in :mod:`scheduler.rosters.desk`; who keeps
the rules is judged by :mod:`scheduler.rosters.checker`; rosters are found by :mod:`scheduler.rosters.engine`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

DAY = 1440
"""Minutes of a day. A roster counts in planned local minutes; instants are made of them when shifts are published."""

Roster = Mapping[str, tuple[str | None, ...]]
"""Person id -> one shift kind id, or None for a free day, for each day of the period."""


class Rule(StrEnum):
    """Hard rules by name. ``SHAPE`` to ``PINNED`` speak of one cell, the others of a person's row."""

    SHAPE = "shape"
    NOT_ABLE = "not_able"
    BARRED = "barred"
    PINNED = "pinned"
    REST = "rest"
    MAX_RUN = "max_run"
    MIN_RUN = "min_run"
    MIN_DAYS_OFF = "min_days_off"
    MAX_MINUTES = "max_minutes"
    MIN_MINUTES = "min_minutes"
    WEEK_MINUTES = "week_minutes"
    MAX_OF_KIND = "max_of_kind"
    MAX_WEEKENDS = "max_weekends"

    @property
    def source(self) -> str:
        """The roster rule of the domain that stands behind it (R-4: days in a row, rest), or the contract."""
        return "R-4" if self in (Rule.REST, Rule.MAX_RUN, Rule.MIN_DAYS_OFF, Rule.WEEK_MINUTES) else "contract"


@dataclass(frozen=True, slots=True)
class ShiftKind:
    """One way to work a day. ``start`` in minutes after midnight; None if only successions are known (benchmarks)."""

    id: str
    minutes: int
    start: int | None = None
    night: bool = False
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Threshold:
    """A soft limit: each whole unit beyond it costs ``weight`` (minutes are charged per hour, in proportion)."""

    at: int
    weight: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A cell that cannot be worked: the whole day, or one kind on it; ``rule`` says why (leave, R-8, M-3, ...)."""

    day: int
    kind: str | None = None
    rule: str = "leave"


@dataclass(frozen=True, slots=True)
class Pin:
    """A cell that a coordinator has fixed; ``kind`` None is a fixed free day."""

    day: int
    kind: str | None


@dataclass(frozen=True, slots=True)
class History:
    """How the period before ended: the last day's kind (None: free), and how many days in a row it was so."""

    kind: str | None
    run: int


@dataclass(frozen=True, slots=True)
class Person:
    """One person with the limits of the contract. Without ``history`` runs at both ends of the period are not cut by minima."""

    id: str
    kinds: frozenset[str]
    max_minutes: int
    min_minutes: int = 0
    max_run: int = 5
    min_run: int = 1
    min_days_off: int = 1
    max_weekends: int | None = None
    max_week_minutes: int | None = None
    max_of: Mapping[str, int] = field(default_factory=dict)
    bars: tuple[Bar, ...] = ()
    pins: tuple[Pin, ...] = ()
    history: History | None = None
    groups: frozenset[str] = frozenset()
    """Groups that a cover may ask for, such as ``women`` (R-3)."""
    target_minutes: int = 0
    """What fairness compares worked minutes with; 0: not compared."""
    short: tuple[Threshold, ...] = ()
    """Minutes below a threshold, charged per hour."""
    long: tuple[Threshold, ...] = ()
    """Minutes above a threshold, charged per hour."""
    nights: tuple[Threshold, ...] = ()
    """Night shifts above a threshold, each."""
    weekends: tuple[Threshold, ...] = ()
    """Worked weekends above a threshold, each."""


@dataclass(frozen=True, slots=True)
class Cover:
    """How many people are wanted at once. A cell (day, kind) of anybody (of ``group``, if given) counts one."""

    id: str
    cells: tuple[tuple[int, str], ...]
    required: int
    under: float
    over: float = 0.0
    group: str | None = None
    day: int = 0
    minute: int = 0
    """Minute of the day at which the covered time begins."""
    minutes: int = 0
    """How long the covered time is; 0 if only shifts are counted (benchmarks)."""
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish of a person: to work this kind (None: anything) on the day, or (``on`` false) not to; costs ``weight`` if not met."""

    person: str
    day: int
    kind: str | None
    weight: float
    on: bool


@dataclass(frozen=True)
class Problem:
    """The whole period. ``forbidden``: (kind, kind on the next day) that may not follow, beside what ``min_rest`` forbids."""

    days: int
    kinds: tuple[ShiftKind, ...]
    people: tuple[Person, ...]
    covers: tuple[Cover, ...]
    wishes: tuple[Wish, ...] = ()
    forbidden: frozenset[tuple[str, str]] = frozenset()
    min_rest: int = 0
    """Minutes between the end of a shift and the start of the next day's (R-4: 660)."""
    first_weekday: int = 0
    """Weekday of day 0; Monday is 0."""

    @cached_property
    def kind(self) -> dict[str, ShiftKind]:
        """Shift kinds by id."""
        return {kind.id: kind for kind in self.kinds}

    @cached_property
    def person(self) -> dict[str, Person]:
        """People by id."""
        return {person.id: person for person in self.people}

    @cached_property
    def successions(self) -> frozenset[tuple[str, str]]:
        """All pairs of kinds that may not stand on two days in a row."""
        pairs = set(self.forbidden)
        for first in self.kinds:
            for then in self.kinds:
                if first.start is not None and then.start is not None:
                    rest = DAY + then.start - first.start - first.minutes
                    if rest < self.min_rest:
                        pairs.add((first.id, then.id))
        return frozenset(pairs)

    def weekday(self, day: int) -> int:
        """Weekday of a day; Monday is 0."""
        return (self.first_weekday + day) % 7

    @cached_property
    def weekends(self) -> tuple[tuple[int, ...], ...]:
        """The Saturdays and Sundays of the period, by weekend; the first and the last may be a single day."""
        found: dict[int, list[int]] = {}
        for day in range(self.days):
            if self.weekday(day) >= 5:
                found.setdefault((self.first_weekday + day) // 7, []).append(day)
        return tuple(tuple(days) for days in found.values())

    def week(self, day: int) -> int:
        """Number of the calendar week of a day, from 0."""
        return (self.first_weekday + day) // 7


@dataclass(frozen=True, slots=True)
class Change:
    """One cell in which two rosters differ."""

    person: str
    day: int
    before: str | None
    after: str | None


def diff(before: Roster, after: Roster) -> list[Change]:
    """The cells in which two rosters of one period differ, by person and day; who is missing in one is free there."""
    changes: list[Change] = []
    for person in sorted(before.keys() | after.keys()):
        old: Sequence[str | None] = before.get(person, ())
        new: Sequence[str | None] = after.get(person, ())
        for day in range(max(len(old), len(new))):
            was = old[day] if day < len(old) else None
            now = new[day] if day < len(new) else None
            if was != now:
                changes.append(Change(person, day, was, now))
    return changes


def nobody_works(problem: Problem) -> dict[str, tuple[str | None, ...]]:
    """The empty roster."""
    return {person.id: (None,) * problem.days for person in problem.people}
