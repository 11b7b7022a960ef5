"""The offer ladder M-11: whom to ring next and for how long, and what honest waiting time to show. Pure.

The rungs of each country are data (``scheduler.ring.policy``). The ladder only chooses; sending offers, deadlines and the
winner are the work of ``scheduler.rounds`` and ``scheduler.offers``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from records.stages import Mode
from scheduler.ranking import Match

ENOUGH = 5
"""Fewest past waits from which an expectation is told."""


class RungKind(StrEnum):
    """What a rung does."""

    OWN = "own"
    """The interpreter who knows the case already (M-6), alone."""
    BEST = "best"
    NEXT = "next"
    ON_CALL = "on_call"
    OTHER_COUNTRY = "other_country"
    PHONE_ONLY = "phone_only"
    COORDINATOR = "coordinator"


class SkipReason(StrEnum):
    """Why a rung was passed over; shown on the ladder and logged."""

    NOBODY = "nobody"
    """Nobody is left who fits this rung."""
    NO_OWN = "no_own"
    """Nobody has to be the same as before: it is the first step, or an appeal."""
    GATE_CLOSED = "gate_closed"
    """No transfer instrument is open for the other country and this stage (T-2)."""
    NOT_AVAILABLE = "not_available"
    """This installation cannot do it (no telephony), or has no means by which those on call could be reached."""


@dataclass(frozen=True)
class Rung:
    """One step of the ladder."""

    kind: RungKind
    seconds: int
    """How long their ring lasts; 0 for the coordinator, who has no ring."""
    least: int | None = None
    most: int | None = None
    """Bounds of how many are rung together; none means all who fit."""


@dataclass(frozen=True)
class Odds:
    """What decides how wide a ring is: so many that somebody accepts with the chance ``aim``."""

    aim: float = 0.95
    usual: float = 0.65
    """Chance that somebody without history accepts."""
    chances: Mapping[str, float] = field(default_factory=dict)
    """Chance to accept by candidate id."""

    def of(self, match: Match) -> float:
        """The chance that this one accepts."""
        return self.chances.get(match.candidate.id, self.usual)


def plan_of(entries: Sequence[Mapping[str, Any]]) -> list[Rung]:
    """The ladder with which a search began, from the first of its stored entries; empty before the search."""
    if not entries:
        return []
    return [Rung(RungKind(row["kind"]), int(row["seconds"]), row["least"], row["most"]) for row in entries[0]["plan"]]


@dataclass(frozen=True)
class LadderState:
    """Where the search for one booking stands; stored with the booking."""

    rung: int = -1
    """Index of the rung that rang last; -1 before the first."""
    round: int = 0
    """Rounds sent so far: the fencing number of the last offers."""


@dataclass(frozen=True)
class Skipped:
    """A rung that was passed over."""

    rung: int
    kind: RungKind
    reason: SkipReason


@dataclass(frozen=True)
class Round:
    """What to do now: ring ``matches`` until ``deadline``, or hand over to the coordinator."""

    state: LadderState
    """To be stored; its ``round`` numbers the offers."""
    kind: RungKind
    matches: tuple[Match, ...]
    """Empty for the coordinator."""
    deadline: datetime | None
    skipped: tuple[Skipped, ...]

    @property
    def is_coordinator(self) -> bool:
        """Whether a person must decide now; the booking is UNFILLED."""
        return self.kind is RungKind.COORDINATOR


@dataclass(frozen=True)
class Reach:
    """What this installation can do at the moment of a round."""

    gate_open: bool = False
    """A transfer instrument for this need is open."""
    telephony: bool = False
    called_by: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Those on call who are not on line, and the configured means by which each of them can be called."""


def next_rung(
    state: LadderState,
    ranked: Sequence[Match],
    already_offered: Iterable[str],
    now: datetime,
    *,
    ladder: Sequence[Rung],
    reach: Reach = Reach(),
    odds: Odds = Odds(),
) -> Round | None:
    """The next round after ``state``; none when the ladder is used up (the coordinator was already asked).

    ``ranked`` is the ranking at this moment (somebody may have come online since); ``already_offered`` are the
    candidate ids that were rung for this booking before: nobody is rung twice. A rung on which nobody fits is passed
    over with its reason, without waiting. People of another country and people without video have rungs of their own
    and are not rung before; somebody who is not on line is rung only as one on call, and only if a means is configured
    that reaches them.
    """
    asked = set(already_offered)
    free = [match for match in ranked if match.candidate.id not in asked]
    skipped: list[Skipped] = []
    for index in range(state.rung + 1, len(ladder)):
        rung = ladder[index]
        after = LadderState(rung=index, round=state.round + 1)
        if rung.kind is RungKind.COORDINATOR:
            return Round(after, rung.kind, (), None, tuple(skipped))
        chosen = _who(rung, free, reach, odds)
        if chosen:
            deadline = now + timedelta(seconds=rung.seconds)
            return Round(after, rung.kind, tuple(chosen), deadline, tuple(skipped))
        skipped.append(Skipped(index, rung.kind, _why(rung, free, reach)))
    return None


