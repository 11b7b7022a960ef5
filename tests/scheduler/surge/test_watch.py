"""Readings of the real queue: what came against the forecast, and how long the urgent wait."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.clock import ManualClock
from core.db.session import Database
from scheduler.demand.counts import Counted, DemandCounts
from scheduler.demand.fitting import in_thread
from scheduler.demand.forecasts import Forecasts
from scheduler.demand.slots import slot_start, slots_between
from scheduler.surge.rule import SurgeState
from scheduler.surge.states import SurgeNow, SurgeStates
from scheduler.surge.watch import SurgeWatch
from tests.scheduler.world import SYSTEM, World

COUNTS = DemandCounts()
FORECASTS = Forecasts(COUNTS, fit=in_thread)
STATES = SurgeStates()


async def state(database: Database) -> SurgeNow:
    async with database.read(SYSTEM) as unit:
        return await STATES.current(unit, "RS")


async def known_weeks(database: Database, now: datetime, per_slot: int) -> None:
    """Four weeks in which every half-hour had ``per_slot`` requests, and the forecast made from them."""
    start = slot_start(now) - timedelta(weeks=4)
    rows = [Counted(at, "pbt", per_slot) for at in slots_between(start, slot_start(now))]
    async with database.unit(SYSTEM) as uow:
        await COUNTS.take_over(uow, "RS", rows, start=start, end=slot_start(now))
    assert await FORECASTS.make(database, "RS") is not None


async def test_a_rush_raises_the_state_and_an_hour_of_calm_lowers_it(database: Database, clock: ManualClock) -> None:
    world = await World(database, clock).begin()
    watch = SurgeWatch(database, STATES, COUNTS, FORECASTS, clock)
    await known_weeks(database, clock.now(), 1)
    await watch.look("RS")
    assert (await state(database)).state is SurgeState.GREEN
    for _ in range(9):
        await world.request()
        clock.advance(60)
    await watch.look("RS")
    found = await state(database)
    assert found.state is SurgeState.AMBER, "9 in two hours where 4 were expected"
    async with database.read(SYSTEM) as unit:
        reading = await watch.read(unit, "RS", 1.0)
        doubled = await watch.read(unit, "RS", 2.0)
    assert reading.arrivals == 9
    assert 3.5 < reading.expected < 4.5
    assert doubled.expected == 2 * reading.expected
    clock.advance(7200)
    await watch.look("RS")
    clock.advance(3600)
    await watch.look("RS")
    assert (await state(database)).state is SurgeState.GREEN


async def test_an_urgent_request_that_waits_is_red_without_any_forecast(database: Database, clock: ManualClock) -> None:
    world = await World(database, clock).begin()
    watch = SurgeWatch(database, STATES, COUNTS, FORECASTS, clock)
    _, step_id = await world.case(uam="suspected")
    await world.request(step_id)
    clock.advance(599)
    await watch.look("RS")
    assert (await state(database)).state is SurgeState.GREEN
    clock.advance(2)
    await watch.look("RS")
    assert (await state(database)).state is SurgeState.RED
