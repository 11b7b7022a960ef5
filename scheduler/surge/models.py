"""Tables of surge: the state of each country, every change of it, and the what-if plans that were run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Float, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, CountryScoped, EnumText
from scheduler.surge.rule import SurgeState


class SurgeRow(CountryScoped, Base):
    """How things stand in one country now; the row is the lock under which its state changes."""

    __tablename__ = "surge_states"
    country: Mapped[str] = mapped_column(String(2), primary_key=True)
    state: Mapped[SurgeState] = mapped_column(EnumText(SurgeState), default=SurgeState.GREEN)
    since: Mapped[datetime]
    multiplier: Mapped[float] = mapped_column(Float, default=1.0)
    """What a coordinator multiplies the forecast with (R-1)."""
    held_until: Mapped[datetime | None]
    """Until then a person has set the state and the rule does not change it."""
    switches: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Effects that a person switched on or off by hand, by name; absent: as the state says."""
    calm_since: Mapped[datetime | None]
    """Since when the readings ask for less than the state: the state goes down after a while of it."""
    reading: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The latest reading, for the board."""
    read_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012
    __table_args__ = (CheckConstraint("multiplier >= 0.1 AND multiplier <= 100", name="multiplier"),)


class SurgeChange(CountryScoped, Base):
    """One change of state, multiplier or switches. Rows are only added; statistics (I-17) read them."""

    __tablename__ = "surge_changes"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime]
    before: Mapped[SurgeState] = mapped_column(EnumText(SurgeState))
    after: Mapped[SurgeState] = mapped_column(EnumText(SurgeState))
    by_hand: Mapped[bool] = mapped_column(Boolean)
    actor_code: Mapped[str] = mapped_column(String(32))
    """Code of the coordinator; ``system`` for the rule."""
    reason: Mapped[str] = mapped_column(String(400))
    """What the coordinator wrote, or the code of the rule's cause."""
    multiplier: Mapped[float] = mapped_column(Float)
    switches: Mapped[dict[str, Any]]
    reading: Mapped[dict[str, Any]]

    __table_args__ = (Index("ix_surge_changes_story", "country", "at"),)


class SurgeRun(CountryScoped, Base):
    """One what-if plan: what was asked, how far it is, what came out."""

    __tablename__ = "surge_runs"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    made_at: Mapped[datetime] = mapped_column(index=True)
    made_by: Mapped[str] = mapped_column(String(32))
    title: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(12))
    """waiting, running, done, failed, cancelled."""
    progress: Mapped[float] = mapped_column(Float, default=0.0)
    """0 to 1."""
    seen_at: Mapped[datetime | None]
    """Latest sign of life of the process that runs it."""
    asked: Mapped[dict[str, Any]]
    found: Mapped[dict[str, Any] | None]
    ended_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(String(40))


_GROW_ONLY = ("surge_changes",)

DDL_SQLITE: list[str] = [
    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'grow_only'); END"
    for table in _GROW_ONLY
    for verb in ("UPDATE", "DELETE")
]
DDL_POSTGRESQL: list[str] = [
    f"CREATE TRIGGER {table}_grow_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION grow_only()"
    for table in _GROW_ONLY
]
