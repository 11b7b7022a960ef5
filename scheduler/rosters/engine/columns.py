"""Column generation: the linear programme over all rows, its prices and proven bounds; for everybody, or for some people.

The linear programme over known rows gives prices; the dynamic programme finds for each person the row that pays most at these
prices; what all people could gain bounds every roster from below (Lagrange). Prices are smoothed between rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from scheduler.rosters.engine.arrays import Arrays, Flags, Floats, Ints, Row
from scheduler.rosters.engine.draft import Draft
from scheduler.rosters.engine.master import Master, Pool
from scheduler.rosters.engine.rows import RowFinder

TINY = 1e-6


class Columns:
    """The pool, its linear programme and the best bound. ``clock`` tells seconds, ``on_bound`` hears of better bounds."""

    def __init__(
        self,
        arrays: Arrays,
        finder: RowFinder,
        clock: Callable[[], float],
        on_bound: Callable[[float], None],
    ) -> None:
        self.arrays, self.clock = arrays, clock
        self._finder = finder
        self.everybody = list(range(arrays.people))
        self.pool = Pool(arrays)
        nobody = np.zeros(len(arrays.table), dtype=np.int64)
        self.master = Master(arrays, self.pool, self.everybody, nobody)
        self.bound = -np.inf
        self._on_bound = on_bound
        self._priced = Draft(arrays, finder, [None] * arrays.people)
        self._center: Floats | None = None
        self.solved = False
        """The linear programme over all rows that exist is solved: the bound cannot rise further."""
        self.rounds = 0

    @property
    def whole_step(self) -> float:
        """How much a roster must be cheaper than another to be worth looking for."""
        return 1 - 1e-4 if self.arrays.whole else TINY

    def know(self, rows: Sequence[Row]) -> None:
        """Put the rows of a roster into the pool and the programme."""
        self.master.enter([self.pool.number(person, row) for person, row in enumerate(rows)])

    def price(
        self, pool: Pool, prices: Floats, people: Sequence[int], open_cells: Flags | None = None
    ) -> tuple[float, list[int], Floats]:
        """Best rows at given prices: their bounds together, their columns in ``pool``, and the value of each.

        ``open_cells`` (P, D, K + 1; a free day last): cells that rows may use; None: all. Who has no row there has no value.
        """
        numbers: list[int] = []
        values = np.zeros(len(people))
        total = 0.0
        for at, person in enumerate(people):
            cells, free = self._priced.prices(person, -prices)
            if open_cells is not None:
                cells[~open_cells[person, :, :-1]] = np.inf
                free[~open_cells[person, :, -1]] = np.inf
            found = self._finder.best(person, cells, free)
            values[at] = np.inf
            if found is not None:
                values[at] = found.cost
                total += found.bound
                numbers.append(pool.number(person, found.row))
        return total, numbers, values

    def relax(self, until: float) -> bool:
        """Solve the linear programme over all rows, or run out of time. Whether it is solved."""
        # everybody's cheapest row and each line's cheapest count: seldom much, but at once
        nothing = np.zeros(len(self.arrays.table))
        self._raise(self.price(self.pool, nothing, self.everybody)[0] + self.master.line_bound(nothing))
        bound, center = self.generate(self.master, self._center, np.inf, until, on_value=self._raise)
        if center is not None:
            self._center = center
        self.solved = bound is not None
        return self.solved

    def generate(
        self, master: Master, center: Floats | None, goal: float, until: float, *,
        open_cells: Flags | None = None, on_value: Callable[[float], None] = lambda _: None,
    ) -> tuple[float | None, Floats | None]:  # fmt: skip
        """Column generation until the programme is solved, no roster of its people can cost ``goal`` or less, or ``until``.

        The proven bound, or None if time ran out before; and the prices that gave it, around which the next are smoothed.
        """
        keep, bound = 0.6, -np.inf
        while self.clock() < until:
            master.solve()
            self.rounds += 1
            prices = master.prices
            if center is not None and keep:
                prices = keep * center + (1 - keep) * prices
            value, numbers, _ = self.price(master.pool, prices, master.people, open_cells)
            value += master.line_bound(prices)
            if value > bound:
                bound, center = value, prices
                on_value(value)
            least = np.ceil(bound - 1e-4) if self.arrays.whole else bound
            if least > goal or master.cost <= least + 1e-6 * max(1.0, abs(bound)):
                return least, center
            if master.enter(numbers):
                keep = min(0.85, max(keep, 0.3) + 0.02)
            elif keep == 0.0:
                return least, center
            else:
                keep = 0.0 if keep < 0.2 else keep * 0.6
        return None, center

    @property
    def center(self) -> Floats | None:
        """Prices that gave the best bound so far."""
        return self._center

    def _raise(self, value: float) -> None:
        if self.arrays.whole:
            value = float(np.ceil(value - 1e-4))
        if value > self.bound + TINY:
            self.bound = value
            self._on_bound(value)

    def local(self, people: Sequence[int], rows: Sequence[Row], present: Ints, most: int,
              open_cells: Flags | None = None) -> Master:  # fmt: skip
        """A programme of some people over the lines that others serve (``present``), with a pool of its own.

        It knows ``rows`` and up to ``most`` rows of each person that look best at the prices of everybody's programme.
        """
        pool = Pool(self.arrays)
        master = Master(self.arrays, pool, list(people), present)
        days = np.arange(self.arrays.days)
        numbers = [pool.number(person, row) for person, row in zip(people, rows, strict=True)]
        prices = self.master.prices
        for person in people:
            columns = [self.pool.columns[number] for number in self.pool.of[person]]
            if open_cells is not None:
                columns = [c for c in columns if open_cells[person, days, c.row].all()]
            reduced = np.array([c.cost - float(prices[c.lines] @ c.times) for c in columns])
            numbers += [pool.adopt(columns[at]) for at in np.argsort(reduced, kind="stable")[:most]]
        master.enter(numbers)
        return master
