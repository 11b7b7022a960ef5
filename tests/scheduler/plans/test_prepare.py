"""The options of a problem are exactly those whom ``eligible`` allows and whose hours cover the work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scheduler.eligibility import eligible
from scheduler.legs import Way, leg_need
from scheduler.plans.prepare import minutes_since, prepare
from tests.bench.plan_instances import instance


@pytest.mark.parametrize("seed", [1, 2])
def test_options_are_those_whom_the_plain_rules_allow(seed: int) -> None:
    given = instance(60, 25, seed=seed)
    problem = prepare(given.asks, given.people, given.rules, given.frame, free=given.free)
    found: dict[tuple[int, int, str], set[str]] = {}
    for way, booking in enumerate(problem.way_booking.tolist()):
        for leg in range(int(problem.way_ptr[way]), int(problem.way_ptr[way + 1])):
            options = problem.opt_person[problem.leg_ptr[leg] : problem.leg_ptr[leg + 1]]
            key = (booking, int(problem.leg_place[leg]), problem.pivots[way])
            found[key] = {problem.people[who] for who in options.tolist()}
    relays = 0
    for booking, ask in enumerate(given.asks):
        plain = expected(given, ask.need)
        assert found.get((booking, 1, ""), set()) == plain
        for (at, place, pivot), people in found.items():
            if at == booking and pivot:
                relays += 1
                longer = replace(ask.need, minutes=-(-ask.need.minutes * 17 // 10))
                assert people <= expected(given, leg_need(longer, Way.RELAY, pivot, place))
    assert relays
    assert minutes_since(given.frame.origin, given.asks[0].need.at) >= 0


def expected(given: object, need: object) -> set[str]:
    people, rules, free = given.people, given.rules, given.free  # type: ignore[attr-defined]
    return {
        who.id
        for who in people
        if not eligible(need, replace(who, minutes_today=0), rules)  # type: ignore[arg-type]
        and any(start <= need.at and need.ends <= end for start, end in free[who.id])  # type: ignore[attr-defined]
    }
