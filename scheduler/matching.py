"""The pool, prepared for matching: the rules of ``eligibility`` and ``ranking`` over columns, for thousands of people.

:class:`Pool` holds the facts of every candidate in arrays and sets and is kept up to date with :meth:`Pool.put`;
one need is then decided for all of them at once. It must always agree with :func:`scheduler.ranking.rank` and
:func:`scheduler.eligibility.eligible`, which state the rules plainly; a property test holds them together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray

from records.stages import Level, Mode
from scheduler.columns import SEX_CODE, Columns
from scheduler.eligibility import (
    BRIDGE,
    LanguageWay,
    NeedContext,
    Refusal,
    Rule,
    eligible,
    epoch,
)
from scheduler.need import (
    Candidate,
    MatchRules,
    Need,
    Sex,
    SexWish,
    TransferGate,
)
from scheduler.ranking import (
    TENTHS,
    Match,
    Reason,
    ReasonCode,
    Term,
    TermCode,
    officer_reasons,
    phone_points,
    rank,
)

__all__ = [
    "Candidate",
    "Match",
    "MatchRules",
    "Need",
    "Pool",
    "Ranking",
    "Reason",
    "ReasonCode",
    "Refusal",
    "Rule",
    "Term",
    "TermCode",
    "TransferGate",
    "eligible",
    "officer_reasons",
    "rank",
]

_BY_BIT = {rule.bit: rule for rule in Rule}
_WISH = {SexWish.WOMAN: SEX_CODE[Sex.WOMAN], SexWish.MAN: SEX_CODE[Sex.MAN]}


class Ranking:
    """The answer for one need over a whole pool, as it was at that moment; later changes of the pool do not touch it.

    Order, scores, parts and failed rules of everybody are worked out; the objects that tell them are made when looked
    at, because nobody looks at ten thousand of them.
    """

    def __init__(self, matches: _Matches, context: NeedContext, rows: dict[str, int], masks: NDArray[np.int32]) -> None:
        self.context = context
        self.matches: Sequence[Match] = matches
        """Eligible candidates, best first."""
        self.refusals: Mapping[str, tuple[Refusal, ...]] = _Refusals(context, rows, masks)
        """Per candidate id of the pool that is not eligible: every rule it fails, in the order of M-2."""
        self._rows = rows
        self._masks = masks

    @property
    def first_failures(self) -> Mapping[Rule, int]:
        """How many candidates fail each rule *first*: where the pool is lost on the way."""
        result: Counter[Rule] = Counter()
        for mask, count in self._counted().items():
            if mask:
                # Bits stand in the order of the rules: the lowest one is the first failure.
                result[_BY_BIT[mask & -mask]] += count
        return dict(result)

    @property
    def only_failures(self) -> Mapping[Rule, int]:
        """How many candidates fail nothing but this rule: what would help (somebody is busy, a gate is closed)."""
        counted = self._counted()
        return {rule: counted[rule.bit] for rule in Rule if counted.get(rule.bit)}

    def _counted(self) -> dict[int, int]:
        rows = np.fromiter(self._rows.values(), dtype=np.int64, count=len(self._rows))
        masks, counts = np.unique(self._masks[rows], return_counts=True)
        return dict(zip(masks.tolist(), counts.tolist(), strict=True))


class _Matches(Sequence[Match]):
    """Eligible candidates in order, told one by one."""

    def __init__(
        self,
        context: NeedContext,
        people: list[Candidate],
        points: NDArray[np.int64],
        ways: list[LanguageWay],
        way_of: NDArray[np.int32],
    ) -> None:
        self._context = context
        self._people = people
        self._points = points
        self._ways = ways
        self._way_of = way_of

    def __len__(self) -> int:
        return len(self._people)

    @overload
    def __getitem__(self, place: int) -> Match: ...
    @overload
    def __getitem__(self, place: slice) -> list[Match]: ...
    def __getitem__(self, place: int | slice) -> Match | list[Match]:
        if isinstance(place, slice):
            rows = zip(self._people[place], self._points[place].tolist(), self._way_of[place].tolist(), strict=True)
            return [self._told(who, points, way) for who, points, way in rows]
        return self._told(self._people[place], self._points[place].tolist(), int(self._way_of[place]))

    def __iter__(self) -> Iterator[Match]:
        return iter(self[:])

    def _told(self, who: Candidate, points: list[int], way: int) -> Match:
        return Match(who, self._context, sum(points), tuple(points), self._ways[way])


class _Refusals(Mapping[str, "tuple[Refusal, ...]"]):
    """Who is refused and why, told one by one."""

    def __init__(self, context: NeedContext, rows: dict[str, int], masks: NDArray[np.int32]) -> None:
        self._context = context
        self._rows = rows
        self._columns = masks
        self._told: dict[int, tuple[Refusal, ...]] = {}

    @cached_property
    def _masks(self) -> list[int]:
        masks: list[int] = self._columns.tolist()
        return masks

    def __getitem__(self, candidate_id: str) -> tuple[Refusal, ...]:
        mask = self._masks[self._rows[candidate_id]]
        if not mask:
            raise KeyError(candidate_id)
        told = self._told.get(mask)
        if told is None:
            told = self._told[mask] = tuple(self._context.refusal(rule) for rule in Rule if mask & rule.bit)
        return told

    def __iter__(self) -> Iterator[str]:
        return (who for who, row in self._rows.items() if self._masks[row])

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Pool(Columns):
    """All candidates, prepared, and the decision of one need over all of them."""

    def rank(self, need: Need, rules: MatchRules) -> Ranking:
        """Decide one need for the whole pool; the same answer as the plain rules."""
        context = NeedContext.build(need, rules)
        ways, way_of = self._ways(context)
        masks = self._masks(context, way_of)
        rows = np.flatnonzero((masks == 0) & self.facts["present"])
        points = self._points(context, rows, ways, way_of)
        # Sorted by the last key first; small whole numbers sort fastest.
        last = (self.facts["minutes"][rows] << 32) + self.code_order()[rows]
        order = np.lexsort((last, self.facts["idle"][rows], -points.sum(axis=1)))
        rows = rows[order]
        people = [who for who in map(self.people.__getitem__, rows.tolist()) if who is not None]
        matches = _Matches(context, people, points[order], ways, way_of[rows])
        return Ranking(matches, context, self.row_of.copy(), masks)

    def _ways(self, context: NeedContext) -> tuple[list[LanguageWay], NDArray[np.int32]]:
        """All ways open to this need, best first, and per row the index of its best (-1 none, -2 relay not allowed)."""
        ways = [
            LanguageWay(match, officer, relay=False)
            for match in context.options.values()
            for officer in context.officer
        ]
        way_of = np.full(len(self.people), -1, dtype=np.int32)
        if BRIDGE not in context.officer:
            for match in context.options.values():
                way_of[self.pairs.rows((match.interpreter, BRIDGE))] = -2
                if context.relay_allowed:
                    ways.append(LanguageWay(match, BRIDGE, relay=True))
        ways = sorted(
            (way for way in ways if self.pairs.has((way.language.interpreter, way.officer))), key=lambda way: way.order
        )
        for index in range(len(ways) - 1, -1, -1):
            way = ways[index]
            way_of[self.pairs.rows((way.language.interpreter, way.officer))] = index
        return ways, way_of

    def _masks(self, context: NeedContext, way_of: NDArray[np.int32]) -> NDArray[np.int32]:
        """Per row the rules it fails, as bits."""
        need, col = context.need, self.facts
        masks = np.zeros(len(self.people), dtype=np.int32)

        def fail(rule: Rule, condition: NDArray[np.bool_]) -> None:
            np.bitwise_or(masks, condition * np.int32(rule.bit), out=masks)

        def fail_rows(rule: Rule, rows: NDArray[np.int64]) -> None:
            masks[rows] |= rule.bit

        ends = epoch(need.ends)
        fail(Rule.LANGUAGE, way_of == -1)
        fail(Rule.RELAY, way_of == -2)
        phone_serves = need.mode is Mode.PHONE or need.phone_allowed
        fail(Rule.MODE, ~(col["video"] | col["phone"]) if phone_serves else ~col["video"])
        fail(Rule.LEVEL, col["level"] < max(need.min_level.number, Level.L1.number))
        if need.sworn_required:
            sworn = np.zeros(len(masks), dtype=np.bool_)
            sworn[self.sworn.rows(need.country)] = True
            fail(Rule.SWORN, ~sworn)
        for rule, name in ((Rule.VETTING, "vetting"), (Rule.NDA, "nda"), (Rule.CONDUCT, "conduct")):
            fail(rule, col[name] < ends)
        fail_rows(Rule.BARRED, self.cases.rows(need.case_id))
        for token in need.avoid:
            fail_rows(Rule.AVOID, self.tokens.rows(token))
        fail_rows(Rule.COMPLAINT, self.rows_of(need.complaint_ids))
        if need.appeal:
            fail_rows(Rule.APPEAL, self.rows_of(need.earlier_ids))
        fail_rows(Rule.DOUBLE_ROLE, self.rows_of(need.party_ids))
        fail(Rule.CONFLICT, col["conflict"])
        if need.sex_must and need.sex_wish is not SexWish.NONE:
            fail(Rule.SEX, col["sex"] != _WISH[need.sex_wish])
        if need.child:
            fail(Rule.CHILD, ~col["child"])
        if need.trauma:
            fail(Rule.TRAUMA, ~col["trauma"])
        abroad = col["country"] != self.countries.get(need.country, -1)
        shut = np.ones(len(self.countries) + 1, dtype=np.bool_)
        shut[[self.countries.get(country, -1) for country, gate in context.gates.items() if gate is not None]] = False
        fail(Rule.GATE, abroad & shut[col["country"]])
        if need.police_regime and not need.police_approval:
            fail(Rule.POLICE, abroad)
        if need.approved_location:
            fail(Rule.LOCATION, ~col["approved"])
        fail(Rule.DAY_LIMIT, col["minutes"] + need.own_minutes > col["limit"])
        busy = (self.work[:, :, 0] < ends) & (epoch(need.at) < self.work[:, :, 1])
        fail(Rule.ENGAGED, np.logical_or.reduce(busy, axis=1))
        if need.by_calendar:
            fits = (self.hours[:, :, 0] <= epoch(need.at)) & (ends <= self.hours[:, :, 1])
            fail(Rule.AVAILABILITY, col["stated"] & ~np.logical_or.reduce(fits, axis=1))
        if need.on_demand:
            fail(Rule.PRESENCE, ~col["reachable"])
        fail(Rule.INACTIVE, ~col["active"])
        return masks

    def _points(
        self, context: NeedContext, rows: NDArray[np.int64], ways: list[LanguageWay], way_of: NDArray[np.int32]
    ) -> NDArray[np.int64]:
        """Tenths per eligible row and :class:`TermCode`."""
        need, weights, col = context.need, context.rules.weights, self.facts
        points = np.zeros((len(rows), len(TermCode)), dtype=np.int64)
        points[:, 0] = weights.base * TENTHS
        if len(rows) == 0:
            return points
        chosen = way_of[rows]
        points[:, 1] = -TENTHS * np.array([way.language.penalty for way in ways], dtype=np.int64)[chosen]
        if need.sex_wish is not SexWish.NONE:
            points[:, 2] = np.where(col["sex"][rows] == _WISH[need.sex_wish], 0, -weights.sex_preference * TENTHS)
        relay = np.array([way.relay for way in ways], dtype=np.bool_)[chosen]
        points[:, 3] = np.where(relay, -weights.relay * TENTHS, 0)
        if need.mode is Mode.VIDEO:
            points[:, 4] = np.where(col["video"][rows], 0, -phone_points(need, context.rules) * TENTHS)
        limit = np.maximum(col["limit"][rows], 1)
        points[:, 5] = -((2 * weights.fatigue * TENTHS * col["minutes"][rows] + limit) // (2 * limit))
        home = self.countries.get(need.country, -1)
        points[:, 6] = np.where(col["country"][rows] != home, -weights.cross_border * TENTHS, 0)
        if need.continuity_id in self.row_of:
            points[:, 7] = np.where(rows == self.row_of[need.continuity_id], weights.continuity * TENTHS, 0)
        points[:, 8] = col["quality"][rows] * TENTHS
        return points
