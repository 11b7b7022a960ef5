"""The roster engine on the public shift-scheduling instances of Curtois and Qu, against plain CP-SAT in the same run.

The files are cited data and no part of the project: they are read from ``../shared/benchmarks/nrp`` beside the checkout, or from
the folder that ``TARJUMAN_NRP`` or ``--data`` names, and without it nothing is measured. Every answer is re-scored by the
independent checker. ``--instances``, ``--seconds``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from scheduler.rosters import checker
from scheduler.rosters.engine.runner import solve
from scheduler.rosters.problem import Bar, Cover, Person, Problem, ShiftKind, Wish
from tests.bench.figures import Figure

BEST_KNOWN = {
    1: 607, 2: 828, 3: 1001, 4: 1716, 5: 1143, 6: 1950, 7: 1056, 8: 1300, 9: 439, 10: 4631, 11: 3443, 12: 4040,
    13: 1348, 14: 1278, 15: 3831, 16: 3225, 17: 5746, 18: 4459, 19: 3149, 20: 4769, 21: 21133, 22: 30244, 23: 17428, 24: 42463,
}  # fmt: skip
"""As published at schedulingbenchmarks.org."""
ROOT = Path(__file__).resolve().parents[2]
SHORT_PLAIN = 20.0
"""Seconds of the baseline in ``make bench``, which has five minutes for everything."""
LONG = 600.0
PLAN = {**dict.fromkeys((1, 2, 3, 4, 6), (60.0, 2.0)), **dict.fromkeys((8, 10, 12), (LONG, 5.0))}
"""Seconds and per cent above the best known value that the project is held to."""
ABSENT = "The instance files are not here (TARJUMAN_NRP or --data names their folder): nothing was measured."


def parse(text: str) -> Problem:
    """An instance file as a roster problem. Raises ValueError or IndexError if it is none."""
    sections: dict[str, list[list[str]]] = {}
    rows: list[list[str]] = []
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("SECTION_"):
            rows = sections.setdefault(line.removeprefix("SECTION_"), [])
        elif line and not line.startswith("#"):
            rows.append([field.strip() for field in line.split(",")])
    days = int(sections["HORIZON"][0][0])
    kinds = tuple(ShiftKind(row[0], int(row[1])) for row in sections["SHIFTS"])
    forbidden = {
        (row[0], then) for row in sections["SHIFTS"] for then in (row[2].split("|") if len(row) > 2 and row[2] else [])
    }
    bars = {row[0]: tuple(Bar(int(day)) for day in row[1:]) for row in sections.get("DAYS_OFF", [])}
    people = []
    for name, most, longest, least, max_run, min_run, min_free, weekends in sections["STAFF"]:
        max_of = {kind: int(limit) for kind, limit in (part.split("=") for part in most.split("|"))}
        able = frozenset(kind.id for kind in kinds if max_of.get(kind.id, days) > 0)
        limits = {kind: limit for kind, limit in max_of.items() if 0 < limit < days}
        people.append(Person(
            name, able, int(longest), int(least), int(max_run), int(min_run), int(min_free), int(weekends),
            max_of=limits, bars=bars.get(name, ()),
        ))  # fmt: skip
    wishes = [
        Wish(row[0], int(row[1]), row[2], float(row[3]), on)
        for section, on in (("SHIFT_ON_REQUESTS", True), ("SHIFT_OFF_REQUESTS", False))
        for row in sections.get(section, [])
    ]
    covers = tuple(
        Cover(
            f"{row[0]} {row[1]}", ((int(row[0]), row[1]),), int(row[2]), float(row[3]), float(row[4]), day=int(row[0])
        )
        for row in sections["COVER"]
    )
    return Problem(days, kinds, tuple(people), covers, tuple(wishes), frozenset(forbidden))


def load(folder: Path, number: int) -> Problem:
    """One instance by its number. Raises OSError if the file is missing."""
    return parse((folder / f"Instance{number}.txt").read_text(encoding="utf-8"))


def plain_cpsat(problem: Problem, seconds: float) -> dict[str, tuple[str | None, ...]]:
    """The baseline: one CP-SAT model with a yes/no for each person, day and kind, two workers. Not for the server's process."""
    from ortools.sat.python import cp_model

    model: Any = cp_model.CpModel()
    names = [kind.id for kind in problem.kinds]
    works = {
        (p.id, day, kind): model.new_bool_var("")
        for p in problem.people
        for day in range(problem.days)
        for kind in names
    }
    costs: list[Any] = []
    for p in problem.people:
        on = [model.new_bool_var("") for _ in range(problem.days)]
        for day in range(problem.days):
            model.add(sum(works[p.id, day, kind] for kind in names) == on[day])
            for first, then in problem.successions if day else ():
                model.add_at_most_one(works[p.id, day - 1, first], works[p.id, day, then])
            for kind in names:
                if kind not in p.kinds or any(bar.day == day and bar.kind in (None, kind) for bar in p.bars):
                    model.add(works[p.id, day, kind] == 0)
        for kind, limit in p.max_of.items():
            model.add(sum(works[p.id, day, kind] for day in range(problem.days)) <= limit)
        minutes = sum(problem.kind[k].minutes * works[p.id, d, k] for d in range(problem.days) for k in names)
        model.add_linear_constraint(minutes, p.min_minutes, p.max_minutes)
        for start in range(problem.days - p.max_run):
            model.add(sum(on[start : start + p.max_run + 1]) <= p.max_run)
        for worked, least in ((True, p.min_run), (False, p.min_days_off)):
            for length in range(1, least):
                for start in range(1, problem.days - length):
                    inside = on[start : start + length]
                    ends = (on[start - 1], on[start + length])
                    model.add_bool_or(
                        [*ends, *(x.negated() for x in inside)] if worked else [*(x.negated() for x in ends), *inside]
                    )
        weekends = []
        for days in problem.weekends:
            any_day = model.new_bool_var("")
            model.add_max_equality(any_day, [on[day] for day in days])
            weekends.append(any_day)
        model.add(sum(weekends) <= (len(weekends) if p.max_weekends is None else p.max_weekends))
    for wish in problem.wishes:
        met = works[wish.person, wish.day, str(wish.kind)]
        costs.append(int(wish.weight) * (1 - met if wish.on else met))
    for cover in problem.covers:
        there = sum(works[p.id, day, kind] for p in problem.people for day, kind in cover.cells)
        under, over = (model.new_int_var(0, len(problem.people), "") for _ in range(2))
        model.add(there + under - over == cover.required)
        costs += [int(cover.under) * under, int(cover.over) * over]
    model.minimize(sum(costs))
    solver: Any = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 2
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return {}
    return {
        p.id: tuple(next((k for k in names if solver.value(works[p.id, day, k])), None) for day in range(problem.days))
        for p in problem.people
    }


