"""Invented weeks of demand for the demo: counts as if an earlier system had kept them, taken over through the real service.

Drawn by a fixed seed from a plausible week (mornings and evenings, quieter weekends) and a mix of languages; nobody stands behind
them. The first start makes a forecast from them, as every night does.
"""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta

from core.access import Actor
from scheduler.demand.counts import Counted
from scheduler.demand.slots import PER_DAY, ZONES, slot_start, slots_between, week_slot
from signaling.bootstrap import Services

WEEKS = 8
_PER_DAY = {"RS": 42.0, "MK": 24.0}
"""Ordinary weeks that the rosters of the story nearly cover; a surge is another page."""
_SHARES = {
    "apc": 0.24, "acm": 0.1, "pbt": 0.17, "prs": 0.16, "pes": 0.11, "urd": 0.08, "kmr": 0.05, "ckb": 0.03, "tur": 0.03, "fra": 0.03,
}  # fmt: skip
_WEEKDAY = (1.1, 1.05, 1.0, 1.0, 1.05, 0.9, 0.8)


async def tell_demand(services: Services, now: datetime) -> None:
    """Eight weeks until now in both countries; own counts go on from here."""
    end = slot_start(now)
    start = end - timedelta(weeks=WEEKS)
    async with services.database.unit(Actor.system()) as uow:
        for country in ZONES:
            rows = _drawn(country, start, end)
            await services.foresight.counts.take_over(uow, country, rows, start=start, end=end)


def _drawn(country: str, start: datetime, end: datetime) -> list[Counted]:
    dice = random.Random(f"demand of {country}")  # noqa: S311 - invented numbers
    languages, shares = list(_SHARES), list(_SHARES.values())
    rows: list[Counted] = []
    for at in slots_between(start, end):
        place = week_slot(at, ZONES[country])
        rate = _PER_DAY[country] / PER_DAY * _WEEKDAY[place // PER_DAY] * _shape(place % PER_DAY)
        found: dict[str, int] = {}
        for _ in range(_poisson(dice, rate)):
            language = dice.choices(languages, shares)[0]
            found[language] = found.get(language, 0) + 1
        rows += [Counted(at, language, count) for language, count in sorted(found.items())]
    return rows


def _shape(half_hour: int) -> float:
    """Mean 1 over a day, about: most in the morning, again in the evening, little at night."""
    morning = math.exp(-(((half_hour - 19) / 8.0) ** 2))
    evening = math.exp(-(((half_hour - 39) / 6.0) ** 2))
    return 0.3 + 1.5 * morning + 1.1 * evening


def _poisson(dice: random.Random, mean: float) -> int:
    limit, product, count = math.exp(-mean), dice.random(), 0
    while product > limit:
        product *= dice.random()
        count += 1
    return count
