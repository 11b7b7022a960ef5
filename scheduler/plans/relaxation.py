"""The relaxation of a plan: prices of all rows, what they prove, how good each option is by them, how much of each it takes.

A plan of some weeks is relaxed in one piece. A large one is relaxed week by week, which is much quicker; everybody's fair load is
shared out among the weeks by guess at first, and then as the weeks before used it. From there the prices of everything climb
together (:mod:`scheduler.plans.ascent`): weeks share load and cases, and what each week pays for them alone proves little.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scheduler.plans.greedy import order, serve
from scheduler.plans.ledger import Ledger
from scheduler.plans.model import Model
from scheduler.plans.parts import Cutter, Piece
from scheduler.plans.problem import DAYS_A_WEEK, Ints, Problem
from scheduler.plans.workers import News

Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]
SMALL = 60_000
"""Columns up to which the relaxation is solved in one piece over all options."""
OF_WEEK, OF_WEEKS = 30, 170_000
"""Options of a leg that the relaxation of a week looks at (the cheapest), and of all weeks together, about."""
USED = 0.95
"""How much of the shares of load in a second round follows what the first has used."""
CLIMBED = 600.0
"""Options that cost so many tenths more than the best by the weeks' prices are left out of the climb."""
TAKEN = 0.02
"""Share from which an option counts as taken: a climb leaves traces of many."""
LIKELY = 0.3
"""Share from which an option is rounded up."""
VAST = 300_000
"""Columns from which the weeks are not asked any more: their prices are hardly better than none, and take long."""
KEEP, OF_LEG = 100.0, 16
"""Options that cost so many tenths more than the best by the prices are not looked at in windows, and so many of a leg at most."""


