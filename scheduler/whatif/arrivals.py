"""What comes in a simulated plan: who arrives when, what they ask for, and which appointments are booked.

Draws the requests and hands each to whoever serves it; how it is served is the business of ``model``.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp, log, sqrt

import simpy

from records.stages import Level, Mode, Stage
from scheduler.languages import PersonLanguage
from scheduler.need import Need, SexWish
from scheduler.surge.rule import TRIAGE_MINUTES
from scheduler.whatif.moments import START, Steps
from scheduler.whatif.people import OFFICER
from scheduler.whatif.plan import PlanInput
from scheduler.whatif.tally import Asked, Tally

BRIEFING_SAVES = 4.0
"""Minutes that a briefing saves each session of its language."""
_SHORTEST = 2.0


@dataclass
class Request:
    """One session that somebody asks for, while it waits to be served."""

    asked: Asked
    need: Need
    minutes: float
    gives_up_at: float
    refused: dict[str, float] = field(default_factory=dict)
    """Who said no, and when."""
    woken: simpy.Event | None = None

    @property
    def order(self) -> tuple[str, float]:
        """The most urgent first, then the oldest (M-10)."""
        return (self.asked.priority, self.asked.at)


class Arrivals:
    """Everybody who comes, in the order of time; ``serve`` begins to serve a request."""

    def __init__(
        self,
        env: simpy.Environment,
        plan: PlanInput,
        dice: random.Random,
        tally: Tally,
        serve: Callable[[Request], Steps],
    ) -> None:
        self._env, self._plan, self._dice, self._tally, self._serve = env, plan, dice, tally, serve
        self._bookings: dict[str, list[float]] = defaultdict(list)
        self._recent: dict[str, int] = defaultdict(int)
        self._briefed_until: dict[str, float] = {}

    def on_their_own(self) -> Steps:
        """Who comes without an appointment, day by day."""
        plan, dice = self._plan, self._dice
        languages, shares = list(plan.languages), list(plan.languages.values())
        for day, persons in enumerate(plan.persons):
            exact = persons / plan.group
            count = int(exact) + (dice.random() < exact - int(exact))
            hours = dice.choices(range(24), plan.hours, k=count)
            for at in sorted((day * 24 + hour + dice.random()) * 3600 for hour in hours):
                yield self._env.timeout(at - self._env.now)
                language = dice.choices(languages, shares)[0]
                urgent = dice.random() * 100 < plan.urgent_percent
                priority = "P1" if urgent else dice.choice(("P2", "P3"))
                must = dice.random() * 100 < plan.woman_percent
                stage = Stage.REGISTRATION if priority == "P3" else Stage.IDENTIFICATION
                self._ask(language, priority, stage, self._minutes(stage, language), woman=must)

    def booked(self) -> Steps:
        """Appointments in office hours, known beforehand: the reserve is kept for them."""
        dice = random.Random(self._plan.seed + 1)  # noqa: S311 - simulated people
        languages, shares = list(self._plan.languages), list(self._plan.languages.values())
        found = []
        for day in range(len(self._plan.persons)):
            for _ in range(self._plan.booked_per_day):
                language = dice.choices(languages, shares)[0]
                found.append(((day * 24 + dice.choice((8, 9, 10, 11, 13, 14))) * 3600.0, language))
        for at, language in sorted(found):
            self._bookings[language].append(at)
        for at, language in sorted(found):
            yield self._env.timeout(at - self._env.now)
            self._ask(language, "P4", Stage.REGISTRATION, 60.0, woman=False)

    def booked_within(self, language: str, seconds: float) -> int:
        """How many appointments of a language begin in the next so many seconds."""
        now = self._env.now
        return sum(now <= at < now + seconds for at in self._bookings.get(language, ()))

    def take_frequent(self, least: int) -> list[str]:
        """The languages with at least so many requests since this was asked last."""
        frequent = [language for language, count in sorted(self._recent.items()) if count >= least]
        self._recent.clear()
        return frequent

    def brief(self, language: str, until: float) -> None:
        """Who comes for this language until then was told beforehand what comes next, so that sessions are shorter."""
        self._briefed_until[language] = until

    def _ask(self, language: str, priority: str, stage: Stage, minutes: float, *, woman: bool) -> None:
        now = self._env.now
        asked = Asked(now, language, priority)
        need = Need(
            case_id="plan",
            country=self._plan.country,
            stage=stage,
            step_code="",
            languages=(PersonLanguage(language),),
            officer_languages=frozenset({OFFICER[self._plan.country]}),
            min_level=Level.L1,
            now=START,
            at=START,
            minutes=max(1, round(minutes)),
            mode=Mode.VIDEO,
            sex_wish=SexWish.WOMAN if woman else SexWish.NONE,
            sex_must=woman,
        )
        self._tally.asked.append(asked)
        self._tally.hour(now).arrived += 1
        self._recent[language] += 1
        self._env.process(self._serve(Request(asked, need, minutes, now + self._plan.patience_minutes * 60)))

    def _minutes(self, stage: Stage, language: str) -> float:
        plan = self._plan
        mean = plan.minutes
        if "short_script" in plan.switches:
            mean = min(mean, float(TRIAGE_MINUTES.get(stage.value, round(mean))))
        if self._briefed_until.get(language, -1.0) > self._env.now:
            mean -= BRIEFING_SAVES
        mean = max(mean, _SHORTEST)
        if plan.spread == 0:
            return mean
        variance = log(1 + plan.spread**2)
        return max(1.0, exp(self._dice.gauss(log(mean) - variance / 2, sqrt(variance))))
