"""A stated week: spans in local time, and whether they make sense. Pure; storing them is the service's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import Invalid
from scheduler.calendars.checks import known_clock

MOST_RULES = 42


@dataclass(frozen=True)
class RuleInput:
    """One span of the week, in local time."""

    kind: str
    weekday: int
    from_time: str
    to_time: str
    report_in_min: int | None = None
    reachable_by: Sequence[str] = ()


def check_week(week: Sequence[RuleInput]) -> None:
    """Raises ``Invalid``: ``value_unknown`` (field), ``too_much`` (most), ``hours_overlap`` (weekday) within one kind."""
    if len(week) > MOST_RULES:
        raise Invalid("too_much", {"most": MOST_RULES})
    taken: set[tuple[str, int]] = set()
    for one in week:
        if one.kind not in ("desk", "on_call"):
            raise Invalid("value_unknown", {"field": "kind"})
        if not 0 <= one.weekday <= 6:
            raise Invalid("value_unknown", {"field": "weekday"})
        if one.report_in_min is not None and not 5 <= one.report_in_min <= 24 * 60:
            raise Invalid("value_unknown", {"field": "report_in_min"})
        known_clock("from_time", one.from_time)
        known_clock("to_time", one.to_time)
        first = one.weekday * 1440 + _minute(one.from_time)
        length = (_minute(one.to_time) - _minute(one.from_time)) % 1440 or 1440
        for minute in range(first, first + length):
            place = (one.kind, minute % 10_080)
            if place in taken:
                raise Invalid("hours_overlap", {"weekday": one.weekday})
            taken.add(place)


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])
