"""Who takes which appointment: our engine against greedy, rolling assignment and plain CP-SAT on the same instances.

Every answer is priced by the checker, which shares nothing with the engine. The gap is to our own lower bound. Run as a program
with ``--bookings 5000 --people 800 --seconds 60`` (or 10000, 2000, 120) for the larger sizes.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from scheduler.plans import frames
from scheduler.plans.checker import Verdict, check
from scheduler.plans.engine import improve
from scheduler.plans.greedy import greedy
from scheduler.plans.ledger import Ledger
from scheduler.plans.model import Model
from scheduler.plans.prepare import prepare
from scheduler.plans.problem import Ints, Problem, chosen_people
from scheduler.plans.repair import repair
from scheduler.plans.search import Progress, Search
from tests.bench.figures import Figure, percentile
from tests.bench.plan_instances import instance

SECONDS, OTHERS = 30.0, 30.0
LIMIT = 0.5
"""Per cent above the own lower bound that are allowed at the end."""
_FAR = 10**9


def rolling(problem: Problem) -> Ints:
    """Direct work only: for each start time in turn the cheapest matching of its bookings with whoever is free."""
    ledger = Ledger(problem)
    at: dict[int, list[int]] = defaultdict(list)
    legs = np.flatnonzero(np.diff(problem.way_ptr)[problem.leg_way] == 1)
    for leg in legs.tolist():
        at[int(problem.leg_start[leg])].append(leg)
    for start in sorted(at):
        group = at[start]
        people = sorted({int(who) for leg in group for who in problem.opt_person[_options(problem, leg)].tolist()})
        place = {who: column for column, who in enumerate(people)}
        cost = np.full((len(group), len(people)), _FAR, dtype=np.int64)
        option_at: dict[tuple[int, int], int] = {}
        for row, leg in enumerate(group):
            options = _options(problem, leg)
            for option, added in zip(options.tolist(), ledger.added(leg, options).tolist(), strict=True):
                who = int(problem.opt_person[option])
                if ledger.obstacle(who, leg) is None:
                    cost[row, place[who]] = added - int(problem.weight[problem.leg_booking[leg]])
                    option_at[row, place[who]] = option
        for row, column in zip(*linear_sum_assignment(cost), strict=True):
            if cost[row, column] < 0:
                ledger.put(group[row], option_at[int(row), int(column)])
    return ledger.plan()


def cp_sat(problem: Problem, start: Ints, seconds: float) -> tuple[Ints | None, float]:
    """Plain CP-SAT on the same model, hinted with every column; its plan, if it has one by then, and its bound."""
    model = Model(problem)
    matrix = sparse.csr_matrix(model.matrix)
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.cpsat_child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    arrays = {
        "width": np.minimum(model.width, 100_000).astype(np.int64),
        "cost": model.cost,
        "upper": model.upper,
        "equal": model.equal.astype(np.uint8),
        "start": matrix.indptr.astype(np.int64),
        "index": matrix.indices.astype(np.int64),
        "value": np.rint(matrix.data).astype(np.int64),
        "hint": np.rint(model.columns(start)).astype(np.int64),
    }
    frames.write(child.stdin, {"seconds": seconds}, arrays)  # type: ignore[arg-type]
    answer = frames.read(child.stdout)  # type: ignore[arg-type]
    child.wait()
    assert answer is not None
    head, values = answer
    plan = model.plan(values["x"].astype(np.float64)) if head["found"] else None
    return plan, float(head["bound"]) + model.base


def measure(
    bookings: int, people: int, seed: int, available: float, *, seconds: float, others: float | None
) -> list[Figure]:
    """One instance; ``others``: seconds of CP-SAT, none for the engine and greedy alone."""
    name = f"{bookings}x{people} at {available:.0%}, seed {seed}"
    given = instance(bookings, people, seed=seed, available=available)
    began = time.perf_counter()
    problem = prepare(given.asks, given.people, given.rules, given.frame, free=given.free)
    spent = time.perf_counter() - began
    told: list[Progress] = []
    outcome = improve(problem, Search(seconds=seconds, nice=0), report=told.append)
    assert outcome.verdict.ok
    first = told[0]
    at_ten = _at(told, 10.0, outcome.bound)
    figures = [
        Figure(f"{name}: options prepared", spent, "s", note=f"{len(problem.opt_leg)} of {bookings * people} pairs"),
        Figure(f"{name}: first plan", first.seconds, "s", limit=0.5 if bookings == 2000 else None),
        Figure(f"{name}: gap at 10 s", 100 * at_ten, "%", note="aim 0.1"),
        Figure(f"{name}: gap at {seconds:.0f} s", 100 * outcome.gap, "%", limit=LIMIT),
        _cost(f"{name}: engine", outcome.verdict),
        Figure(f"{name}: proven lower bound", outcome.bound / 10, "points"),
        _cost(f"{name}: greedy", check(problem, greedy(problem))),
    ]
    if others is None:
        return figures
    figures.append(_cost(f"{name}: linear_sum_assignment", check(problem, rolling(problem))))
    plan, bound = cp_sat(problem, greedy(problem), others)
    theirs = f"{name}: CP-SAT {others:.0f} s"
    figures.append(
        Figure(f"{theirs}: plans", 0, "", note="none") if plan is None else _cost(theirs, check(problem, plan))
    )
    figures.append(Figure(f"{name}: bound of CP-SAT / ours", 100 * bound / outcome.bound, "%"))
    return figures + _repairs(problem, outcome.chosen)


def _repairs(problem: Problem, plan: Ints) -> list[Figure]:
    """Drop-outs of one person each, and of twenty at once."""
    who = chosen_people(problem, plan)
    busy = sorted({int(one) for one in who.tolist() if one >= 0})
    dice = random.Random(7)
    times, moved = [], 0
    for person in dice.sample(busy, k=min(60, len(busy))):
        lost = frozenset(np.flatnonzero(who == person).tolist())
        began = time.perf_counter()
        proposals = repair(problem, plan, frozenset({person}), lost)
        times.append(1000 * (time.perf_counter() - began))
        assert all(one.verdict.ok for one in proposals)
        moved = max(moved, *(one.moved for one in proposals))
    absent = frozenset(dice.sample(busy, k=min(20, len(busy))))
    began = time.perf_counter()
    repair(problem, plan, absent, frozenset(np.flatnonzero(np.isin(who, sorted(absent))).tolist()))
    return [
        Figure("repair proposals p95", percentile(times, 95), "ms", limit=100, note="all four weeks, checked"),
        Figure("others moved at most", moved, "", limit=5),
        Figure("20 drop-outs at once", time.perf_counter() - began, "s", limit=2),
    ]


def _options(problem: Problem, leg: int) -> Ints:
    return np.arange(problem.leg_ptr[leg], problem.leg_ptr[leg + 1])


def _at(told: Sequence[Progress], seconds: float, bound: float) -> float:
    """The gap of the plan that was there after so many seconds, to the bound that was proven in the end."""
    best = min(progress.total for progress in told if progress.seconds <= seconds)
    return (best - bound) / bound


def _cost(name: str, verdict: Verdict) -> Figure:
    assert verdict.ok, verdict.findings[:3]
    price = verdict.price
    most = max(verdict.minutes, default=0) / 60
    return Figure(
        f"{name}: cost", price.total / 10, "points", note=f"{len(verdict.left_out)} left out, most {most:.1f} h"
    )


def run() -> list[Figure]:
    """The size of the target, two levels of availability, another seed for the engine alone."""
    return [
        *measure(2000, 300, 1, 0.55, seconds=SECONDS, others=OTHERS),
        *measure(2000, 300, 1, 0.8, seconds=SECONDS, others=OTHERS),
        *measure(2000, 300, 2, 0.55, seconds=SECONDS, others=None),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for option, kind, usual in (
        ("bookings", int, 2000), ("people", int, 300), ("seed", int, 1), ("available", float, 0.55), ("seconds", float, SECONDS)
    ):  # fmt: skip
        parser.add_argument(f"--{option}", type=kind, default=usual)
    parser.add_argument("--others", type=float, metavar="SECONDS", help="the others too, CP-SAT for so long")
    asked = parser.parse_args()
    for figure in measure(
        asked.bookings, asked.people, asked.seed, asked.available, seconds=asked.seconds, others=asked.others
    ):
        print(f"{figure.name:<52} {figure.value:>12.4g} {figure.unit:<8} {figure.verdict:<16} {figure.note}")
