"""Appointments that come again: the rule in local time, its instants, and booking each occurrence on its own.

Local time stays the same over both changes of the clock; a time that a clock change leaves out is told as such, never moved
(RFC 5545). Of a time that comes twice the first is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import select

from core.clock import new_id
from core.db.errors import DatabaseUnavailable
from core.db.session import ReadUnit, UnitOfWork
from core.errors import AppError, Conflict, Invalid, NotFound
from records.cases import CaseService
from records.lifecycle import StepState
from records.models import ProcedureStep
from scheduler.booking.appointments import AppointmentService
from scheduler.bookings import BookingService, NewBooking
from scheduler.lifecycle import OPEN, BookingState
from scheduler.models import Booking, BookingSeries
from scheduler.notice import Notice

MOST = 52
"""Most occurrences of one series."""


class Frequency(StrEnum):
    """How often."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    """On the same day of the month; months without that day are left out."""


@dataclass(frozen=True)
class SeriesRule:
    """When the occurrences are, in local time."""

    first: date
    at: time
    zone: str
    frequency: Frequency
    interval: int = 1
    """Every so many days, weeks or months."""
    weekdays: tuple[int, ...] = ()
    """For weekly: ISO weekdays, 1 is Monday; empty is the weekday of ``first``."""
    count: int | None = None
    """How many occurrences, before exceptions are taken out."""
    until: date | None = None
    """Last local date; either this or ``count``."""
    exceptions: frozenset[date] = field(default_factory=frozenset)

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "first": self.first.isoformat(),
            "at": self.at.isoformat(timespec="minutes"),
            "zone": self.zone,
            "frequency": self.frequency.value,
            "interval": self.interval,
            "weekdays": list(self.weekdays),
            "count": self.count,
            "until": self.until.isoformat() if self.until else None,
            "exceptions": sorted(day.isoformat() for day in self.exceptions),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SeriesRule:
        """What was stored."""
        return cls(
            first=date.fromisoformat(data["first"]),
            at=time.fromisoformat(data["at"]),
            zone=data["zone"],
            frequency=Frequency(data["frequency"]),
            interval=data["interval"],
            weekdays=tuple(data["weekdays"]),
            count=data["count"],
            until=date.fromisoformat(data["until"]) if data["until"] else None,
            exceptions=frozenset(date.fromisoformat(day) for day in data["exceptions"]),
        )


@dataclass(frozen=True)
class Occurrence:
    """One date of a series."""

    day: date
    starts_at: datetime | None
    """None: this local time does not exist on that day."""


def check_rule(rule: SeriesRule) -> None:
    """Raises ``Invalid('series_wrong')`` (field) for a rule that cannot be expanded."""
    wrong = None
    if rule.zone not in available_timezones():
        wrong = "zone"
    elif not 1 <= rule.interval <= 12:
        wrong = "interval"
    elif (rule.count is None) == (rule.until is None) or not 1 <= (rule.count or 1) <= MOST:
        wrong = "count"
    elif rule.until is not None and not rule.first <= rule.until <= rule.first + timedelta(days=366):
        wrong = "until"
    elif any(not 1 <= day <= 7 for day in rule.weekdays):
        wrong = "weekdays"
    if wrong is not None:
        raise Invalid("series_wrong", {"field": wrong})


def occurrences(rule: SeriesRule) -> list[Occurrence]:
    """Every date of the series without its exceptions; at most ``MOST``."""
    check_rule(rule)
    found: list[Occurrence] = []
    for number, day in enumerate(_days(rule)):
        if (rule.count is not None and number >= rule.count) or (rule.until is not None and day > rule.until):
            break
        if day not in rule.exceptions:
            found.append(Occurrence(day, instant_of(day, rule.at, rule.zone)))
        if len(found) >= MOST:
            break
    return found


def instant_of(day: date, at: time, zone: str) -> datetime | None:
    """The instant of a local time in UTC; none where a change of the clock leaves it out."""
    local = datetime.combine(day, at, tzinfo=ZoneInfo(zone))
    instant = local.astimezone(ZoneInfo("UTC"))
    return instant if instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local.replace(tzinfo=None) else None


def _days(rule: SeriesRule) -> Iterator[date]:
    if rule.frequency is Frequency.MONTHLY:
        yield from _months(rule)
        return
    step = rule.interval * (7 if rule.frequency is Frequency.WEEKLY else 1)
    if rule.frequency is Frequency.DAILY or not rule.weekdays:
        for number in range(_FAR // step + 1):
            yield rule.first + timedelta(days=number * step)
        return
    monday = rule.first - timedelta(days=rule.first.isoweekday() - 1)
    for number in range(_FAR // step + 1):
        for weekday in sorted(set(rule.weekdays)):
            day = monday + timedelta(days=number * step + weekday - 1)
            if day >= rule.first:
                yield day


def _months(rule: SeriesRule) -> Iterator[date]:
    for number in range(0, _FAR // 28, rule.interval):
        months = rule.first.month - 1 + number
        try:
            yield rule.first.replace(year=rule.first.year + months // 12, month=months % 12 + 1)
        except ValueError:
            continue


_FAR = 1500
"""Days over which a rule is followed at most."""


@dataclass(frozen=True)
class NewSeries:
    """A series as the officer asks for it; ``booking`` is what every occurrence has in common."""

    booking: NewBooking
    rule: SeriesRule
    all_or_none: bool = True
    """Book nothing when one occurrence cannot be had; otherwise book the others and report it."""


@dataclass(frozen=True)
class Failed:
    """An occurrence that was not booked."""

    occurrence: str
    starts_at: datetime | None
    code: str
    params: Mapping[str, Any]


class SeriesRefusedError(Conflict):
    """All or none was asked for and some occurrences cannot be had: which, and why."""

    def __init__(self, failed: list[Failed]) -> None:
        super().__init__(
            "series_not_free",
            {"count": len(failed), "occurrences": ", ".join(one.occurrence for one in failed)},
        )
        self.failed = failed


_GIVEN_UP_FROM = frozenset(OPEN) - {BookingState.IN_SESSION}


class SeriesService:
    """Books series, and gives up what is left of one. Each occurrence is a step and a booking of its own."""

    def __init__(self, cases: CaseService, appointments: AppointmentService, bookings: BookingService) -> None:
        self._cases = cases
        self._appointments = appointments
        self._bookings = bookings

    async def book(self, uow: UnitOfWork, new: NewSeries, *, idempotency_key: str | None = None) -> BookingSeries:
        """Book every occurrence; the first is of the step named, the others of new steps of the same kind in the case.

        Raises ``Invalid('series_wrong')``, ``SeriesRefusedError``, and what a single request raises for the case or its step.
        """
        key = f"{uow.actor.id}:{idempotency_key}" if idempotency_key else None
        if key is not None:
            known = await uow.session.scalar(select(BookingSeries).where(BookingSeries.idempotency_key == key))
            if known is not None:
                return known
        dates = occurrences(new.rule)
        if not dates:
            raise Invalid("series_wrong", {"field": "exceptions"})
        facts = await self._cases.step_for_booking(uow, new.booking.step_id)
        series = BookingSeries(
            id=new_id("series"),
            case_id=facts.case_id,
            country=facts.country,
            step_code=facts.step_code,
            rule=new.rule.to_json(),
            minutes=new.booking.minutes or facts.typical_minutes,
            failed=[],
            requested_by=uow.actor.id,
            requested_at=uow.now,
            idempotency_key=key,
        )
        uow.session.add(series)
        await uow.flush()
        failed: list[Failed] = []
        free_step: str | None = new.booking.step_id
        for one in dates:
            try:
                async with uow.session.begin_nested():
                    step_id = free_step or await self._another_step(uow, facts.case_id, facts.step_code)
                    await self._occurrence(uow, series, new, one, step_id)
                free_step = None
            except DatabaseUnavailable:
                # Lost connection or deadlock: it says nothing of the occurrence, and this transaction is over.
                raise
            except AppError as error:
                failed.append(Failed(one.day.isoformat(), one.starts_at, error.code, dict(error.params)))
        if failed and (new.all_or_none or len(failed) == len(dates)):
            raise SeriesRefusedError(failed)
        series.failed = [
            {
                "occurrence": one.occurrence,
                "starts_at": one.starts_at.isoformat() if one.starts_at else None,
                "code": one.code,
                "params": dict(one.params),
            }
            for one in failed
        ]
        await uow.flush()
        return series

    async def get(self, unit: ReadUnit, series_id: str) -> BookingSeries:
        """Raises ``NotFound('series_unknown')``."""
        found = await unit.session.get(BookingSeries, series_id)
        if found is None:
            raise NotFound("series_unknown")
        return found

    async def bookings(self, unit: ReadUnit, series_id: str) -> list[Booking]:
        """The bookings of a series by date."""
        rows = await unit.session.scalars(
            select(Booking).where(Booking.series_id == series_id).order_by(Booking.starts_at, Booking.id)
        )
        return list(rows)

    async def ahead(self, unit: ReadUnit, series_id: str) -> list[tuple[Booking, Notice | None]]:
        """The dates that can still be given up, and what that would mean for each now; none where nobody has agreed."""
        rows = [row for row in await self.bookings(unit, series_id) if row.state in _GIVEN_UP_FROM]
        return [(row, await self._bookings.notice(unit, row.id)) for row in rows]

    async def cancel(self, uow: UnitOfWork, series_id: str, *, reason: str) -> list[Booking]:
        """Give up every date that has not begun; each has the class of notice of its own time. Again changes nothing.

        What runs or is over stays. Returns the bookings that were given up. Raises ``NotFound('series_unknown')``,
        ``Invalid('value_unknown')`` (field).
        """
        await self.get(uow, series_id)
        # Rows are locked in one order everywhere; each cancellation takes the lock of its booking.
        ids = sorted(row.id for row in await self.bookings(uow, series_id) if row.state in _GIVEN_UP_FROM)
        return [await self._bookings.cancel(uow, booking_id, reason=reason) for booking_id in ids]

    async def _occurrence(
        self, uow: UnitOfWork, series: BookingSeries, new: NewSeries, one: Occurrence, step_id: str
    ) -> None:
        if one.starts_at is None:
            raise Conflict("time_missing", {"day": one.day.isoformat()})
        wanted = replace(new.booking, step_id=step_id, kind="appointment", starts_at=one.starts_at, zone=new.rule.zone)
        booking = await self._appointments.book(uow, wanted)
        booking.series_id, booking.occurrence = series.id, one.day.isoformat()
        await uow.flush()

    async def _another_step(self, uow: UnitOfWork, case_id: str, code: str) -> str:
        """A step of the same kind that nothing is booked for: a planned one, or a new one."""
        made = await self._cases.plan_step(uow, case_id, code=code, beside_open=True)
        found = await uow.session.scalar(
            select(ProcedureStep.id)
            .where(
                ProcedureStep.case_id == case_id,
                ProcedureStep.code == code,
                ProcedureStep.state == StepState.PLANNED,
            )
            .order_by(ProcedureStep.seq.desc())
            .limit(1)
        )
        if found is None:
            raise NotFound("step_unknown", {"case": made["id"]})
        return found
