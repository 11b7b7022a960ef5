"""Another person for one cell: whoever is offered breaks no rule of the independent checker, and costs what was said."""

from __future__ import annotations

import pytest

from scheduler.plans.checker import check
from scheduler.plans.greedy import greedy
from scheduler.plans.problem import NOBODY
from scheduler.plans.seats import legs_of, seated, seats
from tests.scheduler.plans.samples import any_problem, problem


@pytest.mark.parametrize("seed", range(12))
def test_whoever_is_offered_fits_and_costs_what_was_said(seed: int) -> None:
    one = any_problem(seed, bookings=9, people=4)
    chosen = greedy(one)
    for booking in range(len(one.bookings)):
        found = seats(one, chosen, booking, 1)
        assert not set(found.free) & set(found.stuck)
        for name, seat in found.free.items():
            changed = seated(one, chosen, booking, seat)
            assert changed.new == ()
            verdict = check(one, changed.chosen)
            assert booking not in verdict.left_out
            people = {one.people[int(one.opt_person[option])] for option in seat.options.values()}
            assert name in people
            assert len(people) == len(seat.options)
            others = [leg for leg in range(len(chosen)) if int(one.leg_booking[leg]) != booking]
            assert (changed.chosen[others] == chosen[others]).all()
            assert changed.after.total == verdict.price.total


def test_who_has_other_work_is_told_with_it_and_a_pinned_side_stays() -> None:
    # Booking 0 is a relay; booking 1 lies beside it and belongs to person 3.
    one = problem(
        [
            (0, 1, 540, 60, {0: 0, 1: 50, 3: 10}),
            (0, 2, 540, 60, {1: 0, 2: 40}),
            (1, 1, 560, 60, {3: 0}),
        ],
        people=4,
        weights=[10_000, 10_000],
    )
    chosen = greedy(one)
    (legs,) = legs_of(one, 0).values()
    assert [int(one.opt_person[chosen[leg]]) for leg in legs] == [0, 1]
    found = seats(one, chosen, 0, 1)
    obstacle = found.stuck["p3"]
    assert obstacle is not None
    assert [one.bookings[int(one.leg_booking[leg])] for leg in obstacle.legs] == ["b1"]
    # Person 1 changes sides, and person 2 takes the one that is left.
    assert sorted(int(one.opt_person[option]) for option in found.free["p1"].options.values()) == [1, 2]
    kept = seats(one, chosen, 0, 1, kept={2: "p1"})
    assert "p1" not in kept.free
    assert kept.stuck["p1"] is None
    assert int(one.opt_person[kept.free["p0"].options[legs[1]]]) == 1
    assert NOBODY not in seated(one, chosen, 0, found.free["p1"]).chosen