class Relaxation:
    """What is known so far; better prices replace worse ones."""

    def __init__(self, model: Model, cutter: Cutter, day: Ints) -> None:
        """``day``: day on which each booking begins."""
        self._model, self._cutter, self._day = model, cutter, day
        self.bound = -np.inf
        self.prices: Reals = np.zeros(len(model.upper))
        self.slack: Reals = np.zeros(model.at_relay)
        """How much worse than its booking's best an option is by the prices, in tenths."""
        self.guide: Reals = np.zeros(model.at_relay)
        """How much of each option is taken."""
        self.keep: Flags = np.ones(model.at_relay, dtype=np.bool_)
        """The options that windows should look at."""
        minutes = np.bincount(model.problem.leg_booking, model.problem.leg_minutes, len(day))
        by_week = np.bincount(day // DAYS_A_WEEK, minutes)
        people = len(model.problem.people)
        self._guess: Reals = np.repeat((by_week / max(1.0, by_week.sum()))[:, None], people, axis=1)
        self._share = self._guess
        """Of each week in everybody's fair load (weeks, people)."""

    @property
    def small(self) -> bool:
        """Whether everything is relaxed in one piece."""
        return len(self._model.cost) <= SMALL

    @property
    def vast(self) -> bool:
        """Whether even weeks are too large to be relaxed."""
        return len(self._model.cost) > VAST

    def begin(self, chosen: Ints) -> None:
        """Without prices, from a plan: where a climb can begin."""
        self._judge(np.zeros(len(self._model.upper)), self._model.columns(chosen)[: self._model.at_relay])

    def pieces(self) -> Iterator[tuple[Piece, Flags]]:
        """The pieces that make up everything, and the bookings in each."""
        problem = self._model.problem
        if self.small:
            everything, share = np.ones(len(self._day), dtype=np.bool_), np.ones(len(problem.people))
            yield self._cutter.relaxed(everything, np.ones(len(problem.opt_leg), dtype=np.bool_), share), everything
            return
        keep = _lowest(problem, problem.opt_cost, min(OF_WEEK, max(8, OF_WEEKS // len(problem.leg_way))))
        for week in np.unique(self._day // DAYS_A_WEEK):
            bookings = self._day // DAYS_A_WEEK == week
            yield self._cutter.relaxed(bookings, keep, self._share[week]), bookings

    def learn(self, answers: Sequence[tuple[Piece, Flags, News]]) -> bool:
        """Take the answers of all pieces; false if one of them has none. Prices that prove less than those before are not kept."""
        model, problem = self._model, self._model.problem
        people = len(problem.people)
        prices, weight = np.zeros(len(model.upper)), np.zeros(len(model.upper))
        guide, used = np.zeros(model.at_relay), np.zeros_like(self._guess)
        for piece, bookings, news in answers:
            if news.x is None or news.prices is None:
                return False
            at = piece.columns < model.at_relay
            options, taken = piece.columns[at], news.x[at]
            guide[options] = taken
            load = np.bincount(
                problem.opt_person[options], taken * problem.leg_minutes[problem.opt_leg[options]], people
            )
            used[int(self._day[bookings][0]) // DAYS_A_WEEK] = load
            # a person's load is priced as in the weeks that need the person
            counts = np.ones(len(model.upper))
            counts[model.load_at : model.case_at] = load + 1e-6
            prices[piece.rows] += news.prices * counts[piece.rows]
            weight[piece.rows] += counts[piece.rows]
        prices /= np.where(weight > 0, weight, 1.0)
        total = used.sum(axis=0)
        follow = np.where(total > 0, used / np.maximum(total, 1e-9), self._guess)
        self._share = USED * follow + (1 - USED) * self._guess
        self._judge(prices, guide)
        return True

    def everything(self) -> Piece:
        """All weeks together over the options that may matter, to be climbed from what is known."""
        model = self._model
        keep = (self.slack <= (np.inf if self.vast else CLIMBED)) | (self.guide > TAKEN)
        everybody = np.ones(len(self._day), dtype=np.bool_)
        only = ~model.sums | (self.prices < 0)
        piece = self._cutter.relaxed(everybody, keep, np.ones(len(model.problem.people)), only)
        begin, prices = model.complete(self.guide)[piece.columns], self.prices[piece.rows]
        return Piece(replace(piece.program, begin=begin, prices=prices), piece.columns, piece.rows)

    def climbed(self, piece: Piece, news: News) -> None:
        """Take how far a climb is."""
        if news.x is None or news.prices is None:
            return
        prices, guide = np.zeros(len(self._model.upper)), np.zeros(self._model.at_relay)
        prices[piece.rows] = news.prices
        options = piece.columns < self._model.at_relay
        guide[piece.columns[options]] = news.x[options]
        self._judge(prices, guide)

    def rounded(self) -> Ints:
        """An allowed plan after the shares: direct options by how much of each is taken, then the rest as a greedy plan would."""
        problem, guide = self._model.problem, self.guide
        ledger = Ledger(problem)
        served = np.zeros(len(problem.bookings), dtype=np.bool_)
        likely = np.flatnonzero((guide >= LIKELY) & self._model.single)
        for option in likely[np.argsort(-guide[likely], kind="stable")].tolist():
            leg = int(problem.opt_leg[option])
            booking = int(problem.leg_booking[leg])
            if not served[booking] and ledger.obstacle(int(problem.opt_person[option]), leg) is None:
                ledger.put(leg, option)
                served[booking] = True
        for booking in order(problem).tolist():
            if not served[booking]:
                serve(ledger, booking)
        return ledger.plan()

    def _judge(self, prices: Reals, guide: Reals) -> None:
        bound, slack = self._model.price(prices)
        if bound > self.bound:
            self.bound, self.prices, self.slack, self.guide = bound, prices, slack, guide
            near = (slack <= KEEP) & _lowest(self._model.problem, slack, OF_LEG)
            self.keep = np.asarray(near | (guide > TAKEN))


def _lowest(problem: Problem, value: Reals | Ints, most: int) -> Flags:
    """The options of each leg with the lowest value."""
    order = np.lexsort((value, problem.opt_leg))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - problem.leg_ptr[problem.opt_leg[order]]
    return np.asarray(rank < most)
