"""Who else could have one cell of a plan, with the rest of the plan as it is. Pure: the problem and the plan in, answers out.

Which rule of matching forbids somebody is not known here: whoever has no option has none; ``choosing`` asks for the rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scheduler.plans.checker import Finding, Price, check
from scheduler.plans.ledger import Ledger, Obstacle
from scheduler.plans.problem import NOBODY, Ints, Problem


@dataclass(frozen=True)
class Seat:
    """One person in the cell, and who has the other side if there are two."""

    options: Mapping[int, int]
    """Option by leg of the problem: all legs of the way that this person makes possible."""
    cost: int
    """What the person alone costs beside the best possible match, in tenths."""
    added: int
    """What the plan would cost more with all these options than with nobody, in tenths: own cost, fair load, one face in a case."""


@dataclass(frozen=True)
class Seats:
    """Everybody who has an option for the cell."""

    free: Mapping[str, Seat]
    stuck: Mapping[str, Obstacle | None]
    """Who is allowed, but for their other work in the plan; none: only the other side of the two is missing."""
    now: int
    """``added`` of the booking as it stands in the plan; 0 with nobody."""


@dataclass(frozen=True)
class Changed:
    """A plan with another person in one cell."""

    chosen: Ints
    before: Price
    after: Price
    new: tuple[Finding, ...]
    """What the independent checker finds wrong now and did not before."""


def legs_of(problem: Problem, booking: int) -> dict[int, list[int]]:
    """Legs of the problem by way, in their order."""
    ways = range(int(problem.booking_ptr[booking]), int(problem.booking_ptr[booking + 1]))
    return {way: list(range(int(problem.way_ptr[way]), int(problem.way_ptr[way + 1]))) for way in ways}


def seats(problem: Problem, chosen: Ints, booking: int, place: int, *, kept: Mapping[int, str] | None = None) -> Seats:
    """Who could have the cell ``place`` (1 or 2) of a booking; ``kept``: pinned people by place, who stay where they are."""
    kept = {at: who for at, who in (kept or {}).items() if at != place}
    ledger = Ledger(problem, chosen)
    standing = {
        leg: int(chosen[leg]) for legs in legs_of(problem, booking).values() for leg in legs if chosen[leg] >= 0
    }
    for leg in standing:
        ledger.take(leg)
    now = sum(int(ledger.added(leg, np.array([option]))[0]) for leg, option in standing.items())
    ways = legs_of(problem, booking)
    # The way that the plan takes already stands first, so that no more changes than has to.
    order = sorted(ways, key=lambda way: (not any(leg in standing for leg in ways[way]), way))
    free: dict[str, Seat] = {}
    stuck: dict[str, Obstacle | None] = {}
    for way in order:
        mine = next((leg for leg in ways[way] if int(problem.leg_place[leg]) == place), NOBODY)
        if mine == NOBODY:
            continue
        others = [leg for leg in ways[way] if leg != mine]
        price = int(problem.way_cost[way])
        for option in range(int(problem.leg_ptr[mine]), int(problem.leg_ptr[mine + 1])):
            who = int(problem.opt_person[option])
            name = problem.people[who]
            if name in free:
                continue
            obstacle = ledger.obstacle(who, mine)
            if obstacle is not None:
                stuck.setdefault(name, obstacle)
                continue
            rest = _others(problem, ledger, others, who, standing, kept)
            if rest is None:
                stuck.setdefault(name, None)
                continue
            options = {mine: option, **rest}
            added = price + sum(int(ledger.added(leg, np.array([one]))[0]) for leg, one in options.items())
            free[name] = Seat(options, int(problem.opt_cost[option]), added)
            stuck.pop(name, None)
    return Seats(free, stuck, now)


def _others(
    problem: Problem,
    ledger: Ledger,
    legs: Sequence[int],
    who: int,
    standing: Mapping[int, int],
    kept: Mapping[int, str],
) -> dict[int, int] | None:
    """An option for each other leg of a way: who has it now if that still fits, else the cheapest that does."""
    found: dict[int, int] = {}
    for leg in legs:
        pinned = kept.get(int(problem.leg_place[leg]))
        span = [
            option
            for option in range(int(problem.leg_ptr[leg]), int(problem.leg_ptr[leg + 1]))
            if int(problem.opt_person[option]) != who
            and (pinned is None or problem.people[int(problem.opt_person[option])] == pinned)
            and ledger.obstacle(int(problem.opt_person[option]), leg) is None
        ]
        if not span:
            return None
        if standing.get(leg) in span:
            found[leg] = standing[leg]
        else:
            costs = ledger.added(leg, np.array(span, dtype=np.int64))
            found[leg] = span[int(np.argmin(costs))]
    return found


def seated(problem: Problem, chosen: Ints, booking: int, seat: Seat) -> Changed:
    """The plan with this seat taken, judged by the independent checker beside the plan as it was."""
    plan = chosen.copy()
    for legs in legs_of(problem, booking).values():
        plan[legs] = NOBODY
    for leg, option in seat.options.items():
        plan[leg] = option
    before, after = check(problem, chosen), check(problem, plan)
    known = {(one.fault, one.person) for one in before.findings}
    new = tuple(one for one in after.findings if (one.fault, one.person) not in known)
    return Changed(plan, before.price, after.price, new)
