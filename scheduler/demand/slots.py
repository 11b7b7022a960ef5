"""Half-hours: where an instant falls in a country's own week, on days with 23, 24 and 25 hours. Pure.

Half-hours are counted as instants in UTC (both countries' offsets are whole hours), and read as weekday and time of day in the
country's zone: the second 02:00 of an autumn night is another half-hour that falls on the same place of the week.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SLOT = timedelta(minutes=30)
PER_DAY, PER_WEEK = 48, 336
ZONES: Mapping[str, str] = {"RS": "Europe/Belgrade", "MK": "Europe/Skopje"}
"""Time zone of each country (tz database)."""


def slot_start(at: datetime) -> datetime:
    """The start of the half-hour that holds ``at``."""
    utc = at.astimezone(UTC)
    return utc.replace(minute=30 if utc.minute >= 30 else 0, second=0, microsecond=0)


def slots_between(start: datetime, end: datetime) -> list[datetime]:
    """The half-hours that begin in [start, end), as instants."""
    first = slot_start(start)
    if first < start:
        first += SLOT
    count = max(0, -((first - end) // SLOT))
    return [first + SLOT * number for number in range(count)]


def week_slot(at: datetime, zone: str) -> int:
    """Place in the local week: 0 is Monday 00:00, 335 Sunday 23:30."""
    local = at.astimezone(ZoneInfo(zone))
    return local.weekday() * PER_DAY + local.hour * 2 + (1 if local.minute >= 30 else 0)


def local_day(at: datetime, zone: str) -> date:
    """The calendar day there."""
    return at.astimezone(ZoneInfo(zone)).date()


def day_slots(day: date, zone: str) -> list[datetime]:
    """The half-hours of one local day: 46, 48 or 50."""
    return slots_between(_midnight(day, zone), _midnight(day + timedelta(days=1), zone))


def week_of(day: date) -> Sequence[date]:
    """Monday to Sunday of the week of ``day``."""
    monday = day - timedelta(days=day.weekday())
    return [monday + timedelta(days=number) for number in range(7)]


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(0), tzinfo=ZoneInfo(zone)).astimezone(UTC)
