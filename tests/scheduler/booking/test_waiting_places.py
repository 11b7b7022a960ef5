"""The waiting list of relays and teams: both places or none, a kept place, the order of the line, and what the officer sees."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import update

from core.clock import ManualClock
from core.db.session import Database
from core.errors import Conflict
from scheduler.bookings import NewBooking
from scheduler.legs import LAST_PLACE, PLACE_FOR, Way, place_for
from scheduler.lifecycle import KEPT, AssignmentState, BookingState, DeclineReason
from scheduler.models import Assignment, Booking
from tests.scheduler.booking.test_appointments import at, book, works
from tests.scheduler.world import COORDINATOR, OFFICER, SYSTEM, World, pair


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def waits(
    world: World, way: str, *, hour: float = 10, minutes: int = 45, day: int = 1, language: str = "pbt", **case: str
) -> str:
    """An appointment that the officer asks for at a time of their own, a second after the one before."""
    world.clock.advance(1)
    _, step = await world.case(language=language, **case)  # type: ignore[arg-type]
    new = NewBooking(step, "appointment", language, "srp", at(world, hour, day), minutes, way=way)
    async with world.database.unit(OFFICER) as uow:
        return (await world.services.bookings.request(uow, new)).id


async def cancel(world: World, booking_id: str) -> None:
    async with world.database.unit(OFFICER) as uow:
        await world.services.bookings.cancel(uow, booking_id, reason="not_needed")


async def kept(world: World, booking_id: str) -> dict[int, tuple[str, str]]:
    """Who has a place: state and person by leg."""
    rows = await world.assignments(booking_id)
    return {row.leg: (row.state.value, row.interpreter_id) for row in rows if row.state in KEPT}


async def relay_pair(world: World, *hours: tuple[float, float]) -> tuple[str, str]:
    (first,) = await world.interpreters(1, pairs=[pair("prs", "eng")])
    (second,) = await world.interpreters(1, pairs=[pair("eng", "srp")])
    for person in (first, second):
        await works(world, person, *(hours or ((8, 16),)))
    return first, second


async def by_relay(world: World, hour: float = 10) -> Booking:
    _, step = await world.case(language="prs")
    new = NewBooking(step, "appointment", "prs", "srp", at(world, hour), 45, way="relay")
    async with world.database.unit(OFFICER) as uow:
        return await world.services.appointments.book(uow, new)


async def view(world: World, booking_id: str) -> dict[str, object]:
    async with world.database.read(OFFICER) as unit:
        row = await world.services.bookings.get(unit, booking_id)
        return dict(await world.services.booking_views.view(unit, row))


async def test_a_relay_gets_both_places_at_once_and_keeps_nobody_before(world: World) -> None:
    first, second = await relay_pair(world)
    (other,) = await world.interpreters(1, pairs=[pair("prs", "eng")])
    await works(world, other, (8, 16))
    busy = await by_relay(world)
    waiting = await waits(world, "relay", language="prs")
    row = await world.booking(waiting)
    assert (row.state, row.reason) == (BookingState.UNFILLED, "nobody_free")
    assert await kept(world, waiting) == {}
    seen = await view(world, waiting)
    assert seen["waiting"] == {
        "ahead": 0,
        "open": [
            {"leg": 1, "from_language": "prs", "to_language": None},
            {"leg": 2, "from_language": None, "to_language": "srp"},
        ],
        "until": row.starts_at + timedelta(minutes=15),
    }
    # The second gives the running one back: the first of that pair stays there, so nobody can work with the person.
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.release(uow, busy.id, reason="ill", who=second)
    # Now the third is free, and so is the second: both places of the one that waits are agreed in one transaction.
    row = await world.booking(waiting)
    assert row.state is BookingState.ASSIGNED
    assert row.pivot == "eng"
    taken = await kept(world, waiting)
    assert {leg: state for leg, (state, _) in taken.items()} == {1: "active", 2: "active"}
    assert taken[2][1] == second
    assert taken[1][1] in {first, other}
    assert (await view(world, waiting))["waiting"] is None


async def test_one_half_of_a_relay_that_gets_free_keeps_nothing(world: World) -> None:
    await relay_pair(world)
    (helper,) = await world.interpreters(1, pairs=[pair("eng", "srp"), pair("pbt", "srp")])
    await works(world, helper, (8, 16))
    running = await by_relay(world)
    (taken,) = [who for leg, (_, who) in (await kept(world, running.id)).items() if leg == 2]
    blocked = await book(world, 10, 45)
    waiting = await waits(world, "relay", language="prs")
    assert (await world.booking(waiting)).state is BookingState.UNFILLED
    await cancel(world, blocked.id)
    # Somebody for the officer's side is free, nobody for the person's: nothing is kept and nobody is asked.
    assert await kept(world, waiting) == {}
    assert await world.offers(waiting) == []
    assert (await world.booking(waiting)).state is BookingState.UNFILLED
    await cancel(world, running.id)
    found = await kept(world, waiting)
    assert (await world.booking(waiting)).state is BookingState.ASSIGNED
    assert found[2][1] in {taken, helper}


async def test_a_relay_that_needs_a_word_is_not_served_before_it(world: World) -> None:
    await relay_pair(world)
    busy = await by_relay(world)
    waiting = await waits(world, "relay", language="prs", step="RS-VUL-10")
    row = await world.booking(waiting)
    assert (row.state, row.relay_state, row.needs_coordinator) == (BookingState.UNFILLED, "asked", True)
    assert await world.offers(waiting) == [], "nobody is asked before the coordinator's word (M-9)"
    await cancel(world, busy.id)
    assert (await world.booking(waiting)).state is BookingState.UNFILLED
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.legs.decide(uow, waiting, approve=True)
    row = await world.booking(waiting)
    assert (row.state, row.pivot) == (BookingState.OFFERING, "eng")
    assert {offer.leg for offer in await world.offers(waiting)} == {1, 2}


async def test_a_relay_that_needs_a_word_is_moved_to_no_free_time_without_it_and_stands_in_no_line(
    world: World,
) -> None:
    await relay_pair(world)
    waiting = await waits(world, "relay", language="prs", step="RS-VUL-10")
    for refused in (False, True):
        if refused:
            async with world.database.unit(COORDINATOR) as uow:
                await world.services.legs.decide(uow, waiting, approve=False)
        with pytest.raises(Conflict, match="relay_needs_leave"):
            async with world.database.unit(OFFICER) as uow:
                await world.services.appointments.reschedule(uow, waiting, starts_at=at(world, 12))
        assert await kept(world, waiting) == {}, "both are free then, and nobody is agreed without the word (M-9)"
        assert (await view(world, waiting))["waiting"] is None, "nobody who gets free is given to it"


async def test_a_relay_that_nobody_could_do_is_moved_to_where_a_third_language_is_found(world: World) -> None:
    first, second = await relay_pair(world)
    waiting = await waits(world, "relay", language="prs", hour=4)
    assert (await world.booking(waiting)).pivot is None
    async with world.database.unit(OFFICER) as uow:
        moved = await world.services.appointments.reschedule(uow, waiting, starts_at=at(world, 10))
    assert (moved.state, moved.pivot) == (BookingState.ASSIGNED, "eng")
    assert await kept(world, waiting) == {1: ("active", first), 2: ("active", second)}


async def test_a_team_fills_what_is_open_and_a_kept_place_ends(world: World) -> None:
    one, two = await world.interpreters(2)
    for person in (one, two):
        await works(world, person, (8, 16), day=5)
    _, step = await world.case()
    new = NewBooking(step, "appointment", "pbt", "srp", at(world, 10, 5), 45)
    async with world.database.unit(OFFICER) as uow:
        first = await world.services.appointments.book(uow, new)
    second = await booked(world, day=5)
    waiting = await waits(world, "team", day=5)
    later = await waits(world, "direct", day=5)
    assert (await view(world, later))["waiting"]["ahead"] == 1  # type: ignore[index]
    await cancel(world, first.id)
    assert (await world.booking(waiting)).state is BookingState.UNFILLED
    ((leg, (state, who)),) = (await kept(world, waiting)).items()
    assert state == "held"
    seen = (await view(world, waiting))["interpreters"]
    (held,) = [row for row in await world.assignments(waiting) if row.state is AssignmentState.HELD]
    assert [one["until"] for one in seen] == [held.expires_at]  # type: ignore[attr-defined]
    async with world.database.read(SYSTEM) as unit:
        told = await world.services.interpreter_views.home(unit, who)
    assert told["held"] is not None
    assert told["held"]["booking_id"] == waiting
    # Its time is over: the place goes to the next in the line, and the same person keeps it no second time.
    async with world.database.unit(SYSTEM) as uow:
        await uow.session.execute(update(Assignment).where(Assignment.id == held.id).values(expires_at=uow.now - DAY))
    await world.worker.tick()
    assert await kept(world, waiting) == {}
    assert (await world.booking(later)).state is BookingState.ASSIGNED
    await cancel(world, later)
    assert await kept(world, waiting) == {}, "kept in vain before: only a whole team takes them again"
    await cancel(world, second.id)
    assert (await world.booking(waiting)).state is BookingState.ASSIGNED
    assert {who for _, who in (await kept(world, waiting)).values()} == {one, two}
    assert leg in (1, 2)


DAY = timedelta(days=1)


async def booked(world: World, *, day: int) -> Booking:
    _, step = await world.case()
    new = NewBooking(step, "appointment", "pbt", "srp", at(world, 10, day), 45)
    async with world.database.unit(OFFICER) as uow:
        return await world.services.appointments.book(uow, new)


async def test_who_stated_nothing_is_asked_for_a_relay_only_when_both_places_can_be_asked_for(world: World) -> None:
    (first,) = await world.interpreters(1, pairs=[pair("prs", "eng")])
    (second,) = await world.interpreters(1, pairs=[pair("eng", "srp")])
    # Nobody has stated hours: both are asked, and both say yes.
    busy = await waits(world, "relay", language="prs")
    for offer in await world.offers(busy):
        await world.accept(offer)
    assert (await world.booking(busy)).state is BookingState.ASSIGNED
    waiting = await waits(world, "relay", language="prs")
    assert (await world.booking(waiting)).state is BookingState.UNFILLED
    await cancel(world, busy)
    rings = {offer.leg: offer for offer in await world.offers(waiting)}
    assert {leg: offer.interpreter_id for leg, offer in rings.items()} == {1: first, 2: second}
    assert {offer.rung for offer in rings.values()} == {"waiting"}
    row = await world.booking(waiting)
    assert (row.state, row.next_round_at) == (BookingState.OFFERING, rings[1].expires_at)
    await world.accept(rings[2])
    assert await kept(world, waiting) == {2: ("held", second)}
    # The first says no: the second is free again, and neither is asked for ever.
    async with world.database.unit(SYSTEM) as uow:
        await world.services.offers.decline(
            uow, rings[1].id, interpreter_id=first, round_no=rings[1].round, reason=DeclineReason.NOT_NOW
        )
    assert await kept(world, waiting) == {}
    assert (await world.booking(waiting)).state is BookingState.UNFILLED
    assert await world.offers(waiting) == []


async def test_an_offer_of_the_waiting_list_that_nobody_answers_ends(world: World) -> None:
    (person,) = await world.interpreters(1)
    busy = await waits(world, "direct")
    await world.accept((await world.offers(busy))[0])
    waiting = await waits(world, "direct")
    await cancel(world, busy)
    (offer,) = await world.offers(waiting)
    assert offer.interpreter_id == person
    world.clock.advance((offer.expires_at - world.clock.now()).total_seconds() + 1)
    await world.worker.tick()
    assert await world.offers(waiting) == []
    assert (await world.booking(waiting)).state is BookingState.UNFILLED


def test_how_long_a_place_is_kept(clock: ManualClock) -> None:
    now = clock.now()
    assert place_for(Way.TEAM, "appointment", now + timedelta(days=9), now) == PLACE_FOR
    assert place_for(Way.TEAM, "appointment", now + timedelta(hours=5), now) == timedelta(hours=3)
    assert place_for(Way.TEAM, "appointment", now + LAST_PLACE, now) is None
    assert place_for(Way.TEAM, "now", now, now) is None
    assert place_for(Way.RELAY, "appointment", now + timedelta(days=9), now) is None


class Line:
    """What the line should come to: people are interchangeable within their kind, so counts say everything."""

    def __init__(self) -> None:
        self.way: dict[str, str] = {}
        """In the order of the requests."""
        self.has: dict[str, int] = {}
        """Places that somebody has."""
        self.free: Counter[str] = Counter()

    def cancel(self, booking_id: str) -> None:
        way = self.way.pop(booking_id)
        places = self.has.pop(booking_id)
        freed = {"relay": ["person", "officer"]}.get(way, ["direct"] * places)
        for kind in freed[:places]:
            self._got_free(kind)

    def _got_free(self, kind: str) -> None:
        self.free[kind] += 1
        for booking_id, way in self.way.items():
            if self.has[booking_id] == (1 if way == "direct" else 2) or not self.free[kind]:
                continue
            if way == "relay":
                if kind != "direct" and self.free["person"] and self.free["officer"]:
                    self.free.subtract(["person", "officer"])
                    self.has[booking_id] = 2
            elif kind == "direct":
                self.free["direct"] -= 1
                self.has[booking_id] += 1

    def states(self) -> dict[str, tuple[str, int]]:
        whole = {"direct": 1, "team": 2, "relay": 2}
        return {
            key: ("assigned" if self.has[key] == whole[way] else "unfilled", self.has[key])
            for key, way in self.way.items()
        }


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_oldest_that_fits_is_served_and_nobody_is_kept_in_vain(world: World, seed: int) -> None:
    """Any line of direct appointments, teams and relays in the same hour, any order of cancellations: as a simple model says."""
    chosen = random.Random(seed)
    line = Line()
    for person in await world.interpreters(3):
        await works(world, person, (8, 16))
    for _ in range(3):
        line.way[(key := (await book(world, 10, 45)).id)], line.has[key] = "direct", 1
    for _ in range(2):
        await relay_pair(world)
    for _ in range(2):
        line.way[(key := (await by_relay(world)).id)], line.has[key] = "relay", 2
    for way in chosen.choices(["direct", "team", "relay"], k=5):
        key = await waits(world, way, language="prs" if way == "relay" else "pbt")
        line.way[key], line.has[key] = way, 0
    while line.way:
        gone = chosen.choice(list(line.way))
        await cancel(world, gone)
        line.cancel(gone)
        found = {}
        for key in line.way:
            row, places = await world.booking(key), await kept(world, key)
            found[key] = (row.state.value, len(places))
            if line.way[key] == "relay":
                assert len(places) in (0, 2)
        assert found == line.states(), (gone, line.way)
