"""Tables of rosters: periods with their versions, published shifts, wishes and swaps.

A roster belongs to the country whose coordinators make it (R-5); interpreters see their own rows in any country.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, CountryScoped, EnumText
from scheduler.rosters.lifecycle import RosterState, RunState, SwapState


class RosterPeriod(CountryScoped, Base):
    """A period for which a country plans its interpreters."""

    __tablename__ = "rosters"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    starts_on: Mapped[date] = mapped_column(Date)
    """A Monday, local date of ``zone``."""
    days: Mapped[int] = mapped_column(Integer)
    zone: Mapped[str] = mapped_column(String(40))
    state: Mapped[RosterState] = mapped_column(EnumText(RosterState), default=RosterState.DRAFT)
    newest: Mapped[int] = mapped_column(Integer, default=1)
    """Number of the newest version; a conditional update on it decides who adds the next."""
    published: Mapped[int | None] = mapped_column(Integer)
    problem: Mapped[str] = mapped_column(Text)
    """``scheduler.rosters.problem.Problem`` as JSON: people, limits and cover as they were when the roster was begun or refreshed."""
    made_by: Mapped[str] = mapped_column(String(40))
    made_at: Mapped[datetime]
    published_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_rosters_period",
            "country",
            "starts_on",
            unique=True,
            sqlite_where=text("state <> 'dropped'"),
            postgresql_where=text("state <> 'dropped'"),
        ),
    )


class RosterVersion(CountryScoped, Base):
    """One whole state of a roster; never changed."""

    __tablename__ = "roster_versions"
    roster_id: Mapped[str] = mapped_column(ForeignKey("rosters.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    cause: Mapped[str] = mapped_column(String(12))
    """begun, search, hand, swap or refresh."""
    cells: Mapped[dict[str, Any]]
    """Interpreter id -> shift kind or null for each day."""
    pins: Mapped[list[Any]] = mapped_column(default=list)
    """``[[interpreter id, day]]``: cells that a search leaves as they are."""
    cost: Mapped[int] = mapped_column(Integer)
    bound: Mapped[int | None] = mapped_column(Integer)
    """No roster costs less, as far as proven."""
    coverage_permille: Mapped[int] = mapped_column(Integer)
    fairness_permille: Mapped[int] = mapped_column(Integer)
    gaps: Mapped[int] = mapped_column(Integer)
    """Half-hours of a language that are short of people."""
    made_by: Mapped[str] = mapped_column(String(40))
    made_at: Mapped[datetime]


class RosterSearch(CountryScoped, Base):
    """A search that runs or ran, with a heartbeat."""

    __tablename__ = "roster_searches"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    roster_id: Mapped[str] = mapped_column(ForeignKey("rosters.id", ondelete="CASCADE"), index=True)
    state: Mapped[RunState] = mapped_column(EnumText(RunState), default=RunState.RUNNING)
    seconds: Mapped[int] = mapped_column(Integer)
    stop: Mapped[bool] = mapped_column(Boolean, default=False)
    """A person asked it to end; any process may write this, the one that searches reads it."""
    begun_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    begun_by: Mapped[str] = mapped_column(String(40))

    __table_args__ = (
        Index(
            "uq_roster_searches_running",
            "roster_id",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
    )


class Shift(CountryScoped, Base):
    """A stretch of duty in a published roster."""

    __tablename__ = "shifts"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    roster_id: Mapped[str] = mapped_column(ForeignKey("rosters.id"), index=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey("interpreters.id"))
    day: Mapped[date] = mapped_column(Date)
    kind: Mapped[str] = mapped_column(String(24))
    language: Mapped[str | None] = mapped_column(String(8))
    """Line of the cover table that the shift serves."""
    on_call: Mapped[bool] = mapped_column(Boolean, default=False)
    starts_at: Mapped[datetime] = mapped_column(index=True)
    ends_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(Integer)
    """The version that brought it."""
    ended_version: Mapped[int | None] = mapped_column(Integer)
    """The version that took it away; it is kept for the record."""

    __table_args__ = (
        Index(
            "uq_shifts_person_day",
            "interpreter_id",
            "day",
            unique=True,
            sqlite_where=text("ended_version IS NULL"),
            postgresql_where=text("ended_version IS NULL"),
        ),
    )


class ShiftWish(Base):
    """What an interpreter would like on a day: to be free, or to work (a kind of shift)."""

    __tablename__ = "shift_wishes"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey("interpreters.id", ondelete="CASCADE"))
    day: Mapped[date] = mapped_column(Date)
    work: Mapped[bool] = mapped_column(Boolean)
    time: Mapped[str | None] = mapped_column(String(8))
    """early, day, late, night or on_call; none for any."""
    weight: Mapped[int] = mapped_column(Integer, default=5)
    made_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("interpreter_id", "day"),)


class ShiftSwap(CountryScoped, Base):
    """A shift offered to colleagues, and what came of it."""

    __tablename__ = "shift_swaps"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    shift_id: Mapped[str] = mapped_column(ForeignKey("shifts.id"))
    from_id: Mapped[str] = mapped_column(ForeignKey("interpreters.id"), index=True)
    to_id: Mapped[str | None] = mapped_column(ForeignKey("interpreters.id"), index=True)
    state: Mapped[SwapState] = mapped_column(EnumText(SwapState), default=SwapState.ASKED)
    asked_at: Mapped[datetime]
    taken_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(40))
    gap_half_hours: Mapped[int] = mapped_column(Integer, default=0)
    """How many half-hours of cover the swap would cost; above 0 a coordinator decides."""

    __table_args__ = (
        Index(
            "uq_shift_swaps_open",
            "shift_id",
            unique=True,
            sqlite_where=text("state IN ('asked','taken')"),
            postgresql_where=text("state IN ('asked','taken')"),
        ),
    )


CONFLICTS: dict[str, str] = {
    "uq_rosters_period": "roster_exists",
    "pk_roster_versions": "changed_meanwhile",
    "uq_roster_searches_running": "search_running",
    "uq_shifts_person_day": "shift_exists",
    "uq_shift_wishes_interpreter_id_day": "changed_meanwhile",
    "uq_shift_swaps_open": "swap_open",
}
