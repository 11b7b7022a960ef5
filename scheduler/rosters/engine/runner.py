"""Runs roster engines in child processes, judges and keeps what they find, and hands it on. What the server imports.

A child may be killed, hang or lie: every roster passes the independent checker before it counts, the best one so far is kept
here, and children are ended at the time limit, at cancel and when this process ends (they see their input close).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.clock import Clock, SystemClock
from scheduler.rosters import checker
from scheduler.rosters.engine.messages import News, Order, Result, Rows, decode_news, encode_news, encode_order
from scheduler.rosters.problem import Problem, Roster

LINE_LIMIT = 64 * 1024 * 1024
"""Longest line of a child, in bytes."""
GRACE = 3.0
"""Seconds after the time limit at which a child that still runs is ended by force."""
WRITE_LIMIT = 5.0
"""Seconds that a child may take to accept a line."""

OnBetter = Callable[[Roster, float, float], None]
"""Called in the event loop with each better roster, its cost by the checker, and the best bound so far."""


class RosterRun:
    """One solve. ``run()`` once; ``cancel()`` from the same event loop; ``result`` at any time."""

    def __init__(
        self, problem: Problem, *, seconds: float, workers: int = 2, start: Roster | None = None,
        on_better: OnBetter | None = None, seed: int = 1, python: str = sys.executable, clock: Clock | None = None,
    ) -> None:  # fmt: skip
        """``start``: rows to begin from; rows that break a rule are made anew. ``workers``: processes, 1 to 8."""
        if not 1 <= workers <= 8 or seconds <= 0:
            raise ValueError("workers must be 1 to 8, seconds positive")
        self._problem, self._seconds, self._seed, self._python = problem, seconds, seed, python
        self._clock = clock or SystemClock()
        self._roles = ["columns", *["search"] * (workers - 1)]
        self._on_better = on_better
        self._start = self._sound(start)
        self._best: Rows | None = None
        self._cost, self._bound = float("inf"), float("-inf")
        self._refused = 0
        self._children: list[asyncio.subprocess.Process] = []
        self._cancelled = asyncio.Event()
        self._began = self._clock.monotonic()
        self._took: float | None = None

    def _sound(self, start: Roster | None) -> Rows | None:
        if start is None:
            return None
        people = [p for p in self._problem.people if len(start.get(p.id, ())) == self._problem.days]
        return {p.id: start[p.id] for p in people if not checker.row_breaches(self._problem, p, start[p.id])}

    @property
    def result(self) -> Result:
        """The best so far."""
        seconds = self._clock.monotonic() - self._began if self._took is None else self._took
        return Result(self._best, self._cost, min(self._bound, self._cost), seconds, self._refused)

    @property
    def pids(self) -> list[int]:
        """Process ids of the children."""
        return [child.pid for child in self._children]

    def cancel(self) -> None:
        """End early; ``run()`` then returns what there is."""
        self._cancelled.set()

    async def run(self) -> Result:
        """Solve until the time is over, the best roster is proven, all children have ended, or ``cancel()``."""
        self._began = self._clock.monotonic()
        if self._start is not None and len(self._start) == len(self._problem.people):
            self._take(self._start)
        cancelled = asyncio.create_task(self._cancelled.wait())
        readers: list[asyncio.Task[None]] = []
        tasks: list[asyncio.Task[Any]] = [cancelled]
        try:
            for number, role in enumerate(self._roles):
                child = await asyncio.create_subprocess_exec(
                    self._python, "-m", "scheduler.rosters.engine.child",
                    stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                    limit=LINE_LIMIT, env=_environment(), start_new_session=True,
                )  # fmt: skip
                self._children.append(child)
                left = max(0.1, self._seconds - (self._clock.monotonic() - self._began))
                order = Order(self._problem, role, left, self._seed + number, self._start)
                readers.append(asyncio.create_task(self._follow(child, order)))
            everything = asyncio.create_task(asyncio.wait(readers))
            tasks.append(everything)
            await asyncio.wait(
                {everything, cancelled}, timeout=self._seconds + GRACE, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            self._took = self._clock.monotonic() - self._began
            tasks += readers
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for child in self._children:
                # not child.kill(): it would reap a child that just ended, before the event loop can
                if child.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child.pid, signal.SIGKILL)
                await child.wait()
        return self.result

    async def _follow(self, child: asyncio.subprocess.Process, order: Order) -> None:
        """Give a child its order and take its news until it ends."""
        if not await _send(child, encode_order(order)) or child.stdout is None:
            return
        while line := await child.stdout.readline():
            try:
                news = decode_news(line)
            except ValueError:
                continue  # half a line of a child that was killed
            if news.bound is not None and news.bound > self._bound:
                self._bound = news.bound
                await self._pass_on(child, News(bound=news.bound))
            if news.rows is not None and self._take(news.rows):
                await self._pass_on(child, News(cost=self._cost, rows=news.rows))
            if self._best is not None and self._cost <= self._bound + 1e-6 * max(1.0, abs(self._bound)):
                self.cancel()

    def _take(self, rows: Mapping[str, tuple[str | None, ...]]) -> bool:
        """Judge a roster; keep it if it is sound and the best so far."""
        if checker.breaches(self._problem, rows):
            self._refused += 1
            return False
        cost = checker.score(self._problem, rows).total
        if cost >= self._cost - 1e-9:
            return False
        self._best, self._cost = dict(rows), cost
        if self._on_better is not None:
            self._on_better(rows, cost, self._bound)
        return True

    async def _pass_on(self, source: asyncio.subprocess.Process, news: News) -> None:
        for child in self._children:
            if child is not source and child.returncode is None:
                await _send(child, encode_news(news))


async def _send(child: asyncio.subprocess.Process, line: bytes) -> bool:
    """Write a line; false if the child is gone or does not read."""
    if child.stdin is None:
        return False
    try:
        child.stdin.write(line)
        await asyncio.wait_for(child.stdin.drain(), WRITE_LIMIT)
    except (OSError, TimeoutError):
        return False
    return True


def _environment() -> dict[str, str]:
    """What a child may see: where to find the program, and no secret of the server."""
    root = str(Path(__file__).resolve().parents[3])
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "NUMBA_CACHE_DIR", "LANG") if name in os.environ
    }
    return {**kept, "PYTHONPATH": root, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


async def solve_roster(
    problem: Problem, *, seconds: float, workers: int = 2, start: Roster | None = None,
    on_better: OnBetter | None = None, seed: int = 1,
) -> Result:  # fmt: skip
    """Solve in child processes. Cancelling the task ends the children; to keep the last roster then, use :class:`RosterRun`."""
    run = RosterRun(problem, seconds=seconds, workers=workers, start=start, on_better=on_better, seed=seed)
    return await run.run()


def solve(
    problem: Problem, *, seconds: float, workers: int = 2, start: Roster | None = None,
    on_better: OnBetter | None = None, seed: int = 1,
) -> Result:  # fmt: skip
    """The same for programs without an event loop."""
    return asyncio.run(
        solve_roster(problem, seconds=seconds, workers=workers, start=start, on_better=on_better, seed=seed)
    )
