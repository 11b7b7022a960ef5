"""A plan played through in simulated time (simpy) over the real matching code: ``Pool.rank`` decides who may, ``next_rung`` who is
rung, ``times`` which break is owed, the ring's reserve what booked work keeps. Nothing here knows the database or real time.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import exp, log, sqrt
from typing import Any

import simpy

from records.stages import Level, Mode, Stage
from scheduler.eligibility import BRIDGE, eligible
from scheduler.ladder import LadderState, Odds, Reach, next_rung
from scheduler.languages import LanguageTable, PersonLanguage
from scheduler.matching import Pool
from scheduler.need import MatchRules, Need, Presence, SexWish
from scheduler.ring.policy import LadderPolicy
from scheduler.ring.reserve import is_under_reserve, reserve_of
from scheduler.surge.rule import TRIAGE_MINUTES
from scheduler.times import Worked, owed_break, rest_until
from scheduler.whatif.people import OFFICER, Worker, make_people
from scheduler.whatif.plan import PlanInput
from scheduler.whatif.tally import Asked, Hour, Tally

START = datetime(2026, 1, 4, 23, tzinfo=UTC)
"""Midnight of a Monday in both countries: the seconds of a plan are counted from here."""
RELAY_FACTOR = 1.7
"""M-9: planned time through relay."""
ASK_AGAIN = 600.0
RING_ONE = 20.0
PARTNER_DELAY = 300.0
"""Until somebody of the partner list has been telephoned (policy)."""
REPORT_IN = 3 * 3600.0
"""R-2: the reserve reports within three hours."""
CALL_IN_AT = 5
"""So many requests wait when the reserve is called in (policy)."""
BRIEFING_EVERY, BRIEFING_MINUTES, BRIEFING_SAVES, BRIEFING_LEAST = 1800.0, 8.0, 4.0, 4
"""A briefing each half-hour for languages with at least so many requests in it; minutes it takes, and saves each session."""
_SHORTEST = 2.0
_PARTNER_SHARE = 10.0
Progress = Callable[[float], None]
Steps = Generator[simpy.Event, Any, None]


@dataclass
class _Person:
    """What changes about a worker while the plan runs."""

    worker: Worker
    on_duty: bool = False
    busy_until: float = 0.0
    worked: list[Worked] = field(default_factory=list)
    minutes_today: float = 0.0
    called_at: float | None = None


@dataclass
class _Request:
    asked: Asked
    need: Need
    minutes: float
    gives_up_at: float
    refused: dict[str, float] = field(default_factory=dict)
    """Who said no, and when."""
    woken: simpy.Event | None = None

    @property
    def order(self) -> tuple[str, float]:
        return (self.asked.priority, self.asked.at)


class Simulation:
    """One run of one plan. The same plan gives the same result on every machine."""

    def __init__(
        self, plan: PlanInput, table: LanguageTable, policy: LadderPolicy, progress: Progress | None = None
    ) -> None:
        self._plan = plan
        self._policy = policy
        self._rules = MatchRules(languages=table)
        self._odds = Odds(aim=policy.aim_percent / 100, usual=plan.ring.accept_percent / 100)
        self._env = simpy.Environment()
        self._dice = random.Random(plan.seed)  # noqa: S311 - simulated people
        self._people = {one.candidate.id: _Person(one) for one in make_people(plan, START)}
        self._pool = Pool((one.worker.candidate for one in self._people.values()), table)
        self._waiting: list[_Request] = []
        self._busy = 0
        self._partners = plan.partners if "partner_list" in plan.switches else 0
        self._bookings: dict[str, list[float]] = defaultdict(list)
        self._recent: dict[str, int] = defaultdict(int)
        self._briefed_until: dict[str, float] = {}
        self._progress = progress
        self._span = len(plan.persons) * 86_400.0
        self.tally = Tally([Hour() for _ in range(len(plan.persons) * 24)])

    def run(self) -> Tally:
        """From the first midnight until everybody who came was served or gave up."""
        env = self._env
        env.process(self._days())
        env.process(self._clock())
        for person in self._people.values():
            env.process(self._duty(person))
        env.process(self._arrive())
        env.process(self._booked())
        if "group_briefing" in self._plan.switches:
            env.process(self._briefings())
        env.run(until=self._span + self._plan.patience_minutes * 60 + 3600)
        return self.tally

    # what comes

    def _arrive(self) -> Steps:
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

    def _booked(self) -> Steps:
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
        self.tally.asked.append(asked)
        self.tally.hour(now).arrived += 1
        self._recent[language] += 1
        request = _Request(asked, need, minutes, now + self._plan.patience_minutes * 60)
        self._env.process(self._serve(request))

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

    # who is there

    def _days(self) -> Steps:
        days = len(self._plan.persons)
        for day in range(days + 1):
            for who, person in self._people.items():
                if person.minutes_today:
                    person.minutes_today = 0.0
                    self._put(who)
            if self._progress is not None:
                self._progress(min(1.0, day / days))
            for who in list(self._people) if self._waiting else ():
                self._released(who)
            yield self._env.timeout(86_400)

    def _clock(self) -> Steps:
        """What each hour begins with, also when nothing happens in it."""
        for hour in self.tally.hours:
            hour.on_shift = max(hour.on_shift, sum(one.on_duty for one in self._people.values()))
            hour.waiting = max(hour.waiting, len(self._waiting))
            hour.busy = max(hour.busy, self._busy)
            yield self._env.timeout(3600)

    def _duty(self, person: _Person) -> Steps:
        who = person.worker.candidate.id
        for shift in person.worker.shifts:
            if shift.end <= 0:
                continue
            if shift.begin > self._env.now:
                yield self._env.timeout(shift.begin - self._env.now)
            self._begin(who, min(shift.end, self._span) - max(shift.begin, 0.0))
            yield self._env.timeout(max(0.0, shift.end - self._env.now))
            person.on_duty = False
            self._put(who)

    def _begin(self, who: str, seconds: float) -> None:
        self._people[who].on_duty = True
        if seconds > 0:
            self.tally.paid_minutes += min(seconds / 60, self._plan.pool.minutes_day)
        self._put(who)
        hour = self.tally.hour(self._env.now)
        hour.on_shift = max(hour.on_shift, sum(one.on_duty for one in self._people.values()))
        self._released(who)

    def _call_in(self) -> None:
        """The reserve is asked to report; each at most once a day."""
        now = self._env.now
        for who, person in self._people.items():
            if person.worker.reserve and (person.called_at is None or now - person.called_at > 86_400):
                person.called_at = now
                self._env.process(self._reserve_duty(who))

    def _reserve_duty(self, who: str) -> Steps:
        yield self._env.timeout(REPORT_IN)
        seconds = self._plan.pool.shift_hours * 3600.0
        self._begin(who, seconds)
        yield self._env.timeout(seconds)
        self._people[who].on_duty = False
        self._put(who)

    def _is_free(self, who: str) -> bool:
        person = self._people[who]
        return person.on_duty and person.busy_until <= self._env.now

    def _put(self, who: str) -> None:
        """Tell the pool how this person stands."""
        person = self._people[who]
        candidate = self._pool.get(who)
        assert candidate is not None
        presence = Presence.OFFLINE
        if person.on_duty:
            presence = Presence.AVAILABLE if person.busy_until <= self._env.now else Presence.BUSY
        minutes = round(person.minutes_today)
        if candidate.presence is presence and candidate.minutes_today == minutes:
            return
        idle = candidate.idle_since
        if candidate.presence is Presence.BUSY and presence is not Presence.BUSY:
            idle = START + timedelta(seconds=self._env.now)
        self._pool.put(replace(candidate, presence=presence, minutes_today=minutes, idle_since=idle))

    # how a request is served

    def _serve(self, request: _Request) -> Steps:
        found: list[str] = []
        for step in self._ring(request, found):
            yield step
        if not found:
            for step in self._otherwise(request, found):
                yield step
        while not found and self._env.now < request.gives_up_at:
            for step in self._wait(request, found):
                yield step
        if found:
            request.asked.waited = self._env.now - request.asked.at

    def _ring(self, request: _Request, found: list[str]) -> Steps:
        """Down the ladder: the real ranking, the real rungs; who accepts first and is still free has it."""
        state, asked = LadderState(), set[str]()
        while self._env.now < request.gives_up_at:
            now = START + timedelta(seconds=self._env.now)
            need = replace(request.need, now=now, at=now)
            if self._is_kept(request):
                return
            ranked = self._pool.rank(need, self._rules).matches
            turn = next_rung(state, ranked, asked, now, ladder=self._policy.ladder, reach=Reach(), odds=self._odds)
            if turn is None or turn.is_coordinator or turn.deadline is None:
                return
            state = turn.state
            rung = [match.candidate.id for match in turn.matches]
            asked.update(rung)
            seconds = (turn.deadline - now).total_seconds()
            yield from self._answers(request, rung, seconds, found)
            if found:
                return

    def _answers(self, request: _Request, rung: Sequence[str], seconds: float, found: list[str]) -> Steps:
        ring, dice, begun = self._plan.ring, self._dice, self._env.now
        answers = []
        for who in rung:
            if dice.random() * 100 < ring.accept_percent:
                answers.append((1.0 + dice.expovariate(1 / max(0.1, ring.answer_seconds - 1.0)), who))
            else:
                request.refused[who] = begun
        for delay, who in sorted(answers):
            if delay > seconds:
                break
            yield self._env.timeout(begun + delay - self._env.now)
            if self._is_free(who):
                found.append(who)
                self._start(request, [who], request.minutes)
                return
        yield self._env.timeout(begun + seconds - self._env.now)

    def _otherwise(self, request: _Request, found: list[str]) -> Steps:
        """The ladder is used up: relay, where the switch allows it, then the partner list."""
        switches = self._plan.switches
        if "relay" in switches and request.need.stage in (Stage.IDENTIFICATION, Stage.REGISTRATION):
            pair = self._relay_pair(request)
            if pair is not None:
                yield self._env.timeout(RING_ONE)
                chance = (self._plan.ring.accept_percent / 100) ** 2
                if self._dice.random() < chance and all(self._is_free(who) for who in pair):
                    found.extend(pair)
                    self.tally.relays += 1
                    self._start(request, pair, request.minutes * RELAY_FACTOR)
                    return
        share = self._plan.languages.get(request.asked.language, 0.0) / sum(self._plan.languages.values()) * 100
        if self._partners > 0 and share >= _PARTNER_SHARE:
            self._partners -= 1
            yield self._env.timeout(PARTNER_DELAY)
            found.append("")
            self.tally.partner_sessions += 1
            self._env.process(self._partner_session(request.minutes))

    def _partner_session(self, minutes: float) -> Steps:
        yield self._env.timeout(self._plan.ring.join_seconds + minutes * 60)
        self._partners += 1

    def _relay_pair(self, request: _Request) -> list[str] | None:
        """Two legs through the bridge language, both free now, by the real rules of M-9."""
        now = START + timedelta(seconds=self._env.now)
        first = replace(request.need, now=now, at=now, relay_from=frozenset({BRIDGE}))
        legs = [match for match in self._pool.rank(first, self._rules).matches if match.way.relay]
        if not legs:
            return None
        second = replace(request.need, now=now, at=now, languages=(PersonLanguage(BRIDGE),), sex_must=False)
        for other in self._pool.rank(second, self._rules).matches:
            for one in legs:
                if one.candidate.id != other.candidate.id:
                    return [one.candidate.id, other.candidate.id]
        return None

    def _wait(self, request: _Request, found: list[str]) -> Steps:
        """In line until somebody who fits becomes free, or until it is given up."""
        request.woken = self._env.event()
        self._waiting.append(request)
        self.tally.hour(self._env.now).waiting = max(self.tally.hour(self._env.now).waiting, len(self._waiting))
        if "call_in_reserve" in self._plan.switches and len(self._waiting) >= CALL_IN_AT:
            self._call_in()
        left = self._env.timeout(max(0.0, request.gives_up_at - self._env.now))
        yield request.woken | left
        if request.woken.triggered:
            yield from self._answers(request, [str(request.woken.value)], RING_ONE, found)
        elif request in self._waiting:
            self._waiting.remove(request)

    def _released(self, who: str) -> None:
        """Somebody is free: the most urgent and then oldest request that this person may serve rings first (M-10)."""
        if not self._waiting or not self._is_free(who):
            return
        candidate = self._pool.get(who)
        if candidate is None or candidate.presence is not Presence.AVAILABLE:
            return
        now = START + timedelta(seconds=self._env.now)
        tried: set[tuple[Any, ...]] = set()
        for request in sorted(self._waiting, key=lambda one: one.order):
            alike = (request.asked.language, request.need.stage, request.need.sex_must, request.need.minutes)
            if alike in tried or self._env.now - request.refused.get(who, -ASK_AGAIN) < ASK_AGAIN:
                continue
            if eligible(replace(request.need, now=now, at=now), candidate, self._rules):
                tried.add(alike)
                continue
            if self._is_kept(request):
                continue
            self._waiting.remove(request)
            if request.woken is not None:
                request.woken.succeed(who)
            return

    def _is_kept(self, request: _Request) -> bool:
        """Whether the people who are left are kept for booked work (M-10)."""
        language, now = request.asked.language, self._env.now
        if not is_under_reserve("appointment" if request.asked.priority == "P4" else "now", request.asked.priority):
            return False
        ahead = self._policy.booked_ahead_minutes * 60
        booked = sum(now <= at < now + ahead for at in self._bookings.get(language, ()))
        if not booked:
            return False
        there = [who for who, one in self._people.items() if one.on_duty and _speaks(one.worker, language)]
        kept = reserve_of(len(there), booked, percent=self._policy.reserve_percent, smallest=self._policy.reserve_from)
        return kept > 0 and sum(self._is_free(who) for who in there) <= kept

    def _start(self, request: _Request, people: Sequence[str], minutes: float) -> None:
        """The session with the break that is owed after it."""
        now = self._env.now
        spoken = minutes * 60
        ends = now + self._plan.ring.join_seconds + spoken
        self.tally.interpreted_minutes += minutes * len(people)
        self._busy += len(people)
        self.tally.hour(now).busy = max(self.tally.hour(now).busy, self._busy)
        for who in people:
            person = self._people[who]
            person.minutes_today += minutes
            begun, ended = START + timedelta(seconds=ends - spoken), START + timedelta(seconds=ends)
            person.worked = [Worked(begun, ended, max(1, round(minutes))), *person.worked[:11]]
            rest = rest_until(person.worked) or ended + owed_break(round(minutes))
            person.busy_until = (rest - START).total_seconds()
            self._put(who)
            self._env.process(self._end(who, ends, person.busy_until))

    def _end(self, who: str, ends: float, free_at: float) -> Steps:
        yield self._env.timeout(ends - self._env.now)
        self._busy -= 1
        yield self._env.timeout(max(0.0, free_at - self._env.now))
        self._put(who)
        self._released(who)

    def _briefings(self) -> Steps:
        """Each half-hour one free interpreter per busy language tells many posts at once what comes next; information only."""
        while self._env.now < self._span:
            yield self._env.timeout(BRIEFING_EVERY)
            busy = [language for language, count in sorted(self._recent.items()) if count >= BRIEFING_LEAST]
            self._recent.clear()
            for language in busy:
                who = next(
                    (
                        one
                        for one, person in self._people.items()
                        if self._is_free(one) and _speaks(person.worker, language)
                    ),
                    None,
                )
                if who is None:
                    continue
                self.tally.briefings += 1
                self._briefed_until[language] = self._env.now + BRIEFING_EVERY
                person = self._people[who]
                person.minutes_today += BRIEFING_MINUTES
                person.busy_until = self._env.now + BRIEFING_MINUTES * 60
                self.tally.interpreted_minutes += BRIEFING_MINUTES
                self._put(who)
                self._busy += 1
                self._env.process(self._end(who, person.busy_until, person.busy_until))


def _speaks(worker: Worker, language: str) -> bool:
    return any(spoken == language and toward != BRIDGE for spoken, toward in worker.candidate.pairs)


def simulate(
    plan: PlanInput, table: LanguageTable, policies: Mapping[str, LadderPolicy], progress: Progress | None = None
) -> Tally:
    """One plan, played once."""
    return Simulation(plan, table, policies[plan.country], progress).run()
