"""Column generation: proven bounds, and rosters by diving and by re-rostering a few people at a time, exactly or nearly so.

The linear programme over known rows gives prices; the dynamic programme finds for each person the row that pays most at these
prices; what all people could gain bounds every roster from below (Lagrange). Prices are smoothed between rounds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scheduler.rosters.engine.arrays import Arrays, Floats, Row
from scheduler.rosters.engine.draft import Draft
from scheduler.rosters.engine.master import Master, Pool
from scheduler.rosters.engine.rows import RowFinder

TINY = 1e-6


class Columns:
    """The pool, its linear programme and the best bound. ``clock`` tells seconds, ``on_bound`` hears of better bounds."""

    def __init__(
        self, arrays: Arrays, finder: RowFinder, seed: int, clock: Callable[[], float], on_bound: Callable[[float], None]
    ) -> None:
        self.arrays, self._finder = arrays, finder
        self.pool = Pool(arrays)
        nobody = np.zeros(len(arrays.table), dtype=np.int64)
        self.master = Master(arrays, self.pool, list(range(arrays.people)), nobody)
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
        self.master.enter([self.pool.number(person, row) for person, row in enumerate(rows)])

    def _price(self, prices: Floats, people: list[int]) -> tuple[float, list[int], Floats]:
        """Best rows at given prices: their bounds together, their columns, and the value of each."""
        numbers: list[int] = []
        values = np.zeros(len(people))
        total = 0.0
        for at, person in enumerate(people):
            cells, free = self._priced.prices(person, -prices)
            found = self._finder.best(person, cells, free)
            if found is not None:
                values[at] = found.cost
                total += found.bound
                numbers.append(self.pool.number(person, found.row))
        return total, numbers, values

    def relax(self, until: float) -> bool:
        """Solve the linear programme over all rows, or run out of time. Whether it is solved."""
        everybody = list(range(self.arrays.people))
        keep = 0.7
        center_value = -np.inf
        while self._clock() < until:
            self.master.solve()
            self.rounds += 1
            smooth = self.master.prices
            if self._center is not None and keep:
                smooth = keep * self._center + (1 - keep) * smooth
            value, numbers, _ = self._price(smooth, everybody)
            value += float((self.arrays.table + smooth[:, None] * self._counts).min(axis=1).sum())
            if value > center_value:
                center_value, self._center = value, smooth
            self._raise(value)
            whole = np.ceil(self.master.cost - 1e-4) if self.arrays.whole else self.master.cost
            if whole <= self.bound + 1e-6 * max(1.0, abs(self.bound)):
                self.solved = True
                return True
            if self.master.enter(numbers):
                keep = min(0.85, max(keep, 0.3) + 0.02)
            elif keep == 0.0:
                self.solved = True
                return True
            else:
                keep = 0.0 if keep < 0.2 else keep * 0.6
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
                    _, numbers, values = self._price(self.master.prices, others)
                    gains = values - self.master.wages[others]
                    if not self.master.enter(numbers) or gains.min() > -1e-4 * max(1.0, abs(self.master.cost)):
                        break
                self.master.solve()
                self._fix_some(fixed, greed)
        finally:
            self.master.release()
        return [self.pool.columns[fixed[person]].row for person in range(people)]

    def _fix_some(self, fixed: dict[int, int], greed: float) -> None:
        taken = 0
        most = max(1, self.arrays.people // 12)
        # not always the largest share first, or each dive would end in the same roster
        shaken = sorted(
            ((share if share > 1 - 1e-5 else share - abs(float(self.dice.normal(0, 0.05))), number)
             for share, number in self.master.in_use()), reverse=True,
        )  # fmt: skip
        for share, number in shaken:
            person = self.pool.columns[number].person
            if person in fixed:
                continue
            sure = share > 1 - 1e-5
            if taken and not sure and (taken >= most or share < greed):
                break
            fixed[person] = number
            self.master.fix(number)
            taken += not sure

    def reroster(self, draft: Draft, people: list[int], until: float, seconds: float) -> bool | None:
        """Re-roster a few people together by column generation of their own, the others as they are.

        True: the draft became cheaper. False: it is proven that these people cannot do better, or as good as proven (rows
        outside the last programme). None: time ran out before anything was known.
        """
        before = draft.cost
        old = [(person, draft.take(person), 0.0) for person in people]
        picked, known = self._rows_for(draft, [(person, row) for person, row, _ in old], before, until, seconds)
        for number in picked:
            column = self.pool.columns[number]
            draft.put(column.person, column.row, column.cost)
        if picked and draft.cost < before - TINY:
            return True
        for person, row, _ in old:
            if draft.rows[person] is not None:
                draft.take(person)
            draft.put(person, row, self.arrays.row_cost(person, row))
        return False if known else None

    def _rows_for(
        self, draft: Draft, old: list[tuple[int, Row]], before: float, until: float, seconds: float
    ) -> tuple[list[int], bool]:
        """Better rows for people who are out of the draft, if any were found; and whether the question is settled."""
        people = [person for person, _ in old]
        others = draft.cost - draft.cover_cost
        target = before - others
        start = [self.pool.number(person, row) for person, row in old]
        local = Master(self.arrays, self.pool, people, draft.present.copy())
        local.enter(self._likely(people, start, 40))
        end = min(until, self._clock() + seconds)
        goal = target - (1 - 1e-4 if self.arrays.whole else TINY)
        while True:
            local.solve()
            _, numbers, values = self._price(local.prices, people)
            gains = values - local.wages
            # the programme with all rows costs at least this
            if local.cost + float(np.minimum(gains, 0).sum()) > goal:
                return [], True
            if not local.enter(numbers) or gains.min() > -1e-5 or self._clock() > end:
                break
        if self._clock() > until:
            return [], False
        answer = local.choose(goal, min(seconds, max(0.1, until - self._clock())), 1500)
        return ([], False) if answer is None else answer

    def _likely(self, people: list[int], start: list[int], most: int) -> list[int]:
        """The rows of the pool that are cheapest at the prices of the whole programme, for each person."""
        prices = self.master.prices
        chosen = list(start)
        for person in people:
            numbers = self.pool.of[person]
            columns = [self.pool.columns[number] for number in numbers]
            reduced = np.array([c.cost - float(prices[c.lines] @ c.times) for c in columns])
            chosen += [numbers[at] for at in np.argsort(reduced, kind="stable")[:most]]
        return chosen
