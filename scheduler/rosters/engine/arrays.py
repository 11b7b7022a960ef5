"""A roster problem as numpy arrays: what the engine's inner loops read. Nothing here is optimised or judged.

Covers that the same cells serve are merged into one *line* with a convex cost for each number of people, so that half-hours
between two shift changes count once.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import reduce
from math import gcd

import numpy as np
import numpy.typing as npt

from scheduler.rosters.problem import Cover, Person, Problem, Roster

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Row = npt.NDArray[np.int16]

FREE = -1
"""A free day in a row of kind numbers."""


@dataclass(frozen=True)
class Arrays:
    """The problem in numbers: D days, K kinds, P people, L lines."""

    problem: Problem
    unit: int
    """Minutes that one unit of work stands for: the greatest common divisor of all lengths."""
    units: Ints
    """Length of each kind, in units (K)."""
    allowed: Flags
    """Whether a person may work a kind on a day by itself (P, D, K)."""
    free_allowed: Flags
    """Whether a person may be free on a day (P, D)."""
    own: Floats
    """What a worked cell costs the person's wishes (P, D, K)."""
    own_free: Floats
    """What a free day costs the person's wishes (P, D)."""
    table: Floats
    """What a line costs with each number of people, up to all on each of its days (L, counts)."""
    profile: Ints
    """Which of the member lists of lines holds for a person (P)."""
    start: Ints
    """Where the lines of cell d * K + k begin in ``lines`` (profiles, D * K + 1)."""
    lines: Ints
    """Lines that a cell counts for, one list of cells after the other for each profile."""
    weekend: npt.NDArray[np.int8]
    """0: weekday, 1: first day of a weekend of the period, 2: its second day (D)."""
    repeats: int
    """How often one row may count for one line, at most."""
    whole: bool
    """All costs of all rosters are whole numbers, so that bounds may be rounded up."""

    @property
    def days(self) -> int:
        """Days of the period."""
        return self.problem.days

    @property
    def people(self) -> int:
        """Number of people."""
        return len(self.problem.people)

    def coverage(self, rows: list[Row]) -> Ints:
        """How many people each line has."""
        present = np.zeros(len(self.table), dtype=np.int64)
        for person, row in enumerate(rows):
            np.add.at(present, self.served(person, row), 1)
        return present

    def served(self, person: int, row: Row) -> Ints:
        """The lines that a person's row counts for, each as often as it counts."""
        start, kinds = self.start[self.profile[person]], len(self.units)
        cells = [day * kinds + int(kind) for day, kind in enumerate(row) if kind >= 0]
        parts = [self.lines[start[cell] : start[cell + 1]] for cell in cells]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    def cover_cost(self, present: Ints) -> float:
        """What the lines cost together."""
        return float(self.table[np.arange(len(present)), present].sum())

    def row_cost(self, person: int, row: Row) -> float:
        """What a row costs by itself: wishes and the person's soft limits."""
        who, problem = self.problem.people[person], self.problem
        worked = row >= 0
        days = np.arange(len(row))
        cost = float(np.where(worked, self.own[person, days, np.maximum(row, 0)], self.own_free[person]).sum())
        minutes = int(self.units[row[worked]].sum()) * self.unit
        cost += hours_cost(who, minutes)
        if who.nights:
            nights = sum(problem.kinds[kind].night for kind in row[worked])
            cost += sum(limit.weight * max(0, nights - limit.at) for limit in who.nights)
        if who.weekends:
            weekends = sum(any(worked[day] for day in weekend) for weekend in problem.weekends)
            cost += sum(limit.weight * max(0, weekends - limit.at) for limit in who.weekends)
        return cost

    def to_rows(self, roster: Roster) -> list[Row | None]:
        """A roster as rows of kind numbers; None for people who are not in it."""
        number: dict[str | None, int] = {kind.id: place for place, kind in enumerate(self.problem.kinds)}
        number[None] = FREE
        given = [roster.get(person.id) for person in self.problem.people]
        return [None if row is None else np.array([number[kind] for kind in row], dtype=np.int16) for row in given]

    def to_roster(self, rows: list[Row]) -> dict[str, tuple[str | None, ...]]:
        """Rows of kind numbers as a roster."""
        names = [kind.id for kind in self.problem.kinds]
        return {
            person.id: tuple(names[kind] if kind >= 0 else None for kind in row)
            for person, row in zip(self.problem.people, rows, strict=True)
        }


