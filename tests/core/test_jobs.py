"""Of many processes one runs a job; a frozen one that wakes up late can do no harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import datetime

import pytest
from sqlalchemy import select, text, update

from core.access import Actor
from core.clock import ManualClock
from core.db.lease_row import JobLease
from core.db.session import Database
from core.jobs import Job, JobRunner, Lease, LeaseLostError, LeaseStore

BOTH = Actor.system()
LIMIT = 45.0


async def settled(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while not condition():  # noqa: ASYNC110 - the condition is about state inside of other tasks
            await asyncio.sleep(0.01)


async def until_ends_at(database: Database, name: str, condition: Callable[[datetime], bool]) -> datetime:
    """Waits until the lease ends at such an instant, which it gives."""
    async with asyncio.timeout(LIMIT):
        while True:
            async with database.read(BOTH) as view:
                found = await view.session.scalar(select(JobLease.expires_at).where(JobLease.name == name))
            if found is not None and condition(found):
                return found
            await asyncio.sleep(0.05)


async def take_away(database: Database, name: str) -> None:
    """Another process has the lease from now on. In one step: between two its holder might renew it."""
    async with database.unit(BOTH) as uow:
        taken = {"holder": "two", "fence": JobLease.fence + 1}
        await uow.session.execute(update(JobLease).where(JobLease.name == name).values(taken))


async def expire(database: Database, name: str) -> None:
    """Let the lease run out, as if its holder had been silent for long."""
    async with database.unit(BOTH) as uow:
        past = "0" if uow.dialect == "sqlite" else "now() - interval '1 second'"
        await uow.session.execute(text(f"UPDATE job_leases SET expires_at = {past} WHERE name = :name"), {"name": name})


@pytest.fixture
async def others(database: Database, database_url: str, clock: ManualClock) -> AsyncIterator[list[Database]]:
    """The databases of three processes."""
    opened = [database, *(Database.open(database_url, clock) for _ in range(2))]
    yield opened
    for each in opened[1:]:
        await each.close()


async def test_one_holder_until_it_lets_go(others: list[Database]) -> None:
    one, two = LeaseStore(others[0], "one"), LeaseStore(others[1], "two")
    lease = await one.acquire("expire-offers", 60)
    assert lease is not None
    assert await two.acquire("expire-offers", 60) is None
    again = await one.acquire("expire-offers", 60)
    assert again is not None
    assert again.fence == lease.fence, "renewing keeps the number"
    assert (await two.acquire("other-job", 60)) is not None
    await one.release(lease)
    taken = await two.acquire("expire-offers", 60)
    assert taken is not None
    assert taken.fence > lease.fence
    await one.release(lease)
    assert await one.acquire("expire-offers", 60) is None, "releasing a lost lease changes nothing"


async def test_many_rush_for_a_new_lease(others: list[Database]) -> None:
    stores = [LeaseStore(others[n % 3], f"p{n}") for n in range(12)]
    won = await asyncio.gather(*(store.acquire("fresh", 60) for store in stores))
    assert sum(lease is not None for lease in won) == 1


async def test_the_clock_of_the_process_does_not_matter(others: list[Database], clock: ManualClock) -> None:
    one, two = LeaseStore(others[0], "one"), LeaseStore(others[1], "two")
    assert await one.acquire("job", 60)
    clock.advance(10 * 365 * 24 * 3600)
    assert await two.acquire("job", 60) is None


async def test_a_lease_runs_out_by_the_clock_of_the_database(others: list[Database]) -> None:
    one, two = LeaseStore(others[0], "one"), LeaseStore(others[1], "two")
    lease = await one.acquire("job", 60)
    assert lease is not None
    assert await two.acquire("job", 60) is None
    assert await one.acquire("job", 0.3) == lease, "renewed, for a moment"
    taken: list[Lease] = []

    async def take() -> None:
        while not taken:
            found = await two.acquire("job", 60)
            if found is not None:
                taken.append(found)
            await asyncio.sleep(0.02)

    await asyncio.wait_for(take(), LIMIT)
    assert taken[0].fence == lease.fence + 1


async def test_a_frozen_holder_cannot_write(others: list[Database]) -> None:
    """The holder froze, lost its lease without knowing, and wakes up inside of its work: its unit is refused as a whole."""
    one, two = LeaseStore(others[0], "one"), LeaseStore(others[1], "two")
    frozen = await one.acquire("job", 60)
    assert frozen is not None
    await expire(others[0], "job")
    fresh = await two.acquire("job", 60)
    assert fresh is not None
    with pytest.raises(LeaseLostError):
        async with frozen.unit(BOTH) as uow:
            uow.emit("thing.done", {}, country="RS")
    async with fresh.unit(BOTH) as uow:
        uow.emit("thing.done", {}, country="RS")
    async with others[0].read(BOTH) as view:
        assert (await view.session.execute(text("SELECT count(*) FROM outbox_events"))).scalar() == 1


async def test_nobody_takes_over_while_a_guarded_unit_commits(others: list[Database]) -> None:
    one, two = LeaseStore(others[0], "one"), LeaseStore(others[1], "two")
    lease = await one.acquire("job", 60)
    assert lease is not None
    await expire(others[0], "job")
    order: list[str] = []

    async def take_over() -> None:
        assert await two.acquire("job", 60) is not None
        order.append("taken over")

    async with lease.unit(BOTH):
        task = asyncio.create_task(take_over())
        await asyncio.sleep(0.3)
        order.append("committed")
    await asyncio.wait_for(task, LIMIT)
    assert order == ["committed", "taken over"]


async def test_each_run_is_in_one_process_and_moves_on_when_it_stops(others: list[Database]) -> None:
    inside = most = 0
    runs: list[str] = []

    def job(process: str) -> Job:
        async def run(_lease: Lease) -> None:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            try:
                await asyncio.sleep(0.02)
                runs.append(process)
            finally:
                inside -= 1

        return Job("sweep", every=0.02, run=run, ttl=6)

    async with AsyncExitStack() as second:
        async with AsyncExitStack() as first:
            await first.enter_async_context(JobRunner(others[0], holder="one").running([job("one")]))
            await settled(lambda: len(runs) >= 3)
            begun = await until_ends_at(others[0], "sweep", lambda at: True)
            await second.enter_async_context(JobRunner(others[1], holder="two").running([job("two")]))
            await until_ends_at(others[0], "sweep", lambda at: at > begun)  # renewed, although another one wants it
            count = len(runs)
            await settled(lambda: len(runs) >= count + 3)
            assert set(runs) == {"one"}
        await settled(lambda: "two" in runs)
    after = len(runs)
    assert most == 1, "two processes run the job at once"
    assert runs.index("two") > max(n for n, who in enumerate(runs) if who == "one")
    async with others[0].read(BOTH) as view:
        assert (await view.session.scalars(select(JobLease.fence))).all() == [2]
    assert len(runs) == after


async def test_a_runner_that_lost_its_lease_stops_working(others: list[Database]) -> None:
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def run(_lease: Lease) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with JobRunner(others[0], holder="one").running([Job("sweep", every=1, run=run, ttl=0.6)]):
        await asyncio.wait_for(began.wait(), LIMIT)
        await take_away(others[1], "sweep")
        await asyncio.wait_for(cancelled.wait(), LIMIT)


async def test_a_failing_job_is_tried_again_and_harms_no_other(database: Database) -> None:
    runs = {"bad": 0, "good": 0}

    async def bad(_lease: Lease) -> None:
        runs["bad"] += 1
        raise ValueError("defect")

    async def good(_lease: Lease) -> None:
        runs["good"] += 1

    jobs = [Job("bad", every=0.02, run=bad), Job("good", every=0.02, run=good)]
    async with JobRunner(database, holder="one").running(jobs):
        await settled(lambda: runs["bad"] >= 3 and runs["good"] >= 3)


async def test_waking_a_job(database: Database) -> None:
    runs = 0

    async def run(_lease: Lease) -> None:
        nonlocal runs
        runs += 1

    runner = JobRunner(database, holder="one")
    async with runner.running([Job("sweep", every=3600, run=run)]):
        await settled(lambda: runs == 1)
        runner.wake("sweep")
        await settled(lambda: runs == 2)
