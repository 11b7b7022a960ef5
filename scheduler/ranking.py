"""In which order eligible candidates are asked: the score of M-8 as terms that add up, and what officers may see. Pure.

Points are whole tenths (``1000`` is 100 points), so that the explanation adds up exactly. :func:`rank` is the plain
statement of the rule; :class:`scheduler.matching.Pool` gives the same answer faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from core.errors import Param
from records.stages import Mode, Stage
from scheduler.eligibility import LanguageWay, NeedContext, Rule, epoch, failed_rules, language_way, wish_met
from scheduler.languages import MatchKind
from scheduler.need import Candidate, MatchRules, Need, Presence, SexWish, TransferGate

TENTHS = 10
VIDEO_BLOCK, SHORT_BLOCK = 45, 30
"""Longest continuous interpreting in minutes (S-8): by video; by phone, with children or short sessions."""
LEAST_IDLE = 2**62
"""Sort value of a candidate whose idle time is not known: behind all others."""


class TermCode(StrEnum):
    """The parts of the score, in the order in which they are stored and shown."""

    BASE = "base"
    LANGUAGE = "language"
    SEX_WISH = "sex_wish"
    RELAY = "relay"
    PHONE = "phone"
    FATIGUE = "fatigue"
    CROSS_BORDER = "cross_border"
    CONTINUITY = "continuity"
    QUALITY = "quality"


_RULE = {
    TermCode.LANGUAGE: "M-2",
    TermCode.SEX_WISH: "M-3",
    TermCode.RELAY: "M-9",
    TermCode.CROSS_BORDER: "T-2",
    TermCode.CONTINUITY: "M-6",
}


@dataclass(frozen=True)
class Term:
    """One part of a score: for logs and coordinators."""

    rule: str
    code: TermCode
    points: int
    """In tenths; negative lowers the score."""
    params: Mapping[str, Param]


class ReasonCode(StrEnum):
    """What an officer may be told about a match: never a trait of the interpreter."""

    LANGUAGE_EXACT = "language_exact"
    LANGUAGE_FURTHER = "language_further"
    LANGUAGE_SUBSTITUTE = "language_substitute"
    WISH_MET = "wish_met"
    WISH_NOT_MET = "wish_not_met"
    SAME_INTERPRETER = "same_interpreter"
    RELAY = "relay"
    PHONE_ONLY = "phone_only"
    ACCREDITED = "accredited"
    FAIR_TURN = "fair_turn"


@dataclass(frozen=True)
class Reason:
    """One reason for the officer's screen."""

    code: ReasonCode
    params: Mapping[str, Param]


class Match(NamedTuple):
    """An eligible candidate with the explained score."""

    candidate: Candidate
    context: NeedContext
    score: int
    """In tenths of a point; the sum of ``points``."""
    points: Sequence[int]
    """Tenths per :class:`TermCode`, in its order."""
    way: LanguageWay

    @property
    def terms(self) -> list[Term]:
        """The base and every part that is not zero; their points add up to ``score``."""
        return [
            Term(_RULE.get(code, "M-8"), code, points, self._term_params(code))
            for code, points in zip(TermCode, self.points, strict=True)
            if points or code is TermCode.BASE
        ]

    @property
    def wish_met(self) -> bool:
        """How the person's wish for a woman or a man was met, for the log."""
        return wish_met(self.context.need, self.candidate)

    @property
    def gate(self) -> TransferGate | None:
        """The transfer instrument that allows this match; none inside the country."""
        if self.candidate.base_country == self.context.need.country:
            return None
        return self.context.gates.get(self.candidate.base_country)

    @property
    def is_online(self) -> bool:
        """Whether the interpreter can be rung in the browser now; otherwise only as one on call."""
        return self.candidate.presence is Presence.AVAILABLE

    @property
    def mode(self) -> Mode:
        """How this interpreter would take part."""
        return self.context.need.mode if Mode.VIDEO in self.candidate.modes else Mode.PHONE

    @property
    def block_minutes(self) -> int:
        """After how many minutes a break is due (S-8 and the interpreter's own limit)."""
        return block_minutes(self.context.need, self.candidate)

    def _term_params(self, code: TermCode) -> dict[str, Param]:
        if code is TermCode.LANGUAGE:
            language = self.way.language
            return {"person": language.person, "interpreter": language.interpreter, "kind": language.kind.value}
        if code is TermCode.FATIGUE:
            return {"minutes": self.candidate.minutes_today, "limit": self.candidate.max_minutes_day}
        if code is TermCode.RELAY:
            return {"bridge": self.way.officer}
        if code is TermCode.CROSS_BORDER:
            return {"instrument": self.gate.id if self.gate else ""}
        return {}


