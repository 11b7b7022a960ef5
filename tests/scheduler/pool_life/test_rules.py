"""Levels, expiry watch, quality, load and pay as pure rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Conflict
from records.stages import Level, Stage
from scheduler.pool_life.expiry import Urgency, Validity, notices, urgency
from scheduler.pool_life.grievance import COMPLAINT, ComplaintMove, ComplaintState, Deadline, deadline
from scheduler.pool_life.membership import (
    MEMBERSHIP,
    Evidence,
    Gap,
    MemberMove,
    MemberStage,
    PairEvidence,
    gaps,
    highest,
)
from scheduler.pool_life.pay import Currency, LineKind, Rate, Unpaid, ageing, amount, rate_for
from scheduler.pool_life.quality import (
    Answer,
    ErrorKind,
    FoundError,
    ReviewCause,
    ReviewFacts,
    Said,
    Severity,
    Side,
    quality,
    review_due,
    review_result,
)
from scheduler.pool_life.wellbeing import Load, Work, week

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=300)
FULL = Evidence(
    at=NOW,
    vetting_until=LATER,
    nda_until=LATER,
    conduct_until=LATER,
    open_claim=False,
    pairs=(PairEvidence("native", "C1", "test"),),
    training={"REMOTE": None, "UNHCR-SSM3": LATER, "EUAA-INT-ASYLUM": None},
    reviewed_minutes=1200,
    reviews_last_year=2,
)


def test_everything_there_gives_every_level() -> None:
    assert [gaps(level, FULL) for level in Level] == [[], [], [], []]
    assert highest(FULL) is Level.L3


@pytest.mark.parametrize(
    ("change", "gap", "falls_to"),
    [
        ({"conduct_until": NOW}, Gap.CONDUCT, None),
        ({"nda_until": None}, Gap.NDA, Level.L0),
        ({"vetting_until": NOW - timedelta(1)}, Gap.VETTING, Level.L0),
        ({"open_claim": True}, Gap.OPEN_CLAIM, Level.L0),
        ({"pairs": (PairEvidence("native", "C1", "self"),)}, Gap.PAIR_TEST, Level.L0),
        ({"pairs": (PairEvidence("native", "B2", "test"),)}, Gap.PAIR_TEST, Level.L2),
        ({"training": {"UNHCR-SSM3": None, "RSD": None}}, Gap.REMOTE_TRAINING, Level.L0),
        ({"training": {"REMOTE": None, "UNHCR-SSM3": NOW}}, Gap.PROTECTION_TRAINING, Level.L1),
        ({"reviewed_minutes": 1199}, Gap.REVIEWED_HOURS, Level.L1),
        ({"reviews_last_year": 1}, Gap.REVIEWS, Level.L2),
    ],
)
def test_what_is_missing_closes_the_levels_that_ask_for_it(
    change: dict[str, object], gap: Gap, falls_to: Level | None
) -> None:
    known = replace(FULL, **change)  # type: ignore[arg-type]
    assert gap in gaps(Level.L3, known)
    assert highest(known) is falls_to


def test_nobody_is_admitted_past_the_steps() -> None:
    with pytest.raises(Conflict, match="move_not_allowed"):
        MEMBERSHIP.advance(MemberStage.APPLIED, MemberMove.ADMIT)
    assert MEMBERSHIP.advance(MemberStage.TRAINING, MemberMove.ADMIT) is MemberStage.ACTIVE


@pytest.mark.parametrize(
    ("days", "expected"),
    [(-1, Urgency.OVER), (0, Urgency.OVER), (7, Urgency.DAYS_7), (7.01, Urgency.DAYS_30), (30, Urgency.DAYS_30),
     (60, Urgency.DAYS_60), (60.01, Urgency.LATER)],
)  # fmt: skip
def test_warnings_are_due_60_30_and_7_days_before(days: float, expected: Urgency) -> None:
    assert urgency(NOW + timedelta(days=days), NOW) is expected


def test_the_most_urgent_notice_comes_first_and_distant_ends_are_silent() -> None:
    found = notices(
        [
            Validity("b", "nda", NOW + timedelta(days=40)),
            Validity("a", "vetting", None),
            Validity("a", "nda", NOW - timedelta(days=2)),
            Validity("a", "conduct", LATER),
        ],
        NOW,
    )
    assert [(one.interpreter_id, one.kind, one.days_left) for one in found] == [
        ("a", "nda", -2), ("b", "nda", 40), ("a", "vetting", None),
    ]  # fmt: skip


def test_errors_are_weighed_on_ten_minutes() -> None:
    found = review_result(
        [FoundError(ErrorKind.TERM, Severity.MINOR, 4), FoundError(ErrorKind.OMISSION, Severity.MAJOR, 1)], 30
    )
    assert (found.points_per_10_min, found.answer, found.repeat) == (3.0, Answer.FAIR, False)
    assert review_result([], 30).answer is Answer.GOOD


def test_a_critical_error_is_never_good_and_asks_for_a_decision() -> None:
    found = review_result([FoundError(ErrorKind.DISTORTION, Severity.CRITICAL, 1)], 480)
    assert found.repeat
    assert found.answer is Answer.FAIR


@given(st.lists(st.tuples(st.sampled_from(Answer), st.sampled_from([Side.OFFICER, Side.PERSON, None])), max_size=60))
def test_quality_stays_in_its_range_and_follows_the_answers(said: list[tuple[Answer, Side | None]]) -> None:
    known = [Said(answer, side, NOW) for answer, side in said]
    base = quality(known, NOW).points
    assert -10 <= base <= 10
    assert quality([*known, Said(Answer.GOOD, None, NOW)], NOW).points >= base
    assert quality([*known, Said(Answer.POOR, None, NOW)], NOW).points <= base


def test_old_answers_and_the_interpreters_own_do_not_count() -> None:
    old = Said(Answer.POOR, Side.OFFICER, NOW - timedelta(days=366))
    own = Said(Answer.POOR, Side.INTERPRETER, NOW)
    assert quality([old, own], NOW).points == 0
    assert quality([Said(Answer.POOR, Side.OFFICER, NOW)], NOW).points == -2, "one bad day of a newcomer weighs little"


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({}, None),
        ({"poor_last_30_days": 3}, ReviewCause.ANSWERS),
        ({"reviewed_minutes": 60, "minutes_since_review": 300}, ReviewCause.NEWCOMER),
        ({"level": "L3", "last_review_at": NOW - timedelta(days=183)}, ReviewCause.TWICE_A_YEAR),
        ({"last_review_at": NOW - timedelta(days=366)}, ReviewCause.YEARLY),
    ],
)
def test_reviews_are_due_for_a_cause(change: dict[str, object], cause: ReviewCause | None) -> None:
    facts = ReviewFacts("L1", NOW - timedelta(days=900), NOW - timedelta(days=100), 1300, 200, 0)
    assert review_due(replace(facts, **change), NOW) is cause  # type: ignore[arg-type]


def test_a_complaint_cannot_be_waved_away() -> None:
    with pytest.raises(Conflict, match="move_not_allowed"):
        COMPLAINT.advance(ComplaintState.RECEIVED, ComplaintMove.DISMISS)
    assert deadline(NOW, NOW) is Deadline.OVER
    assert deadline(NOW + timedelta(days=3), NOW) is Deadline.SOON
    assert deadline(NOW + timedelta(days=4), NOW) is Deadline.IN_TIME


def test_a_week_of_asylum_interviews_weighs_more_than_one_of_identification() -> None:
    def days(stage: Stage, minutes: int) -> list[Work]:
        return [Work(NOW - timedelta(days=day), stage, minutes, 0) for day in range(5)]

    light, hard = week(days(Stage.IDENTIFICATION, 150), NOW), week(days(Stage.ASYLUM, 150), NOW)
    assert (light.minutes, light.load, light.offer_talk) == (750, Load.LIGHT, False)
    assert (hard.exposure, hard.load, hard.offer_talk) == (3000, Load.HIGH, True)
    assert week([Work(NOW - timedelta(days=8), Stage.ASYLUM, 900, 3)], NOW).minutes == 0
    assert week([Work(NOW, Stage.IDENTIFICATION, 5, 1)], NOW).offer_talk


def test_money_is_whole_minor_units_rounded_half_up() -> None:
    rate = Rate("RS", "contract", LineKind.SESSION, Currency.RSD, 250_000, NOW)
    assert amount(60, rate) == 250_000
    assert amount(1, rate) == 4167
    assert amount(0, rate) == 0
    assert amount(3, replace(rate, minor_per_hour=10)) == 1, "half a cent is rounded up"


@given(st.integers(0, 2000), st.integers(0, 10_000_000))
def test_an_amount_is_within_half_a_minor_unit(minutes: int, per_hour: int) -> None:
    worth = amount(minutes, Rate("RS", "contract", LineKind.SESSION, Currency.EUR, per_hour, NOW))
    assert abs(worth * 60 - minutes * per_hour) * 2 <= 60


def test_the_newest_rate_that_holds_is_taken() -> None:
    old = Rate("RS", "contract", LineKind.SESSION, Currency.RSD, 100, NOW - timedelta(days=90))
    new, future = replace(old, valid_from=NOW), replace(old, valid_from=LATER)
    found = rate_for([old, future, new], country="RS", engagement="contract", kind=LineKind.SESSION, at=NOW)
    assert found is new
    assert rate_for([new], country="MK", engagement="contract", kind=LineKind.SESSION, at=NOW) is None


def test_unpaid_money_grows_old() -> None:
    lines = [Unpaid("RSD", 100, NOW - timedelta(days=days)) for days in (0, 30, 31, 61, 200)]
    assert ageing([*lines, Unpaid("EUR", 5, NOW)], NOW) == {"EUR": [5, 0, 0, 0], "RSD": [200, 100, 100, 100]}
