"""The first plan, in a fraction of a second: the most important booking first, then the scarcest, then the longest."""

from __future__ import annotations

import numpy as np

from scheduler.plans.ledger import Ledger
from scheduler.plans.problem import Ints, Problem


def greedy(problem: Problem) -> Ints:
    """A plan that keeps every hard rule."""
    ledger = Ledger(problem)
    for booking in order(problem).tolist():
        serve(ledger, booking)
    return ledger.plan()


def order(problem: Problem) -> Ints:
    """Bookings in the order in which they choose."""
    sizes = np.diff(problem.leg_ptr)
    first_leg = problem.way_ptr[:-1]
    bookings = len(problem.bookings)
    scarce, longest = np.zeros(bookings, dtype=np.int64), np.zeros(bookings, dtype=np.int64)
    np.add.at(scarce, problem.way_booking, sizes[first_leg])
    np.maximum.at(longest, problem.way_booking, problem.leg_minutes[first_leg])
    return np.lexsort((-longest, scarce, -problem.weight)).astype(np.int64)


def serve(ledger: Ledger, booking: int) -> bool:
    """Give a booking to the cheapest people who can take it; false if nobody can."""
    problem = ledger.problem
    for way in range(int(problem.booking_ptr[booking]), int(problem.booking_ptr[booking + 1])):
        placed: list[int] = []
        for leg in range(int(problem.way_ptr[way]), int(problem.way_ptr[way + 1])):
            option = cheapest(ledger, leg)
            if option is None:
                break
            ledger.put(leg, option)
            placed.append(leg)
        else:
            return True
        for leg in placed:
            ledger.take(leg)
    return False


def cheapest(ledger: Ledger, leg: int) -> int | None:
    """The option that adds least to the cost among those that fit; lowest index among equals."""
    problem = ledger.problem
    options = np.arange(problem.leg_ptr[leg], problem.leg_ptr[leg + 1])
    if not len(options):
        return None
    costs = ledger.added(leg, options)
    for place in np.argsort(costs, kind="stable").tolist():
        option = int(options[place])
        if ledger.obstacle(int(problem.opt_person[option]), leg) is None:
            return option
    return None
