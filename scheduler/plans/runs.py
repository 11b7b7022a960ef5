"""The leased job that searches: the engine works in a thread with its children, every better plan is stored, the last proposed.

A process that dies leaves a draft with its last good cells; the next holder of the lease goes on from there.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import select

from core.access import Actor, Country
from core.db.errors import is_transient
from core.db.session import Database
from core.jobs import Job, Lease, LeaseLostError
from scheduler.plans.checker import check
from scheduler.plans.models import Plan, PlanCell, PlanKind, PlanState
from scheduler.plans.prepare import prepare
from scheduler.plans.problem import Ints, Problem
from scheduler.plans.search import Outcome, Progress, Search
from scheduler.plans.service import SECONDS, PlanService, cells_of
from scheduler.plans.source import Material, Source

log = logging.getLogger(__name__)
NIGHTLY_AT = time(2, 30)
NIGHTLY_WITHIN = timedelta(hours=3)
"""After that a night without a planner is left out."""
NIGHTLY_AHEAD = timedelta(days=28)
NAME = "plans.search"
_ZONE = ZoneInfo("Europe/Belgrade")
_STORE_EVERY = 2.0
"""Seconds between two stored answers of a running search."""
_LOOK = 0.5


@dataclass(frozen=True)
class _Run:
    """What is known about a search that runs in another thread."""

    problem: Problem
    latest: list[Progress]
    stop: threading.Event


def _improve(*arguments: Any, **more: Any) -> Outcome:
    """``engine.improve``, loaded with the first search: it brings SciPy, for which no process should wait at its start."""
    from scheduler.plans.engine import improve

    return improve(*arguments, **more)


class PlanRuns:
    """Searches plans, one at a time."""

    def __init__(
        self, source: Source, plans: PlanService, *, workers: int = 2, improve: Callable[..., Outcome] = _improve
    ) -> None:
        self._source, self._plans, self._workers, self._improve = source, plans, workers, improve
        self._system = Actor.system()

    def jobs(self) -> list[Job]:
        """The job that looks for drafts, and makes one a night for each country."""
        return [Job(NAME, every=2.0, run=self.run, ttl=30.0)]

    async def run(self, lease: Lease) -> None:
        """All drafts there are."""
        await self.nightly(lease)
        while (plan_id := await self._next(lease.database)) is not None:
            try:
                await self.search(lease, plan_id)
            except LeaseLostError:
                raise
            except Exception as error:
                if is_transient(error):
                    # the database was away: the draft goes on from its cells when the job runs again
                    raise
                log.exception("plan_failed", extra={"plan": plan_id})
                async with lease.unit(self._system) as uow:
                    plan = await self._plans.locked(uow, plan_id)
                    plan.state, plan.failure = PlanState.REJECTED, "search_failed"

    async def nightly(self, lease: Lease) -> None:
        """A draft for each country once a night, if there are appointments to plan."""
        async with lease.unit(self._system) as uow:
            # instants: in the two nights in which the clock is moved wall times cannot be compared
            since = datetime.combine(uow.now.astimezone(_ZONE).date(), NIGHTLY_AT, _ZONE).astimezone(UTC)
            if not since <= uow.now <= since + NIGHTLY_WITHIN:
                return
            for country in Country:
                busy = select(Plan.id).where(
                    Plan.country == country.value,
                    (Plan.state == PlanState.DRAFT) | ((Plan.kind == PlanKind.NIGHTLY) & (Plan.made_at >= since)),
                )
                if await uow.session.scalar(busy.limit(1)) is not None:
                    continue
                until = uow.now + NIGHTLY_AHEAD
                if await self._source.open_appointments(uow, country.value, uow.now, until):
                    await self._plans.ask(
                        uow, country.value, uow.now, until, kind=PlanKind.NIGHTLY, seconds=2 * SECONDS
                    )

    async def _next(self, database: Database) -> str | None:
        async with database.read(self._system) as unit:
            found: str | None = await unit.session.scalar(
                select(Plan.id).where(Plan.state == PlanState.DRAFT).order_by(Plan.made_at, Plan.id).limit(1)
            )
        return found

    async def search(self, lease: Lease, plan_id: str) -> None:
        """Search one draft to its end and propose what was found."""
        async with lease.database.read(self._system) as unit:
            plan = await self._plans.get(unit, plan_id)
            bookings = await self._source.open_appointments(unit, plan.country, plan.starts_at, plan.ends_at)
            material = await self._source.material(unit, plan.country, bookings)
            before = await self._plans.cells(unit, plan_id)
            seconds = plan.seconds
        problem, pinned = await asyncio.to_thread(prepared, material)
        run = _Run(problem, [], threading.Event())
        settings = Search(seconds=float(seconds), workers=self._workers)
        start = resumed(problem, before)
        work = asyncio.create_task(
            asyncio.to_thread(self._improve, problem, settings, report=run.latest.append, stop=run.stop, start=start)
        )
        try:
            await self._follow(lease, plan_id, run, work, pinned)
            outcome = await work
        finally:
            # A thread cannot be cancelled: it is told to stop, and its children end with it.
            run.stop.set()
        async with lease.unit(self._system) as uow:
            plan = await self._plans.locked(uow, plan_id)
            if plan.state is not PlanState.DRAFT:
                return
            cells = cells_of(problem, outcome.chosen, pinned=pinned)
            verdict = check(problem, outcome.chosen)
            await self._plans.store(uow, plan, cells, verdict=verdict, bound=outcome.bound)
            plan.elapsed_ms = int(outcome.seconds * 1000)
            await self._plans.propose(uow, plan)

    async def _follow(
        self,
        lease: Lease,
        plan_id: str,
        run: _Run,
        work: asyncio.Task[Outcome],
        pinned: frozenset[tuple[str, int]],
    ) -> None:
        """While the engine works: store how far it is, and hear whether somebody stops it."""
        told, stored = 0, -_STORE_EVERY
        total: int | None = None
        while not work.done():
            await asyncio.wait({work}, timeout=_LOOK)
            count = len(run.latest)
            async with lease.unit(self._system) as uow:
                plan = await self._plans.locked(uow, plan_id)
                if plan.stop_asked or plan.state is not PlanState.DRAFT:
                    run.stop.set()
                if count == told or plan.state is not PlanState.DRAFT:
                    continue
                told, news = count, run.latest[count - 1]
                plan.phase, plan.elapsed_ms = news.phase.value, int(news.seconds * 1000)
                plan.bound = int(news.bound) if news.bound > 0 else None
                if news.total != total and news.seconds - stored >= _STORE_EVERY:
                    total, stored = news.total, news.seconds
                    cells = cells_of(run.problem, news.chosen, pinned=pinned)
                    verdict = check(run.problem, news.chosen)
                    await self._plans.store(uow, plan, cells, verdict=verdict, bound=news.bound or None)
                plan.total, plan.left_out = news.total, news.left_out


def prepared(material: Material) -> tuple[Problem, frozenset[tuple[str, int]]]:
    """The problem of some material, with pins kept: a pinned leg has that person as its only option.

    A pin that no rule allows any more is left out, so that the booking is planned freely.
    """
    problem = prepare(
        material.asks, material.people, material.rules, material.frame, free=material.free, held=material.held
    )
    place = {who: at for at, who in enumerate(problem.people)}
    booking_at = {name: at for at, name in enumerate(problem.bookings)}
    drop = np.zeros(len(problem.opt_leg), dtype=np.bool_)
    kept: set[tuple[str, int]] = set()
    for pin in material.pins:
        booking, who = booking_at[pin.booking_id], place.get(pin.interpreter_id)
        of_leg = (problem.leg_booking[problem.opt_leg] == booking) & (problem.leg_place[problem.opt_leg] == pin.leg)
        mine = of_leg & (problem.opt_person == who)
        if who is not None and mine.any():
            drop |= of_leg & ~mine
            kept.add((pin.booking_id, pin.leg))
    return (problem.without_options(drop) if drop.any() else problem), frozenset(kept)


def resumed(problem: Problem, cells: list[PlanCell]) -> Ints | None:
    """The stored cells of an interrupted search as a plan of the problem as it is now; none if there are none."""
    wanted = {(cell.booking_id, cell.leg): cell.interpreter_id for cell in cells if cell.interpreter_id}
    if not wanted:
        return None
    chosen = problem.nobody()
    for leg in range(len(chosen)):
        key = (problem.bookings[int(problem.leg_booking[leg])], int(problem.leg_place[leg]))
        for option in range(int(problem.leg_ptr[leg]), int(problem.leg_ptr[leg + 1])):
            if problem.people[int(problem.opt_person[option])] == wanted.get(key):
                chosen[leg] = option
    return chosen
