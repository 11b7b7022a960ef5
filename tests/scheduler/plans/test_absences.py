"""The absence that a coordinator enters: what falls out, what is marked and proposed, and that it can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.clock import ManualClock
from core.crypto import FieldCipher, KeyRing
from core.db.session import Database
from core.errors import Invalid, NotFound
from scheduler.bookings import NewBooking
from scheduler.calendars.models import CalendarAbsence
from scheduler.calendars.service import BlockInput, CalendarService
from scheduler.lifecycle import BookingState
from scheduler.models import Booking
from scheduler.plans.absences import AWAY, EnteredAbsences
from scheduler.plans.models import Plan, PlanState
from scheduler.pool import regional
from tests.scheduler.booking.test_appointments import at, book, works
from tests.scheduler.world import COORDINATOR, OFFICER, World

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


MORNING, EVENING = (
    BlockInput("2026-11-23T00:00", "2026-11-23T12:00"),
    BlockInput("2026-11-23T11:00", "2026-11-24T00:00"),
)


async def marked(world: World, *bookings: Booking) -> list[bool]:
    """Which of them the boards show as in need of a hand because somebody is away."""
    rows = [await world.booking(one.id) for one in bookings]
    assert all(row.needs_coordinator == (row.reason == AWAY) for row in rows)
    return [row.reason == AWAY for row in rows]


async def test_marks_follow_all_absences_that_stand_whoever_entered_them(
    world: World, absences: EnteredAbsences
) -> None:
    (ill,) = await world.interpreters(1)
    await works(world, ill, (6, 20))
    work = [await book(world, hour) for hour in (8, 10.5, 15)]
    async with world.database.unit(WHO) as uow:
        first = await absences.enter(uow, ill, MORNING, kind="unexpected", countries=RS)
        second = await absences.enter(uow, ill, EVENING, kind="planned", countries=RS)
        own = await absences.enter_own(uow, ill, DAY, kind="sick")
    assert await marked(world, *work) == [True, True, True]
    async with world.database.unit(WHO) as uow:
        await absences.take_back(uow, ill, own.id)
    assert await marked(world, *work) == [True, True, True], "both of the coordinator's stand"
    async with world.database.unit(WHO) as uow:
        await absences.take_back(uow, ill, first.id)
    assert await marked(world, *work) == [False, True, True], "the middle one lies in both"
    async with world.database.read(WHO) as unit:
        plans = {plan.id: plan.state for plan in await unit.session.scalars(select(Plan))}
    assert {plans[one] for one in first.plans} == {PlanState.REJECTED}
    assert {plans[one] for one in second.plans} == {PlanState.PROPOSED}
    async with world.database.unit(WHO) as uow:
        await absences.take_back(uow, ill, second.id)
    assert await marked(world, *work) == [False, False, False]


async def test_an_absence_within_another_one_keeps_its_proposals(world: World, absences: EnteredAbsences) -> None:
    """Both end at the same moment: what is taken back is told from what stands."""
    (ill,) = await world.interpreters(1)
    await works(world, ill, (6, 20))
    kept = await book(world, 15)
    async with world.database.unit(WHO) as uow:
        whole = await absences.enter(uow, ill, DAY, kind="planned", countries=RS)
    async with world.database.unit(WHO) as uow:
        part = await absences.enter(uow, ill, EVENING, kind="unexpected", countries=RS)
    async with world.database.unit(WHO) as uow:
        await absences.take_back(uow, ill, whole.id)
    async with world.database.read(WHO) as unit:
        plans = {plan.id: plan.state for plan in await unit.session.scalars(select(Plan))}
    assert {plans[one] for one in part.plans} == {PlanState.PROPOSED}
    assert await marked(world, kept) == [True]


async def test_exactly_the_broken_work_is_repaired_also_when_the_absence_stands(
    world: World, absences: EnteredAbsences
) -> None:
    (ill,) = await world.interpreters(1)
    await works(world, ill, (6, 20))
    await works(world, ill, (6, 20), day=2)
    early, late, other_day = await book(world, 8), await book(world, 15), await _book_on(world, 9, day=2)
    (third,) = await world.interpreters(1)
    await works(world, third, (14, 20))
    async with world.database.unit(WHO) as uow:
        made = await absences.enter(uow, ill, EVENING, kind="unexpected", countries=RS)
    assert await _cells(world, made.plans) == {(late.id, ill, third)}
    # The absence grows: what it broke before is proposed anew with the rest, for which nobody is there.
    async with world.database.unit(WHO) as uow:
        grown = await absences.enter(uow, ill, DAY, kind="unexpected", countries=RS)
    assert await _cells(world, grown.plans) == {(late.id, ill, third), (early.id, ill, None)}
    # And by hand, while both stand.
    async with world.database.unit(COORDINATOR) as uow:
        by_hand = await world.services.plans.repairs.propose(uow, "RS", [ill], at(world, 0), at(world, 24))
        ids = [plan.id for plan in by_hand]
    assert await _cells(world, ids) == {(late.id, ill, third), (early.id, ill, None)}
    done = await world.services.plans.approval.approve(world.database, WHO, ids[0])
    assert (done.bound, done.stale) == (1, ())
    after = [await world.booking(one.id) for one in (early, late, other_day)]
    assert [row.interpreter_id for row in after[1:]] == [third, ill]
    assert after[0].state is not BookingState.ASSIGNED, "nobody could: it is looked for"


async def _book_on(world: World, hour: float, day: int) -> Booking:
    _, step_id = await world.case()
    new = NewBooking(step_id, "appointment", "pbt", "srp", at(world, hour, day), 60)
    async with world.database.unit(OFFICER) as uow:
        return await world.services.appointments.book(uow, new)


async def _cells(world: World, plans: Sequence[str]) -> set[tuple[str, str | None, str | None]]:
    """What the first proposal says: booking, who had it, who takes it."""
    async with world.database.read(WHO) as unit:
        cells = await world.services.plans.service.cells(unit, plans[0])
    return {(cell.booking_id, cell.before_id, cell.interpreter_id) for cell in cells}
