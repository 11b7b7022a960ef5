"""Relay (M-9): found when nobody connects the two directly, both legs or none, a lost leg alone, leave where it is needed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core.clock import ManualClock
from core.db.session import Database, ReadUnit
from core.errors import Conflict
from core.notify import Delivery, NoNumber, NoPush, Note, Ports
from records.lifecycle import Outcome
from scheduler.bookings import NewBooking
from scheduler.legs import relay_minutes, swap_plan
from scheduler.lifecycle import AssignmentState, BookingState, DeclineReason
from scheduler.models import Assignment, Offer
from scheduler.ring.models import ReachAttempt
from tests.scheduler.booking.test_appointments import at, works
from tests.scheduler.world import COORDINATOR, OFFICER, SYSTEM, World, pair


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def two(world: World, pivot: str = "eng") -> tuple[str, str]:
    """One who works between Pashto and the pivot, one between the pivot and Serbian."""
    (first,) = await world.interpreters(1, pairs=[pair("pbt", pivot)])
    (second,) = await world.interpreters(1, pairs=[pair(pivot, "srp")])
    return first, second


async def rings(world: World, booking_id: str) -> dict[int, Offer]:
    return {offer.leg: offer for offer in await world.offers(booking_id)}


async def test_with_nobody_between_the_two_languages_both_legs_ring_and_the_time_is_longer(world: World) -> None:
    first, second = await two(world)
    booking_id = await world.request(minutes=20)
    row = await world.booking(booking_id)
    assert (row.state, row.way, row.pivot) == (BookingState.OFFERING, "relay", "eng")
    assert row.ends_at - row.starts_at == timedelta(minutes=34)
    legs = await rings(world, booking_id)
    assert {leg: offer.interpreter_id for leg, offer in legs.items()} == {1: first, 2: second}
    for offer in legs.values():
        assert offer.terms[-1] == {"rule": "M-9", "code": "relay", "points": -350, "params": {"bridge": "eng"}}
        assert offer.score == sum(term["points"] for term in offer.terms)
    answer = await world.accept(legs[2])
    assert answer["session_id"] is None
    assert (await world.booking(booking_id)).state is BookingState.OFFERING
    (held,) = await world.assignments(booking_id)
    assert (held.state, held.leg) == (AssignmentState.HELD, 2)
    async with world.database.read(SYSTEM) as unit:
        views = world.services.interpreter_views
        waits, ringing = await views.home(unit, second), await views.home(unit, first)
    assert waits["held"] == {"booking_id": booking_id, "kind": "now", "until": held.expires_at}
    assert ringing["held"] is None
    assert ringing["ring"] is not None
    assert (ringing["ring"]["language"], ringing["ring"]["officer_language"]) == ("pbt", "eng")
    assert await world.accept(legs[2]) == answer, "the same accept again gives the same answer"
    found = await world.accept(legs[1])
    row = await world.booking(booking_id)
    assert (row.state, row.session_id) == (BookingState.ASSIGNED, found["session_id"])
    assert [a.state for a in await world.assignments(booking_id)] == [AssignmentState.ACTIVE] * 2
    async with world.database.read(SYSTEM) as unit:
        entries = (await world.log.record(unit, str(row.session_id)))["entries"]
    (relay,) = [entry["data"] for entry in entries if entry["kind"] == "relay"]
    assert relay == {
        "code": "I-0001", "second_code": "I-0002", "from": "pbt", "pivot": "eng", "to": "srp", "approved_by": None,
    }  # fmt: skip


async def test_somebody_who_speaks_both_is_asked_and_no_relay(world: World) -> None:
    await two(world)
    (direct,) = await world.interpreters(1)
    booking_id = await world.request()
    assert [offer.interpreter_id for offer in await world.offers(booking_id)] == [direct]
    assert (await world.booking(booking_id)).way == "direct"


@pytest.mark.parametrize("pivot", ["eng", "mkd"])
async def test_english_and_macedonian_can_be_between(world: World, pivot: str) -> None:
    await two(world, pivot)
    assert (await world.booking(await world.request())).pivot == pivot


async def test_a_lost_leg_is_looked_for_alone(world: World) -> None:
    first, second = await two(world)
    (other,) = await world.interpreters(1, pairs=[pair("eng", "srp")])
    booking_id = await world.request()
    offers = await world.offers(booking_id)
    legs = {offer.interpreter_id: offer for offer in offers}
    await world.accept(legs[first])
    session_id = (await world.accept(legs[second]))["session_id"]
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.release(uow, booking_id, reason="ill", who=second)
    row = await world.booking(booking_id)
    assert row.state is BookingState.OFFERING
    (ring,) = await world.offers(booking_id)
    assert (ring.leg, ring.interpreter_id) == (2, other)
    kept = [a for a in await world.assignments(booking_id) if a.state is AssignmentState.ACTIVE]
    assert [(a.leg, a.interpreter_id) for a in kept] == [(1, first)]
    answer = await world.accept(ring)
    assert answer["session_id"] == session_id
    async with world.database.read(SYSTEM) as unit:
        assert await world.log.seated_interpreters(unit, str(session_id)) == ["I-0001", "I-0003"]


async def test_a_leg_that_nobody_takes_frees_the_other(world: World) -> None:
    first, second = await two(world)
    booking_id = await world.request()
    legs = await rings(world, booking_id)
    await world.accept(legs[1])
    world.clock.advance(26)
    await world.stay(first, second)
    await world.worker.tick()
    row = await world.booking(booking_id)
    assert (row.state, row.needs_coordinator) == (BookingState.UNFILLED, True)
    assert [(a.state, a.reason) for a in await world.assignments(booking_id)] == [(AssignmentState.RELEASED, "lapsed")]


async def test_a_held_leg_ends_by_the_clock_of_the_database(world: World) -> None:
    await two(world)
    booking_id = await world.request()
    await world.accept((await rings(world, booking_id))[1])
    async with world.database.unit(SYSTEM) as uow:
        past = uow.now - timedelta(days=1)
        await uow.session.execute(update(Assignment).values(expires_at=past))
    await world.worker.tick()
    (row,) = await world.assignments(booking_id)
    assert row.state is AssignmentState.RELEASED


async def test_beyond_registration_the_coordinator_decides(world: World) -> None:
    first, second = await two(world)
    _, step = await world.case(step="RS-VUL-10")
    booking_id = await world.request(step)
    row = await world.booking(booking_id)
    assert (row.state, row.relay_state, row.way) == (BookingState.UNFILLED, "asked", "direct")
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.legs.decide(uow, booking_id, approve=True)
    row = await world.booking(booking_id)
    assert (row.state, row.relay_state, row.relay_by, row.way) == (
        BookingState.OFFERING, "approved", COORDINATOR.code, "relay",
    )  # fmt: skip
    legs = await rings(world, booking_id)
    assert {offer.interpreter_id for offer in legs.values()} == {first, second}
    for offer in legs.values():
        await world.accept(offer)
    async with world.database.read(SYSTEM) as unit:
        session_id = str((await world.booking(booking_id)).session_id)
        entries = (await world.log.record(unit, session_id))["entries"]
    (relay,) = [entry["data"] for entry in entries if entry["kind"] == "relay"]
    assert relay["approved_by"] == COORDINATOR.code


async def test_a_refusal_is_final(world: World) -> None:
    await two(world)
    _, step = await world.case(step="RS-VUL-10")
    booking_id = await world.request(step)
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.legs.decide(uow, booking_id, approve=False)
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.bookings.widen(uow, booking_id)
    row = await world.booking(booking_id)
    assert (row.state, row.relay_state, row.way) == (BookingState.UNFILLED, "refused", "direct")
    async with world.database.unit(COORDINATOR) as uow:
        with pytest.raises(Conflict, match="relay_not_asked"):
            await world.services.legs.decide(uow, booking_id, approve=True)


async def test_an_appointment_by_relay_takes_both_or_none(world: World) -> None:
    first, second = await two(world)
    await works(world, first, (9, 12))
    await works(world, second, (11, 13))
    _, step = await world.case()
    early = NewBooking(step, "appointment", "pbt", "srp", at(world, 9), 20, way="relay")
    with pytest.raises(Conflict, match="slot_not_free"):
        async with world.database.unit(OFFICER) as uow:
            await world.services.appointments.book(uow, early)
    new = NewBooking(step, "appointment", "pbt", "srp", at(world, 11), 20, way="relay")
    async with world.database.unit(OFFICER) as uow:
        booking = await world.services.appointments.book(uow, new)
    assert (booking.state, booking.pivot) == (BookingState.ASSIGNED, "eng")
    rows = await world.assignments(booking.id)
    assert {(a.leg, a.interpreter_id, a.minutes) for a in rows} == {(1, first, 34), (2, second, 34)}


async def test_a_session_by_relay_ends_for_both(world: World) -> None:
    first, second = await two(world)
    booking_id = await world.request()
    for offer in (await rings(world, booking_id)).values():
        answer = await world.accept(offer)
    session_id = str(answer["session_id"])
    for part in ("officer", "interpreter"):
        await world.enter(session_id, part)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.start(uow, session_id)
    world.clock.advance(600)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.finish(uow, session_id, outcome=Outcome.COMPLETED, by="officer")
    rows = await world.assignments(booking_id)
    assert [(a.state, a.active_min) for a in rows] == [(AssignmentState.HONOURED, 10)] * 2
    assert {a.interpreter_id for a in rows} == {first, second}


def test_planned_time_and_turns(clock: ManualClock) -> None:
    assert [relay_minutes(m) for m in (10, 15, 60)] == [17, 26, 102]
    turns = swap_plan(clock.now(), 100, short=False)
    assert [turn.leg for turn in turns] == [1, 2, 1, 2]
    assert turns[-1].ends_at - clock.now() == timedelta(minutes=100)
    assert all(turn.ends_at - turn.starts_at <= timedelta(minutes=30) for turn in turns)


class Lines:
    """A telephone that reaches whoever was told to it, and rings nobody in a test."""

    configured = True

    def __init__(self) -> None:
        self.numbers: set[str] = set()

    async def reaches(self, unit: ReadUnit, person_ids: Iterable[str]) -> frozenset[str]:
        return frozenset(self.numbers & set(person_ids))

    async def call(self, person_id: str, note: Note) -> Delivery:
        return Delivery.SENT


async def test_a_leg_goes_down_the_ladder_to_those_on_call(database: Database, clock: ManualClock) -> None:
    """Each leg by itself: on line first, then on call by telephone, though the other leg has somebody on line all the time."""
    phone = Lines()
    world = await World(database, clock, ports=Ports(NoPush(), NoNumber(), phone)).begin()
    (person_side,) = await world.interpreters(1, pairs=[pair("pbt", "eng")])
    (on_line,) = await world.interpreters(1, pairs=[pair("eng", "srp")])
    called, without_number = await world.interpreters(2, available=False, pairs=[pair("eng", "srp")])
    for who in (called, without_number):
        await world.on_call(who)
    phone.numbers.add(called)
    booking_id = await world.request()
    legs = await rings(world, booking_id)
    assert {leg: offer.interpreter_id for leg, offer in legs.items()} == {1: person_side, 2: on_line}
    await world.accept(legs[1])
    async with world.database.unit(SYSTEM) as uow:
        reason = DeclineReason.NOT_NOW
        await world.services.offers.decline(
            uow, legs[2].id, interpreter_id=on_line, round_no=legs[2].round, reason=reason
        )
    (ring,) = [offer for offer in await world.offers(booking_id) if offer.leg == 2]
    assert ring.interpreter_id == called
    assert ring.expires_at - ring.sent_at == timedelta(seconds=40), "the ring of the rung for those on call"
    async with world.database.read(SYSTEM) as unit:
        (attempt,) = (await unit.session.scalars(select(ReachAttempt))).all()
    assert (attempt.interpreter_id, attempt.offer_id, attempt.means) == (called, ring.id, "phone")
    await world.accept(ring)
    assert (await world.booking(booking_id)).state is BookingState.ASSIGNED
