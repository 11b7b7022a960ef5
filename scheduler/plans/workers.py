"""Solving children: started, given programs, heard, and killed in the end. They may die at any time; then what they had is given back.

Known to the parent only as a command and two pipes; no solver is imported here.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from scheduler.plans import frames
from scheduler.plans.packing import packed
from scheduler.plans.problem import Ints, Problem

Reals = NDArray[np.float64]
CHILD = "scheduler.plans.highs_child"
MEMORY_MIB = 4096
NICE = 10
"""Children give way to everything else on the machine: to calls above all."""
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Program:
    """min cost x, row_lower <= A x <= row_upper, lower <= x <= upper; A by columns."""

    cost: Reals
    lower: Reals
    upper: Reals
    row_lower: Reals
    row_upper: Reals
    start: NDArray[np.int32]
    index: NDArray[np.int32]
    value: Reals
    whole: NDArray[np.bool_]
    begin: Reals | None = None
    prices: Reals | None = None
    """Of the rows: then it is not solved, but climbed from ``begin`` and these (:mod:`scheduler.plans.ascent`)."""


@dataclass(frozen=True)
class News:
    """What a child said: a better answer, the end of a program, or (``kind`` ``lost``) that it died."""

    worker: int
    kind: str
    job: int
    x: Reals | None = None
    prices: Reals | None = None
    chosen: Ints | None = None
    """A whole plan, from annealing."""
    bound: float = -np.inf
    optimal: bool = False


class Workers:
    """Some children, each with at most one program at a time. Use as a context manager; not thread-safe."""

    def __init__(self, count: int, *, memory_mib: int = MEMORY_MIB, nice: int = NICE) -> None:
        self._memory, self._nice = memory_mib, nice
        self._news: queue.Queue[News] = queue.Queue()
        self._children: list[subprocess.Popen[bytes] | None] = [None] * count
        self._job: list[int | None] = [None] * count
        self._number = 0

    def __enter__(self) -> Workers:
        for worker in range(len(self._children)):
            self._start(worker)
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            if child is not None:
                child.kill()
        for child in self._children:
            if child is not None:
                child.wait()
                _close(child.stdin)
                _close(child.stdout)

    @property
    def idle(self) -> list[int]:
        """Children without a program."""
        return [worker for worker, job in enumerate(self._job) if job is None and self._children[worker] is not None]

    @property
    def pids(self) -> list[int]:
        """Process ids of the living children."""
        return [child.pid for child in self._children if child is not None]

    def give(
        self, worker: int, program: Program, *, seconds: float, gap: float = 0.0, absolute_gap: float = 0.0
    ) -> int:
        """Let an idle child solve; returns the number under which it will tell."""
        arrays: dict[str, NDArray[Any]] = {
            name: getattr(program, name)
            for name in ("cost", "lower", "upper", "row_lower", "row_upper", "start", "index", "value")
        }
        arrays["whole"] = program.whole.astype(np.uint8)
        for name, values in (("begin", program.begin), ("prices", program.prices)):
            if values is not None:
                arrays[name] = values
        kind = "solve" if program.prices is None else "climb"
        head = {"kind": kind, "seconds": seconds, "gap": gap, "absolute_gap": absolute_gap}
        return self._give(worker, head, arrays)

    def give_plan(self, worker: int, problem: Problem, chosen: Ints, *, seconds: float, seed: int, hot: float) -> int:
        """Let an idle child anneal an allowed plan (:mod:`scheduler.plans.anneal`); its news bring plans."""
        head, arrays = packed(problem)
        return self._give(
            worker,
            {**head, "kind": "anneal", "seconds": seconds, "seed": seed, "hot": hot},
            {**arrays, "chosen": chosen},
        )

    def _give(self, worker: int, head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> int:
        self._number += 1
        child = self._children[worker]
        assert child is not None
        self._job[worker] = self._number
        assert child.stdin is not None
        # If it died meanwhile, its listener says so.
        with suppress(OSError):
            frames.write(child.stdin, {**head, "id": self._number}, arrays)  # type: ignore[arg-type]
        return self._number

    def hear(self, seconds: float) -> News | None:
        """The next thing a child says, or none within the time."""
        try:
            news = self._news.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        if news.kind in ("done", "lost"):
            self._job[news.worker] = None
        if news.kind == "lost":
            self._children[news.worker] = None
        return news

    def revive(self, worker: int) -> None:
        """A new child in the place of one that died."""
        if self._children[worker] is None:
            self._start(worker)

    def _start(self, worker: int) -> None:
        child = subprocess.Popen(  # noqa: S603 - our own program with numbers as arguments
            [sys.executable, "-m", CHILD, str(self._memory), str(self._nice)],
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(_ROOT), "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._children[worker] = child
        threading.Thread(target=self._listen, args=(worker, child), daemon=True).start()

    def _listen(self, worker: int, child: subprocess.Popen[bytes]) -> None:
        job = 0
        try:
            assert child.stdout is not None
            while (frame := frames.read(child.stdout)) is not None:  # type: ignore[arg-type]
                head, arrays = frame
                job = int(head["id"])
                bound = head.get("bound")
                self._news.put(
                    News(
                        worker,
                        str(head["kind"]),
                        job,
                        x=arrays.get("x"),
                        prices=arrays.get("prices"),
                        chosen=arrays.get("chosen"),
                        bound=-np.inf if bound is None else float(bound),
                        optimal=bool(head.get("optimal")),
                    )
                )
        except (OSError, ValueError):
            pass
        self._news.put(News(worker, "lost", self._job[worker] or job))


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        with suppress(OSError):
            pipe.close()
