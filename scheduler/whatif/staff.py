"""The interpreters of a simulated plan while it runs: who is on duty, at work or resting, and what the pool knows of it.

Who is asked for which request is the business of ``model``; it is told when somebody becomes free.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import simpy

from scheduler.eligibility import BRIDGE
from scheduler.languages import LanguageTable
from scheduler.matching import Pool
from scheduler.need import Presence
from scheduler.times import Worked, owed_break, rest_until
from scheduler.whatif.moments import START, Steps, moment
from scheduler.whatif.people import Worker, make_people
from scheduler.whatif.plan import PlanInput
from scheduler.whatif.tally import Tally

REPORT_IN = 3 * 3600.0
"""R-2: the reserve reports within three hours."""


@dataclass
class _Person:
    """What changes about a worker while the plan runs."""

    worker: Worker
    on_duty: bool = False
    busy_until: float = 0.0
    worked: list[Worked] = field(default_factory=list)
    minutes_today: float = 0.0
    called_at: float | None = None


class Staff:
    """Everybody who works in a plan; ``released`` is told who has become free."""

    def __init__(
        self,
        env: simpy.Environment,
        plan: PlanInput,
        table: LanguageTable,
        tally: Tally,
        released: Callable[[str], None],
    ) -> None:
        self._env, self._plan, self._tally, self._released = env, plan, tally, released
        self._people = {one.candidate.id: _Person(one) for one in make_people(plan, START)}
        self._span = len(plan.persons) * 86_400.0
        self.pool = Pool((one.worker.candidate for one in self._people.values()), table)
        self.busy = 0
        """How many are in a session or a briefing."""

    @property
    def ids(self) -> list[str]:
        """Everybody, on duty or not."""
        return list(self._people)

    @property
    def on_duty(self) -> int:
        """How many are on duty."""
        return sum(one.on_duty for one in self._people.values())

    def is_free(self, who: str) -> bool:
        """Whether somebody is on duty and neither at work nor resting."""
        person = self._people[who]
        return person.on_duty and person.busy_until <= self._env.now

    def speaking(self, language: str) -> list[str]:
        """Who is on duty and interprets a language for officers."""
        return [who for who, one in self._people.items() if one.on_duty and _speaks(one.worker, language)]

    # duty

    def begin(self) -> None:
        """Everybody works their own shifts from now on."""
        for person in self._people.values():
            self._env.process(self._duty(person))

    def new_day(self) -> None:
        """At midnight the minutes of the day begin anew."""
        for who, person in self._people.items():
            if person.minutes_today:
                person.minutes_today = 0.0
                self._put(who)

    def call_in(self) -> None:
        """The reserve is asked to report; each at most once a day."""
        now = self._env.now
        for who, person in self._people.items():
            if person.worker.reserve and (person.called_at is None or now - person.called_at > 86_400):
                person.called_at = now
                self._env.process(self._reserve_duty(who))

    def _duty(self, person: _Person) -> Steps:
        who = person.worker.candidate.id
        for shift in person.worker.shifts:
            if shift.end <= 0:
                continue
            if shift.begin > self._env.now:
                yield self._env.timeout(shift.begin - self._env.now)
            self._report(who, min(shift.end, self._span) - max(shift.begin, 0.0))
            yield self._env.timeout(max(0.0, shift.end - self._env.now))
            person.on_duty = False
            self._put(who)

    def _reserve_duty(self, who: str) -> Steps:
        yield self._env.timeout(REPORT_IN)
        seconds = self._plan.pool.shift_hours * 3600.0
        self._report(who, seconds)
        yield self._env.timeout(seconds)
        self._people[who].on_duty = False
        self._put(who)

    def _report(self, who: str, seconds: float) -> None:
        self._people[who].on_duty = True
        if seconds > 0:
            self._tally.paid_minutes += min(seconds / 60, self._plan.pool.minutes_day)
        self._put(who)
        hour = self._tally.hour(self._env.now)
        hour.on_shift = max(hour.on_shift, self.on_duty)
        self._released(who)

    # work

    def start(self, people: Sequence[str], minutes: float) -> None:
        """The session with the break that is owed after it."""
        now = self._env.now
        spoken = minutes * 60
        ends = now + self._plan.ring.join_seconds + spoken
        self._tally.interpreted_minutes += minutes * len(people)
        self.busy += len(people)
        self._tally.hour(now).busy = max(self._tally.hour(now).busy, self.busy)
        for who in people:
            person = self._people[who]
            person.minutes_today += minutes
            begun, ended = moment(ends - spoken), moment(ends)
            person.worked = [Worked(begun, ended, max(1, round(minutes))), *person.worked[:11]]
            rest = rest_until(person.worked) or ended + owed_break(round(minutes))
            person.busy_until = (rest - START).total_seconds()
            self._put(who)
            self._env.process(self._end(who, ends, person.busy_until))

    def brief(self, who: str, minutes: float) -> None:
        """Somebody tells many posts at once what comes next: work of the day, without a break after it."""
        person = self._people[who]
        person.minutes_today += minutes
        person.busy_until = self._env.now + minutes * 60
        self._tally.interpreted_minutes += minutes
        self._put(who)
        self.busy += 1
        self._env.process(self._end(who, person.busy_until, person.busy_until))

    def _end(self, who: str, ends: float, free_at: float) -> Steps:
        yield self._env.timeout(ends - self._env.now)
        self.busy -= 1
        yield self._env.timeout(max(0.0, free_at - self._env.now))
        self._put(who)
        self._released(who)

    def _put(self, who: str) -> None:
        """Tell the pool how this person stands."""
        person = self._people[who]
        candidate = self.pool.get(who)
        assert candidate is not None
        presence = Presence.OFFLINE
        if person.on_duty:
            presence = Presence.AVAILABLE if person.busy_until <= self._env.now else Presence.BUSY
        minutes = round(person.minutes_today)
        if candidate.presence is presence and candidate.minutes_today == minutes:
            return
        idle = candidate.idle_since
        if candidate.presence is Presence.BUSY and presence is not Presence.BUSY:
            idle = moment(self._env.now)
        self.pool.put(replace(candidate, presence=presence, minutes_today=minutes, idle_since=idle))


def _speaks(worker: Worker, language: str) -> bool:
    return any(spoken == language and toward != BRIDGE for spoken, toward in worker.candidate.pairs)
