"""The search for a good plan within a time: greedy at once, then a relaxation, windows planned by children, a proven bound.

Runs in one thread and calls ``report`` for every better plan or bound. Whatever happens to the children, the last good plan is
returned; each one that is reported has passed the checker.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count

import numpy as np
from numpy.typing import NDArray

from scheduler.plans.checker import check
from scheduler.plans.greedy import greedy, order, serve
from scheduler.plans.ledger import Ledger
from scheduler.plans.model import Model
from scheduler.plans.neighbours import Neighbours
from scheduler.plans.parts import Cutter, Piece, booking_days, meet, put, windows
from scheduler.plans.problem import DAYS_A_WEEK, Ints, Problem
from scheduler.plans.relaxation import Relaxation
from scheduler.plans.search import Outcome, Phase, Progress, Search
from scheduler.plans.workers import News, Workers

Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]
GUIDED_COLUMNS, WINDOW_COLUMNS = 1_800, 3_600
"""How large a window should be, in the first pass and later."""
BOUND_KEEP = 60_000.0
"""Options that cost so many tenths more than the best are not looked at in parts of the bound: that limits what is proven."""
WHOLE = 3_000
"""Columns up to which everything is solved in one program, to the proven optimum if time allows."""
_NEAR = {"gap": 1e-4, "absolute_gap": 40.0}
_EXACT = {"gap": 0.0, "absolute_gap": 0.5}
_REVIVALS = 3
_LAST_LOOK = 2.0
"""Seconds before the end at which annealing is done, so that its plan is still checked."""
CLIMB, CLIMB_ALONE = 0.2, 0.12
"""Share of the time in which the prices of a large plan climb; after the second the other children begin to plan by them,
unless the climb began with nothing."""


HOT, WARM = 200.0, 30.0
"""How much worse (in tenths) annealing lets a plan get at its beginning: from greedy, and from a rounded relaxation."""
ROUNDED = 0.35
"""Share of the time after which annealing begins again from the rounded relaxation, if that has come so far ..."""
_WORTH = 0.04
"""... that it costs at most so much more than the best plan by then."""


def improve(
    problem: Problem,
    search: Search,
    *,
    report: Callable[[Progress], None] = lambda _: None,
    stop: threading.Event | None = None,
    start: Ints | None = None,
) -> Outcome:
    """The best plan found within the time; ``start`` is a plan to begin with, ``stop`` ends the search early."""
    run = _Run(problem, search, report, stop or threading.Event())
    run.first(start)
    if search.seconds > 0 and len(problem.opt_leg):
        with Workers(search.workers, memory_mib=search.memory_mib, nice=search.nice) as workers:
            run.search(workers)
    return run.outcome()


class _Run:
    """One search."""

    def __init__(
        self, problem: Problem, search: Search, report: Callable[[Progress], None], stop: threading.Event
    ) -> None:
        self._began = time.monotonic()
        self._problem, self._search, self._report, self._stop = problem, search, report, stop
        self._best = problem.nobody()
        self._verdict = check(problem, self._best)
        self._bound = 0.0
        self._revived = 0
        self._climbing: tuple[int, Piece] | None = None
        """The job whose prices climb."""

    # --- what is known -------------------------------------------------------------------------------------------

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def _left(self) -> float:
        return self._search.seconds - self._seconds

    @property
    def _over(self) -> bool:
        total = self._verdict.price.total
        near = self._bound > 0 and total - self._bound <= self._search.enough * self._bound
        return self._stop.is_set() or self._left <= 0 or near or total <= 0

    def _tell(self, phase: Phase) -> None:
        total, left_out = self._verdict.price.total, len(self._verdict.left_out)
        self._report(Progress(phase, self._seconds, total, self._bound, left_out, self._best.copy()))

    def _take(self, chosen: Ints, phase: Phase) -> bool:
        """Keep a plan if it is allowed and better."""
        verdict = check(self._problem, chosen)
        if not verdict.ok or verdict.price.total >= self._verdict.price.total:
            return False
        self._best, self._verdict = chosen.copy(), verdict
        self._tell(phase)
        return True

    def _raise(self, bound: float, phase: Phase) -> None:
        if bound > self._bound:
            # No plan costs a fraction of a tenth.
            self._bound = min(float(np.ceil(bound - 1e-3)), float(self._verdict.price.total))
            self._tell(phase)

    def outcome(self) -> Outcome:
        self._tell(Phase.DONE)
        total = self._verdict.price.total
        return Outcome(self._best, self._verdict, self._bound, self._seconds, self._bound > total - 1)

    # --- the search ------------------------------------------------------------------------------------------------

    def first(self, start: Ints | None) -> None:
        """The greedy plan, or the given one if it is better."""
        if start is not None:
            self._take(start, Phase.FIRST)
        self._take(greedy(self._problem), Phase.FIRST)

    def search(self, workers: Workers) -> None:
        """Everything after the first plan."""
        self._workers = workers
        self._model = Model(self._problem)
        self._cutter = Cutter(self._model)
        self._day = np.maximum(booking_days(self._model), 0)
        self._relaxation = Relaxation(self._model, self._cutter, self._day)
        self._raise(self._model.price(np.zeros(len(self._model.upper)))[0], Phase.RELAX)
        if not self._relax() or self._over:
            return
        if len(self._model.cost) <= WHOLE:
            self._at_once()
            return
        if self._relaxation.vast:
            self._vast()
            return
        self._climb(CLIMB)
        self._await_climb(CLIMB_ALONE * self._search.seconds)
        self._guided()
        self._await_climb(self._left)
        self._prove()
        self._improve()

    def _vast(self) -> None:
        """Days of a vast plan solved exactly gain little in its time: one child lets the prices climb, the others anneal. First the greedy
        plan, so that there is a good one soon; then, cooler, what the relaxation takes of each option by then, rounded."""
        alone = self._search.workers == 1
        self._climb(CLIMB if alone else 1.0)
        if alone:
            self._await_climb(self._left)
        else:
            self._anneal(self._best, HOT, ROUNDED * self._search.seconds)
        rounded = self._relaxation.rounded()
        verdict = check(self._problem, rounded)
        near = verdict.ok and verdict.price.total <= (1 + _WORTH) * self._verdict.price.total
        self._anneal(rounded if near else self._best, WARM, self._search.seconds - _LAST_LOOK)
        self._await_climb(self._left)

    def _anneal(self, start: Ints, hot: float, until: float) -> None:
        """Let the idle children anneal a plan until so many seconds of the search are over; those who climb go on beside it."""
        jobs: set[int] = set()
        begun = 0
        while not self._over and self._workers.pids:
            for worker in self._workers.idle if begun < self._search.workers + _REVIVALS else []:
                seconds = max(0.1, until - self._seconds)
                # a child that comes in the place of one that died goes on from the best there is
                plan = start if begun < self._search.workers else self._best
                seed = 1_000_000 * begun
                jobs.add(self._workers.give_plan(worker, self._problem, plan, seconds=seconds, seed=seed, hot=hot))
                begun += 1
            if not jobs and (begun or self._climbing is None):
                return
            news = self._workers.hear(min(0.2, max(0.01, self._left)))
            if news is None:
                continue
            if self._climbing is not None and news.job == self._climbing[0]:
                self._climbed(news)
            elif news.job in jobs:
                if news.chosen is not None:
                    self._take(news.chosen, Phase.IMPROVE)
                if news.kind in ("done", "lost"):
                    jobs.discard(news.job)
                    self._mend(news)
                if news.kind == "done":
                    begun = self._search.workers + _REVIVALS

    def _climb(self, share: float) -> None:
        """Let the prices of a large plan climb in a child for a share of the time; those of a small one are exact."""
        idle = self._workers.idle
        if self._relaxation.small or not idle:
            return
        piece = self._relaxation.everything()
        seconds = min(share * self._search.seconds, self._left)
        self._climbing = self._workers.give(idle[0], piece.program, seconds=max(0.05, seconds)), piece

    def _climbed(self, news: News) -> None:
        """Take what the climbing child says."""
        assert self._climbing is not None
        self._relaxation.climbed(self._climbing[1], news)
        self._raise(self._relaxation.bound, Phase.RELAX)
        if news.kind in ("done", "lost"):
            self._climbing = None
            self._mend(news)

    def _await_climb(self, seconds: float) -> None:
        until = self._seconds + seconds
        while self._climbing is not None and not self._over and self._seconds < until:
            news = self._workers.hear(min(0.2, max(0.01, self._left)))
            if news is not None and news.job == self._climbing[0]:
                self._climbed(news)

    def _mend(self, news: News) -> None:
        """A new child for one that died, a few times."""
        if news.kind == "lost" and self._revived < _REVIVALS:
            self._revived += 1
            self._workers.revive(news.worker)

    def _relax(self) -> bool:
        """Solve the relaxation, a large one in parts; false if it did not end in time."""
        relaxation = self._relaxation
        if relaxation.vast:
            relaxation.begin(self._best)
            return True
        answers = list(self._solve(relaxation.pieces(), lambda: self._left, relaxed=True))
        if not answers or self._over or not relaxation.learn(answers):
            return False
        self._raise(relaxation.bound, Phase.RELAX)
        return True

    def _size(self, keep: Flags, columns: int = WINDOW_COLUMNS) -> int:
        """Days of a window of so many columns."""
        days = max(1, len(np.unique(self._day)))
        return int(np.clip(round(columns * days / max(1, int(keep.sum()))), 1, DAYS_A_WEEK))

    def _at_once(self) -> None:
        """A small problem as one program: the answer, and what is proven of it."""
        everybody = np.ones(len(self._problem.bookings), dtype=np.bool_)
        keep = np.ones(self._model.at_relay, dtype=np.bool_)
        piece = self._cutter.window(self._best, everybody, keep, None, ~everybody)
        for found, _, news in self._solve(iter([(piece, everybody)]), lambda: self._left, exactness=_EXACT):
            if news.x is not None:
                chosen = self._best.copy()
                put(self._model, chosen, found, news.x)
                self._take(chosen, Phase.IMPROVE)
            self._raise(news.bound + self._model.base, Phase.PROVE)

    def _guided(self) -> None:
        """A new plan window by window, the relaxation standing in for what is not planned yet."""
        relaxation = self._relaxation
        chosen = self._problem.nobody()
        waiting = np.ones(len(self._problem.bookings), dtype=np.bool_)

        def pieces() -> Iterator[tuple[Piece, Flags]]:
            # the relaxation gets better meanwhile
            for window in windows(self._day, self._size(relaxation.keep, GUIDED_COLUMNS), 0):
                yield self._cutter.window(chosen, window, relaxation.keep, relaxation.guide, waiting), window

        limit = max(1.0, self._search.seconds / 6)
        for piece, window, news in self._solve(pieces(), lambda: min(limit, self._left)):
            if news.x is not None:
                put(self._model, chosen, piece, news.x)
            waiting &= ~window
        ledger = Ledger(self._problem, chosen)
        served = np.zeros(len(self._problem.bookings), dtype=np.bool_)
        served[self._problem.leg_booking[chosen >= 0]] = True
        for booking in order(self._problem).tolist():
            if not served[booking]:
                serve(ledger, booking)
        self._take(ledger.plan(), Phase.GUIDED)

    def _prove(self) -> None:
        """Raise the bound: days that pay for what they share by the prices, each solved in whole numbers."""
        prices, slack = self._relaxation.prices, self._relaxation.slack
        constant, rows, cost = self._cutter.priced(prices, self._day)
        y = np.where(self._model.equal, 0.0, self._model.clip(np.where(self._model.equal, 0.0, prices)))
        best = self._model.booking_prices(prices)
        values = np.bincount(self._day, best, len(rows))
        values += np.array([float((self._model.upper[each] * y[each]).sum()) for each in rows])
        keep = slack <= BOUND_KEEP

        def pieces() -> Iterator[tuple[Piece, Flags]]:
            for day in np.argsort(-np.bincount(self._day, minlength=len(rows)), kind="stable").tolist():
                bookings = self._day == day
                if bookings.any():
                    yield self._cutter.part(bookings, keep, rows[day], cost), bookings

        limit = self._search.seconds / 6
        for _, bookings, news in self._solve(pieces(), lambda: min(limit, self._left)):
            day = int(self._day[np.flatnonzero(bookings)[0]])
            # An option left out would cost more than ``BOUND_KEEP`` above the part's value by the prices.
            left_out = not keep[bookings[self._model.opt_booking]].all()
            proven = min(news.bound, values[day] + BOUND_KEEP) if left_out else news.bound
            values[day] = max(values[day], proven)
            self._raise(constant + float(values.sum()), Phase.PROVE)

    def _improve(self) -> None:
        """Plan windows anew while the rest stands: days in turns of other sizes and shifts, and cases with the same people."""
        longest = max(2.0, self._search.seconds / 6)
        nobody = np.zeros(len(self._problem.bookings), dtype=np.bool_)
        neighbours = Neighbours(self._model, np.random.default_rng(1))
        for turn in count():
            if self._over or not self._workers.pids:
                return
            keep = self._relaxation.keep

            def pieces(turn: int = turn, keep: Flags = keep) -> Iterator[tuple[Piece, Flags]]:
                if turn % 3 == 2:
                    for _ in range(max(2, int(keep.sum()) // WINDOW_COLUMNS)):
                        window = neighbours.draw(keep, WINDOW_COLUMNS)
                        yield self._cutter.window(self._best, window, keep, None, nobody), window
                    return
                size = self._size(keep)
                days, shift = (
                    (size, size // 2 or 1) if turn % 3 == 0 else (min(size + 1 + turn // 3, DAYS_A_WEEK), turn % 7)
                )
                for window in windows(self._day, days, shift):
                    yield self._cutter.window(self._best, window, keep, None, nobody), window

            for piece, _, news in self._solve(pieces(), lambda: min(longest, self._left)):
                if news.x is not None:
                    chosen = self._best.copy()
                    put(self._model, chosen, piece, news.x)
                    self._take(chosen, Phase.IMPROVE)

    # --- children --------------------------------------------------------------------------------------------------

    def _solve(
        self,
        pieces: Iterator[tuple[Piece, Flags]],
        seconds: Callable[[], float],
        *,
        relaxed: bool = False,
        exactness: Mapping[str, float] = _NEAR,
    ) -> Iterator[tuple[Piece, Flags, News]]:
        """Let the children solve pieces; yields each when it is done, with the last answer it had.

        Pieces that share a hard limit never run at the same time, so that their answers can be put together.
        """
        running: dict[int, tuple[Piece, Flags]] = {}
        partial: dict[int, News] = {}
        held: tuple[Piece, Flags] | None = None
        more = True
        while running or more or held is not None:
            while (more or held is not None) and not self._over:
                idle = self._workers.idle
                if not idle:
                    break
                following = held or next(pieces, None)
                held = None
                if following is None:
                    more = False
                    break
                if not relaxed and any(meet(self._model, following[0], other) for other, _ in running.values()):
                    held = following
                    break
                job = self._workers.give(idle[0], following[0].program, seconds=max(0.05, seconds()), **exactness)
                running[job] = following
            if not running and (self._climbing is None or self._over):
                return
            news = self._workers.hear(min(0.2, max(0.01, self._left)))
            if news is None:
                if self._stop.is_set() or self._left < -1.0:
                    yield from ((*running[job], news) for job, news in partial.items() if job in running)
                    return
                continue
            if self._climbing is not None and news.job == self._climbing[0]:
                self._climbed(news)
            if news.job not in running:
                continue
            if news.kind == "better":
                partial[news.job] = news
                continue
            piece, bookings = running.pop(news.job)
            last = partial.pop(news.job, None)
            self._mend(news)
            if not self._workers.pids:
                return
            if news.x is None and last is not None:
                news = News(news.worker, news.kind, news.job, x=last.x, bound=news.bound)
            yield piece, bookings, news
