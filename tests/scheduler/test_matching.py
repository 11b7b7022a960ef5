"""Hard needs hold for every pool, order and explanation are exact, and the fast pool says what the plain rules say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from records.stages import Level, Mode, Stage
from scheduler.eligibility import HARD_RULES
from scheduler.languages import LanguageSource, PersonLanguage
from scheduler.matching import (
    Candidate,
    Match,
    MatchRules,
    Need,
    Pool,
    ReasonCode,
    Rule,
    TermCode,
    eligible,
    officer_reasons,
    rank,
)
from scheduler.need import AsylumCase, LocationStatus, Presence, Sex, SexWish, session_ticket, wish_or_default
from tests.scheduler.samples import CLOSED, GATE, LANGUAGES, NOW, OPEN, needs, person, pools, rules, speaks
from tests.scheduler.samples import need as plain_need

thorough = settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def refused(need: Need, who: Candidate, with_rules: MatchRules = CLOSED) -> list[str]:
    return [refusal.rule.value for refusal in eligible(need, who, with_rules)]


def outline(match: Match) -> tuple[str, int, tuple[int, ...], str, str, bool]:
    way = match.way
    return (match.candidate.id, match.score, tuple(match.points), way.language.interpreter, way.officer, way.relay)


# -- one rule at a time ---------------------------------------------------------------------------------------------


def test_a_sound_interpreter_is_eligible_with_the_full_score() -> None:
    (match,) = rank(plain_need(), [person()], CLOSED)
    assert match.score == 1000
    assert [term.code for term in match.terms] == [TermCode.BASE]


@pytest.mark.parametrize(
    ("need_changes", "who_changes", "expected"),
    [
        ({}, {"pairs": frozenset({("prs", "srp")})}, ["M-2.language"]),
        ({}, {"pairs": frozenset({("pbt", "mkd")})}, ["M-2.language"]),
        ({"officer_languages": frozenset({"hrv"})}, {"pairs": frozenset({("pbt", "bos")})}, []),
        ({}, {"pairs": frozenset({("pbt", "eng")})}, ["M-9.relay"]),
        ({"relay_from": frozenset({"eng"})}, {"pairs": frozenset({("pbt", "eng")})}, []),
        (
            {"relay_from": frozenset({"eng"}), "stage": Stage.ASYLUM},
            {"pairs": frozenset({("pbt", "eng")})},
            ["M-9.relay"],
        ),
        (
            {"relay_from": frozenset({"eng"}), "stage": Stage.ASYLUM, "relay_approval": "K-1"},
            {"pairs": frozenset({("pbt", "eng")})},
            [],
        ),
        ({"min_level": Level.L3}, {"level": Level.L2}, ["M-2.accreditation"]),
        ({"min_level": Level.L0}, {"level": Level.L0}, ["M-2.accreditation"]),
        ({"sworn_required": True}, {"sworn_countries": frozenset({"MK"})}, ["M-2.sworn"]),
        ({"sworn_required": True}, {"sworn_countries": frozenset({"RS"})}, []),
        ({}, {"vetting_until": None}, ["M-2.vetting"]),
        ({}, {"vetting_until": NOW + timedelta(minutes=14)}, ["M-2.vetting"]),
        ({}, {"vetting_until": NOW + timedelta(minutes=15)}, []),
        ({}, {"nda_until": NOW}, ["M-2.nda"]),
        ({}, {"conduct_until": None}, ["M-2.conduct"]),
        ({}, {"barred_cases": frozenset({"case_1"})}, ["M-5.barred"]),
        ({}, {"barred_cases": frozenset({"case_2"})}, []),
        ({"avoid": frozenset({"t1"})}, {"tokens": frozenset({"t1", "t2"})}, ["M-5.avoid"]),
        ({"complaint_ids": frozenset({"int_0001"})}, {}, ["M-6.complaint"]),
        ({"appeal": True, "earlier_ids": frozenset({"int_0001"})}, {}, ["M-6.appeal"]),
        ({"earlier_ids": frozenset({"int_0001"})}, {}, []),
        ({"party_ids": frozenset({"int_0001"})}, {}, ["M-7.double_role"]),
        ({}, {"own_asylum_case": AsylumCase.OPEN}, ["M-2.conflict"]),
        ({}, {"own_asylum_case": AsylumCase.CLOSED}, []),
        ({}, {"represents_party": True}, ["M-2.conflict"]),
        ({"sex_wish": SexWish.WOMAN, "sex_must": True}, {}, ["M-3.sex"]),
        ({"sex_wish": SexWish.WOMAN, "sex_must": True}, {"sex": Sex.UNDISCLOSED}, ["M-3.sex"]),
        ({"sex_wish": SexWish.WOMAN, "sex_must": True}, {"sex": Sex.WOMAN}, []),
        ({"sex_wish": SexWish.WOMAN}, {}, []),
        ({"child": True}, {"child_trained": False}, ["M-2.child"]),
        ({"child": True}, {"no_children": True}, ["M-2.child"]),
        ({"trauma": True}, {"trauma_trained": False}, ["M-2.trauma"]),
        ({"approved_location": True}, {"location": LocationStatus.UNAPPROVED}, ["T-6.location"]),
        ({"approved_location": True}, {"location": LocationStatus.APPROVED_HOME}, []),
        ({}, {"minutes_today": 226}, ["M-2.day_limit"]),
        ({}, {"minutes_today": 225}, []),
        ({}, {"engagements": ((NOW + timedelta(minutes=14), NOW + timedelta(minutes=30)),)}, ["M-11.engaged"]),
        (
            {},
            {
                "engagements": (
                    (NOW - timedelta(minutes=9), NOW),
                    (NOW + timedelta(minutes=15), NOW + timedelta(hours=1)),
                )
            },
            [],
        ),
        ({"by_calendar": True}, {"hours": ((NOW - timedelta(hours=2), NOW),)}, ["M-11.availability"]),
        ({"by_calendar": True}, {"hours": ((NOW, NOW + timedelta(hours=9)),)}, []),
        ({}, {"presence": Presence.AWAY}, ["M-11.presence"]),
        ({}, {"presence": Presence.OFFLINE, "on_call": True}, []),
        ({}, {"presence": Presence.BUSY, "on_call": True}, ["M-11.presence"]),
        ({"on_demand": False}, {"presence": Presence.OFFLINE}, []),
        ({}, {"modes": frozenset({Mode.PHONE})}, []),
        ({"phone_allowed": False}, {"modes": frozenset({Mode.PHONE})}, ["M-2.mode"]),
        ({"phone_allowed": False, "mode": Mode.PHONE}, {"modes": frozenset({Mode.PHONE})}, []),
        ({}, {"modes": frozenset()}, ["M-2.mode"]),
        ({}, {"active": False}, ["M-2.inactive"]),
        ({}, {"base_country": "MK"}, ["T-2.gate"]),
    ],
)
def test_each_rule_alone(need_changes: dict[str, Any], who_changes: dict[str, Any], expected: list[str]) -> None:
    need, who = plain_need(**need_changes), person(**who_changes)
    assert refused(need, who) == expected
    ranking = Pool([who], LANGUAGES).rank(need, CLOSED)
    assert [r.rule.value for r in ranking.refusals.get(who.id, ())] == expected


def test_all_reasons_come_in_the_order_of_the_rules() -> None:
    who = person(
        pairs=frozenset({("apc", "srp")}), level=Level.L0, nda_until=None, base_country="MK", minutes_today=240
    )
    need = plain_need(sex_wish=SexWish.WOMAN, sex_must=True, child=True, police_regime=True)
    found = eligible(need, who, CLOSED)
    assert [refusal.rule for refusal in found] == [
        Rule.LANGUAGE, Rule.LEVEL, Rule.NDA, Rule.SEX, Rule.GATE, Rule.POLICE, Rule.DAY_LIMIT
    ]  # fmt: skip
    assert found[0].params == {"language": "pbt", "stage": "identification"}
    assert found[1].params == {"level": "L1"}


@pytest.mark.parametrize(
    ("changes", "gate_changes", "expected"),
    [
        ({}, {}, []),
        ({"country": "MK"}, {}, ["T-2.gate"]),
        ({}, {"from_country": "MK", "to_country": "RS"}, ["T-2.gate"]),
        ({}, {"stages": frozenset({Stage.ASYLUM})}, ["T-2.gate"]),
        ({}, {"valid_to": NOW}, ["T-2.gate"]),
        ({}, {"valid_to": None}, []),
        ({}, {"valid_from": NOW + timedelta(seconds=1)}, ["T-2.gate"]),
        ({"police_regime": True}, {}, ["T-3.police"]),
        ({"police_regime": True, "police_approval": "K-7/2026"}, {}, []),
    ],
)
def test_the_transfer_gate_is_per_direction_stage_and_time(
    changes: dict[str, Any], gate_changes: dict[str, Any], expected: list[str]
) -> None:
    who = person(base_country="RS" if changes.get("country") == "MK" else "MK")
    who = replace(who, base_country="MK") if "country" not in changes else who
    with_rules = MatchRules(LANGUAGES, (replace(GATE, **gate_changes),))
    assert refused(plain_need(**changes), who, with_rules) == expected


def test_a_match_across_the_border_names_its_instrument_and_sends_little() -> None:
    older = replace(GATE, id="ti_0")
    (match,) = rank(plain_need(), [person(base_country="MK")], MatchRules(LANGUAGES, (GATE, older)))
    assert match.gate == older
    assert match.score == 950
    ticket = session_ticket(match.context.need, alias="Blue 7", language="pbt", wish_met=match.wish_met)
    assert "case_1" not in str(ticket)
    assert "RS-ID-20" not in str(ticket)


# -- the score ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("need_changes", "who_changes", "expected"),
    [
        ({}, {"pairs": frozenset({("pbu", "srp")})}, {"language": -100}),
        ({}, {"pairs": frozenset({("pbu", "srp"), ("pbt", "srp")})}, {}),
        ({"sex_wish": SexWish.WOMAN}, {}, {"sex_wish": -300}),
        ({"sex_wish": SexWish.MAN}, {}, {}),
        ({"relay_from": frozenset({"eng"})}, {"pairs": frozenset({("pbt", "eng")})}, {"relay": -350}),
        ({}, {"modes": frozenset({Mode.PHONE})}, {"phone": -100}),
        ({"stage": Stage.ASYLUM}, {"modes": frozenset({Mode.PHONE})}, {"phone": -250}),
        ({"mode": Mode.PHONE}, {"modes": frozenset({Mode.PHONE})}, {}),
        ({}, {"minutes_today": 120}, {"fatigue": -100}),
        ({}, {"minutes_today": 1}, {"fatigue": -1}),
        ({}, {"minutes_today": 9, "max_minutes_day": 240}, {"fatigue": -8}),
        ({"continuity_id": "int_0001"}, {}, {"continuity": 150}),
        ({}, {"quality": -10}, {"quality": -100}),
        ({}, {"base_country": "MK"}, {"cross_border": -50}),
    ],
)
def test_the_parts_of_the_score(
    need_changes: dict[str, Any], who_changes: dict[str, Any], expected: dict[str, int]
) -> None:
    need, who = plain_need(**need_changes), person(**who_changes)
    for match in (*rank(need, [who], OPEN), *Pool([who], LANGUAGES).rank(need, OPEN).matches):
        assert {t.code.value: t.points for t in match.terms} == {"base": 1000, **expected}
        assert match.score == 1000 + sum(expected.values())


def test_ties_go_to_the_longest_idle_then_the_least_used_then_the_code() -> None:
    hour = timedelta(hours=1)
    tied = [
        person(1, idle_since=None),
        person(2, idle_since=NOW - hour, max_minutes_day=120, minutes_today=60),
        person(3, idle_since=NOW - hour, minutes_today=120),
        person(4, idle_since=NOW - 2 * hour, minutes_today=120),
        person(5, idle_since=NOW - hour, max_minutes_day=120, minutes_today=60),
    ]
    tied = [replace(who, minutes_today=who.minutes_today or 120) for who in tied]
    for people in permutations(tied):
        assert [m.candidate.id[-1] for m in rank(plain_need(), people, CLOSED)] == list("42531")
        assert [m.candidate.id[-1] for m in Pool(people, LANGUAGES).rank(plain_need(), CLOSED).matches] == list("42531")


def test_breaks_are_due_after_the_shorter_of_rule_and_person() -> None:
    def block(need: Need, who: Candidate) -> int:
        (match,) = rank(need, [who], CLOSED)
        return match.block_minutes

    assert block(plain_need(), person()) == 45
    assert block(plain_need(), person(max_block=20)) == 20
    assert block(plain_need(child=True), person()) == 30
    assert block(plain_need(short_blocks=True), person()) == 30
    assert block(plain_need(), person(modes=frozenset({Mode.PHONE}))) == 30


def test_a_woman_is_offered_first_where_nobody_asked_yet() -> None:
    assert wish_or_default("RS-ASY-50", None, woman=True) is SexWish.WOMAN
    assert wish_or_default("MK-VUL-50", None, woman=True) is SexWish.WOMAN
    assert wish_or_default("RS-ASY-50", None, woman=False) is SexWish.NONE
    assert wish_or_default("RS-ID-20", None, woman=True) is SexWish.NONE
    assert wish_or_default("RS-ASY-50", SexWish.MAN, woman=True) is SexWish.MAN


# -- what the officer sees ------------------------------------------------------------------------------------------

TRAITS = {"woman", "man", "sex", "origin", "AF", "MK", "I-0001", "int_0001"}


def test_officers_see_three_reasons_and_no_trait() -> None:
    need = plain_need(sex_wish=SexWish.WOMAN, sex_must=True, continuity_id="int_0001", stage=Stage.ASYLUM)
    (match,) = rank(need, [person(sex=Sex.WOMAN, base_country="MK")], OPEN)
    reasons = officer_reasons(match)
    assert [reason.code for reason in reasons] == [
        ReasonCode.LANGUAGE_EXACT, ReasonCode.WISH_MET, ReasonCode.SAME_INTERPRETER
    ]  # fmt: skip
    assert reasons[0].params == {"language": "pbt"}


def test_what_is_relaxed_is_told() -> None:
    need = plain_need(sex_wish=SexWish.WOMAN)
    (match,) = rank(need, [person(pairs=frozenset({("pbu", "srp")}), modes=frozenset({Mode.PHONE}))], CLOSED)
    reasons = officer_reasons(match)
    assert [reason.code for reason in reasons] == [
        ReasonCode.LANGUAGE_SUBSTITUTE, ReasonCode.WISH_NOT_MET, ReasonCode.PHONE_ONLY
    ]  # fmt: skip
    assert reasons[0].params == {"person": "pbt", "interpreter": "pbu"}


def test_a_further_language_is_called_that() -> None:
    need = plain_need(languages=(PersonLanguage("ckb"), PersonLanguage("pbt", LanguageSource.CARD)))
    (match,) = rank(need, [person()], CLOSED)
    assert officer_reasons(match)[0].code is ReasonCode.LANGUAGE_FURTHER


# -- for every pool -------------------------------------------------------------------------------------------------


def the_fast_pool_agrees_with_the_plain_rules(need: Need, people: list[Candidate], with_rules: MatchRules) -> None:
    ranking = Pool(people, LANGUAGES).rank(need, with_rules)
    assert [outline(m) for m in ranking.matches] == [outline(m) for m in rank(need, people, with_rules)]
    plain = {who.id: tuple(eligible(need, who, with_rules)) for who in people}
    assert dict(ranking.refusals) == {who: refusals for who, refusals in plain.items() if refusals}
    assert sum(ranking.first_failures.values()) == len(ranking.refusals)
    for rule, count in ranking.only_failures.items():
        assert count == sum([r.rule for r in refusals] == [rule] for refusals in plain.values())


def hard_needs_are_never_relaxed(need: Need, people: list[Candidate], with_rules: MatchRules) -> None:
    for match in rank(need, people, with_rules):
        who, way = match.candidate, match.way
        assert who.level.number >= max(need.min_level.number, 1)
        assert any(
            LANGUAGES.officer(b) == way.officer and LANGUAGES.canonical(a) == way.language.interpreter
            for a, b in who.pairs
        )
        language = LANGUAGES.match_language(
            need.languages, way.language.interpreter, need.stage,
            accepted=need.accepted_substitutes, emergency=need.emergency,
        )  # fmt: skip
        assert language == way.language
        if need.sex_must and need.sex_wish is not SexWish.NONE:
            assert who.sex.value == need.sex_wish.value
        assert not need.avoid & who.tokens
        assert need.case_id not in who.barred_cases
        assert who.id not in need.party_ids | need.complaint_ids
        assert who.own_asylum_case is not AsylumCase.OPEN
        for until in (who.vetting_until, who.nda_until, who.conduct_until):
            assert until is not None
            assert until >= need.ends
        if who.base_country != need.country:
            assert match.gate is not None
            assert not need.police_regime or need.police_approval
        assert not need.approved_location or who.location is not LocationStatus.UNAPPROVED
        assert who.minutes_today + need.minutes <= who.max_minutes_day


def order_does_not_depend_on_the_order_of_the_pool(
    need: Need, people: list[Candidate], with_rules: MatchRules, shuffled: list[Candidate]
) -> None:
    assert [outline(m) for m in rank(need, shuffled, with_rules)] == [
        outline(m) for m in rank(need, people, with_rules)
    ]


def the_explanation_adds_up_and_reasons_hide_the_person(
    need: Need, people: list[Candidate], with_rules: MatchRules
) -> None:
    for match in rank(need, people, with_rules):
        assert sum(term.points for term in match.terms) == match.score
        assert all(term.points for term in match.terms)
        reasons = officer_reasons(match)
        assert 1 <= len(reasons) <= 3
        for reason in reasons:
            assert not TRAITS & {str(value) for value in reason.params.values()}
            assert match.candidate.code not in reason.params.values()


def nobody_changes_the_standing_of_another(need: Need, people: list[Candidate], with_rules: MatchRules) -> None:
    whole = [outline(m) for m in rank(need, people, with_rules)]
    alone = {who.id: [outline(m) for m in rank(need, [who], with_rules)] for who in people}
    assert sorted(whole) == sorted(line for lines in alone.values() for line in lines)


def only_the_moment_can_be_waited_for(need: Need, people: list[Candidate], with_rules: MatchRules) -> None:
    """Who fails a hard rule fails it as well when free, rested and online."""
    for who in people:
        hard = [r.rule for r in eligible(need, who, with_rules) if r.rule in HARD_RULES]
        free = replace(who, presence=Presence.AVAILABLE, engagements=(), minutes_today=0)
        assert [r.rule for r in eligible(need, free, with_rules) if r.rule in HARD_RULES] == hard


@settings(thorough, max_examples=160)
@given(needs(), pools(), rules, st.data())
def test_what_holds_for_every_need_and_pool(
    need: Need, people: list[Candidate], with_rules: MatchRules, data: st.DataObject
) -> None:
    """All promises on the same examples: inventing a pool takes nearly all of the time, judging it hardly any."""
    the_fast_pool_agrees_with_the_plain_rules(need, people, with_rules)
    hard_needs_are_never_relaxed(need, people, with_rules)
    order_does_not_depend_on_the_order_of_the_pool(need, people, with_rules, data.draw(st.permutations(people)))
    the_explanation_adds_up_and_reasons_hide_the_person(need, people, with_rules)
    nobody_changes_the_standing_of_another(need, people, with_rules)
    only_the_moment_can_be_waited_for(need, people, with_rules)


@thorough
@given(needs(), pools(), rules, st.data())
def test_a_changed_pool_is_like_a_new_one(
    need: Need, people: list[Candidate], with_rules: MatchRules, data: st.DataObject
) -> None:
    pool = Pool(data.draw(pools()), LANGUAGES)
    pool.rank(need, with_rules)
    for old in data.draw(st.permutations(range(8))):
        pool.remove(f"int_{old:04d}")
    for who in data.draw(st.permutations(people)):
        pool.put(who)
    pool.rank(need, with_rules)
    for place in range(0, len(people), 2):
        pairs = data.draw(st.sampled_from([frozenset({("pbt", "srp")}), frozenset({("urd", "srp")})]))
        changed = replace(people[place], minutes_today=7, pairs=pairs, tokens=frozenset("a"), code="I-9")
        pool.put(changed)
        people[place] = changed
    assert len(pool) == len(people)
    assert all(pool.get(who.id) == who for who in people)
    assert [outline(m) for m in pool.rank(need, with_rules).matches] == [
        outline(m) for m in rank(need, people, with_rules)
    ]


def test_no_language_means_nobody() -> None:
    assert refused(plain_need(languages=()), person()) == ["M-2.language"]
    assert len(Pool([], LANGUAGES).rank(plain_need(), CLOSED).matches) == 0


def test_the_officer_speaks_what_the_bridge_speaks() -> None:
    need = plain_need(officer_languages=frozenset({"eng"}))
    (match,) = rank(need, [person(pairs=frozenset({("pbt", "eng")}))], CLOSED)
    assert not match.way.relay


def test_older_codes_are_understood_on_both_sides() -> None:
    need = plain_need(languages=speaks("ajp"))
    (match,) = rank(need, [person(pairs=frozenset({("apc", "srp")}))], CLOSED)
    assert match.way.language.penalty == 0
    (other,) = rank(plain_need(languages=speaks("apc")), [person(pairs=frozenset({("ajp", "srp")}))], CLOSED)
    assert other.way.language.penalty == 0
