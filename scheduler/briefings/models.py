"""Tables of group briefings (R-7): the briefing, its listening posts, and what each post says of its groups.

No person stands anywhere in here: posts are places of work, groups are numbers and counts.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, CountryScoped, EnumText


class Understood(StrEnum):
    """Whether a group heard and understood what was told."""

    YES = "yes"
    NO = "no"
    NOT_ALL = "not_all"


class Briefing(CountryScoped, Base):
    """An information statement to groups at several posts at once, through one interpreter. It belongs to nobody's case."""

    __tablename__ = "briefings"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    booking_id: Mapped[str] = mapped_column(ForeignKey("bookings.id"), unique=True)
    site: Mapped[str] = mapped_column(String(32))
    """From where it is led."""
    authority: Mapped[str] = mapped_column(String(16))
    step_code: Mapped[str] = mapped_column(String(16))
    """The step whose information is told; the catalogue says which steps allow it."""
    language: Mapped[str] = mapped_column(String(3))
    officer_language: Mapped[str] = mapped_column(String(3))
    led_by: Mapped[str] = mapped_column(String(40))
    leader_code: Mapped[str] = mapped_column(String(32))
    made_at: Mapped[datetime] = mapped_column(index=True)


class BriefingPost(CountryScoped, Base):
    """A post that listens: a loudspeaker or a tablet at a site, with a link of its own."""

    __tablename__ = "briefing_posts"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    briefing_id: Mapped[str] = mapped_column(ForeignKey("briefings.id"), index=True)
    site: Mapped[str] = mapped_column(String(32))
    nr: Mapped[int] = mapped_column(Integer)
    """Counts the posts of one briefing, from 1."""
    link_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    """SHA-256 of the secret in the post's link; a new link makes the old one worthless."""
    place_id: Mapped[str | None] = mapped_column(String(40), unique=True)
    """Its place in the session, once it has come in."""
    word_at: Mapped[datetime | None]
    """Since when it may speak; none: it only listens."""

    __table_args__ = (UniqueConstraint("briefing_id", "nr"),)


class BriefingAnswer(CountryScoped, Base):
    """What a post says of one of its groups: how many people, and whether they heard and understood."""

    __tablename__ = "briefing_answers"
    post_id: Mapped[str] = mapped_column(ForeignKey("briefing_posts.id"), primary_key=True)
    group_no: Mapped[int] = mapped_column(Integer, primary_key=True)
    people: Mapped[int] = mapped_column(Integer)
    answer: Mapped[Understood] = mapped_column(EnumText(Understood))
    at: Mapped[datetime]

    __table_args__ = (CheckConstraint("people BETWEEN 1 AND 999", name="people"),)


CONFLICTS: dict[str, str] = {"uq_briefing_posts_briefing_id_nr": "changed_meanwhile"}
"""What a refusal by the database means."""
