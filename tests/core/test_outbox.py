"""The outbox loses nothing, whoever dies when, and keeps the order of a country."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from core.access import Actor, Country
from core.clock import ManualClock
from core.db.outbox import OutboxRelay
from core.db.outbox_event import OutboxEvent
from core.db.session import Database
from core.errors import Unavailable
from core.events.bus import Event, EventBus
from core.events.memory_bus import InProcessBus

BOTH = Actor.system()
LIMIT = 45.0


class Taking(InProcessBus):
    """A bus that remembers what it was given and may refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Event] = []
        self.refuse: Callable[[Event], bool] = lambda _event: False
        self.changed = asyncio.Event()

    async def publish(self, event: Event) -> None:
        await asyncio.sleep(0)
        self.changed.set()
        if self.refuse(event):
            raise Unavailable("bus_unavailable")
        self.taken.append(event)

    def numbers(self, country: str) -> list[int]:
        return [event.body["n"] for event in self.taken if event.country == country]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


async def emit(database: Database, *numbers: int, country: str = "RS") -> None:
    async with database.unit(BOTH) as uow:
        for n in numbers:
            uow.emit("thing.done", {"n": n}, country=country)


async def waiting(database: Database) -> int:
    async with database.read(BOTH) as view:
        query = select(func.count()).select_from(OutboxEvent).where(OutboxEvent.published_at.is_(None))
        return await view.session.scalar(query) or 0


async def test_events_reach_the_bus_at_once(database: Database) -> None:
    bus = Taking()
    async with OutboxRelay(database, bus, poll=60).running():
        for n in range(5):
            await emit(database, n)
            await bus.until(lambda n=n: n in bus.numbers("RS"))  # type: ignore[misc]
    assert bus.numbers("RS") == list(range(5))
    assert {event.name for event in bus.taken} == {"thing.done"}


async def test_from_commit_to_handler_on_each_bus(database: Database, bus: EventBus) -> None:
    handled: list[Event] = []
    done = asyncio.Event()

    async def handle(event: Event) -> None:
        handled.append(event)
        done.set()

    async with bus.consume("calls", ["thing.done"], handle), OutboxRelay(database, bus).running():
        async with database.unit(BOTH) as uow:
            told = uow.emit("thing.done", {"n": 1}, country="MK")
        await asyncio.wait_for(done.wait(), LIMIT)
    assert handled == [told]


async def test_another_process_is_heard_by_polling(database: Database, database_url: str, clock: ManualClock) -> None:
    bus = Taking()
    other = Database.open(database_url, clock)
    async with OutboxRelay(database, bus, poll=0.1).running():
        await emit(other, 1)
        await bus.until(lambda: bus.numbers("RS") == [1])
    await other.close()


async def test_order_is_kept_within_a_country(database: Database) -> None:
    bus = Taking()
    for n in range(30):
        await emit(database, 2 * n, 2 * n + 1, country="RS" if n % 3 else "MK")
    assert await OutboxRelay(database, bus, batch=7).relay() == 60
    assert bus.numbers("RS") == sorted(bus.numbers("RS"))
    assert bus.numbers("MK") == sorted(bus.numbers("MK"))
    assert await waiting(database) == 0
    assert await OutboxRelay(database, bus).relay() == 0


async def test_a_bus_that_is_down_keeps_events_waiting_in_order(database: Database) -> None:
    bus = Taking()
    bus.refuse = lambda event: event.body["n"] == 3
    await emit(database, 1, 2, 3, 4)
    await emit(database, 5, country="MK")
    relay = OutboxRelay(database, bus)
    assert await relay.relay() == 3
    assert (bus.numbers("RS"), bus.numbers("MK")) == ([1, 2], [5]), "one country does not hold up the other"
    bus.refuse = lambda _event: False
    assert await relay.relay() == 2
    assert bus.numbers("RS") == [1, 2, 3, 4]


