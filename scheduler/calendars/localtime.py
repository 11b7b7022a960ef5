"""From what the clock on the wall says to instants, on the two days a year when that is not obvious. Pure.

In spring the times of one hour do not exist: such a time means the moment when the clock jumps over it. In autumn one hour comes
twice: its times mean the first of the two (RFC 5545 3.3.5). So the order of local times is kept, spans that touch on the
wall touch in time, and none is counted twice. Lengths are never computed from local times.
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

ZONES = frozenset({"Europe/Belgrade", "Europe/Skopje", "UTC"} | zoneinfo.available_timezones())
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_SECOND = timedelta(seconds=1)


def exists(local: datetime, zone: str) -> bool:
    """Whether the clocks of ``zone`` ever show this naive local time."""
    return _shown(local, zone, 0) == local


def instant(local: datetime, zone: str) -> datetime:
    """The instant of a naive local time: of two the first; of a time that is jumped over, the moment of the jump."""
    first = local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
    if exists(local, zone):
        return first
    # With the offset after the jump the time lies before it, with the one before the jump after it: look in between.
    low, high = local.replace(tzinfo=ZoneInfo(zone), fold=1).astimezone(UTC), first
    before = low.astimezone(ZoneInfo(zone)).utcoffset()
    while high - low > _SECOND:
        middle = low + (high - low) / 2
        if middle.astimezone(ZoneInfo(zone)).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def clock_time(text: str) -> time:
    """``HH:MM`` of a 24 h clock. Raises ``ValueError``."""
    if _CLOCK.fullmatch(text) is None:
        raise ValueError(f"no time of day: {text!r}")
    return time.fromisoformat(text)


def local_moment(text: str) -> datetime:
    """``YYYY-MM-DDTHH:MM`` as a naive local time. Raises ``ValueError``."""
    if len(text) != 16 or text[10] != "T":
        raise ValueError(f"no local time: {text!r}")
    return datetime.combine(date.fromisoformat(text[:10]), clock_time(text[11:]))


def day_start(day: date, zone: str) -> datetime:
    """The instant at which a local day begins."""
    return instant(datetime.combine(day, time()), zone)


def local_day(at: datetime, zone: str) -> date:
    """The calendar day of an instant in ``zone``."""
    return at.astimezone(ZoneInfo(zone)).date()


@cache
def tz_version() -> str:
    """The edition of the zone data that this process reads, such as ``2026c``: spans that were made with another are made anew."""
    for folder in zoneinfo.TZPATH:
        source = Path(folder) / "tzdata.zi"
        if source.is_file():
            with source.open(encoding="utf-8") as lines:
                return lines.readline().removeprefix("# version ").strip()[:24]
        if (Path(folder) / "Europe" / "Belgrade").is_file():
            return f"system:{int((Path(folder) / 'Europe' / 'Belgrade').stat().st_mtime)}"[:24]
    return version("tzdata")


def _shown(local: datetime, zone: str, fold: int) -> datetime:
    """What the wall shows at the instant that Python takes for this local time."""
    at = local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
