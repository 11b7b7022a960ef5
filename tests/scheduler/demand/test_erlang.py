"""Erlang B and C: the values that are known, an independent simulation, and what must hold for every rate."""

from __future__ import annotations

import heapq
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.demand.erlang import agents_for, erlang_b, erlang_c, service_level


@pytest.mark.parametrize(("per_hour", "people"), [(0.5, 2), (1, 2), (2, 3), (4, 4), (8, 7), (16, 11), (32, 19)])
def test_the_known_numbers(per_hour: float, people: int) -> None:
    """90 % within 60 s at 25 minutes each (scheduling design, section 5)."""
    assert agents_for(per_hour, 25.0) == people


def test_textbook_values() -> None:
    assert erlang_b(10, 5.0) == pytest.approx(0.018385, abs=1e-6)
    assert erlang_c(10, 8.0) == pytest.approx(0.409180, abs=1e-6)
    assert erlang_b(2000, 1900.0) < 0.01
    assert erlang_c(3, 3.0) == 1.0


def test_the_ring_eats_the_minute() -> None:
    assert agents_for(16, 25.0, ring_seconds=23) >= agents_for(16, 25.0)
    assert agents_for(200, 25.0, ring_seconds=55) > agents_for(200, 25.0)


@pytest.mark.parametrize("wrong", [(-1.0, 25.0), (1.0, 0.0), (float("nan"), 25.0)])
def test_what_is_no_rate(wrong: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="out of range"):
        agents_for(*wrong)


def simulated(agents: int, per_hour: float, minutes: float, seconds: float, *, requests: int, seed: int) -> float:
    """First come, first served at ``agents`` desks, by events: written without any formula of queues."""
    dice = random.Random(seed)
    free_at = [0.0] * agents
    clock, kept = 0.0, 0
    for _ in range(requests):
        clock += dice.expovariate(per_hour / 3600)
        begin = max(clock, free_at[0])
        heapq.heapreplace(free_at, begin + dice.expovariate(1 / (minutes * 60)))
        kept += begin - clock <= seconds
    return kept / requests


@pytest.mark.parametrize(
    ("agents", "per_hour", "minutes", "seconds"), [(3, 2.0, 25.0, 60.0), (11, 16.0, 25.0, 60.0), (4, 8.0, 20.0, 300.0)]
)
def test_against_a_simulation(agents: int, per_hour: float, minutes: float, seconds: float) -> None:
    found = [simulated(agents, per_hour, minutes, seconds, requests=150_000, seed=seed) for seed in (1, 2)]
    assert sum(found) / 2 == pytest.approx(service_level(agents, per_hour, minutes, seconds), abs=0.01)


@given(st.floats(0.01, 300), st.floats(1, 60))
@settings(max_examples=100, deadline=None)
def test_the_fewest_that_are_enough(per_hour: float, minutes: float) -> None:
    people = agents_for(per_hour, minutes)
    assert service_level(people, per_hour, minutes, 60) >= 0.9
    assert people == 1 or service_level(people - 1, per_hour, minutes, 60) < 0.9


def test_pooling_eight_languages() -> None:
    """Eight languages at 2/h need 24 people apart and 11 together (scheduling design, section 5)."""
    assert 8 * agents_for(2, 25.0) == 24
    assert agents_for(16, 25.0) == 11
