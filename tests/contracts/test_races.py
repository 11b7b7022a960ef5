"""Races that the database must settle: one winner per request, no overlap, no broken chain, nothing stuck.

Time stands still in these tests (a manual clock), so only the fencing and the constraints decide.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import aliased

from core.clock import ManualClock, new_id
from core.db.session import Database
from core.errors import AppError
from records.entry_kinds import EntryKind
from records.lifecycle import Outcome
from scheduler.lifecycle import AssignmentState, BookingState, OfferState
from scheduler.models import Assignment, Booking, Offer
from tests.scheduler.world import SYSTEM, World

PEOPLE, ROUNDS = 50, 200
"""Two hundred rounds on each database."""
AT_ONCE = 10
CODED = {"booking_taken", "offer_withdrawn", "offer_expired"}
T = TypeVar("T")


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def _all(attempts: Sequence[Callable[[], Awaitable[T]]]) -> list[T | str]:
    """Start all attempts together; what each returned, or the code of its refusal."""
    ready = asyncio.Event()
    # As many at once as a process has connections; the others wait for their turn, as they would there.
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(attempt: Callable[[], Awaitable[T]]) -> T | str:
        await ready.wait()
        try:
            async with turns:
                return await attempt()
        except AppError as error:
            return error.code

    tasks = [asyncio.ensure_future(one(attempt)) for attempt in attempts]
    ready.set()
    return list(await asyncio.gather(*tasks))


async def _ring_everybody(world: World, booking_id: str, people: Sequence[str]) -> list[Offer]:
    """Offers of the running round for people who are not rung yet, so that fifty can answer one request."""
    async with world.database.unit(SYSTEM) as uow:
        booking = await world.services.bookings.get(uow, booking_id)
        pending = list(await uow.session.scalars(select(Offer).where(Offer.booking_id == booking_id)))
        rung = {offer.interpreter_id for offer in pending}
        first = pending[0]
        for person in people:
            if person not in rung:
                uow.session.add(
                    Offer(
                        id=new_id("offer"),
                        country=booking.country,
                        booking_id=booking_id,
                        interpreter_id=person,
                        round=booking.round,
                        rung=first.rung,
                        state=OfferState.PENDING,
                        score=first.score,
                        terms=[],
                        reasons=[],
                        sent_at=first.sent_at,
                        expires_at=first.expires_at,
                    )
                )
    return await world.offers(booking_id)


async def _overlaps(world: World) -> int:
    one, other = aliased(Assignment), aliased(Assignment)
    async with world.database.read(SYSTEM) as unit:
        found = await unit.session.scalar(
            select(func.count())
            .select_from(one)
            .join(other, (one.interpreter_id == other.interpreter_id) & (one.id < other.id))
            .where(
                one.state == AssignmentState.ACTIVE,
                other.state == AssignmentState.ACTIVE,
                one.starts_at < other.busy_until,
                other.starts_at < one.busy_until,
            )
        )
    return int(found or 0)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_fifty_accept_one_request_and_one_wins_each_time(world: World) -> None:
    people = await world.interpreters(PEOPLE)
    booking_id = await world.request()
    await _ring_everybody(world, booking_id, people)
    refusals: Counter[str] = Counter()
    changed, holder = 0, None
    for number in range(1, ROUNDS + 1):
        offers = await world.offers(booking_id)
        assert len(offers) == PEOPLE
        random.shuffle(offers)
        answers = await _all([lambda offer=offer: world.accept(offer) for offer in offers])  # type: ignore[misc]
        winners = [answer for answer in answers if not isinstance(answer, str)]
        assert len(winners) == 1
        refusals.update(answer for answer in answers if isinstance(answer, str))
        row = await world.booking(booking_id)
        assert (row.state, row.session_id) == (BookingState.ASSIGNED, winners[0]["session_id"])
        active = [a for a in await world.assignments(booking_id) if a.state is AssignmentState.ACTIVE]
        assert [a.interpreter_id for a in active] == [row.interpreter_id]
        changed += holder not in (None, row.interpreter_id)
        holder = row.interpreter_id
        await _ring_again(world, booking_id, number + 1)
    assert set(refusals) <= CODED
    assert sum(refusals.values()) == ROUNDS * (PEOPLE - 1)
    async with world.database.read(SYSTEM) as unit:
        record = await world.log.record(unit, str(row.session_id))
    assert record["chain"]["ok"]
    assert sum(entry["kind"] == "replaced" for entry in record["entries"]) == changed > ROUNDS / 2


async def _ring_again(world: World, booking_id: str, number: int) -> None:
    """As if the winner had given the booking back and a new round rang all fifty."""
    async with world.database.unit(SYSTEM) as uow:
        uncached = {"synchronize_session": False}
        await uow.session.execute(
            update(Assignment)
            .where(Assignment.booking_id == booking_id, Assignment.state == AssignmentState.ACTIVE)
            .values(state=AssignmentState.RELEASED, ended_at=uow.now)
            .execution_options(**uncached)
        )
        await uow.session.execute(
            update(Booking)
            .where(Booking.id == booking_id)
            .values(state=BookingState.OFFERING, round=number, interpreter_id=None)
            .execution_options(**uncached)
        )
        await uow.session.execute(
            update(Offer)
            .where(Offer.booking_id == booking_id)
            .values(state=OfferState.PENDING, round=number)
            .execution_options(**uncached)
        )


async def test_everybody_accepts_everything_and_nobody_is_booked_twice(world: World) -> None:
    """Ten requests ring the same ten people; each person accepts all of them at once."""
    people = await world.interpreters(10)
    bookings = [await world.request() for _ in range(10)]
    offers = [offer for booking in bookings for offer in await _ring_everybody_of(world, booking, people)]
    random.shuffle(offers)
    answers = await _all([lambda offer=offer: world.accept(offer) for offer in offers])  # type: ignore[misc]
    refused = {answer for answer in answers if isinstance(answer, str)}
    assert refused <= CODED | {"calendar_conflict"}
    assert await _overlaps(world) == 0
    rows = [await world.booking(booking) for booking in bookings]
    taken = [row.interpreter_id for row in rows if row.state is BookingState.ASSIGNED]
    assert len(taken) == len(set(taken)) >= 1
    # Nothing is stuck: what was not taken rings on or is with the coordinator after the next look.
    world.clock.advance(31)
    await world.stay(*people)
    for _ in range(2):
        await world.worker.tick()
    for row in [await world.booking(booking) for booking in bookings]:
        assert row.state in (BookingState.OFFERING, BookingState.UNFILLED)
        assert row.next_round_at is not None


async def _ring_everybody_of(world: World, booking_id: str, people: Sequence[str]) -> list[Offer]:
    pending = await world.offers(booking_id)
    return await _ring_everybody(world, booking_id, people) if pending else []


async def test_overlapping_appointments_race_for_one_person(world: World) -> None:
    people = await world.interpreters(1)
    bookings = [await world.request(kind="appointment", in_hours=2 + n / 4, minutes=60) for n in range(6)]
    offers = [(await world.offers(booking))[0] for booking in bookings]
    answers = await _all([lambda offer=offer: world.accept(offer) for offer in offers])  # type: ignore[misc]
    won = [answer for answer in answers if not isinstance(answer, str)]
    assert won
    assert {answer for answer in answers if isinstance(answer, str)} <= {"calendar_conflict"}
    assert await _overlaps(world) == 0
    assert {offer.interpreter_id for offer in offers} == set(people)


async def test_the_same_person_accepts_twice_at_once(world: World) -> None:
    await world.interpreters(1)
    booking_id = await world.request()
    offer = (await world.offers(booking_id))[0]
    first, *others = await _all([lambda: world.accept(offer) for _ in range(8)])
    assert not isinstance(first, str)
    assert others == [first] * 7
    assert len(await world.assignments(booking_id)) == 1


@pytest.mark.parametrize("turn", range(10))
async def test_cancel_and_accept_at_once_leave_one_truth(world: World, turn: int) -> None:
    await world.interpreters(3)
    booking_id = await world.request()
    offers = await world.offers(booking_id)

    async def cancel() -> str:
        async with world.database.unit(SYSTEM) as uow:
            await world.services.bookings.cancel(uow, booking_id, reason="not_needed")
        return "cancelled"

    attempts: list[Callable[[], Awaitable[object]]] = [cancel, lambda: world.accept(offers[0])]
    if turn % 2:
        attempts.reverse()
    answers = await _all(attempts)
    assert "cancelled" in answers
    row = await world.booking(booking_id)
    assert row.state is BookingState.CANCELLED
    assert all(a.state is not AssignmentState.ACTIVE for a in await world.assignments(booking_id))
    assert await world.offers(booking_id) == []
    if row.session_id is not None:
        assert (await world.session(row.session_id)).state == "not_held"


async def test_two_officers_ask_for_one_step_at_once(world: World) -> None:
    await world.interpreters(3)
    _, step_id = await world.case()
    answers = await _all([lambda: world.request(step_id) for _ in range(6)])
    assert sorted(Counter(a if a == "booking_exists" else "made" for a in answers).items()) == [
        ("booking_exists", 5),
        ("made", 1),
    ]
    async with world.database.read(SYSTEM) as unit:
        assert await unit.session.scalar(select(func.count()).select_from(Booking)) == 1


async def test_twenty_writers_never_break_the_chain(world: World) -> None:
    await world.interpreters(1)
    session_id = await world.talk(await world.request())

    async def write(number: int) -> int:
        async with world.database.unit(SYSTEM) as uow:
            entry = await world.log.append(
                uow, session_id, EntryKind.SIGNAL, {"signal": f"pause{number}", "part": "officer"}
            )
        return entry["seq"]

    seqs = await _all([lambda n=n: write(n) for n in range(20)])  # type: ignore[misc]
    assert len(set(seqs)) == 20
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.finish(uow, session_id, outcome=Outcome.COMPLETED, by="officer")
        await world.log.seal(uow, session_id)
    async with world.database.read(SYSTEM) as unit:
        record = await world.log.record(unit, session_id)
    assert record["chain"]["ok"]
    assert [entry["seq"] for entry in record["entries"]] == list(range(1, len(record["entries"]) + 1))


async def test_two_workers_do_each_thing_once(world: World, clock: ManualClock) -> None:
    people = await world.interpreters(8)
    booking_id = await world.request()
    clock.advance(21)
    await world.stay(*people)
    await _all([world.worker.tick for _ in range(4)])
    assert (await world.booking(booking_id)).round == 2
    assert len(await world.offers(booking_id)) == 5
