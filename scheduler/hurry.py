"""What the clock alone changes about a request that waits: its class (M-10), and that a coordinator is called for a must-wish (M-3).

Pure instants, and what the worker looks for; ``bookings`` does what follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, select

from core.db.session import ReadUnit
from records.case_facts import StepFacts
from records.case_write import REMOVAL_PAST
from scheduler.lifecycle import LAST_CALL, REMOVAL_CALL, BookingState
from scheduler.models import Booking

MUST_NOW = timedelta(minutes=5)
"""How long a request for now may look for somebody who meets a wish that must be met, before a coordinator is called (M-3)."""
MUST_BOOKED = timedelta(hours=48)
"""The same for an appointment; and how long before it begins a coordinator is called at the latest."""
SEARCHING = (BookingState.REQUESTED, BookingState.OFFERING, BookingState.UNFILLED)
"""States in which somebody is looked for."""
WAITING = (*SEARCHING, BookingState.HELD, BookingState.ASSIGNED)
"""States in which the class still says something."""
_BATCH = 50


def reclass_at(facts: StepFacts, now: datetime) -> datetime | None:
    """The next instant at which the class of a request for this step changes although nobody changes the case (M-10).

    A removal comes within 24 h or is over, a legal time limit comes within 72 h or runs out, an urgent need expires.
    """
    moments: list[datetime | None] = [facts.urgent_until]
    if facts.removal_at is not None:
        moments += [facts.removal_at - REMOVAL_CALL, facts.removal_at + REMOVAL_PAST]
    if facts.deadline_at is not None:
        moments += [facts.deadline_at - LAST_CALL, facts.deadline_at]
    return min((moment for moment in moments if moment is not None and moment > now), default=None)


def must_due_at(facts: StepFacts, *, on_demand: bool, asked_at: datetime, starts_at: datetime) -> datetime | None:
    """Until when somebody has to be found who meets a wish that must be met (M-3); none where the wish may be passed over.

    An appointment that is asked for late is escalated after the short time: two days before it are gone already.
    """
    if not facts.sex_must:
        return None
    soonest = asked_at + MUST_NOW
    return soonest if on_demand else max(soonest, min(asked_at + MUST_BOOKED, starts_at - MUST_BOOKED))


def note_clock(booking: Booking, facts: StepFacts, now: datetime, *, fixed_class: bool = False) -> None:
    """Write down in a booking when the clock will change it; ``fixed_class``: its class does not follow the case."""
    booking.reclass_at = None if fixed_class else reclass_at(facts, now)
    booking.must_due_at = must_due_at(
        facts, on_demand=booking.kind == "now", asked_at=booking.requested_at, starts_at=booking.starts_at
    )


def must_unmet(booking: Booking) -> bool:
    """Whether a coordinator was called because nobody meets a wish that must be met, and still nobody does."""
    escalated = booking.must_escalated_at is not None and booking.must_due_at is not None
    return escalated and booking.interpreter_id is None and booking.state in SEARCHING


MUST_UNMET = and_(
    Booking.must_escalated_at.is_not(None),
    Booking.must_due_at.is_not(None),
    Booking.interpreter_id.is_(None),
    Booking.state.in_(SEARCHING),
)
""":func:`must_unmet` as an expression to order by."""


async def due_for_reclass(unit: ReadUnit, now: datetime) -> Sequence[str]:
    """Requests whose class the clock has changed."""
    wanted = select(Booking.id).where(Booking.reclass_at <= now, Booking.state.in_(WAITING))
    return (await unit.session.scalars(wanted.order_by(Booking.reclass_at).limit(_BATCH))).all()


async def unmet_musts(unit: ReadUnit, now: datetime) -> Sequence[str]:
    """Requests whose wish that must be met nobody has met in time, and for which no coordinator was called yet."""
    wanted = select(Booking.id).where(
        Booking.must_due_at <= now, Booking.must_escalated_at.is_(None), Booking.state.in_(SEARCHING)
    )
    return (await unit.session.scalars(wanted.order_by(Booking.must_due_at).limit(_BATCH))).all()
