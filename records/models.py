"""Tables of the file: cases, procedure steps, sessions with their log, and the audit trail.

Only pseudonymous and minimal data (domain rule 2.1): nothing here may hold a name, a birth date or anything that was said.
The log and the audit trail can only grow; triggers on both engines refuse changes and deletions. Every row belongs to one
country, that of its case; only sites, which are no secret, are for everybody.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db.base import Base, CountryScoped, EnumText
from records.lifecycle import CaseState, SessionState, StepState, WishChangeState


class Site(Base):
    """A facility from which people work: a border post, a centre, an office."""

    __tablename__ = "sites"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    country: Mapped[str] = mapped_column(String(2))
    authority: Mapped[str] = mapped_column(String(16))
    names: Mapped[dict[str, Any]]
    """Name by locale of the client; English where one lacks."""
    active: Mapped[bool] = mapped_column(Boolean, default=True)


class Case(CountryScoped, Base):
    """The administrative file about one person in one country, under a pseudonym (domain 2.1)."""

    __tablename__ = "cases"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    case_ref: Mapped[str] = mapped_column(String(20), unique=True)
    ext_ref_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The authority's own file number, encrypted (core.crypto), or none."""
    site: Mapped[str] = mapped_column(ForeignKey("sites.code"))
    authority: Mapped[str] = mapped_column(String(16), index=True)
    """Authority of the site at creation: an interviewer sees the cases of the own authority only."""
    state: Mapped[CaseState] = mapped_column(EnumText(CaseState), default=CaseState.OPEN)
    literacy: Mapped[str] = mapped_column(String(12), default="unknown")
    age_group: Mapped[str] = mapped_column(String(8))
    uam: Mapped[str] = mapped_column(String(12), default="no")
    guardian_assigned_at: Mapped[datetime | None]
    guardian_code: Mapped[str | None] = mapped_column(String(32))
    guardian_arrived_at: Mapped[datetime | None]
    interp_sex: Mapped[str] = mapped_column(String(8), default="none")
    interp_sex_must: Mapped[bool] = mapped_column(Boolean, default=False)
    interp_sex_asked_at: Mapped[datetime | None]
    officer_sex: Mapped[str] = mapped_column(String(8), default="none")
    officer_sex_must: Mapped[bool] = mapped_column(Boolean, default=False)
    officer_sex_asked_at: Mapped[datetime | None]
    needs: Mapped[list[str]] = mapped_column(default=list)
    urgent_medical_until: Mapped[datetime | None]
    """URGENT_MEDICAL expires by itself after 24 h (domain 2.3)."""
    avoid: Mapped[list[str]] = mapped_column(default=list)
    """Opaque avoid tokens; only the matcher reads them (M-5)."""
    accepted_languages: Mapped[list[str] | None]
    """Interpreter's languages that the person said yes to as a substitute when asked (domain 3.7); none: never asked."""
    accepted_at: Mapped[datetime | None]
    removal_at: Mapped[datetime | None]
    """When the person is to be removed, if that is set: P1 within 24 h (M-10), and the check before it (RET-40)."""
    removal_zone: Mapped[str | None] = mapped_column(String(40))
    """The time zone in which the officer entered it."""
    removal_noted_at: Mapped[datetime | None]
    removal_noted_by: Mapped[str | None] = mapped_column(String(32))
    """Code of the officer who entered or corrected it last."""
    country_of_origin: Mapped[str | None] = mapped_column(String(2))
    track: Mapped[str] = mapped_column(String(16), default="regular")
    link_by: Mapped[datetime | None]
    """A temporary case has to be confirmed, linked or closed by then (M-1)."""
    opened_by: Mapped[str] = mapped_column(String(40))
    opened_at: Mapped[datetime] = mapped_column(index=True)
    changed_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    linked_to: Mapped[str | None] = mapped_column(ForeignKey("cases.id"))
    """The case of the same person that goes on, when this one was temporary and is linked (M-1)."""
    version: Mapped[int] = mapped_column(Integer, default=1)
    idempotency_key: Mapped[str | None] = mapped_column(String(120), unique=True)

    languages: Mapped[list[CaseLanguage]] = relationship(
        back_populates="case", order_by="CaseLanguage.rank", cascade="all, delete-orphan", lazy="selectin"
    )
    steps: Mapped[list[ProcedureStep]] = relationship(
        back_populates="case", order_by="ProcedureStep.seq", cascade="all, delete-orphan", lazy="selectin"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class WishChange(CountryScoped, Base):
    """The asking for a wish that must be met to be changed, which an officer never decides alone (M-3), and the answer to it."""

    __tablename__ = "wish_changes"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    field: Mapped[str] = mapped_column(String(16))
    """interp_sex or officer_sex."""
    from_wish: Mapped[str] = mapped_column(String(8))
    to_wish: Mapped[str] = mapped_column(String(8))
    to_must: Mapped[bool] = mapped_column(Boolean)
    channel: Mapped[str] = mapped_column(String(16))
    """How the person said so: a recorded card, or another interpreter; never through the officer alone."""
    interpreter_code: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(32))
    state: Mapped[WishChangeState] = mapped_column(EnumText(WishChangeState), default=WishChangeState.ASKED, index=True)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(String(40))
    asked_by_code: Mapped[str] = mapped_column(String(32))
    decided_at: Mapped[datetime | None]
    decided_by_code: Mapped[str | None] = mapped_column(String(32))
    refusal: Mapped[str | None] = mapped_column(String(32))

    __table_args__ = (
        Index(
            "uq_wish_changes_asked",
            "case_id",
            "field",
            unique=True,
            sqlite_where=text("state = 'asked'"),
            postgresql_where=text("state = 'asked'"),
        ),
    )


