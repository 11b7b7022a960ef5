"""Free slots, and who takes one: the list that is shown and the booking that follows ask the same function.

Everything that is offered can be booked, and what cannot be booked is refused with the rules that forbid it. A slot is free when
for each leg of the booking somebody is eligible, with stated hours, breaks and daily limits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.db.session import ReadUnit
from core.errors import Conflict, Invalid
from scheduler.eligibility import NeedContext, Rule, failed_rules
from scheduler.legs import PIVOTS, Way, leg_need
from scheduler.need import Candidate, MatchRules, Need
from scheduler.queries import PoolSpan, pool_between
from scheduler.ranking import Match, rank

QUARTER = timedelta(minutes=15)
LONGEST_SPAN = timedelta(days=45)
"""Longest span of time whose slots are listed at once."""
FEW = 3
"""Counts below this are told as "few", so that a number never points at somebody."""
_PAIRS_TRIED = 6
"""How many of the best of each leg are combined."""


@dataclass(frozen=True)
class Plan:
    """How an appointment is staffed: its way and, for each leg, who is eligible, best first."""

    way: Way
    pivot: str | None
    legs: Mapping[int, Sequence[Match]]

    def teams(self, *, sure: bool = False) -> Iterator[tuple[Match, ...]]:
        """Those who could do it together, the best first; nobody takes two legs.

        ``sure``: only people who stated that they work at that time; the others have to be asked.
        """
        legs = {
            leg: [match for match in matches if not sure or match.candidate.at_desk]
            for leg, matches in self.legs.items()
        }
        if self.way is Way.DIRECT:
            yield from ((match,) for match in legs[1])
            return
        first, second = legs[1][:_PAIRS_TRIED], legs[2][:_PAIRS_TRIED]
        pairs = [(one, other) for one in first for other in second if one.candidate.id != other.candidate.id]
        # Each pair once: for a team the order of the two says nothing.
        if self.way is Way.TEAM:
            pairs = [pair for pair in pairs if pair[0].candidate.id < pair[1].candidate.id]
        yield from sorted(pairs, key=lambda pair: -(pair[0].score + pair[1].score))

    @property
    def is_open(self) -> bool:
        """Whether anybody could do it."""
        return next(self.teams(), None) is not None

    @property
    def is_sure(self) -> bool:
        """Whether it can be agreed at once, because people stated that they work then; else they are asked."""
        return next(self.teams(sure=True), None) is not None

    @property
    def choices(self) -> int:
        """How many people could be given the leg that is hardest to fill; 0 when it cannot be filled."""
        return min(len(matches) for matches in self.legs.values()) if self.is_open else 0

    @property
    def score(self) -> int:
        """Tenths of a point of the best answer (M-8): the mean of the legs, less 35 points for a relay (M-9)."""
        best = next(self.teams(), None)
        if best is None:
            return 0
        mean = sum(match.score for match in best) // len(best)
        return mean - RELAY_COST if self.way is Way.RELAY else mean


RELAY_COST = 350
"""Tenths of a point that a relay costs (M-8)."""


class Openings:
    """Who could take an appointment of one need at any moment of a span of time. One object, read once, asked often."""

    def __init__(
        self, need: Need, rules: MatchRules, way: Way, pools: Mapping[tuple[str | None, int], PoolSpan]
    ) -> None:
        self._need = need
        self._rules = rules
        self._way = way
        self._pools = pools

    @classmethod
    async def read(
        cls,
        unit: ReadUnit,
        need: Need,
        rules: MatchRules,
        way: Way,
        start: datetime,
        end: datetime,
        *,
        pivot: str | None = None,
        without: str | None = None,
    ) -> Openings:
        """The facts for appointments that begin in ``[start, end]``. ``without``: work for this booking is no obstacle.

        A relay is looked for through ``pivot``, or through every language of M-9.
        """
        pools = {}
        for code in through(need, way, pivot):
            for leg in way.legs:
                wanted = leg_need(need, way, code, leg)
                pools[code, leg] = await pool_between(unit, wanted, rules, start, end, without=without)
        return cls(need, rules, way, pools)

    def at(self, moment: datetime) -> Plan:
        """Who could begin then. Empty legs where nobody could; ``why_not`` says why."""
        plans = [Plan(self._way, code, self._legs(moment, code)) for code in {key[0]: None for key in self._pools}]
        open_plans = [plan for plan in plans if plan.is_open]
        # The usual pivot wins a tie: the order of PIVOTS is kept.
        return max(open_plans, key=lambda plan: plan.score, default=plans[0])

    def why_not(self, moment: datetime) -> dict[Rule, int]:
        """The rules that keep people from beginning then, with how many each; the commonest first.

        Only people who speak the languages are counted. With nobody at all it is the language.
        """
        found: Counter[Rule] = Counter()
        for code, leg in self._pools:
            need = self._moved(moment, code, leg)
            context = NeedContext.build(need, self._rules)
            for candidate in self._candidates(need, code, leg):
                failed = failed_rules(context, candidate)
                if Rule.LANGUAGE not in failed:
                    found.update(failed)
        if not found:
            found[Rule.LANGUAGE if self._way is not Way.TEAM else Rule.ENGAGED] = 0
        return dict(found.most_common())

    def _legs(self, moment: datetime, pivot: str | None) -> dict[int, list[Match]]:
        """Who could take each leg. Most of the time goes here, so nobody is looked for twice or for nothing."""
        legs: dict[int, list[Match]] = {}
        before: Need | None = None
        for leg in self._way.legs:
            need = self._moved(moment, pivot, leg)
            if before is not None and not legs[leg - 1]:
                legs[leg] = []
            elif need == before:
                legs[leg] = legs[leg - 1]
            else:
                legs[leg] = rank(need, self._candidates(need, pivot, leg), self._rules)
            before = need
        return legs

    def _candidates(self, need: Need, pivot: str | None, leg: int) -> list[Candidate]:
        return self._pools[pivot, leg].at(need)

    def _moved(self, moment: datetime, pivot: str | None, leg: int) -> Need:
        return leg_need(replace(self._need, at=moment), self._way, pivot, leg)


@dataclass(frozen=True)
class Slot:
    """A time at which an appointment could begin, without traits of anybody."""

    starts_at: datetime
    ends_at: datetime
    free: int
    """How many could do it; 0 with ``few``."""
    few: bool
    sure: bool
    """Agreed at once when booked; otherwise interpreters are asked."""
    same: bool
    """The interpreter of the earlier steps of the case could do it (M-6)."""
    pivot: str | None
    refusals: Mapping[Rule, int]
    """Why it is not free; empty if it is."""

    @property
    def is_free(self) -> bool:
        """Whether it can be booked."""
        return not self.refusals


def slots(
    openings: Openings,
    need: Need,
    start: datetime,
    end: datetime,
    *,
    every: timedelta = QUARTER,
    refused: bool = False,
    asks: str | None = None,
) -> list[Slot]:
    """The free slots that begin in ``[start, end)`` on whole steps of ``every``; with ``refused`` also the others, with reasons.

    ``asks``: whoever has agreed to what is moved; nobody else is asked, so a time that is not sure needs them.
    """
    found: list[Slot] = []
    moment = next_step(start, every)
    length = timedelta(minutes=need.minutes)
    while moment < end:
        plan = openings.at(moment)
        if plan.is_open and (asks is None or plan.is_sure or any(match.candidate.id == asks for match in plan.legs[1])):
            few = plan.choices < FEW
            found.append(
                Slot(
                    starts_at=moment,
                    ends_at=moment + length,
                    free=0 if few else plan.choices,
                    few=few,
                    sure=plan.is_sure,
                    same=any(match.candidate.id == need.continuity_id for match in plan.legs[1]),
                    pivot=plan.pivot,
                    refusals={},
                )
            )
        elif refused:
            why = openings.why_not(moment)
            found.append(Slot(moment, moment + length, 0, few=False, sure=False, same=False, pivot=None, refusals=why))
        moment += every
    return found


def refuse(openings: Openings, moment: datetime) -> Conflict:
    """The coded refusal of a time that nobody can serve: its commonest rule."""
    rules = openings.why_not(moment)
    return Conflict("slot_not_free", {"rule": next(iter(rules)).value})


def check_span(start: datetime, end: datetime) -> None:
    """Raises ``Invalid('span_wrong')`` for a span that is empty or too long."""
    if not start < end <= start + LONGEST_SPAN:
        raise Invalid("span_wrong", {"days": LONGEST_SPAN.days})


def through(need: Need, way: Way, pivot: str | None = None) -> Sequence[str | None]:
    """The languages between two interpreters that come into question: ``pivot``, or for a relay every one of M-9."""
    if way is not Way.RELAY:
        return (None,)
    if pivot is not None:
        return (pivot,)
    spoken = {person.code for person in need.languages}
    return [code for code in PIVOTS if code not in need.officer_languages and code not in spoken]


def next_step(start: datetime, every: timedelta) -> datetime:
    """The first whole step at or after ``start``."""
    past = (start - start.replace(hour=0, minute=0, second=0, microsecond=0)) % every
    return start if not past else start + every - past
