"""The search for one booking: its ladder, the trail of rungs that it keeps, who was asked already, and when it is given up.

Rings nobody: that is done by ``scheduler.rounds``, which writes each round down here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from core.db.session import ReadUnit
from scheduler.ladder import Round, Rung
from scheduler.lifecycle import AssignmentState, OfferState
from scheduler.models import Assignment, Booking, Offer
from scheduler.ring.policy import LadderPolicy
from scheduler.ring.reserve import KEPT
from scheduler.times import CALLBACK_FOR, GIVE_UP_AFTER, NO_SHOW_AFTER

ASK_AGAIN_AFTER = timedelta(minutes=10)
"""Who said "not now" is not asked again for the same booking before."""
_APPOINTMENT_SHORTEST, _APPOINTMENT_LONGEST = timedelta(minutes=15), timedelta(hours=4)


def ladder_of(booking: Booking, policy: LadderPolicy, now: datetime) -> list[Rung]:
    """The country's ladder; for an appointment the same rungs with hours in place of seconds."""
    ladder = policy.ladder
    if booking.kind == "now":
        return list(ladder)
    span = min(max((booking.starts_at - now) / 4, _APPOINTMENT_SHORTEST), _APPOINTMENT_LONGEST)
    seconds = max(policy.alert_seconds, int(min(span, booking.starts_at - now).total_seconds()))
    return [Rung(rung.kind, seconds if rung.seconds else 0, rung.least, rung.most) for rung in ladder]


def give_up_at(booking: Booking) -> datetime:
    """When a booking without an interpreter is missed."""
    if booking.kind != "now":
        return booking.starts_at + NO_SHOW_AFTER
    began = datetime.fromisoformat(booking.rungs[0]["started_at"]) if booking.rungs else booking.requested_at
    return began + (CALLBACK_FOR if booking.callback else GIVE_UP_AFTER)


def last_rung(booking: Booking) -> int:
    """The index of the rung that rang last; -1 before the first."""
    return max((int(entry["index"]) for entry in booking.rungs), default=-1)


async def asked_already(unit: ReadUnit, booking: Booking) -> set[str]:
    """Who is not rung again: asked in this search, said "not now" lately, or gave this booking back before."""
    base = booking.rungs[0]["round"] if booking.rungs else booking.round + 1
    asked: set[str] = set()
    offers = await unit.session.execute(
        select(Offer.interpreter_id, Offer.round, Offer.state, Offer.answered_at).where(Offer.booking_id == booking.id)
    )
    for offer in offers:
        declined = offer.state is OfferState.DECLINED and offer.answered_at > unit.now - ASK_AGAIN_AFTER
        if offer.round >= base or declined:
            asked.add(offer.interpreter_id)
    gave_back = await unit.session.scalars(
        select(Assignment.interpreter_id).where(
            Assignment.booking_id == booking.id,
            Assignment.state.in_([AssignmentState.RELEASED, AssignmentState.BROKEN]),
        )
    )
    return asked | set(gave_back)


async def ringing_elsewhere(unit: ReadUnit, booking: Booking) -> set[str]:
    """Who is being rung at this moment for another request."""
    rows = await unit.session.scalars(
        select(Offer.interpreter_id)
        .join(Booking, Booking.id == Offer.booking_id)
        .where(
            Offer.state == OfferState.PENDING,
            Offer.expires_at > unit.now,
            Booking.kind == "now",
            Offer.booking_id != booking.id,
        )
    )
    return set(rows)


def note_round(booking: Booking, found: Round | None, plan: Sequence[Rung], now: datetime) -> None:
    """Write into the booking which rungs are done, skipped and running (a new list, so that the change is seen).

    The first entry keeps the ladder with which the search began.
    """
    rungs: list[dict[str, Any]] = [
        {**entry, "state": "done", "ends_at": min(entry["ends_at"] or now.isoformat(), now.isoformat())}
        if entry["state"] == "now"
        else dict(entry)
        for entry in booking.rungs
    ]
    if found is not None:
        number = found.state.round
        rungs += [
            _entry(skip.rung, skip.kind.value, "skipped", number, now, reason=skip.reason.value)
            for skip in found.skipped
        ]
        current = _entry(found.state.rung, found.kind.value, "now", number, now, count=len(found.matches))
        current["ends_at"] = found.deadline.isoformat() if found.deadline else None
        rungs.append(current)
    if rungs:
        rungs[0]["plan"] = [asdict(rung) for rung in plan]
    booking.rungs = rungs


def note_kept_back(booking: Booking, plan: Sequence[Rung], now: datetime) -> None:
    """The search has begun and rings nobody yet (M-10): no rung, only the note why."""
    entry = _entry(-1, "kept", "now", booking.round, now, reason=KEPT)
    booking.rungs = [{**entry, "plan": [asdict(rung) for rung in plan]}]


def _entry(
    index: int,
    code: str,
    state: str,
    number: int,
    now: datetime,
    *,
    count: int | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    return {
        "index": index,
        "code": code,
        "state": state,
        "count": count,
        "reason": reason,
        "round": number,
        "started_at": now.isoformat(),
        "ends_at": None,
    }
