"""What a benchmark reports: figures with units, and the limits that the project is held to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Better(StrEnum):
    """Which direction is good."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True)
class Figure:
    """One measured number."""

    name: str
    value: float
    unit: str
    better: Better = Better.LOWER
    limit: float | None = None
    """What it must reach; none: only reported."""
    note: str = ""
    """How it was measured, in a few words."""

    @property
    def kept(self) -> bool:
        """Whether the limit is reached; true without one. A value that is no number never reaches a limit."""
        if self.limit is None:
            return True
        return self.value <= self.limit if self.better is Better.LOWER else self.value >= self.limit

    @property
    def verdict(self) -> str:
        """The limit and whether it is kept, for people."""
        if self.limit is None:
            return ""
        sign = "<=" if self.better is Better.LOWER else ">="
        return f"{sign} {self.limit:g} {'kept' if self.kept else 'MISSED'}"


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of ``values`` such that ``percent`` of them are not above it (nearest rank); NaN without values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
