"""Improves a roster by re-rostering a few people at a time with column generation of their own."""

from __future__ import annotations

import numpy as np

from scheduler.rosters.engine.arrays import Floats
from scheduler.rosters.engine.columns import Columns
from scheduler.rosters.engine.draft import Draft
from scheduler.rosters.engine.search import Search
from scheduler.rosters.engine.work import Work

DRIFT, STALE = 0.03, 5
"""Heat of a short annealing that changes the roster after so many neighbourhoods without a better one."""
FEW = 12
"""People taken at once to begin with."""


class Rerostering:
    """Re-rosters a few people at a time; the number grows while the questions are settled quickly."""

    def __init__(self, work: Work, columns: Columns, search: Search) -> None:
        self._work, self._columns, self._search = work, columns, search
        people = work.arrays.people
        self._size = float(min(people, FEW))
        self._tries = np.zeros(people)
        self._seconds = min(10.0, max(1.0, work.order.seconds / 30))

    def run(self) -> None:
        """Until time is over or everybody together cannot do better."""
        work, people = self._work, self._work.arrays.people
        draft = Draft(work.arrays, work.finder, work.rows)
        stale = 0
        while not work.finished:
            if stale >= STALE:
                stale = 0
                draft = self._drifted()
            if work.listen():
                draft = Draft(work.arrays, work.finder, work.rows)
                self._columns.know(work.rows)
                self._tries[:] = 0
            chosen = self._choose(draft, min(people, int(self._size)))
            began = work.clock()
            answer = self._columns.reroster(draft, chosen, work.until, self._seconds)
            spent = work.clock() - began
            if answer:
                self._search.polish(draft)
                work.better(draft)
                self._tries *= 0.5
                stale = 0
            stale += not answer
            self._tries[chosen] += 1
            if answer is None or spent > 1.2 * self._seconds:
                self._size = max(2.0, self._size - 0.7)
                if answer is None and self._size < 5:
                    self._seconds *= 1.3
            elif not answer and spent < 0.6 * self._seconds:
                self._size = min(float(people), self._size + 0.5)
            if answer is False and len(chosen) == people:
                # as good as it gets with these rows: look elsewhere, with few people again
                self._size = float(min(people, FEW))

    def _drifted(self) -> Draft:
        """The best roster, changed a little where that costs little."""
        work = self._work
        draft = Draft(work.arrays, work.finder, work.rows)
        self._search.run(draft, min(work.until, work.clock() + self._seconds), work.better, DRIFT)
        self._columns.know(draft.copy_rows())
        self._tries[:] = 0
        return draft

    def _choose(self, draft: Draft, count: int) -> list[int]:
        """People to take: by lot, around a line that costs, or alike; those tried seldom rather than often."""
        arrays, dice = self._work.arrays, self._work.dice
        weight = np.maximum(np.exp(-0.7 * (self._tries - self._tries.min())), 1e-6)
        way = int(dice.integers(3))
        if way == 1:
            cost: Floats = arrays.table[np.arange(len(draft.present)), draft.present] - arrays.table.min(axis=1)
            for line in dice.choice(np.arange(len(cost)), 3, p=cost / cost.sum()) if cost.sum() > 0 else []:
                weight = weight * np.where(self._search.able(int(line)), 3.0, 1.0)
        elif way == 2:
            able: Floats = np.asarray(arrays.allowed.any(axis=1), dtype=np.float64)
            like: Floats = np.sum(able * able[int(dice.integers(arrays.people))], axis=1)
            weight = weight * (0.05 + like / max(1.0, like.max())) ** 3
        return sorted(int(p) for p in dice.choice(arrays.people, count, replace=False, p=weight / weight.sum()))
