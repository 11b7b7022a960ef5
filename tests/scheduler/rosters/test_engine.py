"""The roster engine: single rows against enumeration, whole rosters against brute force, and children that die, lie or are cancelled."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler.rosters import checker
from scheduler.rosters.engine import arrays as prepare
from scheduler.rosters.engine import jit, kernel, runner
from scheduler.rosters.engine.ahead import compile_ahead
from scheduler.rosters.engine.draft import Draft
from scheduler.rosters.engine.jit import cache_folder
from scheduler.rosters.engine.messages import Failure, News, encode_news
from scheduler.rosters.engine.rows import RowFinder
from scheduler.rosters.engine.runner import RosterRun, solve
from scheduler.rosters.engine.search import Search
from scheduler.rosters.problem import Bar, Cover, History, Person, Pin, Problem, Roster, ShiftKind, Threshold, Wish
from tests.bench.bench_nrp import parse

KINDS = (ShiftKind("E", 480, 360), ShiftKind("L", 240, 840), ShiftKind("N", 480, 1320, night=True))
READY = """#!/bin/sh
echo '{"ready":true}'
read order
"""
"""A child that takes its order."""
LETTERS: tuple[str | None, ...] = (None, "E", "L", "N")


@st.composite
def people(draw: st.DrawFn, name: str, days: int) -> Person:
    """Somebody with limits that bind often."""
    max_run = draw(st.integers(1, 4))
    history = draw(st.sampled_from([None, History(None, 1), History("E", 1), History("N", 2), History(None, 3)]))
    return Person(
        id=name,
        kinds=frozenset(draw(st.sets(st.sampled_from("ELN"), min_size=1))),
        max_minutes=draw(st.sampled_from([960, 1440, 2400])),
        min_minutes=draw(st.sampled_from([0, 0, 480])),
        max_run=max_run,
        min_run=draw(st.integers(1, min(2, max_run))),
        min_days_off=draw(st.integers(1, 3)),
        max_weekends=draw(st.sampled_from([None, 0, 1])),
        max_week_minutes=draw(st.sampled_from([None, 960])),
        max_of=draw(st.sampled_from([{}, {"N": 1}, {"E": 1, "L": 1}, {"E": 0}])),
        bars=draw(st.sampled_from([(), (Bar(1),), (Bar(2, "E"), Bar(4, "L"))])),
        pins=draw(st.sampled_from([(), (), (Pin(days - 1, "E"),), (Pin(0, None),)])),
        history=history,
        groups=frozenset(draw(st.sets(st.just("women")))),
        short=draw(st.sampled_from([(), (Threshold(960, 6.0), Threshold(480, 12.0))])),
        long=draw(st.sampled_from([(), (Threshold(720, 3.0),)])),
        nights=draw(st.sampled_from([(), (Threshold(0, 7.0), Threshold(1, 9.0))])),
        weekends=draw(st.sampled_from([(), (Threshold(0, 4.0),)])),
    )


def sound_rows(problem: Problem, person: Person) -> list[tuple[str | None, ...]]:
    """Every row that keeps the hard rules, by the checker; a kind that the person never works is in none of them."""
    letters = [letter for letter in LETTERS if letter is None or letter in person.kinds]
    rows = itertools.product(letters, repeat=problem.days)
    return [row for row in rows if not checker.row_breaches(problem, person, row)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_best_row_is_the_best_of_all_rows(data: st.DataObject) -> None:
    days = 5
    person = data.draw(people("a", days))
    problem = Problem(days, KINDS, (person,), (), min_rest=660, first_weekday=data.draw(st.sampled_from([0, 3, 4, 6])))
    cost = st.lists(st.integers(-9, 9), min_size=days, max_size=days)
    columns = {letter: data.draw(cost) for letter in LETTERS}
    arrays = prepare.build(problem)
    cells = np.array([columns[kind.id] for kind in KINDS], dtype=np.float64).T
    cells = np.where(arrays.allowed[0], cells, np.inf)
    free = np.where(arrays.free_allowed[0], np.array(columns[None], dtype=np.float64), np.inf)
    found = RowFinder(arrays).best(0, cells, free)
    every = [
        sum(columns[letter][day] for day, letter in enumerate(row)) + checker.person_cost(problem, person, row)
        for row in sound_rows(problem, person)
    ]
    if found is None:
        assert every == []
    else:
        row = arrays.to_roster([found.row])["a"]
        assert checker.row_breaches(problem, person, row) == []
        assert found.cost == pytest.approx(min(every)) == pytest.approx(found.bound)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_engine_and_the_judge_count_the_same(data: st.DataObject) -> None:
    days = 5
    members = tuple(data.draw(people(name, days)) for name in "ab")
    cells = st.lists(st.tuples(st.integers(0, days - 1), st.sampled_from("ELN")), min_size=1, max_size=4, unique=True)
    covers = tuple(
        Cover(str(n), tuple(data.draw(cells)), data.draw(st.integers(0, 2)), 10.0, data.draw(st.sampled_from([0.0, 1.0])),
              group=data.draw(st.sampled_from([None, "women"])))
        for n in range(6)
    )  # fmt: skip
    wishes = tuple(
        Wish(data.draw(st.sampled_from("ab")), data.draw(st.integers(0, days - 1)), data.draw(st.sampled_from(LETTERS)), 2.0,
             data.draw(st.booleans()))
        for _ in range(4)
    )  # fmt: skip
    problem = Problem(days, KINDS, members, covers, wishes, min_rest=660)
    row = st.lists(st.sampled_from(LETTERS), min_size=days, max_size=days).map(tuple)
    roster: Roster = {name: data.draw(row) for name in "ab"}
    arrays = prepare.build(problem)
    draft = Draft(arrays, RowFinder(arrays), arrays.to_rows(roster))
    assert draft.cost == pytest.approx(checker.score(problem, roster).total)
    assert arrays.to_roster(draft.copy_rows()) == roster


def small() -> Problem:
    """Three people, five days, two kinds: brute force can try every roster."""
    kinds = (ShiftKind("E", 480, 360), ShiftKind("L", 480, 840))
    members = tuple(
        Person(name, frozenset("EL"), 1440, 480, max_run=3, min_run=1, min_days_off=1, weekends=(Threshold(0, 3.0),))
        for name in "abc"
    )
    covers = tuple(
        Cover(f"{day}{kind}", ((day, kind),), 1 + (day + (kind == "E")) % 2, 20.0, 1.0)
        for day in range(5)
        for kind in "EL"
    )
    wishes = (Wish("a", 0, "L", 2.0, on=True), Wish("b", 1, None, 5.0, on=False), Wish("c", 2, "E", 3.0, on=False))
    return Problem(5, kinds, members, covers, wishes, min_rest=660, first_weekday=3)


def test_a_small_roster_is_as_good_as_any() -> None:
    problem = small()
    choices = [sound_rows(problem, person) for person in problem.people]
    arrays = prepare.build(problem)
    served = [
        [(arrays.row_cost(p, r), np.bincount(arrays.served(p, r), minlength=len(arrays.table)))
         for r in (np.array([-1 if x is None else "EL".index(x) for x in row], dtype=np.int16) for row in rows)]
        for p, rows in enumerate(choices)
    ]  # fmt: skip
    table, line, third = arrays.table, np.arange(len(arrays.table)), served[2]
    last_costs, last = np.array([cost for cost, _ in third]), np.array([lines for _, lines in third])
    best = min(
        float((first + second + last_costs + table[line, (a + b)[None] + last].sum(axis=1)).min())
        for (first, a), (second, b) in itertools.product(served[0], served[1])
    )
    heard: list[float] = []
    result = solve(problem, seconds=8, workers=1, on_better=lambda _roster, cost, _bound: heard.append(cost))
    assert result.roster is not None
    assert result.cost == pytest.approx(best) == pytest.approx(checker.score(problem, result.roster).total)
    assert heard == sorted(heard, reverse=True)
    assert heard[-1] == result.cost
    assert result.bound <= result.cost
    assert result.refused == 0


def month() -> Problem:
    """Large enough that the engine is not done before it is interrupted."""
    kinds = (
        ShiftKind("E", 480, 360),
        ShiftKind("D", 480, 540),
        ShiftKind("L", 480, 840),
        ShiftKind("N", 480, 1320, night=True),
    )
    members = tuple(
        Person(f"p{n}", frozenset("EDL" if n % 3 else "ELN"), 9600, 7200, 5, 2, 2, 2, bars=(Bar(n % 28),))
        for n in range(24)
    )
    covers = tuple(
        Cover(f"{day}{kind}", ((day, kind),), 2 + (day * 7 + ord(kind)) % 3, 100.0, 1.0)
        for day in range(28)
        for kind in "EDLN"
    )
    wishes = tuple(
        Wish(f"p{n}", (n * 5 + k * 3) % 28, "EDLN"[(n + k) % 4], 1.0 + k, k % 2 == 0)
        for n in range(24)
        for k in range(4)
    )
    return Problem(28, kinds, members, covers, wishes, min_rest=660)


async def test_killed_children_leave_the_last_good_roster() -> None:
    better = asyncio.Event()
    run = RosterRun(month(), seconds=60, workers=2, on_better=lambda *_: better.set())
    task = asyncio.create_task(run.run())
    async with asyncio.timeout(60):
        await better.wait()
        for pid in run.pids:
            os.kill(pid, signal.SIGKILL)
        result = await task
    assert result.roster is not None
    assert checker.breaches(month(), result.roster) == []
    assert result.cost == checker.score(month(), result.roster).total


async def test_cancel_ends_the_children_and_keeps_the_roster() -> None:
    better = asyncio.Event()
    run = RosterRun(month(), seconds=60, workers=1, on_better=lambda *_: better.set())
    task = asyncio.create_task(run.run())
    async with asyncio.timeout(60):
        await better.wait()
        run.cancel()
        result = await task
    assert result.roster is not None
    for pid in run.pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_child_that_lies_is_not_believed(tmp_path: Path) -> None:
    liar = tmp_path / "python"
    rows = '{"a":["E","E","E","E","E"],"b":[null,null,null,null,null],"c":["X"]}'
    liar.write_text(f"{READY}echo '{{\"cost\":0,\"rows\":{rows}}}'\necho 'half a li'\n", encoding="utf-8")
    liar.chmod(0o700)
    result = await RosterRun(small(), seconds=10, workers=1, python=str(liar)).run()
    assert (result.roster, result.refused, result.failure) == (None, 1, Failure.REFUSED)


async def test_a_start_is_kept_when_nothing_better_is_found(tmp_path: Path) -> None:
    mute = tmp_path / "python"
    mute.write_text(READY, encoding="utf-8")
    mute.chmod(0o700)
    problem = small()
    start = {person.id: sound_rows(problem, person)[0] for person in problem.people}
    result = await RosterRun(problem, seconds=10, workers=1, start=start, python=str(mute)).run()
    assert result.roster == start


async def test_time_runs_from_when_a_child_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first start with an empty cache, and less time than compiling takes: there is a roster, and the code is kept."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(runner, "GRACE", 0.5)
    result = await RosterRun(month(), seconds=0.2, workers=1).run()
    assert result.roster is not None
    assert checker.breaches(month(), result.roster) == []
    assert list((tmp_path / "cache").rglob("kernel.best_row-*.nbc"))


async def test_a_child_starved_of_time_is_waited_for_until_its_first_roster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ready, and then nothing for much longer than the time and the grace: the first roster still counts."""
    monkeypatch.setattr(runner, "GRACE", 0.05)
    problem = small()
    rows = {person.id: sound_rows(problem, person)[0] for person in problem.people}
    told = News(cost=1.0, rows=rows)
    starved = tmp_path / "python"
    starved.write_text(f"{READY}sleep 0.7\ncat <<'END'\n{encode_news(told).decode()}END\n", encoding="utf-8")
    starved.chmod(0o700)
    result = await RosterRun(problem, seconds=0.1, workers=1, python=str(starved)).run()
    assert (result.roster, result.failure) == (rows, None)


