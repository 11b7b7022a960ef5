"""Plans over the database: searched by the job, compared, pinned, approved through the one path that binds; repairs; why not."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.db.session import Database
from core.errors import Conflict, Invalid
from core.jobs import LeaseStore
from scheduler.lifecycle import AssignmentState, BookingState
from scheduler.models import Interpreter
from scheduler.plans.models import CellState, Plan, PlanCell, PlanState
from scheduler.plans.views import PlanView
from tests.scheduler.world import COORDINATOR, SYSTEM, World, pair


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def appointment(world: World, hours: float, minutes: int = 60) -> str:
    """An appointment for which nobody is found yet: no interpreter is there when it is asked for."""
    return await world.request(kind="appointment", in_hours=hours, minutes=minutes)


async def ask(world: World, seconds: int = 5) -> str:
    now = world.clock.now()
    async with world.database.unit(COORDINATOR) as uow:
        plan = await world.services.plans.service.ask(uow, "RS", now, now + timedelta(days=14), seconds=seconds)
    return plan.id


async def search(world: World) -> None:
    """What the leased job does once."""
    lease = await LeaseStore(world.database, "here").acquire("plans.search", 60)
    assert lease is not None
    await asyncio.wait_for(world.services.plans.runs.run(lease), 60)


async def plan_of(world: World, plan_id: str) -> tuple[Plan, list[PlanCell]]:
    async with world.database.read(SYSTEM) as unit:
        plans = world.services.plans.service
        return await plans.get(unit, plan_id), await plans.cells(unit, plan_id)


async def view_of(world: World, plan_id: str) -> PlanView:
    async with world.database.read(COORDINATOR) as unit:
        return await world.services.plans.views.plan(unit, plan_id)


async def test_a_plan_is_searched_and_approved(world: World) -> None:
    early, late, other = await appointment(world, 24), await appointment(world, 24.5), await appointment(world, 48)
    await world.interpreters(2)
    plan_id = await ask(world)
    with pytest.raises(Conflict, match="plan_running"):
        await ask(world)
    await search(world)
    plan, cells = await plan_of(world, plan_id)
    assert plan.state is PlanState.PROPOSED
    assert plan.bookings == 3
    assert plan.left_out == 0
    assert plan.bound is not None
    assert plan.total is not None
    assert plan.bound <= plan.total
    by_booking = {cell.booking_id: cell.interpreter_id for cell in cells}
    assert by_booking[early] != by_booking[late]

    done = await world.services.plans.approval.approve(world.database, COORDINATOR, plan_id)
    assert (done.bound, done.stale, done.remaining) == (3, (), 0)
    for booking_id in (early, late, other):
        booking = await world.booking(booking_id)
        assert booking.state is BookingState.ASSIGNED
        assert booking.interpreter_id == by_booking[booking_id]


async def test_approval_tells_what_is_stale_and_binds_the_rest(world: World) -> None:
    early, other = await appointment(world, 24), await appointment(world, 48)
    (who,) = await world.interpreters(1)
    plan_id = await ask(world)
    await search(world)
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.bookings.place(uow, other, interpreter_id=who)
    done = await world.services.plans.approval.approve(world.database, COORDINATOR, plan_id)
    assert done.bound == 1
    assert done.stale == ((other, "booking_taken"),)
    assert (await world.booking(early)).interpreter_id == who
    assert len([row for row in await world.assignments(other) if row.state is AssignmentState.ACTIVE]) == 1


async def test_a_pin_holds_in_the_next_plan_and_versions_can_be_compared(world: World) -> None:
    booking_id = await appointment(world, 24)
    people = await world.interpreters(3)
    first = await ask(world)
    await search(world)
    _, cells = await plan_of(world, first)
    pinned = next(who for who in people if who != cells[0].interpreter_id)
    async with world.database.unit(COORDINATOR) as uow:
        # Somebody else than the plan says: the coordinator's word is what counts.
        cell = await uow.session.get(PlanCell, (first, booking_id, 1))
        assert cell is not None
        cell.interpreter_id = pinned
        await uow.flush()
        await world.services.plans.service.pin(uow, first, booking_id, 1, pinned=True)
    second = await ask(world)
    await search(world)
    _, cells = await plan_of(world, second)
    assert [(cell.interpreter_id, cell.pinned) for cell in cells] == [(pinned, True)]
    view = await view_of(world, second)
    assert view["against"] == 1
    assert view["cells"][0]["before"] == view["cells"][0]["interpreter"]
    assert (await plan_of(world, first))[0].state is PlanState.STALE


async def test_a_search_that_is_stopped_proposes_what_it_has(world: World) -> None:
    await appointment(world, 24)
    await world.interpreters(1)
    plan_id = await ask(world, seconds=60)
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.plans.service.stop(uow, plan_id)
    await search(world)
    plan, cells = await plan_of(world, plan_id)
    assert plan.state is PlanState.PROPOSED
    assert cells[0].interpreter_id is not None


async def test_a_drop_out_is_repaired_all_or_nothing(world: World) -> None:
    bookings = [await appointment(world, 24), await appointment(world, 26)]
    (ill,) = await world.interpreters(1)
    plan_id = await ask(world)
    await search(world)
    assert (await world.services.plans.approval.approve(world.database, COORDINATOR, plan_id)).bound == 2
    (well,) = await world.interpreters(1)
    now = world.clock.now()
    async with world.database.unit(COORDINATOR) as uow:
        with pytest.raises(Invalid, match="nothing_to_repair"):
            await world.services.plans.repairs.propose(uow, "RS", [well], now, now + timedelta(days=3))
        proposals = await world.services.plans.repairs.propose(uow, "RS", [ill], now, now + timedelta(days=3))
        ids = [plan.id for plan in proposals]
    view = await view_of(world, ids[0])
    assert {cell["before"] for cell in view["cells"]} == {"I-0001"}
    assert {cell["interpreter"] for cell in view["cells"]} == {"I-0002"}
    assert not any(cell["moved"] for cell in view["cells"])
    done = await world.services.plans.approval.approve(world.database, COORDINATOR, ids[0])
    assert (done.bound, done.stale) == (2, ())
    assert {(await world.booking(booking_id)).interpreter_id for booking_id in bookings} == {well}


async def test_a_repair_that_is_refused_changes_nothing(world: World) -> None:
    booking_id = await appointment(world, 24)
    (ill,) = await world.interpreters(1)
    plan_id = await ask(world)
    await search(world)
    await world.services.plans.approval.approve(world.database, COORDINATOR, plan_id)
    (well,) = await world.interpreters(1)
    now = world.clock.now()
    async with world.database.unit(COORDINATOR) as uow:
        (plan,) = await world.services.plans.repairs.propose(uow, "RS", [ill], now, now + timedelta(days=3))
    async with world.database.unit(SYSTEM) as uow:
        person = await uow.session.get_one(Interpreter, well)
        person.vetting_expires = now
    done = await world.services.plans.approval.approve(world.database, COORDINATOR, plan.id)
    assert done.bound == 0
    assert done.stale == ((booking_id, "M-2.vetting"),)
    assert (await world.booking(booking_id)).interpreter_id == ill
    after, cells = await plan_of(world, plan.id)
    assert after.state is PlanState.STALE
    assert cells[0].state is CellState.STALE


async def test_what_a_repair_frees_goes_to_the_waiting_list(world: World) -> None:
    """Who hands a long talk on to take over a short one is free afterwards: the oldest that waits for that time gets it."""
    lost = await world.request(kind="appointment", language="pes", in_hours=24, minutes=60)
    handed_on = await world.request(kind="appointment", in_hours=24, minutes=120)
    waits = await world.request(kind="appointment", language="pes", in_hours=25.5, minutes=20)
    (ill,) = await world.interpreters(1, pairs=[pair("pes", "srp")], max_minutes_day=60)
    (both,) = await world.interpreters(1, pairs=[pair("pes", "srp"), pair("pbt", "srp")])
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.bookings.place(uow, lost, interpreter_id=ill)
        await world.services.bookings.place(uow, handed_on, interpreter_id=both)
    assert await world.offers(waits) == []
    (well,) = await world.interpreters(1, pairs=[pair("pbt", "srp")])
    now = world.clock.now()
    async with world.database.unit(COORDINATOR) as uow:
        proposals = await world.services.plans.repairs.propose(uow, "RS", [ill], now, now + timedelta(days=3))
        moving = proposals[-1].id
    done = await world.services.plans.approval.approve(world.database, COORDINATOR, moving)
    assert (done.bound, done.stale) == (2, ())
    assert [(await world.booking(one)).interpreter_id for one in (lost, handed_on)] == [both, well]
    assert [offer.interpreter_id for offer in await world.offers(waits)] == [both]


async def test_why_not_names_the_rule_and_the_numbers(world: World) -> None:
    first, second = await appointment(world, 24, 150), await appointment(world, 27, 150)
    who, man = await world.interpreters(2, max_minutes_day=240)
    async with world.database.unit(COORDINATOR) as uow:
        why = await world.services.plans.views.why_not(uow, second, who)
        assert why["reasons"] == []
        assert why["points"] is not None
        await world.services.bookings.place(uow, first, interpreter_id=who)
    async with world.database.unit(COORDINATOR) as uow:
        why = await world.services.plans.views.why_not(uow, second, who)
    assert why["interpreter"] == "I-0001"
    assert "M-2.day_limit" in {reason["rule"] for reason in why["reasons"]}
    assert why["points"] is None
    assert man != who
