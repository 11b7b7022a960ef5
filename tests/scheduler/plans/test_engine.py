"""The engine against brute force, the model against the checker, children that are killed, and what the parent never imports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.plans import engine, relaxation
from scheduler.plans.checker import Fault, check
from scheduler.plans.engine import improve
from scheduler.plans.greedy import greedy
from scheduler.plans.ledger import Ledger
from scheduler.plans.model import Model
from scheduler.plans.parts import Cutter, booking_days
from scheduler.plans.problem import Problem
from scheduler.plans.relaxation import Relaxation
from scheduler.plans.repair import MOST_MOVED, repair
from scheduler.plans.search import Progress, Search
from scheduler.plans.workers import News, Workers
from tests.scheduler.plans.samples import any_problem, best, problem


def random_plan(one: Problem, seed: int) -> np.ndarray:
    """Any choice of options, allowed or not, with whole ways and one way per booking."""
    dice = np.random.default_rng(seed)
    chosen = one.nobody()
    for booking in range(len(one.bookings)):
        first, last = int(one.booking_ptr[booking]), int(one.booking_ptr[booking + 1])
        way = int(dice.integers(first, last + 1))
        if way == last:
            continue
        for leg in range(int(one.way_ptr[way]), int(one.way_ptr[way + 1])):
            chosen[leg] = int(dice.integers(one.leg_ptr[leg], one.leg_ptr[leg + 1]))
    return chosen


@pytest.fixture(scope="module")
def child() -> Iterator[Workers]:
    """One solving child for all searches that end by themselves: starting one takes longer than what it solves here."""
    with Workers(1, nice=0) as workers:
        yield workers


@pytest.mark.parametrize("seed", range(4))
def test_small_problems_are_solved_to_the_proven_optimum(
    seed: int, child: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "Workers", lambda *_, **__: nullcontext(child))
    one = any_problem(seed)
    outcome = improve(one, Search(seconds=20, workers=1, enough=0.0, nice=0))
    assert outcome.verdict.ok
    assert outcome.verdict.price.total == best(one)
    assert outcome.bound <= outcome.verdict.price.total


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_the_model_prices_and_forbids_what_the_checker_does(seed: int) -> None:
    one = any_problem(seed, bookings=7)
    model = Model(one)
    chosen = random_plan(one, seed)
    x = model.columns(chosen)
    verdict = check(one, chosen)
    assert round(float(model.cost @ x)) + model.base == verdict.price.total
    rows = model.matrix @ x
    within = bool((rows <= model.upper + 1e-9).all() and (np.abs(rows - model.upper)[model.equal] < 1e-9).all())
    assert within == verdict.ok
    assert (model.plan(x) == chosen).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_no_prices_give_a_bound_above_a_plan(seed: int) -> None:
    one = any_problem(seed)
    model = Model(one)
    prices = np.random.default_rng(seed).normal(-200, 400, len(model.upper))
    plan = greedy(one)
    assert check(one, plan).ok
    assert model.price(prices)[0] <= check(one, plan).price.total + 1e-6


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_the_ledger_and_the_checker_agree_leg_by_leg(seed: int) -> None:
    one = any_problem(seed, bookings=8)
    ledger = Ledger(one)
    for leg in range(len(one.leg_way)):
        if one.way_ptr[one.leg_way[leg] + 1] - one.way_ptr[one.leg_way[leg]] > 1:
            continue
        if any(ledger.chosen[other] >= 0 for other in np.flatnonzero(one.leg_booking == one.leg_booking[leg])):
            continue
        option = int(one.leg_ptr[leg])
        if option == int(one.leg_ptr[leg + 1]):
            continue
        plan = ledger.plan()
        plan[leg] = option
        obstacle = ledger.obstacle(int(one.opt_person[option]), leg)
        assert (obstacle is None) == check(one, plan).ok
        if obstacle is None:
            ledger.put(leg, option)


def test_the_checker_names_each_rule() -> None:
    long = problem(
        [
            (0, 1, 480, 180, {0: 0}),
            (1, 1, 700, 120, {0: 0}),
            (2, 1, 480 + 1440, 60, {0: 0}),
            (3, 1, 500 + 1440, 60, {0: 0}),
        ],
        people=1,
        weights=[1, 1, 1, 1],
        week_limit=400,
    )
    faults = {finding.fault for finding in check(long, np.array([0, 1, 2, 3])).findings}
    assert faults == {Fault.WINDOW, Fault.DAY, Fault.WEEK, Fault.OVERLAP}
    assert check(long, np.array([1, 1, 2, -1])).findings[0].fault is Fault.SHAPE


def test_a_killed_child_does_not_take_the_plan_with_it() -> None:
    one = any_problem(7, bookings=40, people=6)
    seen: list[Progress] = []
    killed = threading.Event()
    real = Workers.give

    def give(self: Workers, *args: object, **kwargs: object) -> int:
        job = real(self, *args, **kwargs)  # type: ignore[arg-type]
        if not killed.is_set():
            killed.set()
            os.kill(self.pids[0], signal.SIGKILL)
        return job

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workers, "give", give)
        outcome = improve(one, Search(seconds=6, workers=1, nice=0), report=seen.append)
    assert killed.is_set()
    assert outcome.verdict.ok
    assert outcome.verdict.price.total <= check(one, greedy(one)).price.total
    assert all(check(one, progress.chosen).ok for progress in seen)


def test_a_search_can_be_stopped() -> None:
    stop = threading.Event()
    stop.set()
    outcome = improve(any_problem(3, bookings=60, people=8), Search(seconds=60, workers=1, nice=0), stop=stop)
    assert outcome.verdict.ok
    assert outcome.seconds < 10


def test_the_parent_imports_no_solver() -> None:
    """Here as it runs; that nothing above imports one either is a contract of import-linter."""
    code = (
        "import sys, scheduler.services, scheduler.plans.engine, scheduler.rosters.engine.runner\n"
        "assert not {'highspy', 'ortools', 'numba'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_a_repair_keeps_every_rule_and_moves_few(seed: int) -> None:
    one = any_problem(seed, bookings=12, people=4)
    plan = greedy(one)
    who = int(one.opt_person[plan[plan >= 0][0]]) if (plan >= 0).any() else 0
    legs = [leg for leg in np.flatnonzero(plan >= 0).tolist() if int(one.opt_person[plan[leg]]) == who]
    for proposal in repair(one, plan, frozenset({who}), frozenset(legs)):
        assert proposal.verdict.ok
        assert proposal.moved <= MOST_MOVED
        assert all(change.after != who for change in proposal.changes)


@pytest.mark.parametrize("seed", range(4))
def test_a_large_plan_is_relaxed_by_weeks(seed: int, child: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaxation, "SMALL", 0)
    one = any_problem(seed)
    model = Model(one)
    known = Relaxation(model, Cutter(model), np.maximum(booking_days(model), 0))
    bounds = []
    for _ in range(2):
        answers = []
        for piece, bookings in known.pieces():
            child.give(0, piece.program, seconds=20, gap=0.0, absolute_gap=0.0)
            news = child.hear(20)
            assert news is not None
            answers.append((piece, bookings, news))
        assert known.learn(answers)
        bounds.append(known.bound)
    assert known.keep[known.guide > 0.5].all()
    assert check(one, known.rounded()).ok
    plan = greedy(one)
    known.guide = model.columns(plan)[: model.at_relay]
    whole = (plan >= 0) & (np.diff(one.way_ptr)[one.leg_way] == 1)
    assert (known.rounded()[whole] == plan[whole]).all()
    assert bounds[0] <= bounds[1] <= best(one)
    assert model.price(known.prices)[0] == pytest.approx(known.bound)


def test_a_relaxation_without_an_answer_is_not_believed() -> None:
    one = any_problem(1)
    model = Model(one)
    known = Relaxation(model, Cutter(model), np.maximum(booking_days(model), 0))
    ((piece, bookings),) = known.pieces()
    assert not known.learn([(piece, bookings, News(0, "done", 1))])
    assert known.bound == -np.inf
