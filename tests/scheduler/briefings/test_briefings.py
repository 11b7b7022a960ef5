"""Group briefings: opened by the surge state, rung as any request, logged against nobody's case, told post by post."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from core.clock import ManualClock
from core.db.session import Database
from core.errors import AppError, Conflict, Invalid, Unauthenticated
from records.entry_kinds import EntryKind
from records.lifecycle import Outcome
from records.models import Session
from scheduler.briefings.models import BriefingPost, Understood
from scheduler.briefings.posts import MOST_POSTS, has_word
from scheduler.briefings.service import LINK_FOR, NewBriefing
from scheduler.briefings.views import BriefingView, view
from scheduler.lifecycle import BookingState
from scheduler.surge.rule import Switch
from scheduler.surge.states import ByHand, SurgeStates
from signaling import places
from tests.scheduler.world import OFFICER, SYSTEM, World

POSTS = ("RS-PRESEVO", "RS-BELGRADE")


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def open_briefings(world: World, *, on: bool = True) -> None:
    async with world.database.unit(SYSTEM) as uow:
        wish = ByHand(reason="many at the border", switches={Switch.GROUP_BRIEFING: on})
        await SurgeStates().set_by_hand(uow, "RS", wish)


async def start(world: World, *, step: str = "RS-ID-10", posts: tuple[str, ...] = POSTS, language: str = "pbt") -> str:
    new = NewBriefing(step_code=step, language=language, officer_language="srp", site="RS-PRESEVO", posts=posts)
    async with world.database.unit(OFFICER) as uow:
        return (await world.services.briefings.start(uow, new)).id


async def seen(world: World, briefing_id: str) -> BriefingView:
    async with world.database.read(SYSTEM) as unit:
        return await view(unit, await world.services.briefings.get(unit, briefing_id))


async def seated(world: World, briefing_id: str, session_id: str) -> list[BriefingPost]:
    """All posts are given a place in the room, as their links do it."""
    found = []
    for post in (await seen(world, briefing_id))["posts"]:
        async with world.database.unit(SYSTEM) as uow:
            row = await uow.session.get_one(BriefingPost, post["id"])
            row.place_id = (await places.invite(uow, session_id, "listener")).id
            found.append(row)
    return found


async def refused(world: World, **what: object) -> AppError:
    with pytest.raises(AppError) as caught:
        await start(world, **what)  # type: ignore[arg-type]
    return caught.value


async def test_only_while_the_surge_state_opens_it(world: World) -> None:
    assert (await refused(world)).code == "briefing_not_open"
    await open_briefings(world)
    assert (await seen(world, await start(world)))["state"] in ("looking", "unfilled")
    await open_briefings(world, on=False)
    assert (await refused(world)).code == "briefing_not_open"


@pytest.mark.parametrize("step", ["RS-ASY-50", "RS-ID-20", "RS-VUL-20", "MK-ID-10", "RS-XX-99"])
async def test_never_for_the_step_of_an_interview(world: World, step: str) -> None:
    await open_briefings(world)
    error = await refused(world, step=step)
    assert (type(error), error.code) == (Conflict, "step_not_for_groups")


async def test_posts_are_bounded_and_stay_in_the_country(world: World) -> None:
    await open_briefings(world)
    assert (await refused(world, posts=POSTS[:1] * (MOST_POSTS + 1))).code == "posts_wrong"
    assert (await refused(world, posts=("MK-TABANOVCE",))).code == "site_unknown"
    briefing_id = await start(world, posts=POSTS[:1] * MOST_POSTS)
    with pytest.raises(Invalid):
        async with world.database.unit(OFFICER) as uow:
            await world.services.briefings.add_post(uow, briefing_id, "RS-PRESEVO")


async def test_it_rings_by_the_same_rules(world: World) -> None:
    await open_briefings(world)
    good = (await world.interpreters(1))[0]
    await world.interpreters(1, vetting_result="fail")
    briefing_id = await start(world)
    offers = await world.offers((await seen(world, briefing_id))["booking_id"])
    assert [offer.interpreter_id for offer in offers] == [good]


async def test_the_log_belongs_to_no_case_and_counts_only(world: World) -> None:
    await open_briefings(world)
    await world.interpreters(1)
    briefing_id = await start(world)
    booking_id = (await seen(world, briefing_id))["booking_id"]
    session_id = await world.talk(booking_id)
    session = await world.session(session_id)
    assert (session.case_id, session.step_id, session.step_code) == (None, None, "RS-ID-10")
    posts = await seated(world, briefing_id, session_id)
    service = world.services.briefings
    async with world.database.unit(SYSTEM) as uow:
        await service.told(uow, posts[0], group=1, people=40, answer=Understood.YES)
        await service.told(uow, posts[0], group=2, people=10, answer=Understood.NOT_ALL)
        await service.told(uow, posts[1], group=1, people=25, answer=Understood.NO)
        await service.told(uow, posts[1], group=1, people=20, answer=Understood.YES)
    told = (await seen(world, briefing_id))["told"]
    assert told == {"people": 70, "yes": 60, "no": 0, "not_all": 10, "posts_silent": 0}
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.finish(uow, session_id, outcome=Outcome.COMPLETED, by="officer")
        await world.log.seal(uow, session_id)
    async with world.database.read(SYSTEM) as unit:
        record = await world.log.record(unit, session_id)
    kinds = [entry["kind"] for entry in record["entries"]]
    assert (record["chain"]["ok"], record["case_ref"], kinds.count(EntryKind.TOLD)) == (True, None, 4)
    first = next(entry for entry in record["entries"] if entry["kind"] == EntryKind.BRIEFING)
    assert first["data"] == {"step_code": "RS-ID-10", "posts": 2}
    booking = await world.booking(booking_id)
    assert booking.state is BookingState.FULFILLED
    assert (await world.assignments(booking_id))[0].state == "honoured"
    with pytest.raises(Conflict, match="briefing_over"):
        async with world.database.unit(SYSTEM) as uow:
            await service.told(uow, posts[0], group=3, people=5, answer=Understood.YES)


async def test_a_session_has_both_case_and_step_or_neither(world: World) -> None:
    await open_briefings(world)
    await world.interpreters(1)
    briefing_id = await start(world)
    session_id = await world.talk((await seen(world, briefing_id))["booking_id"])
    case_id, _ = await world.case()
    async with world.database.unit(SYSTEM) as uow:
        row = await uow.session.get_one(Session, session_id)
        row.case_id = case_id
        with pytest.raises(DBAPIError, match="case_or_group"):
            await uow.session.flush()
        await uow.session.rollback()


async def test_one_post_at_a_time_has_the_word(world: World) -> None:
    await open_briefings(world)
    await world.interpreters(1)
    briefing_id = await start(world)
    service = world.services.briefings
    with pytest.raises(Conflict, match="post_not_here"):
        async with world.database.unit(SYSTEM) as uow:
            await service.give_word(uow, briefing_id, (await seen(world, briefing_id))["posts"][0]["id"])
    session_id = await world.talk((await seen(world, briefing_id))["booking_id"])
    one, two = await seated(world, briefing_id, session_id)
    for chosen in (one, two, two):
        async with world.database.unit(SYSTEM) as uow:
            await service.give_word(uow, briefing_id, chosen.id)
    async with world.database.read(SYSTEM) as unit:
        assert [await has_word(unit, str(post.place_id)) for post in (one, two)] == [False, True]
        kinds = [entry["kind"] for entry in await world.log.entries(unit, session_id)]
    assert (kinds.count(EntryKind.WORD_GIVEN), kinds.count(EntryKind.WORD_TAKEN)) == (2, 1)


async def test_a_new_link_makes_the_old_one_worthless_and_links_end(world: World) -> None:
    await open_briefings(world)
    briefing_id = await start(world)
    post_id = (await seen(world, briefing_id))["posts"][0]["id"]
    service = world.services.briefings
    async with world.database.unit(OFFICER) as uow:
        old = await service.new_link(uow, briefing_id, post_id)
        new = await service.new_link(uow, briefing_id, post_id)
    async with world.database.read(SYSTEM) as unit:
        assert (await service.by_link(unit, new)).id == post_id
        with pytest.raises(Unauthenticated):
            await service.by_link(unit, old)
    world.clock.advance(LINK_FOR.total_seconds() + 1)
    async with world.database.read(SYSTEM) as unit:
        with pytest.raises(Unauthenticated):
            await service.by_link(unit, new)


async def test_nothing_is_told_before_it_begins(world: World) -> None:
    await open_briefings(world)
    briefing_id = await start(world)
    async with world.database.unit(SYSTEM) as uow:
        post = await uow.session.get_one(BriefingPost, (await seen(world, briefing_id))["posts"][0]["id"])
        with pytest.raises(Conflict, match="briefing_not_begun"):
            await world.services.briefings.told(uow, post, group=1, people=5, answer=Understood.YES)
