"""The line of appointments that wait for somebody, and how many stand before one of them. Reads only; ``booking.waiting`` serves it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TypedDict

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import aliased

from core.db.session import ReadUnit
from records.stages import Stage
from scheduler.legs import Way, leg_pair, needs_leave
from scheduler.lifecycle import BookingState
from scheduler.models import Booking
from scheduler.times import NO_SHOW_AFTER

WAITING = (BookingState.OFFERING, BookingState.UNFILLED)
"""States of a booking that lacks somebody."""


class OpenPlace(TypedDict):
    """A place of a waiting booking that nobody has, and between which languages its interpreter works.

    None is the third language of a relay that is not known yet.
    """

    leg: int
    from_language: str | None
    to_language: str | None


class WaitingView(TypedDict):
    """How an appointment stands in the line of those that wait for somebody."""

    ahead: int
    """Older ones of the same language in the same hours; they are looked at first."""
    open: list[OpenPlace]
    until: datetime
    """When it is given up if nobody is found."""


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


def in_line(booking: Booking, stage: Stage) -> bool:
    """Whether somebody who gets free may be given to it. A relay that needs a coordinator's word waits for that alone (M-9)."""
    silent = Way(booking.way) is Way.RELAY and needs_leave(stage, booking.relay_state)
    return booking.kind != "now" and booking.state in WAITING and not silent


def waiting_view(booking: Booking, taken: Collection[int], ahead: int) -> WaitingView:
    """How a waiting booking stands; ``taken`` are the places that somebody has."""
    way = Way(booking.way)
    places = []
    for leg in (leg for leg in way.legs if leg not in taken):
        spoken, officer = leg_pair(way, booking.pivot, leg, booking.language, booking.officer_language)
        unknown = way is Way.RELAY and booking.pivot is None
        places.append(
            OpenPlace(
                leg=leg,
                from_language=None if unknown and leg == 2 else spoken,
                to_language=None if unknown and leg == 1 else officer,
            )
        )
    return WaitingView(ahead=ahead, open=places, until=booking.starts_at + NO_SHOW_AFTER)
