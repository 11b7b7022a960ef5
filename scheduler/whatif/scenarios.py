"""The ready scenarios of ``scenarios.yaml`` as plans: documented surges, with what was assumed where no figure is known."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

from core.yaml_text import read_yaml
from scheduler.whatif.plan import PlanInput, PoolSpec


@dataclass(frozen=True)
class Scenario:
    """One documented surge."""

    key: str
    plan: PlanInput
    total: int
    sources: tuple[str, ...]
    """Keys of the sources page of the domain research."""
    mix_of: str
    """Of when the nationality shares are."""
    assumed_rise: float
    """Arrivals on the last day by those on the first; 1 where only one day is known."""


@cache
def load_scenarios() -> Mapping[str, Scenario]:
    """All, in the order of the file. Raises ``ValueError`` when the file is wrong."""
    data = read_yaml(files("scheduler.whatif").joinpath("scenarios.yaml").read_text(encoding="utf-8"))
    return {one["key"]: _scenario(one, data["nationalities"]) for one in data["scenarios"]}


def spread_over(total: int, days: int, rise: float) -> list[int]:
    """Whole numbers that rise evenly from the first day to ``rise`` times it, and add up to ``total`` exactly."""
    weights = [1 + (rise - 1) * (day / max(1, days - 1)) for day in range(days)]
    whole = sum(weights)
    edges = [round(total * sum(weights[:day]) / whole) for day in range(days + 1)]
    return [after - before for before, after in itertools.pairwise(edges)]


def languages_of(mix: Mapping[str, float], nationalities: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Shares of languages in per cent, from shares of nationalities."""
    found: dict[str, float] = {}
    for nation, share in mix.items():
        parts = nationalities[nation]
        for language, part in parts.items():
            found[language] = found.get(language, 0.0) + share * part / sum(parts.values())
    whole = sum(found.values())
    return {language: round(100 * share / whole, 2) for language, share in sorted(found.items())}


def _scenario(one: Mapping[str, Any], nationalities: Mapping[str, Mapping[str, float]]) -> Scenario:
    plan = PlanInput(
        country=one["country"],
        scenario=one["key"],
        persons=spread_over(one["total"], one["days"], one["rise"]),
        hours=[float(value) for value in cast(Sequence[float], one["hours"])],
        languages=languages_of(one["mix"], nationalities),
        pool=PoolSpec(interpreters=one["interpreters"]),
    )
    return Scenario(
        key=one["key"],
        plan=plan,
        total=one["total"],
        sources=tuple(one["sources"]),
        mix_of=one["mix_of"],
        assumed_rise=float(one["rise"]),
    )
