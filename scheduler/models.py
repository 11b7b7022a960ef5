"""Tables of the pool and of the queue: interpreters, presence, bookings, offers, assignments, cross-border gates.

Double booking is impossible here and not only in the code: an exclusion constraint (PostgreSQL) and triggers (SQLite)
forbid two held or active assignments of one interpreter that overlap, a partial unique index allows one winner per booking and leg.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db.base import Base, CountryScoped, EnumText
from scheduler.lifecycle import AssignmentState, BookingState, OfferState, ProposalState


class Interpreter(Base):
    """A person of the regional pool (domain 3.1). Who may see which field is decided in ``signaling.policy``."""

    __tablename__ = "interpreters"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    user_id: Mapped[str | None] = mapped_column(String(40), unique=True)
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    nominated_by: Mapped[str] = mapped_column(String(8))
    engagement: Mapped[str] = mapped_column(String(12))
    base_country: Mapped[str] = mapped_column(String(2), index=True)
    time_zone: Mapped[str] = mapped_column(String(40))
    location_status: Mapped[str] = mapped_column(String(16))
    """approved_room, approved_home, unapproved (T-6)."""
    sex: Mapped[str] = mapped_column(String(12))
    """woman, man, other; for matching only, never shown to officers (M-8)."""
    level: Mapped[str] = mapped_column(String(2))
    """Accreditation level L0..L3 (domain 3.3)."""
    officer_languages: Mapped[list[str]] = mapped_column(default=list)
    region_of_language: Mapped[str | None] = mapped_column(String(80))
    training: Mapped[list[Any]] = mapped_column(default=list)
    """``[{code, date, expires}]`` with ISO dates."""
    sworn: Mapped[dict[str, Any] | None]
    vetting_result: Mapped[str] = mapped_column(String(8), default="none")
    vetting_expires: Mapped[datetime | None]
    nda_version: Mapped[str | None] = mapped_column(String(16))
    nda_expires: Mapped[datetime | None]
    conduct_version: Mapped[str | None] = mapped_column(String(16))
    conduct_expires: Mapped[datetime | None]
    own_asylum_case: Mapped[str] = mapped_column(String(8), default="none")
    country_of_origin: Mapped[str | None] = mapped_column(String(2))
    communities_declared: Mapped[list[str]] = mapped_column(default=list)
    """Voluntary; read by the matcher only."""
    max_minutes_day: Mapped[int] = mapped_column(Integer, default=240)
    max_block_min: Mapped[int] = mapped_column(Integer, default=45)
    no_topics: Mapped[list[str]] = mapped_column(default=list)
    no_children: Mapped[bool] = mapped_column(Boolean, default=False)
    reachable_by: Mapped[list[str]] = mapped_column(default=list)
    on_call: Mapped[bool] = mapped_column(Boolean, default=False)
    quality: Mapped[int] = mapped_column(Integer, default=0)
    """-10..10, from reviews and ratings (M-8)."""
    offers_count: Mapped[int] = mapped_column(Integer, default=0)
    accepts_count: Mapped[int] = mapped_column(Integer, default=0)
    devices_checked_at: Mapped[datetime | None]
    last_live_at: Mapped[datetime | None]
    """End of the latest session; the longest idle is served first."""
    joined_pool_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(Integer, default=1)

    pairs: Mapped[list[InterpreterPair]] = relationship(cascade="all, delete-orphan", lazy="selectin")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class InterpreterPair(Base):
    """A working pair: the person's language, the officer's language, levels (CEFR or native), modes, how it was verified."""

    __tablename__ = "interpreter_pairs"
    interpreter_id: Mapped[str] = mapped_column(ForeignKey("interpreters.id", ondelete="CASCADE"), primary_key=True)
    from_lang: Mapped[str] = mapped_column(String(3), primary_key=True)
    to_lang: Mapped[str] = mapped_column(String(3), primary_key=True)
    level_from: Mapped[str] = mapped_column(String(8))
    level_to: Mapped[str] = mapped_column(String(8))
    modes: Mapped[list[str]] = mapped_column(default=list)
    verified_by: Mapped[str] = mapped_column(String(8))


class CaseBar(CountryScoped, Base):
    """An interpreter who may never again serve this case: recused or asked to be avoided (M-5)."""

    __tablename__ = "case_bars"
    case_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey("interpreters.id"), primary_key=True)
    code: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime]


class Presence(Base):
    """Whether an interpreter can be rung now: the wish, and the lease that the heartbeats of the open page renew."""

    __tablename__ = "presences"
    interpreter_id: Mapped[str] = mapped_column(ForeignKey("interpreters.id", ondelete="CASCADE"), primary_key=True)
    wanted: Mapped[str] = mapped_column(String(12), default="away")
    """available or away; busy follows from an active session."""
    since: Mapped[datetime]
    seen_until: Mapped[datetime | None] = mapped_column(index=True)
    """Without a heartbeat until then the interpreter counts as away."""


class TransferInstrument(Base):
    """The legal gate for an interpreter who sits in the other country (T-2). Shipped empty: both directions closed."""

    __tablename__ = "transfer_instruments"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    from_country: Mapped[str] = mapped_column(String(2))
    """Country of the case."""
    to_country: Mapped[str] = mapped_column(String(2))
    """Country of the interpreter."""
    basis: Mapped[str] = mapped_column(String(120))
    reference: Mapped[str] = mapped_column(String(120))
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    stages: Mapped[list[str]]
    created_by: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]


class BookingSeries(CountryScoped, Base):
    """Appointments that come again by a rule in local time; each occurrence is a booking of its own."""

    __tablename__ = "booking_series"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    case_id: Mapped[str] = mapped_column(String(40), index=True)
    step_code: Mapped[str] = mapped_column(String(16))
    rule: Mapped[dict[str, Any]]
    """``scheduler.booking.series.SeriesRule`` as JSON."""
    minutes: Mapped[int] = mapped_column(Integer)
    failed: Mapped[list[Any]] = mapped_column(default=list)
    """Occurrences that could not be booked: ``[{occurrence, starts_at, code, params}]``."""
    requested_by: Mapped[str] = mapped_column(String(40))
    requested_at: Mapped[datetime]
    idempotency_key: Mapped[str | None] = mapped_column(String(120), unique=True)


class Booking(CountryScoped, Base):
    """A request for interpretation of a step, now or for a time; or, with ``briefing_id``, for a group briefing (R-7).

    A briefing has no case: ``case_id`` and ``step_id`` hold the id of the briefing then, and ``case_ref`` is empty.
    """

    __tablename__ = "bookings"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    case_id: Mapped[str] = mapped_column(String(40), index=True)
    case_ref: Mapped[str] = mapped_column(String(20))
    step_id: Mapped[str] = mapped_column(String(40), index=True)
    step_code: Mapped[str] = mapped_column(String(16))
    site: Mapped[str] = mapped_column(String(32))
    authority: Mapped[str] = mapped_column(String(16), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    """now or appointment."""
    briefing_id: Mapped[str | None] = mapped_column(String(40), index=True)
    """The group briefing for which somebody is looked for; none for the step of a case."""
    language: Mapped[str] = mapped_column(String(3))
    officer_language: Mapped[str] = mapped_column(String(3))
    need: Mapped[dict[str, Any]]
    """The need as it was matched (scheduler.matching.Need as JSON); re-made when the case changes."""
    priority: Mapped[str] = mapped_column(String(2))
    state: Mapped[BookingState] = mapped_column(EnumText(BookingState), default=BookingState.REQUESTED, index=True)
    requested_by: Mapped[str] = mapped_column(String(40))
    requester_code: Mapped[str] = mapped_column(String(32))
    requested_at: Mapped[datetime]
    starts_at: Mapped[datetime] = mapped_column(index=True)
    ends_at: Mapped[datetime]
    zone: Mapped[str] = mapped_column(String(40))
    round: Mapped[int] = mapped_column(Integer, default=0)
    """Fencing number: offers of an older round cannot be accepted."""
    rungs: Mapped[list[Any]] = mapped_column(default=list)
    """What happened on the ladder so far: ``[{code, state, count, reason, started_at, ends_at}]``."""
    next_round_at: Mapped[datetime | None] = mapped_column(index=True)
    """Next timed work: while offering the next round, while unfilled the end of waiting, while assigned the join window."""
    matched_at: Mapped[datetime | None]
    interpreter_id: Mapped[str | None] = mapped_column(String(40), index=True)
    session_id: Mapped[str | None] = mapped_column(String(40), index=True)
    join_by: Mapped[datetime | None]
    """Join lease: an interpreter who accepted and is not in the room by then is released."""
    callback: Mapped[bool] = mapped_column(Boolean, default=False)
    needs_coordinator: Mapped[bool] = mapped_column(Boolean, default=False)
    safety_only: Mapped[bool] = mapped_column(Boolean, default=False)
    reason: Mapped[str | None] = mapped_column(String(32))
    """Why unfilled, missed or cancelled."""
    idempotency_key: Mapped[str | None] = mapped_column(String(120), unique=True)
    way: Mapped[str] = mapped_column(String(8), default="direct")
    """direct, relay or team (``scheduler.legs.Way``): how many interpreters, and what each of them does."""
    pivot: Mapped[str | None] = mapped_column(String(3))
    """The language between the two interpreters of a relay (M-9)."""
    relay_state: Mapped[str | None] = mapped_column(String(10))
    """asked, approved or refused: the coordinator's word on a relay beyond registration (M-9)."""
    relay_by: Mapped[str | None] = mapped_column(String(32))
    """Code of the coordinator who decided."""
    relay_at: Mapped[datetime | None]
    police_approval: Mapped[str | None] = mapped_column(String(40))
    """Reference of the approval for interpreters of the other country at a police step, typed by a coordinator (T-3)."""
    police_by: Mapped[str | None] = mapped_column(String(32))
    """Code of the coordinator who typed it."""
    police_at: Mapped[datetime | None]
    series_id: Mapped[str | None] = mapped_column(ForeignKey("booking_series.id"), index=True)
    occurrence: Mapped[str | None] = mapped_column(String(10))
    """Local date of the occurrence in its series."""
    hold_until: Mapped[datetime | None] = mapped_column(index=True)
    """While HELD: when the slot is free again, by the database's clock."""
    reclass_at: Mapped[datetime | None] = mapped_column(index=True)
    """When its class changes by the clock alone (M-10): a removal or a legal time limit comes near, an urgency expires."""
    must_due_at: Mapped[datetime | None] = mapped_column(index=True)
    """Until when somebody has to be found who meets a wish that must be met, before a coordinator is called (M-3)."""
    must_escalated_at: Mapped[datetime | None]
    """When the coordinator was called because nobody was."""
    purpose: Mapped[str | None] = mapped_column(String(12))
    """None: for the step itself. ``language``: a short call that only finds out the language (M-12); it does not hold the step."""
    version: Mapped[int] = mapped_column(Integer, default=1)

    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="order"),
        UniqueConstraint("series_id", "occurrence"),
        Index("ix_bookings_waits", "language", "matched_at"),
        Index(
            "uq_bookings_open_step",
            "step_id",
            unique=True,
            sqlite_where=text("state IN ('requested','held','offering','unfilled','assigned','in_session')"),
            postgresql_where=text("state IN ('requested','held','offering','unfilled','assigned','in_session')"),
        ),
    )


