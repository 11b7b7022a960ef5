"""What a child works on: the problem in arrays, the best roster so far, and the lines to and from the parent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from scheduler.rosters.engine import arrays as prepare
from scheduler.rosters.engine.arrays import Arrays, Row
from scheduler.rosters.engine.draft import Draft
from scheduler.rosters.engine.messages import News, Order
from scheduler.rosters.engine.rows import RowFinder
from scheduler.rosters.engine.search import TINY

PAUSE = 5e-5
"""Seconds for each cell of the roster between two that the parent is told of."""


@dataclass
class Work:
    """One order while a child works on it."""

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
    _told: float = field(default=-np.inf, init=False)
    _unsaid: bool = field(default=False, init=False)

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
            self._unsaid = True
            self.say()

    def say(self, *, last: bool = False) -> None:
        """Tell the parent of the best roster, of a large one not too often: the parent judges each."""
        pause = PAUSE * self.arrays.people * self.arrays.days
        if self._unsaid and (last or self.clock() >= self._told + pause):
            self._unsaid, self._told = False, self.clock()
            self.report(News(cost=self.best, rows=self.arrays.to_roster(self.rows)))

    def tell_bound(self, bound: float) -> None:
        """Tell the parent of a better bound."""
        if bound > self.bound:
            self.bound = bound
            self.report(News(bound=bound))

    def listen(self) -> bool:
        """Take better rosters of the other child; whether there was one."""
        self.say()
        heard = False
        for news in self.inbox():
            if news.rows is not None and news.cost is not None and news.cost < self.best - TINY:
                self.rows = [row for row in self.arrays.to_rows(news.rows) if row is not None]
                self.best = news.cost
                heard, self._unsaid = True, False
            if news.bound is not None:
                self.bound = max(self.bound, news.bound)
        return heard

    @property
    def finished(self) -> bool:
        """Out of time, or proven that nothing is better."""
        return self.left() <= 0 or self.best <= self.bound + 1e-6 * max(1.0, abs(self.bound))
