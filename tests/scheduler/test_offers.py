"""Rounds, acceptance, refusal, expiry, and the oldest request first."""

from __future__ import annotations

import pytest

from core.clock import ManualClock
from core.db.session import Database
from core.errors import Conflict, NotFound
from records.lifecycle import Outcome
from scheduler.lifecycle import BookingState, DeclineReason, OfferState
from tests.scheduler.world import SYSTEM, World


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def _decline(world: World, offer_index: int, booking: str, reason: DeclineReason) -> None:
    offer = (await world.offers(booking))[offer_index]
    async with world.database.unit(SYSTEM) as uow:
        await world.services.offers.decline(
            uow, offer.id, interpreter_id=offer.interpreter_id, round_no=offer.round, reason=reason
        )


async def test_a_request_for_now_rings_the_three_best_at_once(world: World) -> None:
    people = await world.interpreters(6)
    await world.interpreters(1, available=False)
    booking = await world.request()
    offers = await world.offers(booking)
    assert len(offers) == 3
    assert {offer.interpreter_id for offer in offers} <= set(people)
    row = await world.booking(booking)
    assert (row.state, row.round) == (BookingState.OFFERING, 1)
    assert all((offer.expires_at - offer.sent_at).total_seconds() == 20 for offer in offers)
    sent = await world.events("offer.sent")
    assert {event.body["offer_id"] for event in sent} == {offer.id for offer in offers}
    assert all(event.body["user_id"].startswith("user_i") for event in sent)


async def test_the_ladder_widens_and_ends_with_the_coordinator(world: World, clock: ManualClock) -> None:
    people = await world.interpreters(10)
    booking = await world.request()
    asked: list[set[str]] = [{offer.interpreter_id for offer in await world.offers(booking)}]
    for seconds in (21, 21, 41):
        clock.advance(seconds)
        await world.stay(*people)
        await world.worker.tick()
        asked.append({offer.interpreter_id for offer in await world.offers(booking)})
    assert [len(group) for group in asked] == [3, 5, 2, 0]
    assert asked[0] | asked[1] | asked[2] == set(people)
    assert not asked[0] & asked[1]
    row = await world.booking(booking)
    assert row.state is BookingState.UNFILLED
    assert row.needs_coordinator
    async with world.database.read(SYSTEM) as unit:
        view = await world.services.booking_views.view(unit, row)
    states = {rung["code"]: (rung["state"], rung["reason"]) for rung in view["rungs"]}
    assert states["best"] == ("done", None)
    assert states["other_country"] == ("skipped", "gate_closed")
    assert states["phone"] == ("skipped", "not_available")
    assert states["coordinator"] == ("now", None)
    assert [rung["code"] for rung in view["rungs"]][-1] == "partners"


async def test_the_first_acceptance_wins_and_the_others_hear_why(world: World) -> None:
    await world.interpreters(3)
    booking = await world.request()
    first, second, third = await world.offers(booking)
    answer = await world.accept(second)
    row = await world.booking(booking)
    assert row.state is BookingState.ASSIGNED
    assert row.interpreter_id == second.interpreter_id
    assert answer["session_id"] == row.session_id
    assert (answer["join_by"] - world.clock.now()).total_seconds() == 20
    for late in (first, third):
        with pytest.raises(Conflict, match="booking_taken"):
            await world.accept(late)
    states = {offer.interpreter_id: offer.state for offer in await world.offers(booking, None)}
    assert states[first.interpreter_id] is OfferState.WITHDRAWN
    assert states[second.interpreter_id] is OfferState.ACCEPTED
    assert await world.accept(second) == answer
    assert len(await world.assignments(booking)) == 1


async def test_an_older_round_is_refused_whatever_the_clock_says(world: World, clock: ManualClock) -> None:
    people = await world.interpreters(8)
    booking = await world.request()
    old = (await world.offers(booking))[0]
    clock.advance(21)
    await world.stay(*people)
    await world.worker.tick()
    assert (await world.booking(booking)).round == 2
    clock.advance(-15)
    with pytest.raises(Conflict, match="offer_expired"):
        await world.accept(old)
    with pytest.raises(Conflict, match="offer_expired"):
        await world.accept(old, round_no=2)
    assert (await world.booking(booking)).state is BookingState.OFFERING


