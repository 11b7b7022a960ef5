"""A problem as a head and plain arrays, for the way to a solving child and back. Nothing that is compiled is known here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from datetime import UTC, datetime
from typing import Any

from scheduler.plans.problem import Fixed, Ints, Limits, Prices, Problem

COLUMNS = (
    "weight", "case", "way_booking", "way_cost", "leg_way", "leg_place", "leg_start", "leg_minutes", "leg_until",
    "opt_leg", "opt_person", "opt_cost", "day_limit", "week_limit", "earlier", "day_of",
)  # fmt: skip
_FIXED = ("person", "start", "minutes", "until", "case")


def packed(problem: Problem) -> tuple[dict[str, Any], dict[str, Ints]]:
    """A problem as a head and arrays, for the way to a child: without names."""
    arrays: dict[str, Ints] = {name: getattr(problem, name) for name in COLUMNS}
    arrays.update((f"fixed_{name}", getattr(problem.fixed, name)) for name in _FIXED)
    prices = problem.prices
    head = {
        "marks": problem.marks, "limits": astuple(problem.limits),
        "prices": (prices.unassigned, prices.relay, prices.another, prices.band),
    }  # fmt: skip
    return head, arrays


def unpacked(head: Mapping[str, Any], arrays: Mapping[str, Ints]) -> Problem:
    """The same problem again; people and bookings are called by their numbers."""
    unassigned, relay, another, band = head["prices"]
    # what comes over a pipe cannot be written to, and would be compiled for once more
    own = {name: array.copy() for name, array in arrays.items()}
    columns: dict[str, Any] = {name: own[name] for name in COLUMNS}
    return Problem(
        origin=datetime.min.replace(tzinfo=UTC),
        bookings=[str(at) for at in range(len(own["weight"]))],
        people=[str(at) for at in range(len(own["day_limit"]))],
        marks=(head["marks"][0], head["marks"][1]),
        fixed=Fixed(**{name: own[f"fixed_{name}"] for name in _FIXED}),
        limits=Limits(*head["limits"]),
        prices=Prices(unassigned, relay, another, (band[0], band[1])),
        **columns,
    )
