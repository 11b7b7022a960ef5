"""Reads the few columns that the policies decide about. Things outside the asker's countries are not found at all."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from core.db.session import ReadUnit
from core.errors import NotFound
from records.models import Case, Session
from scheduler.models import Assignment, Booking, Interpreter, Offer
from scheduler.pool_life.served import interpreters_of_session
from signaling.policy import BookingFacts, CaseFacts, SessionFacts


async def case_facts(unit: ReadUnit, case_id: str) -> CaseFacts:
    """Raises ``NotFound('case_unknown')``."""
    row = (await unit.session.execute(select(Case.country, Case.authority).where(Case.id == case_id))).one_or_none()
    if row is None:
        raise NotFound("case_unknown")
    return CaseFacts(row.country, row.authority)


async def session_facts(unit: ReadUnit, session_id: str) -> SessionFacts:
    """Raises ``NotFound('session_unknown')``."""
    row = (
        await unit.session.execute(
            select(
                Session.country,
                func.coalesce(Case.authority, Booking.authority).label("authority"),
                Session.officer_user_id,
            )
            .outerjoin(Case, Case.id == Session.case_id)
            .outerjoin(Booking, Booking.id == Session.booking_id)
            .where(Session.id == session_id)
        )
    ).one_or_none()
    if row is None:
        raise NotFound("session_unknown")
    people = await interpreters_of_session(unit, session_id)
    return SessionFacts(row.country, row.authority, row.officer_user_id, people)


async def booking_facts(unit: ReadUnit, booking_id: str) -> BookingFacts:
    """Raises ``NotFound('booking_unknown')``."""
    row = (
        await unit.session.execute(
            select(Booking.country, Booking.authority, Booking.requested_by).where(Booking.id == booking_id)
        )
    ).one_or_none()
    if row is None:
        raise NotFound("booking_unknown")
    return BookingFacts(row.country, row.authority, row.requested_by)


@dataclass(frozen=True)
class Asked:
    """Whose offer or assignment it is, and of which booking."""

    interpreter_id: str
    booking_id: str
    country: str


async def offered_to(unit: ReadUnit, offer_id: str) -> Asked:
    """The interpreter to whom an offer was made. Raises ``NotFound('offer_unknown')``."""
    row = (
        await unit.session.execute(
            select(Offer.interpreter_id, Offer.booking_id, Booking.country)
            .join(Booking, Booking.id == Offer.booking_id)
            .where(Offer.id == offer_id)
        )
    ).one_or_none()
    if row is None:
        raise NotFound("offer_unknown")
    return Asked(row.interpreter_id, row.booking_id, row.country)


async def assigned_to(unit: ReadUnit, assignment_id: str) -> Asked:
    """The interpreter of an assignment. Raises ``NotFound('assignment_unknown')``."""
    row = (
        await unit.session.execute(
            select(Assignment.interpreter_id, Assignment.booking_id, Booking.country)
            .join(Booking, Booking.id == Assignment.booking_id)
            .where(Assignment.id == assignment_id)
        )
    ).one_or_none()
    if row is None:
        raise NotFound("assignment_unknown")
    return Asked(row.interpreter_id, row.booking_id, row.country)


async def base_country(unit: ReadUnit, interpreter_id: str) -> str:
    """Where an interpreter works. Raises ``NotFound('interpreter_unknown')``."""
    found: str | None = await unit.session.scalar(
        select(Interpreter.base_country).where(Interpreter.id == interpreter_id)
    )
    if found is None:
        raise NotFound("interpreter_unknown")
    return found
