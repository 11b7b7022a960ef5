"""How much an interpreter carries: active minutes, exposure to what is hard to hear, and when a talk is offered. Pure.

Nothing that was said is known here: exposure is minutes weighed by the kind of step, plus signs of distress.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from records.stages import Stage

WEEK = timedelta(days=7)
WEEKLY_MINUTES = 20 * 60
"""Interpreting minutes a week from which the load counts as high (policy: five days of 240 minutes)."""
WATCH, HIGH = 1800, 3000
"""Exposure points of a week."""
DISTRESS_POINTS = 120
"""What one session that was hard to bear adds."""
_WEIGHT = {
    Stage.IDENTIFICATION: 1,
    Stage.REGISTRATION: 1,
    Stage.VULNERABILITY: 4,
    Stage.ASYLUM: 4,
    Stage.RETURN: 2,
}


class Load(StrEnum):
    """How heavy a week is."""

    LIGHT = "light"
    WATCH = "watch"
    HIGH = "high"


@dataclass(frozen=True)
class Work:
    """One session of an interpreter."""

    ended_at: datetime
    stage: Stage
    minutes: int
    distress: int
    """1 if the interpreter said after it that it was hard to bear, or it was ended because of distress. A *concern* during the talk is
    told to the officer and kept nowhere."""


@dataclass(frozen=True)
class Week:
    """Seven days up to a moment."""

    minutes: int
    sessions: int
    distress: int
    exposure: int
    """Minutes weighed by stage, plus 120 for each sign of distress."""
    load: Load

    @property
    def offer_talk(self) -> bool:
        """Whether a debrief is offered (S-17): after any distress or a heavy week."""
        return self.distress > 0 or self.load is Load.HIGH


def week(work: Iterable[Work], at: datetime) -> Week:
    """The seven days that end at ``at``."""
    recent = [one for one in work if at - WEEK < one.ended_at <= at]
    minutes = sum(one.minutes for one in recent)
    distress = sum(one.distress for one in recent)
    exposure = sum(_WEIGHT[one.stage] * one.minutes for one in recent) + DISTRESS_POINTS * distress
    if exposure >= HIGH or minutes >= WEEKLY_MINUTES:
        load = Load.HIGH
    else:
        load = Load.WATCH if exposure >= WATCH else Load.LIGHT
    return Week(minutes, len(recent), distress, exposure, load)