def plain_apart(folder: Path, number: int, seconds: float) -> float:
    """The baseline's value by the checker, from a process of its own; infinite without a sound roster."""
    command = [
        sys.executable,
        "-m",
        "tests.bench.bench_nrp",
        "--data",
        str(folder),
        "--plain",
        str(number),
        "--seconds",
    ]
    done = subprocess.run(
        [*command, str(seconds)], capture_output=True, text=True, timeout=seconds * 3 + 60, check=False
    )
    if done.returncode != 0:
        return float("inf")
    roster = {name: tuple(row) for name, row in json.loads(done.stdout).items()}
    problem = load(folder, number)
    return float("inf") if checker.breaches(problem, roster) else checker.score(problem, roster).total


def measure(folder: Path, numbers: list[int], seconds: float | None, plain: float | None) -> list[Figure]:
    """One figure for each instance: per cent above the best known value. ``plain``: seconds of the baseline, 0 for the same."""
    found: list[Figure] = []
    for number in numbers:
        problem = load(folder, number)
        limit_seconds, limit = PLAN.get(number, (LONG, None))
        spent = limit_seconds if seconds is None else seconds
        result = solve(problem, seconds=spent)
        value = float("inf")
        if result.roster is not None and not checker.breaches(problem, result.roster):
            value = checker.score(problem, result.roster).total
        best = BEST_KNOWN.get(number)
        note = f"{value:.0f}, best known {best}, own bound {result.bound:.0f}, {result.seconds:.0f} of {spent:.0f} s"
        if plain is not None:
            note += f"; plain CP-SAT {plain_apart(folder, number, plain or spent):.0f} in {plain or spent:.0f} s"
        excess = 100 * (value / best - 1) if best else float("nan")
        found.append(Figure(f"instance {number}: above the best known", excess, "%", limit=limit, note=note))
        print(f"  {found[-1].name}: {excess:.2f} % ({note}) {found[-1].verdict}", flush=True)
    return found


def data_folder() -> Path:
    """Where the instance files should be."""
    return Path(os.environ.get("TARJUMAN_NRP", ROOT.parent / "shared/benchmarks/nrp"))


def run() -> list[Figure]:
    """For ``make bench``: the instances with a target of one minute."""
    if not data_folder().is_dir():
        print(ABSENT)
        return []
    return measure(data_folder(), [1, 2, 3, 4, 6], None, SHORT_PLAIN)


def main() -> int:
    """Print the table; 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--instances", type=int, nargs="*", default=[1, 2, 3, 4, 6])
    parser.add_argument("--seconds", type=float, help="instead of the seconds of the target")
    parser.add_argument("--no-plain", action="store_true", help="without the CP-SAT baseline")
    parser.add_argument("--plain", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.data.is_dir():
        print(ABSENT)
        return 0
    if options.plain is not None:
        print(json.dumps(plain_cpsat(load(options.data, options.plain), options.seconds)))
        return 0
    plain = None if options.no_plain else 0.0
    figures = measure(options.data, options.instances, options.seconds, plain)
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
