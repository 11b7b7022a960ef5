"""The expiry watch R-8: which clearances, undertakings and trainings run out, and when to say so. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

WARN_DAYS = (60, 30, 7)
"""Days before the end on which a warning is due (R-8)."""


class Urgency(StrEnum):
    """How near an end is."""

    OVER = "over"
    DAYS_7 = "days_7"
    DAYS_30 = "days_30"
    DAYS_60 = "days_60"
    LATER = "later"
    MISSING = "missing"
    """Never given."""


@dataclass(frozen=True)
class Validity:
    """Until when something holds."""

    interpreter_id: str
    kind: str
    """vetting, nda, conduct, or ``training:<code>``."""
    until: datetime | None


@dataclass(frozen=True)
class Notice:
    """Something that somebody has to see to."""

    interpreter_id: str
    kind: str
    until: datetime | None
    urgency: Urgency
    days_left: int | None
    """As ``days_left`` counts them."""


_ORDER = {urgency: place for place, urgency in enumerate(Urgency)}


def urgency(until: datetime | None, at: datetime) -> Urgency:
    """How near the end is. A warning is due from its day on: exactly 30 days before the end counts as ``days_30``."""
    if until is None:
        return Urgency.MISSING
    if until <= at:
        return Urgency.OVER
    days = (until - at).total_seconds() / 86400
    for limit, found in zip(reversed(WARN_DAYS), (Urgency.DAYS_7, Urgency.DAYS_30, Urgency.DAYS_60), strict=True):
        if days <= limit:
            return found
    return Urgency.LATER


def notices(known: Iterable[Validity], at: datetime) -> list[Notice]:
    """Everything that is over, missing or runs out within 60 days; the most urgent first, then by end."""
    found = [
        Notice(one.interpreter_id, one.kind, one.until, urgency(one.until, at), days_left(one.until, at))
        for one in known
    ]
    due = [notice for notice in found if notice.urgency is not Urgency.LATER]
    return sorted(due, key=lambda n: (_ORDER[n.urgency], n.until or at, n.interpreter_id, n.kind))


def days_left(until: datetime | None, at: datetime) -> int | None:
    """Whole days; negative after the end; none if it was never given."""
    return None if until is None else (until - at).days