@pytest.mark.parametrize(
    ("script", "failure"),
    [("exit 1\n", Failure.BROKEN), ("sleep 30\n", Failure.TOO_SLOW), ('echo \'{"stuck":"b"}\'\n', Failure.NO_ROW)],
)
async def test_a_run_without_a_roster_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, failure: Failure
) -> None:
    monkeypatch.setattr(runner, "FIRST_LIMIT", 0.3)
    child = tmp_path / "python"
    child.write_text(READY + script, encoding="utf-8")
    child.chmod(0o700)
    result = await RosterRun(small(), seconds=0.1, workers=1, python=str(child)).run()
    assert (result.roster, result.failure) == (None, failure)
    assert result.person == ("b" if failure is Failure.NO_ROW else None)


async def test_a_child_that_is_never_ready_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "START_LIMIT", 0.2)
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nsleep 30\n", encoding="utf-8")
    hanging.chmod(0o700)
    result = await RosterRun(small(), seconds=10, workers=1, python=str(hanging)).run()
    assert (result.roster, result.failure) == (None, Failure.TOO_SLOW)


def test_somebody_without_a_row_is_named() -> None:
    problem = small()
    first, *others = problem.people
    barred = replace(first, bars=(Bar(2),), pins=(Pin(2, "E"),))
    result = solve(replace(problem, people=(barred, *others)), seconds=5, workers=1)
    assert (result.roster, result.failure, result.person) == (None, Failure.NO_ROW, first.id)


