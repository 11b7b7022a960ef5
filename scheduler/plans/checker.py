"""The independent judge of a plan: states every hard rule in its own words and prices the plan. No plan is stored that it refuses.

It imports no solver and nothing of the model or of the search; it reads the problem and the plan only.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum

from scheduler.plans.problem import DAYS_A_WEEK, NOBODY, Ints, Problem


class Fault(StrEnum):
    """What can be wrong with a plan; the values are rule ids where a rule stands behind it."""

    SHAPE = "shape"
    """The plan does not fit the problem: a wrong option, half a relay, two ways for one booking."""
    OVERLAP = "M-11.engaged"
    WINDOW = "S-8.window"
    DAY = "M-2.day_limit"
    WEEK = "S-8.week_limit"


@dataclass(frozen=True)
class Finding:
    """One broken rule: whose, when (minutes since the origin), and by how much."""

    fault: Fault
    person: int
    at: int
    amount: int = 0
    limit: int = 0


@dataclass(frozen=True)
class Price:
    """The parts of a plan's cost in tenths; ``total`` is what is minimised."""

    unassigned: int
    people: int
    relay: int
    continuity: int
    fairness: int

    @property
    def total(self) -> int:
        return self.unassigned + self.people + self.relay + self.continuity + self.fairness


@dataclass(frozen=True)
class Verdict:
    """What the checker says."""

    findings: tuple[Finding, ...]
    price: Price
    left_out: tuple[int, ...]
    """Bookings without an interpreter."""
    minutes: tuple[int, ...]
    """Minutes of each person in this plan, fixed work included."""

    @property
    def ok(self) -> bool:
        return not self.findings


@dataclass(frozen=True)
class _Work:
    start: int
    minutes: int
    until: int
    planned: bool

    @property
    def end(self) -> int:
        return self.start + self.minutes


def check(problem: Problem, chosen: Ints) -> Verdict:
    """Verify all hard rules and price the plan.

    Fixed work may break limits by itself (somebody decided so by hand); only what the plan adds is judged.
    """
    findings: list[Finding] = []
    legs = chosen.tolist()
    work: dict[int, list[_Work]] = defaultdict(list)
    fixed = problem.fixed
    case_people: dict[int, set[int]] = defaultdict(set)
    case_bookings: dict[int, int] = defaultdict(int)
    for who, start, minutes, until, case in zip(
        fixed.person.tolist(),
        fixed.start.tolist(),
        fixed.minutes.tolist(),
        fixed.until.tolist(),
        fixed.case.tolist(),
        strict=True,
    ):
        work[who].append(_Work(start, minutes, until, planned=False))
        if case >= 0:
            case_people[case].add(who)
            case_bookings[case] += 1
    cases = problem.case.tolist()
    for case in cases:
        case_bookings[case] += 1

    people_cost = relay_cost = unassigned = 0
    left_out: list[int] = []
    leg_way, opt_leg = problem.leg_way.tolist(), problem.opt_leg.tolist()
    opt_person, opt_cost = problem.opt_person.tolist(), problem.opt_cost.tolist()
    starts, minutes_of, untils = problem.leg_start.tolist(), problem.leg_minutes.tolist(), problem.leg_until.tolist()
    ways_of: dict[int, list[int]] = defaultdict(list)
    for way, booking in enumerate(problem.way_booking.tolist()):
        ways_of[booking].append(way)
    legs_of: dict[int, list[int]] = defaultdict(list)
    for leg, way in enumerate(leg_way):
        legs_of[way].append(leg)
    if len(legs) != len(leg_way):
        raise ValueError("the plan is not for this problem")
    for booking in range(len(problem.bookings)):
        served = 0
        for way in ways_of[booking]:
            taken = [leg for leg in legs_of[way] if legs[leg] != NOBODY]
            if not taken:
                continue
            served += 1
            if len(taken) != len(legs_of[way]):
                findings.append(Finding(Fault.SHAPE, NOBODY, starts[taken[0]]))
            relay_cost += int(problem.way_cost[way])
            for leg in taken:
                option = legs[leg]
                if not 0 <= option < len(opt_leg) or opt_leg[option] != leg:
                    findings.append(Finding(Fault.SHAPE, NOBODY, starts[leg]))
                    continue
                who = opt_person[option]
                people_cost += opt_cost[option]
                work[who].append(_Work(starts[leg], minutes_of[leg], untils[leg], planned=True))
                if cases[booking] >= 0:
                    case_people[cases[booking]].add(who)
        if served > 1:
            findings.append(Finding(Fault.SHAPE, NOBODY, starts[legs_of[ways_of[booking][0]][0]]))
        if served == 0:
            left_out.append(booking)
            unassigned += int(problem.weight[booking])

    minutes = []
    fairness = 0
    for who in range(len(problem.people)):
        mine = sorted(work[who], key=lambda piece: piece.start)
        findings += _person(problem, who, mine)
        total = sum(piece.minutes for piece in mine)
        minutes.append(total)
        for mark, each in zip(problem.marks, problem.prices.band, strict=True):
            fairness += each * max(0, total + int(problem.earlier[who]) - mark)
    several = [len(who) for case, who in case_people.items() if case >= 0 and case_bookings[case] > 1]
    price = Price(unassigned, people_cost, relay_cost, problem.prices.another * sum(several), fairness)
    return Verdict(tuple(findings), price, tuple(left_out), tuple(minutes))


def _person(problem: Problem, who: int, work: list[_Work]) -> list[Finding]:
    """The rules of one person's days; ``work`` by start."""
    if not any(piece.planned for piece in work):
        return []
    found: list[Finding] = []
    busy_until, busy_planned = -(10**9), False
    for piece in work:
        if piece.start < busy_until and (piece.planned or busy_planned):
            found.append(Finding(Fault.OVERLAP, who, piece.start))
        if piece.until >= busy_until:
            busy_until, busy_planned = piece.until, piece.planned
        else:
            busy_planned = busy_planned or piece.planned
    length, most = problem.limits.window, problem.limits.window_most
    starts, longest = [piece.start for piece in work], max(piece.minutes for piece in work)
    for first in work:
        # The fullest stretch of any length begins where some work begins.
        near = work[bisect_left(starts, first.start - longest) : bisect_left(starts, first.start + length)]
        inside = [(p, min(p.end, first.start + length) - max(p.start, first.start)) for p in near]
        inside = [(piece, shared) for piece, shared in inside if shared > 0]
        total = sum(shared for _, shared in inside)
        if total > most and any(piece.planned for piece, _ in inside):
            found.append(Finding(Fault.WINDOW, who, first.start, total, most))
    days_begin = problem.day_of.tolist()
    days: dict[int, list[_Work]] = defaultdict(list)
    weeks: dict[int, list[_Work]] = defaultdict(list)
    for piece in work:
        day = bisect_right(days_begin, piece.start) - 1
        days[day].append(piece)
        weeks[day // DAYS_A_WEEK].append(piece)
    for fault, spans, limit in (
        (Fault.DAY, days, int(problem.day_limit[who])),
        (Fault.WEEK, weeks, int(problem.week_limit[who])),
    ):
        for pieces in spans.values():
            total = sum(piece.minutes for piece in pieces)
            if total > limit and any(piece.planned for piece in pieces):
                found.append(Finding(fault, who, pieces[0].start, total, limit))
    return found
