"""Tiles of a relay name each interpreter's own languages."""

from __future__ import annotations

import pytest

from core.clock import ManualClock
from core.db.session import Database
from signaling import places
from signaling.realtime.rooms import participant
from signaling.room_legs import relay_legs
from tests.scheduler.world import SYSTEM, World, pair


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def seated_with_legs(world: World, session_id: str) -> dict[str, dict[str, object] | None]:
    """By the interpreter's code: what a tile is told of the relay."""
    async with world.database.read(SYSTEM) as unit:
        seated = await places.of_session(unit, session_id)
        legs = await relay_legs(unit, session_id, seated)
    return {
        str(one.code): participant(one, legs.get(one.id)).get("relay") for one in seated if one.part == "interpreter"
    }


async def test_each_interpreter_of_a_relay_has_a_half(world: World) -> None:
    (first,) = await world.interpreters(1, pairs=[pair("pbt", "eng")])
    (second,) = await world.interpreters(1, pairs=[pair("eng", "srp")])
    booking_id = await world.request(minutes=20)
    legs = {offer.interpreter_id: offer for offer in await world.offers(booking_id)}
    await world.accept(legs[first])
    session_id = (await world.accept(legs[second]))["session_id"]
    assert session_id is not None
    assert await seated_with_legs(world, session_id) == {
        "I-0001": {"leg": 1, "pivot": "eng"},
        "I-0002": {"leg": 2, "pivot": "eng"},
    }


async def test_an_interpreter_alone_has_none(world: World) -> None:
    await world.interpreters(1)
    booking_id = await world.request()
    (offer,) = await world.offers(booking_id)
    session_id = (await world.accept(offer))["session_id"]
    assert session_id is not None
    assert await seated_with_legs(world, session_id) == {"I-0001": None}
