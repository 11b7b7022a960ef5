"""Emits the facts of the queue with their bodies (see ``events``), so that every writer tells them alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import select

from core.db.session import ReadUnit, UnitOfWork
from scheduler.events import ASSIGNMENT_CHANGED, BOOKING_CHANGED, OFFER_ENDED, OFFER_SENT, PRESENCE_CHANGED
from scheduler.models import Assignment, Booking, Interpreter, Offer, Presence
from scheduler.workloads import presence_state, workloads


async def accounts(unit: ReadUnit, interpreter_ids: Iterable[str]) -> dict[str, str | None]:
    """The account of each interpreter, None where there is none."""
    ids = sorted(set(interpreter_ids))
    if not ids:
        return {}
    rows = await unit.session.execute(select(Interpreter.id, Interpreter.user_id).where(Interpreter.id.in_(ids)))
    return {row.id: row.user_id for row in rows}


def tell_booking(uow: UnitOfWork, booking: Booking) -> None:
    """``booking.changed``."""
    body = {
        "booking_id": booking.id,
        "case_id": booking.case_id,
        "country": booking.country,
        "state": booking.state.value,
        "round": booking.round,
        "requested_by": booking.requested_by,
        "interpreter_id": booking.interpreter_id,
        "session_id": booking.session_id,
    }
    uow.emit(BOOKING_CHANGED, body, country=booking.country)


def tell_offer_sent(uow: UnitOfWork, booking: Booking, offer: Offer, user_id: str | None) -> None:
    """``offer.sent``."""
    body = {
        "offer_id": offer.id,
        "booking_id": booking.id,
        "interpreter_id": offer.interpreter_id,
        "user_id": user_id,
        "country": booking.country,
        "kind": booking.kind,
        "round": offer.round,
        "expires_at": offer.expires_at.isoformat(),
    }
    uow.emit(OFFER_SENT, body, country=booking.country)


def tell_offer_ended(
    uow: UnitOfWork,
    booking: Booking,
    offer_id: str,
    interpreter_id: str,
    user_id: str | None,
    *,
    state: str,
    reason: str | None,
) -> None:
    """``offer.ended``."""
    body = {
        "offer_id": offer_id,
        "booking_id": booking.id,
        "interpreter_id": interpreter_id,
        "user_id": user_id,
        "country": booking.country,
        "state": state,
        "reason": reason,
    }
    uow.emit(OFFER_ENDED, body, country=booking.country)


async def tell_assignment(
    uow: UnitOfWork, booking: Booking, assignment: Assignment, *, users: Mapping[str, str | None] | None = None
) -> None:
    """``assignment.changed``, and ``presence.changed`` since who works is busy. ``users``: accounts that are known already."""
    user = users if users is not None else await accounts(uow, [assignment.interpreter_id])
    body = {
        "assignment_id": assignment.id,
        "booking_id": booking.id,
        "session_id": booking.session_id,
        "interpreter_id": assignment.interpreter_id,
        "user_id": user.get(assignment.interpreter_id),
        "country": booking.country,
        "state": assignment.state.value,
    }
    uow.emit(ASSIGNMENT_CHANGED, body, country=booking.country)
    await tell_presence(uow, [assignment.interpreter_id])


async def tell_presence(uow: UnitOfWork, interpreter_ids: Iterable[str]) -> None:
    """``presence.changed`` with the state as it is after what this unit did."""
    ids = sorted(set(interpreter_ids))
    if not ids:
        return
    await uow.flush()
    loads = await workloads(uow, ids, uow.now)
    rows = await uow.session.execute(
        select(Interpreter.id, Interpreter.user_id, Interpreter.base_country, Presence.wanted, Presence.seen_until)
        .outerjoin(Presence, Presence.interpreter_id == Interpreter.id)
        .where(Interpreter.id.in_(ids))
        .order_by(Interpreter.id)
    )
    allowed = sorted(country.value for country in uow.actor.countries)
    for row in rows:
        state = presence_state(row.wanted, row.seen_until, loads[row.id], uow.now)
        # The fact belongs to the base country; who acts for another one alone may only tell it there.
        country = row.base_country if row.base_country in allowed else allowed[0]
        body = {
            "interpreter_id": row.id,
            "user_id": row.user_id,
            "country": row.base_country,
            "state": state.value,
        }
        uow.emit(PRESENCE_CHANGED, body, country=country)
