"""The fifth that surge leaves to booked work (M-10), on paper and in the database; and nobody starves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from core.clock import ManualClock
from core.db.session import Database
from core.errors import Conflict
from scheduler.models import Booking
from scheduler.ring.reserve import KEPT, Capacity, aged_class, aged_class_sql, is_under_reserve, reserve_of
from tests.scheduler.world import COORDINATOR, SYSTEM, World


@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 90), st.integers(2, 20))
def test_the_reserve_is_the_share_or_the_appointments_whichever_is_less(
    people: int, booked: int, percent: int, smallest: int
) -> None:
    reserve = reserve_of(people, booked, percent=percent, smallest=smallest)
    assert 0 <= reserve <= booked
    if people < smallest:
        assert reserve == 0
    elif reserve < booked:
        assert reserve * 100 >= people * percent > (reserve - 1) * 100


@given(st.integers(5, 60), st.integers(0, 60), st.lists(st.sampled_from(["P1", "P2", "P3", "P4", "P5"]), max_size=80))
def test_requests_for_now_never_eat_the_last_fifth(people: int, booked: int, requests: list[str]) -> None:
    reserve = reserve_of(people, booked, percent=20, smallest=5)
    free = people
    for priority in requests:
        kept = is_under_reserve("now", priority) and Capacity(people, free, booked, reserve).is_kept
        if kept or free == 0:
            assert priority != "P1" or free == 0
            continue
        if is_under_reserve("now", priority):
            assert free - 1 >= reserve
        free -= 1
    if "P1" not in requests:
        assert free >= min(reserve, people)


@given(st.sampled_from(["P1", "P2", "P3", "P4", "P5"]), st.integers(0, 200), st.integers(0, 200))
def test_waiting_only_ever_helps_and_never_up_to_the_urgent(priority: str, early: int, late: int) -> None:
    shorter, longer = sorted((early, late))
    before, after = (aged_class(priority, timedelta(minutes=minutes)) for minutes in (shorter, longer))
    assert after <= before <= int(priority[1])
    assert (after == 1) == (priority == "P1")
    if priority != "P1":
        assert aged_class(priority, timedelta(minutes=30)) == 2


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def as_class(world: World, booking: str, priority: str) -> None:
    async with world.database.unit(SYSTEM) as uow:
        await uow.session.execute(update(Booking).where(Booking.id == booking).values(priority=priority))


async def test_the_database_ages_as_the_rule_says(world: World, clock: ManualClock) -> None:
    made = []
    for priority in ("P1", "P2", "P3", "P5"):
        made.append(await world.request())
        await as_class(world, made[-1], priority)
    for minutes in (0, 9, 10, 19, 20, 31):
        async with world.database.read(SYSTEM) as unit:
            at = clock.now() + timedelta(minutes=minutes)
            rows = await unit.session.execute(
                select(Booking.priority, Booking.requested_at, aged_class_sql(at)).where(Booking.id.in_(made))
            )
            for priority, asked, found in rows:
                assert found == aged_class(priority, at - asked)


async def test_the_last_are_kept_for_appointments_and_the_coordinator_decides(world: World, clock: ManualClock) -> None:
    people = await world.interpreters(5)
    await world.request(kind="appointment", in_hours=1.5)
    for _ in range(4):
        booking = await world.request()
        (offer, *_) = await world.offers(booking)
        await world.accept(offer)
    kept = await world.request()
    row = await world.booking(kept)
    assert (row.state.value, row.reason, await world.offers(kept, None)) == ("offering", KEPT, [])
    async with world.database.read(COORDINATOR) as unit:
        view = await world.services.booking_views.view(unit, row)
        board = await world.services.board.board(unit)
    assert next((rung["code"], rung["state"], rung["reason"]) for rung in view["rungs"]) == ("kept", "now", KEPT)
    assert [(card["booking_id"], card["kept_back"]) for card in board["waiting"] if card["kept_back"]] == [(kept, True)]
    told = len(await world.events("booking.changed"))
    clock.advance(16)
    await world.stay(*people)
    await world.worker.tick()
    assert not (await world.booking(kept)).needs_coordinator
    again = [event for event in (await world.events("booking.changed"))[told:] if event.body["booking_id"] == kept]
    assert again == []
    await as_class(world, kept, "P1")
    urgent = kept
    clock.advance(16)
    await world.stay(*people)
    await world.worker.tick()
    assert len(await world.offers(urgent)) == 1


async def test_an_acceptance_that_would_eat_the_reserve_is_refused_and_a_coordinator_may_lift_it(
    world: World, clock: ManualClock
) -> None:
    people = await world.interpreters(5)
    for _ in range(3):
        await world.accept((await world.offers(await world.request()))[0])
    last = await world.request()
    for _ in range(2):
        await world.request(kind="appointment", in_hours=1)
    await world.accept((await world.offers(await world.request()))[0])
    clock.advance(21)
    await world.stay(*people)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.offers.advance_round(uow, last)
    assert (await world.booking(last)).reason == KEPT
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.bookings.widen(uow, last)
    (offer,) = await world.offers(last)
    assert (await world.accept(offer))["booking_id"] == last


async def test_an_acceptance_comes_too_late_for_the_reserve(world: World) -> None:
    await world.interpreters(5)
    ring = await world.request()
    last = (await world.offers(ring))[0]
    taken: set[str] = set()
    for _ in range(20):
        booking = await world.request()
        for offer in await world.offers(booking):
            if len(taken) < 4 and offer.interpreter_id not in taken | {last.interpreter_id}:
                await world.accept(offer)
                taken.add(offer.interpreter_id)
                break
    assert len(taken) == 4, "all but one work now"
    await world.request(kind="appointment", in_hours=1)
    with pytest.raises(Conflict, match=KEPT):
        await world.accept(last)


async def test_who_waits_too_long_behind_the_reserve_is_shown_to_the_coordinator(
    world: World, clock: ManualClock
) -> None:
    people = await world.interpreters(5)
    await world.request(kind="appointment", in_hours=1.9)
    for _ in range(4):
        await world.accept((await world.offers(await world.request()))[0])
    kept = await world.request()
    for _ in range(13):
        clock.advance(15)
        await world.stay(*people)
        async with world.database.unit(SYSTEM) as uow:
            await world.services.offers.advance_round(uow, kept)
    row = await world.booking(kept)
    assert (row.needs_coordinator, row.reason) == (True, KEPT)
