"""The plan as rows and columns for a solver, built in whole arrays; and a lower bound of our own from the rows' prices.

Columns: one per option (whole), then for each relay, each booking's absence, each person's two bands of load, and each
(case, person). Rows say: each booking once, both legs of a relay, one place at a time, no full stretch, day, week, load, case.
No solver is imported here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from scheduler.plans.problem import DAYS_A_WEEK, NOBODY, Ints, Problem

Reals = NDArray[np.float64]
_SHIFT = 2**32
_WIDE = 10**9
_AT_MOST = (1, 2)
"""Rows that say: of work longer than a half or a third of the day's limit at most one or two pieces."""


@dataclass(frozen=True)
class Rows:
    """Some rows: coordinates of their entries from row 0, and their upper ends."""

    row: Ints
    col: Ints
    value: Ints
    upper: Ints
    equal: bool = False

    @property
    def count(self) -> int:
        return len(self.upper)


class Model:
    """min cost x, rows lower <= A x <= upper, 0 <= x <= width; ``whole`` columns are integers. Scaled in tenths."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        options, ways, bookings, people = (
            len(problem.opt_leg),
            len(problem.way_booking),
            len(problem.bookings),
            len(problem.people),
        )
        way_legs = np.diff(problem.way_ptr)
        self.pairs = np.flatnonzero(way_legs > 1)
        """Ways of more than one leg."""
        self.at_relay = options
        self.at_absent = self.at_relay + len(self.pairs)
        self.at_band = self.at_absent + bookings
        self.at_case = self.at_band + 2 * people
        self.opt_way = problem.leg_way[problem.opt_leg]
        self.single = way_legs[self.opt_way] == 1 if ways else np.zeros(0, dtype=np.bool_)
        self.opt_booking = problem.way_booking[self.opt_way]
        cost = [problem.opt_cost + np.where(self.single, problem.way_cost[self.opt_way], 0)]
        cost += [problem.way_cost[self.pairs], problem.weight]
        one, two = problem.prices.band
        cost.append(np.repeat([one, one + two], people))
        self._shared_rows(cost)
        self.cost = np.concatenate(cost)
        self.width = np.ones(len(self.cost), dtype=np.int64)
        self.width[self.at_band + people : self.at_case] = _WIDE
        self.whole = np.arange(len(self.cost)) < options
        self._build()

    def _shared_rows(self, cost: list[Ints]) -> None:
        """Columns for (case, person) where one person could take several bookings of the case; else the cost is plain."""
        problem = self.problem
        fixed = problem.fixed
        case = problem.case[self.opt_booking]
        shared = np.append(problem.shared_case, False)[case]
        met = np.isin(case * _SHIFT + problem.opt_person, (fixed.case * _SHIFT + fixed.person)[fixed.case >= 0])
        wants = shared & ~met
        key = (case * _SHIFT + problem.opt_person)[wants]
        _, place, counts = np.unique(key, return_inverse=True, return_counts=True)
        rows = np.flatnonzero(wants)
        lone = counts[place] == 1
        cost[0][rows[lone]] += problem.prices.another
        self.case_option = rows[~lone]
        several, self.case_column = np.unique(place[~lone], return_inverse=True)
        self.case_count = len(several)
        cost.append(np.full(self.case_count, problem.prices.another, dtype=np.int64))

    def _build(self) -> None:
        problem = self.problem
        bookings = len(problem.bookings)
        all_bookings = np.arange(bookings)
        single = np.flatnonzero(self.single)
        once = Rows(
            np.concatenate([self.opt_booking[single], problem.way_booking[self.pairs], all_bookings]),
            np.concatenate([single, self.at_relay + np.arange(len(self.pairs)), self.at_absent + all_bookings]),
            np.ones(len(single) + len(self.pairs) + bookings, dtype=np.int64),
            np.ones(bookings, dtype=np.int64),
            equal=True,
        )
        pair_legs = np.flatnonzero(np.diff(problem.way_ptr)[problem.leg_way] > 1)
        leg_row = np.full(len(problem.leg_way), NOBODY, dtype=np.int64)
        leg_row[pair_legs] = np.arange(len(pair_legs))
        paired = np.flatnonzero(~self.single)
        relay = Rows(
            np.concatenate([leg_row[problem.opt_leg[paired]], np.arange(len(pair_legs))]),
            np.concatenate([paired, self.at_relay + np.searchsorted(self.pairs, problem.leg_way[pair_legs])]),
            np.concatenate([np.ones(len(paired), dtype=np.int64), np.full(len(pair_legs), -1, dtype=np.int64)]),
            np.zeros(len(pair_legs), dtype=np.int64),
            equal=True,
        )
        work = _Work(problem)
        sums = stretches, days, weeks = work.stretches(), work.days(), work.weeks()
        few = [work.days_at_most(most) for most in _AT_MOST]
        sets = [once, relay, work.places(), work.long_places()]
        self.parts = [*sets, stretches, days, *few, weeks, self._load(), self._case()]
        offset = np.cumsum([0, *(part.count for part in self.parts)])
        row = np.concatenate([part.row + at for part, at in zip(self.parts, offset, strict=False)])
        col = np.concatenate([part.col for part in self.parts])
        value = np.concatenate([part.value for part in self.parts])
        fixed_col = col >= len(self.cost)
        self.upper = np.concatenate([part.upper for part in self.parts])
        # Work that stands already takes its share of each limit; where it alone is over, nothing is added.
        taken = np.bincount(row[fixed_col], weights=value[fixed_col], minlength=len(self.upper)).astype(np.int64)
        self.upper = np.where(taken > 0, np.maximum(self.upper - taken, 0), self.upper)
        keep = ~fixed_col
        self.equal = np.concatenate([np.full(part.count, part.equal) for part in self.parts])
        shape = (len(self.upper), len(self.cost))
        self.matrix = sparse.csc_matrix((value[keep].astype(np.float64), (row[keep], col[keep])), shape=shape)
        self.load_at, self.case_at = int(offset[-3]), int(offset[-2])
        self.sums = np.repeat(
            [any(part is each for each in sums) for part in self.parts], [part.count for part in self.parts]
        )
        """Rows that add up minutes of a stretch, a day or a week: most of all entries, and seldom of any weight."""

    def _load(self) -> Rows:
        problem, people = self.problem, len(self.problem.people)
        who = np.arange(people)
        done = problem.earlier + np.bincount(problem.fixed.person, problem.fixed.minutes, people).astype(np.int64)
        low, high = problem.marks
        self.width[self.at_band : self.at_band + people] = np.maximum(high - np.maximum(low, done), 0)
        return Rows(
            np.concatenate([problem.opt_person, who, who]),
            np.concatenate([np.arange(len(problem.opt_leg)), self.at_band + who, self.at_band + people + who]),
            np.concatenate([problem.leg_minutes[problem.opt_leg], np.full(2 * people, -1, dtype=np.int64)]),
            np.maximum(low - done, 0),
        )

    def _case(self) -> Rows:
        rows = np.arange(len(self.case_option))
        return Rows(
            np.concatenate([rows, rows]),
            np.concatenate([self.case_option, self.at_case + self.case_column]),
            np.concatenate([np.ones(len(rows), dtype=np.int64), np.full(len(rows), -1, dtype=np.int64)]),
            np.zeros(len(rows), dtype=np.int64),
        )

    @cached_property
    def base(self) -> int:
        """What fixed work costs whatever is planned: its load above the marks, its people in their cases."""
        problem = self.problem
        done = problem.earlier + np.bincount(problem.fixed.person, problem.fixed.minutes, len(problem.people)).astype(
            np.int64
        )
        cost = sum(
            price * int(np.maximum(done - mark, 0).sum())
            for mark, price in zip(problem.marks, problem.prices.band, strict=True)
        )
        fixed = problem.fixed
        inside = fixed.case >= 0
        inside[inside] = problem.shared_case[fixed.case[inside]]
        return cost + problem.prices.another * len(np.unique((fixed.case * _SHIFT + fixed.person)[inside]))

    def columns(self, chosen: Ints) -> Reals:
        """All columns of a plan, the dependent ones too: a complete start for a solver."""
        options = np.zeros(self.at_relay)
        options[chosen[chosen >= 0]] = 1
        return self.complete(options)

    def complete(self, options: Reals) -> Reals:
        """All columns where so much (0 to 1) of each option is taken."""
        problem, people = self.problem, len(self.problem.people)
        x = np.zeros(len(self.cost))
        x[: self.at_relay] = options
        legs = np.bincount(problem.opt_leg, options, len(problem.leg_way))
        ways = legs[problem.way_ptr[:-1]]
        x[self.at_relay : self.at_absent] = ways[self.pairs]
        served = np.bincount(problem.way_booking, ways, len(problem.bookings))
        x[self.at_absent : self.at_band] = np.clip(1 - served, 0, 1)
        load = np.bincount(problem.opt_person, options * problem.leg_minutes[problem.opt_leg], people)
        over = np.maximum(load - self.upper[self.load_at : self.load_at + people], 0)
        first_band = np.minimum(over, self.width[self.at_band : self.at_band + people])
        x[self.at_band : self.at_band + people] = first_band
        x[self.at_band + people : self.at_case] = over - first_band
        np.maximum.at(x, self.at_case + self.case_column, options[self.case_option])
        return x

    def plan(self, x: Reals) -> Ints:
        """The plan that whole columns say."""
        chosen = self.problem.nobody()
        taken = np.flatnonzero(x[: self.at_relay] > 0.5)
        chosen[self.problem.opt_leg[taken]] = taken
        return chosen

    def clip(self, prices: Reals) -> Reals:
        """Prices made fit for a bound: right sign, and neither load nor case worth more than they cost."""
        y = np.where(self.equal, prices, np.minimum(prices, 0.0))
        load = slice(self.load_at, self.case_at)
        y[load] = np.maximum(y[load], -float(sum(self.problem.prices.band)))
        given = np.bincount(self.case_column, -y[self.case_at :], self.case_count)
        share = np.minimum(1.0, self.problem.prices.another / np.maximum(given, 1e-9))
        y[self.case_at :] *= share[self.case_column]
        return y

    def price(self, prices: Reals) -> tuple[float, Reals]:
        """A lower bound from prices of the rows, and per option how much worse than its booking's best its way is.

        Any prices give a valid bound (weak duality): they are clipped to their sign, every column is looked at, and the
        choice of one way per booking is solved exactly. ``prices`` in solver's sign: <= 0 on rows with an upper end.
        """
        y = self.clip(np.where(self.equal, 0.0, prices))
        reduced = self.cost - self.matrix.T @ y
        total = float(self.upper @ y) + self.base
        dependent = reduced[self.at_band :]
        total += float((np.minimum(dependent, 0) * self.width[self.at_band :]).sum())
        options, legs, ways, best = self._choose(reduced[: self.at_relay])
        total += float(best.sum())
        slack = options - legs[self.problem.opt_leg] + ways[self.opt_way] - best[self.opt_booking]
        return total, slack

    def booking_prices(self, prices: Reals) -> Reals:
        """Each booking's part of the bound that :meth:`price` gives."""
        y = self.clip(np.where(self.equal, 0.0, prices))
        return self._choose((self.cost - self.matrix.T @ y)[: self.at_relay])[3]

    def _choose(self, options: Reals) -> tuple[Reals, Reals, Reals, Reals]:
        """Cheapest option of each leg, price of each way, cheapest way (or nobody) of each booking."""
        problem = self.problem
        legs = np.full(len(problem.leg_way), np.inf)
        filled = np.flatnonzero(np.diff(problem.leg_ptr))
        if len(filled):
            legs[filled] = np.minimum.reduceat(options, problem.leg_ptr[filled])
        ways = np.add.reduceat(legs, problem.way_ptr[:-1]) if len(problem.way_booking) else np.zeros(0)
        ways[self.pairs] += problem.way_cost[self.pairs]
        best = problem.weight.astype(np.float64)
        np.minimum.at(best, problem.way_booking, ways)
        return options, legs, ways, best


