"""The master problem over a pool of rows, in HiGHS: as a linear programme with prices, and as a small integer programme.

One equation for each person (exactly one row), one for each line (people on it), whose convex cost is a chain of segments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import highspy
import numpy as np

from scheduler.rosters.engine.arrays import Arrays, Flags, Floats, Ints, Row

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
        self.of: list[list[int]] = [[] for _ in range(arrays.people)]
        """Columns of each person."""
        self._known: dict[tuple[int, bytes], int] = {}

    def adopt(self, column: Column) -> int:
        """The number here of a column of another pool."""
        mark = (column.person, column.row.tobytes())
        known = self._known.get(mark)
        return self._add(mark, column) if known is None else known

    def _add(self, mark: tuple[int, bytes], column: Column) -> int:
        number = self._known[mark] = len(self.columns)
        self.columns.append(column)
        self.of[column.person].append(number)
        return number

    def number(self, person: int, row: Row) -> int:
        """The column of a row, new or known."""
        mark = (person, row.tobytes())
        known = self._known.get(mark)
        if known is not None:
            return known
        lines, times = np.unique(self._arrays.served(person, row), return_counts=True)
        cost = self._arrays.row_cost(person, row)
        return self._add(mark, Column(person, row, cost, lines, times.astype(np.float64)))


def _solver(seconds: float | None = None) -> highspy.Highs:
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    if seconds is not None:
        solver.setOptionValue("time_limit", seconds)
    return solver


def _segments(table: Floats, present: Ints, most: int) -> tuple[Ints, Floats, Floats]:
    """Convex costs of up to ``most`` more people on each line, beyond those present: (line, width, slope) of each segment."""
    room = np.minimum(most, table.shape[1] - 1 - present)
    at = np.minimum(present[:, None] + np.arange(most + 1), table.shape[1] - 1)
    steps = np.diff(np.take_along_axis(table, at, axis=1), axis=1)
    begins = np.ones(steps.shape, dtype=np.bool_)
    begins[:, 1:] = np.abs(np.diff(steps, axis=1)) > 1e-9
    begins &= np.arange(most) < room[:, None]
    lines, first = np.nonzero(begins)
    last = np.diff(lines, append=-1) != 0
    ends = np.where(last, room[lines], np.append(first[1:], 0)[: len(first)])
    return lines, (ends - first).astype(np.float64), steps[lines, first]


class Master:
    """The programme of some people over lines on which others already stand (``present``); people can be fixed to one row."""

    def __init__(self, arrays: Arrays, pool: Pool, people: list[int], present: Ints) -> None:
        self._arrays, self.pool = arrays, pool
        self.people = people
        self.present = present
        self._place = {person: at for at, person in enumerate(people)}
        self.columns: list[int] = []
        """Pool number of each column of the programme, after the segments."""
        self._inside: dict[int, int] = {}
        lines = len(arrays.table)
        most = len(people) * max(1, arrays.repeats)
        self._segments = _segments(arrays.table, present, most)
        self._counts = np.arange(min(most, arrays.table.shape[1] - 1) + 1)
        at = np.minimum(present[:, None] + self._counts, arrays.table.shape[1] - 1)
        self._costs = np.take_along_axis(arrays.table, at, axis=1)
        self.base = arrays.cover_cost(present)
        self._rows = len(people) + lines
        self._solver = _solver()
        self._closed_since = False
        self._frame(self._solver)
        worst = float(np.abs(arrays.table).max(initial=0) * 200 + np.abs(arrays.own).sum() + 1e4)
        count = len(people)
        self._solver.addCols(
            count, np.full(count, worst), np.zeros(count), np.ones(count), count, np.arange(count, dtype=np.int32),
            np.arange(count, dtype=np.int32), np.ones(count),
        )  # fmt: skip
        self._first = len(self._segments[0]) + count
        self.cost = np.inf
        self.prices = np.zeros(lines)
        self.wages = np.zeros(count)
        self.shares = np.zeros(0)

    def _frame(self, solver: highspy.Highs) -> None:
        """Equations and segments."""
        count, rows = len(self.people), self._rows
        right = np.concatenate([np.ones(count), np.zeros(rows - count)])
        solver.addRows(rows, right, right, 0, np.zeros(rows, dtype=np.int32), np.zeros(0, dtype=np.int32), np.zeros(0))
        lines, widths, slopes = self._segments
        size = len(lines)
        solver.addCols(
            size, slopes, np.zeros(size), widths, size, np.arange(size, dtype=np.int32),
            (lines + count).astype(np.int32), np.full(size, -1.0),
        )  # fmt: skip

    def _add(self, solver: highspy.Highs, numbers: list[int], upper: float) -> None:
        columns = [self.pool.columns[number] for number in numbers]
        count = len(self.people)
        sizes = np.array([1 + len(column.lines) for column in columns])
        begins = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
        rows = np.concatenate([np.concatenate([[self._place[c.person]], c.lines + count]) for c in columns])
        values = np.concatenate([np.concatenate([[1.0], c.times]) for c in columns])
        size = len(numbers)
        solver.addCols(
            size, np.array([c.cost for c in columns]), np.zeros(size), np.full(size, upper), len(rows), begins,
            rows.astype(np.int32), values,
        )  # fmt: skip

    def enter(self, numbers: Iterable[int]) -> int:
        """Put those columns of the pool into the programme that are not in it; how many."""
        fresh = [number for number in dict.fromkeys(numbers) if number not in self._inside]
        if fresh:
            self._add(self._solver, fresh, INFINITY)
            self._inside.update((number, len(self.columns) + at) for at, number in enumerate(fresh))
            self.columns += fresh
        return len(fresh)

    def solve(self) -> None:
        """Solve, and take prices of lines (``prices``), of people (``wages``) and the shares of the columns."""
        # new columns leave the last vertex feasible (primal simplex), new bounds leave its prices valid (dual)
        self._solver.setOptionValue("simplex_strategy", 1 if self._closed_since else 4)
        self._closed_since = False
        self._solver.run()
        solution = self._solver.getSolution()
        duals = np.array(solution.row_dual)
        count = len(self.people)
        self.cost = self._solver.getObjectiveValue() + self.base
        self.wages, self.prices = duals[:count], duals[count:]
        self.shares = np.array(solution.col_value)[self._first :]

    def wage(self, person: int) -> float:
        """What a person's row may cost at the last prices to be worth taking."""
        return float(self.wages[self._place[person]])

    def line_bound(self, prices: Floats) -> float:
        """What the lines cost at least when their people come at these prices: the lines' part of the Lagrangian."""
        return float((self._costs + prices[:, None] * self._counts).min(axis=1).sum())

    def in_use(self) -> list[tuple[float, Column]]:
        """(share, column) of what the last solution uses, the largest first."""
        used = np.flatnonzero(self.shares > 1e-6)
        order = used[np.argsort(-self.shares[used], kind="stable")]
        return [(float(self.shares[at]), self.pool.columns[self.columns[at]]) for at in order]

    def close(self, open_cells: Flags, people: Collection[int]) -> None:
        """Let the rows of these people that use a cell which is not open (P, D, K + 1; a free day last) be used no more."""
        self._bound(self._against(open_cells, people, False), 0.0)
        self._closed_since = True

    def reopen(self, open_cells: Flags, people: Collection[int]) -> None:
        """Let the rows of these people that only use open cells be used again."""
        self._bound(self._against(open_cells, people, True), INFINITY)

    def _against(self, open_cells: Flags, people: Collection[int], within: bool) -> list[int]:
        days = np.arange(open_cells.shape[1])
        return [
            self._first + self._inside[number]
            for person in people
            for number in self.pool.of[person]
            if number in self._inside and bool(open_cells[person, days, self.pool.columns[number].row].all()) == within
        ]

    def _bound(self, places: list[int], upper: float) -> None:
        if places:
            size = len(places)
            self._solver.changeColsBounds(size, np.array(places, dtype=np.int32), np.zeros(size), np.full(size, upper))

    def reduced(self, number: int) -> float:
        """What a column of the pool would cost beyond the last prices."""
        column = self.pool.columns[number]
        return column.cost - float(self.prices[column.lines] @ column.times) - self.wage(column.person)

    def near(self, cutoff: float) -> int:
        """How many columns of the programme can be part of something that costs ``cutoff`` or less."""
        return sum(self.reduced(number) <= cutoff - self.cost + 1e-6 for number in self.columns)

    def choose(self, cutoff: float, seconds: float, most: int) -> tuple[list[Row], bool] | None:
        """A row for each person, at most ``cutoff`` together (or none); and whether it is proven the best of the programme's.

        Columns that cannot be part of anything cheaper are left out; at most ``most`` are used. None: nothing found.
        """
        priced = sorted((self.reduced(number), number) for number in self.columns)
        numbers = [number for value, number in priced if value <= cutoff - self.cost + 1e-6]
        complete = len(numbers) <= most
        numbers = sorted(numbers[:most])
        if {self.pool.columns[number].person for number in numbers} < set(self.people):
            return [], complete
        solver = _solver(seconds)
        self._frame(solver)
        self._add(solver, numbers, 1.0)
        segments = len(self._segments[0])
        places = np.arange(segments, segments + len(numbers), dtype=np.int32)
        solver.changeColsIntegrality(len(places), places, np.array([highspy.HighsVarType.kInteger] * len(places)))
        solver.setOptionValue("objective_bound", cutoff - self.base + 1e-4)
        solver.run()
        if solver.getModelStatus() in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kObjectiveBound):
            return [], complete
        found = np.array(solver.getSolution().col_value)
        if len(found) < segments + len(numbers):
            return None
        picked = {
            self.pool.columns[numbers[at]].person: self.pool.columns[numbers[at]].row
            for at in np.flatnonzero(found[segments:] > 0.5)
        }
        if len(picked) != len(self.people):
            return None
        return [picked[person] for person in self.people], (
            complete and solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
        )
