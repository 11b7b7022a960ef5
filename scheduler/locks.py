"""The locks of the queue, and the one order in which they are taken: a person, a booking, then its session and offers.

On SQLite a unit of work is alone anyway (``BEGIN IMMEDIATE``) and these only read.
"""

from __future__ import annotations

from sqlalchemy import func, select

from core.db.session import UnitOfWork
from core.errors import NotFound
from scheduler.models import Booking


async def hold_person(uow: UnitOfWork, interpreter_id: str) -> None:
    """Nobody else binds this interpreter until the unit ends. Taken before any booking, so that who accepts several
    bookings at once waits without keeping others from them."""
    if uow.dialect == "postgresql":
        await uow.session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"interpreter:{interpreter_id}"))))


async def try_hold_person(uow: UnitOfWork, interpreter_id: str) -> bool:
    """The same for units that hold a booking already: false, instead of waiting, while somebody else binds this interpreter."""
    if uow.dialect != "postgresql":
        return True
    held = func.pg_try_advisory_xact_lock(func.hashtext(f"interpreter:{interpreter_id}"))
    return bool(await uow.session.scalar(select(held)))


async def locked_booking(uow: UnitOfWork, booking_id: str) -> Booking:
    """The booking under its row lock, read anew. Raises ``NotFound('booking_unknown')``."""
    booking = await _lock(uow, booking_id, skip_locked=False)
    if booking is None:
        raise NotFound("booking_unknown")
    return booking


async def try_lock_booking(uow: UnitOfWork, booking_id: str) -> Booking | None:
    """The same, or none while somebody else works on it: for units that hold another booking already."""
    return await _lock(uow, booking_id, skip_locked=True)


async def _lock(uow: UnitOfWork, booking_id: str, *, skip_locked: bool) -> Booking | None:
    await uow.flush()
    found: Booking | None = await uow.session.scalar(
        select(Booking)
        .where(Booking.id == booking_id)
        .with_for_update(skip_locked=skip_locked)
        .execution_options(populate_existing=True)
    )
    return found