class _Work:
    """Options and fixed work of everybody in the order of time; fixed work has columns beyond the model's."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        fixed, leg = problem.fixed, problem.opt_leg
        person = np.concatenate([problem.opt_person, fixed.person])
        start = np.concatenate([problem.leg_start[leg], fixed.start])
        order = np.lexsort((start, person))
        self.person, self.start = person[order], start[order]
        self.minutes = np.concatenate([problem.leg_minutes[leg], fixed.minutes])[order]
        self.until = np.concatenate([problem.leg_until[leg], fixed.until])[order]
        self.column = np.where(order < len(leg), order, order + _SHIFT)
        self.keys = self.person * _SHIFT + self.start

    def places(self) -> Rows:
        """Nobody is in two places: the largest sets of work that share a moment, breaks included."""
        return self._sets(np.arange(len(self.keys)), self.until)

    def long_places(self) -> Rows:
        """Two pieces that are together too long for a stretch keep apart by what is left of it: tighter than the sums.

        With limits (300, 240), a before b: both are too much if s_b < e_a + 60 and m_a + m_b > 240.
        """
        limits = self.problem.limits
        long = np.flatnonzero(2 * self.minutes > limits.window_most)
        apart = self.start + self.minutes + limits.window - limits.window_most
        return self._sets(long, np.maximum(self.until, apart))

    def _sets(self, chosen: Ints, until: Ints) -> Rows:
        """Rows of the largest sets among ``chosen`` of which no two go together, each busy until ``until``."""
        keys, person, start, until = self.keys[chosen], self.person[chosen], self.start[chosen], until[chosen]
        here = np.arange(len(chosen))
        piece, anchor = _spread(here, np.searchsorted(keys, person * _SHIFT + until, side="left"))
        keep = np.append(keys[1:] != keys[:-1], True)[: len(keys)]
        # A set counts only if somebody in it is done before the next work begins: else the next set contains it.
        first_end = np.full(len(here), _WIDE, dtype=np.int64)
        np.minimum.at(first_end, anchor, until[piece])
        following = np.append(np.where(person[1:] == person[:-1], start[1:], _WIDE), _WIDE)[: len(here)]
        keep &= first_end <= following
        keep &= np.bincount(anchor, minlength=len(here)) > 1
        return self._rows(chosen[piece], anchor, np.ones(len(piece), dtype=np.int64), keep, 1)

    def stretches(self) -> Rows:
        """No stretch of the limit's length holds more work than allowed; it is enough to look where work begins."""
        limits = self.problem.limits
        base = self.person * _SHIFT
        low = np.searchsorted(self.keys, base + self.start - limits.window, side="right")
        high = np.searchsorted(self.keys, base + self.start + self.minutes, side="left")
        piece, anchor = _spread(low, high)
        shared = np.minimum(self.start[piece] + self.minutes[piece], self.start[anchor] + limits.window)
        shared -= np.maximum(self.start[piece], self.start[anchor])
        total = np.bincount(anchor, shared, len(self.keys))
        keep = np.append(self.keys[1:] != self.keys[:-1], True)[: len(self.keys)] & (total > limits.window_most)
        return self._rows(piece, anchor, shared, keep, limits.window_most)

    def days(self) -> Rows:
        return self._spans(self.problem.day(self.start), self.problem.day_limit)

    def days_at_most(self, most: int) -> Rows:
        """Of pieces longer than 1/(most + 1) of the day's limit at most ``most``: tighter than the sum of minutes."""
        day = self.problem.day(self.start)
        large = np.flatnonzero((most + 1) * self.minutes > self.problem.day_limit[self.person])
        _, anchor = np.unique(self.person[large] * _SHIFT + day[large], return_inverse=True)
        count = int(anchor.max(initial=-1)) + 1
        keep = np.bincount(anchor, minlength=count) > most
        return self._rows(large, anchor, np.ones(len(large), dtype=np.int64), keep, most)

    def weeks(self) -> Rows:
        return self._spans(self.problem.day(self.start) // DAYS_A_WEEK, self.problem.week_limit)

    def _spans(self, span: Ints, limit: Ints) -> Rows:
        _, anchor = np.unique(self.person * _SHIFT + span, return_inverse=True)
        count = int(anchor.max(initial=-1)) + 1
        who = np.zeros(count, dtype=np.int64)
        who[anchor] = self.person
        total = np.bincount(anchor, self.minutes, count)
        keep = total > limit[who]
        piece = np.arange(len(anchor))
        return self._rows(piece, anchor, self.minutes, keep, limit[who])

    def _rows(self, piece: Ints, anchor: Ints, value: Ints, keep: NDArray[np.bool_], upper: Ints | int) -> Rows:
        number = np.cumsum(keep) - 1
        used = keep[anchor]
        ends = np.broadcast_to(upper, keep.shape)[keep].astype(np.int64)
        return Rows(number[anchor[used]], self.column[piece[used]], value[used], ends)


def _spread(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """All (piece, anchor) with low <= anchor < high."""
    counts = np.maximum(high - low, 0)
    piece = np.repeat(np.arange(len(counts)), counts)
    begin = np.cumsum(counts) - counts
    return piece, np.arange(len(piece)) - np.repeat(begin, counts) + np.repeat(low, counts)
