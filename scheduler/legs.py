"""How many interpreters a booking has and what each of them does: directly, by relay through a third language, as a team. Pure.

A leg is asked, ranked and refused by the same rules as a direct booking, on a need of its own; nothing here relaxes a rule.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from records.stages import Stage
from scheduler.breaks import CHILD_MINUTES, PERSON_MINUTES
from scheduler.languages import PersonLanguage
from scheduler.need import Need

PIVOTS = ("eng", "srp", "mkd")
"""Languages through which a relay may go, the usual one first (M-9)."""
RELAY_TENTHS = 17
"""Planned time of a relay in tenths of the direct time (M-9)."""
SWAP_VIDEO, SWAP_SHORT = 30, 20
"""Minutes after which a team swaps: within the block of S-8, so that each rests while the other works."""


PLACE_FOR = timedelta(hours=24)
"""How long one place of a team is kept while the other is waited for; then it goes to others."""
LAST_PLACE = timedelta(hours=2)
"""So long before the appointment nobody is kept for half a team any more."""


class Way(StrEnum):
    """How person and officer are connected."""

    DIRECT = "direct"
    RELAY = "relay"
    TEAM = "team"

    @property
    def legs(self) -> tuple[int, ...]:
        """Numbers of the legs."""
        return (1,) if self is Way.DIRECT else (1, 2)


class RelayState(StrEnum):
    """The coordinator's word on a relay beyond registration."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"


def relay_minutes(minutes: int) -> int:
    """The planned time of a relay: 1.7 times the direct one, rounded up to whole minutes (M-9)."""
    return -(-minutes * RELAY_TENTHS // 10)


def relay_free(stage: Stage) -> bool:
    """Whether a relay needs no approval: up to registration (M-9)."""
    return stage in (Stage.IDENTIFICATION, Stage.REGISTRATION)


def needs_leave(stage: Stage, state: str | None) -> bool:
    """Whether a coordinator has to agree to a relay at this stage, and has not (M-9)."""
    return not relay_free(stage) and state != RelayState.APPROVED


def most_minutes(need: Need) -> int:
    """Longest talk that one interpreter may serve alone (S-8); a longer one needs a team or a second day."""
    return CHILD_MINUTES if need.short_blocks else PERSON_MINUTES


def place_for(way: Way, kind: str, starts_at: datetime, now: datetime) -> timedelta | None:
    """How long one place of a team that waits may be kept; none: nothing is kept, all places are taken at once.

    A relay never keeps anybody: one of its two alone is of no use to the person.
    """
    if way is not Way.TEAM or kind == "now":
        return None
    span = min(PLACE_FOR, starts_at - LAST_PLACE - now)
    return span if span > timedelta(0) else None


def leg_need(need: Need, way: Way, pivot: str | None, leg: int) -> Need:
    """What one of the interpreters must be able to do. Every other rule of the need holds for each of them.

    Relay: leg 1 works between the person and ``pivot``, leg 2 between ``pivot`` and the officer. Team: both do all of it and
    each interprets half of the time.
    """
    if leg > 1:
        need = replace(need, continuity_id=need.continuity_second)
    if way is Way.TEAM:
        return replace(need, share=-(-need.minutes // 2))
    if way is Way.RELAY and pivot is not None:
        if leg == 1:
            return replace(need, officer_languages=frozenset({pivot}))
        return replace(need, languages=(PersonLanguage(pivot),), accepted_substitutes=frozenset())
    return need


def leg_pair(way: Way, pivot: str | None, leg: int, person: str, officer: str) -> tuple[str, str]:
    """Between which two languages one of the interpreters works: ``person`` and ``officer``, or by relay one of them and ``pivot``."""
    if way is not Way.RELAY or pivot is None:
        return person, officer
    return (person, pivot) if leg == 1 else (pivot, officer)


@dataclass(frozen=True)
class Turn:
    """Who of a team interprets, and from when to when."""

    leg: int
    starts_at: datetime
    ends_at: datetime


def swap_plan(starts_at: datetime, minutes: int, *, short: bool) -> list[Turn]:
    """The turns of a team: they alternate, and nobody works longer than the block of S-8 allows."""
    step = SWAP_SHORT if short else SWAP_VIDEO
    turns: list[Turn] = []
    done = 0
    while done < minutes:
        length = min(step, minutes - done)
        begins = starts_at + timedelta(minutes=done)
        turns.append(Turn(1 + len(turns) % 2, begins, begins + timedelta(minutes=length)))
        done += length
    return turns