def test_who_cannot_be_searched_keeps_the_pins_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the best row takes too much memory, the first roster still comes: those people work what is pinned."""
    problem = small()
    pinned = replace(
        problem, people=(replace(problem.people[0], pins=(Pin(1, "L"),), min_minutes=0), *problem.people[1:])
    )
    arrays = prepare.build(pinned)
    best = Draft.best_row

    def without_memory(draft: Draft, person: int, noise: object = None, held: object = None, **more: int) -> object:
        return None if held is None and person == 0 else best(draft, person, noise, held, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Draft, "best_row", without_memory)
    draft = Search(arrays, RowFinder(arrays), 1, time.monotonic).build([None] * 3)
    assert isinstance(draft, Draft)
    roster = arrays.to_roster(draft.copy_rows())
    assert roster["a"] == (None, "L", None, None, None)
    assert checker.breaches(pinned, roster) == []


def test_what_is_compiled_ahead_is_all_that_a_search_uses() -> None:
    compile_ahead()
    functions: list[Any] = [kernel.best_row, kernel.cell_sums, kernel.move_lines]
    before = [len(one.signatures) for one in functions]
    problem = month()
    arrays = prepare.build(problem)
    search = Search(arrays, RowFinder(arrays), 1, time.monotonic)
    draft = search.build([None] * arrays.people)
    assert isinstance(draft, Draft)
    search.run(draft, time.monotonic() + 0.3, lambda _: None)
    assert [len(one.signatures) for one in functions] == before


def test_machine_code_is_kept_where_nobody_else_can_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "installed"
    here.mkdir()
    (here / "kernel.py").write_text("1", encoding="utf-8")
    monkeypatch.setattr(jit, "_HERE", here)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    beside = cache_folder({})
    assert beside is not None
    assert beside.parent == here / "__pycache__"
    (here / "kernel.py").write_text("2", encoding="utf-8")
    assert cache_folder({}) != beside, "each version has its own"
    beside.parent.chmod(0o777)
    home = cache_folder({"HOME": str(tmp_path / "home")})
    assert home is not None
    assert home.parent == tmp_path / "home/.cache/tarjuman"
    assert home.stat().st_mode & 0o077 == 0
    last = cache_folder({"XDG_CACHE_HOME": "/dev/null"})
    assert last is not None
    assert last.parent == tmp_path / f"tarjuman-{os.getuid()}"
    last.chmod(0o777)
    assert cache_folder({"XDG_CACHE_HOME": "/dev/null"}) is None, "somebody else may have put code there"


def test_the_parent_loads_no_solver() -> None:
    code = (
        "import sys, scheduler.rosters.engine.runner, scheduler.rosters.desk; "
        "sys.exit(bool({'numba', 'highspy', 'ortools', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_an_instance_file_becomes_a_problem() -> None:
    text = """
