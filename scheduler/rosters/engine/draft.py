"""A roster under construction: rows of all people, how many each line has, and what all of it costs, kept up to date."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scheduler.rosters.engine.arrays import Arrays, Floats, Row
from scheduler.rosters.engine.kernel import cell_sums, move_lines
from scheduler.rosters.engine.rows import Best, RowFinder


class Draft:
    """Rows of all people (None: taken out) over the lines they serve."""

    def __init__(self, arrays: Arrays, finder: RowFinder, rows: Sequence[Row | None]) -> None:
        self.arrays, self.finder = arrays, finder
        self.rows: list[Row | None] = [None] * arrays.people
        self.row_costs = np.zeros(arrays.people)
        self.present = np.zeros(len(arrays.table), dtype=np.int64)
        self._line = np.arange(len(arrays.table))
        self.cover_cost = arrays.cover_cost(self.present)
        self._cells = np.zeros((arrays.days, len(arrays.units)))
        for person, row in enumerate(rows):
            if row is not None:
                self.put(person, row, arrays.row_cost(person, row))

    @property
    def cost(self) -> float:
        """Cost of everything that is in."""
        return self.cover_cost + float(self.row_costs.sum())

    def copy_rows(self) -> list[Row]:
        """The rows; everybody must be in."""
        return [row for row in self.rows if row is not None]

    def take(self, person: int) -> Row:
        """Take a person's row out."""
        row = self.rows[person]
        if row is None:
            raise ValueError("nothing to take")
        self._move(person, row, -1)
        self.rows[person], self.row_costs[person] = None, 0.0
        return row

    def put(self, person: int, row: Row, cost: float) -> None:
        """Put a row in; ``cost`` is the row's own."""
        self._move(person, row, 1)
        self.rows[person], self.row_costs[person] = row, cost

    def _move(self, person: int, row: Row, step: int) -> None:
        arrays = self.arrays
        start = arrays.start[arrays.profile[person]]
        self.cover_cost += move_lines(row, step, len(arrays.units), arrays.lines, start, self.present, arrays.table)

    def prices(self, person: int, values: Floats) -> tuple[Floats, Floats]:
        """Costs of a person's cells (D, K) and free days (D) when each line that a cell serves costs ``values``."""
        arrays = self.arrays
        cell_sums(values, arrays.lines, arrays.start[arrays.profile[person]], self._cells.reshape(-1))
        cells = np.where(arrays.allowed[person], self._cells + arrays.own[person], np.inf)
        return cells, np.where(arrays.free_allowed[person], arrays.own_free[person], np.inf)

    def marginal(self) -> Floats:
        """What one more person on each line costs now."""
        table = self.arrays.table
        more = np.minimum(self.present + 1, table.shape[1] - 1)
        extra: Floats = table[self._line, more] - table[self._line, self.present]
        return extra

    def best_row(self, person: int, noise: Floats | None = None, held: Row | None = None, first: int = 0, last: int = 0
                 ) -> Best | None:  # fmt: skip
        """The cheapest row for a person who is out. ``held``: row that stays as it is outside days ``first`` to ``last``."""
        cells, free = self.prices(person, self.marginal())
        if noise is not None:
            cells = cells + noise
        if held is not None:
            for day in (*range(first), *range(last + 1, len(held))):
                if held[day] >= 0:
                    keep = cells[day, held[day]]
                    cells[day] = np.inf
                    cells[day, held[day]] = keep
                    free[day] = np.inf
                else:
                    cells[day] = np.inf
        return self.finder.best(person, cells, free)
