"""The posts of a briefing as others need them: how many there are, and who of those in the room has the word. Reads only."""

from __future__ import annotations

from sqlalchemy import func, select

from core.db.session import ReadUnit
from records.session_plan import GroupFacts
from scheduler.briefings.models import Briefing, BriefingPost
from scheduler.models import Booking

LISTENER = "listener"
"""Participant part of a post in the room."""
MOST_POSTS = 30
"""Posts of one briefing, at most: the room is made for them (``media.protocol``)."""


async def group_of(unit: ReadUnit, booking: Booking) -> GroupFacts:
    """What the session of a briefing keeps in place of a case."""
    posts = await unit.session.scalar(
        select(func.count()).select_from(BriefingPost).where(BriefingPost.briefing_id == booking.briefing_id)
    )
    return GroupFacts(country=booking.country, step_code=booking.step_code, posts=int(posts or 0))


async def has_word(unit: ReadUnit, place_id: str) -> bool:
    """Whether the post in this place may speak now."""
    at = await unit.session.scalar(select(BriefingPost.word_at).where(BriefingPost.place_id == place_id))
    return at is not None


async def briefing_of_session(unit: ReadUnit, session_id: str) -> str | None:
    """The briefing that a session is; none for the session of a case."""
    found: str | None = await unit.session.scalar(
        select(Briefing.id).join(Booking, Booking.id == Briefing.booking_id).where(Booking.session_id == session_id)
    )
    return found
