"""Tables of the step-down ladder: one row of state a session, one row a telephone call that the ladder makes, questions to everybody."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, CountryScoped, EnumText
from signaling.fallback.states import CallState, OpeningState

_OPEN_CALL = "state IN ('waiting','placing','calling')"


class FallbackRoom(CountryScoped, Base):
    """What holds for a whole session: sound only for everybody, what was proposed and what was answered."""

    __tablename__ = "fallback_rooms"
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, default=0)
    """Grows with every change that browsers are told: news that overtake each other end in the newest."""
    sound_only: Mapped[bool] = mapped_column(Boolean, default=False)
    stop_reason: Mapped[str | None] = mapped_column(String(24))
    """Why it is proposed to stop and book again; none: it is not proposed."""
    stop_at: Mapped[datetime | None]
    answered_losses: Mapped[int] = mapped_column(Integer, default=0)
    """Interruptions there were when the officer last answered such a proposal: only further ones renew it."""
    repeated_at: Mapped[datetime | None]
    """When the officer last said that the question was repeated after a long loss."""
    told: Mapped[str | None] = mapped_column(String(64))
    """Digest of what the room was told last; none: all is calm. A round tells only what is new."""
    agreement: Mapped[str | None] = mapped_column(String(8))
    """The person's answer to going on by telephone (S-11): asked, yes, no; none while nobody is on the telephone or none is needed."""
    agreement_how: Mapped[str | None] = mapped_column(String(12))
    """own_screen or interpreter."""
    agreement_at: Mapped[datetime | None]


class FallbackCall(CountryScoped, Base):
    """One attempt to reach somebody in a session by telephone."""

    __tablename__ = "fallback_calls"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    place_id: Mapped[str] = mapped_column(ForeignKey("session_participants.id", ondelete="CASCADE"))
    state: Mapped[CallState] = mapped_column(EnumText(CallState))
    reason: Mapped[str] = mapped_column(String(16))
    """Why it is made: line_lost, weak_line, asked."""
    lost_from: Mapped[datetime | None]
    """Start of the loss that it answers: one call by itself for each loss."""
    due_at: Mapped[datetime]
    """When it is rung unless the line is back or somebody says no."""
    placed_at: Mapped[datetime | None]
    leg_id: Mapped[str | None] = mapped_column(String(40), index=True)
    leg_state: Mapped[str | None] = mapped_column(String(12))
    """As telephony tells it: queued, ringing, asked, held, in_room, ended."""
    why: Mapped[str | None] = mapped_column(String(40))
    """Why it is over."""
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ux_fallback_calls_open",
            "place_id",
            unique=True,
            sqlite_where=text(_OPEN_CALL),
            postgresql_where=text(_OPEN_CALL),
        ),
    )


class Opening(CountryScoped, Base):
    """The question to everybody in a sealed session whether it may become open."""

    __tablename__ = "fallback_openings"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    state: Mapped[OpeningState] = mapped_column(EnumText(OpeningState))
    reason: Mapped[str] = mapped_column(String(16))
    """What it is for: phone or recording."""
    asked_by: Mapped[str] = mapped_column(String(16))
    """Part of who asked."""
    asked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ux_fallback_openings_asked",
            "session_id",
            unique=True,
            sqlite_where=text("state = 'asked'"),
            postgresql_where=text("state = 'asked'"),
        ),
    )


class OpeningAnswer(CountryScoped, Base):
    """One person's answer."""

    __tablename__ = "fallback_opening_answers"
    opening_id: Mapped[str] = mapped_column(ForeignKey("fallback_openings.id", ondelete="CASCADE"), primary_key=True)
    place_id: Mapped[str] = mapped_column(ForeignKey("session_participants.id", ondelete="CASCADE"), primary_key=True)
    agreed: Mapped[bool] = mapped_column(Boolean)
    at: Mapped[datetime]


CONFLICTS = {"ux_fallback_calls_open": "call_under_way", "ux_fallback_openings_asked": "opening_asked_already"}
