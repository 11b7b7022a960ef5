"""Words and times that people may state in a calendar: anything else is refused with its field. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import Invalid
from scheduler.calendars.localtime import ZONES, clock_time

MEANS = ("app", "sms", "phone")
"""How somebody on call can be reached."""


def known_zone(name: str) -> str:
    """The zone. Raises ``Invalid('value_unknown')``."""
    if name not in ZONES:
        raise Invalid("value_unknown", {"field": "zone"})
    return name


def known_clock(name: str, text: str | None) -> None:
    """Raises ``Invalid('value_unknown')`` for a time of day that is none; ``name`` is the field."""
    try:
        if text is not None:
            clock_time(text)
    except ValueError:
        raise Invalid("value_unknown", {"field": name}) from None


def known_means(wanted: Sequence[str]) -> list[str]:
    """The means, each once; the app if none is named. Raises ``Invalid('value_unknown')``."""
    if any(one not in MEANS for one in wanted):
        raise Invalid("value_unknown", {"field": "reachable_by"})
    return list(dict.fromkeys(wanted)) or ["app"]
