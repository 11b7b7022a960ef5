"""Improves a roster by re-rostering some people, or everybody's rows in some days, with column generation of their own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from scheduler.rosters.engine.arrays import Flags, Floats, Row
from scheduler.rosters.engine.columns import TINY, Columns
from scheduler.rosters.engine.dive import Dive
from scheduler.rosters.engine.draft import Draft
from scheduler.rosters.engine.search import Search
from scheduler.rosters.engine.work import Work

DRIFT, STALE = 0.03, 8
"""Heat of a short annealing that changes the roster after so many neighbourhoods without a better one."""
FEW = 12
"""People taken at once to begin with."""
SHORT = 7
"""Days taken at once to begin with."""
LONGEST = 28
"""Days taken at once in a long period, at most."""
EASY = 700
"""Columns up to which an integer programme is asked before a dive."""
KNOWN = 40
"""Rows of each person that a programme of some people begins with."""


class Answer(StrEnum):
    """What came of a neighbourhood."""

    BETTER = "better"
    SETTLED = "settled"
    """It is proven that nothing better is there, or nothing was found by all means."""
    LATE = "late"
    """Time ran out before."""


@dataclass
class Scope:
    """How much one kind of neighbourhood takes at once: it grows while its questions are settled quickly."""

    size: float
    first: float
    most: float
    earned: float = 1.0
    """Running estimate of what it gains in a second."""

    def adapt(self, answer: Answer, spent: float, seconds: float) -> None:
        """Take more or less next time."""
        if answer is Answer.LATE or spent > 1.2 * seconds:
            self.size = max(2.0, self.size / 1.2)
        elif answer is Answer.SETTLED and spent < 0.6 * seconds:
            # as good as it gets with these: look elsewhere, with few again
            self.size = self.first if self.size >= self.most else min(self.most, self.size * 1.15)


class Rerostering:
    """Re-rosters a part at a time, by turns a few people in all days and everybody in a few days."""

    def __init__(self, work: Work, columns: Columns, search: Search) -> None:
        self._work, self._columns, self._search = work, columns, search
        people, days = work.arrays.people, work.arrays.days
        self._people = Scope(min(people, FEW), min(people, FEW), people)
        self._days = Scope(min(days, SHORT), min(days, SHORT), min(days, LONGEST) if work.finder.long else days)
        self._tries = np.zeros(people)
        self._seconds = min(10.0, max(1.0, work.order.seconds / 30))

    def run(self) -> None:
        """Until time is over or everybody together cannot do better."""
        work = self._work
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
            scope = self._scope()
            began, before = work.clock(), draft.cost
            answer = self._with_people(draft) if scope is self._people else self._in_days(draft)
            if answer is Answer.BETTER:
                if not work.finder.long:
                    self._search.polish(draft, work.until)
                work.better(draft)
                self._tries *= 0.5
                stale = 0
            else:
                stale += 1
            spent = work.clock() - began
            gain = (before - draft.cost) / max(0.05, spent)
            scope.earned = 0.8 * scope.earned + 0.2 * gain
            scope.adapt(answer, spent, self._seconds)

    def _scope(self) -> Scope:
        """People or days, by what each has earned; in a long period always days."""
        if self._work.finder.long:
            return self._days
        least = 0.2 * max(self._people.earned, self._days.earned, TINY)
        for scope in (self._people, self._days):
            scope.earned = max(scope.earned, least)
        total = self._people.earned + self._days.earned
        return self._people if self._work.dice.random() * total < self._people.earned else self._days

    def _with_people(self, draft: Draft) -> Answer:
        chosen = self._choose(draft, int(self._people.size))
        self._tries[chosen] += 1
        return self.reroster(draft, chosen, None)

    def _in_days(self, draft: Draft) -> Answer:
        arrays, length = self._work.arrays, int(self._days.size)
        first = int(self._work.dice.integers(1 - length // 2, max(2 - length // 2, arrays.days - length // 2)))
        inside = np.zeros(arrays.days, dtype=np.bool_)
        inside[max(0, first) : first + length] = True
        inside |= length >= arrays.days
        open_cells = np.zeros((arrays.people, arrays.days, len(arrays.units) + 1), dtype=np.bool_)
        open_cells[:, inside] = True
        days = np.arange(arrays.days)
        for person, row in enumerate(draft.copy_rows()):
            open_cells[person, days, row] = True
        return self.reroster(draft, self._columns.everybody, open_cells)

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

    def reroster(self, draft: Draft, people: list[int], open_cells: Flags | None) -> Answer:
        """Re-roster some people together within the open cells (P, D, K + 1; None: all), the others as they are."""
        before = draft.cost
        old = [(person, draft.take(person)) for person in people]
        answer, rows = self._ask(draft, old, before, open_cells)
        self._put(draft, people, rows)
        if answer is Answer.BETTER and draft.cost >= before - TINY:
            for person in people:
                draft.take(person)
            self._put(draft, people, [row for _, row in old])
            return Answer.SETTLED
        return answer

    def _put(self, draft: Draft, people: list[int], rows: list[Row]) -> None:
        for person, row in zip(people, rows, strict=True):
            draft.put(person, row, self._work.arrays.row_cost(person, row))

    def _ask(
        self, draft: Draft, old: list[tuple[int, Row]], before: float, open_cells: Flags | None
    ) -> tuple[Answer, list[Row]]:
        """Better rows for people who are out of the draft, or their old ones."""
        columns, clock, until = self._columns, self._work.clock, self._work.until
        people, rows = [person for person, _ in old], [row for _, row in old]
        goal = before - (draft.cost - draft.cover_cost) - columns.whole_step
        local = columns.local(people, rows, draft.present.copy(), KNOWN, open_cells)
        end = min(until, clock() + self._seconds)
        bound, _ = columns.generate(local, columns.center, goal, end, open_cells=open_cells)
        if bound is not None and bound > goal:
            return Answer.SETTLED, rows
        if clock() > until:
            return Answer.LATE, rows
        local.solve()
        for _, column in local.in_use():
            columns.pool.adopt(column)
        answer = None
        if local.near(goal) <= EASY:
            answer = local.choose(goal, min(self._seconds, max(0.1, until - clock())), EASY)
            if answer is not None and answer[0]:
                return Answer.BETTER, answer[0]
            if answer is not None and answer[1]:
                return Answer.SETTLED, rows
        dive = Dive(columns, local, self._work.dice, open_cells=open_cells)
        found = dive.run(goal, min(until, clock() + 2 * self._seconds))
        if found is not None:
            return Answer.BETTER, found
        return (Answer.LATE if clock() > until else Answer.SETTLED), rows
