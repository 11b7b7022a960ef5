"""Who comes first among equals: score, then the longest idle, then the fewest minutes against the month's target, then a draw.

The draw is made from the booking and the round, so that it is the same whoever repeats it and can be explained. The minutes
of a month begin at nothing with each month; somebody new starts with a credit for the days before they came, so that they are
not rung for everything at once. Declines, rings that ran out and no-shows change none of this.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from core.db.session import ReadUnit
from scheduler.lifecycle import AssignmentState
from scheduler.models import Assignment, Interpreter
from scheduler.ranking import LEAST_IDLE, Match, idle_key
from scheduler.ring.models import Standing

IDLE_STEP = timedelta(minutes=5)
"""Idle times are compared in whole steps: seconds do not decide whose turn it is."""
ZONE = ZoneInfo("Europe/Belgrade")
"""Months are the calendar's of both countries (Skopje keeps the same time)."""
_STEP_US = IDLE_STEP // timedelta(microseconds=1)
WORTH_LOOKING = 24
"""Minutes are read for so many of the first (and who ties with the last of them); nobody else can be rung now."""


class Because(StrEnum):
    """What decided somebody's place."""

    RINGING = "ringing"
    """Is being rung for another request at the moment."""
    SCORE = "score"
    IDLE = "idle"
    SHARE = "share"
    DRAW = "draw"


@dataclass(frozen=True)
class Share:
    """Somebody's minutes of a month."""

    minutes: int
    credit: int
    target: int

    @property
    def permille(self) -> int:
        """Minutes with credit against the target, in thousandths."""
        return (self.minutes + self.credit) * 1000 // max(1, self.target)


class FairKey(NamedTuple):
    """What two people are compared by; the smaller is rung first."""

    ringing: bool
    score: int
    idle: int
    share: int
    draw: int

    def because(self, other: FairKey) -> Because:
        """The first thing in which two differ."""
        for word, mine, theirs in zip(Because, self, other, strict=True):
            if mine != theirs:
                return word
        return Because.DRAW


class Placed(NamedTuple):
    """A match with what decided its place."""

    match: Match
    key: FairKey


def draw(seed: str, interpreter_id: str) -> int:
    """A number that nobody can choose and everybody can repeat."""
    return int.from_bytes(sha256(f"{seed}:{interpreter_id}".encode()).digest()[:6])


def fair_order(
    matches: Iterable[Match], shares: Mapping[str, Share], seed: str, *, ringing: Collection[str] = ()
) -> list[Placed]:
    """The matches in the order in which they are rung. ``seed`` is ``<booking>:<round>``."""
    placed = [
        Placed(
            match,
            FairKey(
                *_head(match, ringing),
                shares[match.candidate.id].permille if match.candidate.id in shares else 0,
                draw(seed, match.candidate.id),
            ),
        )
        for match in matches
    ]
    return sorted(placed, key=lambda one: (one.key, one.match.candidate.id))


def worth_looking(matches: Sequence[Match], *, ringing: Collection[str] = ()) -> list[str]:
    """Whose minutes can matter: the first by score and idle time, and everybody who ties with the last of these."""
    heads = sorted(_head(match, ringing) for match in matches)
    if not heads:
        return []
    last = heads[min(WORTH_LOOKING, len(heads)) - 1]
    return [match.candidate.id for match in matches if _head(match, ringing) <= last]


def month_start(now: datetime) -> datetime:
    """The beginning of the month."""
    return now.astimezone(ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(start: datetime) -> datetime:
    """The beginning of the month after the one that begins at ``start``."""
    return (start + timedelta(days=32)).replace(day=1)


def credit_of(joined: datetime, now: datetime, target: int) -> int:
    """The minutes with which somebody who came this month starts: the target's share of the days before they came."""
    start = month_start(now)
    if joined <= start:
        return 0
    length = next_month(start).astimezone(ZoneInfo("UTC")) - start.astimezone(ZoneInfo("UTC"))
    return int(target * (min(joined, now) - start) / length)


async def shares_of(unit: ReadUnit, interpreter_ids: Iterable[str], usual_target: int) -> dict[str, Share]:
    """The minutes of this month of these people, of both countries together."""
    ids = sorted(set(interpreter_ids))
    if not ids:
        return {}
    worked = (
        select(Assignment.interpreter_id, func.sum(Assignment.active_min))
        .where(
            Assignment.interpreter_id.in_(ids),
            Assignment.state != AssignmentState.ACTIVE,
            Assignment.active_min > 0,
            Assignment.ended_at >= month_start(unit.now).astimezone(ZoneInfo("UTC")),
        )
        .group_by(Assignment.interpreter_id)
    )
    async with unit.across_countries():
        minutes = {row[0]: row[1] for row in await unit.session.execute(worked)}
    rows = await unit.session.execute(
        select(Interpreter.id, Interpreter.joined_pool_at, Standing.target_min)
        .outerjoin(Standing, Standing.interpreter_id == Interpreter.id)
        .where(Interpreter.id.in_(ids))
    )
    found: dict[str, Share] = {}
    for row in rows:
        target = row.target_min or usual_target
        found[row.id] = Share(int(minutes.get(row.id, 0)), credit_of(row.joined_pool_at, unit.now, target), target)
    return found


def _head(match: Match, ringing: Collection[str]) -> tuple[bool, int, int]:
    idle = idle_key(match.candidate.idle_since)
    return match.candidate.id in ringing, -match.score, idle if idle == LEAST_IDLE else idle // _STEP_US
