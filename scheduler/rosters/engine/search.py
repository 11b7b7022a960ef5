"""Neighbourhood search: takes a few people out of a roster and puts each back with the best row of all that person's rows.

Every row comes from the dynamic programme, so every roster seen keeps the hard rules. How many people, which, whether whole
periods or a window of days, and how much noise is mixed into the prices is chosen by what has paid off lately.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scheduler.rosters.engine.arrays import FREE, Arrays, Flags, Row
from scheduler.rosters.engine.draft import Draft
from scheduler.rosters.engine.rows import Best, RowFinder

TINY = 1e-7
HEAT = 0.1
"""What annealing begins with, as a share of what one more person on a line is usually worth; measured, see the docs page."""


@dataclass
class Move:
    """One kind of neighbourhood, with a running estimate of what it earns."""

    people: int
    window: bool
    aimed: bool
    """People are drawn from those who could serve a line that costs now; otherwise by lot."""
    noise: float
    credit: float = 1.0


class Search:
    """Improves one roster. ``clock`` tells seconds; ``seen`` is called with each row that became part of a good roster."""

    def __init__(self, arrays: Arrays, finder: RowFinder, seed: int, clock: Callable[[], float]) -> None:
        self.arrays, self.finder = arrays, finder
        self.dice = np.random.default_rng(seed)
        self._clock = clock
        slopes = np.abs(np.diff(arrays.table, axis=1))
        self._scale = float(np.median(slopes.max(axis=1))) if len(slopes) else 1.0
        self._moves = [
            Move(people, window, aimed, noise)
            for people in (1, 2, 3, 5)
            # whole rows of a long period take too long to be found again and again
            for window in ((True,) if finder.long else (False, True))
            for aimed in (False, True)
            for noise in ((0.02, 0.1, 0.3) if people < 3 else (0.0, 0.1))
        ]
        self._able: dict[int, Flags] = {}
        self.tried = 0

    def build(self, start: Sequence[Row | None]) -> Draft | int:
        """A first roster: the rows given, and for the others one after the other, the least flexible first.

        The number of a person who has no row at all, where there is one.
        """
        draft = Draft(self.arrays, self.finder, start)
        for person in np.argsort(self.arrays.allowed.sum(axis=(1, 2)), kind="stable"):
            if draft.rows[person] is None:
                found = draft.best_row(int(person)) or self._idle(draft, int(person))
                if found is None:
                    return int(person)
                draft.put(int(person), found.row, self.arrays.row_cost(int(person), found.row))
        return draft

    def _idle(self, draft: Draft, person: int) -> Best | None:
        """The row of somebody who works only what is pinned, if that keeps the rules: where the best one takes too much memory."""
        arrays = self.arrays
        row = np.where(arrays.free_allowed[person], FREE, arrays.allowed[person].argmax(axis=1)).astype(np.int16)
        possible = arrays.free_allowed[person] | arrays.allowed[person].any(axis=1)
        return draft.best_row(person, held=row, first=0, last=-1) if possible.all() else None

    def polish(self, draft: Draft, until: float = math.inf) -> None:
        """Re-roster one person after the other until nobody can be improved alone, or until a time."""
        waiting = list(self.dice.permutation(self.arrays.people))
        idle = 0
        while idle < len(waiting):
            for person in waiting:
                if self._clock() > until:
                    return
                before = draft.cost
                row, cost = draft.rows[person], float(draft.row_costs[person])
                draft.take(person)
                found = draft.best_row(person)
                if found is not None:
                    draft.put(person, found.row, self.arrays.row_cost(person, found.row))
                if found is None or draft.cost > before - TINY:
                    if found is not None:
                        draft.take(person)
                    draft.put(person, row, cost)
                    idle += 1
                else:
                    idle = 0
                if idle >= len(waiting):
                    break

    def run(self, draft: Draft, until: float, better: Callable[[Draft], None], heat: float = HEAT) -> list[Row]:
        """Anneal until a time; the draft ends where that ends. Calls ``better`` for each new best; the best rows."""
        best, best_rows = draft.cost, draft.copy_rows()
        start = self._clock()
        heat *= self._scale
        while (now := self._clock()) < until:
            share = min(1.0, (now - start) / max(1e-9, until - start))
            level = heat * (1 - share)
            weights = np.array([move.credit for move in self._moves])
            move = self._moves[int(self.dice.choice(len(self._moves), p=weights / weights.sum()))]
            before = draft.cost
            undo = self._apply(draft, move)
            self.tried += 1
            change = draft.cost - before
            if change < -TINY or change <= -level * math.log(max(1e-12, self.dice.random())):
                earned = 1.0 if draft.cost < best - TINY else 0.1 if change < -TINY else 0.0
                if draft.cost < best - TINY:
                    best, best_rows = draft.cost, draft.copy_rows()
                    better(draft)
            else:
                earned = 0.0
                for person, _, _ in undo:
                    draft.take(person)
                for person, row, cost in undo:
                    draft.put(person, row, cost)
            move.credit = max(0.02, 0.98 * move.credit + 0.3 * earned)
        return best_rows

    def _apply(self, draft: Draft, move: Move) -> list[tuple[int, Row, float]]:
        """Change the draft; how it was."""
        days = self.arrays.days
        people = self._choose(draft, move)
        first = int(self.dice.integers(days))
        length = int(self.dice.integers(4, 12))
        undo: list[tuple[int, Row, float]] = []
        for person in people:
            cost = float(draft.row_costs[person])
            undo.append((person, draft.take(person), cost))
        order = self.dice.permutation(len(people))
        for at in order:
            person, row, cost = undo[at]
            noise = None
            if move.noise and (len(people) == 1 or at != order[-1]):
                noise = self.dice.normal(0, move.noise * self._scale, (days, len(self.arrays.units)))
            held = row if move.window else None
            found = draft.best_row(person, noise, held, first, first + length)
            if found is None:
                draft.put(person, row, cost)
            else:
                draft.put(person, found.row, self.arrays.row_cost(person, found.row))
        return undo

    def _choose(self, draft: Draft, move: Move) -> list[int]:
        count = min(move.people, self.arrays.people)
        if move.aimed:
            cost = self.arrays.table[np.arange(len(draft.present)), draft.present] - self.arrays.table.min(axis=1)
            if cost.sum() > 0:
                able = np.flatnonzero(self.able(int(self.dice.choice(len(cost), p=cost / cost.sum()))))
                if len(able) >= count:
                    return [int(p) for p in self.dice.choice(able, count, replace=False)]
        return [int(p) for p in self.dice.choice(self.arrays.people, count, replace=False)]

    def able(self, line: int) -> Flags:
        """Who could serve a line, by the person's own kinds and days (P)."""
        known = self._able.get(line)
        if known is None:
            arrays = self.arrays
            known = np.zeros(arrays.people, dtype=np.bool_)
            at = np.flatnonzero(arrays.lines == line)
            for profile, start in enumerate(arrays.start):
                inside = at[(at >= start[0]) & (at < start[-1])]
                cells = np.searchsorted(start, inside, side="right") - 1
                known |= (arrays.profile == profile) & arrays.allowed.reshape(arrays.people, -1)[:, cells].any(axis=1)
            self._able[line] = known
        return known
