"""Counting: the right half-hour, once, without anything but numbers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.db.session import Database
from core.errors import Invalid
from scheduler.demand.counts import Counted, DemandCounts
from scheduler.demand.models import DemandCount, DemandForecast, DemandSpan
from scheduler.demand.slots import slot_start
from tests.scheduler.world import SYSTEM, World

COUNTS = DemandCounts()


async def counted(database: Database, country: str = "RS") -> int:
    async with database.unit(SYSTEM) as uow:
        return await COUNTS.count(uow, country)


async def rows(database: Database, clock: ManualClock, country: str = "RS") -> list[Counted]:
    async with database.read(SYSTEM) as unit:
        start = clock.now() - timedelta(days=2)
        return await COUNTS.read(unit, country, start=start, end=clock.now() + timedelta(days=2))


async def test_requests_fall_into_their_half_hour_once(database: Database, clock: ManualClock) -> None:
    world = await World(database, clock).begin()
    begin = slot_start(clock.now())
    await world.request(language="pbt")
    clock.advance(29 * 60)
    await world.request(language="pbt")
    await world.request(language="pes", kind="appointment", in_hours=1)
    assert await counted(database) == 0, "the half-hour is not over"
    clock.advance(120)
    await world.request(language="pes")
    assert await counted(database) == 1
    clock.advance(3600)
    assert await counted(database) == 2
    assert await counted(database) == 0
    assert await rows(database, clock) == [
        Counted(begin, "pbt", 2, 0),
        Counted(begin + timedelta(minutes=30), "pes", 1, 0),
        Counted(begin + timedelta(minutes=60), "pes", 0, 1),
    ]
    assert await rows(database, clock, "MK") == []
    async with database.read(SYSTEM) as unit:
        assert await COUNTS.arrived(unit, "RS", start=begin, end=clock.now()) == 3


async def test_counts_of_an_earlier_system_end_where_the_own_begin(database: Database, clock: ManualClock) -> None:
    now = slot_start(clock.now())
    week = timedelta(weeks=1)
    old = [Counted(now - week, "apc", 4), Counted(now - timedelta(hours=1), "apc", 2)]
    async with database.unit(SYSTEM) as uow:
        await COUNTS.take_over(uow, "RS", old, start=now - week, end=now)
        await COUNTS.take_over(uow, "RS", [], start=now - 2 * week, end=now - week)
    assert await counted(database) == 0
    async with database.read(SYSTEM) as unit:
        span = await COUNTS.span(unit, "RS")
    assert span is not None
    assert (span.counted_from, span.counted_until) == (now - 2 * week, now)
    for wrong, code in (([], "counts_overlap"), ([Counted(now, "apc", 1)], "counts_outside")):
        with pytest.raises(Invalid) as refused:
            async with database.unit(SYSTEM) as uow:
                await COUNTS.take_over(uow, "RS", wrong, start=now - week, end=now)
        assert refused.value.code == code


def test_nothing_in_the_tables_points_at_anybody() -> None:
    names = {column.name for model in (DemandCount, DemandSpan, DemandForecast) for column in model.__table__.columns}
    assert not {name for name in names if "case" in name or "user" in name or "person" in name or "interpreter" in name}
