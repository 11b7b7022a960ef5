"""Tables of pool life: membership and its evidence, ratings, reviews, complaints, debriefs, rates and timesheet lines.

Closed words, numbers and instants only; nothing that was said, no names. What belongs to a case is scoped by its country,
what belongs to an interpreter is regional like the pool.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, CountryScoped, EnumText
from scheduler.pool_life.grievance import ComplaintState, Ground, Source
from scheduler.pool_life.membership import MemberStage
from scheduler.pool_life.pay import Currency, LineKind, LineState
from scheduler.pool_life.quality import Answer, ReviewCause, Side


class PoolMember(Base):
    """Where an interpreter stands in the pool; ``interpreters.active`` follows from it."""

    __tablename__ = "pool_members"
    interpreter_id: Mapped[str] = mapped_column(ForeignKey("interpreters.id", ondelete="CASCADE"), primary_key=True)
    stage: Mapped[MemberStage] = mapped_column(EnumText(MemberStage), default=MemberStage.APPLIED, index=True)
    since: Mapped[datetime]
    reason: Mapped[str | None] = mapped_column(String(32))


class PoolEvidence(Base):
    """A paper, a test or a training that was noted for an interpreter; never changed, a newer one takes its place."""

    __tablename__ = "pool_evidence"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey("interpreters.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    """vetting, nda, conduct, pair_test, training, stage, level."""
    detail: Mapped[dict[str, Any]]
    """Closed words and codes by kind: version, authority, result, languages and levels, code of the training, stage."""
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    noted_by: Mapped[str] = mapped_column(String(40))
    noted_at: Mapped[datetime]


class SessionRating(CountryScoped, Base):
    """What one side said about a session: one answer and codes from a closed list."""

    __tablename__ = "session_ratings"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id"), index=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey("interpreters.id"), index=True)
    side: Mapped[Side] = mapped_column(EnumText(Side))
    answer: Mapped[Answer] = mapped_column(EnumText(Answer))
    codes: Mapped[list[str]] = mapped_column(default=list)
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("session_id", "interpreter_id", "side"),)


class QualityReview(CountryScoped, Base):
    """A second linguist's look at the work of an interpreter; ``country`` is the one whose coordinator asked for it."""

    __tablename__ = "quality_reviews"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey("interpreters.id"), index=True)
    session_id: Mapped[str | None] = mapped_column(ForeignKey("sessions.id"))
    """The session that was observed; none for a mock interview."""
    cause: Mapped[ReviewCause | None] = mapped_column(EnumText(ReviewCause))
    method: Mapped[str] = mapped_column(String(12))
    """observed (announced, with the person's agreement: S-19) or mock."""
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    reviewer_code: Mapped[str | None] = mapped_column(String(32))
    minutes: Mapped[int | None] = mapped_column(Integer)
    errors: Mapped[list[Any]] = mapped_column(default=list)
    """``[{kind, severity, count}]`` (quality.ErrorKind, quality.Severity)."""
    points_tenths: Mapped[int | None] = mapped_column(Integer)
    """Weighted errors on ten minutes, in tenths."""
    answer: Mapped[Answer | None] = mapped_column(EnumText(Answer))
    repeat: Mapped[bool | None]
    """A critical error: somebody has to decide whether the interview is held again."""
    read_at: Mapped[datetime | None]
    """When the interpreter has read it."""


class ReviewDraw(CountryScoped, Base):
    """The talks of one week that were drawn for review; one draw a week, never changed."""

    __tablename__ = "review_draws"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    week: Mapped[date] = mapped_column(Date)
    """Its Monday."""
    drawn_at: Mapped[datetime]
    drawn_by: Mapped[str] = mapped_column(String(40))
    seed: Mapped[str] = mapped_column(String(64))
    frame_hash: Mapped[str] = mapped_column(String(64))
    """Of the list that was drawn from (``sampling.frame_hash``)."""
    talks: Mapped[dict[str, Any]]
    """Talks by language."""
    rates: Mapped[dict[str, Any]]
    """Percent by language."""
    picks: Mapped[list[Any]]
    """``[{talk, interpreter_id, language, stage, review_id}]``."""

    __table_args__ = (UniqueConstraint("country", "week"),)


class Complaint(CountryScoped, Base):
    """A complaint about the interpreting of a session."""

    __tablename__ = "complaints"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id"), index=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"))
    interpreter_id: Mapped[str] = mapped_column(ForeignKey("interpreters.id"), index=True)
    source: Mapped[Source] = mapped_column(EnumText(Source))
    ground: Mapped[Ground] = mapped_column(EnumText(Ground))
    state: Mapped[ComplaintState] = mapped_column(EnumText(ComplaintState), default=ComplaintState.RECEIVED, index=True)
    received_at: Mapped[datetime]
    decide_by: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(40))
    measures: Mapped[list[str]] = mapped_column(default=list)
    filed_by: Mapped[str] = mapped_column(String(40))


