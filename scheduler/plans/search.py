"""What a search for a plan is told and what it tells: how long and how hard, how far it is, and what came of it.

Plain values between the engine and who starts it. How the search is done is the engine's business.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from scheduler.plans.checker import Verdict
from scheduler.plans.problem import Ints
from scheduler.plans.workers import NICE


class Phase(StrEnum):
    """What is being done."""

    FIRST = "first"
    RELAX = "relax"
    GUIDED = "guided"
    PROVE = "prove"
    IMPROVE = "improve"
    DONE = "done"


@dataclass(frozen=True)
class Progress:
    """How far the search is."""

    phase: Phase
    seconds: float
    total: int
    """Cost of the best plan in tenths."""
    bound: float
    """No plan costs less than this."""
    left_out: int
    chosen: Ints = field(repr=False, compare=False)

    @property
    def gap(self) -> float:
        """How much the plan may be above the best possible one, as a share of the bound; infinite without a bound."""
        return (self.total - self.bound) / self.bound if self.bound > 0 else (0.0 if self.total <= 0 else float("inf"))


@dataclass(frozen=True)
class Outcome:
    """The best plan found."""

    chosen: Ints
    verdict: Verdict
    bound: float
    seconds: float
    optimal: bool
    """Whether nothing better exists (by the bound)."""

    @property
    def gap(self) -> float:
        """As in :class:`Progress`."""
        total = self.verdict.price.total
        return (total - self.bound) / self.bound if self.bound > 0 else (0.0 if total <= 0 else float("inf"))


@dataclass(frozen=True)
class Search:
    """How long and how hard to search."""

    seconds: float = 30.0
    workers: int = 2
    enough: float = 1e-4
    """A gap at which the search ends."""
    memory_mib: int = 4096
    nice: int = NICE
