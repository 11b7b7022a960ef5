"""The surge states of R-7 and when one follows another. Pure: readings in, a decision out; nothing is stored here.

GREEN; AMBER when more than twice the forecast came in two hours; RED when more than five times came, or a request of
priority 1 waits longer than ten minutes. Up at once, down only after an hour of calmer readings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

WINDOW = timedelta(hours=2)
"""How far back arrivals are compared with the forecast (R-7)."""


class SurgeState(StrEnum):
    """How hard a country is pressed."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"

    @property
    def number(self) -> int:
        """0 to 2, harder is more."""
        return _ORDER.index(self)


_ORDER = (SurgeState.GREEN, SurgeState.AMBER, SurgeState.RED)


class SurgeCause(StrEnum):
    """Why the rule asks for a state."""

    CALM = "calm"
    ABOVE_FORECAST = "above_forecast"
    FAR_ABOVE_FORECAST = "far_above_forecast"
    URGENT_WAITS = "urgent_waits"


@dataclass(frozen=True)
class SurgePolicy:
    """The numbers of R-7 and of the way back."""

    amber_ratio: float = 2.0
    red_ratio: float = 5.0
    red_wait: timedelta = timedelta(minutes=10)
    amber_least: int = 8
    """Fewer requests in the window are never a surge by ratio: the forecast of a quiet night is near nothing."""
    red_least: int = 15
    back_share: float = 0.75
    """The way down asks for less than this share of the thresholds (hysteresis)."""
    calm_for: timedelta = timedelta(hours=1)


@dataclass(frozen=True)
class Reading:
    """What was seen at one moment."""

    at: datetime
    arrivals: int
    """Requests for now in the last ``WINDOW``."""
    expected: float
    """What the forecast, times the coordinator's multiplier, had said for the same span."""
    urgent_wait: timedelta | None = None
    """How long the oldest open request of priority 1 has waited; none if none waits."""

    @property
    def ratio(self) -> float | None:
        """Arrivals by forecast; none without a forecast."""
        return self.arrivals / self.expected if self.expected > 0 else None

    def as_json(self) -> dict[str, Any]:
        """For storing and showing."""
        return {
            "arrivals": self.arrivals,
            "expected": round(self.expected, 2),
            "ratio": None if self.ratio is None else round(self.ratio, 2),
            "urgent_wait_s": None if self.urgent_wait is None else int(self.urgent_wait.total_seconds()),
        }


@dataclass(frozen=True)
class Standing:
    """Where a country stands: the part of its row that the rule looks at and changes."""

    state: SurgeState
    calm_since: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """What follows from a reading."""

    standing: Standing
    cause: SurgeCause
    asked: SurgeState
    """What the reading alone asks for."""

    @property
    def state(self) -> SurgeState:
        """The state from now on."""
        return self.standing.state


def asked_for(reading: Reading, policy: SurgePolicy, *, share: float = 1.0) -> tuple[SurgeState, SurgeCause]:
    """The state that one reading asks for by itself; ``share`` lowers all thresholds alike."""
    if reading.urgent_wait is not None and reading.urgent_wait > policy.red_wait * share:
        return SurgeState.RED, SurgeCause.URGENT_WAITS
    n, expected = reading.arrivals, reading.expected
    if expected > 0:
        if n >= policy.red_least * share and n > policy.red_ratio * share * expected:
            return SurgeState.RED, SurgeCause.FAR_ABOVE_FORECAST
        if n >= policy.amber_least * share and n > policy.amber_ratio * share * expected:
            return SurgeState.AMBER, SurgeCause.ABOVE_FORECAST
    return SurgeState.GREEN, SurgeCause.CALM


def decide(standing: Standing, reading: Reading, policy: SurgePolicy = SurgePolicy()) -> Decision:
    """The state after ``reading``.

    A harder state is taken at once. A softer one is taken when, for ``calm_for`` without a break, the readings stayed
    under the lowered thresholds of the present state; then the state that the lowered thresholds ask for is taken.
    """
    asked, cause = asked_for(reading, policy)
    if asked.number > standing.state.number:
        return Decision(Standing(asked), cause, asked)
    lowered, lowered_cause = asked_for(reading, policy, share=policy.back_share)
    if lowered.number >= standing.state.number:
        return Decision(Standing(standing.state), lowered_cause, asked)
    calm_since = standing.calm_since or reading.at
    if reading.at - calm_since >= policy.calm_for:
        return Decision(Standing(lowered), lowered_cause, asked)
    return Decision(Standing(standing.state, calm_since), lowered_cause, asked)


class Switch(StrEnum):
    """What a surge state turns on; each may be turned on or off by hand."""

    PARTNER_LIST = "partner_list"
    """The ladder's last rung: partners outside the pool (UNHCR, NGOs, MARRI) may be asked (M-11)."""
    GROUP_BRIEFING = "group_briefing"
    """One interpreter tells several posts at once what comes next; information only."""
    SHORT_SCRIPT = "short_script"
    """Identification and registration are planned with the minutes of the triage script."""
    CALL_IN_RESERVE = "call_in_reserve"
    """People on call are asked to report (within three hours, R-2)."""


TURNED_ON: Mapping[SurgeState, frozenset[Switch]] = {
    SurgeState.GREEN: frozenset(),
    SurgeState.AMBER: frozenset({Switch.CALL_IN_RESERVE}),
    SurgeState.RED: frozenset(Switch),
}
"""R-7: what each state turns on by itself."""

TRIAGE_MINUTES: Mapping[str, int] = {"identification": 5, "registration": 10}
"""Planned minutes under the short script, by stage; other stages keep theirs (policy, domain 4.3)."""


def effects_of(state: SurgeState, by_hand: Mapping[str, bool]) -> frozenset[Switch]:
    """The switches that are on: those of the state, except where a person has said otherwise."""
    return frozenset(switch for switch in Switch if by_hand.get(switch.value, switch in TURNED_ON[state]))


def triage_minutes(switches: frozenset[Switch], stage: str, minutes: int) -> int:
    """The minutes to plan for a step of ``stage``: never more than ``minutes``."""
    if Switch.SHORT_SCRIPT not in switches:
        return minutes
    return min(minutes, TRIAGE_MINUTES.get(stage, minutes))
