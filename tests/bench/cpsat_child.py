"""The same rows and columns given to plain CP-SAT, with the greedy plan as a complete hint: for comparison, in a process of its own."""

from __future__ import annotations

import sys

import numpy as np
from ortools.sat.python import cp_model

from scheduler.plans import frames


def main() -> None:
    """One program in over the pipe, the best answer out."""
    frame = frames.read(sys.stdin.buffer)
    assert frame is not None
    head, arrays = frame
    model = cp_model.CpModel()
    columns = [model.new_int_var(0, int(width), "") for width in arrays["width"]]
    start, index, value = arrays["start"], arrays["index"], arrays["value"]
    for row, (upper, equal) in enumerate(zip(arrays["upper"].tolist(), arrays["equal"].tolist(), strict=True)):
        span = slice(int(start[row]), int(start[row + 1]))
        total = cp_model.LinearExpr.weighted_sum([columns[col] for col in index[span]], value[span].tolist())
        if equal:
            model.add(total == upper)
        else:
            model.add(total <= upper)
    model.minimize(cp_model.LinearExpr.weighted_sum(columns, arrays["cost"].tolist()))
    for column, hint in zip(columns, arrays["hint"].tolist(), strict=True):
        model.add_hint(column, hint)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = float(head["seconds"])
    solver.parameters.num_workers = 2
    found = solver.solve(model) in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    values = np.array([solver.value(column) for column in columns] if found else [], dtype=np.int64)
    frames.write(sys.stdout.buffer, {"bound": solver.best_objective_bound, "found": found}, {"x": values})


if __name__ == "__main__":
    main()
