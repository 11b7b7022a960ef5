"""The absence that a coordinator enters: what falls out, what is marked and proposed, and that it can be taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from core.clock import ManualClock
from core.crypto import FieldCipher, KeyRing
from core.db.session import Database
from core.errors import Invalid, NotFound
from scheduler.calendars.models import CalendarAbsence
from scheduler.calendars.service import BlockInput, CalendarService
from scheduler.lifecycle import BookingState
from scheduler.plans.absences import AWAY, EnteredAbsences
from scheduler.plans.models import Plan, PlanState
from scheduler.pool import regional
from tests.scheduler.booking.test_appointments import at, book, works
from tests.scheduler.world import COORDINATOR, World

WHO = regional(COORDINATOR)
RS = frozenset({"RS"})
DAY = BlockInput("2026-11-23T00:00", "2026-11-24T00:00")


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


@pytest.fixture
def absences(world: World) -> EnteredAbsences:
    plans = world.services.plans
    return EnteredAbsences(CalendarService(FieldCipher(KeyRing.new())), plans.repairs, plans.service)


async def test_what_falls_out_is_told_before_and_somebody_else_is_proposed(
    world: World, absences: EnteredAbsences
) -> None:
    (ill,) = await world.interpreters(1)
    await works(world, ill, (8, 16))
    lost = await book(world, 9)
    (other,) = await world.interpreters(1)
    await works(world, other, (8, 16))
    await book(world, 9)
    async with world.database.read(WHO) as unit:
        effect = await absences.effect(unit, ill, DAY, RS)
        seen_from_mk = await absences.effect(unit, ill, DAY, frozenset({"MK"}))
    (clash,) = effect.clashes
    assert (clash.booking_id, clash.agreed, clash.soon, effect.elsewhere) == (lost.id, True, False, 0)
    assert (seen_from_mk.clashes, seen_from_mk.elsewhere) == ([], 1), "of the other country only how many"
    # Somebody is free at nine: the proposal names them, and nothing is moved before it is approved.
    (third,) = await world.interpreters(1)
    await works(world, third, (8, 16))
    async with world.database.unit(WHO) as uow:
        made = await absences.enter(uow, ill, DAY, kind="unexpected", countries=RS)
    assert made.plans
    row = await world.booking(lost.id)
    assert (row.state, row.interpreter_id) == (BookingState.ASSIGNED, ill)
    assert (row.needs_coordinator, row.reason) == (True, AWAY)
    async with world.database.read(WHO) as unit:
        entered = await unit.session.get_one(CalendarAbsence, made.id)
        cells = await world.services.plans.service.cells(unit, made.plans[0])
    assert (entered.entered_by, entered.kind, entered.reason) == (COORDINATOR.code, "unexpected", None)
    assert [(cell.booking_id, cell.before_id, cell.interpreter_id) for cell in cells] == [(lost.id, ill, third)]
    done = await world.services.plans.approval.approve(world.database, WHO, made.plans[0])
    assert done.bound == 1
    row = await world.booking(lost.id)
    assert (row.interpreter_id, row.needs_coordinator, row.reason) == (third, False, None)


async def test_taken_back_the_proposal_is_put_aside_and_the_work_stays(world: World, absences: EnteredAbsences) -> None:
    (ill,) = await world.interpreters(1)
    await works(world, ill, (8, 16))
    kept = await book(world, 9)
    async with world.database.unit(WHO) as uow:
        made = await absences.enter(uow, ill, DAY, kind="planned", countries=RS)
    async with world.database.unit(WHO) as uow:
        with pytest.raises(NotFound, match="entry_unknown"):
            await absences.take_back(uow, "interpreter_x", made.id)
    async with world.database.unit(WHO) as uow:
        await absences.take_back(uow, ill, made.id)
    row = await world.booking(kept.id)
    assert (row.state, row.interpreter_id, row.needs_coordinator, row.reason) == (
        BookingState.ASSIGNED, ill, False, None,
    )  # fmt: skip
    async with world.database.read(WHO) as unit:
        assert {plan.state for plan in await unit.session.scalars(select(Plan))} <= {PlanState.REJECTED}
        assert (await unit.session.scalars(select(CalendarAbsence))).all() == []
        assert (await absences.effect(unit, ill, DAY, RS)).clashes
    # The time is the person's own again: an appointment in it finds somebody.
    assert (await book(world, 13)).state in (BookingState.ASSIGNED, BookingState.OFFERING)


async def test_a_coordinator_says_nothing_of_health(world: World, absences: EnteredAbsences) -> None:
    (who,) = await world.interpreters(1)
    for kind in ("sick", "family", "holiday"):
        with pytest.raises(Invalid, match="value_unknown"):
            async with world.database.unit(WHO) as uow:
                await absences.enter(uow, who, DAY, kind=kind, countries=RS)
    with pytest.raises(Invalid, match="time_order"):
        async with world.database.unit(WHO) as uow:
            await absences.enter(uow, who, BlockInput(DAY.ends_local, DAY.starts_local), kind="planned", countries=RS)


async def test_work_that_begins_at_once_has_no_proposal(world: World, absences: EnteredAbsences) -> None:
    (who,) = await world.interpreters(1)
    await works(world, who, (8, 16))
    soon = await book(world, 9)
    world.clock.advance((at(world, 9) - world.clock.now() - timedelta(minutes=10)).total_seconds())
    async with world.database.unit(WHO) as uow:
        made = await absences.enter(uow, who, DAY, kind="unexpected", countries=RS)
    assert [clash.soon for clash in made.effect.clashes] == [True]
    assert list(made.plans) == []
    assert (await world.booking(soon.id)).reason == AWAY