class CaseLanguage(CountryScoped, Base):
    """A language that the person speaks, how we know it, and its rank (1 is best)."""

    __tablename__ = "case_languages"
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True)
    code: Mapped[str] = mapped_column(String(3), primary_key=True)
    source: Mapped[str] = mapped_column(String(24))
    region_note: Mapped[str | None] = mapped_column(String(80))
    rank: Mapped[int] = mapped_column(Integer)
    confirmed_at: Mapped[datetime | None]
    case: Mapped[Case] = relationship(back_populates="languages")


class ProcedureStep(CountryScoped, Base):
    """A planned or held act of the procedure in a case; what it needs is in the catalogue (records.procedures)."""

    __tablename__ = "procedure_steps"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    code: Mapped[str] = mapped_column(String(16))
    seq: Mapped[int] = mapped_column(Integer)
    """Order within the case."""
    state: Mapped[StepState] = mapped_column(EnumText(StepState), default=StepState.PLANNED)
    planned_at: Mapped[datetime]
    held_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(32))
    case: Mapped[Case] = relationship(back_populates="steps")
    sessions: Mapped[list[Session]] = relationship(
        back_populates="step", order_by="Session.planned_at", lazy="selectin"
    )

    __table_args__ = (UniqueConstraint("case_id", "seq"),)


class Session(CountryScoped, Base):
    """One interpreted conversation of a step, planned or held. Its story is in the entries; the columns are what lists and joins need.

    A group briefing (R-7) has neither case nor step: it is never logged against anybody's file.
    """

    __tablename__ = "sessions"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    case_id: Mapped[str | None] = mapped_column(ForeignKey("cases.id"), index=True)
    step_id: Mapped[str | None] = mapped_column(ForeignKey("procedure_steps.id"), index=True)
    step_code: Mapped[str] = mapped_column(String(16))
    booking_id: Mapped[str] = mapped_column(String(40), index=True)
    state: Mapped[SessionState] = mapped_column(EnumText(SessionState), default=SessionState.PLANNED, index=True)
    mode: Mapped[str] = mapped_column(String(8), default="open")
    planned_at: Mapped[datetime]
    starts_at: Mapped[datetime]
    join_opens_at: Mapped[datetime]
    join_by: Mapped[datetime]
    """After this instant without both sides the session is not held."""
    waiting_at: Mapped[datetime | None]
    active_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    sealed_at: Mapped[datetime | None]
    state_since: Mapped[datetime]
    reason: Mapped[str | None] = mapped_column(String(32))
    """Pause, end or not-held reason, by state."""
    outcome: Mapped[str | None] = mapped_column(String(16))
    language_declared: Mapped[str] = mapped_column(String(3))
    language_confirmed: Mapped[str | None] = mapped_column(String(3))
    officer_language: Mapped[str] = mapped_column(String(3))
    substitution: Mapped[dict[str, Any] | None]
    """``{from, to, penalty}`` when the interpreter's language is a substitute (domain 3.7)."""
    interpreter_id: Mapped[str | None] = mapped_column(String(40), index=True)
    interpreter_code: Mapped[str | None] = mapped_column(String(16))
    interpreter_level: Mapped[str | None] = mapped_column(String(2))
    interpreter_country: Mapped[str | None] = mapped_column(String(2))
    transfer_instrument_id: Mapped[str | None] = mapped_column(String(40))
    sex_pref: Mapped[str] = mapped_column(String(8), default="none")
    sex_pref_must: Mapped[bool] = mapped_column(Boolean, default=False)
    sex_pref_met: Mapped[bool | None] = mapped_column(Boolean)
    officer_user_id: Mapped[str] = mapped_column(String(40))
    officer_code: Mapped[str] = mapped_column(String(32))
    site: Mapped[str] = mapped_column(String(32))
    interpreting_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    """Time in ACTIVE so far, milliseconds, without the running stretch."""
    speaking_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    media_node: Mapped[str | None] = mapped_column(String(64))
    seal_hash: Mapped[str | None] = mapped_column(String(64))
    last_seq: Mapped[int] = mapped_column(Integer, default=0)
    last_hash: Mapped[str] = mapped_column(String(64), default="")
    """Head of the chain; a conditional update on ``last_seq`` decides who appends next."""
    step: Mapped[ProcedureStep | None] = relationship(back_populates="sessions")

    __table_args__ = (CheckConstraint("(case_id IS NULL) = (step_id IS NULL)", name="case_or_group"),)


