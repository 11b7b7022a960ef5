"""The child process that solves with HiGHS: a linear or mixed-integer program in, streamed better answers and the bound out.

Or it anneals a whole plan.
The only place that knows highspy. It holds no state between programs, ends when its parent's pipe does, and may be killed
at any moment: whoever asked keeps the last answer that was streamed.
"""

from __future__ import annotations

import os
import queue
import resource
import sys
import threading
import time
from typing import Any, BinaryIO

import highspy
import numpy as np
from numpy.typing import NDArray

from scheduler.plans import frames

_CLIMB_INTERVAL = 1.0
"""Seconds between two answers of a climb, at least; the parent looks at every option of the plan for each."""
_ANNEAL_INTERVAL = 2.0
"""The same of annealing: each answer is checked as a whole."""
_ANSWERS = 30
"""Answers of a climb or of annealing, at most."""
Frame = tuple[dict[str, Any], dict[str, NDArray[Any]]]


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Solve what comes until the pipe ends."""
    waiting: queue.Queue[Frame | None] = queue.Queue()

    def listen() -> None:
        while (frame := frames.read(requests)) is not None:
            waiting.put(frame)
        # Nobody listens any more: whatever is being solved is of no use.
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while (frame := waiting.get()) is not None:
        head, arrays = frame
        if head["kind"] == "solve":
            solve(head, arrays, answers)
        elif head["kind"] == "climb":
            climb(head, arrays, answers)
        elif head["kind"] == "anneal":
            anneal(head, arrays, answers)


def solve(head: dict[str, Any], arrays: dict[str, NDArray[Any]], answers: BinaryIO) -> None:
    """One program: minimise ``cost`` x, ``row_lower`` <= A x <= ``row_upper`` (columns of A as start, index, value)."""
    model: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    whole = arrays["whole"].astype(bool)
    for name, value in (
        ("output_flag", False),
        ("threads", 1),
        ("time_limit", float(head["seconds"])),
        ("mip_rel_gap", float(head["gap"])),
        ("mip_abs_gap", float(head["absolute_gap"])),
    ):
        model.setOptionValue(name, value)
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = len(arrays["cost"]), len(arrays["row_upper"])
    program.col_cost_ = arrays["cost"]
    program.col_lower_, program.col_upper_ = arrays["lower"], arrays["upper"]
    program.row_lower_, program.row_upper_ = arrays["row_lower"], arrays["row_upper"]
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_, program.a_matrix_.index_ = arrays["start"], arrays["index"]
    program.a_matrix_.value_ = arrays["value"]
    mixed = bool(whole.any())
    if mixed:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        program.integrality_ = [kinds[flag] for flag in arrays["whole"].tolist()]
    model.passModel(program)
    if "begin" in arrays:
        begin = highspy.HighsSolution()
        begin.col_value = arrays["begin"].tolist()
        model.setSolution(begin)
    ident = head["id"]
    if mixed:

        def better(event: Any) -> None:
            found = np.array(event.data_out.mip_solution, dtype=np.float64)
            frames.write(answers, {"kind": "better", "id": ident}, {"x": found})

        model.cbMipImprovingSolution.subscribe(better)
    model.run()
    info = model.getInfo()
    solution = model.getSolution()
    optimal = model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    found = solution.value_valid and info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    if mixed:
        bound = info.mip_dual_bound
    else:
        bound = info.objective_function_value if optimal else -np.inf
    out = {"kind": "done", "id": ident, "optimal": optimal, "bound": float(bound) if np.isfinite(bound) else None}
    values: dict[str, NDArray[Any]] = {}
    if found:
        values["x"] = np.array(solution.col_value, dtype=np.float64)
    if solution.dual_valid and not mixed:
        values["prices"] = np.array(solution.row_dual, dtype=np.float64)
    frames.write(answers, out, values)


def climb(head: dict[str, Any], arrays: dict[str, NDArray[Any]], answers: BinaryIO) -> None:
    """A large linear program, never exactly: prices that get better while time lasts (:mod:`scheduler.plans.ascent`)."""
    # only the child that climbs loads scipy
    from scipy import sparse

    from scheduler.plans.ascent import Shape, ascend

    size = (len(arrays["row_upper"]), len(arrays["cost"]))
    matrix = sparse.csc_matrix((arrays["value"], arrays["index"], arrays["start"]), shape=size)
    equal = np.isfinite(arrays["row_lower"])
    shape = Shape(matrix.tocsr(), arrays["cost"], arrays["lower"], arrays["upper"], arrays["row_upper"], equal)
    end, told = time.monotonic() + float(head["seconds"]), time.monotonic()

    pause = max(_CLIMB_INTERVAL, float(head["seconds"]) / _ANSWERS)

    def report(x: NDArray[Any], prices: NDArray[Any]) -> None:
        nonlocal told
        if time.monotonic() >= told + pause:
            told = time.monotonic()
            frames.write(answers, {"kind": "better", "id": head["id"]}, {"x": x, "prices": prices})

    ascend(shape, arrays["begin"], arrays["prices"], over=lambda: time.monotonic() >= end, report=report)
    frames.write(answers, {"kind": "done", "id": head["id"], "optimal": False, "bound": None}, {})


def anneal(head: dict[str, Any], arrays: dict[str, NDArray[Any]], answers: BinaryIO) -> None:
    """A whole plan that gets better while time lasts (:mod:`scheduler.plans.anneal`)."""
    # only the child that anneals loads the compiler
    from scheduler.plans.anneal import Annealing
    from scheduler.plans.packing import unpacked

    began = told = time.monotonic()
    work = Annealing(unpacked(head, arrays), arrays["chosen"], int(head["seed"]), float(head["hot"]))
    pause = max(_ANNEAL_INTERVAL, float(head["seconds"]) / _ANSWERS)

    def report(chosen: NDArray[Any]) -> None:
        nonlocal told
        if time.monotonic() >= told + pause:
            told = time.monotonic()
            frames.write(answers, {"kind": "better", "id": head["id"]}, {"chosen": chosen})

    work.run(lambda: (time.monotonic() - began) / float(head["seconds"]), report)
    frames.write(answers, {"kind": "done", "id": head["id"], "optimal": False, "bound": None}, {"chosen": work.plan})


def main() -> None:
    """Run as a program; the arguments are the most memory in MiB, and how far it gives way to others."""
    os.nice(int(sys.argv[2]))
    most = int(sys.argv[1]) * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    # What a library prints must not get between the frames.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
