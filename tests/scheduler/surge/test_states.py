"""The stored states: what is kept, told and audited, and that a hand outweighs the rule for as long as it said."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from core.clock import ManualClock
from core.db.outbox_event import OutboxEvent
from core.db.session import Database
from core.errors import AppError, Conflict, Forbidden, Invalid
from records.models import AuditEntry
from scheduler.bookings import NewBooking
from scheduler.surge.rule import Reading, SurgeState, Switch
from scheduler.surge.states import SURGE_CHANGED, ByHand, SurgeNow, SurgeStates
from tests.scheduler.world import COORDINATOR, OFFICER, SYSTEM, World

STATES = SurgeStates()


async def take(database: Database, clock: ManualClock, arrivals: int, expected: float = 10.0) -> SurgeNow:
    async with database.unit(SYSTEM) as uow:
        return await STATES.take(uow, "RS", Reading(clock.now(), arrivals, expected))


async def test_nothing_stored_is_green(database: Database) -> None:
    async with database.read(SYSTEM) as unit:
        found = await STATES.current(unit, "MK")
        view = await STATES.view(unit, "MK")
    assert (found.state, found.multiplier, found.switches) == (SurgeState.GREEN, 1.0, frozenset())
    assert view["reading"] is None


async def test_a_change_is_stored_told_and_audited(database: Database, clock: ManualClock) -> None:
    await take(database, clock, 10)
    found = await take(database, clock, 60)
    assert found.state is SurgeState.RED
    assert found.is_on(Switch.PARTNER_LIST)
    async with database.read(SYSTEM) as unit:
        story = await STATES.story(unit, "RS", since=clock.now() - timedelta(days=1))
        events = list(await unit.session.scalars(select(OutboxEvent).where(OutboxEvent.name == SURGE_CHANGED)))
        audited = list(await unit.session.scalars(select(AuditEntry).where(AuditEntry.action == "surge.changed")))
    assert [(c["before"], c["after"], c["by_hand"], c["reason"]) for c in story] == [
        ("green", "red", False, "far_above_forecast")
    ]
    assert [event.body["state"] for event in events] == ["red"]
    assert len(audited) == 1


async def test_a_hand_outweighs_the_rule_until_its_time_is_over(database: Database, clock: ManualClock) -> None:
    wish = ByHand("buses announced", state=SurgeState.RED, hold=timedelta(hours=2), multiplier=4.0)
    async with database.unit(COORDINATOR) as uow:
        await STATES.set_by_hand(uow, "RS", wish)
    clock.advance(7000)
    assert (await take(database, clock, 3)).state is SurgeState.RED
    clock.advance(300)
    await take(database, clock, 3)
    clock.advance(3600)
    found = await take(database, clock, 3)
    assert (found.state, found.multiplier) == (SurgeState.GREEN, 4.0)
    async with database.read(SYSTEM) as unit:
        story = await STATES.story(unit, "RS", since=clock.now() - timedelta(days=1))
    assert [(c["after"], c["by_hand"], c["actor_code"]) for c in story] == [
        ("green", False, "system"),
        ("red", True, "C-0001"),
    ]


async def test_switches_by_hand(database: Database) -> None:
    async with database.unit(COORDINATOR) as uow:
        on = await STATES.set_by_hand(uow, "RS", ByHand("one post only", switches={Switch.GROUP_BRIEFING: True}))
    assert on.switches == {Switch.GROUP_BRIEFING}
    async with database.unit(COORDINATOR) as uow:
        off = await STATES.set_by_hand(uow, "RS", ByHand("over", switches={Switch.GROUP_BRIEFING: None}))
    assert off.switches == frozenset()


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (ByHand("  ", multiplier=2.0), "reason_missing"),
        (ByHand("because", state=SurgeState.RED), "hold_wrong"),
        (ByHand("because", state=SurgeState.RED, hold=timedelta(days=3)), "hold_wrong"),
        (ByHand("because", multiplier=1000.0), "multiplier_wrong"),
        (ByHand("because"), "nothing_to_change"),
    ],
)
async def test_what_is_refused(database: Database, wish: ByHand, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        async with database.unit(COORDINATOR) as uow:
            await STATES.set_by_hand(uow, "RS", wish)
    assert refused.value.code == code


async def test_another_country_is_out_of_reach(database: Database) -> None:
    with pytest.raises((Forbidden, AppError, DBAPIError)):
        async with database.unit(COORDINATOR) as uow:
            await STATES.set_by_hand(uow, "MK", ByHand("because", multiplier=2.0))


async def test_the_story_cannot_be_rewritten(database: Database, clock: ManualClock) -> None:
    await take(database, clock, 60)
    for statement in ("UPDATE surge_changes SET reason = 'x'", "DELETE FROM surge_changes"):
        with pytest.raises((Conflict, DBAPIError)):
            async with database.unit(SYSTEM) as uow:
                await uow.session.execute(text(statement))


async def test_the_short_script_shortens_what_is_planned_and_not_what_the_officer_says(
    database: Database, clock: ManualClock
) -> None:
    world = await World(database, clock).begin()

    async def planned(minutes: int | None) -> int:
        _, step_id = await world.case()
        new = NewBooking(step_id=step_id, kind="now", language="pbt", officer_language="srp", minutes=minutes)
        async with database.unit(OFFICER) as uow:
            booking = await world.services.bookings.request(uow, new)
        return int((booking.ends_at - booking.starts_at).total_seconds() // 60)

    usual = await planned(None)
    async with database.unit(COORDINATOR) as uow:
        await STATES.set_by_hand(uow, "RS", ByHand("queue at the post", switches={Switch.SHORT_SCRIPT: True}))
    assert await planned(None) == min(usual, 5)
    assert await planned(12) == 12