def block_minutes(need: Need, candidate: Candidate) -> int:
    """After how many minutes without a pause this interpreter is owed a break (S-8 and the own limit)."""
    by_phone = need.mode is Mode.PHONE or Mode.VIDEO not in candidate.modes
    short = need.child or need.short_blocks or by_phone
    return min(SHORT_BLOCK if short else VIDEO_BLOCK, candidate.max_block)


def fatigue_tenths(minutes: int, limit: int, weight: int) -> int:
    """minutes / limit x weight in tenths, rounded half up."""
    limit = max(limit, 1)
    return (2 * weight * TENTHS * minutes + limit) // (2 * limit)


def phone_points(need: Need, rules: MatchRules) -> int:
    """Points that a phone costs where video was asked for."""
    return rules.weights.phone_asylum if need.stage is Stage.ASYLUM else rules.weights.phone


def score_points(context: NeedContext, candidate: Candidate, way: LanguageWay) -> tuple[int, ...]:
    """The parts of M-8 in tenths, in the order of :class:`TermCode`."""
    need, weights = context.need, context.rules.weights
    phone_instead = need.mode is Mode.VIDEO and Mode.VIDEO not in candidate.modes
    return (
        weights.base * TENTHS,
        -way.language.penalty * TENTHS,
        0 if wish_met(need, candidate) else -weights.sex_preference * TENTHS,
        -weights.relay * TENTHS if way.relay else 0,
        -phone_points(need, context.rules) * TENTHS if phone_instead else 0,
        -fatigue_tenths(candidate.minutes_today, candidate.max_minutes_day, weights.fatigue),
        -weights.cross_border * TENTHS if candidate.base_country != need.country else 0,
        weights.continuity * TENTHS if candidate.id == need.continuity_id else 0,
        candidate.quality * TENTHS,
    )


def idle_key(idle_since: datetime | None) -> int:
    """Sort value of idle time: the smallest has waited longest."""
    return LEAST_IDLE if idle_since is None else epoch(idle_since)


def match_order(match: Match) -> tuple[int, int, int, str, str]:
    """Best first; ties: longest idle, then fewest minutes today, then code (M-8)."""
    person = match.candidate
    return (-match.score, idle_key(person.idle_since), person.minutes_today, person.code, person.id)


def rank(need: Need, candidates: Iterable[Candidate], rules: MatchRules) -> list[Match]:
    """The eligible candidates, best first, each with its explained score; the order of the input does not matter."""
    context = NeedContext.build(need, rules)
    matches: list[Match] = []
    for candidate in candidates:
        way = language_way(context, candidate)
        if isinstance(way, Rule) or failed_rules(context, candidate):
            continue
        points = score_points(context, candidate, way)
        matches.append(Match(candidate, context, sum(points), points, way))
    return sorted(matches, key=match_order)


def officer_reasons(match: Match) -> list[Reason]:
    """At most three reasons for the officer, the weightiest first, without any trait of the interpreter."""
    need, language = match.context.need, match.way.language
    reasons: list[Reason] = []
    if language.kind is MatchKind.SUBSTITUTE:
        params: dict[str, Param] = {"person": language.person, "interpreter": language.interpreter}
        reasons.append(Reason(ReasonCode.LANGUAGE_SUBSTITUTE, params))
    else:
        exact = language.kind is MatchKind.EXACT
        code = ReasonCode.LANGUAGE_EXACT if exact else ReasonCode.LANGUAGE_FURTHER
        reasons.append(Reason(code, {"language": language.interpreter}))
    if need.sex_wish is not SexWish.NONE:
        reasons.append(Reason(ReasonCode.WISH_MET if match.wish_met else ReasonCode.WISH_NOT_MET, {}))
    if match.way.relay:
        reasons.append(Reason(ReasonCode.RELAY, {"bridge": match.way.officer}))
    if match.candidate.id == need.continuity_id:
        reasons.append(Reason(ReasonCode.SAME_INTERPRETER, {}))
    if need.mode is Mode.VIDEO and match.mode is Mode.PHONE:
        reasons.append(Reason(ReasonCode.PHONE_ONLY, {}))
    reasons.append(Reason(ReasonCode.ACCREDITED, {"level": need.min_level.value}))
    if match.candidate.idle_since is not None:
        reasons.append(Reason(ReasonCode.FAIR_TURN, {}))
    return reasons[:3]
