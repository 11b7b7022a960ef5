"""Tables of telephony: numbers (sealed), calls, text messages, PINs (hashed), tries, and news of carriers that were heard already."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, CountryScoped, EnumText
from signaling.telephony.port import LegState, LegWhy
from signaling.telephony.text_port import TextState


class PhoneNumber(Base):
    """The telephone of an interpreter or of another member of staff. The number itself is sealed and shown as its last two digits."""

    __tablename__ = "phone_numbers"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    interpreter_id: Mapped[str | None] = mapped_column(ForeignKey("interpreters.id", ondelete="CASCADE"), unique=True)
    user_id: Mapped[str | None] = mapped_column(String(40), unique=True)
    """For staff who do not interpret."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """E.164, sealed for this row (``core.crypto``)."""
    digest: Mapped[str] = mapped_column(String(64), index=True)
    """Keyed digest: recognises a caller, opens nothing."""
    last_two: Mapped[str] = mapped_column(String(2))
    region: Mapped[str] = mapped_column(String(4))
    """Country of the number by its prefix (``RS``, ``MK``, ``XX``): what decides the price."""
    set_by: Mapped[str] = mapped_column(String(40))
    set_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    """When somebody who lifted there typed the code that the page showed; before that only the call for it goes there."""

    __table_args__ = (CheckConstraint("(interpreter_id IS NULL) <> (user_id IS NULL)", name="one_owner"),)


class NumberCheck(Base):
    """One call by which a number is confirmed. Outlives the number, so that entering it again resets no limit."""

    __tablename__ = "number_checks"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    number_id: Mapped[str] = mapped_column(String(40), index=True)
    number_digest: Mapped[str] = mapped_column(String(64))
    """As in ``phone_numbers``: counts, opens nothing."""
    code_digest: Mapped[str] = mapped_column(String(64))
    """Keyed digest of the code for this row only; the row's id once it is used."""
    leg_id: Mapped[str] = mapped_column(String(40), unique=True)
    made_by: Mapped[str] = mapped_column(String(40))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_number_checks_number_digest", "number_digest", "made_at"),
        Index("ix_number_checks_made_by", "made_by", "made_at"),
    )


class PhoneLeg(CountryScoped, Base):
    """One telephone call: where it stands and what became of it. Names no number; ``number_id`` does, until that row is deleted."""

    __tablename__ = "phone_legs"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    session_id: Mapped[str | None] = mapped_column(String(40), index=True)
    place_id: Mapped[str | None] = mapped_column(String(40))
    interpreter_id: Mapped[str | None] = mapped_column(String(40), index=True)
    """For rings: whose offer it is."""
    offer_id: Mapped[str | None] = mapped_column(String(40))
    number_id: Mapped[str | None] = mapped_column(ForeignKey("phone_numbers.id", ondelete="SET NULL"))
    direction: Mapped[str] = mapped_column(String(3))
    """``out`` or ``in``."""
    reason: Mapped[str] = mapped_column(String(12))
    """``port.CallReason``."""
    asked_by: Mapped[str] = mapped_column(String(40))
    locale: Mapped[str] = mapped_column(String(8))
    provider: Mapped[str] = mapped_column(String(12))
    call_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    """The carrier's name of the call."""
    state: Mapped[LegState] = mapped_column(EnumText(LegState), default=LegState.QUEUED)
    why: Mapped[LegWhy | None] = mapped_column(EnumText(LegWhy))
    error: Mapped[str | None] = mapped_column(String(40))
    """A code of ``telephony.troubles``."""
    carrier_code: Mapped[int | None] = mapped_column(Integer)
    region: Mapped[str] = mapped_column(String(4), default="XX")
    made_at: Mapped[datetime]
    due_at: Mapped[datetime]
    """Not placed before; moved on by back-off."""
    expires_at: Mapped[datetime | None]
    """A call that could not be placed by then is of no use."""
    taken_at: Mapped[datetime | None]
    """When it was handed to the carrier. A call is never handed over twice."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    rung_at: Mapped[datetime | None]
    lifted_at: Mapped[datetime | None]
    joined_at: Mapped[datetime | None]
    """When it came into the room first."""
    ended_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(Integer, default=0)
    """Wrong PINs in this call, or waits of a held one."""
    caller: Mapped[str | None] = mapped_column(String(64))
    called: Mapped[str | None] = mapped_column(String(64))
    """For calls that come in: keyed digests of both numbers, by which wrong PINs are counted."""
    ticket_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    """For the carrier's stream of sound; used once."""
    ticket_until: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_phone_legs_due", "state", "due_at"),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended"),
    )


class PhoneText(CountryScoped, Base):
    """One text message of the ring: that a request waits, and nothing else. Names no number and no case."""

    __tablename__ = "phone_texts"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    interpreter_id: Mapped[str] = mapped_column(String(40), index=True)
    reference: Mapped[str] = mapped_column(String(40))
    """Offer, or request to come on duty."""
    kind: Mapped[str] = mapped_column(String(12))
    """``core.notify.NoteKind``."""
    number_id: Mapped[str | None] = mapped_column(ForeignKey("phone_numbers.id", ondelete="SET NULL"))
    locale: Mapped[str] = mapped_column(String(8))
    provider: Mapped[str] = mapped_column(String(12))
    message_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    """The carrier's name of the message."""
    state: Mapped[TextState] = mapped_column(EnumText(TextState), default=TextState.QUEUED)
    error: Mapped[str | None] = mapped_column(String(40))
    """A code of ``telephony.troubles``."""
    carrier_code: Mapped[int | None] = mapped_column(Integer)
    made_at: Mapped[datetime] = mapped_column(index=True)
    due_at: Mapped[datetime]
    """Not sent before; moved on by back-off."""
    expires_at: Mapped[datetime]
    """Later it says nothing that is still true."""
    taken_at: Mapped[datetime | None]
    """When it was handed to the carrier. A message is never handed over twice."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    done_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_phone_texts_due", "state", "due_at"), UniqueConstraint("reference"))


class DialInPin(CountryScoped, Base):
    """A PIN with which one person calls into one session, once. Six digits are few: hence the keyed hash, minutes, and tries."""

    __tablename__ = "dial_in_pins"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    session_id: Mapped[str] = mapped_column(String(40), index=True)
    place_id: Mapped[str] = mapped_column(String(40))
    digest: Mapped[str] = mapped_column(String(64))
    locale: Mapped[str] = mapped_column(String(8))
    made_by: Mapped[str] = mapped_column(String(40))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("digest"),)


class PinTry(Base):
    """One PIN that was typed: who tries too often is let wait. Caller and called number as keyed digests only."""

    __tablename__ = "pin_tries"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    caller: Mapped[str] = mapped_column(String(64))
    called: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]

    __table_args__ = (Index("ix_pin_tries_caller", "caller", "at"), Index("ix_pin_tries_called", "called", "at"))


class CarrierNews(Base):
    """News of a carrier that was heard: the same again changes nothing."""

    __tablename__ = "carrier_news"
    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    """The carrier's sequence number within the call."""
    at: Mapped[datetime] = mapped_column(index=True)


CONFLICTS: dict[str, str] = {
    "uq_dial_in_pins_digest": "pin_taken",
    "uq_phone_numbers_interpreter_id": "number_changed_meanwhile",
    "uq_phone_numbers_user_id": "number_changed_meanwhile",
    "uq_phone_legs_call_id": "call_known",
    "uq_phone_texts_reference": "text_queued_already",
    "uq_phone_texts_message_id": "message_known",
    "uq_phone_legs_ticket_hash": "ticket_known",
}
"""What a refusal by the database means."""
