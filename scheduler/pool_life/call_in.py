"""How long a call-in counts at least (R-6 leaves that to contracts, so it is a house rule of each country). Pure; the values are data.

The least time is counted once: another call-in that begins in it counts what was interpreted, and stand-by is not paid for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

from core.yaml_text import read_yaml
from scheduler.calendars.spans import Interval

MOST = 480
"""No house rule counts more minutes than a working day."""


@dataclass(frozen=True)
class CallIn:
    """A talk for which somebody was called in."""

    key: str
    starts_at: datetime
    country: str


def parse_call_in(text: str) -> dict[str, int]:
    """Least minutes by country; raises ``ValueError`` or ``KeyError`` for a table that cannot be applied."""
    found = {country: int(entry["least_minutes"]) for country, entry in read_yaml(text).items()}
    if not all(0 <= minutes <= MOST for minutes in found.values()):
        raise ValueError(f"least minutes of a call-in are between 0 and {MOST}")
    return found


@cache
def least_minutes() -> Mapping[str, int]:
    """The shipped rules."""
    return parse_call_in(files("scheduler.pool_life").joinpath("call_in_data.yaml").read_text(encoding="utf-8"))


def counted_at_least(calls: Iterable[CallIn], least: Mapping[str, int]) -> dict[str, Interval]:
    """By key the time that counts in any case, for those of one person's call-ins that begin such a time; the times are apart."""
    found: dict[str, Interval] = {}
    until: datetime | None = None
    for call in sorted(calls, key=lambda one: (one.starts_at, one.key)):
        if until is not None and call.starts_at < until:
            continue
        span = Interval.of(call.starts_at, call.starts_at + timedelta(minutes=least[call.country]))
        if span is not None:
            found[call.key], until = span, span.ends_at
    return found