class Offer(CountryScoped, Base):
    """A proposal of one booking to one interpreter, valid for one round. Belongs to the country of the booking."""

    __tablename__ = "offers"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    booking_id: Mapped[str] = mapped_column(ForeignKey("bookings.id"), index=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey("interpreters.id"), index=True)
    round: Mapped[int] = mapped_column(Integer)
    rung: Mapped[str] = mapped_column(String(16))
    leg: Mapped[int] = mapped_column(Integer, default=1)
    """Which of the interpreters of the booking is looked for."""
    state: Mapped[OfferState] = mapped_column(EnumText(OfferState), default=OfferState.PENDING)
    score: Mapped[int] = mapped_column(Integer)
    """Tenths of a point (M-8)."""
    terms: Mapped[list[Any]]
    reasons: Mapped[list[Any]]
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(20))

    __table_args__ = (
        UniqueConstraint("booking_id", "interpreter_id", "round"),
        Index("ix_offers_pending", "interpreter_id", "state"),
    )


class Assignment(CountryScoped, Base):
    """The binding of an interpreter to a booking, to whose country it belongs.

    Times are half-open: ``[starts_at, busy_until)`` includes the break that is owed.
    """

    __tablename__ = "assignments"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    booking_id: Mapped[str] = mapped_column(ForeignKey("bookings.id"), index=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey("interpreters.id"), index=True)
    leg: Mapped[int] = mapped_column(Integer, default=1)
    """1 for a direct booking; 1 (with the person) and 2 (with the officer) of a relay; 1 and 2 of a team."""
    state: Mapped[AssignmentState] = mapped_column(EnumText(AssignmentState), default=AssignmentState.ACTIVE)
    starts_at: Mapped[datetime] = mapped_column(index=True)
    ends_at: Mapped[datetime]
    """Planned end of the work, without the break that is owed after it."""
    busy_until: Mapped[datetime]
    minutes: Mapped[int] = mapped_column(Integer)
    """Planned minutes of interpreting: less than the span for each of a team, who take turns."""
    block_min: Mapped[int] = mapped_column(Integer, default=45)
    """After how many minutes without a pause a break is owed (S-8)."""
    expires_at: Mapped[datetime | None]
    """While HELD: when the time is free again, by the database's clock."""
    notice_class: Mapped[str | None] = mapped_column(String(12))
    """How late it was given up by the officer's side (``scheduler.booking.notice``); for timesheets."""
    notice_hours: Mapped[int | None] = mapped_column(Integer)
    notice_percent: Mapped[int | None] = mapped_column(Integer)
    """How much of the planned time is paid although nothing was interpreted."""
    offer_id: Mapped[str | None] = mapped_column(String(40))
    made_by: Mapped[str] = mapped_column(String(40))
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    active_min: Mapped[int] = mapped_column(Integer, default=0)
    """Interpreting minutes of the session, set at its end."""
    reason: Mapped[str | None] = mapped_column(String(20))

    __table_args__ = (
        CheckConstraint("starts_at < busy_until", name="order"),
        Index(
            "uq_assignments_one_winner",
            "booking_id",
            "leg",
            unique=True,
            sqlite_where=text("state IN ('held','active')"),
            postgresql_where=text("state IN ('held','active')"),
        ),
    )


