"""The offer ladder M-11: whom to ring next and for how long, and what honest waiting time to show. Pure.

The rungs of each country are data. The ladder only chooses; sending offers, deadlines in database time and the winner
are the work of ``scheduler.offers``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from records.stages import Mode
from scheduler.ranking import Match

ENOUGH = 5
"""Fewest past waits from which an expectation is told."""


class RungKind(StrEnum):
    """What a rung does."""

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
    GATE_CLOSED = "gate_closed"
    """No transfer instrument is open for the other country and this stage (T-2)."""
    NOT_AVAILABLE = "not_available"
    """This installation cannot do it (no telephony)."""


@dataclass(frozen=True)
class Rung:
    """One step of the ladder."""

    kind: RungKind
    width: int | None
    """How many are rung together; none means all who fit."""
    seconds: int
    """How long their ring lasts; 0 for the coordinator, who has no ring."""


STANDARD: tuple[Rung, ...] = (
    Rung(RungKind.BEST, 3, 20),
    Rung(RungKind.NEXT, 5, 20),
    Rung(RungKind.ON_CALL, None, 30),
    Rung(RungKind.OTHER_COUNTRY, None, 30),
    Rung(RungKind.PHONE_ONLY, None, 30),
    Rung(RungKind.COORDINATOR, None, 0),
)
"""M-11 as it stands for both countries until a coordinator sets another one."""

LADDERS: Mapping[str, tuple[Rung, ...]] = {"RS": STANDARD, "MK": STANDARD}


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


def next_rung(
    state: LadderState,
    ranked: Sequence[Match],
    already_offered: Iterable[str],
    now: datetime,
    *,
    ladder: Sequence[Rung] = STANDARD,
    reach: Reach = Reach(),
) -> Round | None:
    """The next round after ``state``; none when the ladder is used up (the coordinator was already asked).

    ``ranked`` is the ranking at this moment (somebody may have come online since); ``already_offered`` are the
    candidate ids that were rung for this booking before: nobody is rung twice. A rung on which nobody fits is passed
    over with its reason, without waiting. People of another country and people without video have rungs of their own
    and are not rung before.
    """
    asked = set(already_offered)
    free = [match for match in ranked if match.candidate.id not in asked]
    skipped: list[Skipped] = []
    for index in range(state.rung + 1, len(ladder)):
        rung = ladder[index]
        after = LadderState(rung=index, round=state.round + 1)
        if rung.kind is RungKind.COORDINATOR:
            return Round(after, rung.kind, (), None, tuple(skipped))
        chosen = _who(rung, free)
        if chosen and not (rung.kind is RungKind.PHONE_ONLY and not reach.telephony):
            deadline = now + timedelta(seconds=rung.seconds)
            return Round(after, rung.kind, tuple(chosen), deadline, tuple(skipped))
        skipped.append(Skipped(index, rung.kind, _why(rung, reach)))
    return None


def _who(rung: Rung, free: Sequence[Match]) -> list[Match]:
    return list(islice((match for match in free if _fits(rung.kind, match)), rung.width))


def _fits(kind: RungKind, match: Match) -> bool:
    if kind is RungKind.PHONE_ONLY:
        return not _screen(match)
    if kind is RungKind.OTHER_COUNTRY:
        return _screen(match) and not _home(match)
    return _screen(match) and _home(match) and (kind is RungKind.ON_CALL or match.is_online)


def _why(rung: Rung, reach: Reach) -> SkipReason:
    if rung.kind is RungKind.PHONE_ONLY and not reach.telephony:
        return SkipReason.NOT_AVAILABLE
    if rung.kind is RungKind.OTHER_COUNTRY and not reach.gate_open:
        return SkipReason.GATE_CLOSED
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