async def test_an_expired_offer_is_refused_before_the_worker_has_seen_it(world: World, clock: ManualClock) -> None:
    await world.interpreters(1)
    booking = await world.request()
    offer = (await world.offers(booking))[0]
    clock.advance(20)
    with pytest.raises(Conflict, match="offer_expired"):
        await world.accept(offer)


async def test_somebody_elses_offer_is_unknown(world: World) -> None:
    await world.interpreters(2)
    booking = await world.request()
    mine, other = await world.offers(booking)
    async with world.database.unit(SYSTEM) as uow:
        with pytest.raises(NotFound, match="offer_unknown"):
            await world.services.offers.accept(uow, mine.id, interpreter_id=other.interpreter_id, round_no=1)


async def test_when_all_have_declined_the_next_round_rings_at_once(world: World) -> None:
    await world.interpreters(5)
    booking = await world.request()
    for _ in range(3):
        await _decline(world, 0, booking, DeclineReason.NOT_NOW)
    row = await world.booking(booking)
    assert row.round == 2
    assert len(await world.offers(booking)) == 2


async def test_a_recusal_bars_from_the_case_for_good(world: World) -> None:
    (person,) = await world.interpreters(1)
    case_id, step_id = await world.case()
    booking = await world.request(step_id)
    await _decline(world, 0, booking, DeclineReason.KNOWS_PERSON)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.bookings.cancel(uow, booking, reason="other")
    again = await world.request(step_id)
    assert await world.offers(again, None) == []
    async with world.database.unit(SYSTEM) as uow:
        with pytest.raises(Conflict) as refused:
            await world.services.bookings.place(uow, again, interpreter_id=person)
    assert refused.value.params == {"rule": "M-5.barred"}
    other = await world.request()
    assert [offer.interpreter_id for offer in await world.offers(other)] == [person]
    assert case_id


async def test_two_bookings_ring_one_person_who_can_take_only_one(world: World) -> None:
    (person,) = await world.interpreters(1)
    first = await world.request()
    second = await world.request()
    mine = (await world.offers(first))[0]
    other = (await world.offers(second))[0]
    assert mine.interpreter_id == other.interpreter_id == person
    await world.accept(mine)
    with pytest.raises(Conflict, match="offer_withdrawn"):
        await world.accept(other)
    assert (await world.booking(second)).state is BookingState.OFFERING


async def test_an_overlapping_appointment_is_a_calendar_conflict_and_rings_on(world: World) -> None:
    people = await world.interpreters(2)
    first = await world.request(kind="appointment", in_hours=3, minutes=60)
    second = await world.request(kind="appointment", in_hours=3.5, minutes=60)
    mine = {offer.interpreter_id: offer for offer in await world.offers(first)}[people[0]]
    overlapping = {offer.interpreter_id: offer for offer in await world.offers(second)}
    await world.accept(mine)
    with pytest.raises(Conflict, match="calendar_conflict"):
        await world.accept(overlapping[people[0]])
    assert (await world.booking(second)).state is BookingState.OFFERING
    await world.accept(overlapping[people[1]])
    assert (await world.booking(second)).interpreter_id == people[1]


async def test_who_comes_on_line_gets_the_oldest_request_of_the_highest_class(world: World, clock: ManualClock) -> None:
    older = await world.request()
    clock.advance(5)
    newer = await world.request()
    clock.advance(5)
    _, urgent_step = await world.case(needs=["URGENT_MEDICAL"])
    urgent = await world.request(urgent_step)
    assert (await world.booking(urgent)).priority == "P1"
    people = await world.interpreters(3)
    rung = [[offer.interpreter_id for offer in await world.offers(booking)] for booking in (urgent, older, newer)]
    assert rung[0][:1] == people[:1]
    assert people[0] in rung[0]
    assert rung[1] == [] or people[0] not in rung[1]


async def test_who_gets_free_is_rung_for_the_oldest_request(world: World, clock: ManualClock) -> None:
    (person,) = await world.interpreters(1)
    session = await world.talk(await world.request())
    older = await world.request()
    clock.advance(3)
    newer = await world.request()
    assert await world.offers(older) == await world.offers(newer) == []
    clock.advance(120)
    await world.stay(person)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.finish(uow, session, outcome=Outcome.COMPLETED, by="officer")
    assert [offer.interpreter_id for offer in await world.offers(older)] == [person]
    assert await world.offers(newer) == []
    assert (await world.booking(older)).state is BookingState.OFFERING
