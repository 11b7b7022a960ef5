"""Compiles the engine's inner loops before anybody's time runs: ``python -m scheduler.rosters.engine.ahead`` after installing.

Each child does it too, before it takes its order: with the machine code in the cache that is a moment, without it some
seconds of processor time, which would otherwise be taken from the first search, or never end within a short one.
"""

from __future__ import annotations

import numpy as np

from scheduler.rosters.engine import arrays as prepare
from scheduler.rosters.engine.draft import Draft
from scheduler.rosters.engine.rows import RowFinder
from scheduler.rosters.problem import Cover, Person, Problem, ShiftKind


def compile_ahead() -> None:
    """Go once through all compiled functions, with the kinds of arguments that every problem has."""
    kinds = (ShiftKind("E", 480, 360), ShiftKind("N", 360, 1320, night=True))
    # a limit on minutes of the week is counted once a row breaks it
    person = Person("a", frozenset("EN"), 4800, max_week_minutes=480, max_of={"N": 1})
    covers = tuple(Cover(f"{day}", ((day, "E"), (day, "N")), 1, 10.0, 1.0) for day in range(7))
    arrays = prepare.build(Problem(7, kinds, (person,), covers, min_rest=660))
    draft = Draft(arrays, RowFinder(arrays), [None])
    found = draft.best_row(0, np.zeros((arrays.days, len(arrays.units))))
    if found is None:
        raise RuntimeError("the engine finds no row for somebody who may work every day")
    draft.put(0, found.row, found.cost)
    draft.take(0)


if __name__ == "__main__":
    compile_ahead()
