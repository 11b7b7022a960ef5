"""Why somebody may not have a leg of a booking: the one place where rules of matching and what the rest of a plan leaves are told.

Pure: what was read goes in, rule ids with numbers come out. Asked by ``choosing``, for everybody and for one person alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from core.errors import Param
from scheduler.eligibility import NeedContext, Rule, failed_rules
from scheduler.models import Booking
from scheduler.need import Candidate
from scheduler.plans.problem import Ints, Problem
from scheduler.plans.seats import Seats

SAID_NO, OTHER_SIDE, TOO_LONG = "M-11.declined", "M-9.other_side", "S-8.window"
"""What no rule of matching says: declined before, nobody left for the other side of two, too long for one person."""


class ReasonView(TypedDict):
    """One rule that keeps somebody from the cell."""

    rule: str
    params: dict[str, Param]
    beside: str | None
    """Reference of the case whose appointment in this plan stands in the way."""
    beside_at: datetime | None


class WhyNot(TypedDict):
    """Why not this person? An empty list: it would be allowed."""

    booking_id: str
    interpreter: str
    reasons: list[ReasonView]
    points: int | None
    """How much worse than the best possible match they would be; none where a rule forbids it."""


@dataclass(frozen=True)
class Beside:
    """One leg of one booking beside all other work."""

    rows: Mapping[str, Booking]
    """Bookings of the problem."""
    problem: Problem
    chosen: Ints
    booking: int
    """Of the problem."""
    leg: int
    seats: Seats
    declined: frozenset[str]
    """Who has said no to the booking."""


def failed(context: NeedContext, person: Candidate) -> list[Rule]:
    """Rules of matching that the person fails; who is on line now does not matter for an appointment."""
    return [rule for rule in failed_rules(context, person) if rule is not Rule.PRESENCE]


def reasons(beside: Beside, context: NeedContext, person: Candidate, rules: Sequence[Rule]) -> list[ReasonView]:
    """Every rule of matching (``rules``: those that the person fails); if there is none, what the rest of the plan leaves no room for.

    Empty: the person may have the leg.
    """
    found = [_reason(rule.value, context.refusal(rule).params) for rule in rules]
    if person.id in beside.declined:
        found.append(_reason(SAID_NO))
    if found or person.id in beside.seats.free:
        return found
    if person.id not in beside.seats.stuck:
        # Allowed by every rule, but no option of the problem: the work is too long for one person.
        return [_reason(TOO_LONG)]
    obstacle = beside.seats.stuck[person.id]
    if obstacle is None:
        return [_reason(OTHER_SIDE)]
    params: dict[str, Param] = {}
    if obstacle.limit:
        params = {"minutes": obstacle.amount, "limit": obstacle.limit}
    problem = beside.problem
    planned = [leg for leg in obstacle.legs if leg >= 0]
    row = beside.rows[problem.bookings[int(problem.leg_booking[planned[0]])]] if planned else None
    return [_reason(obstacle.fault.value, params, row)]


def _reason(rule: str, params: Mapping[str, Param] | None = None, row: Booking | None = None) -> ReasonView:
    return ReasonView(
        rule=rule,
        params=dict(params or {}),
        beside=row.case_ref if row else None,
        beside_at=row.starts_at if row else None,
    )
