"""How many statements an acceptance takes: each is a way to the database and back while the booking's row is held."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from core.clock import ManualClock
from core.db.session import Database
from scheduler.lifecycle import BookingState
from tests.scheduler.world import World

MOST = 49


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def test_an_acceptance_takes_few_statements(world: World) -> None:
    await world.interpreters(8)
    booking = await world.request()
    offers = await world.offers(booking)
    seen: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(" ".join(statement.split())[:100])

    event.listen(world.database.engine.sync_engine, "before_cursor_execute", count)
    await world.accept(offers[0])
    event.remove(world.database.engine.sync_engine, "before_cursor_execute", count)
    assert (await world.booking(booking)).state is BookingState.ASSIGNED
    assert len(seen) <= MOST, "\n".join(seen)
