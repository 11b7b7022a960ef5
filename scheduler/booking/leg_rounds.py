"""One round of the ring for two interpreters: whom each leg rings, for how long, and how the ladder shows it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from scheduler.models import Booking
from scheduler.ranking import Match, match_order

RING = timedelta(seconds=25)
"""How long a leg rings."""
WIDTH = 3
"""How many are rung for one leg at once."""
RUNG = "relay"
WAITING_RUNG = "waiting"
"""Of offers to those who got free, whatever the way of the booking."""


def shared_out(free: Mapping[int, Sequence[Match]]) -> dict[int, list[Match]]:
    """Whom to ring for each leg, nobody for two: who could do several goes where fewer others can."""
    able = Counter(match.candidate.id for matches in free.values() for match in matches)
    chosen = {leg: [match for match in matches if able[match.candidate.id] == 1] for leg, matches in free.items()}
    places = {
        match.candidate.id: match for matches in free.values() for match in matches if able[match.candidate.id] > 1
    }
    for person in places:
        leg = min(chosen, key=lambda one: (len(chosen[one]), one))
        chosen[leg] += [match for match in free[leg] if match.candidate.id == person]
    return {leg: sorted(matches, key=match_order)[:WIDTH] for leg, matches in chosen.items()}


def ring_for(booking: Booking, now: datetime) -> timedelta:
    """How long a round lasts: seconds for now, for an appointment a quarter of the time that is left, at most four hours."""
    if booking.kind == "now":
        return RING
    left = booking.starts_at - now
    return max(min(left / 4, timedelta(hours=4)), min(left, timedelta(minutes=15)), RING)


def leg_entry(booking: Booking, count: int, now: datetime) -> dict[str, object]:
    """The round as the ladder shows it; the ladder's own rungs keep their indexes."""
    plan = {"plan": booking.rungs[0]["plan"]} if booking.rungs and "plan" in booking.rungs[0] else {}
    return {
        "index": -2,
        "code": RUNG,
        "state": "now",
        "count": count,
        "reason": None,
        "round": booking.round,
        "started_at": now.isoformat(),
        "ends_at": booking.next_round_at.isoformat() if booking.next_round_at else None,
        **({} if booking.rungs else plan),
    }
