"""Somebody drops out: who takes over, in milliseconds, with as few others moved as possible. Pure; nothing is bound here.

First each lost leg goes to whoever is free and cheapest; where nobody is, somebody who is busy hands one other booking on
(an ejection chain). A proposal says what each move costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scheduler.plans.checker import Verdict, check
from scheduler.plans.ledger import Ledger
from scheduler.plans.problem import NOBODY, Ints, Problem

MOST_MOVED = 5
"""Others whose work changes in one proposal, at most."""
MOVE_COST = 600
"""What moving somebody else's agreed work costs in a comparison, in tenths: stability is worth a lot."""
_CANDIDATES = 12
_MAX_EJECTED = 2


@dataclass(frozen=True)
class Change:
    """One leg that goes to somebody else."""

    leg: int
    before: int
    """Person, or -1."""
    after: int
    """Person, or -1: nobody could be found."""
    is_lost: bool
    """Whether it belongs to a booking whose interpreter dropped out; else it is moved to make room."""
    cost: int
    """Tenths that the option costs more than the one before (0 where there was none)."""


@dataclass(frozen=True)
class Proposal:
    """One way out."""

    chosen: Ints
    changes: tuple[Change, ...]
    left_out: tuple[int, ...]
    """Lost bookings that nobody can take."""
    verdict: Verdict

    @property
    def moved(self) -> int:
        """Legs of others that move."""
        return sum(1 for change in self.changes if not change.is_lost)


def repair(
    problem: Problem, current: Ints, absent: frozenset[int], lost: frozenset[int], pinned: frozenset[int] = frozenset()
) -> list[Proposal]:
    """At most two proposals: nobody else moved, and (if that serves more) some others moved.

    ``absent`` are people who dropped out, ``lost`` the legs that they cannot do; ``pinned`` legs stay where they are.
    """
    remaining = current.copy()
    remaining[sorted(lost)] = NOBODY
    # A booking of two legs is served again only as a whole; the other leg stays with its interpreter.
    ledger = Ledger(problem, remaining)
    still = _whole(problem, _fill(ledger, remaining, absent, lost, pinned, 0))
    found = [still]
    if (still[sorted(lost)] == NOBODY).any():
        moved = _whole(problem, _fill(ledger, remaining, absent, lost, pinned, MOST_MOVED))
        if len(_left_out(problem, moved, lost)) < len(_left_out(problem, still, lost)):
            found.append(moved)
    return [_proposal(problem, current, chosen, lost) for chosen in found]


def _fill(
    ledger: Ledger, remaining: Ints, absent: frozenset[int], lost: frozenset[int], pinned: frozenset[int], most: int
) -> Ints:
    """The plan ``remaining`` with as many lost legs filled as can be; the ledger is brought to it first."""
    problem = ledger.problem
    for leg in np.flatnonzero(np.array(ledger.chosen) != remaining).tolist():
        if ledger.chosen[leg] != NOBODY:
            ledger.take(leg)
    for leg in np.flatnonzero(np.array(ledger.chosen) != remaining).tolist():
        ledger.put(leg, int(remaining[leg]))
    sizes = np.diff(problem.leg_ptr)
    order = sorted(lost, key=lambda leg: (-int(problem.weight[problem.leg_booking[leg]]), int(sizes[leg]), leg))
    search = _Search(ledger, absent, pinned, most)
    for leg in order:
        if not search.direct(leg) and most:
            search.eject(leg)
    return ledger.plan()


