"""Periodic jobs, each run by one process at a time: a lease row in the database says which one, on the database's clock.

A holder that froze and wakes late does no harm: work done in ``Lease.unit`` is refused once the lease has a higher fencing number.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from sqlalchemy import and_, case, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core.access import Actor
from core.db.clock import database_time
from core.db.lease_row import JobLease
from core.db.session import Database, UnitOfWork
from core.tasks import end

log = logging.getLogger(__name__)

_NOBODY = Actor.system(())
"""Leases belong to no country."""


class LeaseLostError(Exception):
    """Another process has taken the job over; stop working on it."""


@dataclass(frozen=True)
class Job:
    """One periodic job."""

    name: str
    every: float
    """Seconds between the end of one run and the start of the next."""
    run: Callable[[Lease], Awaitable[None]]
    ttl: float = 15.0
    """Seconds after which a silent holder loses the job; renewed at a third of it."""


@dataclass(frozen=True)
class Lease:
    """The right to run one job, with its fencing number."""

    database: Database
    name: str
    holder: str
    fence: int

    @asynccontextmanager
    async def unit(self, actor: Actor) -> AsyncIterator[UnitOfWork]:
        """A unit of work that commits only while this lease is the newest; raises ``LeaseLostError`` otherwise."""
        async with self.database.unit(actor) as uow:
            await self.guard(uow)
            yield uow

    async def guard(self, uow: UnitOfWork) -> None:
        """Hold off a take-over until ``uow`` ends; raises ``LeaseLostError`` if it has happened already."""
        query = select(JobLease.fence).where(JobLease.name == self.name).with_for_update(read=True)
        if await uow.session.scalar(query) != self.fence:
            raise LeaseLostError(self.name)


class LeaseStore:
    """Takes, renews and gives back leases by conditional updates."""

    def __init__(self, database: Database, holder: str) -> None:
        self._database = database
        self._holder = holder
        self._now, self._in = database_time(database.dialect)

    async def acquire(self, name: str, ttl: float) -> Lease | None:
        """The lease for the next ``ttl`` seconds, new or renewed; none while another process holds it."""

        async def attempt() -> int | None:
            async with self._database.unit(_NOBODY) as uow:
                await self._create(uow, name)
                mine = and_(JobLease.holder == self._holder, JobLease.expires_at > self._now)
                take = (
                    update(JobLease)
                    .where(JobLease.name == name, or_(mine, JobLease.expires_at <= self._now))
                    .values(
                        holder=self._holder,
                        fence=case((mine, JobLease.fence), else_=JobLease.fence + 1),
                        expires_at=self._in(ttl),
                    )
                    .returning(JobLease.fence)
                    .execution_options(synchronize_session=False)
                )
                return (await uow.session.execute(take)).scalar_one_or_none()

        fence = await self._database.retry(attempt)
        return None if fence is None else Lease(self._database, name, self._holder, fence)

    async def release(self, lease: Lease) -> None:
        """Give ``lease`` back, so that another process need not wait for its end. Does nothing if it was lost."""
        async with self._database.unit(_NOBODY) as uow:
            await uow.session.execute(
                update(JobLease)
                .where(JobLease.name == lease.name, JobLease.holder == lease.holder, JobLease.fence == lease.fence)
                .values(expires_at=self._now)
                .execution_options(synchronize_session=False)
            )

    async def _create(self, uow: UnitOfWork, name: str) -> None:
        if await uow.session.scalar(select(JobLease.name).where(JobLease.name == name)) is not None:
            return
        row = {"name": name, "holder": "", "fence": 0, "expires_at": self._now}
        make = postgresql.insert if uow.dialect == "postgresql" else sqlite.insert
        await uow.session.execute(make(JobLease).values(row).on_conflict_do_nothing())


class JobRunner:
    """Runs jobs in this process whenever it holds their lease."""

    def __init__(self, database: Database, *, holder: str) -> None:
        self._leases = LeaseStore(database, holder)
        self._wake: dict[str, asyncio.Event] = {}

    @asynccontextmanager
    async def running(self, jobs: Sequence[Job]) -> AsyncIterator[None]:
        """While open, each job has a task; at the end all are stopped and their leases given back."""
        self._wake = {job.name: asyncio.Event() for job in jobs}
        tasks = [asyncio.create_task(self._compete(job), name=f"job:{job.name}") for job in jobs]
        try:
            yield
        finally:
            await end(tasks)

    def wake(self, name: str) -> None:
        """Let job ``name`` run now rather than at its next time (if this process holds it)."""
        if name in self._wake:
            self._wake[name].set()

    async def _compete(self, job: Job) -> None:
        while True:
            lease = None
            try:
                lease = await self._leases.acquire(job.name, job.ttl)
            except Exception:
                log.warning("job_lease_failed", exc_info=True, extra={"job": job.name})
            if lease is None:
                await asyncio.sleep(job.ttl / 3)
                continue
            try:
                await self._hold(job, lease)
            finally:
                with suppress(Exception):
                    await asyncio.wait_for(self._leases.release(lease), 2.0)

    async def _hold(self, job: Job, lease: Lease) -> None:
        """Run the job and keep the lease, until it is lost."""
        work = asyncio.create_task(self._repeat(job, lease), name=f"job:{job.name}:{lease.fence}")
        renewed = asyncio.get_running_loop().time()
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=job.ttl / 3)
                try:
                    again = await asyncio.wait_for(self._leases.acquire(job.name, job.ttl), job.ttl / 3)
                except Exception:
                    if asyncio.get_running_loop().time() - renewed > job.ttl:
                        log.warning("job_lease_uncertain", exc_info=True, extra={"job": job.name})
                        return
                    continue
                if again is None or again.fence != lease.fence:
                    log.warning("job_lease_lost", extra={"job": job.name, "fence": lease.fence})
                    return
                renewed = asyncio.get_running_loop().time()
        finally:
            await end([work])

    async def _repeat(self, job: Job, lease: Lease) -> None:
        wake = self._wake[job.name]
        while True:
            wake.clear()
            try:
                await job.run(lease)
            except LeaseLostError:
                return
            except Exception:
                log.exception("job_failed", extra={"job": job.name})
            with suppress(TimeoutError):
                async with asyncio.timeout(job.every):
                    await wake.wait()
