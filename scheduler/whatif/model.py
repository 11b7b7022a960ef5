"""A plan played through in simulated time (simpy) over the real matching code: ``Pool.rank`` decides who may, ``next_rung`` who is
rung, ``times`` which break is owed, the ring's reserve what booked work keeps. What comes is in ``arrivals``, who works in
``staff``. Nothing here knows the database or real time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import simpy

from records.stages import Stage
from scheduler.eligibility import BRIDGE, eligible
from scheduler.ladder import LadderState, Odds, Reach, next_rung
from scheduler.languages import LanguageTable, PersonLanguage
from scheduler.need import MatchRules, Presence
from scheduler.ring.policy import LadderPolicy
from scheduler.ring.reserve import is_under_reserve, reserve_of
from scheduler.whatif.arrivals import Arrivals, Request
from scheduler.whatif.moments import Steps, moment
from scheduler.whatif.plan import PlanInput
from scheduler.whatif.staff import Staff
from scheduler.whatif.tally import Hour, Tally

RELAY_FACTOR = 1.7
"""M-9: planned time through relay."""
ASK_AGAIN = 600.0
RING_ONE = 20.0
PARTNER_DELAY = 300.0
"""Until somebody of the partner list has been telephoned (policy)."""
CALL_IN_AT = 5
"""So many requests wait when the reserve is called in (policy)."""
BRIEFING_EVERY, BRIEFING_MINUTES, BRIEFING_LEAST = 1800.0, 8.0, 4
"""A briefing each half-hour for languages with at least so many requests in it, and the minutes it takes."""
_PARTNER_SHARE = 10.0
Progress = Callable[[float], None]


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
        self._waiting: list[Request] = []
        self._partners = plan.partners if "partner_list" in plan.switches else 0
        self._progress = progress
        self._span = len(plan.persons) * 86_400.0
        self.tally = Tally([Hour() for _ in range(len(plan.persons) * 24)])
        self._staff = Staff(self._env, plan, table, self.tally, self._released)
        self._arrivals = Arrivals(self._env, plan, self._dice, self.tally, self._serve)

    def run(self) -> Tally:
        """From the first midnight until everybody who came was served or gave up."""
        env = self._env
        env.process(self._days())
        env.process(self._clock())
        self._staff.begin()
        env.process(self._arrivals.on_their_own())
        env.process(self._arrivals.booked())
        if "group_briefing" in self._plan.switches:
            env.process(self._briefings())
        env.run(until=self._span + self._plan.patience_minutes * 60 + 3600)
        return self.tally

    # the course of time

    def _days(self) -> Steps:
        days = len(self._plan.persons)
        for day in range(days + 1):
            self._staff.new_day()
            if self._progress is not None:
                self._progress(min(1.0, day / days))
            for who in self._staff.ids if self._waiting else ():
                self._released(who)
            yield self._env.timeout(86_400)

    def _clock(self) -> Steps:
        """What each hour begins with, also when nothing happens in it."""
        for hour in self.tally.hours:
            hour.on_shift = max(hour.on_shift, self._staff.on_duty)
            hour.waiting = max(hour.waiting, len(self._waiting))
            hour.busy = max(hour.busy, self._staff.busy)
            yield self._env.timeout(3600)

    # how a request is served

    def _serve(self, request: Request) -> Steps:
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

    def _ring(self, request: Request, found: list[str]) -> Steps:
        """Down the ladder: the real ranking, the real rungs; who accepts first and is still free has it."""
        state, asked = LadderState(), set[str]()
        while self._env.now < request.gives_up_at:
            now = moment(self._env.now)
            need = replace(request.need, now=now, at=now)
            if self._is_kept(request):
                return
            ranked = self._staff.pool.rank(need, self._rules).matches
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

    def _answers(self, request: Request, rung: Sequence[str], seconds: float, found: list[str]) -> Steps:
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
            if self._staff.is_free(who):
                found.append(who)
                self._staff.start([who], request.minutes)
                return
        yield self._env.timeout(begun + seconds - self._env.now)

    def _otherwise(self, request: Request, found: list[str]) -> Steps:
        """The ladder is used up: relay, where the switch allows it, then the partner list."""
        switches = self._plan.switches
        if "relay" in switches and request.need.stage in (Stage.IDENTIFICATION, Stage.REGISTRATION):
            pair = self._relay_pair(request)
            if pair is not None:
                yield self._env.timeout(RING_ONE)
                chance = (self._plan.ring.accept_percent / 100) ** 2
                if self._dice.random() < chance and all(self._staff.is_free(who) for who in pair):
                    found.extend(pair)
                    self.tally.relays += 1
                    self._staff.start(pair, request.minutes * RELAY_FACTOR)
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

    def _relay_pair(self, request: Request) -> list[str] | None:
        """Two legs through the bridge language, both free now, by the real rules of M-9."""
        now = moment(self._env.now)
        first = replace(request.need, now=now, at=now, relay_from=frozenset({BRIDGE}))
        legs = [match for match in self._staff.pool.rank(first, self._rules).matches if match.way.relay]
        if not legs:
            return None
        second = replace(request.need, now=now, at=now, languages=(PersonLanguage(BRIDGE),), sex_must=False)
        for other in self._staff.pool.rank(second, self._rules).matches:
            for one in legs:
                if one.candidate.id != other.candidate.id:
                    return [one.candidate.id, other.candidate.id]
        return None

    def _wait(self, request: Request, found: list[str]) -> Steps:
        """In line until somebody who fits becomes free, or until it is given up."""
        request.woken = self._env.event()
        self._waiting.append(request)
        self.tally.hour(self._env.now).waiting = max(self.tally.hour(self._env.now).waiting, len(self._waiting))
        if "call_in_reserve" in self._plan.switches and len(self._waiting) >= CALL_IN_AT:
            self._staff.call_in()
        left = self._env.timeout(max(0.0, request.gives_up_at - self._env.now))
        yield request.woken | left
        if request.woken.triggered:
            yield from self._answers(request, [str(request.woken.value)], RING_ONE, found)
        elif request in self._waiting:
            self._waiting.remove(request)

    def _released(self, who: str) -> None:
        """Somebody is free: the most urgent and then oldest request that this person may serve rings first (M-10)."""
        if not self._waiting or not self._staff.is_free(who):
            return
        candidate = self._staff.pool.get(who)
        if candidate is None or candidate.presence is not Presence.AVAILABLE:
            return
        now = moment(self._env.now)
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

    def _is_kept(self, request: Request) -> bool:
        """Whether the people who are left are kept for booked work (M-10)."""
        language = request.asked.language
        if not is_under_reserve("appointment" if request.asked.priority == "P4" else "now", request.asked.priority):
            return False
        booked = self._arrivals.booked_within(language, self._policy.booked_ahead_minutes * 60)
        if not booked:
            return False
        there = self._staff.speaking(language)
        kept = reserve_of(len(there), booked, percent=self._policy.reserve_percent, smallest=self._policy.reserve_from)
        return kept > 0 and sum(self._staff.is_free(who) for who in there) <= kept

    def _briefings(self) -> Steps:
        """Each half-hour one free interpreter per busy language tells many posts at once what comes next; information only."""
        while self._env.now < self._span:
            yield self._env.timeout(BRIEFING_EVERY)
            for language in self._arrivals.take_frequent(BRIEFING_LEAST):
                who = next((one for one in self._staff.speaking(language) if self._staff.is_free(one)), None)
                if who is None:
                    continue
                self.tally.briefings += 1
                self._arrivals.brief(language, self._env.now + BRIEFING_EVERY)
                self._staff.brief(who, BRIEFING_MINUTES)


def simulate(
    plan: PlanInput, table: LanguageTable, policies: Mapping[str, LadderPolicy], progress: Progress | None = None
) -> Tally:
    """One plan, played once."""
    return Simulation(plan, table, policies[plan.country], progress).run()
