"""Who may do this work at all: the hard rules M-2, M-3, M-5, M-6, M-7, M-9, T-2, T-3 and T-6. Pure.

:func:`eligible` names *every* rule that a candidate fails, in the order of M-2. A refusal tells what the need asks
for, never what the person of the pool is or has said; so it can be shown and logged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from core.errors import Param
from records.stages import Level, Mode, Stage
from scheduler.languages import LanguageMatch
from scheduler.need import (
    AsylumCase,
    Candidate,
    LocationStatus,
    MatchRules,
    Need,
    Presence,
    SexWish,
    TransferGate,
    gate_for,
)

BRIDGE = "eng"
"""The language through which relay goes (M-9)."""


class Rule(StrEnum):
    """Rule ids of refusals, in the order in which they are checked and shown."""

    LANGUAGE = "M-2.language"
    RELAY = "M-9.relay"
    MODE = "M-2.mode"
    LEVEL = "M-2.accreditation"
    SWORN = "M-2.sworn"
    VETTING = "M-2.vetting"
    NDA = "M-2.nda"
    CONDUCT = "M-2.conduct"
    BARRED = "M-5.barred"
    AVOID = "M-5.avoid"
    COMPLAINT = "M-6.complaint"
    APPEAL = "M-6.appeal"
    DOUBLE_ROLE = "M-7.double_role"
    CONFLICT = "M-2.conflict"
    SEX = "M-3.sex"
    CHILD = "M-2.child"
    TRAUMA = "M-2.trauma"
    GATE = "T-2.gate"
    POLICE = "T-3.police"
    LOCATION = "T-6.location"
    DAY_LIMIT = "M-2.day_limit"
    ENGAGED = "M-11.engaged"
    AVAILABILITY = "M-11.availability"
    PRESENCE = "M-11.presence"
    INACTIVE = "M-2.inactive"

    @property
    def bit(self) -> int:
        """Position of the rule in a refusal mask."""
        return _BITS[self]


_BITS = {rule: 1 << place for place, rule in enumerate(Rule)}

HARD_RULES = frozenset(set(Rule) - {Rule.PRESENCE, Rule.ENGAGED, Rule.AVAILABILITY, Rule.DAY_LIMIT})
"""Rules that no time, rung or coordinator's haste changes; the other four depend on the moment."""


@dataclass(frozen=True)
class Refusal:
    """One rule that a candidate fails; ``params`` come from the need only."""

    rule: Rule
    params: Mapping[str, Param]


@dataclass(frozen=True)
class LanguageWay:
    """How a candidate connects person and officer."""

    language: LanguageMatch
    officer: str
    """Officer's language, or the bridge language of a relay."""
    relay: bool

    @property
    def order(self) -> tuple[int, int, str, str]:
        """Sort key, best first: a relay only when nothing else is there."""
        return (int(self.relay), self.language.penalty, self.language.interpreter, self.officer)


@dataclass(frozen=True)
class NeedContext:
    """What follows from need and rules alone, worked out once for all candidates."""

    need: Need
    rules: MatchRules
    options: Mapping[str, LanguageMatch]
    officer: frozenset[str]
    relay_allowed: bool
    gates: Mapping[str, TransferGate | None]
    """Per other country seen: the open instrument, or none."""

    @classmethod
    def build(cls, need: Need, rules: MatchRules) -> NeedContext:
        """Resolve languages and gates of a need."""
        table = rules.languages
        countries = {gate.to_country for gate in rules.gates}
        early = need.stage in (Stage.IDENTIFICATION, Stage.REGISTRATION)
        return cls(
            need=need,
            rules=rules,
            options=table.options(
                need.languages, need.stage, accepted=need.accepted_substitutes, emergency=need.emergency
            ),
            officer=frozenset(table.officer(code) for code in need.officer_languages),
            relay_allowed=BRIDGE in need.relay_from and (early or bool(need.relay_approval)),
            gates={country: gate_for(need, country, rules.gates) for country in sorted(countries)},
        )

    def refusal(self, rule: Rule) -> Refusal:
        """The refusal for a rule, with the parameters that its sentence needs."""
        need = self.need
        params: dict[str, Param] = {}
        if rule is Rule.LANGUAGE:
            params = {"language": need.languages[0].code if need.languages else "", "stage": need.stage.value}
        elif rule is Rule.RELAY:
            params = {"bridge": BRIDGE}
        elif rule is Rule.LEVEL:
            params = {"level": need.min_level.value}
        elif rule is Rule.MODE:
            params = {"mode": need.mode.value}
        elif rule in (Rule.GATE, Rule.POLICE, Rule.SWORN):
            params = {"country": need.country}
        elif rule is Rule.DAY_LIMIT:
            params = {"minutes": need.own_minutes}
        return Refusal(rule, params)


