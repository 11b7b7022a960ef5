"""Annealing: every plan it has keeps the rules and costs what it says; it gets better; the engine uses it for the largest plans."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import numpy as np
import pytest

from scheduler.plans import anneal_kernel, engine, relaxation
from scheduler.plans.anneal import Annealing, compile_ahead
from scheduler.plans.checker import check
from scheduler.plans.engine import HOT, improve
from scheduler.plans.greedy import greedy
from scheduler.plans.packing import packed, unpacked
from scheduler.plans.problem import Problem
from scheduler.plans.search import Phase, Progress, Search
from scheduler.plans.workers import Workers
from tests.scheduler.plans.samples import any_problem, best


def annealed(one: Problem, seed: int, turns: int = 1) -> Annealing:
    work = Annealing(one, greedy(one), seed, HOT)
    shares = iter([*([0.5] * turns), 1.0])
    work.run(shares.__next__, lambda _: None)
    return work


@pytest.mark.parametrize("seed", range(8))
def test_what_it_says_is_what_the_checker_says(seed: int) -> None:
    """Overlaps, long pieces, relays, shared cases and fixed work; what a greedy plan cannot find is found."""
    one = any_problem(seed, bookings=6)
    work = annealed(one, seed, 2)
    verdict = check(one, work.plan)
    assert verdict.ok
    assert verdict.price.total == check(one, greedy(one)).price.total + work.change


def test_small_plans_become_the_best_there_are() -> None:
    found = 0
    for seed in range(6):
        one = any_problem(seed, bookings=6)
        plans = [greedy(one)]
        shares = iter([0.2, 0.6, 0.9, 1.0])
        Annealing(one, plans[0], seed, HOT).run(shares.__next__, plans.append)
        found += min(check(one, plan).price.total for plan in plans) == best(one)
    assert found >= 5


def test_a_problem_goes_to_a_child_and_back() -> None:
    one = any_problem(3, bookings=20, people=5)
    head, arrays = packed(one)
    again = unpacked(head, arrays)
    plan = greedy(one)
    assert (greedy(again) == plan).all()
    assert check(again, plan) == check(one, plan)


def test_what_is_compiled_ahead_is_all_that_a_search_uses() -> None:
    compile_ahead()
    functions: list[Any] = [anneal_kernel.anneal, anneal_kernel.best_way, anneal_kernel.fits]
    before = [len(one.signatures) for one in functions]
    one = any_problem(1, bookings=10)
    again = unpacked(*packed(one))
    annealed(again, 1)
    assert [len(one.signatures) for one in functions] == before


@pytest.fixture
def vast(monkeypatch: pytest.MonkeyPatch) -> Problem:
    """A problem that is treated like the largest ones."""
    monkeypatch.setattr(engine, "WHOLE", 0)
    monkeypatch.setattr(relaxation, "SMALL", 0)
    monkeypatch.setattr(relaxation, "VAST", 0)
    return any_problem(5, bookings=60, people=8)


def test_the_largest_plans_are_annealed_while_prices_climb(vast: Problem) -> None:
    told: list[Progress] = []
    stop = threading.Event()

    def report(progress: Progress) -> None:
        told.append(progress)
        if {Phase.IMPROVE, Phase.RELAX} <= {one.phase for one in told}:
            stop.set()

    outcome = improve(vast, Search(seconds=60, workers=2, nice=0), report=report, stop=stop)
    assert stop.is_set()
    assert outcome.verdict.ok
    assert outcome.verdict.price.total < check(vast, greedy(vast)).price.total
    assert 0 < outcome.bound <= outcome.verdict.price.total
    assert np.all(np.diff([one.total for one in told]) <= 0)


def test_a_child_that_dies_while_annealing_is_replaced(vast: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    stop = threading.Event()
    real = Workers.give_plan

    def give_plan(self: Workers, worker: int, *args: Any, **more: Any) -> int:
        job = real(self, worker, *args, **more)
        if not given:
            os.kill(self.pids[worker], signal.SIGKILL)
        given.append(worker)
        return job

    def report(progress: Progress) -> None:
        if progress.phase is Phase.IMPROVE:
            stop.set()

    monkeypatch.setattr(Workers, "give_plan", give_plan)
    # no prices climb: whatever is told comes from annealing
    monkeypatch.setattr(relaxation, "SMALL", 10**9)
    monkeypatch.setattr(relaxation, "VAST", 0)
    outcome = improve(vast, Search(seconds=60, workers=1, nice=0), report=report, stop=stop)
    assert len(given) == 2
    assert stop.is_set()
    assert outcome.verdict.ok
