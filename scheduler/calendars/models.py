"""Tables of calendars: the rules as people state them (local time and zone), and the instants that follow from them.

The pool is regional, so none of these rows belongs to one country; holidays are public facts. Reasons of absences and
addresses of foreign calendars are sealed (``core.crypto``), secrets of feeds are stored as keyed digests only.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Boolean, CheckConstraint, Date, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base

_PERSON = "interpreters.id"


class CalendarState(Base):
    """One row per interpreter who has stated anything: until when the rules are expanded, and with which zone data."""

    __tablename__ = "calendar_states"
    interpreter_id: Mapped[str] = mapped_column(ForeignKey(_PERSON, ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    """Counts changes of the rules; the page that edits an older one is refused."""
    changed_at: Mapped[datetime]
    expanded_from: Mapped[datetime]
    expanded_to: Mapped[datetime] = mapped_column(index=True)
    tz_version: Mapped[str] = mapped_column(String(24))


class CalendarRule(Base):
    """A weekly pattern: every such weekday from and to a local time. ``to_time <= from_time`` ends on the next day."""

    __tablename__ = "calendar_rules"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey(_PERSON, ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    """desk or on_call."""
    weekday: Mapped[int] = mapped_column(Integer)
    """0 Monday to 6 Sunday."""
    from_time: Mapped[str] = mapped_column(String(5))
    to_time: Mapped[str] = mapped_column(String(5))
    zone: Mapped[str] = mapped_column(String(40))
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    """Last day, included."""
    skip_holidays: Mapped[bool] = mapped_column(Boolean, default=False)
    """Not on public holidays of the interpreter's own country."""
    report_in_min: Mapped[int | None] = mapped_column(Integer)
    """On call: minutes from the call to the first word (R-2)."""
    reachable_by: Mapped[list[str]] = mapped_column(default=list)

    __table_args__ = (CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),)


class CalendarException(Base):
    """One day that differs from the pattern: an extra span, one that falls out, one that is changed or moved."""

    __tablename__ = "calendar_exceptions"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey(_PERSON, ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    """extra, removed, changed."""
    span_kind: Mapped[str] = mapped_column(String(8))
    on_day: Mapped[date] = mapped_column(Date)
    """The local day on which the span begins that is removed or changed; of the extra span itself otherwise."""
    replaces: Mapped[str | None] = mapped_column(String(5))
    """Local start of the one span that is meant; none: all of that day."""
    to_day: Mapped[date | None] = mapped_column(Date)
    """Where a changed span was moved to; none: the same day."""
    from_time: Mapped[str | None] = mapped_column(String(5))
    to_time: Mapped[str | None] = mapped_column(String(5))
    zone: Mapped[str] = mapped_column(String(40))
    report_in_min: Mapped[int | None] = mapped_column(Integer)
    reachable_by: Mapped[list[str]] = mapped_column(default=list)


class CalendarAbsence(Base):
    """Away from a local moment to another. Everybody else sees "leave" and nothing of its kind or reason."""

    __tablename__ = "calendar_absences"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey(_PERSON, ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    """holiday, sick, training, family, other."""
    starts_local: Mapped[str] = mapped_column(String(16))
    ends_local: Mapped[str] = mapped_column(String(16))
    """Exclusive: the midnight after the last day."""
    zone: Mapped[str] = mapped_column(String(40))
    reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Sealed."""
    made_by: Mapped[str] = mapped_column(String(40))
    entered_by: Mapped[str | None] = mapped_column(String(32))
    """Code of the coordinator who entered it for the person; none: the person did."""
    made_at: Mapped[datetime]


class OnCallWindow(Base):
    """On call once, from a local moment to another; weekly duty is a rule."""

    __tablename__ = "on_call_windows"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey(_PERSON, ondelete="CASCADE"), index=True)
    starts_local: Mapped[str] = mapped_column(String(16))
    ends_local: Mapped[str] = mapped_column(String(16))
    zone: Mapped[str] = mapped_column(String(40))
    report_in_min: Mapped[int] = mapped_column(Integer)
    """60 for stand-by, 180 for the surge reserve (R-2)."""
    reachable_by: Mapped[list[str]] = mapped_column(default=list)


class HolidayOverride(Base):
    """What a coordinator says of one public holiday: an estimated date confirmed or removed, a missing one added."""

    __tablename__ = "holiday_overrides"
    country: Mapped[str] = mapped_column(String(2), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(10))
    """estimated, confirmed, removed."""
    made_by: Mapped[str] = mapped_column(String(40))
    made_at: Mapped[datetime]


class CalendarImport(Base):
    """A foreign calendar whose busy times count. Its address and password are sealed; only times are ever stored."""

    __tablename__ = "calendar_imports"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey(_PERSON, ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    """ics or caldav."""
    host: Mapped[str] = mapped_column(String(120))
    """Shown, so that the person knows which calendar this is; the rest of the address may be a secret."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    etag: Mapped[str | None] = mapped_column(String(200))
    result: Mapped[str] = mapped_column(String(24))
    """waiting, ok, or why the last attempt failed."""
    busy_count: Mapped[int] = mapped_column(Integer, default=0)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    made_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    """When its times were last taken over."""
    next_at: Mapped[datetime] = mapped_column(index=True)


class CalendarFeed(Base):
    """The private address of an interpreter's own .ics; a new one replaces it, deleting revokes it."""

    __tablename__ = "calendar_feeds"
    interpreter_id: Mapped[str] = mapped_column(ForeignKey(_PERSON, ondelete="CASCADE"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    """Keyed digest of the secret; the secret itself is shown once and stored nowhere."""
    locale: Mapped[str] = mapped_column(String(8))
    made_at: Mapped[datetime]


class AvailabilitySpan(Base):
    """Instants that follow from rules, absences, windows and imports; made anew whenever one of them changes."""

    __tablename__ = "availability_spans"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    interpreter_id: Mapped[str] = mapped_column(ForeignKey(_PERSON, ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(8))
    """desk, open (no pattern for these days: on request), on_call, leave, busy."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    source: Mapped[str] = mapped_column(String(10))
    """rule, exception, absence, window, import, none."""
    source_id: Mapped[str | None] = mapped_column(String(40))
    report_in_min: Mapped[int | None] = mapped_column(Integer)
    reachable_by: Mapped[list[str]] = mapped_column(default=list)

    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="order"),
        Index("ix_availability_spans_person", "interpreter_id", "ends_at"),
        Index("ix_availability_spans_on_call", "kind", "ends_at"),
    )


CONFLICTS: dict[str, str] = {"uq_calendar_feeds_digest": "same_request_running"}