def width(chances: Iterable[float], *, aim: float, least: int, most: int) -> int:
    """How many of these people, in their order, are rung: the fewest with whom somebody accepts with the chance ``aim``.

    Never fewer than ``least`` (or than there are) and never more than ``most``; answers are taken to be independent.
    """
    count, nobody = 0, 1.0
    for chance in chances:
        if count >= most or (count >= least and 1.0 - nobody >= aim):
            break
        count += 1
        nobody *= 1.0 - chance
    return count


def _who(rung: Rung, free: Sequence[Match], reach: Reach, odds: Odds) -> list[Match]:
    fit = [match for match in free if fits(rung.kind, match, reach)]
    if rung.least is None or rung.most is None:
        return fit
    return fit[: width((odds.of(match) for match in fit), aim=odds.aim, least=rung.least, most=rung.most)]


def fits(kind: RungKind, match: Match, reach: Reach) -> bool:
    """Whether this rung is for this person."""
    if kind is RungKind.PHONE_ONLY:
        return reach.telephony and not _screen(match) and (match.is_online or match.candidate.id in reach.called_by)
    if not _screen(match):
        return False
    if kind is RungKind.OTHER_COUNTRY:
        return match.is_online and not _home(match)
    if not _home(match):
        return False
    if kind is RungKind.ON_CALL:
        return match.is_online or match.candidate.id in reach.called_by
    if kind is RungKind.OWN:
        return match.is_online and match.candidate.id == match.context.need.continuity_id
    return match.is_online


def _why(rung: Rung, free: Sequence[Match], reach: Reach) -> SkipReason:
    if rung.kind is RungKind.PHONE_ONLY and not reach.telephony:
        return SkipReason.NOT_AVAILABLE
    if rung.kind is RungKind.OTHER_COUNTRY and not reach.gate_open:
        return SkipReason.GATE_CLOSED
    if rung.kind is RungKind.ON_CALL and any(_screen(match) and _home(match) for match in free):
        return SkipReason.NOT_AVAILABLE
    if rung.kind is RungKind.OWN and not any(match.context.need.continuity_id for match in free):
        return SkipReason.NO_OWN
    return SkipReason.NOBODY


def _home(match: Match) -> bool:
    return match.candidate.base_country == match.context.need.country


def _screen(match: Match) -> bool:
    return Mode.VIDEO in match.candidate.modes


class WaitBasis(StrEnum):
    """What an expected waiting time rests on."""

    MEASURED = "measured"
    NOT_ENOUGH = "not_enough"


@dataclass(frozen=True)
class ExpectedWait:
    """An honest expectation: seconds that half and nine in ten of comparable past requests waited, or none."""

    basis: WaitBasis
    count: int
    """How many past waits it rests on."""
    median_seconds: int | None = None
    p90_seconds: int | None = None


def expected_wait(measured: Iterable[float]) -> ExpectedWait:
    """What past waits (seconds from request to acceptance, of comparable requests) allow to say.

    Requests that were never filled must be in ``measured`` as infinite: they make the numbers larger, and a quantile
    that falls on one is not told. With fewer than five waits nothing is told. Nearest-rank quantiles, rounded up.
    """
    waits = sorted(measured)
    if any(wait < 0 or wait != wait for wait in waits):
        raise ValueError("a wait is a number of seconds, not negative")
    if len(waits) < ENOUGH:
        return ExpectedWait(WaitBasis.NOT_ENOUGH, len(waits))
    median, p90 = _quantile(waits, 50), _quantile(waits, 90)
    return ExpectedWait(WaitBasis.MEASURED, len(waits), median, p90)


def _quantile(waits: Sequence[float], percent: int) -> int | None:
    wait = waits[-(-len(waits) * percent // 100) - 1]
    return None if wait == float("inf") else int(-(-wait // 1))
