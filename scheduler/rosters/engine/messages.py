"""What the engine's parent and children tell each other: JSON lines, and the result that the parent hands on.

Imports no solver: the server imports this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import TypeAdapter

from scheduler.rosters.problem import Problem

Rows = dict[str, tuple[str | None, ...]]
"""A roster as plain data."""

_PROBLEM: TypeAdapter[Problem] = TypeAdapter(Problem)


@dataclass(frozen=True, slots=True)
class Order:
    """The first line to a child: what to solve and how long it may take. ``role``: see :mod:`scheduler.rosters.engine.child`."""

    problem: Problem
    role: str
    seconds: float
    seed: int
    start: Rows | None = None


class Failure(StrEnum):
    """Why a run ended without any roster."""

    NO_ROW = "no_row"
    """Somebody has no row that keeps the hard rules (pins against leave, say): ``Result.person`` tells who."""
    TOO_SLOW = "too_slow"
    """No child had a first roster, long after the time limit."""
    BROKEN = "broken"
    """All children ended by themselves: killed, or out of memory."""
    REFUSED = "refused"
    """What children found broke a rule: a defect of the engine."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class News:
    """A line from a child: a better roster, or a better bound, or both. Also the line that hands a roster to another child."""

    cost: float | None = None
    bound: float | None = None
    rows: Rows | None = None
    done: bool = False
    """The child has nothing more to look for."""
    ready: bool = False
    """The child is compiled and waits for its order: the first thing it says."""
    stuck: str | None = None
    """Somebody who has no row at all: there is no roster."""


_ORDER: TypeAdapter[Order] = TypeAdapter(Order)
_NEWS: TypeAdapter[News] = TypeAdapter(News)


def encode_order(order: Order) -> bytes:
    """One line."""
    return _ORDER.dump_json(order) + b"\n"


def decode_order(line: bytes) -> Order:
    """Raises ValueError if the line is no order."""
    return _ORDER.validate_json(line)


def encode_news(news: News) -> bytes:
    """One line."""
    return _NEWS.dump_json(news) + b"\n"


def decode_news(line: bytes) -> News:
    """Raises ValueError if the line is no news (a child was killed while writing)."""
    return _NEWS.validate_json(line)


def problem_to_json(problem: Problem) -> str:
    """The problem as JSON, to be stored with a draft."""
    return _PROBLEM.dump_json(problem).decode()


def problem_from_json(text: str) -> Problem:
    """Raises ValueError if the text is no problem."""
    return _PROBLEM.validate_json(text)


@dataclass(frozen=True, slots=True)
class Result:
    """The best roster that passed the checker; ``cost`` is the checker's. Without one, ``roster`` is None."""

    roster: Mapping[str, tuple[str | None, ...]] | None
    cost: float
    bound: float
    """No roster can cost less than this (proven); minus infinity if nothing is proven."""
    seconds: float
    refused: int = 0
    """Rosters of a child that the checker refused; anything but 0 is a defect of the engine."""
    failure: Failure | None = None
    """Why there is no roster; None while the run goes on, and where there is one."""
    person: str | None = None
    """With ``NO_ROW``: somebody who has none."""

    @property
    def gap(self) -> float:
        """How far the cost may be from the best possible, as a share of the cost; infinite if nothing is proven."""
        if self.roster is None or self.bound == float("-inf"):
            return float("inf")
        return max(0.0, self.cost - self.bound) / max(1e-9, abs(self.cost))
