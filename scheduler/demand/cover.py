"""How many people each language needs in each half-hour, and where the plan falls short. Pure.

Needed is the larger of the minimum table (R-2) and Erlang C for the forecast. One person with three languages stands in three
lines but can take one request: so groups of languages are checked together as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import combinations

from scheduler.demand.cover_rules import CoverRow, CoverRules
from scheduler.demand.erlang import agents_for

QUIET_PER_HOUR = 0.02
"""A forecast below one request in two days asks for nobody."""
_TOGETHER = 3
"""Largest group of lines that is checked together, besides all that share people."""


class Why(StrEnum):
    """Why a cell is a gap."""

    MINIMUM = "minimum"
    """Fewer than the table of R-2 asks for."""
    FORECAST = "forecast"
    """Fewer than the forecast needs."""
    SHARED = "shared"
    """Enough by count, but the same people stand in other lines too."""
    WOMAN = "woman"
    """No woman (R-3)."""


@dataclass(frozen=True)
class Planned:
    """One person who is planned for a half-hour."""

    interpreter_id: str
    rows: frozenset[str]
    """Lines that the person can serve."""
    woman: bool
    on_call: bool


@dataclass(frozen=True)
class Cell:
    """One line in one half-hour."""

    needed: int
    planned: int
    """People who can serve the line: at the desk or on call."""
    on_call: int
    """Of them on call."""
    women: int
    expected: float
    """Requests in the half-hour by the forecast, times the multiplier."""
    short: int
    """People that are missing; 1 also when only a woman is."""
    why: tuple[Why, ...]

    @property
    def is_gap(self) -> bool:
        """Whether the cell is red."""
        return self.short > 0


def needed(rules: CoverRules, row: CoverRow, half_hour: int, expected: float) -> tuple[int, Why]:
    """People that a line needs, and which of both reasons decides; ``expected`` requests in the half-hour."""
    least = row.least if row.holds_at(half_hour) else 0
    per_hour = round(2 * expected, 3)
    if per_hour < QUIET_PER_HOUR:
        return least, Why.MINIMUM
    within = rules.within_seconds if row.kind == "reachable" else max(rules.within_seconds, row.report_in * 60)
    by_forecast = _agents(per_hour, rules, within)
    return (by_forecast, Why.FORECAST) if by_forecast > least else (least, Why.MINIMUM)


def cells(
    rules: CoverRules, half_hour: int, expected: Mapping[str, float], people: Sequence[Planned]
) -> dict[str, Cell]:
    """All lines of one half-hour (of the local day, 0 to 47); ``expected`` requests in it by line."""
    shared = _shared(rules, tuple(sorted((k, round(v, 3)) for k, v in expected.items())), _kinds_of(people))
    found: dict[str, Cell] = {}
    for row in rules.rows:
        who = [one for one in people if row.key in one.rows]
        wanted, reason = needed(rules, row, half_hour, expected.get(row.key, 0.0))
        women = sum(one.woman for one in who)
        why: list[Why] = []
        short = max(0, wanted - len(who))
        if short:
            why.append(reason)
        elif shared.get(row.key):
            short = shared[row.key]
            why.append(Why.SHARED)
        if row.woman and women == 0:
            short = max(short, 1)
            why.append(Why.WOMAN)
        found[row.key] = Cell(
            needed=wanted,
            planned=len(who),
            on_call=sum(one.on_call for one in who),
            women=women,
            expected=expected.get(row.key, 0.0),
            short=short,
            why=tuple(why),
        )
    return found


@dataclass(frozen=True)
class Pooling:
    """What speaking several languages is worth, in people, for one half-hour."""

    apart: int
    """If everybody spoke one language only."""
    together: int
    """If everybody spoke all of them."""


def pooling(rules: CoverRules, expected: Mapping[str, float]) -> Pooling:
    """People for the forecast alone, without the minimum table."""
    rates = [round(2 * value, 3) for value in expected.values() if 2 * value >= QUIET_PER_HOUR]
    return Pooling(
        apart=sum(_agents(rate, rules, rules.within_seconds) for rate in rates),
        together=_agents(round(sum(rates), 3), rules, rules.within_seconds) if rates else 0,
    )


def _agents(per_hour: float, rules: CoverRules, within: float) -> int:
    return agents_for(
        per_hour, rules.handling_minutes, share=rules.share, seconds=within, ring_seconds=rules.ring_seconds
    )


_Kinds = tuple[tuple[frozenset[str], int], ...]


def _kinds_of(people: Iterable[Planned]) -> _Kinds:
    counted: dict[frozenset[str], int] = {}
    for one in people:
        counted[one.rows] = counted.get(one.rows, 0) + 1
    return tuple(sorted(counted.items(), key=lambda item: sorted(item[0])))


@lru_cache(maxsize=8_192)
def _shared(rules: CoverRules, expected: tuple[tuple[str, float], ...], kinds: _Kinds) -> Mapping[str, int]:
    """By line how many people are missing when lines that share people are looked at together (Hall's condition)."""
    rates = {key: 2 * value for key, value in expected if 2 * value >= QUIET_PER_HOUR}
    missing: dict[str, int] = {}
    for group in _groups(sorted(rates), kinds):
        there = sum(count for rows, count in kinds if rows & group)
        lacking = _agents(round(sum(rates[key] for key in group), 3), rules, rules.within_seconds) - there
        for key in group if lacking > 0 else ():
            missing[key] = max(missing.get(key, 0), lacking)
    return missing


def _groups(keys: Sequence[str], kinds: _Kinds) -> Iterable[frozenset[str]]:
    """Pairs and triples of lines that share somebody, and each whole cluster of lines linked by shared people."""
    linked = [rows for rows, _ in kinds if len(rows) > 1]
    for size in range(2, _TOGETHER + 1):
        for some in combinations(keys, size):
            group = frozenset(some)
            if any(len(rows & group) > 1 for rows in linked):
                yield group
    clusters = [frozenset([key]) for key in keys]
    for rows in linked:
        hit = [cluster for cluster in clusters if cluster & rows]
        if len(hit) > 1:
            clusters = [cluster for cluster in clusters if not cluster & rows] + [frozenset().union(*hit)]
    yield from (cluster for cluster in clusters if len(cluster) > _TOGETHER)
