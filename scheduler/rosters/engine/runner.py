"""Runs roster engines in child processes, judges and keeps what they find, and hands it on. What the server imports.

A child may be killed, hang or lie: every roster passes the independent checker before it counts, the best one so far is kept
here, and children are ended at the time limit, at cancel and when this process ends (they see their input close).
The time runs from the moment at which a child is compiled and ready; without any roster it is waited for the first one.
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
from scheduler.rosters.engine.messages import (
    Failure,
    News,
    Order,
    Result,
    Rows,
    decode_news,
    encode_news,
    encode_order,
)
from scheduler.rosters.problem import Problem, Roster

LINE_LIMIT = 64 * 1024 * 1024
"""Longest line of a child, in bytes."""
START_LIMIT = 180.0
"""Seconds in which a child is compiled, however busy the machine is; they are not part of a run's time."""
GRACE = 3.0
"""Seconds after the time limit at which a child that still runs is ended by force."""
FIRST_LIMIT = 120.0
"""The same while there is no roster at all: the first one is waited for."""
WRITE_LIMIT = 5.0
"""Seconds that a child may take to accept news; its order it takes when it gets to it."""

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
        self._stuck: str | None = None
        self._failure: Failure | None = None
        self._until: float | None = None
        """When the time is over: known once a child is ready."""
        self._change = asyncio.Event()
        """Set with the first ready child and the first roster."""
        self._children: list[asyncio.subprocess.Process] = []
        self._ordered: set[int] = set()
        """Process ids of those that have their order: only then they take news."""
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
        failure = self._failure if self._best is None else None
        person = self._stuck if failure is Failure.NO_ROW else None
        return Result(
            self._best, self._cost, min(self._bound, self._cost), seconds, self._refused, failure=failure, person=person
        )

    @property
    def pids(self) -> list[int]:
        """Process ids of the children."""
        return [child.pid for child in self._children]

    def cancel(self) -> None:
        """End early; ``run()`` then returns what there is."""
        self._cancelled.set()

    async def run(self) -> Result:
        """Solve until the time is over, the best roster is proven, all children have ended, or ``cancel()``.

        Without any roster the result says why (:class:`~scheduler.rosters.engine.messages.Failure`)."""
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
                readers.append(asyncio.create_task(self._follow(child, role, self._seed + number)))
            everything = asyncio.create_task(asyncio.wait(readers))
            tasks.append(everything)
            self._failure = await self._watch(everything, cancelled)
            self._kill()
            # what they had said before, nobody may have come to read
            await asyncio.wait(readers, timeout=GRACE)
        finally:
            self._took = self._clock.monotonic() - self._began
            tasks += readers
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._kill()
            for child in self._children:
                await child.wait()
        return self.result

    def _kill(self) -> None:
        """End the children that still run."""
        for child in self._children:
            # not child.kill(): it would reap a child that just ended, before the event loop can
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)

    async def _watch(self, everything: asyncio.Task[Any], cancelled: asyncio.Task[Any]) -> Failure | None:
        """Wait until the run is over; why it ended without a roster, if it did."""
        while True:
            # cleared first: what changes from here on wakes the wait
            self._change.clear()
            limit = START_LIMIT - (self._clock.monotonic() - self._began)
            if self._until is not None:
                limit = self._until + (GRACE if self._best else FIRST_LIMIT) - self._clock.monotonic()
            if limit <= 0:
                return Failure.TOO_SLOW
            change = asyncio.create_task(self._change.wait())
            try:
                await asyncio.wait({everything, cancelled, change}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            finally:
                change.cancel()
            if cancelled.done():
                return Failure.CANCELLED
            if everything.done():
                if self._stuck is not None:
                    return Failure.NO_ROW
                return Failure.REFUSED if self._refused else Failure.BROKEN

    async def _follow(self, child: asyncio.subprocess.Process, role: str, seed: int) -> None:
        """Give a child its order when it is ready, and take its news until it ends."""
        assert child.stdout is not None
        while line := await child.stdout.readline():
            try:
                news = decode_news(line)
            except ValueError:
                continue  # half a line of a child that was killed
            if news.ready:
                await self._order(child, role, seed)
            if news.stuck is not None:
                self._stuck = news.stuck
            if news.bound is not None and news.bound > self._bound:
                self._bound = news.bound
                await self._pass_on(child, News(bound=news.bound))
            if news.rows is not None and self._take(news.rows):
                await self._pass_on(child, News(cost=self._cost, rows=news.rows))
            if self._best is not None and self._cost <= self._bound + 1e-6 * max(1.0, abs(self._bound)):
                self.cancel()

    async def _order(self, child: asyncio.subprocess.Process, role: str, seed: int) -> None:
        """The time begins with the first order."""
        now = self._clock.monotonic()
        if self._until is None:
            self._until = now + self._seconds
            self._change.set()
        left = max(0.1, self._until - now)
        start = self._best or self._start
        self._ordered.add(child.pid)
        await _send(child, encode_order(Order(self._problem, role, left, seed, start)), START_LIMIT)

    def _take(self, rows: Mapping[str, tuple[str | None, ...]]) -> bool:
        """Judge a roster; keep it if it is sound and the best so far."""
        if checker.breaches(self._problem, rows):
            self._refused += 1
            return False
        cost = checker.score(self._problem, rows).total
        if cost >= self._cost - 1e-9:
            return False
        self._best, self._cost = dict(rows), cost
        self._change.set()
        if self._on_better is not None:
            self._on_better(rows, cost, self._bound)
        return True

    async def _pass_on(self, source: asyncio.subprocess.Process, news: News) -> None:
        for child in self._children:
            if child is not source and child.pid in self._ordered and child.returncode is None:
                await _send(child, encode_news(news), WRITE_LIMIT)


async def _send(child: asyncio.subprocess.Process, line: bytes, limit: float) -> None:
    """Write a line; a child that is gone, or does not read, misses it."""
    if child.stdin is None:
        return
    with contextlib.suppress(OSError, TimeoutError):
        child.stdin.write(line)
        await asyncio.wait_for(child.stdin.drain(), limit)


def _environment() -> dict[str, str]:
    """What a child may see: where to find the program, and no secret of the server."""
    root = str(Path(__file__).resolve().parents[3])
    kept = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "LANG")
        if name in os.environ
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