def hours_cost(person: Person, minutes: int) -> float:
    """What the soft limits of hours cost at so many minutes."""
    cost = sum(limit.weight * max(0, limit.at - minutes) / 60 for limit in person.short)
    return cost + sum(limit.weight * max(0, minutes - limit.at) / 60 for limit in person.long)


def build(problem: Problem) -> Arrays:
    """The arrays of a problem."""
    days, people, kinds = problem.days, problem.people, problem.kinds
    number = {kind.id: place for place, kind in enumerate(kinds)}
    unit = reduce(gcd, (kind.minutes for kind in kinds)) if kinds else 60
    allowed = np.zeros((len(people), days, len(kinds)), dtype=np.bool_)
    free_allowed = np.ones((len(people), days), dtype=np.bool_)
    own = np.zeros((len(people), days, len(kinds)))
    own_free = np.zeros((len(people), days))
    place_of = {person.id: place for place, person in enumerate(people)}
    for place, person in enumerate(people):
        able = [number[kind] for kind in person.kinds if person.max_of.get(kind, days) > 0]
        allowed[place][:, able] = True
        for bar in person.bars:
            allowed[place, bar.day, slice(None) if bar.kind is None else number[bar.kind]] = False
        for pin in person.pins:
            kept = False if pin.kind is None else bool(allowed[place, pin.day, number[pin.kind]])
            allowed[place, pin.day] = False
            if pin.kind is not None:
                free_allowed[place, pin.day] = False
                allowed[place, pin.day, number[pin.kind]] = kept
    for wish in problem.wishes:
        row = place_of[wish.person]
        if not wish.on:
            own[row, wish.day, slice(None) if wish.kind is None else number[wish.kind]] += wish.weight
        else:
            own_free[row, wish.day] += wish.weight
            if wish.kind is not None:
                own[row, wish.day] += wish.weight
                own[row, wish.day, number[wish.kind]] -= wish.weight
    table, profile, start, lines, repeats = _lines(problem, number)
    weekend = np.zeros(days, dtype=np.int8)
    for weekend_days in problem.weekends:
        for order, day in enumerate(weekend_days):
            weekend[day] = order + 1
    soft = [limit.weight * (unit / 60) for p in people for limit in (*p.short, *p.long)]
    soft += [limit.weight for p in people for limit in (*p.nights, *p.weekends)]
    soft += [limit.at / unit for p in people for limit in (*p.short, *p.long)]
    whole = all(float(value).is_integer() for value in soft)
    whole = whole and all(bool((array == np.round(array)).all()) for array in (own, own_free, table))
    units = np.array([kind.minutes // unit for kind in kinds], dtype=np.int64)
    return Arrays(
        problem,
        unit,
        units,
        allowed,
        free_allowed,
        own,
        own_free,
        table,
        profile,
        start,
        lines,
        weekend,
        repeats,
        whole,
    )


def _lines(problem: Problem, number: dict[str, int]) -> tuple[Floats, Ints, Ints, Ints, int]:
    """Merged covers: cost tables, profile of each person, the lines of each cell by profile, and the most days of a line."""
    merged: dict[tuple[tuple[tuple[int, str], ...], str | None], list[Cover]] = defaultdict(list)
    for cover in problem.covers:
        merged[tuple(sorted(cover.cells)), cover.group].append(cover)
    # somebody may serve one line on several days (a cover over days); successions are not looked at here
    repeats = max((len({day for day, _ in cells}) for cells, _ in merged), default=1)
    counts = np.arange(len(problem.people) * repeats + 1)
    table = np.zeros((len(merged), len(counts)))
    members: dict[str | None, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    kinds = len(problem.kinds)
    for line, ((cells, group), covers) in enumerate(merged.items()):
        for cover in covers:
            table[line] += cover.under * np.maximum(0, cover.required - counts)
            table[line] += cover.over * np.maximum(0, counts - cover.required)
        for day, kind in cells:
            members[group][day * kinds + number[kind]].append(line)
    asked = {group for group in members if group is not None}
    profiles = sorted({tuple(sorted(person.groups & asked)) for person in problem.people})
    starts: list[list[int]] = []
    flat: list[int] = []
    for groups in profiles:
        begins: list[int] = []
        for cell in range(problem.days * kinds):
            begins.append(len(flat))
            for group in (None, *groups):
                flat += members[group].get(cell, [])
        starts.append([*begins, len(flat)])
    profile = [profiles.index(tuple(sorted(person.groups & asked))) for person in problem.people]
    numbers = [np.array(values, dtype=np.int64) for values in (profile, starts, flat)]
    return table, numbers[0], numbers[1], numbers[2], repeats