class SessionParticipant(CountryScoped, Base):
    """A person's place in a session, by part and code, never by name; also the lease that says who is in the room."""

    __tablename__ = "session_participants"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    part: Mapped[str] = mapped_column(String(16))
    code: Mapped[str | None] = mapped_column(String(32))
    user_id: Mapped[str | None] = mapped_column(String(40), index=True)
    """None for guests: the person, a guardian or a lawyer on a tablet."""
    state: Mapped[str] = mapped_column(String(8), default="invited")
    """invited, present, lost, left."""
    connection_id: Mapped[str | None] = mapped_column(String(40))
    resume_hash: Mapped[str | None] = mapped_column(String(64))
    """SHA-256 of the secret with which a cut connection comes back into its place."""
    seen_at: Mapped[datetime | None]
    since: Mapped[datetime | None]
    audio: Mapped[bool] = mapped_column(Boolean, default=True)
    video: Mapped[bool] = mapped_column(Boolean, default=True)
    has_audio: Mapped[bool] = mapped_column(Boolean, default=False)
    has_video: Mapped[bool] = mapped_column(Boolean, default=False)
    grade: Mapped[str | None] = mapped_column(String(8))
    media_lost_at: Mapped[datetime | None]
    """Since when the node hears nothing from this browser although the socket may stand."""
    loss_logged_at: Mapped[datetime | None]
    """When the running loss was written into the log (only losses over 10 s are, S-11)."""
    heard_at: Mapped[datetime | None]
    """First sound after the latest arrival; both sides heard makes the session active."""
    phone_leg_id: Mapped[str | None] = mapped_column(String(40))
    """The telephone call by which this person is in the room now; their browser, if it is there, waits without media."""
    weak_since: Mapped[datetime | None]
    """Since when the node grades the line of this person as weak without a break."""
    video_why: Mapped[str | None] = mapped_column(String(16))
    """Why no picture is sent: ``camera_off``, ``weak_line``, ``sound_only``; none while one is."""


class SessionEntry(CountryScoped, Base):
    """One numbered, hash-chained line of the session log (records.chain)."""

    __tablename__ = "session_entries"
    country: Mapped[str] = mapped_column(String(2))
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(40))
    data: Mapped[dict[str, Any]]
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AuditEntry(CountryScoped, Base):
    """Who read or changed what, when and for which purpose, chained per country."""

    __tablename__ = "audit_entries"
    country: Mapped[str] = mapped_column(String(2), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(40))
    actor_code: Mapped[str] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(48))
    """Dotted name such as ``case.viewed``."""
    subject: Mapped[str] = mapped_column(String(64))
    purpose: Mapped[str] = mapped_column(String(32))
    data: Mapped[dict[str, Any]]
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    __table_args__ = (Index("ix_audit_entries_subject", "subject"), Index("ix_audit_entries_actor", "actor"))


_GROW_ONLY = ("session_entries", "audit_entries")

DDL_SQLITE: list[str] = [
    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'grow_only'); END"
    for table in _GROW_ONLY
    for verb in ("UPDATE", "DELETE")
]
"""Triggers that Alembic's batch mode would drop silently: recreate them after each batch."""

DDL_POSTGRESQL: list[str] = [
    "CREATE FUNCTION grow_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'grow_only' USING ERRCODE = 'integrity_constraint_violation'; END $$",
    *[
        f"CREATE TRIGGER {table}_grow_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION grow_only()"
        for table in _GROW_ONLY
    ],
]

CONFLICTS: dict[str, str] = {
    "grow_only": "log_cannot_change",
    "uq_cases_idempotency_key": "same_request_running",
    "uq_cases_case_ref": "case_ref_taken",
    "uq_procedure_steps_case_id_seq": "changed_meanwhile",
    "uq_wish_changes_asked": "wish_change_asked",
}
"""What a refusal by the database means, by the name of the constraint or the message of the trigger."""
