"""Prices that climb: against the exact optimum of small programs, through a child, and into a bound of a plan."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from scheduler.plans import relaxation
from scheduler.plans.ascent import Shape, ascend
from scheduler.plans.model import Model
from scheduler.plans.parts import Cutter, booking_days
from scheduler.plans.relaxation import Relaxation
from scheduler.plans.workers import Workers
from tests.scheduler.plans.samples import any_problem, best


def assignment(seed: int) -> Shape:
    """Thirty pieces of work, eight people with limited minutes, and the price of leaving a piece undone."""
    dice = np.random.default_rng(seed)
    pieces, people = 30, 8
    minutes = dice.integers(2, 20, pieces) * 10.0
    columns = pieces * people
    once = sparse.kron(sparse.eye(pieces), np.ones((1, people)))
    load = sparse.kron(minutes[None, :], sparse.eye(people))
    matrix = sparse.vstack(
        [sparse.hstack([once, sparse.eye(pieces)]), sparse.hstack([load, sparse.csr_matrix((people, pieces))])]
    )
    cost = np.concatenate([dice.integers(0, 500, columns), dice.choice([1000, 10_000], pieces)]).astype(np.float64)
    upper = np.concatenate([np.ones(pieces), dice.integers(100, 400, people)]).astype(np.float64)
    equal = np.arange(pieces + people) < pieces
    size = columns + pieces
    return Shape(sparse.csr_matrix(matrix), cost, np.zeros(size), np.ones(size), upper, equal)


@pytest.mark.parametrize("seed", range(4))
def test_prices_come_near_the_optimum(seed: int) -> None:
    shape = assignment(seed)
    exact = linprog(
        shape.cost, A_eq=shape.matrix[shape.equal], b_eq=shape.upper[shape.equal],
        A_ub=shape.matrix[~shape.equal], b_ub=shape.upper[~shape.equal], bounds=(0, 1),
    )  # fmt: skip
    told: list[float] = []

    def report(x: np.ndarray, prices: np.ndarray) -> None:
        assert (x >= 0).all()
        assert (x <= 1).all()
        assert (prices[~shape.equal] <= 0).all()
        reduced = shape.cost - shape.matrix.T @ prices
        told.append(float(prices @ shape.upper + np.minimum(reduced, 0).sum()))

    looks = iter(range(6000))
    steps = ascend(
        shape,
        np.zeros(len(shape.cost)),
        np.zeros(len(shape.upper)),
        over=lambda: next(looks, None) is None,
        report=report,
    )
    assert steps == 6000
    assert max(told) <= exact.fun * (1 + 1e-9)
    assert max(told) >= 0.995 * exact.fun


@pytest.mark.parametrize("seed", range(3))
def test_weeks_climb_together_in_a_child(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaxation, "SMALL", 0)
    one = any_problem(seed)
    model = Model(one)
    known = Relaxation(model, Cutter(model), np.maximum(booking_days(model), 0))
    with Workers(1, nice=0) as workers:
        answers = []
        for piece, bookings in known.pieces():
            workers.give(0, piece.program, seconds=20)
            news = workers.hear(20)
            assert news is not None
            answers.append((piece, bookings, news))
        assert known.learn(answers)
        before = known.bound
        everything = known.everything()
        workers.give(0, everything.program, seconds=1.3)
        heard = []
        while (news := workers.hear(20)) is not None and news.kind == "better":
            heard.append(news)
            known.climbed(everything, news)
    assert news is not None
    assert news.kind == "done"
    assert heard
    assert before <= known.bound <= best(one) + 1e-6
    assert model.price(known.prices)[0] == pytest.approx(known.bound)
