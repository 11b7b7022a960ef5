"""The line of appointments that wait for somebody, and how many stand before one of them. Reads only; ``waiting`` serves it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import aliased

from core.db.session import ReadUnit
from scheduler.lifecycle import BookingState
from scheduler.models import Booking

WAITING = (BookingState.OFFERING, BookingState.UNFILLED)
"""States of a booking that lacks somebody."""


async def ahead_of(unit: ReadUnit, booking_ids: Sequence[str]) -> dict[str, int]:
    """How many older appointments of the same country and language wait for somebody in the same hours; they are looked at first.

    Only appointments that wait are in the answer.
    """
    mine, older = aliased(Booking), aliased(Booking)
    before = or_(
        older.priority < mine.priority,
        and_(older.priority == mine.priority, older.requested_at < mine.requested_at),
        and_(older.priority == mine.priority, older.requested_at == mine.requested_at, older.id < mine.id),
    )
    same = and_(
        older.country == mine.country,
        older.language == mine.language,
        older.kind != "now",
        older.state.in_(WAITING),
        older.starts_at < mine.ends_at,
        older.ends_at > mine.starts_at,
    )
    rows = await unit.session.execute(
        select(mine.id, func.count(older.id).label("ahead"))
        .outerjoin(older, and_(same, before))
        .where(mine.id.in_(booking_ids), mine.kind != "now", mine.state.in_(WAITING))
        .group_by(mine.id)
    )
    return {row.id: row.ahead for row in rows}
