"""Periods too long for the best row of all: rows at an even pace are sound, prove nothing, and short windows are exact again."""

from __future__ import annotations

import numpy as np
import pytest

from scheduler.rosters import checker
from scheduler.rosters.engine import arrays as prepare
from scheduler.rosters.engine import rows as finding
from scheduler.rosters.engine.draft import Draft
from scheduler.rosters.engine.rows import RowFinder
from tests.bench.bench_nrp import parse
from tests.bench.nrp_instances import Size, made


@pytest.mark.parametrize("seed", range(3))
def test_everybody_has_a_sound_row_at_an_even_pace(seed: int) -> None:
    problem = parse(made(Size(6, 26, 4), seed))
    arrays = prepare.build(problem)
    finder = RowFinder(arrays)
    assert finder.long
    draft = Draft(arrays, finder, [None] * arrays.people)
    proven = []
    for number, person in enumerate(problem.people):
        found = draft.best_row(number)
        assert found is not None
        proven.append(found.bound)
        roster = arrays.to_roster([found.row] * arrays.people)
        assert checker.row_breaches(problem, person, roster[person.id]) == []
        again = draft.best_row(number, held=found.row, first=40, last=60)
        assert again is not None
        assert again.cost <= found.cost + 1e-6
        assert again.bound == pytest.approx(again.cost)
    assert -np.inf in proven


@pytest.mark.parametrize("seed", range(4))
def test_a_corridor_never_finds_better_than_the_best(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = parse(made(Size(5, 6, 3), seed))
    arrays = prepare.build(problem)
    exact = RowFinder(arrays)
    assert not exact.long
    monkeypatch.setattr(finding, "EXACT_STATES", 0)
    paced = RowFinder(arrays)
    assert paced.long
    dice = np.random.default_rng(seed)
    for number in range(arrays.people):
        cells = np.where(arrays.allowed[number], dice.normal(0, 50, arrays.allowed[number].shape), np.inf)
        free = dice.normal(0, 50, arrays.days)
        best, near = exact.best(number, cells, free), paced.best(number, cells, free)
        assert best is not None
        assert near is not None
        assert best.bound <= near.cost + 1e-6
