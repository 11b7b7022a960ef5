"""Tables of the ring: ladders that were changed, how people answer, who stood where, push subscriptions, calls that go out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Float, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, CountryScoped


class LadderRow(CountryScoped, Base):
    """The ladder of a country as it was changed by a person; without a row the shipped file counts."""

    __tablename__ = "ladders"
    country: Mapped[str] = mapped_column(String(2), primary_key=True)
    policy: Mapped[dict[str, Any]]
    """``scheduler.ring.policy.LadderPolicy`` as JSON."""
    changed_by: Mapped[str] = mapped_column(String(32))
    changed_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class Standing(Base):
    """How one interpreter answers rings (older answers count less), and the minutes that were agreed for a month."""

    __tablename__ = "ring_standings"
    interpreter_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    asked: Mapped[float] = mapped_column(Float, default=0.0)
    """Rings that were answered or ran out, halved with every half-life."""
    taken: Mapped[float] = mapped_column(Float, default=0.0)
    """Those that were answered with yes."""
    counted_at: Mapped[datetime]
    """The moment for which both numbers hold."""
    target_min: Mapped[int | None] = mapped_column(Integer)
    """Minutes agreed for a month; none: the country's usual ones."""

    __table_args__ = (CheckConstraint("asked >= 0 AND taken >= 0", name="counts"),)


class RingPlace(CountryScoped, Base):
    """Where an interpreter stood in one round, and what decided it: their own ledger. Names no case."""

    __tablename__ = "ring_places"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    booking_id: Mapped[str] = mapped_column(String(40), index=True)
    round: Mapped[int] = mapped_column(Integer)
    interpreter_id: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(index=True)
    rung: Mapped[str] = mapped_column(String(16))
    language: Mapped[str] = mapped_column(String(3))
    place: Mapped[int] = mapped_column(Integer)
    """From 1."""
    of: Mapped[int] = mapped_column(Integer)
    """How many could have been rung."""
    width: Mapped[int] = mapped_column(Integer)
    """How many were rung."""
    chosen: Mapped[bool] = mapped_column(Boolean)
    because: Mapped[str] = mapped_column(String(16))
    """What decided against the last who was rung (or the first who was not): score, idle, share, draw."""
    score: Mapped[int] = mapped_column(Integer)
    idle_min: Mapped[int | None] = mapped_column(Integer)
    share_permille: Mapped[int] = mapped_column(Integer)
    """Minutes of this month, with a newcomer's credit, against the target."""

    __table_args__ = (
        Index("ix_ring_places_person", "interpreter_id", "at"),
        UniqueConstraint("booking_id", "round", "interpreter_id"),
    )


class RingHold(CountryScoped, Base):
    """A request that is kept back from the last fifth of a language, which booked work needs (M-10)."""

    __tablename__ = "ring_holds"
    booking_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    since: Mapped[datetime]
    capacity: Mapped[int] = mapped_column(Integer)
    free: Mapped[int] = mapped_column(Integer)
    reserve: Mapped[int] = mapped_column(Integer)
    lifted_by: Mapped[str | None] = mapped_column(String(40))
    """The coordinator who let it through."""
    lifted_at: Mapped[datetime | None]


class PushSubscription(Base):
    """One browser of an interpreter that may be woken by Web Push."""

    __tablename__ = "push_subscriptions"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    interpreter_id: Mapped[str] = mapped_column(String(40), index=True)
    endpoint: Mapped[str] = mapped_column(String(1000), unique=True)
    p256dh: Mapped[str] = mapped_column(String(120))
    auth: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]
    last_ok_at: Mapped[datetime | None]


class ReachAttempt(CountryScoped, Base):
    """One message to one person by one means outside of the open page: waits, then was sent or failed."""

    __tablename__ = "reach_attempts"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    interpreter_id: Mapped[str] = mapped_column(String(40), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    """``ring`` or ``call_in``."""
    means: Mapped[str] = mapped_column(String(8))
    offer_id: Mapped[str | None] = mapped_column(String(40), index=True)
    booking_id: Mapped[str | None] = mapped_column(String(40), index=True)
    asked_by: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    """waiting, sending, sent, failed, late."""
    reason: Mapped[str | None] = mapped_column(String(24))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    taken_at: Mapped[datetime | None]
    """When a sender took it; one that died is taken over after a while."""
    done_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_reach_attempts_due", "state", "made_at"),)


CONFLICTS: dict[str, str] = {"uq_push_subscriptions_endpoint": "push_taken"}
"""What a refusal by the database means."""
