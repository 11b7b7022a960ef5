"""A plan while it is being changed: each person's work in order, and whether one more leg fits. The greedy plan and the repair stand on it.

It keeps the limits step by step; the verdict on a whole plan is ``checker``'s, which shares nothing with it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from scheduler.plans.checker import Fault
from scheduler.plans.problem import DAYS_A_WEEK, NOBODY, Ints, Problem

Piece = tuple[int, int, int, int]
"""Start, minutes, end of the owed break, and the leg (below 0: fixed work)."""


@dataclass(frozen=True)
class Obstacle:
    """What keeps a person from a leg: the rule, and the numbers behind it."""

    fault: Fault
    legs: tuple[int, ...]
    """Legs of the plan that stand in the way; below 0 fixed work."""
    amount: int = 0
    limit: int = 0


class Ledger:
    """Who does what; every change keeps each hard rule if ``obstacle`` was asked before."""

    def __init__(self, problem: Problem, chosen: Ints | None = None) -> None:
        self.problem = problem
        self.chosen: list[int] = [NOBODY] * len(problem.leg_way)
        self.load = problem.earlier.copy()
        self._work: list[list[Piece]] = [[] for _ in problem.people]
        self._days: list[dict[int, int]] = [defaultdict(int) for _ in problem.people]
        self._weeks: list[dict[int, int]] = [defaultdict(int) for _ in problem.people]
        self._cases: dict[tuple[int, int], int] = defaultdict(int)
        self._start = problem.leg_start.tolist()
        self._minutes = problem.leg_minutes.tolist()
        self._until = problem.leg_until.tolist()
        self._day = problem.leg_day.tolist()
        self._case = problem.case[problem.leg_booking].tolist()
        self._person = problem.opt_person.tolist()
        self._day_limit = problem.day_limit.tolist()
        self._week_limit = problem.week_limit.tolist()
        self._shared = problem.shared_case.tolist()
        fixed = problem.fixed
        days = problem.day(fixed.start).tolist()
        for row, (who, start, minutes, until, case) in enumerate(
            zip(
                fixed.person.tolist(),
                fixed.start.tolist(),
                fixed.minutes.tolist(),
                fixed.until.tolist(),
                fixed.case.tolist(),
                strict=True,
            )
        ):
            self._enter(who, (start, minutes, until, -1 - row), days[row], case, 1)
        if chosen is not None:
            for leg in np.flatnonzero(chosen >= 0).tolist():
                self.put(leg, int(chosen[leg]))

    def put(self, leg: int, option: int) -> None:
        """Give a leg, that nobody has, to the option's person."""
        self.chosen[leg] = option
        piece = (self._start[leg], self._minutes[leg], self._until[leg], leg)
        self._enter(self._person[option], piece, self._day[leg], self._case[leg], 1)

    def take(self, leg: int) -> None:
        """Take a leg away from whoever has it."""
        option = self.chosen[leg]
        self.chosen[leg] = NOBODY
        piece = (self._start[leg], self._minutes[leg], self._until[leg], leg)
        self._enter(self._person[option], piece, self._day[leg], self._case[leg], -1)

    def _enter(self, who: int, piece: Piece, day: int, case: int, sign: int) -> None:
        work, minutes = self._work[who], sign * piece[1]
        if sign > 0:
            insort(work, piece)
        else:
            work.remove(piece)
        self._days[who][day] += minutes
        self._weeks[who][day // DAYS_A_WEEK] += minutes
        self.load[who] += minutes
        if case >= 0:
            self._cases[case, who] += sign

    def obstacle(self, who: int, leg: int) -> Obstacle | None:
        """The first rule that keeps this person from one more leg, or none."""
        start, minutes, until, day = self._start[leg], self._minutes[leg], self._until[leg], self._day[leg]
        if self._days[who][day] + minutes > self._day_limit[who]:
            legs = tuple(p[3] for p in self._work[who] if p[3] < 0 or self._day[p[3]] == day)
            return Obstacle(Fault.DAY, legs, self._days[who][day] + minutes, self._day_limit[who])
        week = day // DAYS_A_WEEK
        if self._weeks[who][week] + minutes > self._week_limit[who]:
            legs = tuple(p[3] for p in self._work[who] if p[3] < 0 or self._day[p[3]] // DAYS_A_WEEK == week)
            return Obstacle(Fault.WEEK, legs, self._weeks[who][week] + minutes, self._week_limit[who])
        work = self._work[who]
        limits = self.problem.limits
        reach = max(limits.window, 1440)
        first = bisect_left(work, (start - reach, 0, 0, -(10**9)))
        near = [piece for piece in work[first:] if piece[0] < until + limits.window]
        inside = tuple(piece[3] for piece in near if piece[0] < until and start < piece[2])
        if inside:
            return Obstacle(Fault.OVERLAP, inside)
        mine = (start, minutes, until, leg)
        near = sorted([*near, mine])
        for anchor in near:
            begin, end = anchor[0], anchor[0] + limits.window
            if begin >= start + minutes or end <= start:
                continue
            total = sum(max(0, min(p[0] + p[1], end) - max(p[0], begin)) for p in near)
            if total > limits.window_most:
                legs = tuple(p[3] for p in near if p[0] < end and p[0] + p[1] > begin and p is not mine)
                return Obstacle(Fault.WINDOW, legs, total, limits.window_most)
        return None

    def added(self, leg: int, options: Ints) -> Ints:
        """What each of these options of the leg would add to the cost: its own, load and a new face in the case."""
        problem = self.problem
        who = problem.opt_person[options]
        before = self.load[who]
        after = before + self._minutes[leg]
        cost = problem.opt_cost[options].copy()
        for mark, price in zip(problem.marks, problem.prices.band, strict=True):
            cost += price * (np.maximum(after - mark, 0) - np.maximum(before - mark, 0))
        case = self._case[leg]
        if case >= 0 and self._shared[case]:
            known = [not self._cases.get((case, person), 0) for person in who.tolist()]
            cost += problem.prices.another * np.array(known, dtype=np.int64)
        return cost

    def work_of(self, who: int) -> list[Piece]:
        """The person's work by start."""
        return list(self._work[who])

    def plan(self) -> Ints:
        """The plan as it stands."""
        return np.array(self.chosen, dtype=np.int64)
