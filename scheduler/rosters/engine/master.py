"""The master problem over a pool of rows, in HiGHS: as a linear programme with prices, and as a small integer programme.

One equation for each person (exactly one row), one for each line (people on it), whose convex cost is a chain of segments.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import highspy
import numpy as np

from scheduler.rosters.engine.arrays import Arrays, Floats, Ints, Row

INFINITY = highspy.kHighsInf


@dataclass(frozen=True)
class Column:
    """A row of a person that is in the pool."""

    person: int
    row: Row
    cost: float
    lines: Ints
    """Lines that the row counts for (each once), with how often in ``times``."""
    times: Floats


class Pool:
    """All rows known so far, each once."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays
        self.columns: list[Column] = []
        self._known: dict[tuple[int, bytes], int] = {}

    def add(self, person: int, row: Row) -> int | None:
        """Number of the new column, or None if the row is known."""
        mark = (person, row.tobytes())
        if mark in self._known:
            return None
        lines, times = np.unique(self._arrays.served(person, row), return_counts=True)
        self._known[mark] = len(self.columns)
        cost = self._arrays.row_cost(person, row)
        self.columns.append(Column(person, row, cost, lines, times.astype(np.float64)))
        return len(self.columns) - 1

    def number(self, person: int, row: Row) -> int:
        """The column of a row, new or known."""
        self.add(person, row)
        return self._known[person, row.tobytes()]


def _solver(seconds: float | None = None) -> highspy.Highs:
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    if seconds is not None:
        solver.setOptionValue("time_limit", seconds)
    return solver


def _segments(table: Floats) -> list[tuple[int, float, float]]:
    """A convex cost by count as (line, width, slope)."""
    found: list[tuple[int, float, float]] = []
    for line, costs in enumerate(table):
        slopes = np.diff(costs)
        begin = 0
        for at in range(1, len(slopes) + 1):
            if at == len(slopes) or abs(slopes[at] - slopes[begin]) > 1e-9:
                found.append((line, float(at - begin), float(slopes[begin])))
                begin = at
    return found


class Master:
    """The linear programme over the pool; people can be fixed to one row and let go again."""

    def __init__(self, arrays: Arrays, pool: Pool) -> None:
        self._arrays, self._pool = arrays, pool
        self._solver = _solver()
        self._columns: list[int] = []
        """Pool number of each column of the programme, after the segments."""
        people, lines = arrays.people, len(arrays.table)
        self._people, self._base = people, float(arrays.table[:, 0].sum())
        lower = np.concatenate([np.ones(people), np.zeros(lines)])
        empty = np.zeros(0, dtype=np.int32)
        self._solver.addRows(people + lines, lower, lower, 0, np.zeros(people + lines, dtype=np.int32), empty, np.zeros(0))
        segments = _segments(arrays.table)
        worst = float(np.abs(arrays.table).sum() + np.abs(arrays.own).sum() + 1e4)
        self._first = len(segments) + people
        count = self._first
        self._solver.addCols(
            count,
            np.array([slope for _, _, slope in segments] + [worst] * people),
            np.zeros(count),
            np.array([width for _, width, _ in segments] + [1.0] * people),
            count,
            np.arange(count, dtype=np.int32),
            np.array([people + line for line, _, _ in segments] + list(range(people)), dtype=np.int32),
            np.array([-1.0] * len(segments) + [1.0] * people),
        )
        self.cost = np.inf
        self.prices = np.zeros(lines)
        self.wages = np.zeros(people)
        self.shares = np.zeros(0)

    def enter(self, numbers: Iterable[int]) -> None:
        """Put columns of the pool into the programme."""
        fresh = list(numbers)
        if not fresh:
            return
        columns = [self._pool.columns[number] for number in fresh]
        sizes = np.array([1 + len(column.lines) for column in columns])
        begins = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
        rows = np.concatenate([np.concatenate([[c.person], c.lines + self._people]) for c in columns]).astype(np.int32)
        values = np.concatenate([np.concatenate([[1.0], c.times]) for c in columns])
        self._solver.addCols(
            len(fresh), np.array([c.cost for c in columns]), np.zeros(len(fresh)), np.full(len(fresh), INFINITY),
            len(rows), begins, rows, values,
        )  # fmt: skip
        self._columns += fresh

    def solve(self) -> None:
        """Solve, and take prices of lines (``prices``), of people (``wages``) and the shares of the columns."""
        self._solver.run()
        solution = self._solver.getSolution()
        duals = np.array(solution.row_dual)
        self.cost = self._solver.getObjectiveValue() + self._base
        self.wages, self.prices = duals[: self._people], duals[self._people :]
        self.shares = np.array(solution.col_value)[self._first :]

    def in_use(self) -> list[tuple[float, int]]:
        """(share, pool number) of the columns that the last solution uses, the largest first."""
        return sorted(
            ((float(self.shares[at]), self._columns[at]) for at in np.flatnonzero(self.shares > 1e-6)), reverse=True
        )

    def fix(self, number: int) -> None:
        """Fix a person to a column that is in the programme."""
        self._solver.changeColBounds(self._first + self._columns.index(number), 1.0, INFINITY)

    def release(self) -> None:
        """Let everybody go again."""
        count = len(self._columns)
        places = np.arange(self._first, self._first + count, dtype=np.int32)
        self._solver.changeColsBounds(count, places, np.zeros(count), np.full(count, INFINITY))


