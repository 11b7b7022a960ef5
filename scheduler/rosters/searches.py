"""Searches for better rosters: child processes of one server, whose answers are stored as versions while they come.

The row of a search is its lease: a process that dies leaves a stale heartbeat, and the search counts as lost.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from sqlalchemy import select, update

from core.access import Actor
from core.clock import Clock, new_id
from core.db.session import Database, UnitOfWork
from core.errors import Conflict, Invalid
from core.tasks import end
from scheduler.rosters.engine.runner import RosterRun
from scheduler.rosters.lifecycle import RunState
from scheduler.rosters.models import RosterSearch
from scheduler.rosters.planner import with_pins
from scheduler.rosters.problem import Problem, Roster
from scheduler.rosters.service import Cells, Held, RosterService

log = logging.getLogger(__name__)

LONGEST_SECONDS = 900
_BEAT = 1.0
"""Seconds between looks at the stop flag, and between stored answers at most."""
STALE = timedelta(seconds=20)


class RosterSearches:
    """Begins, stops and follows searches. One at a time for a roster (by the database) and for a process."""

    def __init__(self, database: Database, rosters: RosterService, clock: Clock) -> None:
        self._database = database
        self._rosters = rosters
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, uow: UnitOfWork, roster_id: str, seconds: int) -> str:
        """Note a search; it starts with the commit. Raises ``Invalid('value_unknown')``, ``Conflict('search_running')``,
        ``NotFound('roster_unknown')``."""
        if not 5 <= seconds <= LONGEST_SECONDS:
            raise Invalid("value_unknown", {"field": "seconds"})
        held = await self._rosters.read(uow, roster_id, lock=True)
        await self._bury(uow, roster_id)
        if self._tasks:
            raise Conflict("search_running")
        search = RosterSearch(
            id=new_id("search"),
            country=held.row.country,
            roster_id=roster_id,
            state=RunState.RUNNING,
            seconds=seconds,
            stop=False,
            begun_at=uow.now,
            seen_at=uow.now,
            begun_by=uow.actor.id,
        )
        uow.session.add(search)
        await uow.flush()
        self._rosters.tell(uow, held.row)
        actor = uow.actor
        uow.after_commit(lambda: self._start(search.id, held, seconds, actor))
        return search.id

    async def stop(self, uow: UnitOfWork, roster_id: str) -> None:
        """Ask the running search to end; what it has found stays."""
        await uow.session.execute(
            update(RosterSearch)
            .where(RosterSearch.roster_id == roster_id, RosterSearch.state == RunState.RUNNING)
            .values(stop=True)
            .execution_options(synchronize_session=False)
        )

    @property
    def running(self) -> list[asyncio.Task[None]]:
        """The searches of this process."""
        return list(self._tasks.values())

    async def close(self) -> None:
        """End all searches of this process."""
        await end(self.running)
        self._tasks.clear()

    def _start(self, search_id: str, held: Held, seconds: int, actor: Actor) -> None:
        task = asyncio.create_task(self._run(search_id, held, seconds, actor), name=f"roster-{search_id}")
        self._tasks[search_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(search_id, None))

    async def _run(self, search_id: str, held: Held, seconds: int, actor: Actor) -> None:
        follower = _Follower(self._database, self._rosters, held, actor)
        problem: Problem = with_pins(held.problem, held.cells, held.pins)
        run = RosterRun(
            problem, seconds=seconds, workers=2, start=held.cells, on_better=follower.better, clock=self._clock
        )
        work = asyncio.create_task(run.run())
        state = RunState.LOST
        try:
            while not work.done():
                await asyncio.wait([work], timeout=_BEAT)
                stale = not await follower.store()
                if await self._beat(search_id) or stale:
                    run.cancel()
                    state = RunState.STOPPED
            result = await work
            if result.roster is not None:
                follower.better(result.roster, result.cost, result.bound)
                await follower.store()
            if result.failure is not None:
                log.warning("roster_search_without_roster", extra={"search": search_id, "why": result.failure.value})
            elif state is RunState.LOST:
                state = RunState.DONE
        except Exception:
            log.exception("roster_search_failed")
        finally:
            await end([work])
            await asyncio.shield(self._finish(search_id, held.row.id, state))

    async def _beat(self, search_id: str) -> bool:
        """Say that the search lives; true if somebody asked it to stop."""
        async with self._database.unit(Actor.system()) as uow:
            await uow.session.execute(
                update(RosterSearch)
                .where(RosterSearch.id == search_id)
                .values(seen_at=uow.now)
                .execution_options(synchronize_session=False)
            )
            return bool(await uow.session.scalar(select(RosterSearch.stop).where(RosterSearch.id == search_id)))

    async def _finish(self, search_id: str, roster_id: str, state: RunState) -> None:
        async with self._database.unit(Actor.system()) as uow:
            await uow.session.execute(
                update(RosterSearch)
                .where(RosterSearch.id == search_id)
                .values(state=state, ended_at=uow.now)
                .execution_options(synchronize_session=False)
            )
            held = await self._rosters.read(uow, roster_id)
            self._rosters.tell(uow, held.row)

    async def _bury(self, uow: UnitOfWork, roster_id: str) -> None:
        """Searches of processes that are gone are over."""
        await uow.session.execute(
            update(RosterSearch)
            .where(
                RosterSearch.roster_id == roster_id,
                RosterSearch.state == RunState.RUNNING,
                RosterSearch.seen_at < uow.now - STALE,
            )
            .values(state=RunState.LOST, ended_at=uow.now)
            .execution_options(synchronize_session=False)
        )


class _Follower:
    """Keeps the newest answer of a search until it is stored."""

    def __init__(self, database: Database, rosters: RosterService, held: Held, actor: Actor) -> None:
        self._database = database
        self._rosters = rosters
        self._roster_id = held.row.id
        self._base = held.version.number
        self._cost = held.version.cost
        self._actor = actor
        self._waiting: tuple[Cells, float] | None = None

    def better(self, roster: Roster, cost: float, bound: float) -> None:
        """A better roster from a child, already judged by the checker."""
        if cost < self._cost - 0.5:
            self._cost = round(cost)
            self._waiting = ({who: tuple(row) for who, row in roster.items()}, bound)

    async def store(self) -> bool:
        """Store what waits. False when the roster was changed by hand meanwhile."""
        if self._waiting is None:
            return True
        (cells, bound), self._waiting = self._waiting, None
        async with self._database.unit(self._actor) as uow:
            number = await self._rosters.keep(uow, self._roster_id, cells, base=self._base, bound=bound)
        if number is None:
            return False
        self._base = number
        return True