class _Search:
    """Fills legs one by one within a budget of moves."""

    def __init__(self, ledger: Ledger, absent: frozenset[int], pinned: frozenset[int], most: int) -> None:
        self._ledger, self._absent, self._pinned = ledger, absent, pinned
        self._left = most
        self._moved: set[int] = set()

    def direct(self, leg: int) -> bool:
        """Give the leg to the cheapest who is free."""
        option = self._free(leg)
        if option is None:
            return False
        self._ledger.put(leg, option)
        return True

    def _free(self, leg: int, without: int = NOBODY) -> int | None:
        problem, ledger = self._ledger.problem, self._ledger
        options = np.arange(problem.leg_ptr[leg], problem.leg_ptr[leg + 1])
        if not len(options):
            return None
        for place in np.argsort(ledger.added(leg, options), kind="stable").tolist():
            option = int(options[place])
            who = int(problem.opt_person[option])
            if who not in self._absent and who != without and ledger.obstacle(who, leg) is None:
                return option
        return None

    def eject(self, leg: int) -> bool:
        """Give the leg to somebody busy whose work in the way others can take: the cheapest such exchange."""
        problem, ledger = self._ledger.problem, self._ledger
        options = np.arange(problem.leg_ptr[leg], problem.leg_ptr[leg + 1])
        if not len(options):
            return False
        best: tuple[int, list[tuple[int, int]]] | None = None
        costs = ledger.added(leg, options)
        for place in np.argsort(costs, kind="stable").tolist()[:_CANDIDATES]:
            option = int(options[place])
            found = self._exchange(leg, option)
            if found is None:
                continue
            total = int(costs[place]) + found[0]
            if best is None or total < best[0]:
                best = (total, [(leg, option), *found[1]])
        if best is None:
            return False
        for other, _ in best[1][1:]:
            ledger.take(other)
        for each, option in best[1]:
            ledger.put(each, option)
        fresh = {other for other, _ in best[1][1:]} - self._moved
        self._moved |= fresh
        self._left -= len(fresh)
        return True

    def _exchange(self, leg: int, option: int) -> tuple[int, list[tuple[int, int]]] | None:
        """What it takes that the option's person is free for the leg: others' new options and their cost. Changes nothing."""
        problem, ledger = self._ledger.problem, self._ledger
        who = int(problem.opt_person[option])
        if who in self._absent:
            return None
        taken: list[tuple[int, int]] = []
        try:
            while (obstacle := ledger.obstacle(who, leg)) is not None:
                movable = [
                    other for other in obstacle.legs if other >= 0 and other not in self._pinned and other != leg
                ]
                if not movable or len(taken) >= _MAX_EJECTED:
                    return None
                other = min(movable, key=lambda each: int(problem.leg_minutes[each]))
                taken.append((other, ledger.chosen[other]))
                ledger.take(other)
            if len({other for other, _ in taken} - self._moved) > self._left:
                return None
            ledger.put(leg, option)
            moves: list[tuple[int, int]] = []
            cost = 0
            try:
                for other, before in taken:
                    replacement = self._free(other, without=who)
                    if replacement is None:
                        return None
                    options = np.array([replacement])
                    cost += int(ledger.added(other, options)[0]) - int(problem.opt_cost[before]) + MOVE_COST
                    ledger.put(other, replacement)
                    moves.append((other, replacement))
                return cost, moves
            finally:
                for other, _ in moves:
                    ledger.take(other)
                ledger.take(leg)
        finally:
            for other, before in reversed(taken):
                ledger.put(other, before)


def _left_out(problem: Problem, chosen: Ints, lost: frozenset[int]) -> tuple[int, ...]:
    return tuple(sorted({int(problem.leg_booking[leg]) for leg in lost if chosen[leg] == NOBODY}))


def _proposal(problem: Problem, current: Ints, chosen: Ints, lost: frozenset[int]) -> Proposal:
    hit = {int(problem.leg_booking[leg]) for leg in lost}
    changes = []
    for leg in np.flatnonzero(chosen != current).tolist():
        before, after = int(current[leg]), int(chosen[leg])
        extra = int(problem.opt_cost[after]) - int(problem.opt_cost[before]) if before >= 0 and after >= 0 else 0
        changes.append(
            Change(
                leg,
                int(problem.opt_person[before]) if before >= 0 else NOBODY,
                int(problem.opt_person[after]) if after >= 0 else NOBODY,
                int(problem.leg_booking[leg]) in hit,
                extra,
            )
        )
    return Proposal(chosen, tuple(changes), _left_out(problem, chosen, lost), check(problem, chosen))


def _whole(problem: Problem, chosen: Ints) -> Ints:
    """Without halves: where a leg of a relay has nobody, the other is free too."""
    whole = chosen.copy()
    short = np.zeros(len(problem.way_booking), dtype=np.bool_)
    np.logical_or.at(short, problem.leg_way, chosen == NOBODY)
    whole[short[problem.leg_way]] = NOBODY
    return whole
