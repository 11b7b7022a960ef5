"""Small planning problems for tests: by hand, at random, and all their plans by brute force."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import product

import numpy as np

from scheduler.plans.checker import check
from scheduler.plans.problem import Fixed, Ints, Problem

ORIGIN = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)


def ints(values: object) -> Ints:
    return np.array(list(values), dtype=np.int64)  # type: ignore[call-overload]


def problem(
    legs: list[tuple[int, int, int, int, dict[int, int]]],
    *,
    people: int,
    weights: list[int],
    cases: list[int] | None = None,
    fixed: list[tuple[int, int, int]] = [],  # noqa: B006 - never changed
    day_limit: int = 240,
    week_limit: int = 600,
    marks: tuple[int, int] = (120, 240),
) -> Problem:
    """``legs``: (booking, place, start, minutes, cost by person). Legs with place 2 belong to the way of the leg before them."""
    way_booking: list[int] = []
    leg_way: list[int] = []
    for booking, place, *_ in legs:
        if place == 1:
            way_booking.append(booking)
        leg_way.append(len(way_booking) - 1)
    pairs = {way for way, (_, place, *_rest) in zip(leg_way, legs, strict=True) if place == 2}
    options = [(leg, who, cost) for leg, (*_, can) in enumerate(legs) for who, cost in sorted(can.items())]
    rest = 10
    return Problem(
        origin=ORIGIN,
        bookings=[f"b{n}" for n in range(len(weights))],
        people=[f"p{n}" for n in range(people)],
        weight=ints(weights),
        case=ints(cases or range(len(weights))),
        way_booking=ints(way_booking),
        way_cost=ints(1500 if way in pairs else 0 for way in range(len(way_booking))),
        leg_way=ints(leg_way),
        leg_place=ints(place for _, place, *_ in legs),
        leg_start=ints(start for _, _, start, *_ in legs),
        leg_minutes=ints(minutes for _, _, _, minutes, _ in legs),
        leg_until=ints(start + minutes + rest for _, _, start, minutes, _ in legs),
        opt_leg=ints(leg for leg, _, _ in options),
        opt_person=ints(who for _, who, _ in options),
        opt_cost=ints(cost for *_, cost in options),
        day_limit=ints([day_limit] * people),
        week_limit=ints([week_limit] * people),
        earlier=ints([0] * people),
        marks=marks,
        pivots=["eng" if way in pairs else "" for way in range(len(way_booking))],
        fixed=Fixed(
            ints(who for who, *_ in fixed),
            ints(start for _, start, _ in fixed),
            ints(minutes for *_, minutes in fixed),
            ints(start + minutes + rest for _, start, minutes in fixed),
            ints(-1 for _ in fixed),
        ),
    )


def any_problem(seed: int, *, bookings: int = 6, people: int = 3) -> Problem:
    """A random one that is tight: three days, overlaps, long pieces, relays, shared cases, fixed work."""
    dice = random.Random(seed)
    legs: list[tuple[int, int, int, int, dict[int, int]]] = []
    for booking in range(bookings):
        start = dice.randrange(3) * 1440 + dice.choice(range(480, 900, 30))
        minutes = dice.choice([30, 60, 90, 120, 150, 180])
        can = {who: dice.randrange(0, 600) for who in range(people) if dice.random() < 0.7}
        if can:
            legs.append((booking, 1, start, minutes, can))
        if dice.random() < 0.3:
            legs.append((booking, 1, start, minutes, {0: 100, 1: 200}))
            legs.append((booking, 2, start, minutes, {1: 50, 2: 10} if people > 2 else {1: 50}))
    return problem(
        legs,
        people=people,
        weights=[10_000 * dice.choice([1, 3]) for _ in range(bookings)],
        cases=[dice.randrange(bookings) for _ in range(bookings)],
        fixed=[(dice.randrange(people), 1440 + 600, 60)],
        week_limit=dice.choice([240, 400]),
    )


def best(plan_of: Problem) -> int:
    """The cost of the best plan, by trying all."""
    choices = []
    for booking in range(len(plan_of.bookings)):
        ways: list[dict[int, int]] = [{}]
        for way in range(int(plan_of.booking_ptr[booking]), int(plan_of.booking_ptr[booking + 1])):
            legs = range(int(plan_of.way_ptr[way]), int(plan_of.way_ptr[way + 1]))
            spans = [range(int(plan_of.leg_ptr[leg]), int(plan_of.leg_ptr[leg + 1])) for leg in legs]
            ways += [dict(zip(legs, options, strict=True)) for options in product(*spans)]
        choices.append(ways)
    lowest = check(plan_of, plan_of.nobody()).price.total
    for picked in product(*choices):
        chosen = plan_of.nobody()
        for options in picked:
            for leg, option in options.items():
                chosen[leg] = option
        verdict = check(plan_of, chosen)
        if verdict.ok:
            lowest = min(lowest, verdict.price.total)
    return lowest
