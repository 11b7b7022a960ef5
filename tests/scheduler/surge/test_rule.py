"""The surge states of R-7: when they come, and that they do not flicker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.surge.rule import (
    Reading,
    Standing,
    SurgeCause,
    SurgePolicy,
    SurgeState,
    Switch,
    asked_for,
    decide,
    effects_of,
    triage_minutes,
)
from scheduler.surge.states import hours_of

T0 = datetime(2026, 11, 22, 8, tzinfo=UTC)
GREEN, AMBER, RED = SurgeState
POLICY = SurgePolicy()


def reading(arrivals: int, expected: float = 10.0, *, wait: float | None = None, at: float = 0) -> Reading:
    urgent = None if wait is None else timedelta(minutes=wait)
    return Reading(T0 + timedelta(minutes=at), arrivals, expected, urgent)


def test_the_thresholds_of_the_rule() -> None:
    assert asked_for(reading(20), POLICY) == (GREEN, SurgeCause.CALM)
    assert asked_for(reading(21), POLICY) == (AMBER, SurgeCause.ABOVE_FORECAST)
    assert asked_for(reading(50), POLICY)[0] is AMBER
    assert asked_for(reading(51), POLICY) == (RED, SurgeCause.FAR_ABOVE_FORECAST)
    assert asked_for(reading(3, wait=10), POLICY)[0] is GREEN
    assert asked_for(reading(3, wait=10.1), POLICY) == (RED, SurgeCause.URGENT_WAITS)


def test_a_few_requests_in_a_quiet_night_are_no_surge() -> None:
    assert asked_for(reading(5, 0.2), POLICY)[0] is GREEN
    assert asked_for(reading(9, 0.2), POLICY)[0] is AMBER
    assert asked_for(reading(15, 0.2), POLICY)[0] is RED


def test_without_a_forecast_only_a_wait_is_a_surge() -> None:
    assert asked_for(reading(500, 0.0), POLICY)[0] is GREEN
    assert reading(500, 0.0).ratio is None
    assert asked_for(reading(0, 0.0, wait=11), POLICY)[0] is RED


def test_up_at_once_and_down_after_an_hour_of_calm() -> None:
    standing = decide(Standing(GREEN), reading(60)).standing
    assert standing == Standing(RED)
    standing = decide(standing, reading(10, at=10)).standing
    assert standing == Standing(RED, T0 + timedelta(minutes=10))
    standing = decide(standing, reading(10, at=69)).standing
    assert standing.state is RED
    assert decide(standing, reading(10, at=70)).standing == Standing(GREEN)


def test_red_goes_down_to_amber_while_it_is_still_above_forecast() -> None:
    standing = Standing(RED, T0)
    assert decide(standing, reading(25, at=60)).state is AMBER


def test_a_relapse_starts_the_hour_anew() -> None:
    standing = decide(Standing(AMBER), reading(10, at=0)).standing
    standing = decide(standing, reading(16, at=30)).standing
    assert standing == Standing(AMBER), "16 is under twice the forecast and over three quarters of it"
    standing = decide(standing, reading(10, at=40)).standing
    assert decide(standing, reading(10, at=99)).state is AMBER
    assert decide(standing, reading(10, at=100)).state is GREEN


@given(st.lists(st.tuples(st.integers(0, 80), st.integers(1, 40), st.none() | st.integers(0, 20)), max_size=40))
@settings(max_examples=150, deadline=None)
def test_whatever_comes(story: list[tuple[int, int, int | None]]) -> None:
    """Never softer than the reading asks for; softer than before only after an hour without a harder wish."""
    standing, minutes = Standing(GREEN), 0
    calm_from: int | None = None
    for arrivals, step, wait in story:
        minutes += step
        one = reading(arrivals, wait=wait, at=minutes)
        before = standing
        found = decide(standing, one)
        standing = found.standing
        assert standing.state.number >= found.asked.number
        lowered, _ = asked_for(one, POLICY, share=POLICY.back_share)
        calm = lowered.number < before.state.number
        calm_from = (minutes if calm_from is None else calm_from) if calm else None
        if standing.state.number < before.state.number:
            assert calm_from is not None
            assert minutes - calm_from >= 60
        if standing.state is not before.state:
            calm_from = None


def test_what_the_states_turn_on_and_what_a_hand_changes() -> None:
    assert effects_of(GREEN, {}) == frozenset()
    assert effects_of(RED, {}) == frozenset(Switch)
    assert Switch.PARTNER_LIST not in effects_of(AMBER, {})
    assert effects_of(GREEN, {"partner_list": True}) == frozenset({Switch.PARTNER_LIST})
    assert Switch.GROUP_BRIEFING not in effects_of(RED, {"group_briefing": False})


def test_the_short_script_never_lengthens_and_never_touches_an_asylum_interview() -> None:
    on = frozenset({Switch.SHORT_SCRIPT})
    assert triage_minutes(on, "identification", 20) == 5
    assert triage_minutes(on, "identification", 3) == 3
    assert triage_minutes(on, "asylum", 180) == 180
    assert triage_minutes(frozenset(), "identification", 20) == 20


def test_hours_in_each_state() -> None:
    changes = [(T0, AMBER), (T0 + timedelta(hours=2), RED), (T0 + timedelta(hours=5), GREEN)]
    found = hours_of(changes, T0 - timedelta(hours=1), T0 + timedelta(hours=6))
    assert found == {GREEN: 2.0, AMBER: 2.0, RED: 3.0}
    inside = hours_of(changes, T0 + timedelta(hours=1), T0 + timedelta(hours=3))
    assert inside == {GREEN: 0.0, AMBER: 1.0, RED: 1.0}
