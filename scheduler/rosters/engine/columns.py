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
SURE = 1 - 1e-5
ROUNDS = 2
"""Rounds of pricing between two fixings of a dive."""
EASY = 700
"""Columns up to which an integer programme is asked before a dive."""


class Columns:
    """The pool, its linear programme and the best bound. ``clock`` tells seconds, ``on_bound`` hears of better bounds."""

    def __init__(
        self,
        arrays: Arrays,
        finder: RowFinder,
        seed: int,
        clock: Callable[[], float],
        on_bound: Callable[[float], None],
    ) -> None:
        self.arrays, self._finder = arrays, finder
        self.pool = Pool(arrays)
        nobody = np.zeros(len(arrays.table), dtype=np.int64)
        self.master = Master(arrays, self.pool, list(range(arrays.people)), nobody)
        self.bound = -np.inf
        self.dice = np.random.default_rng(seed)
        self._clock, self._on_bound = clock, on_bound
        self._priced = Draft(arrays, finder, [None] * arrays.people)
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
        # everybody's cheapest row and each line's cheapest count: seldom much, but at once
        nothing = np.zeros(len(self.arrays.table))
        self._raise(self._price(nothing, everybody)[0] + self.master.line_bound(nothing))
        bound, center = self._generate(self.master, everybody, self._center, np.inf, until, self._raise)
        self._center = center
        self.solved = bound is not None
        return self.solved

    def _generate(
        self, master: Master, people: list[int], center: Floats | None, goal: float, until: float,
        hear: Callable[[float], None],
    ) -> tuple[float | None, Floats | None]:  # fmt: skip
        """Column generation until the programme is solved, no roster of these people can cost ``goal`` or less, or ``until``.

        The proven bound, or None if time ran out before; and the prices that gave it, around which the next are smoothed.
        """
        keep, bound = 0.6, -np.inf
        while self._clock() < until:
            master.solve()
            self.rounds += 1
            prices = master.prices
            if center is not None and keep:
                prices = keep * center + (1 - keep) * prices
            value, numbers, _ = self._price(prices, people)
            value += master.line_bound(prices)
            if value > bound:
                bound, center = value, prices
                hear(value)
            least = np.ceil(bound - 1e-4) if self.arrays.whole else bound
            if least > goal or master.cost <= least + 1e-6 * max(1.0, abs(bound)):
                return bound, center
            if master.enter(numbers):
                keep = min(0.85, max(keep, 0.3) + 0.02)
            elif keep == 0.0:
                return bound, center
            else:
                keep = 0.0 if keep < 0.2 else keep * 0.6
        return None, center

    def _raise(self, value: float) -> None:
        if self.arrays.whole:
            value = float(np.ceil(value - 1e-4))
        if value > self.bound + TINY:
            self.bound = value
            self._on_bound(value)

    def dive(self, until: float, greed: float) -> list[Row] | None:
        """One descent of everybody to a roster; None if time runs out."""
        everybody = list(range(self.arrays.people))
        chosen = self._dive(self.master, everybody, np.inf, until, greed)
        return None if chosen is None else [self.pool.columns[chosen[person]].row for person in everybody]

    def _dive(
        self, master: Master, people: list[int], goal: float, until: float, greed: float
    ) -> dict[int, int] | None:
        """Fix rows that the solution uses most, price again for the others, and so on: a column for each person.

        None if that cannot end at ``goal`` or below, or time runs out.
        """
        fixed: dict[int, int] = {}
        try:
            while len(fixed) < len(people):
                others = [person for person in people if person not in fixed]
                for _ in range(ROUNDS):
                    if self._clock() > until:
                        return None
                    master.solve()
                    _, numbers, values = self._price(master.prices, others)
                    gains = values - np.array([master.wage(person) for person in others])
                    if master.cost + float(np.minimum(gains, 0).sum()) > goal + TINY:
                        return None
                    if not master.enter(numbers) or gains.min() > -1e-4 * max(1.0, abs(master.cost)):
                        break
                master.solve()
                self._fix_some(master, fixed, greed, max(1, len(people) // 10))
        finally:
            master.release()
        return fixed

    def _fix_some(self, master: Master, fixed: dict[int, int], greed: float, most: int) -> None:
        # not always the largest share first, or each dive would end in the same roster
        shaken = [
            (share if share > SURE else share - abs(float(self.dice.normal(0, 0.05))), number)
            for share, number in master.in_use()
        ]
        taken = 0
        for share, number in sorted(shaken, reverse=True):
            person = self.pool.columns[number].person
            if person in fixed:
                continue
            if taken and share <= SURE and (taken >= most or share < greed):
                break
            fixed[person] = number
            master.fix(number)
            taken += share <= SURE

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
        center = self._center if self._center is not None else self.master.prices
        bound, _ = self._generate(local, people, center, goal, end, lambda _: None)
        if bound is not None and bound > goal:
            return [], True
        if self._clock() > until:
            return [], False
        local.solve()
        answer: tuple[list[int], bool] | None = None
        if local.near(goal) <= EASY:
            answer = local.choose(goal, min(seconds, max(0.1, until - self._clock())), EASY)
            if answer is not None and (answer[0] or answer[1]):
                return answer[0], True
        dived = self._dive(local, people, goal, min(until, self._clock() + seconds), 0.6)
        if dived is not None:
            return list(dived.values()), True
        if answer is None and self._clock() < until:
            local.solve()
            answer = local.choose(goal, min(seconds, max(0.1, until - self._clock())), 2 * EASY)
        return ([], False) if answer is None else (answer[0], True)

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