class Debrief(Base):
    """A talk that was offered to an interpreter after hard work (S-17); what is said in it is nobody's business here."""

    __tablename__ = "debriefs"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey("interpreters.id", ondelete="CASCADE"), index=True)
    offered_at: Mapped[datetime]
    cause: Mapped[str] = mapped_column(String(12))
    """distress or load."""
    wanted: Mapped[bool | None]
    answered_at: Mapped[datetime | None]
    held_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_debriefs_open",
            "interpreter_id",
            unique=True,
            sqlite_where=text("answered_at IS NULL"),
            postgresql_where=text("answered_at IS NULL"),
        ),
    )


class PayRate(CountryScoped, Base):
    """What an hour costs in a country from an instant on."""

    __tablename__ = "pay_rates"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    engagement: Mapped[str] = mapped_column(String(12))
    kind: Mapped[LineKind] = mapped_column(EnumText(LineKind))
    currency: Mapped[Currency] = mapped_column(EnumText(Currency))
    minor_per_hour: Mapped[int] = mapped_column(Integer)
    valid_from: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(String(40))

    __table_args__ = (
        CheckConstraint("minor_per_hour >= 0", name="not_negative"),
        UniqueConstraint("country", "engagement", "kind", "valid_from"),
    )


class TimesheetLine(CountryScoped, Base):
    """One stretch of work that is paid, confirmed by both sides; ``country`` pays.

    Made from an assignment, whose officer is the other side; or from a stretch of on-call time (R-6), which belongs to no booking:
    then a coordinator of the country is the other side.
    """

    __tablename__ = "timesheet_lines"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey("interpreters.id"), index=True)
    assignment_id: Mapped[str | None] = mapped_column(ForeignKey("assignments.id"), unique=True)
    duty_from: Mapped[datetime | None]
    """Start of the on-call time; none for work."""
    session_id: Mapped[str | None] = mapped_column(String(40), index=True)
    officer_user_id: Mapped[str | None] = mapped_column(String(40), index=True)
    authority: Mapped[str] = mapped_column(String(16))
    """Empty for on-call time."""
    kind: Mapped[LineKind] = mapped_column(EnumText(LineKind))
    state: Mapped[LineState] = mapped_column(EnumText(LineState), default=LineState.OPEN, index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    minutes: Mapped[int] = mapped_column(Integer)
    """What the session's own clock or the calendar counted; both sides confirm it or say another number."""
    interpreter_minutes: Mapped[int | None] = mapped_column(Integer)
    officer_minutes: Mapped[int | None] = mapped_column(Integer)
    interpreter_at: Mapped[datetime | None]
    officer_at: Mapped[datetime | None]
    confirm_by: Mapped[datetime]
    """End of the day of the work where it was done: both sides confirm the same day."""
    settled_by: Mapped[str | None] = mapped_column(String(40))
    currency: Mapped[Currency | None] = mapped_column(EnumText(Currency))
    minor: Mapped[int | None] = mapped_column(Integer)
    """Worth in minor units, fixed when confirmed; none while no rate is set."""
    exported_at: Mapped[datetime | None]
    batch: Mapped[str | None] = mapped_column(String(40), index=True)
    paid_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("minutes >= 0", name="not_negative"),
        CheckConstraint("(assignment_id IS NULL) = (duty_from IS NOT NULL)", name="work_or_duty"),
        UniqueConstraint("interpreter_id", "duty_from"),
    )


DDL_SQLITE: list[str] = [
    f"CREATE TRIGGER pool_evidence_no_{verb.lower()} BEFORE {verb} ON pool_evidence BEGIN SELECT RAISE(ABORT, 'grow_only'); END"
    for verb in ("UPDATE",)
]
"""Evidence is never changed; it goes only with the interpreter."""
DDL_POSTGRESQL: list[str] = [
    "CREATE TRIGGER pool_evidence_grow_only BEFORE UPDATE ON pool_evidence FOR EACH ROW EXECUTE FUNCTION grow_only()",
]
CONFLICTS: dict[str, str] = {
    "uq_review_draws_country_week": "changed_meanwhile",
    "uq_session_ratings_session_id_interpreter_id_side": "already_rated",
    "uq_debriefs_open": "talk_offered_already",
    "uq_pay_rates_country_engagement_kind_valid_from": "rate_exists",
    "uq_timesheet_lines_assignment_id": "line_exists",
    "uq_timesheet_lines_interpreter_id_duty_from": "line_exists",
}
