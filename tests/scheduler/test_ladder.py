"""Who is rung when (M-11): widths, times, nobody twice, no waiting on an empty rung; and honest expectations."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from records.stages import Mode
from scheduler.ladder import (
    LadderState,
    Odds,
    Reach,
    Round,
    RungKind,
    SkipReason,
    WaitBasis,
    expected_wait,
    next_rung,
    width,
)
from scheduler.need import Candidate, Presence
from scheduler.ranking import Match, rank
from scheduler.ring.policy import FILES, read_policy
from tests.scheduler.samples import NOW, OPEN, need, person

PHONE = frozenset({Mode.PHONE})
STANDARD = read_policy(FILES["RS"]).ladder


def ranked(people: list[Candidate]) -> list[Match]:
    return rank(need(), people, OPEN)


def climb(people: list[Candidate], reach: Reach) -> list[Round]:
    """All rounds of a request that nobody accepts."""
    rounds: list[Round] = []
    state, asked, now = LadderState(), set[str](), NOW
    while (step := next_rung(state, ranked(people), asked, now, ladder=STANDARD, reach=reach)) is not None:
        rounds.append(step)
        state, now = step.state, step.deadline or now
        asked |= {match.candidate.id for match in step.matches}
    return rounds


def names(step: Round) -> list[int]:
    return [int(match.candidate.id[4:]) for match in step.matches]


def test_the_whole_ladder() -> None:
    people = [person(n, idle_since=NOW - timedelta(hours=30 - n)) for n in range(1, 11)]
    people += [person(n, presence=Presence.OFFLINE, on_call=True) for n in (11, 12)]
    calls = {"int_0011": ["push"], "int_0012": ["push"]}
    people += [person(13, base_country="MK"), person(14, modes=PHONE), person(15, base_country="MK", modes=PHONE)]
    rounds = climb(people, Reach(gate_open=True, telephony=True, called_by=calls))
    assert [(step.kind.value, names(step)) for step in rounds] == [
        ("best", [1, 2, 3]),
        ("next", [4, 5, 6, 7, 8]),
        ("on_call", [9, 10, 11, 12]),
        ("other_country", [13]),
        ("phone_only", [14, 15]),
        ("coordinator", []),
    ]
    seconds = [(step.deadline - NOW).total_seconds() if step.deadline else None for step in rounds]
    assert seconds == [20, 40, 80, 110, 140, None]
    assert [step.state.round for step in rounds] == [1, 2, 3, 4, 5, 6]
    assert [skip.reason for step in rounds for skip in step.skipped] == [SkipReason.NO_OWN]
    assert rounds[-1].is_coordinator


def test_empty_rungs_cost_no_time_and_say_why() -> None:
    (only,) = climb([], Reach())
    assert only.is_coordinator
    assert only.state == LadderState(rung=6, round=1)
    assert [(skip.kind, skip.reason) for skip in only.skipped] == [
        (RungKind.OWN, SkipReason.NO_OWN),
        (RungKind.BEST, SkipReason.NOBODY),
        (RungKind.NEXT, SkipReason.NOBODY),
        (RungKind.ON_CALL, SkipReason.NOBODY),
        (RungKind.OTHER_COUNTRY, SkipReason.GATE_CLOSED),
        (RungKind.PHONE_ONLY, SkipReason.NOT_AVAILABLE),
    ]


def test_an_open_gate_with_nobody_behind_it_is_called_that() -> None:
    (only,) = climb([], Reach(gate_open=True, telephony=True))
    assert [skip.reason for skip in only.skipped] == [SkipReason.NO_OWN] + [SkipReason.NOBODY] * 5


def test_without_telephony_nobody_is_rung_by_phone() -> None:
    (only,) = climb([person(1, modes=PHONE)], Reach())
    assert only.is_coordinator
    assert only.skipped[-1].reason is SkipReason.NOT_AVAILABLE


def test_somebody_who_comes_online_is_rung_in_the_next_round() -> None:
    first = next_rung(LadderState(), ranked([person(1)]), (), NOW, ladder=STANDARD)
    assert first is not None
    second = next_rung(first.state, ranked([person(1), person(2)]), ["int_0001"], NOW, ladder=STANDARD)
    assert second is not None
    assert (second.kind, names(second), second.state.round) == (RungKind.NEXT, [2], 2)


def test_the_end_of_the_ladder_is_the_end() -> None:
    assert next_rung(LadderState(rung=6, round=3), ranked([person(1)]), (), NOW, ladder=STANDARD) is None


def test_the_own_interpreter_of_the_case_rings_alone_and_first() -> None:
    people = [person(1, quality=9), person(2, quality=-5)]
    matches = rank(need(continuity_id="int_0002"), people, OPEN)
    first = next_rung(LadderState(), matches, (), NOW, ladder=STANDARD)
    assert first is not None
    assert (first.kind, names(first), first.deadline) == (RungKind.OWN, [2], NOW + timedelta(seconds=8))
    second = next_rung(first.state, matches, ["int_0002"], NOW, ladder=STANDARD)
    assert second is not None
    assert (second.kind, names(second)) == (RungKind.BEST, [1])


def test_who_is_on_call_is_rung_only_by_a_means_that_there_is() -> None:
    people = [person(1, presence=Presence.OFFLINE, on_call=True)]
    nothing = climb(people, Reach(called_by={}))
    assert [step.kind for step in nothing] == [RungKind.COORDINATOR]
    reasons = {skip.kind: skip.reason for skip in nothing[0].skipped}
    assert reasons[RungKind.ON_CALL] is SkipReason.NOT_AVAILABLE
    called = climb(people, Reach(called_by={"int_0001": ["push"]}))
    assert [(step.kind, names(step)) for step in called] == [(RungKind.ON_CALL, [1]), (RungKind.COORDINATOR, [])]


def test_no_history_rings_three_who_always_accept_ring_alone() -> None:
    matches = ranked([person(n) for n in range(1, 12)])
    plain = next_rung(LadderState(), matches, (), NOW, ladder=STANDARD)
    assert plain is not None
    assert len(plain.matches) == 3
    sure = Odds(chances={match.candidate.id: 0.97 for match in matches})
    reluctant = Odds(chances={match.candidate.id: 0.1 for match in matches})
    for odds, expected in ((sure, 1), (reluctant, 8)):
        step = next_rung(LadderState(), matches, (), NOW, ladder=STANDARD, odds=odds)
        assert step is not None
        assert len(step.matches) == expected


@given(st.lists(st.floats(0, 1), max_size=20), st.floats(0.5, 0.99), st.integers(1, 5), st.integers(5, 12))
def test_the_width_is_the_smallest_that_reaches_the_aim(
    chances: list[float], aim: float, least: int, most: int
) -> None:
    found = width(chances, aim=aim, least=least, most=most)

    def somebody(count: int) -> float:
        return 1 - math.prod(1 - chance for chance in chances[:count])

    assert min(least, len(chances)) <= found <= min(most, len(chances))
    if found < min(most, len(chances)):
        assert somebody(found) >= aim - 1e-9
    if found > min(least, len(chances)):
        assert somebody(found - 1) < aim


people_of_all_kinds = st.lists(
    st.tuples(st.sampled_from(["RS", "MK"]), st.booleans(), st.booleans(), st.integers(-10, 10)), max_size=14
)


@settings(deadline=None)
@given(people_of_all_kinds, st.booleans(), st.booleans())
def test_everybody_who_fits_is_rung_once_and_best_first(
    kinds: list[tuple[str, bool, bool, int]], gate_open: bool, telephony: bool
) -> None:
    people = [
        person(
            number,
            base_country=country,
            presence=Presence.AVAILABLE if online else Presence.OFFLINE,
            on_call=not online,
            modes=frozenset({Mode.VIDEO}) if video else PHONE,
            quality=quality,
        )
        for number, (country, online, video, quality) in enumerate(kinds)
    ]
    rounds = climb(people, Reach(gate_open, telephony, {who.id: ["push"] for who in people if who.on_call}))
    rung = [match.candidate.id for step in rounds for match in step.matches]
    assert len(rung) == len(set(rung))
    assert set(rung) == {
        who.id
        for who in people
        if (telephony and Mode.VIDEO not in who.modes)
        or (Mode.VIDEO in who.modes and (who.base_country == "RS" or who.presence is Presence.AVAILABLE))
    }
    assert rounds[-1].is_coordinator
    for step in rounds:
        scores = [match.score for match in step.matches]
        assert scores == sorted(scores, reverse=True)
        most = STANDARD[step.state.rung].most
        assert most is None or len(step.matches) <= most
    online_at_home = sorted(
        (
            m.score
            for m in ranked(people)
            if m.is_online and m.candidate.base_country == "RS" and Mode.VIDEO in m.candidate.modes
        ),
        reverse=True,
    )
    if online_at_home:
        assert [match.score for match in rounds[0].matches] == online_at_home[:3]


def test_a_narrower_ladder_is_data() -> None:
    ladder = (replace(STANDARD[1], least=1, most=1, seconds=8), STANDARD[-1])
    step = next_rung(LadderState(), ranked([person(1), person(2)]), (), NOW, ladder=ladder)
    assert step is not None
    assert (len(step.matches), step.deadline) == (1, NOW + timedelta(seconds=8))


# -- expected waits -------------------------------------------------------------------------------------------------


def test_nothing_is_told_from_too_little() -> None:
    assert expected_wait([]) == expected_wait(())
    told = expected_wait([10, 20, 30, 40])
    assert (told.basis, told.count, told.median_seconds, told.p90_seconds) == (WaitBasis.NOT_ENOUGH, 4, None, None)


def test_quantiles_are_ones_that_were_measured() -> None:
    told = expected_wait([50, 10.2, 30, 40, 20])
    assert (told.basis, told.count, told.median_seconds, told.p90_seconds) == (WaitBasis.MEASURED, 5, 30, 50)
    assert expected_wait([0.2] * 5).median_seconds == 1


def test_requests_that_nobody_took_count() -> None:
    never = float("inf")
    told = expected_wait([10, 20, 30, 40, never])
    assert (told.median_seconds, told.p90_seconds) == (30, None)
    assert expected_wait([10, 20, never, never, never]).median_seconds is None


@pytest.mark.parametrize("wrong", [-1.0, float("nan")])
def test_a_wait_is_a_number_of_seconds(wrong: float) -> None:
    with pytest.raises(ValueError, match="seconds"):
        expected_wait([wrong])


@given(st.lists(st.floats(0, 10_000), min_size=5, max_size=60))
def test_the_told_numbers_cover_their_share(waits: list[float]) -> None:
    told = expected_wait(waits)
    assert told.median_seconds is not None
    assert told.p90_seconds is not None
    assert sum(wait <= told.median_seconds for wait in waits) * 100 >= len(waits) * 50
    assert sum(wait <= told.p90_seconds for wait in waits) * 100 >= len(waits) * 90
    assert told.median_seconds <= told.p90_seconds
