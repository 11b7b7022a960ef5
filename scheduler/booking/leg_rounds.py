"""One round of the ring for two interpreters: whom each leg rings, for how long, and how the ladder shows it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.ladder import Reach, Rung, RungKind, fits
from scheduler.models import Booking
from scheduler.ranking import Match, match_order

RING = timedelta(seconds=25)
"""How long a leg rings."""
WIDTH = 3
"""How many are rung for one leg at once."""
RUNG = "relay"
_NOT_FOR_LEGS = frozenset({RungKind.OWN, RungKind.COORDINATOR})
"""One person who knows the case stays first by the score; the coordinator is asked when a leg has nobody."""
WAITING_RUNG = "waiting"
"""Of offers to those who got free, whatever the way of the booking."""


@dataclass(frozen=True)
class LegRound:
    """Whom each leg rings now."""

    chosen: Mapping[int, Sequence[Match]]
    """Empty for a leg for which nobody is left on any rung."""
    seconds: int
    """The longest ring among the rungs that ring."""


def by_rungs(free: Mapping[int, Sequence[Match]], ladder: Sequence[Rung], reach: Reach) -> LegRound:
    """Each leg by itself on the first rung of the ladder on which it has somebody (M-11): people of the country on line, those on call,
    the other country, the telephone. A leg that shares its only person with the other one goes a rung further."""
    rungs = [rung for rung in ladder if rung.kind not in _NOT_FOR_LEGS]
    tiers = {
        leg: [(rung, who) for rung in rungs if (who := [match for match in matches if fits(rung.kind, match, reach)])]
        for leg, matches in free.items()
    }
    depth = dict.fromkeys(tiers, 1)
    while True:
        used = {leg: rows[: depth[leg]] for leg, rows in tiers.items()}
        pool = {
            leg: list({match.candidate.id: match for _, who in rows for match in who}.values())
            for leg, rows in used.items()
        }
        widths = {leg: None if any(rung.most is None for rung, _ in rows) else WIDTH for leg, rows in used.items()}
        chosen = shared_out(pool, widths)
        further = [leg for leg in tiers if not chosen[leg] and depth[leg] < len(tiers[leg])]
        if not further:
            break
        for leg in further:
            depth[leg] += 1
    ringing = [rung.seconds for leg, rows in used.items() if chosen[leg] for rung, _ in rows]
    return LegRound(chosen, max(ringing, default=0))


def shared_out(
    free: Mapping[int, Sequence[Match]], widths: Mapping[int, int | None] | None = None
) -> dict[int, list[Match]]:
    """Whom to ring for each leg, nobody for two: who could do several goes where fewer others can. ``widths``: how many a leg rings at
    most, none for everybody."""
    widths = widths or {}
    able = Counter(match.candidate.id for matches in free.values() for match in matches)
    chosen = {leg: [match for match in matches if able[match.candidate.id] == 1] for leg, matches in free.items()}
    places = {
        match.candidate.id: match for matches in free.values() for match in matches if able[match.candidate.id] > 1
    }
    for person in places:
        leg = min(chosen, key=lambda one: (len(chosen[one]), one))
        chosen[leg] += [match for match in free[leg] if match.candidate.id == person]
    return {leg: sorted(matches, key=match_order)[: widths.get(leg, WIDTH)] for leg, matches in chosen.items()}


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
