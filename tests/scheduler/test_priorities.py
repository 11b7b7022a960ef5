"""From what a case says to the class of its request (M-10): each sign is really read, in both countries."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.clock import ManualClock
from core.db.session import Database
from records.case_write import NewCase, NewLanguage, RemovalInput, SexWishInput
from scheduler.hurry import must_due_at, reclass_at
from scheduler.needs import priority_of
from tests.scheduler.world import COORDINATOR, MK_OFFICER, OFFICER, World

SIGNS: list[tuple[str, dict[str, Any], bool, str]] = [
    ("ID-10", {}, False, "P2"),
    ("REG-10", {}, False, "P3"),
    ("VUL-50", {}, False, "P5"),
    ("ID-10", {}, True, "P4"),
    ("REG-10", {"needs": ["URGENT_MEDICAL"]}, False, "P1"),
    ("REG-10", {"uam": "suspected"}, False, "P1"),
    ("REG-10", {"needs": ["TRAUMA_TRAINED_INTERPRETER"]}, False, "P1"),
    ("REG-10", {"interp_sex": SexWishInput("woman", must=True, asked=True)}, False, "P1"),
    # The step itself is about a sign of trafficking: nobody has to mark a need as well.
    ("VUL-40", {}, False, "P1"),
    ("VUL-40", {}, True, "P1"),
]


@pytest.mark.parametrize("country", ["RS", "MK"])
async def test_signs_of_a_case_reach_the_queue(database: Database, clock: ManualClock, country: str) -> None:
    world = await World(database, clock).begin()
    actor = OFFICER if country == "RS" else MK_OFFICER
    for step, facts, booked, expected in SIGNS:
        values: dict[str, Any] = {"interp_sex": SexWishInput(asked=True), **facts}
        new = NewCase(
            country=country,
            site=str(actor.site),
            age_group="18-64",
            first_step=f"{country}-{step}",
            languages=[NewLanguage("pbt", "self_declared")],
            **values,
        )
        async with database.unit(actor) as uow:
            step_id = (await world.cases.open(uow, new))["steps"][0]["id"]
            found = await world.cases.step_facts(uow, step_id)
        assert priority_of(found, now=clock.now(), booked=booked) == expected, (step, facts, booked)


async def test_a_removal_that_comes_near_by_the_clock_alone_hurries_what_waits(
    database: Database, clock: ManualClock
) -> None:
    world = await World(database, clock).begin()
    case_id, step = await world.case(step="RS-REG-10")
    async with database.unit(OFFICER) as uow:
        version = (await world.cases.get(uow, case_id))["version"]
        at = clock.now() + timedelta(hours=24, minutes=30)
        removal = RemovalInput(at=at, zone="Europe/Belgrade")
        await world.cases.update(uow, case_id, version=version, changes={"removal": removal})
    booking = await world.request(step)
    row = await world.booking(booking)
    assert (row.priority, row.reclass_at) == ("P3", at - timedelta(hours=24))
    clock.advance(29 * 60)
    await world.worker.tick()
    assert (await world.booking(booking)).priority == "P3"
    told = len(await world.events("booking.changed"))
    clock.advance(60)
    await world.worker.tick()
    row = await world.booking(booking)
    assert (row.priority, row.reclass_at) == ("P1", at + timedelta(hours=24)), "nobody touched the case"
    assert len(await world.events("booking.changed")) > told, "boards are told"


async def test_an_appointment_hurries_while_a_removal_is_near_and_not_after_it(
    database: Database, clock: ManualClock
) -> None:
    world = await World(database, clock).begin()
    case_id, step = await world.case(step="RS-REG-10")
    at = clock.now() + timedelta(hours=50)
    async with database.unit(OFFICER) as uow:
        version = (await world.cases.get(uow, case_id))["version"]
        removal = RemovalInput(at=at, zone="Europe/Belgrade")
        await world.cases.update(uow, case_id, version=version, changes={"removal": removal})
    booking = await world.request(step, kind="appointment", in_hours=120)
    seen = []
    for hours in (25, 1, 24, 24):
        clock.advance(hours * 3600)
        await world.worker.tick()
        seen.append((await world.booking(booking)).priority)
    assert seen == ["P4", "P1", "P1", "P4"]


async def test_a_legal_time_limit_and_an_urgency_follow_the_clock_too(database: Database, clock: ManualClock) -> None:
    world = await World(database, clock).begin()
    _, step = await world.case(step="RS-REG-30", needs=["URGENT_MEDICAL"])
    booking = await world.request(step, kind="appointment", in_hours=48)
    assert (await world.booking(booking)).priority == "P1"
    clock.advance(24 * 3600)
    await world.worker.tick()
    assert (await world.booking(booking)).priority == "P4", "an urgent need lasts a day"
    async with database.read(OFFICER) as unit:
        facts = await world.cases.step_facts(unit, step)
    limit = clock.now() + timedelta(days=10)
    assert reclass_at(replace(facts, deadline_at=limit), clock.now()) == limit - timedelta(hours=72)
    assert reclass_at(replace(facts, deadline_at=limit), limit - timedelta(hours=72)) == limit
    assert reclass_at(facts, clock.now()) is None


async def wished(world: World, database: Database, **values: Any) -> str:
    """A step of a person who wants a woman and nobody else."""
    new = NewCase(
        country="RS",
        site="RS-PRESEVO",
        age_group="18-64",
        first_step="RS-REG-10",
        languages=[NewLanguage("pbt", "self_declared")],
        interp_sex=SexWishInput("woman", must=True, asked=True),
        **values,
    )
    async with database.unit(OFFICER) as uow:
        return (await world.cases.open(uow, new))["steps"][0]["id"]


async def test_a_must_wish_that_nobody_meets_calls_the_coordinator_after_its_time(
    database: Database, clock: ManualClock
) -> None:
    world = await World(database, clock).begin()
    await world.interpreters(2, sex="man")
    booking = await world.request(await wished(world, database))
    clock.advance(4 * 60 + 59)
    await world.worker.tick()
    assert (await world.booking(booking)).must_escalated_at is None
    clock.advance(1)
    await world.worker.tick()
    row = await world.booking(booking)
    assert row.must_escalated_at == clock.now()
    async with database.read(COORDINATOR) as unit:
        (card,) = (await world.services.board.board(unit))["waiting"]
        view = await world.services.booking_views.view(unit, row)
    assert (card["needs_you"], card["must"]) == ("must_unmet", "woman")
    assert (view["must_unmet"], view["offers"]) == (True, []), "no man was asked meanwhile"
    (woman,) = await world.interpreters(1, sex="woman")
    async with database.unit(COORDINATOR) as uow:
        await world.services.bookings.place(uow, booking, interpreter_id=woman)
    async with database.read(COORDINATOR) as unit:
        view = await world.services.booking_views.view(unit, await world.booking(booking))
    assert view["must_unmet"] is False


async def test_a_wish_that_is_met_or_not_a_must_calls_nobody(database: Database, clock: ManualClock) -> None:
    world = await World(database, clock).begin()
    await world.interpreters(1, sex="woman")
    booking = await world.request(await wished(world, database))
    await world.accept((await world.offers(booking))[0])
    _, free = await world.case(step="RS-REG-10")
    other = await world.request(free)
    clock.advance(15)
    await world.worker.tick()
    assert [(await world.booking(one)).must_escalated_at for one in (booking, other)] == [None, None]
    async with database.read(OFFICER) as unit:
        facts = replace(await world.cases.step_facts(unit, free), sex_must=True)
    now = clock.now()
    for ahead, due in (
        (30, now + timedelta(hours=48)),
        (3, now + timedelta(hours=24)),
        (1, now + timedelta(minutes=5)),
    ):
        begins = now + timedelta(days=ahead)
        assert must_due_at(facts, on_demand=False, asked_at=now, starts_at=begins) == due, ahead
