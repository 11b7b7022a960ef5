"""The draft that is made every night: for each country with appointments, once, also in the nights in which the clock is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from core.clock import ManualClock
from core.db.session import Database
from core.jobs import Lease, LeaseStore
from scheduler.bookings import NewBooking
from scheduler.plans.models import Plan, PlanKind, PlanState
from scheduler.plans.runs import NIGHTLY_AHEAD
from tests.scheduler.world import COORDINATOR, MK_OFFICER, SYSTEM, World


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


class Night:
    """The job of one process."""

    def __init__(self, world: World, lease: Lease) -> None:
        self.world, self._lease = world, lease

    @classmethod
    async def begin(cls, world: World) -> Night:
        lease = await LeaseStore(world.database, "here").acquire("plans.search", 10_000_000)
        assert lease is not None
        return cls(world, lease)

    async def at(self, year: int, month: int, day: int, hour: int, minute: int) -> list[Plan]:
        """All plans after the job has looked at this moment (UTC)."""
        clock = self.world.clock
        clock.advance((datetime(year, month, day, hour, minute, tzinfo=UTC) - clock.now()).total_seconds())
        await self.world.services.plans.runs.nightly(self._lease)
        async with self.world.database.read(SYSTEM) as unit:
            return list(await unit.session.scalars(select(Plan).order_by(Plan.country, Plan.version)))

    async def propose(self) -> None:
        """The searches of all drafts end."""
        async with self.world.database.unit(SYSTEM) as uow:
            for plan in await uow.session.scalars(select(Plan).where(Plan.state == PlanState.DRAFT)):
                await self.world.services.plans.service.propose(uow, plan)


async def appointment(world: World, at: datetime) -> None:
    hours = (at - world.clock.now()) / timedelta(hours=1)
    await world.request(kind="appointment", in_hours=hours)


async def macedonian(world: World, at: datetime) -> None:
    _, step = await world.case(step="MK-ID-10", actor=MK_OFFICER)
    async with world.database.unit(MK_OFFICER) as uow:
        await world.services.bookings.request(uow, NewBooking(step, "appointment", "pbt", "mkd", at, 20))


async def test_each_country_with_appointments_has_one_draft_a_night(world: World) -> None:
    await appointment(world, datetime(2026, 12, 1, 10, tzinfo=UTC))
    night = await Night.begin(world)
    assert await night.at(2026, 11, 23, 1, 29) == [], "02:29 in Belgrade"
    (plan,) = await night.at(2026, 11, 23, 1, 30)
    assert (plan.country, plan.kind, plan.state) == ("RS", PlanKind.NIGHTLY, PlanState.DRAFT)
    assert plan.ends_at - plan.starts_at == NIGHTLY_AHEAD
    await macedonian(world, datetime(2026, 12, 1, 10, tzinfo=UTC))
    assert [one.country for one in await night.at(2026, 11, 23, 1, 31)] == ["MK", "RS"]
    await night.propose()
    assert len(await night.at(2026, 11, 23, 1, 32)) == 2, "once a night, however soon the search has ended"
    assert [one.country for one in await night.at(2026, 11, 24, 1, 45)] == ["MK", "MK", "RS", "RS"]


async def test_not_by_day_nor_without_appointments_nor_beside_a_draft(world: World) -> None:
    night = await Night.begin(world)
    assert await night.at(2026, 11, 23, 2, 0) == [], "nothing to plan"
    await appointment(world, datetime(2027, 1, 15, 10, tzinfo=UTC))
    assert await night.at(2026, 11, 23, 2, 1) == [], "beyond four weeks"
    await appointment(world, datetime(2026, 12, 1, 10, tzinfo=UTC))
    assert await night.at(2026, 11, 23, 4, 31) == [], "who was not there by half past five leaves it"
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.plans.service.ask(uow, "RS", uow.now, uow.now + timedelta(days=14))
    (asked,) = await night.at(2026, 11, 24, 2, 0)
    assert asked.kind is PlanKind.ON_DEMAND, "somebody's draft is being searched"
    await night.propose()
    assert [one.kind for one in await night.at(2026, 11, 24, 2, 5)] == [PlanKind.ON_DEMAND, PlanKind.NIGHTLY]


@pytest.mark.parametrize(
    ("day", "first"),
    [((2027, 3, 28), (1, 30)), ((2027, 10, 31), (0, 30))],
    ids=["the hour that is left out", "the hour that comes twice"],
)
async def test_once_in_the_nights_in_which_the_clock_is_moved(
    world: World, day: tuple[int, int, int], first: tuple[int, int]
) -> None:
    night = await Night.begin(world)
    begin = datetime(*day, tzinfo=UTC)
    world.clock.advance((begin - timedelta(hours=9) - world.clock.now()).total_seconds())
    await appointment(world, begin + timedelta(days=3, hours=12))
    made: list[datetime] = []
    for minutes in range(0, 300, 15):
        at = begin + timedelta(minutes=minutes)
        plans = await night.at(at.year, at.month, at.day, at.hour, at.minute)
        made += [at] * (len(plans) - len(made))
        await night.propose()
    assert made == [datetime(*day, *first, tzinfo=UTC)]