async def test_several_relays_keep_the_order(database: Database, database_url: str, clock: ManualClock) -> None:
    """Three processes relay at once; on PostgreSQL only one of them at a time has a country, so nothing is told twice."""
    bus = Taking()
    others = [Database.open(database_url, clock) for _ in range(2)]
    await emit(database, *range(200))
    relays = [OutboxRelay(each, bus, batch=10) for each in (database, *others)]
    while await waiting(database):
        await asyncio.gather(*(relay.relay() for relay in relays))
    first_told = list(dict.fromkeys(bus.numbers("RS")))
    assert first_told == list(range(200))
    if database.dialect == "postgresql":
        assert len(bus.taken) == 200
    for other in others:
        await other.close()


KILLED = """
import asyncio, os, signal, sys
from core.access import Actor
from core.clock import SystemClock
from core.db.session import Database

async def main():
    database = Database.open(sys.argv[1], SystemClock())
    for n in range(20):
        async with database.unit(Actor.system()) as uow:
            uow.emit("thing.done", {"n": n}, country="RS")
    unit = database.unit(Actor.system())
    uow = await unit.__aenter__()
    uow.emit("thing.done", {"n": 99}, country="RS")
    await uow.session.flush()
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_process_killed_between_commit_and_publish_loses_nothing(database: Database, database_url: str) -> None:
    root = Path(__file__).parents[2]
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", KILLED, database_url], cwd=root, timeout=60, capture_output=True
    )
    assert done.returncode == -9, done.stderr.decode()
    bus = Taking()
    async with OutboxRelay(database, bus, poll=0.1).running():
        await bus.until(lambda: len(bus.taken) >= 20)
    assert bus.numbers("RS") == list(range(20)), "everything that was committed, nothing that was not"


async def test_a_relay_killed_between_publish_and_mark_tells_again(database: Database) -> None:
    bus = Taking()
    stuck = asyncio.Event()

    class Stuck(Taking):
        async def publish(self, event: Event) -> None:
            await bus.publish(event)
            if event.body["n"] == 3:
                stuck.set()
                await asyncio.Event().wait()

    await emit(database, 1, 2, 3, 4)
    task = asyncio.create_task(OutboxRelay(database, Stuck()).relay())
    await asyncio.wait_for(stuck.wait(), LIMIT)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await OutboxRelay(database, bus).relay() == 4
    assert bus.numbers("RS") == [1, 2, 3, 1, 2, 3, 4]
    ids = {event.id for event in bus.taken}
    assert len(ids) == 4, "what is told again has the same identity"


async def test_a_broken_database_does_not_end_the_relay(database: Database) -> None:
    bus = Taking()
    calls = 0
    relay = OutboxRelay(database, bus, poll=0.02)
    real: Callable[[Country], Awaitable[tuple[int, bool]]] = relay._relay_batch

    async def broken(country: Country) -> tuple[int, bool]:
        nonlocal calls
        calls += 1
        if calls < 4:
            raise OSError("gone")
        return await real(country)

    relay._relay_batch = broken  # type: ignore[method-assign]
    await emit(database, 1)
    async with relay.running():
        await bus.until(lambda: bus.numbers("RS") == [1])


async def test_old_events_are_deleted_and_waiting_ones_never(database: Database, clock: ManualClock) -> None:
    bus = Taking()
    relay = OutboxRelay(database, bus, keep=timedelta(days=1))
    await emit(database, 1)
    await relay.relay()
    clock.advance(23 * 3600)
    await emit(database, 2)
    assert await relay.prune() == 0
    clock.advance(2 * 3600)
    assert await relay.prune() == 1
    clock.advance(90 * 24 * 3600)
    assert await relay.prune() == 0
    assert await waiting(database) == 1


async def test_a_log_that_nobody_uses_is_dropped_after_a_day() -> None:
    """A process that runs for months would keep every room otherwise; who comes back after a day takes a snapshot."""
    at = [0.0]
    bus = InProcessBus(monotonic=lambda: at[0])
    old = await bus.append("room:old", {"n": 1})
    await bus.append("room:used", {"n": 1})
    at[0] = 23 * 3600.0
    used = await bus.append("room:used", {"n": 2})
    at[0] = 25 * 3600.0
    await bus.append("room:new", {"n": 1})
    assert (await bus.read_after("room:old", old)).gap
    assert not (await bus.read_after("room:used", used)).gap
    await bus.close()