def language_way(context: NeedContext, candidate: Candidate) -> LanguageWay | Rule:
    """The best way to connect person and officer, or the rule that forbids all ways."""
    table = context.rules.languages
    ways: list[LanguageWay] = []
    bridge_exists = False
    for spoken, toward in candidate.pairs:
        match = context.options.get(table.canonical(spoken))
        if match is None:
            continue
        officer = table.officer(toward)
        if officer in context.officer:
            ways.append(LanguageWay(match, officer, relay=False))
        elif officer == BRIDGE:
            bridge_exists = True
            if context.relay_allowed:
                ways.append(LanguageWay(match, officer, relay=True))
    if ways:
        return min(ways, key=lambda way: way.order)
    return Rule.RELAY if bridge_exists else Rule.LANGUAGE


def failed_rules(context: NeedContext, candidate: Candidate) -> list[Rule]:
    """Every rule that the candidate fails, in order; the plain statement of the rules."""
    need = context.need
    way = language_way(context, candidate)
    abroad = candidate.base_country != need.country
    gate = context.gates.get(candidate.base_country) if abroad else None
    checks: Sequence[tuple[Rule, bool]] = (
        (Rule.LANGUAGE, way is Rule.LANGUAGE),
        (Rule.RELAY, way is Rule.RELAY),
        (Rule.MODE, _mode_fails(need, candidate)),
        (Rule.LEVEL, candidate.level.number < need.min_level.number or candidate.level is Level.L0),
        (Rule.SWORN, need.sworn_required and need.country not in candidate.sworn_countries),
        (Rule.VETTING, _expired(candidate.vetting_until, need.ends)),
        (Rule.NDA, _expired(candidate.nda_until, need.ends)),
        (Rule.CONDUCT, _expired(candidate.conduct_until, need.ends)),
        (Rule.BARRED, need.case_id in candidate.barred_cases),
        (Rule.AVOID, not need.avoid.isdisjoint(candidate.tokens)),
        (Rule.COMPLAINT, candidate.id in need.complaint_ids),
        (Rule.APPEAL, need.appeal and candidate.id in need.earlier_ids),
        (Rule.DOUBLE_ROLE, candidate.id in need.party_ids),
        (Rule.CONFLICT, candidate.represents_party or candidate.own_asylum_case is AsylumCase.OPEN),
        (Rule.SEX, need.sex_must and not wish_met(need, candidate)),
        (Rule.CHILD, need.child and (candidate.no_children or not candidate.child_trained)),
        (Rule.TRAUMA, need.trauma and not candidate.trauma_trained),
        (Rule.GATE, abroad and gate is None),
        (Rule.POLICE, abroad and need.police_regime and not need.police_approval),
        (Rule.LOCATION, need.approved_location and candidate.location is LocationStatus.UNAPPROVED),
        (Rule.DAY_LIMIT, candidate.minutes_today + need.own_minutes > candidate.max_minutes_day),
        (Rule.ENGAGED, any(start < need.ends and need.at < end for start, end in candidate.engagements)),
        (Rule.AVAILABILITY, need.by_calendar and not _in_hours(need, candidate)),
        (Rule.PRESENCE, need.on_demand and not reachable(candidate)),
        (Rule.INACTIVE, not candidate.active),
    )
    return [rule for rule, fails in checks if fails]


def eligible(need: Need, candidate: Candidate, rules: MatchRules) -> list[Refusal]:
    """All reasons why the candidate may not do this work, in the order of M-2; empty means eligible."""
    context = NeedContext.build(need, rules)
    return [context.refusal(rule) for rule in failed_rules(context, candidate)]


def wish_met(need: Need, candidate: Candidate) -> bool:
    """Whether the candidate meets the person's wish; without a wish everybody does."""
    return need.sex_wish is SexWish.NONE or need.sex_wish.value == candidate.sex.value


def reachable(candidate: Candidate) -> bool:
    """Whether the candidate can be rung now: online and free, or on call and not at work."""
    if candidate.presence is Presence.AVAILABLE:
        return True
    return candidate.on_call and candidate.presence is not Presence.BUSY


def epoch(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _expired(until: datetime | None, at: datetime) -> bool:
    return until is None or until < at


def _in_hours(need: Need, candidate: Candidate) -> bool:
    """Whether the work lies inside stated hours; the break owed after it may lie outside."""
    if candidate.hours is None:
        return True
    return any(start <= need.at and need.ends <= end for start, end in candidate.hours)


def _mode_fails(need: Need, candidate: Candidate) -> bool:
    if Mode.VIDEO in candidate.modes:
        return False
    if Mode.PHONE not in candidate.modes:
        return True
    return need.mode is Mode.VIDEO and not need.phone_allowed
