"""What the rules of the ladder look at, and what they answer. Shapes only: read by ``reading``, decided by ``rules``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from records.stages import Stage
from signaling.fallback.states import Rung, Why


@dataclass(frozen=True)
class Person:
    """Officer or interpreter in a session that runs; nobody else is ever telephoned."""

    place_id: str
    part: str
    lost_since: datetime | None = None
    weak_since: datetime | None = None
    on_phone: bool = False
    has_number: bool = False
    call_open: bool = False
    """A call to them is counted down, rings or stands."""
    called_for: datetime | None = None
    """Start of the loss that the latest call answered."""
    not_by_phone: bool = False
    """That call was stopped by a person's word."""
    unanswered: bool = False
    """That call was rung and brought nobody in."""


@dataclass(frozen=True)
class Loss:
    """A time in which somebody was out of reach for more than 10 s."""

    start: datetime
    seconds: int | None
    """None while it lasts."""


@dataclass(frozen=True)
class Facts:
    """All that the rules know."""

    now: datetime
    running: bool
    """Somebody came and the end has not come."""
    in_break: bool
    sealed: bool
    stage: Stage
    interview: bool
    """An asylum interview (ASY-50): three interruptions or ten minutes away are too much."""
    phone_in_step: bool
    asks_person: bool
    """The step asks the person before the telephone takes over (S-11)."""
    phone_configured: bool
    people: Sequence[Person] = ()
    losses: Sequence[Loss] = ()
    answered_losses: int = 0
    """Losses there were when a proposal to stop was last answered."""
    agreement: str | None = None
    """asked, yes, no."""
    sound_only: bool = False
    repeated_at: datetime | None = None
    """When the officer last repeated a question after a long loss."""


class Do(StrEnum):
    """What happens with the telephone for one person."""

    NOTHING = "nothing"
    WAIT = "wait"
    """Counted down: it is rung at ``at`` unless the line is back."""
    RING = "ring"
    """Now, by itself."""
    OFFER = "offer"
    """It may be rung when somebody taps."""
    KEEP = "keep"
    """A call is under way or stands."""


@dataclass(frozen=True)
class PhoneAdvice:
    """The telephone for one person. ``why`` is the reason for it, or for why not."""

    place_id: str
    do: Do
    why: Why
    at: datetime | None = None


@dataclass(frozen=True)
class Closed:
    """A rung that cannot be taken, and why."""

    rung: Rung
    why: Why


@dataclass(frozen=True)
class Plan:
    """What is done or proposed now."""

    phone: tuple[PhoneAdvice, ...]
    offered: tuple[Rung, ...]
    """Rungs below that a person may choose now, best first."""
    closed: tuple[Closed, ...]
    ask_person: bool
    """Somebody talks by telephone and the person has not answered yet."""
    may_go_on: bool
    """Nothing of the ladder keeps interpreting from beginning or going on."""
    stop: Why | None
    """Why it is proposed to stop and book again."""
    repeat: Loss | None
    """The long loss after which the last question is to be asked again."""

    @property
    def calm(self) -> bool:
        """Nothing happens and nothing is proposed."""
        quiet = all(one.do is Do.NOTHING for one in self.phone)
        return quiet and not self.offered and self.may_go_on and self.stop is None and self.repeat is None
