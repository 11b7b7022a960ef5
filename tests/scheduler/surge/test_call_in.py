"""The reserve is called in while the switch is on: who is on call and can be reached, once in three hours, and nobody else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.clock import ManualClock
from core.db.session import Database, ReadUnit
from core.notify import Delivery, Means, NoPush, Note, Ports
from scheduler.demand.counts import DemandCounts
from scheduler.demand.forecasts import Forecasts
from scheduler.ring.models import ReachAttempt
from scheduler.surge.call_in import REPORT_IN, CallInReserve
from scheduler.surge.rule import SurgeState, Switch
from scheduler.surge.states import ByHand, SurgeStates
from scheduler.surge.watch import SurgeWatch
from tests.scheduler.world import COORDINATOR, SYSTEM, World

STATES = SurgeStates()


class Texts:
    """A carrier that has the number of some people."""

    configured = True

    def __init__(self) -> None:
        self.known: set[str] = set()

    async def reaches(self, unit: ReadUnit, person_ids: Iterable[str]) -> frozenset[str]:
        return frozenset(self.known & set(person_ids))

    async def call(self, person_id: str, note: Note) -> Delivery:
        return Delivery.SENT


class Pressed:
    """A country whose watch can call."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.texts = Texts()
        self.world = World(database, clock, ports=Ports(NoPush(), self.texts, self.texts))
        counts = DemandCounts()
        self.watch = SurgeWatch(database, STATES, counts, Forecasts(counts), clock)

    async def look(self) -> None:
        self.watch.reserve = CallInReserve(self.world.services.reach)
        await self.watch.look("RS")

    async def set(self, state: SurgeState, switches: dict[Switch, bool | None] | None = None) -> None:
        wish = ByHand(reason="exercise", state=state, hold=timedelta(hours=12), switches=switches)
        async with self.world.database.unit(COORDINATOR) as uow:
            await STATES.set_by_hand(uow, "RS", wish)

    async def asked(self) -> list[tuple[str, str]]:
        async with self.world.database.read(SYSTEM) as unit:
            rows = await unit.session.scalars(
                select(ReachAttempt).where(ReachAttempt.kind == "call_in", ReachAttempt.means == Means.SMS.value)
            )
            return sorted((row.interpreter_id, row.country) for row in rows)


@pytest.fixture
async def pressed(database: Database, clock: ManualClock) -> Pressed:
    made = Pressed(database, clock)
    await made.world.begin()
    return made


async def test_amber_asks_everybody_on_call_who_is_not_there_once_in_three_hours(
    pressed: Pressed, clock: ManualClock
) -> None:
    world = pressed.world
    away, no_number, off_duty = await world.interpreters(3, available=False)
    (on_line,) = await world.interpreters(1)
    for who in (away, no_number, on_line):
        await world.on_call(who, hours=9)
    pressed.texts.known = {away, off_duty, on_line}
    await pressed.look()
    assert await pressed.asked() == [], "nobody in GREEN"
    await pressed.set(SurgeState.AMBER)
    await pressed.look()
    await pressed.look()
    assert await pressed.asked() == [(away, "RS")]
    clock.advance(REPORT_IN.total_seconds() + 1)
    await pressed.look()
    assert set(await pressed.asked()) == {(away, "RS"), (on_line, "RS")}, "the page of the other was closed meanwhile"
    assert len(await pressed.asked()) == 3


async def test_a_hand_keeps_the_reserve_at_home(pressed: Pressed) -> None:
    (away,) = await pressed.world.interpreters(1, available=False)
    await pressed.world.on_call(away)
    pressed.texts.known = {away}
    await pressed.set(SurgeState.RED, {Switch.CALL_IN_RESERVE: False})
    await pressed.look()
    assert await pressed.asked() == []
    await pressed.set(SurgeState.GREEN, {Switch.CALL_IN_RESERVE: True})
    await pressed.look()
    assert await pressed.asked() == [(away, "RS")]
