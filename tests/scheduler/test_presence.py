"""Presence: the wish, the lease, and what happens to rings of people who vanish."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.db.session import Database
from core.errors import Invalid, NotFound
from records.lifecycle import Outcome
from scheduler.interpreter_views import authority_kind
from scheduler.lifecycle import DeclineReason, OfferState
from scheduler.presence import PresenceView
from scheduler.times import Worked, continuous_minutes, day_bounds, join_lease, owed_break, planned_minutes, rest_until
from tests.scheduler.world import SYSTEM, World


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def _view(world: World, person: str) -> PresenceView:
    async with world.database.read(SYSTEM) as unit:
        return await world.services.presence.view(unit, person)


async def test_available_lasts_as_long_as_the_heartbeats(world: World, clock: ManualClock) -> None:
    (person,) = await world.interpreters(1)
    assert (await _view(world, person))["state"] == "available"
    clock.advance(40)
    await world.stay(person)
    clock.advance(40)
    assert (await _view(world, person))["state"] == "available"
    clock.advance(5)
    assert (await _view(world, person))["state"] == "away"
    assert (await _view(world, person))["wanted"] == "available"
    await world.stay(person)
    assert (await _view(world, person))["state"] == "available"


async def test_the_rings_of_somebody_who_vanished_end_and_the_ladder_moves_on(world: World, clock: ManualClock) -> None:
    vanishing = await world.interpreters(3)
    clock.advance(30)
    booking = await world.request()
    staying = await world.interpreters(1)
    assert {offer.interpreter_id for offer in await world.offers(booking)} == {*vanishing, *staying}
    async with world.database.unit(SYSTEM) as uow:
        for offer in await world.offers(booking):
            if offer.interpreter_id in staying:
                await world.services.offers.decline(
                    uow,
                    offer.id,
                    interpreter_id=offer.interpreter_id,
                    round_no=offer.round,
                    reason=DeclineReason.NOT_NOW,
                )
    late = await world.interpreters(1, available=False)
    clock.advance(15)
    await world.stay(*staying)
    await world.worker.tick()
    ended = await world.offers(booking, "expired")
    assert {offer.interpreter_id for offer in ended} == set(vanishing)
    assert (await world.booking(booking)).needs_coordinator
    await world.on_line(late[0])
    assert [offer.interpreter_id for offer in await world.offers(booking)] == late
    changed = [event.body["state"] for event in await world.events("presence.changed")]
    assert changed.count("away") >= 3


async def test_going_away_ends_ones_rings_at_once(world: World) -> None:
    first, second = await world.interpreters(2)
    booking = await world.request()
    await world.on_line(first, "away")
    states = {offer.interpreter_id: offer.state for offer in await world.offers(booking, None)}
    assert states == {first: OfferState.EXPIRED, second: OfferState.PENDING}


async def test_busy_in_a_session_then_on_the_break_that_is_owed(world: World, clock: ManualClock) -> None:
    (person,) = await world.interpreters(1)
    session = await world.talk(await world.request(minutes=40))
    assert (await _view(world, person))["state"] == "busy"
    clock.advance(35 * 60)
    await world.stay(person)
    waiting = await world.request()
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.finish(uow, session, outcome=Outcome.COMPLETED)
    assert (await _view(world, person))["state"] == "busy"
    assert await world.offers(waiting) == []
    clock.advance(10 * 60)
    await world.stay(person)
    assert (await _view(world, person))["state"] == "available"
    assert [offer.interpreter_id for offer in await world.offers(waiting)] == [person]


async def test_wrong_wishes_and_unknown_people_are_refused(world: World) -> None:
    (person,) = await world.interpreters(1)
    with pytest.raises(Invalid, match="value_unknown"):
        await world.on_line(person, "busy")
    with pytest.raises(NotFound, match="interpreter_unknown"):
        await world.on_line("interpreter_nobody")


async def test_the_home_page_shows_one_ring_and_coarse_facts_only(world: World, clock: ManualClock) -> None:
    (person,) = await world.interpreters(1)
    older = await world.request()
    clock.advance(2)
    await world.request()
    async with world.database.read(SYSTEM) as unit:
        home = await world.services.interpreter_views.home(unit, person)
    ring = home["ring"]
    assert ring is not None
    assert ring["id"] == (await world.offers(older))[0].id
    assert (ring["ring_s"], ring["stage"], ring["who"]) == (20, "identification", {"age": "adult", "wish": "none"})
    row = await world.booking(older)
    shown = str(home)
    assert row.case_ref not in shown
    assert row.case_id not in shown
    assert row.requester_code not in shown
    assert row.step_code not in shown


def test_breaks_are_owed_after_continuous_work(clock: ManualClock) -> None:
    now = clock.now()
    worked = [
        Worked(now - timedelta(minutes=20), now, 20),
        Worked(now - timedelta(minutes=45), now - timedelta(minutes=25), 20),
        Worked(now - timedelta(minutes=90), now - timedelta(minutes=60), 30),
    ]
    assert continuous_minutes(worked, now) == 40
    assert rest_until(worked) == now + timedelta(minutes=10)
    assert rest_until(worked[:1]) is None
    assert rest_until([]) is None
    assert continuous_minutes(worked, now + timedelta(minutes=10)) == 0


@pytest.mark.parametrize("minutes", [1, 15, 29, 30, 45, 119, 120, 240])
def test_planned_minutes_undo_the_break(minutes: int, clock: ManualClock) -> None:
    start = clock.now()
    assert planned_minutes(start, start + timedelta(minutes=minutes) + owed_break(minutes)) == minutes


def test_a_day_is_a_local_day_also_when_the_clocks_change(clock: ManualClock) -> None:
    start, end = day_bounds(clock.now().replace(month=3, day=29, hour=12), "Europe/Belgrade")
    assert end - start == timedelta(hours=23)


def test_who_was_not_checked_lately_gets_time_for_the_check() -> None:
    now = ManualClock().now()
    assert join_lease(now - timedelta(hours=1), now) == timedelta(seconds=20)
    assert join_lease(now - timedelta(hours=25), now) == join_lease(None, now) > timedelta(seconds=60)


@pytest.mark.parametrize(
    ("authority", "kind"),
    [("RS-BP", "border_police"), ("MK-SFA", "asylum_office"), ("MK-AC", "court"), ("RS-AC", "other")],
)
def test_a_ring_tells_the_kind_of_authority_only(authority: str, kind: str) -> None:
    assert authority_kind(authority) == kind