class TimeProposal(CountryScoped, Base):
    """Another time for an agreed appointment, which its interpreter is asked for; until they agree the old one stands."""

    __tablename__ = "time_proposals"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    booking_id: Mapped[str] = mapped_column(ForeignKey("bookings.id"), index=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey("interpreters.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[ProposalState] = mapped_column(EnumText(ProposalState), default=ProposalState.ASKED)
    asked_at: Mapped[datetime]
    asked_by_code: Mapped[str] = mapped_column(String(32))
    expires_at: Mapped[datetime] = mapped_column(index=True)
    answered_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_time_proposals_asked",
            "booking_id",
            unique=True,
            sqlite_where=text("state = 'asked'"),
            postgresql_where=text("state = 'asked'"),
        ),
    )


_OVERLAP = (
    "SELECT RAISE(ABORT, 'no_double_booking') WHERE NEW.state IN ('held','active') AND EXISTS ("
    "SELECT 1 FROM assignments a WHERE a.interpreter_id = NEW.interpreter_id AND a.state IN ('held','active') "
    "AND a.id IS NOT NEW.id AND a.starts_at < NEW.busy_until AND NEW.starts_at < a.busy_until)"
)

DDL_SQLITE: list[str] = [
    f"CREATE TRIGGER assignments_no_double_insert BEFORE INSERT ON assignments BEGIN {_OVERLAP}; END",
    "CREATE TRIGGER assignments_no_double_update BEFORE UPDATE OF interpreter_id, starts_at, busy_until, state "
    f"ON assignments BEGIN {_OVERLAP}; END",
]
"""Half-open overlap check on insert and on update (a cancelled row can be revived: both are needed)."""

DDL_POSTGRESQL: list[str] = [
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    "ALTER TABLE assignments ADD CONSTRAINT no_double_booking EXCLUDE USING gist "
    "(interpreter_id WITH =, tstzrange(starts_at, busy_until, '[)') WITH &&) WHERE (state IN ('held','active'))",
]

CONFLICTS: dict[str, str] = {
    "uq_assignments_one_winner": "booking_taken",
    "no_double_booking": "calendar_conflict",
    "uq_bookings_open_step": "booking_exists",
    "uq_time_proposals_asked": "time_asked_already",
    "uq_bookings_idempotency_key": "same_request_running",
    "uq_booking_series_idempotency_key": "same_request_running",
    "uq_bookings_series_id_occurrence": "booking_exists",
    "uq_interpreters_code": "code_taken",
    "uq_interpreters_user_id": "account_taken",
}
"""What a refusal by the database means, by the name of the constraint or the message of the trigger."""
