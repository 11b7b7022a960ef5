"""Several who interpret one session: each is rated and rates as a person of their own; complaints, reviews and hard work follow."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from core.clock import ManualClock
from core.db.session import Database
from core.errors import Conflict, Invalid, NotFound
from records.lifecycle import Outcome
from scheduler.models import CaseBar, Interpreter
from scheduler.pool_life.grievance import Ground, Source
from scheduler.pool_life.quality import Answer, Side
from scheduler.pool_life.served import interpreters_of_session, served
from tests.scheduler.booking.test_relay import two
from tests.scheduler.world import COORDINATOR, SYSTEM, World


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def relayed(world: World) -> str:
    """A relay that was held: I-0001 with the person, I-0002 with the officer; its session."""
    await two(world)
    offers = await world.offers(await world.request())
    found = [await world.accept(offer) for offer in offers]
    session_id = str(next(answer["session_id"] for answer in found if answer["session_id"] is not None))
    await world.enter(session_id, "officer")
    for code in ("I-0001", "I-0002"):
        await world.enter(session_id, "interpreter", code)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.start(uow, session_id)
    await over(world, session_id)
    return session_id


async def over(world: World, session_id: str) -> None:
    world.clock.advance(900)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.finish(uow, session_id, outcome=Outcome.COMPLETED, by="officer")


async def numbers(world: World) -> dict[str, int]:
    """What the matcher reads, by code."""
    async with world.database.read(SYSTEM) as unit:
        rows = await unit.session.execute(select(Interpreter.code, Interpreter.quality))
        return {row.code: row.quality for row in rows}


async def people(world: World) -> dict[str, str]:
    async with world.database.read(SYSTEM) as unit:
        return {row.code: row.id for row in await unit.session.execute(select(Interpreter.code, Interpreter.id))}


async def test_each_of_a_relay_is_rated_alone(world: World) -> None:
    session_id, ratings = await relayed(world), world.services.pool_life.ratings
    async with world.database.unit(SYSTEM) as uow:
        with pytest.raises(Invalid, match="interpreter_needed"):
            await ratings.rate(uow, session_id, Side.OFFICER, Answer.GOOD)
        with pytest.raises(NotFound, match="session_unknown"):
            await ratings.rate(uow, session_id, Side.OFFICER, Answer.GOOD, code="I-0009")
    async with world.database.unit(SYSTEM) as uow:
        await ratings.rate(uow, session_id, Side.OFFICER, Answer.GOOD, ["careful"], code="I-0001")
        await ratings.rate(uow, session_id, Side.OFFICER, Answer.POOR, ["left_out"], code="I-0002")
    assert await numbers(world) == {"I-0001": 2, "I-0002": -2}
    with pytest.raises(Conflict, match="already_rated"):
        async with world.database.unit(SYSTEM) as uow:
            await ratings.rate(uow, session_id, Side.OFFICER, Answer.GOOD, code="I-0002")
    ids = await people(world)
    async with world.database.unit(SYSTEM) as uow:
        second = ids["I-0002"]
        await ratings.rate(uow, session_id, Side.INTERPRETER, Answer.FAIR, ["hard_to_bear"], interpreter_id=second)
        assert await ratings.given(uow, session_id) == [
            {"code": "I-0001", "sides": ["officer"]},
            {"code": "I-0002", "sides": ["interpreter", "officer"]},
        ]
        own = await ratings.given(uow, session_id, interpreter_id=ids["I-0001"])
        assert own == [{"code": "I-0001", "sides": ["officer"]}]
        weeks = await world.services.pool_life.care.weeks(uow, list(ids.values()))
    assert {code: weeks[ids[code]].distress for code in ids} == {"I-0001": 0, "I-0002": 1}, "who said so, nobody else"


async def test_the_person_speaks_with_one_half_of_a_relay(world: World) -> None:
    session_id = await relayed(world)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.pool_life.ratings.rate(uow, session_id, Side.PERSON, Answer.GOOD)
    assert await numbers(world) == {"I-0001": 2, "I-0002": 0}


async def test_a_complaint_names_one_and_bars_only_them(world: World) -> None:
    session_id, complaints = await relayed(world), world.services.pool_life.complaints
    async with world.database.unit(COORDINATOR) as uow:
        with pytest.raises(Invalid, match="interpreter_needed"):
            await complaints.file(uow, session_id, source=Source.PERSON, ground=Ground.LEFT_OUT)
        await complaints.file(uow, session_id, source=Source.PERSON, ground=Ground.LEFT_OUT, code="I-0002")
        barred = await uow.session.scalars(select(CaseBar.interpreter_id))
        assert barred.all() == [(await people(world))["I-0002"]]
        await complaints.file(uow, session_id, source=Source.PERSON, ground=Ground.CONDITIONS, code="I-0001")
        with pytest.raises(Conflict, match="complaint_open"):
            await complaints.file(uow, session_id, source=Source.PERSON, ground=Ground.CONDUCT, code="I-0002")
        observed = await world.services.pool_life.reviews.ask(
            uow, (await people(world))["I-0002"], country="RS", method="observed", session_id=session_id
        )
    assert observed


async def test_who_was_replaced_and_who_came_instead_both_count_who_never_came_does_not(world: World) -> None:
    await world.interpreters(3)
    booking_id = await world.request()
    session_id = await world.talk(booking_id)
    first = str((await world.booking(booking_id)).interpreter_id)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.replace(uow, booking_id)
    absent = (await world.offers(booking_id))[0]
    await world.accept(absent)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.replace(uow, booking_id, reason="no_show", who=absent.interpreter_id)
    last = next(offer for offer in await world.offers(booking_id) if offer.interpreter_id != absent.interpreter_id)
    await world.accept(last)
    await world.enter(session_id, "interpreter")
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.start(uow, session_id)
    await over(world, session_id)
    async with world.database.unit(SYSTEM) as uow:
        assert [one.interpreter_id for one in await served(uow, session_id)] == [first, last.interpreter_id]
        assert await interpreters_of_session(uow, session_id) == {first, last.interpreter_id}
        for who in (first, last.interpreter_id):
            await world.services.pool_life.ratings.rate(
                uow, session_id, Side.INTERPRETER, Answer.GOOD, interpreter_id=who
            )
        with pytest.raises(NotFound, match="session_unknown"):
            await world.services.pool_life.ratings.rate(
                uow, session_id, Side.INTERPRETER, Answer.GOOD, interpreter_id=absent.interpreter_id
            )
