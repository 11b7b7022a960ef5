"""The ladder's rules: a table of situations, and what can never be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from records.stages import Stage
from signaling.fallback.facts import Do, Facts, Loss, Person
from signaling.fallback.rules import RING_AFTER, decide, repeat_due, time_away
from signaling.fallback.states import Rung, Why

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BOOTH = Person("part_i", "interpreter", has_number=True)
FACTS = Facts(
    now=NOW, running=True, in_break=False, sealed=False, stage=Stage.IDENTIFICATION, interview=False,
    phone_in_step=True, asks_person=False, phone_configured=True,
)  # fmt: skip


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def lost(seconds: float, **more: object) -> Person:
    return replace(BOOTH, lost_since=ago(seconds), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "person", "do", "why"),
    [
        ({}, BOOTH, Do.NOTHING, Why.BEGUN),
        ({}, lost(5), Do.WAIT, Why.LINE_LOST),
        ({}, lost(20), Do.RING, Why.LINE_LOST),
        ({}, lost(300), Do.RING, Why.LINE_LOST),
        ({}, lost(20, call_open=True), Do.KEEP, Why.LINE_LOST),
        ({}, lost(20, on_phone=True), Do.KEEP, Why.LINE_LOST),
        ({}, lost(60, called_for=ago(60), unanswered=True), Do.OFFER, Why.UNANSWERED),
        ({}, lost(60, called_for=ago(60), not_by_phone=True), Do.OFFER, Why.NOT_BY_PHONE),
        ({}, lost(30, called_for=ago(600), unanswered=True), Do.RING, Why.LINE_LOST),
        ({}, lost(60, has_number=False), Do.NOTHING, Why.NO_NUMBER),
        ({}, replace(BOOTH, weak_since=ago(31)), Do.OFFER, Why.WEAK_LINE),
        ({}, replace(BOOTH, weak_since=ago(10)), Do.NOTHING, Why.BEGUN),
        ({"in_break": True}, lost(60), Do.OFFER, Why.BREAK),
        ({"sealed": True}, lost(60), Do.NOTHING, Why.SEALED),
        ({"phone_in_step": False}, lost(60), Do.NOTHING, Why.STEP_FORBIDS),
        ({"phone_configured": False}, lost(60), Do.NOTHING, Why.NOT_CONFIGURED),
        ({"running": False}, lost(60), Do.NOTHING, Why.NOT_RUNNING),
    ],
)
def test_the_telephone_for_one_person(facts: dict[str, object], person: Person, do: Do, why: Why) -> None:
    [advice] = decide(replace(FACTS, people=(person,), **facts)).phone  # type: ignore[arg-type]
    assert (advice.do, advice.why) == (do, why)


def test_it_is_due_twenty_seconds_after_the_loss_began() -> None:
    [advice] = decide(replace(FACTS, people=(lost(8),))).phone
    assert advice.at == ago(8) + RING_AFTER


@pytest.mark.parametrize(
    ("facts", "person", "offered", "closed"),
    [
        ({}, BOOTH, (), {}),
        ({}, lost(9), (Rung.PHONE, Rung.CALLBACK, Rung.CARDS), {}),
        ({}, replace(BOOTH, weak_since=ago(10)), (), {}),
        ({"phone_configured": False}, replace(BOOTH, weak_since=ago(10)), (), {}),
        ({}, replace(BOOTH, weak_since=ago(40)), (Rung.AUDIO, Rung.PHONE, Rung.CALLBACK, Rung.CARDS), {}),
        ({"sound_only": True}, replace(BOOTH, weak_since=ago(40)), (Rung.PHONE, Rung.CALLBACK, Rung.CARDS), {}),
        ({"phone_configured": False}, lost(9), (Rung.CALLBACK, Rung.CARDS), {Rung.PHONE: Why.NOT_CONFIGURED}),
        (
            {"stage": Stage.ASYLUM, "phone_in_step": False},
            lost(9),
            (Rung.CALLBACK,),
            {Rung.PHONE: Why.STEP_FORBIDS, Rung.CARDS: Why.NOT_FIRST_CONTACT},
        ),
        ({"sealed": True}, lost(9), (Rung.CALLBACK, Rung.CARDS), {Rung.PHONE: Why.SEALED}),
        ({}, lost(9, call_open=True), (Rung.CALLBACK, Rung.CARDS), {}),
    ],
)
def test_what_is_offered_below(
    facts: dict[str, object], person: Person, offered: tuple[Rung, ...], closed: dict[Rung, Why]
) -> None:
    plan = decide(replace(FACTS, people=(person,), **facts))  # type: ignore[arg-type]
    assert plan.offered == offered
    assert {one.rung: one.why for one in plan.closed} == closed


def test_the_person_is_asked_before_it_goes_on_by_telephone() -> None:
    facts = replace(FACTS, stage=Stage.ASYLUM, asks_person=True, people=(replace(BOOTH, on_phone=True),))
    first = decide(facts)
    assert (first.ask_person, first.may_go_on, first.stop) == (True, False, None)
    yes = decide(replace(facts, agreement="yes"))
    assert (yes.ask_person, yes.may_go_on, yes.stop) == (False, True, None)
    no = decide(replace(facts, agreement="no"))
    assert (no.ask_person, no.may_go_on, no.stop) == (False, False, Why.PERSON_REFUSED)
    assert no.offered == (Rung.CALLBACK,)
    back = decide(replace(facts, agreement="no", people=(BOOTH,)))
    assert back.may_go_on, "with nobody on the telephone nothing is asked"


def losses(*pairs: tuple[float, int | None]) -> tuple[Loss, ...]:
    return tuple(Loss(ago(start), seconds) for start, seconds in pairs)


@pytest.mark.parametrize(
    ("found", "interview", "answered", "stop"),
    [
        (losses((500, 12), (400, 12), (300, 12)), True, 0, None),
        (losses((500, 12), (400, 12), (300, 12), (200, 12)), True, 0, Why.INTERRUPTIONS),
        (losses((500, 12), (400, 12), (300, 12), (200, 12)), False, 0, None),
        (losses((500, 12), (400, 12), (300, 12), (200, 12)), True, 4, None),
        (losses((500, 12), (400, 12), (300, 12), (200, 12), (20, None)), True, 4, Why.INTERRUPTIONS),
        (
            losses(
                (600, None),
            ),
            True,
            0,
            None,
        ),
        (
            losses(
                (601, None),
            ),
            True,
            0,
            Why.AWAY_TOO_LONG,
        ),
        (losses((2000, 301), (1000, 300)), True, 0, Why.AWAY_TOO_LONG),
        (losses((2000, 301), (2000, 301)), True, 0, None),
    ],
)
def test_when_to_stop_and_book_again(found: tuple[Loss, ...], interview: bool, answered: int, stop: Why | None) -> None:
    facts = replace(FACTS, stage=Stage.ASYLUM, interview=interview, losses=found, answered_losses=answered)
    assert decide(facts).stop is stop


def test_losses_of_two_people_at_once_count_once() -> None:
    assert time_away(losses((100, 60), (80, 60)), NOW) == timedelta(seconds=80)


@pytest.mark.parametrize(("seconds", "due"), [(60, False), (61, True), (None, False)])
def test_the_last_question_is_repeated_after_a_minute(seconds: int | None, due: bool) -> None:
    assert repeat_due(Loss(ago(100), seconds)) is due


instants = st.one_of(st.none(), st.floats(0, 4000).map(ago))
people = st.builds(
    Person, st.sampled_from(["part_a", "part_b"]), st.sampled_from(["officer", "interpreter"]), lost_since=instants,
    weak_since=instants, on_phone=st.booleans(), has_number=st.booleans(), call_open=st.booleans(), called_for=instants,
    not_by_phone=st.booleans(), unanswered=st.booleans(),
)  # fmt: skip
situations = st.builds(
    Facts, st.just(NOW), running=st.booleans(), in_break=st.booleans(), sealed=st.booleans(), stage=st.sampled_from(Stage),
    interview=st.booleans(), phone_in_step=st.booleans(), asks_person=st.booleans(), phone_configured=st.booleans(),
    people=st.lists(people, max_size=2).map(tuple),
    losses=st.lists(st.builds(Loss, st.floats(0, 4000).map(ago), st.one_of(st.none(), st.integers(11, 900))), max_size=6).map(tuple),
    answered_losses=st.integers(0, 6), agreement=st.sampled_from([None, "asked", "yes", "no"]), sound_only=st.booleans(),
)  # fmt: skip
_WAYS = (Do.WAIT, Do.RING, Do.OFFER)


@settings(max_examples=300, deadline=None)
@given(situations)
def test_what_can_never_be(facts: Facts) -> None:
    plan = decide(facts)
    for person, advice in zip(facts.people, plan.phone, strict=True):
        if advice.do in _WAYS:
            assert not facts.sealed, "never a telephone in a sealed session"
            assert facts.phone_in_step, "never one that the step forbids"
            assert facts.phone_configured
            assert person.has_number
            assert facts.running
            assert not person.call_open, "never twice at once"
            assert not person.on_phone, "never twice at once"
        if advice.do is Do.RING:
            assert person.lost_since is not None, "nobody is rung by itself whose line stands"
            assert person.called_for is None or person.called_for < person.lost_since, "once for each loss"
            assert not facts.in_break
    offered = set(plan.offered)
    assert not offered & {one.rung for one in plan.closed}
    assert Rung.CARDS not in offered or facts.stage is Stage.IDENTIFICATION
    assert Rung.PHONE not in offered or any(one.do in _WAYS for one in plan.phone)
    if not plan.may_go_on:
        assert facts.asks_person
        assert any(person.on_phone for person in facts.people)
    if plan.stop in (Why.INTERRUPTIONS, Why.AWAY_TOO_LONG):
        assert facts.interview
