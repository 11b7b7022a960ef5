"""What a what-if plan asks and what it answers: plain values that travel as JSON. No simulation here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

LONGEST_DAYS = 62
MOST_REQUESTS = 120_000
_Language = Annotated[str, Field(pattern=r"^[a-z]{3}$")]
SwitchName = Literal["short_script", "group_briefing", "partner_list", "relay", "call_in_reserve"]
SWITCHES: tuple[SwitchName, ...] = ("short_script", "group_briefing", "partner_list", "relay", "call_in_reserve")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PoolSpec(_Model):
    """The people who are there."""

    interpreters: Annotated[int, Field(ge=1, le=600)] = 30
    women_percent: Annotated[int, Field(ge=0, le=100)] = 40
    bilingual_percent: Annotated[int, Field(ge=0, le=100)] = 60
    """Share that serves a second language of the mix."""
    bridge_percent: Annotated[int, Field(ge=0, le=100)] = 20
    """Share that interprets into English only: useful through relay alone."""
    reserve_percent: Annotated[int, Field(ge=0, le=80)] = 20
    """Share that is not on a shift and can be called in (R-2)."""
    minutes_day: Annotated[int, Field(ge=30, le=480)] = 240
    shift_hours: Annotated[int, Field(ge=2, le=12)] = 8
    night_percent: Annotated[int, Field(ge=0, le=60)] = 20
    """Share of the shifts that begin in the evening; the others begin in the morning and at noon."""
    days_on: Annotated[int, Field(ge=1, le=7)] = 5
    """Days of work out of seven (R-4: five in a row at most)."""


class RingSpec(_Model):
    """How people answer."""

    accept_percent: Annotated[int, Field(ge=5, le=100)] = 70
    answer_seconds: Annotated[float, Field(ge=1, le=60)] = 8.0
    """Mean time until somebody presses accept."""
    join_seconds: Annotated[float, Field(ge=0, le=120)] = 15.0
    """From the acceptance to the first word."""


class PlanInput(_Model):
    """One question."""

    country: Literal["RS", "MK"]
    scenario: Annotated[str, Field(max_length=40)] = ""
    persons: Annotated[list[Annotated[int, Field(ge=0, le=40_000)]], Field(min_length=1, max_length=LONGEST_DAYS)]
    """People who arrive on each day."""
    hours: Annotated[list[Annotated[float, Field(ge=0, le=100)]], Field(min_length=24, max_length=24)] = [1.0] * 24
    """How the arrivals of a day spread over its hours (shares, local time)."""
    group: Annotated[float, Field(ge=1, le=10)] = 3.0
    """People per session (domain 4.4)."""
    minutes: Annotated[float, Field(ge=1, le=120)] = 15.0
    """Mean length of a session."""
    spread: Annotated[float, Field(ge=0, le=1.5)] = 0.4
    """Standard deviation by mean of the length."""
    languages: Annotated[dict[_Language, Annotated[float, Field(ge=0, le=100)]], Field(min_length=1, max_length=30)]
    urgent_percent: Annotated[float, Field(ge=0, le=100)] = 5.0
    """Requests of priority 1; the others are half P2, half P3."""
    woman_percent: Annotated[float, Field(ge=0, le=100)] = 2.0
    """Requests for which only a woman will do (M-3)."""
    booked_per_day: Annotated[int, Field(ge=0, le=200)] = 4
    """Appointments (P4) that have to be kept meanwhile, an hour each."""
    patience_minutes: Annotated[float, Field(ge=1, le=720)] = 60.0
    """Longest wait, after which a request is given up."""
    pool: PoolSpec = PoolSpec()
    ring: RingSpec = RingSpec()
    partners: Annotated[int, Field(ge=0, le=200)] = 10
    """People of the partner list who can be reached at any moment, once it is open."""
    switches: list[SwitchName] = []
    compare: bool = True
    """Also try each switch alone on the busiest days."""
    seed: Annotated[int, Field(ge=0, le=2**31)] = 1

    @model_validator(mode="after")
    def _has_something(self) -> Self:
        if sum(self.hours) <= 0 or sum(self.languages.values()) <= 0:
            raise ValueError("shares add up to nothing")
        if sum(self.persons) / self.group > MOST_REQUESTS:
            raise ValueError("too many requests for one plan")
        return self


class Waits(_Model):
    """How long requests of one kind waited, in seconds; medians only where somebody was served."""

    asked: int
    served: int
    given_up: int
    within_minute: float
    """Share of those asked that were served within 60 s."""
    within_five: float
    p50: float | None
    p90: float | None
    """Over all that asked: None when more than a tenth gave up."""
    longest: float | None


class Point(_Model):
    """One hour, or more where a plan is long."""

    at: int
    """Seconds since the beginning."""
    arrived: int
    waiting: int
    """Largest number that waited."""
    busy: int
    """Largest number that interpreted at once."""
    on_shift: int
    p90: float | None


class SwitchEffect(_Model):
    """What one switch buys, on the busiest days alone."""

    switch: str
    """``none`` is the plan as it stands; ``all`` all of them together."""
    p50: float | None
    p90: float | None
    within_five: float
    given_up: int
    utilisation: float


class PlanResult(_Model):
    """The answer."""

    requests: int
    minutes: float
    """Interpreted minutes in all."""
    all: Waits
    by_priority: dict[str, Waits]
    by_language: dict[str, Waits]
    utilisation: float
    """Interpreted minutes by minutes that people on shift could have interpreted (their day limit)."""
    relays: int
    partner_sessions: int
    briefings: int
    peak_at_once: int
    """People at once in the busiest hour for 90 % within 60 s, each language by itself (Erlang C)."""
    people_needed: int
    """Interpreters on the roster for that: by the busiest hour and by the minutes of the busiest day, whichever is more."""
    series: list[Point]
    effects: list[SwitchEffect]
    seconds: float
    """How long the computer took."""


def plan_from(data: Mapping[str, Any]) -> PlanInput:
    """From JSON. Raises ``pydantic.ValidationError``."""
    return PlanInput.model_validate(data)


def with_switches(plan: PlanInput, switches: Sequence[SwitchName]) -> PlanInput:
    """The same plan with other switches, and without the comparison."""
    return plan.model_copy(update={"switches": list(switches), "compare": False})
