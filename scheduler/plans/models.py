"""Tables of plans: proposals who takes which booking, their cells, and cells that a coordinator has pinned."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, CountryScoped, EnumText
from records.lifecycle import MoveTable


class PlanState(StrEnum):
    """Where a plan stands."""

    DRAFT = "draft"
    """Being searched."""
    PROPOSED = "proposed"
    APPROVED = "approved"
    STALE = "stale"
    """Something that it rests on has changed, or a newer plan took its place."""
    REJECTED = "rejected"


class PlanMove(StrEnum):
    """What can happen to a plan."""

    PROPOSE = "propose"
    APPROVE = "approve"
    OUTDATE = "outdate"
    REJECT = "reject"


class PlanKind(StrEnum):
    """What a plan is for."""

    NIGHTLY = "nightly"
    ON_DEMAND = "on_demand"
    REPAIR = "repair"


class CellState(StrEnum):
    """What became of one cell."""

    PROPOSED = "proposed"
    BOUND = "bound"
    STALE = "stale"
    """A rule forbids it by now, or somebody was faster."""


PLAN: MoveTable[PlanState, PlanMove] = MoveTable(
    "plan",
    PlanState.DRAFT,
    {
        (PlanState.DRAFT, PlanMove.PROPOSE): PlanState.PROPOSED,
        (PlanState.DRAFT, PlanMove.REJECT): PlanState.REJECTED,
        (PlanState.PROPOSED, PlanMove.APPROVE): PlanState.APPROVED,
        (PlanState.PROPOSED, PlanMove.OUTDATE): PlanState.STALE,
        (PlanState.PROPOSED, PlanMove.REJECT): PlanState.REJECTED,
    },
)


class Plan(CountryScoped, Base):
    """One proposal for the appointments of a country in a window of time."""

    __tablename__ = "plans"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    """Counts the plans of a country from 1."""
    kind: Mapped[PlanKind] = mapped_column(EnumText(PlanKind))
    state: Mapped[PlanState] = mapped_column(EnumText(PlanState), default=PlanState.DRAFT)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    seconds: Mapped[int] = mapped_column(Integer)
    """How long to search at most."""
    made_by: Mapped[str] = mapped_column(String(40))
    made_at: Mapped[datetime]
    absent_id: Mapped[str | None] = mapped_column(String(40))
    """Of a repair: who drops out."""
    phase: Mapped[str] = mapped_column(String(12), default="first")
    elapsed_ms: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int | None] = mapped_column(BigInteger)
    """Cost in tenths of a point."""
    bound: Mapped[int | None] = mapped_column(BigInteger)
    """No plan costs less."""
    bookings: Mapped[int] = mapped_column(Integer, default=0)
    left_out: Mapped[int] = mapped_column(Integer, default=0)
    parts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The parts of the cost: unassigned, people, relay, continuity, fairness."""
    stop_asked: Mapped[bool] = mapped_column(Boolean, default=False)
    failure: Mapped[str | None] = mapped_column(String(32))
    """Why a search ended without a plan."""
    decided_by: Mapped[str | None] = mapped_column(String(40))
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="order"),
        UniqueConstraint("country", "version"),
        Index("ix_plans_state", "state", "made_at"),
        Index(
            "uq_plans_one_draft",
            "country",
            unique=True,
            sqlite_where=text("state = 'draft'"),
            postgresql_where=text("state = 'draft'"),
        ),
    )


class PlanCell(CountryScoped, Base):
    """Who takes one leg of one booking by a plan, and who had it before."""

    __tablename__ = "plan_cells"
    plan_id: Mapped[str] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"), primary_key=True)
    booking_id: Mapped[str] = mapped_column(ForeignKey("bookings.id"), primary_key=True)
    leg: Mapped[int] = mapped_column(Integer, primary_key=True)
    interpreter_id: Mapped[str | None] = mapped_column(String(40), index=True)
    """None: nobody could be found."""
    before_id: Mapped[str | None] = mapped_column(String(40))
    pivot: Mapped[str | None] = mapped_column(String(3))
    pinned: Mapped[bool] = mapped_column(Boolean, default=False)
    cost: Mapped[int] = mapped_column(Integer, default=0)
    """In tenths, beside the best possible score."""
    state: Mapped[CellState] = mapped_column(EnumText(CellState), default=CellState.PROPOSED)
    reason: Mapped[str | None] = mapped_column(String(32))
    """Rule id or code of what made it stale."""


class PlanPin(CountryScoped, Base):
    """A coordinator's word that a booking is to be given to this person in every plan to come."""

    __tablename__ = "plan_pins"
    booking_id: Mapped[str] = mapped_column(ForeignKey("bookings.id"), primary_key=True)
    leg: Mapped[int] = mapped_column(Integer, primary_key=True)
    interpreter_id: Mapped[str] = mapped_column(String(40))
    pinned_by: Mapped[str] = mapped_column(String(40))
    pinned_at: Mapped[datetime]


CONFLICTS: dict[str, str] = {
    "uq_plans_one_draft": "plan_running",
    "uq_plans_country_version": "changed_meanwhile",
}
"""What a refusal by the database means."""