SECTION_HORIZON
# days
14
SECTION_SHIFTS
E,480,
L,600,E
SECTION_STAFF
# ID, MaxShifts, MaxTotalMinutes, MinTotalMinutes, MaxConsecutive, MinConsecutive, MinConsecutiveDaysOff, MaxWeekends
A,E=14|L=3,4320,3360,5,2,3,1
B,E=0|L=14,4320,0,6,1,2,2
SECTION_DAYS_OFF
A,0,4
SECTION_SHIFT_ON_REQUESTS
A,2,L,2
SECTION_SHIFT_OFF_REQUESTS
B,3,L,1
SECTION_COVER
0,E,5,100,1
"""
    problem = parse(text)
    first, second = problem.people
    assert (problem.days, problem.forbidden) == (14, frozenset({("L", "E")}))
    assert (first.max_of, first.max_run, first.min_run, first.min_days_off, first.max_weekends) == (
        {"L": 3},
        5,
        2,
        3,
        1,
    )
    assert (first.bars, second.kinds) == ((Bar(0), Bar(4)), frozenset({"L"}))
    assert problem.wishes == (Wish("A", 2, "L", 2.0, on=True), Wish("B", 3, "L", 1.0, on=False))
    assert (problem.covers[0].required, problem.covers[0].under, problem.covers[0].over) == (5, 100.0, 1.0)
