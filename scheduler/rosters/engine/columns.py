"""Column generation: proven bounds, and rosters by diving and by choosing rows for a few people at a time from the pool.

The linear programme over known rows gives prices; the dynamic programme finds for each person the row that pays most at these
prices; what all people could gain bounds every roster from below (Lagrange). Prices are smoothed between rounds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scheduler.rosters.engine.arrays import Arrays, Floats, Row
from scheduler.rosters.engine.draft import Draft
from scheduler.rosters.engine.master import Master, Pool, choose_rows
from scheduler.rosters.engine.rows import RowFinder

TINY = 1e-6


class Columns:
    """The pool, its linear programme and the best bound. ``clock`` tells seconds, ``on_bound`` hears of better bounds."""

    def __init__(
        self, arrays: Arrays, finder: RowFinder, seed: int, clock: Callable[[], float], on_bound: Callable[[float], None]
    ) -> None:
        self.arrays, self._finder = arrays, finder
        self.pool = Pool(arrays)
        self.master = Master(arrays, self.pool)
        self.bound = -np.inf
        self.dice = np.random.default_rng(seed)
        self._clock, self._on_bound = clock, on_bound
        self._priced = Draft(arrays, finder, [None] * arrays.people)
        self._counts = np.arange(arrays.table.shape[1])
        self._center: Floats | None = None
        self.solved = False
        """The linear programme over all rows that exist is solved: the bound cannot rise further."""
        self.rounds = 0

    def know(self, rows: list[Row]) -> None:
        """Put the rows of a roster into the pool and the programme."""
        fresh = [self.pool.add(person, row) for person, row in enumerate(rows)]
        self.master.enter(number for number in fresh if number is not None)

    def _price(self, prices: Floats, people: list[int]) -> tuple[float, list[int], Floats]:
        """Best rows at given prices: the Lagrangian of these people and all lines, new columns, and each best value."""
        fresh: list[int] = []
        values = np.zeros(self.arrays.people)
        total = 0.0
        for person in people:
            cells, free = self._priced.prices(person, -prices)
            found = self._finder.best(person, cells, free)
            if found is None:
                continue
            values[person] = found.cost
            total += found.bound
            number = self.pool.add(person, found.row)
            if number is not None:
                fresh.append(number)
        lines = (self.arrays.table + prices[:, None] * self._counts).min(axis=1).sum()
        return total + float(lines), fresh, values

    def relax(self, until: float) -> bool:
        """Solve the linear programme over all rows, or run out of time. Whether it is solved."""
        everybody = list(range(self.arrays.people))
        keep = 0.7
        center_value = -np.inf
        while self._clock() < until:
            self.master.solve()
            self.rounds += 1
            smooth = self.master.prices if self._center is None else keep * self._center + (1 - keep) * self.master.prices
            value, fresh, _ = self._price(smooth, everybody)
            if value > center_value:
                center_value, self._center = value, smooth
            self._raise(value)
            if self.master.cost - self.bound < TINY * max(1.0, abs(self.bound)) + 1e-4:
                self.solved = True
                return True
            if self.arrays.whole and np.ceil(self.master.cost - 1e-4) <= self.bound + 1e-4:
                self.solved = True
                return True
            if not fresh:
                if keep == 0.0:
                    self.solved = True
                    return True
                keep = 0.0 if keep < 0.2 else keep * 0.6
                continue
            keep = min(0.85, max(keep, 0.3) + 0.02)
            self.master.enter(fresh)
        return False

    def _raise(self, value: float) -> None:
        if self.arrays.whole:
            value = float(np.ceil(value - 1e-4))
        if value > self.bound + TINY:
            self.bound = value
            self._on_bound(value)

    def dive(self, until: float, greed: float, rounds: int) -> list[Row] | None:
        """One descent to a roster: fix rows that the solution uses most, price again for the others, and so on."""
        fixed: dict[int, int] = {}
        people = self.arrays.people
        try:
            while len(fixed) < people:
                others = [person for person in range(people) if person not in fixed]
                for _ in range(rounds):
                    if self._clock() > until:
                        return None
                    self.master.solve()
                    _, fresh, values = self._price(self.master.prices, others)
                    gains = values[others] - self.master.wages[others]
                    self.master.enter(fresh)
                    if not fresh or gains.min() > -1e-4 * max(1.0, abs(self.master.cost)):
                        break
                self.master.solve()
                self._fix_some(fixed, greed)
        finally:
            self.master.release()
        return [self.pool.columns[fixed[person]].row for person in range(people)]

    def _fix_some(self, fixed: dict[int, int], greed: float) -> None:
        taken = 0
        most = max(1, self.arrays.people // 12)
        for share, number in self.master.in_use():
            person = self.pool.columns[number].person
            if person in fixed:
                continue
            sure = share > 1 - 1e-5
            if taken and not sure and (taken >= most or share < greed):
                break
            if not taken and not sure:
                # not always the largest share first, or each dive would end in the same roster
                share += float(self.dice.normal(0, 0.05))
            fixed[person] = number
            self.master.fix(number)
            taken += not sure

    def recombine(self, draft: Draft, people: list[int], seconds: float, per_person: int) -> bool:
        """Choose rows from the pool for a few people at once, the others as they are. Whether the draft became cheaper."""
        before = draft.cost
        old = [(person, draft.rows[person], float(draft.row_costs[person])) for person in people]
        start = [self.pool.number(person, row) for person, row, _ in old if row is not None]
        for person in people:
            draft.take(person)
        wanted = set(people)
        by_person: dict[int, list[tuple[float, int]]] = {person: [] for person in people}
        prices, wages = self.master.prices, self.master.wages
        for number, column in enumerate(self.pool.columns):
            if column.person in wanted:
                reduced = column.cost - float(prices[column.lines] @ column.times) - wages[column.person]
                by_person[column.person].append((reduced, number))
        numbers = sorted({n for columns in by_person.values() for _, n in sorted(columns)[:per_person]} | set(start))
        picked = choose_rows(self.arrays, self.pool, numbers, draft.present, start, seconds)
        if picked is not None:
            for number in picked:
                column = self.pool.columns[number]
                draft.put(column.person, column.row, column.cost)
            if draft.cost < before - TINY:
                return True
            for person in people:
                draft.take(person)
        for person, row, cost in old:
            if row is not None:
                draft.put(person, row, cost)
        return False
