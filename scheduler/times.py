"""The spans of time that the queue works with, and the breaks that are owed. Pure; policy unless a rule is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

ZONES = {"RS": "Europe/Belgrade", "MK": "Europe/Skopje"}
"""The zone of each country's wall clocks."""
LONGEST_MINUTES = 480
"""An appointment takes at most so long, in minutes."""
PRESENCE_LEASE = timedelta(seconds=45)
"""Without a heartbeat for so long an interpreter counts as away (three heartbeats of 15 s)."""
JOIN_LEASE = timedelta(seconds=20)
"""Who accepted a request for now and is not in the room by then is released, and the next are rung."""
CHECK_LEASE = timedelta(seconds=75)
"""The same for somebody whose microphone and camera were not checked in the last day: the check comes first."""
PLACED_LEASE = timedelta(minutes=3)
"""The same for somebody whom a coordinator placed by hand: they may have to be called first."""
JOIN_OPENS_BEFORE = timedelta(minutes=10)
"""How long before an appointment the room can be entered."""
NO_SHOW_AFTER = timedelta(minutes=15)
"""How long after its start an appointment is kept for who is missing."""
GIVE_UP_AFTER = timedelta(minutes=60)
"""How long a request for now waits for an interpreter before it is missed."""
CALLBACK_FOR = timedelta(hours=12)
"""How long it waits when the officer asked to be called back."""
DEVICES_VALID = timedelta(hours=24)
"""How long a check of microphone and camera holds."""

SHORT_BREAK = timedelta(minutes=10)
LONG_BREAK = timedelta(minutes=30)
_SHORT_FROM, _LONG_FROM = 30, 120
"""Minutes of interpreting from which a break of that length is owed (S-8)."""


def join_lease(devices_checked_at: datetime | None, now: datetime) -> timedelta:
    """How long somebody who accepted has to be in the room."""
    fresh = devices_checked_at is not None and now - devices_checked_at < DEVICES_VALID
    return JOIN_LEASE if fresh else CHECK_LEASE


def owed_break(minutes: int) -> timedelta:
    """The break that is owed after so many minutes of interpreting (S-8)."""
    if minutes >= _LONG_FROM:
        return LONG_BREAK
    return SHORT_BREAK if minutes >= _SHORT_FROM else timedelta(0)


def planned_minutes(starts_at: datetime, busy_until: datetime) -> int:
    """The minutes of work in a planned assignment, whose end includes the break."""
    span = int((busy_until - starts_at).total_seconds() // 60)
    long, short = int(LONG_BREAK.total_seconds() // 60), int(SHORT_BREAK.total_seconds() // 60)
    if span >= _LONG_FROM + long:
        return span - long
    return span - short if span >= _SHORT_FROM + short else span


@dataclass(frozen=True)
class Worked:
    """One session that an interpreter finished."""

    started_at: datetime
    ended_at: datetime
    minutes: int


def continuous_minutes(worked: Sequence[Worked], now: datetime) -> int:
    """Minutes of interpreting without a break of ten minutes, up to the latest session; 0 when that is longer ago.

    ``worked`` newest first.
    """
    total, after = 0, now
    for session in worked:
        if after - session.ended_at >= SHORT_BREAK:
            break
        total += session.minutes
        after = session.started_at
    return total


def rest_until(worked: Sequence[Worked]) -> datetime | None:
    """Until when the break lasts that is owed after the latest session; none if none is owed."""
    if not worked:
        return None
    owed = owed_break(continuous_minutes(worked, worked[0].ended_at))
    return worked[0].ended_at + owed if owed else None


def day_bounds(at: datetime, zone: str) -> tuple[datetime, datetime]:
    """The calendar day of ``at`` in ``zone``, half open, as instants in UTC."""
    local = at.astimezone(ZoneInfo(zone))
    start = local.replace(hour=0, minute=0, second=0, microsecond=0)
    end = (start + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return start.astimezone(ZoneInfo("UTC")), end.astimezone(ZoneInfo("UTC"))
