"""The number pad: who shows, what the log keeps, what somebody sees who comes back, and two who press at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.access import Actor
from core.errors import Conflict
from core.events.bus import Position
from records.models import Session
from signaling import places
from signaling.aids.numbers import EVENT, NumberPad
from signaling.places import Place
from signaling.realtime.shown_numbers import PlainNumber, SaidDate
from tests.signaling.world import World

TWELVE = PlainNumber(kind="number", value="12")
BIRTH = SaidDate(kind="date", calendar="solar_hijri", year=1380, month=1, day=12)


async def in_a_session(world: World) -> tuple[str, dict[str, Place]]:
    await world.available("I-RS")
    case = await world.open_case()
    booking = await world.book(case)
    session_id = str((await world.accept(booking["id"]))["session_id"])
    async with world.house.services.database.unit(Actor.system()) as uow:
        await places.invite(uow, session_id, "applicant")
        return session_id, {place.part: place for place in await places.of_session(uow, session_id)}


def pad(world: World) -> NumberPad:
    return world.house.services.live.aids.numbers


async def told(world: World, session_id: str) -> list[dict[str, Any]]:
    """What the room heard of numbers, in order."""
    bus = world.house.services.bus
    head = (await bus.read_after(f"room:{session_id}", None)).head
    replay = await bus.read_after(f"room:{session_id}", Position(head.epoch, 0))
    return [dict(one.body["data"]) for one in replay.messages if one.body["name"] == EVENT]


async def entries(world: World, session_id: str) -> list[dict[str, Any]]:
    services = world.house.services
    async with services.database.read(Actor.system()) as unit:
        found = await services.session_log.entries(unit, session_id)
    return [dict(one["data"]) for one in found if one["kind"] == "number_shown"]


async def test_a_number_is_told_to_the_room_with_who_shows_it_and_cleared_by_anybody(world: World) -> None:
    session_id, people = await in_a_session(world)
    n = (await pad(world).show(people["applicant"], TWELVE))["n"]
    await pad(world).clear(people["interpreter"], n)
    shown, cleared = await told(world, session_id)
    assert shown == {
        "n": n, "by": people["applicant"].id, "part": "applicant", "number": {"kind": "number", "value": "12"},
    }  # fmt: skip
    assert (cleared["n"], cleared["number"], cleared["part"]) == (n, None, "interpreter")


async def test_the_log_says_that_a_date_was_shown_in_which_calendar_and_not_which(world: World) -> None:
    session_id, people = await in_a_session(world)
    await pad(world).show(people["officer"], BIRTH)
    await pad(world).show(people["officer"], TWELVE)
    assert await entries(world, session_id) == [
        {"number": "date", "calendar": "solar_hijri", "part": "officer"},
        {"number": "number", "calendar": None, "part": "officer"},
    ]
    async with world.house.services.database.read(Actor.system()) as unit:
        connection = await unit.session.connection()
        for table in ("session_entries", "outbox_events", "audit_entries"):
            rows = (await connection.exec_driver_sql(f"SELECT * FROM {table}")).all()
            assert "1380" not in str(rows), table


async def test_who_comes_back_sees_what_stands_now(world: World) -> None:
    session_id, people = await in_a_session(world)
    part = people["officer"]
    aids = world.house.services.live.aids

    async def snapshot() -> dict[str, Any]:
        async with world.house.services.database.read(Actor.system()) as unit:
            session = await unit.session.get(Session, session_id)
            assert session is not None
            return await aids.snapshot(unit, session, part.part)

    assert await snapshot() == {"aids.terms": {"n": 0}}
    first = (await pad(world).show(part, TWELVE))["n"]
    later = (await pad(world).show(part, BIRTH))["n"]
    assert later > first
    await pad(world).clear(part, first)
    assert (await snapshot())[EVENT]["number"]["year"] == 1380, "clearing the earlier one does not take the later away"
    await pad(world).clear(part, later)
    assert (await snapshot())[EVENT]["number"] is None
    for _ in range(20):
        await pad(world).show(part, TWELVE)
    assert (await snapshot())[EVENT]["number"]["value"] == "12"


async def test_two_who_show_at_once_end_with_the_same_number_everywhere(world: World) -> None:
    session_id, people = await in_a_session(world)
    numbers = [PlainNumber(kind="number", value=str(n)) for n in range(6)]
    await asyncio.gather(
        *(
            pad(world).show(people[part], number)
            for part, number in zip(["officer", "interpreter"] * 3, numbers, strict=True)
        )
    )
    heard = await told(world, session_id)
    assert len({one["n"] for one in heard}) == 6
    winner = max(heard, key=lambda one: one["n"])
    assert await pad(world).current(session_id) == winner


async def test_nothing_is_shown_when_the_session_is_over(world: World) -> None:
    session_id, people = await in_a_session(world)
    services = world.house.services
    async with services.database.unit(Actor.system()) as uow:
        session = await uow.session.get(Session, session_id)
        assert session is not None
        session.state = type(session.state).ENDED
    with pytest.raises(Conflict, match="session_over"):
        await pad(world).show(people["officer"], TWELVE)
    assert await pad(world).current(session_id) is None
