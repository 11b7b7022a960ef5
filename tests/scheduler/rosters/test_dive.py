"""Column generation, dives and re-rostering of the roster engine: bounds and rows against brute force, rosters against the checker."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler.rosters import checker
from scheduler.rosters.engine import arrays as prepare
from scheduler.rosters.engine.columns import Columns
from scheduler.rosters.engine.dive import Dive
from scheduler.rosters.engine.draft import Draft
from scheduler.rosters.engine.messages import News, Order
from scheduler.rosters.engine.rerostering import Answer, Rerostering
from scheduler.rosters.engine.rows import RowFinder
from scheduler.rosters.engine.search import Search
from scheduler.rosters.engine.work import Work
from scheduler.rosters.problem import Problem
from tests.scheduler.rosters.test_engine import KINDS, month, people, small, sound_rows


def columns_of(problem: Problem) -> Columns:
    arrays = prepare.build(problem)
    return Columns(arrays, RowFinder(arrays), time.monotonic, lambda _: None)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_rows_keep_to_the_open_cells_and_are_the_best_of_those(data: st.DataObject) -> None:
    days = 5
    person = data.draw(people("a", days))
    problem = Problem(days, KINDS, (person,), (), min_rest=660)
    arrays = prepare.build(problem)
    columns = columns_of(problem)
    closed = data.draw(st.sets(st.tuples(st.integers(0, days - 1), st.integers(0, len(KINDS))), max_size=6))
    open_cells = np.ones((1, days, len(KINDS) + 1), dtype=np.bool_)
    for day, kind in closed:
        open_cells[0, day, kind] = False
    names = [*(kind.id for kind in KINDS), None]
    inside = [
        row
        for row in sound_rows(problem, person)
        if not any(names.index(letter) == kind for day, kind in closed for letter in (row[day],))
    ]
    _, numbers, values = columns.price(columns.pool, np.zeros(len(arrays.table)), [0], open_cells)
    if not inside:
        assert (numbers, values[0]) == ([], np.inf)
    else:
        row = columns.pool.columns[numbers[0]].row
        assert open_cells[0, np.arange(days), row].all()
        assert values[0] == pytest.approx(min(checker.person_cost(problem, person, row) for row in inside))


def best_of_all(problem: Problem) -> float:
    """The cost of the best roster, by trying everything (three people)."""
    choices = [sound_rows(problem, person) for person in problem.people]
    arrays = prepare.build(problem)
    served = []
    for number, rows in enumerate(choices):
        as_numbers = [np.array([-1 if x is None else "EL".index(x) for x in row], dtype=np.int16) for row in rows]
        served.append([
            (arrays.row_cost(number, row), np.bincount(arrays.served(number, row), minlength=len(arrays.table)))
            for row in as_numbers
        ])  # fmt: skip
    line = np.arange(len(arrays.table))
    costs, lines = np.array([cost for cost, _ in served[2]]), np.array([lines for _, lines in served[2]])
    return min(
        float((first + second + costs + arrays.table[line, (a + b)[None] + lines].sum(axis=1)).min())
        for (first, a), (second, b) in itertools.product(served[0], served[1])
    )


def test_the_bound_is_below_the_best_roster_and_a_dive_is_near_it() -> None:
    problem = small()
    best = best_of_all(problem)
    columns = columns_of(problem)
    rows = Search(columns.arrays, RowFinder(columns.arrays), 1, time.monotonic).build([None] * 3)
    assert isinstance(rows, Draft)
    columns.know(rows.copy_rows())
    assert columns.relax(time.monotonic() + 30)
    assert columns.bound <= best
    everything = columns.local(columns.everybody, rows.copy_rows(), np.zeros_like(columns.master.present), 9)
    found = Dive(columns, everything, np.random.default_rng(1)).run(np.inf, time.monotonic() + 30)
    assert found is not None
    dived = Draft(columns.arrays, RowFinder(columns.arrays), found)
    assert best <= dived.cost <= 1.1 * best
    assert checker.breaches(problem, columns.arrays.to_roster(found)) == []
    # below the bound there is nothing to be found
    again = columns.local(columns.everybody, rows.copy_rows(), np.zeros_like(columns.master.present), 9)
    assert Dive(columns, again, np.random.default_rng(1)).run(columns.bound - 1, time.monotonic() + 30) is None


def test_a_dive_of_a_month_is_sound_and_near_its_bound() -> None:
    problem = month()
    news: list[News] = []
    work = Work(Order(problem, "columns", 30, 1), time.monotonic, news.append, list)
    search = Search(work.arrays, work.finder, 1, time.monotonic)
    first = search.build([None] * work.arrays.people)
    assert isinstance(first, Draft)
    columns = Columns(work.arrays, work.finder, time.monotonic, work.tell_bound)
    columns.know(first.copy_rows())
    assert columns.relax(time.monotonic() + 30)
    everything = columns.local(columns.everybody, first.copy_rows(), np.zeros_like(columns.master.present), 40)
    rows = Dive(columns, everything, work.dice).run(np.inf, time.monotonic() + 30)
    assert rows is not None
    draft = Draft(work.arrays, work.finder, rows)
    roster = work.arrays.to_roster(rows)
    assert checker.breaches(problem, roster) == []
    assert columns.bound <= draft.cost == checker.score(problem, roster).total <= 1.02 * columns.bound
    assert columns.bound == max(one.bound for one in news if one.bound is not None)


@pytest.mark.parametrize("scope", ["people", "days"])
def test_rerostering_a_part_never_makes_it_dearer(scope: str) -> None:
    problem = month()
    work = Work(Order(problem, "columns", 60, 1), time.monotonic, lambda _: None, list)
    search = Search(work.arrays, work.finder, 1, time.monotonic)
    draft = search.build([None] * work.arrays.people)
    assert isinstance(draft, Draft)
    work.better(draft)
    columns = Columns(work.arrays, work.finder, time.monotonic, lambda _: None)
    columns.know(work.rows)
    columns.relax(time.monotonic() + 2)
    rerostering = Rerostering(work, columns, search)
    open_cells = None
    chosen = [0, 3, 4, 7, 11]
    if scope == "days":
        chosen = columns.everybody
        open_cells = np.zeros((len(chosen), problem.days, len(problem.kinds) + 1), dtype=np.bool_)
        open_cells[:, 8:13] = True
        for person, row in enumerate(draft.copy_rows()):
            open_cells[person, np.arange(problem.days), row] = True
    before, rows = draft.cost, draft.copy_rows()
    answer = rerostering.reroster(draft, chosen, open_cells)
    assert (draft.cost < before) == (answer is Answer.BETTER)
    for person, (old, new) in enumerate(zip(rows, draft.copy_rows(), strict=True)):
        if person not in chosen:
            assert (old == new).all()
        if open_cells is not None:
            assert open_cells[person, np.arange(problem.days), new].all()
    assert draft.cost == pytest.approx(checker.score(problem, work.arrays.to_roster(draft.copy_rows())).total)
    assert checker.breaches(problem, work.arrays.to_roster(draft.copy_rows())) == []
