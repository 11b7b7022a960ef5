"""What a line of a timesheet is worth, in minor units of a currency, and how old unpaid lines are. Pure.

Money is whole minor units (para, deni, cent); nothing is computed in floating point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from records.lifecycle import MoveTable


class Currency(StrEnum):
    """ISO 4217; all three have two decimals."""

    RSD = "RSD"
    MKD = "MKD"
    EUR = "EUR"


class LineKind(StrEnum):
    """What was done."""

    SESSION = "session"
    STANDBY = "standby"
    """On-call time; it is paid (R-6)."""
    CALL_IN = "call_in"
    """A talk for which somebody was called in from on-call time (R-6)."""
    LATE_CANCEL = "late_cancel"
    """A booking that was called off too late, after its notice class."""
    WASTED = "wasted"
    """The interpreter was there and the other side was not."""


class LineState(StrEnum):
    """Where a line stands on its way to the money."""

    OPEN = "open"
    """Nobody, or one side only, has confirmed the minutes."""
    DISPUTED = "disputed"
    CONFIRMED = "confirmed"
    EXPORTED = "exported"
    PAID = "paid"


class LineMove(StrEnum):
    """What can happen to a line."""

    CONFIRM = "confirm"
    """By the second of both sides."""
    DISPUTE = "dispute"
    SETTLE = "settle"
    """A coordinator sets the minutes of a disputed line; both sides see it."""
    EXPORT = "export"
    PAY = "pay"


LINES: MoveTable[LineState, LineMove] = MoveTable(
    "timesheet line",
    LineState.OPEN,
    {
        (LineState.OPEN, LineMove.CONFIRM): LineState.CONFIRMED,
        (LineState.OPEN, LineMove.DISPUTE): LineState.DISPUTED,
        (LineState.DISPUTED, LineMove.SETTLE): LineState.CONFIRMED,
        (LineState.CONFIRMED, LineMove.EXPORT): LineState.EXPORTED,
        (LineState.EXPORTED, LineMove.PAY): LineState.PAID,
    },
)
"""The only moves there are."""


@dataclass(frozen=True)
class Rate:
    """What an hour costs in one country from an instant on."""

    country: str
    engagement: str
    """staff, contract, roster, volunteer."""
    kind: LineKind
    currency: Currency
    minor_per_hour: int
    valid_from: datetime


def rate_for(rates: Iterable[Rate], *, country: str, engagement: str, kind: LineKind, at: datetime) -> Rate | None:
    """The newest rate that holds at ``at``; none if nobody has set one (then a line has no amount and says so)."""
    fitting = [
        rate
        for rate in rates
        if (rate.country, rate.engagement, rate.kind) == (country, engagement, kind) and rate.valid_from <= at
    ]
    return max(fitting, key=lambda rate: rate.valid_from, default=None)


def amount(minutes: int, rate: Rate) -> int:
    """Minor units for ``minutes`` at ``rate``, rounded half up. Raises ``ValueError`` for negative minutes."""
    if minutes < 0:
        raise ValueError("minutes are not negative")
    return (minutes * rate.minor_per_hour * 2 + 60) // 120


AGE_LIMITS = (30, 60, 90)
"""Days; the last bucket is everything older."""


@dataclass(frozen=True)
class Unpaid:
    """A line that is not paid yet."""

    currency: str
    minor: int
    ended_at: datetime


def ageing(unpaid: Sequence[Unpaid], at: datetime) -> Mapping[str, list[int]]:
    """By currency the minor units that wait up to 30, 60, 90 days and longer, counted from the day of the work."""
    found: dict[str, list[int]] = {}
    for line in unpaid:
        days = (at - line.ended_at).days
        bucket = sum(days > limit for limit in AGE_LIMITS)
        found.setdefault(line.currency, [0] * (len(AGE_LIMITS) + 1))[bucket] += line.minor
    return dict(sorted(found.items()))
