"""The people of a plan: candidates for the real matching code, drawn by seed from the plan's shares, and their shifts. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from records.stages import Level, Mode
from scheduler.need import Candidate, LocationStatus, Presence, Sex
from scheduler.whatif.plan import PlanInput

OFFICER = {"RS": "srp", "MK": "mkd"}
_NEAR = {
    "apc": ("acm", "kmr"), "acm": ("apc", "ckb"), "prs": ("pbt", "pes"), "pbt": ("prs", "urd"), "pes": ("prs",),
    "urd": ("pnb", "pbt"), "pnb": ("urd",), "kmr": ("apc", "tur"), "ckb": ("acm",), "haz": ("prs",),
}  # fmt: skip
"""Second languages that people often have, by the first."""
_FIRST_HOURS = (6, 10, 14)
_NIGHT_HOUR = 22


@dataclass(frozen=True)
class Shift:
    """One stretch of duty, in seconds since the beginning of the plan."""

    begin: float
    end: float


@dataclass(frozen=True)
class Worker:
    """One person of the plan."""

    candidate: Candidate
    shifts: tuple[Shift, ...]
    reserve: bool
    """Not on a shift; can be called in."""


def make_people(plan: PlanInput, start: datetime) -> list[Worker]:
    """The pool, the same for the same plan and seed. Languages by the plan's mix, the commonest first, so that all are there."""
    spec, dice = plan.pool, random.Random(plan.seed * 7919 + 17)  # noqa: S311 - simulated people
    officer = OFFICER[plan.country]
    firsts = _apportioned(plan.languages, spec.interpreters)
    long_valid = start + timedelta(days=4000)
    workers: list[Worker] = []
    for number, first in enumerate(firsts):
        spoken = {first}
        if dice.random() * 100 < spec.bilingual_percent:
            others = _NEAR.get(first) or tuple(code for code in plan.languages if code != first) or (first,)
            spoken.add(dice.choice(others))
        # English is the bridge of M-9; who has it only is no help without a second interpreter.
        bridged = dice.random() * 100 < spec.bridge_percent
        pairs = {(code, "eng" if bridged else officer) for code in spoken}
        if not bridged and dice.random() < 0.3:
            pairs.add(("eng", officer))
        woman = dice.random() * 100 < spec.women_percent
        reserve = dice.random() * 100 < spec.reserve_percent
        candidate = Candidate(
            id=f"w{number:04d}",
            code=f"W-{number:04d}",
            pairs=frozenset(pairs),
            level=Level.L2,
            vetting_until=long_valid,
            nda_until=long_valid,
            conduct_until=long_valid,
            sex=Sex.WOMAN if woman else Sex.MAN,
            base_country=plan.country,
            location=LocationStatus.APPROVED_ROOM,
            modes=frozenset({Mode.VIDEO, Mode.PHONE}),
            child_trained=True,
            trauma_trained=True,
            max_minutes_day=spec.minutes_day,
            presence=Presence.OFFLINE,
            idle_since=start - timedelta(minutes=number),
        )
        workers.append(Worker(candidate, _shifts(plan, number, dice, reserve=reserve), reserve))
    return workers


def _apportioned(shares: dict[str, float], seats: int) -> list[str]:
    """``seats`` first languages in proportion to the shares (largest remainders), the commonest first."""
    whole = sum(shares.values())
    exact = {code: seats * share / whole for code, share in shares.items() if share > 0}
    given = {code: int(value) for code, value in exact.items()}
    for code in sorted(exact, key=lambda one: (-(exact[one] - given[one]), one))[: seats - sum(given.values())]:
        given[code] += 1
    order = sorted(given, key=lambda one: (-given[one], one))
    return [code for code in order for _ in range(given[code])]


def _shifts(plan: PlanInput, number: int, dice: random.Random, *, reserve: bool) -> tuple[Shift, ...]:
    """Duty days in a rotating five of seven; each person keeps one hour of beginning."""
    if reserve:
        return ()
    spec = plan.pool
    night = dice.random() * 100 < spec.night_percent
    hour = _NIGHT_HOUR if night else _FIRST_HOURS[number % len(_FIRST_HOURS)]
    # A night shift of yesterday reaches into the first day.
    first = -1 if night else 0
    found = []
    for day in range(first, len(plan.persons)):
        if (day + number) % 7 < spec.days_on:
            begin = (day * 24 + hour) * 3600.0
            found.append(Shift(begin, begin + spec.shift_hours * 3600.0))
    return tuple(found)
