"""Annealing of a whole plan in a solving child: bookings that get in each other's way are taken out and put back elsewhere.

For plans that are too large for programs: where windows of a few days solved exactly gain little, this moves a hundred thousand
bookings in a few seconds. It proves nothing. Ruin and recreate after Christiaens and Vanden Berghe, "Slack induction by string
removals for vehicle routing problems" (2020), with cases and people's days in the place of routes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scheduler.plans.anneal_kernel import anneal
from scheduler.plans.packing import COLUMNS
from scheduler.plans.problem import NOBODY, Ints, Problem

SIZE, BLINK = 4.0, 0.01
"""Bookings taken out at once, about; and the chance to overlook a good place."""
COLD = 5.0
"""Tenths of a point that a plan may get worse at the end, about."""
ROUNDS = 4_000
"""Between two looks at the time."""
PIECES = 96
"""Legs that one person may have, more than any month holds."""


class Annealing:
    """A plan that gets better. Not for two threads at once."""

    def __init__(self, problem: Problem, chosen: Ints, seed: int, hot: float) -> None:
        """``chosen``: an allowed plan to begin with; ``hot``: tenths of a point that it may get worse at the beginning, about."""
        self._problem, self._seed, self._hot = problem, seed, hot
        order = np.lexsort((problem.opt_person, problem.opt_leg))
        self._order = order
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        self._chosen: Ints = np.where(chosen >= 0, place[np.maximum(chosen, 0)], NOBODY)
        opt_person, opt_cost = problem.opt_person[order], problem.opt_cost[order]
        fixed = problem.fixed
        minutes = np.concatenate([problem.leg_minutes, fixed.minutes])
        legs, bookings, people = len(problem.leg_way), len(problem.bookings), len(problem.people)
        most = int(np.bincount(fixed.person, minlength=people).max(initial=0))
        work = np.full((people, PIECES + most), NOBODY, dtype=np.int64)
        count, load = np.zeros(people, dtype=np.int64), problem.earlier.copy()
        served = np.full(bookings, NOBODY, dtype=np.int64)
        taken = np.flatnonzero(chosen >= 0)
        served[problem.leg_booking[taken]] = problem.leg_way[taken]
        pieces = [*((int(who), legs + row) for row, who in enumerate(fixed.person))]
        pieces += [(int(problem.opt_person[chosen[leg]]), int(leg)) for leg in taken]
        for who, piece in pieces:
            work[who, count[who]] = piece
            count[who] += 1
            load[who] += minutes[piece]
        cheapest = np.zeros(legs, dtype=np.int64)
        filled = np.flatnonzero(np.diff(problem.leg_ptr))
        if len(filled):
            cheapest[filled] = np.minimum.reduceat(opt_cost, problem.leg_ptr[filled])
        cases = len(problem.shared_case)
        members, members_ptr = _grouped(problem.case, cases)
        case_legs, case_ptr = _grouped(problem.case[problem.leg_booking], cases)
        met_rows, met_ptr = _grouped(fixed.case, cases)
        choices = np.bincount(problem.leg_booking[problem.opt_leg], minlength=bookings).astype(np.int64)
        self._state = (
            np.concatenate([problem.leg_start, fixed.start]), minutes,
            np.concatenate([problem.leg_until, fixed.until]),
            np.concatenate([problem.leg_day, problem.day(fixed.start)]), work, count, load,
            problem.day_limit, problem.week_limit, problem.limits.window, problem.limits.window_most,
            np.array(problem.marks, dtype=np.int64), np.array(problem.prices.band, dtype=np.int64),
            problem.booking_ptr, problem.way_ptr, problem.way_cost, problem.leg_ptr, opt_person, opt_cost, cheapest,
            choices, problem.leg_booking, problem.weight, problem.case, problem.shared_case.astype(np.int64),
            problem.prices.another, case_ptr, case_legs, members_ptr, members, met_ptr, fixed.person[met_rows],
            self._chosen, served,
        )  # fmt: skip
        self.change = 0
        """What the plan costs more than the one it began with (less: negative)."""

    @property
    def plan(self) -> Ints:
        """The plan as it stands."""
        return np.where(self._chosen >= 0, self._order[np.maximum(self._chosen, 0)], NOBODY)

    def run(self, share: Callable[[], float], report: Callable[[Ints], None]) -> None:
        """Until ``share`` of the time (0 to 1) is 1; ``report`` is called with plans that are better than those before."""
        best, turn = 0, 0
        while (gone := share()) < 1:
            hot, cold = (self._hot * (COLD / self._hot) ** gone,) * 2
            self.change += int(anneal(self._seed + turn, ROUNDS, hot, cold, SIZE, BLINK, *self._state))
            turn += 1
            if self.change < best:
                best = self.change
                report(self.plan)


def _grouped(group: NDArray[np.int64], groups: int) -> tuple[Ints, Ints]:
    """Members of each group (below 0: of none) one after the other, and where each group begins."""
    order = np.argsort(group, kind="stable").astype(np.int64)
    order = order[group[order] >= 0]
    return order, np.searchsorted(group[order], np.arange(groups + 1)).astype(np.int64)


def compile_ahead() -> None:
    """Go once through the compiled functions: ``python -m scheduler.plans.anneal`` after installing, so that no search waits for it."""
    one = np.ones(1, dtype=np.int64)
    none = np.zeros(1, dtype=np.int64)
    names: dict[str, Any] = dict.fromkeys(COLUMNS, none)
    names.update(weight=1000 * one, leg_place=one, leg_minutes=60 * one, leg_until=70 * one)
    names.update(day_limit=240 * one, week_limit=600 * one, day_of=np.arange(0, 14_400, 1_440, dtype=np.int64))
    problem = Problem(origin=datetime.min.replace(tzinfo=UTC), bookings=["0"], people=["0"], marks=(0, 0), **names)
    share = iter((0.5, 1.0))
    Annealing(problem, np.zeros(1, dtype=np.int64), 1, 200.0).run(share.__next__, lambda _: None)


if __name__ == "__main__":
    compile_ahead()
