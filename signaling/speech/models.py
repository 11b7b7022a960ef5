"""Tables of draft transcripts: switches, drafts, answers, lines (sealed), and the texts that were put into a record (sealed).

Lines live only as long as their session: at its end they are deleted, whatever becomes of the text.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Integer, LargeBinary, String, false
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, CountryScoped, EnumText
from signaling.speech.states import Answer, DraftState, How, StopReason

COUNTRY_SWITCH = ""
"""Stands in ``step_code`` for the switch of the whole country."""


class SpeechSwitch(CountryScoped, Base):
    """Whether draft transcripts may be made in a country, and there at a step. No row means no."""

    __tablename__ = "speech_switches"
    country: Mapped[str] = mapped_column(String(2), primary_key=True)
    step_code: Mapped[str] = mapped_column(String(16), primary_key=True)
    is_on: Mapped[bool] = mapped_column(Boolean)
    changed_by: Mapped[str] = mapped_column(String(40))
    changed_at: Mapped[datetime]


class SpeechDraft(CountryScoped, Base):
    """The draft transcript of a session."""

    __tablename__ = "speech_drafts"
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[DraftState] = mapped_column(EnumText(DraftState))
    reason: Mapped[StopReason | None] = mapped_column(EnumText(StopReason))
    keep: Mapped[bool] = mapped_column(Boolean, default=False)
    """The officer's decision so far: put the text into the record at the end."""
    asked_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(Integer, default=1)
    """Counts all changes: browsers ask for what changed since theirs."""
    wiped_version: Mapped[int] = mapped_column(Integer, default=0)
    """Lines went away in this change: who knows less must forget all."""
    holder: Mapped[str | None] = mapped_column(String(40))
    """The process that listens."""
    held_until: Mapped[datetime | None]


class _Answered:
    """What somebody was asked and answered."""

    answer: Mapped[Answer] = mapped_column(EnumText(Answer))
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    how: Mapped[How | None] = mapped_column(EnumText(How))
    noted_part: Mapped[str | None] = mapped_column(String(16))
    """Who noted a spoken answer."""
    noted_code: Mapped[str | None] = mapped_column(String(32))


class SpeechConsent(_Answered, CountryScoped, Base):
    """A person's answer, by place."""

    __tablename__ = "speech_consents"
    place_id: Mapped[str] = mapped_column(ForeignKey("session_participants.id", ondelete="CASCADE"), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("speech_drafts.session_id", ondelete="CASCADE"), index=True)


class SpeechBeside(_Answered, CountryScoped, Base):
    """The answer of somebody who sits beside the officer without a device, by their part in the session."""

    __tablename__ = "speech_beside"
    session_id: Mapped[str] = mapped_column(
        ForeignKey("speech_drafts.session_id", ondelete="CASCADE"), primary_key=True
    )
    part: Mapped[str] = mapped_column(String(16), primary_key=True)


class SpeechLine(CountryScoped, Base):
    """An utterance as the machine wrote it, or the place of one that it could not write."""

    __tablename__ = "speech_lines"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("speech_drafts.session_id", ondelete="CASCADE"), index=True)
    place_id: Mapped[str] = mapped_column(String(40))
    language: Mapped[str] = mapped_column(String(3))
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]
    draft_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What the machine wrote; never changed."""
    corrected_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    corrected_part: Mapped[str | None] = mapped_column(String(16))
    missing: Mapped[str | None] = mapped_column(String(16))
    """Why there is no text."""
    shared: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    """Two people spoke into this microphone: the officer, and somebody beside them."""
    changed: Mapped[int] = mapped_column(Integer)
    """The draft's version in which it came or changed."""


class SpeechTranscript(CountryScoped, Base):
    """The text that an officer put into the record of a session."""

    __tablename__ = "speech_transcripts"
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    lines: Mapped[int] = mapped_column(Integer)
    kept_at: Mapped[datetime]
