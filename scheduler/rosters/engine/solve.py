"""What one child does with its time: by column generation (role ``columns``) or by neighbourhood search (role ``search``).

Both begin with a roster of single best rows, so there is an answer within a second; both take better rosters that the other
child found. Which of them finds what: docs/roster-engine.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from scheduler.rosters.engine import arrays as prepare
from scheduler.rosters.engine.arrays import Arrays, Floats, Row
from scheduler.rosters.engine.draft import Draft
from scheduler.rosters.engine.messages import News, Order
from scheduler.rosters.engine.rows import RowFinder
from scheduler.rosters.engine.search import TINY, Search

FIRST_SEARCH = 0.12
"""Share of the time for annealing before column generation: a first pool."""
RELAX = 0.45
"""Share of the time after which the programme over all rows is left unsolved in favour of rosters."""

DIVE = 0.15
"""Share of the time that the first dive may take."""
DRIFT, STALE = 0.03, 5
"""Heat of a short annealing that changes the roster after so many neighbourhoods without a better one."""


@dataclass
class Desk:
    """What a child works on: the problem, the best roster so far, and the lines to and from the parent."""

    order: Order
    clock: Callable[[], float]
    report: Callable[[News], None]
    inbox: Callable[[], list[News]]
    arrays: Arrays = field(init=False)
    finder: RowFinder = field(init=False)
    dice: np.random.Generator = field(init=False)
    best: float = field(default=np.inf, init=False)
    rows: list[Row] = field(default_factory=list, init=False)
    bound: float = field(default=-np.inf, init=False)

    def __post_init__(self) -> None:
        self.until = self.clock() + self.order.seconds
        self.arrays = prepare.build(self.order.problem)
        self.finder = RowFinder(self.arrays)
        self.dice = np.random.default_rng(self.order.seed)

    def left(self) -> float:
        """Seconds left."""
        return self.until - self.clock()

    def better(self, draft: Draft) -> None:
        """Take over a draft if it is the best so far, and tell the parent."""
        if draft.cost < self.best - TINY:
            self.best, self.rows = draft.cost, draft.copy_rows()
            self.report(News(cost=self.best, rows=self.arrays.to_roster(self.rows)))

    def tell_bound(self, bound: float) -> None:
        """Tell the parent of a better bound."""
        if bound > self.bound:
            self.bound = bound
            self.report(News(bound=bound))

    def listen(self) -> bool:
        """Take better rosters of the other child; whether there was one."""
        heard = False
        for news in self.inbox():
            if news.rows is not None and news.cost is not None and news.cost < self.best - TINY:
                self.rows = [row for row in self.arrays.to_rows(news.rows) if row is not None]
                self.best = news.cost
                heard = True
            if news.bound is not None:
                self.bound = max(self.bound, news.bound)
        return heard

    @property
    def finished(self) -> bool:
        """Out of time, or proven that nothing is better."""
        return self.left() <= 0 or self.best <= self.bound + 1e-6 * max(1.0, abs(self.bound))


def run(desk: Desk) -> None:
    """Work until the time is over or the best roster is proven to be best."""
    search = Search(desk.arrays, desk.finder, desk.order.seed, desk.clock)
    draft = search.build(desk.arrays.to_rows(desk.order.start or {}))
    if draft is None:
        return
    desk.better(draft)
    search.polish(draft)
    desk.better(draft)
    if desk.order.role == "columns":
        by_columns(desk, search)
    else:
        by_search(desk, search)


def by_search(desk: Desk, search: Search) -> None:
    """Annealing in rounds that get longer; every other one begins at the best roster known, the others where the last ended."""
    length, again = desk.order.seconds / 12, True
    draft = Draft(desk.arrays, desk.finder, desk.rows)
    while not desk.finished:
        desk.listen()
        if again:
            draft = Draft(desk.arrays, desk.finder, desk.rows)
        search.run(draft, min(desk.until, desk.clock() + length), desk.better)
        length, again = length * 1.5, not again


def by_columns(desk: Desk, search: Search) -> None:
    """A pool from search, prices and a bound, dives, and then a few people at a time, more of them as time allows."""
    from scheduler.rosters.engine.columns import Columns

    columns = Columns(desk.arrays, desk.finder, desk.order.seed, desk.clock, desk.tell_bound)
    columns.know(desk.rows)
    begin = desk.clock()

    def keep(draft: Draft) -> None:
        desk.better(draft)
        columns.know(draft.copy_rows())

    search.run(Draft(desk.arrays, desk.finder, desk.rows), begin + FIRST_SEARCH * (desk.until - begin), keep)
    columns.relax(begin + RELAX * (desk.until - begin))
    if desk.finished:
        return
    rows = columns.dive(min(desk.until, desk.clock() + DIVE * (desk.until - begin)), 0.6)
    if rows is not None:
        draft = Draft(desk.arrays, desk.finder, rows)
        search.polish(draft)
        keep(draft)
    Rerostering(desk, columns, search).run()


class Rerostering:
    """Re-rosters a few people at a time; the number grows while the questions are settled quickly."""

    def __init__(self, desk: Desk, columns: object, search: Search) -> None:
        from scheduler.rosters.engine.columns import Columns

        if not isinstance(columns, Columns):
            raise TypeError("columns expected")
        self._desk, self._columns, self._search = desk, columns, search
        people = desk.arrays.people
        self._size = float(min(people, 12))
        self._tries = np.zeros(people)
        self._seconds = min(10.0, max(1.0, desk.order.seconds / 30))

    def run(self) -> None:
        """Until time is over or everybody together cannot do better."""
        desk, people = self._desk, self._desk.arrays.people
        draft = Draft(desk.arrays, desk.finder, desk.rows)
        stale = 0
        while not desk.finished:
            if stale >= STALE:
                stale = 0
                draft = self._drifted()
            if desk.listen():
                draft = Draft(desk.arrays, desk.finder, desk.rows)
                self._columns.know(desk.rows)
                self._tries[:] = 0
            chosen = self._choose(draft, min(people, int(self._size)))
            began = desk.clock()
            answer = self._columns.reroster(draft, chosen, desk.until, self._seconds)
            spent = desk.clock() - began
            if answer:
                self._search.polish(draft)
                desk.better(draft)
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
                self._size = float(min(people, 8))

    def _drifted(self) -> Draft:
        """The best roster, changed a little where that costs little."""
        desk = self._desk
        draft = Draft(desk.arrays, desk.finder, desk.rows)
        self._search.run(draft, min(desk.until, desk.clock() + self._seconds), desk.better, DRIFT)
        self._columns.know(draft.copy_rows())
        self._tries[:] = 0
        return draft

    def _choose(self, draft: Draft, count: int) -> list[int]:
        """People to take: by lot, around a line that costs, or alike; those tried seldom rather than often."""
        arrays, dice = self._desk.arrays, self._desk.dice
        weight = np.exp(-0.7 * (self._tries - self._tries.min()))
        way = int(dice.integers(3))
        if way == 1:
            cost = arrays.table[np.arange(len(draft.present)), draft.present] - arrays.table.min(axis=1)
            for line in dice.choice(len(cost), 3, p=cost / cost.sum()) if cost.sum() > 0 else []:
                weight = weight * np.where(self._search.able(int(line)), 3.0, 1.0)
        elif way == 2:
            able = arrays.allowed.any(axis=1).astype(np.float64)
            like: Floats = (able * able[int(dice.integers(arrays.people))]).sum(axis=1)
            weight = weight * (0.05 + like / max(1.0, like.max())) ** 3
        return sorted(int(p) for p in dice.choice(arrays.people, count, replace=False, p=weight / weight.sum()))