def choose_rows(
    arrays: Arrays, pool: Pool, numbers: list[int], present: Ints, start: list[int], seconds: float
) -> list[int] | None:
    """One column for each of some people, the cheapest together, over what the others already cover (``present``).

    ``numbers``: columns to choose from; ``start``: a known choice. None if nothing was found in time.
    """
    solver = _solver(seconds)
    columns = [pool.columns[number] for number in numbers]
    people = sorted({column.person for column in columns})
    place = {person: at for at, person in enumerate(people)}
    lines = np.unique(np.concatenate([column.lines for column in columns])) if columns else np.zeros(0, dtype=np.int64)
    line_place = np.full(len(arrays.table), -1)
    line_place[lines] = np.arange(len(lines)) + len(people)
    limit = arrays.table.shape[1]
    segments = []
    for line in lines:
        most = min(limit - 1, int(present[line]) + len(people) * 2)
        part = arrays.table[line : line + 1, int(present[line]) : most + 1]
        segments += [(int(line_place[line]), width, slope) for _, width, slope in _segments(part)]
    rows = len(people) + len(lines)
    fixed = np.concatenate([np.ones(len(people)), np.zeros(len(lines))])
    solver.addRows(rows, fixed, fixed, 0, np.zeros(rows, dtype=np.int32), np.zeros(0, dtype=np.int32), np.zeros(0))
    sizes = np.array([1] * len(segments) + [1 + len(c.lines) for c in columns])
    index = [np.array([row]) for row, _, _ in segments] + [
        np.concatenate([[place[c.person]], line_place[c.lines]]) for c in columns
    ]
    values = [np.array([-1.0])] * len(segments) + [np.concatenate([[1.0], c.times]) for c in columns]
    count = len(sizes)
    solver.addCols(
        count,
        np.array([slope for _, _, slope in segments] + [c.cost for c in columns]),
        np.zeros(count),
        np.array([width for _, width, _ in segments] + [1.0] * len(columns)),
        int(sizes.sum()),
        np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32),
        np.concatenate(index).astype(np.int32),
        np.concatenate(values),
    )
    whole = np.arange(len(segments), count, dtype=np.int32)
    solver.changeColsIntegrality(len(whole), whole, np.array([highspy.HighsVarType.kInteger] * len(whole)))
    chosen = set(start)
    known = np.array([float(number in chosen) for number in numbers])
    solver.setSolution(len(whole), whole, known)
    solver.run()
    values_found = np.array(solver.getSolution().col_value)
    if len(values_found) < count:
        return None
    picked = [numbers[at] for at in np.flatnonzero(values_found[len(segments) :] > 0.5)]
    return picked if len(picked) == len(people) else None
