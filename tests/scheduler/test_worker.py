"""Timed work: join leases, appointments, no-shows, giving up, sealing, sessions that run over."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.db.session import Database
from records.case_write import NewCase
from records.lifecycle import Outcome, SessionState
from scheduler.lifecycle import AssignmentState, BookingState
from scheduler.models import Booking
from tests.scheduler.world import OFFICER, STEP, SYSTEM, World


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def test_who_accepts_and_does_not_come_is_released_and_the_others_are_rung(
    world: World, clock: ManualClock
) -> None:
    people = await world.interpreters(3)
    booking = await world.request()
    absent = (await world.offers(booking))[0]
    session_id = (await world.accept(absent))["session_id"]
    await world.enter(session_id, "officer")
    clock.advance(19)
    await world.worker.tick()
    assert (await world.booking(booking)).state is BookingState.ASSIGNED
    clock.advance(1)
    await world.stay(*people)
    await world.worker.tick()
    row = await world.booking(booking)
    assert row.state is BookingState.OFFERING
    rung = {offer.interpreter_id for offer in await world.offers(booking)}
    assert rung == set(people) - {absent.interpreter_id}
    assert [(a.state, a.reason) for a in await world.assignments(booking)] == [(AssignmentState.BROKEN, "not_joined")]
    assert (await world.session(session_id)).state is SessionState.WAITING
    other = (await world.offers(booking))[0]
    assert (await world.accept(other))["session_id"] == session_id


async def test_who_is_in_the_room_keeps_the_booking(world: World, clock: ManualClock) -> None:
    await world.interpreters(1)
    booking = await world.request()
    session_id = (await world.accept((await world.offers(booking))[0]))["session_id"]
    await world.enter(session_id, "interpreter")
    clock.advance(120)
    await world.worker.tick()
    row = await world.booking(booking)
    assert (row.state, row.join_by) == (BookingState.ASSIGNED, None)
    clock.advance(14 * 60)
    await world.worker.tick()
    row = await world.booking(booking)
    assert (row.state, row.reason) == (BookingState.MISSED, "officer_absent")
    assert (await world.session(session_id)).state is SessionState.NOT_HELD


async def test_the_room_of_an_appointment_opens_and_a_no_show_is_missed(world: World, clock: ManualClock) -> None:
    await world.interpreters(1, available=False)
    booking = await world.request(kind="appointment", in_hours=2, minutes=30)
    session_id = (await world.accept((await world.offers(booking))[0]))["session_id"]
    row = await world.booking(booking)
    clock.advance(110 * 60 - 1)
    await world.worker.tick()
    told = len(await world.events("assignment.changed"))
    clock.advance(1)
    await world.worker.tick()
    assert len(await world.events("assignment.changed")) == told + 1
    await world.enter(session_id, "officer")
    clock.advance(25 * 60)
    await world.worker.tick()
    row = await world.booking(booking)
    assert (row.state, row.reason) == (BookingState.MISSED, "interpreter_absent")
    assert (await world.session(session_id)).state is SessionState.NOT_HELD
    assert [a.state for a in await world.assignments(booking)] == [AssignmentState.BROKEN]


async def test_an_appointment_with_both_in_the_room_has_until_its_end_to_begin(
    world: World, clock: ManualClock
) -> None:
    await world.interpreters(1, available=False)
    booking = await world.request(kind="appointment", in_hours=1, minutes=30)
    session_id = (await world.accept((await world.offers(booking))[0]))["session_id"]
    clock.advance(55 * 60)
    for part in ("officer", "interpreter"):
        await world.enter(session_id, part)
    clock.advance(20 * 60)
    await world.worker.tick()
    assert (await world.booking(booking)).state is BookingState.ASSIGNED
    clock.advance(15 * 60)
    await world.worker.tick()
    row = await world.booking(booking)
    assert (row.state, row.reason) == (BookingState.MISSED, "connection_failed")


async def test_an_unanswered_appointment_goes_to_the_next_and_then_to_the_coordinator(
    world: World, clock: ManualClock
) -> None:
    await world.interpreters(4, available=False)
    booking = await world.request(kind="appointment", in_hours=4, minutes=30)
    assert len(await world.offers(booking)) == 3
    clock.advance(3600)
    await world.worker.tick()
    assert len(await world.offers(booking)) == 1
    clock.advance(3600)
    await world.worker.tick()
    row = await world.booking(booking)
    assert (row.state, row.needs_coordinator) == (BookingState.UNFILLED, True)
    clock.advance(2 * 3600 + 15 * 60)
    await world.worker.tick()
    assert (await world.booking(booking)).state is BookingState.MISSED


async def test_a_request_for_now_is_given_up_after_an_hour_and_a_callback_after_twelve(
    world: World, clock: ManualClock
) -> None:
    plain = await world.request()
    called = await world.request()
    async with world.database.unit(OFFICER) as uow:
        await world.services.bookings.callback(uow, called)
    clock.advance(3600)
    await world.worker.tick()
    assert (await world.booking(plain)).state is BookingState.MISSED
    assert (await world.booking(called)).state is BookingState.UNFILLED
    (person,) = await world.interpreters(1)
    assert [offer.interpreter_id for offer in await world.offers(called)] == [person]


async def test_a_session_that_runs_over_keeps_its_interpreter(world: World, clock: ManualClock) -> None:
    (person,) = await world.interpreters(1)
    booking = await world.request(minutes=10)
    await world.talk(booking)
    clock.advance(10 * 60)
    await world.stay(person)
    await world.worker.tick()
    (assignment,) = await world.assignments(booking)
    assert assignment.busy_until == clock.now() + timedelta(minutes=15)
    clock.advance(20 * 60)
    await world.stay(person)
    assert await world.offers(await world.request()) == []


async def test_a_session_whose_process_died_after_its_end_is_sealed(world: World, clock: ManualClock) -> None:
    await world.interpreters(1)
    session_id = await world.talk(await world.request())
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.finish(uow, session_id, outcome=Outcome.COMPLETED)
    await world.worker.tick()
    assert (await world.session(session_id)).state is SessionState.ENDED
    clock.advance(60)
    await world.worker.tick()
    session = await world.session(session_id)
    assert session.state is SessionState.SEALED
    assert session.seal_hash == session.last_hash


async def test_a_temporary_case_is_told_when_its_day_is_over(world: World, clock: ManualClock) -> None:
    new = NewCase(country="RS", site="RS-PRESEVO", age_group="18-64", first_step=STEP, emergency=True)
    async with world.database.unit(OFFICER) as uow:
        case = await world.cases.open(uow, new)
    assert case["emergency"]
    before = len(await world.events("case.changed"))
    clock.advance(24 * 3600)
    await world.worker.tick()
    await world.worker.tick()
    assert len(await world.events("case.changed")) == before + 1


async def test_the_loop_wakes_on_news_and_ends_when_cancelled(world: World, clock: ManualClock) -> None:
    await world.interpreters(1)
    news = asyncio.Event()
    stops = [world.database.on_news(world.worker.wake), world.database.on_news(news.set)]
    loop = asyncio.create_task(world.worker.run())
    booking = await world.request()
    clock.advance(20)
    world.worker.wake()
    async with asyncio.timeout(30):
        while (await world.booking(booking)).state is not BookingState.UNFILLED:
            await news.wait()
            news.clear()
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop
    for stop in stops:
        stop()


async def test_work_that_breaks_keeps_nothing_else_from_being_done(world: World, clock: ManualClock) -> None:
    """A booking that cannot be read stands before all others in the line: they are worked off all the same."""
    people = await world.interpreters(6)
    broken, fine = await world.request(), await world.request()
    async with world.database.unit(SYSTEM) as uow:
        (await uow.session.get_one(Booking, broken)).need = {}
    clock.advance(21)
    await world.stay(*people)
    due = await world.worker.tick()
    assert (await world.booking(broken)).round == 1
    assert (await world.booking(fine)).round == 2
    assert due >= clock.now() + timedelta(seconds=1), "what broke is not looked at again at once"
