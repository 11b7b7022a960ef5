"""Lists of what waits for somebody: nothing drops out of them because newer things came, and the oldest stand first."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from core.clock import ManualClock
from core.db.session import Database
from records.lifecycle import ReferralState, WishChangeState
from records.models import Case, Session, WishChange
from records.referral_models import ReferralTask
from records.referrals import Referrals
from records.wish_changes import WishChanges
from scheduler.models import Booking
from tests.scheduler.world import COORDINATOR, SYSTEM, World

MANY = 505
"""More than any page of a list."""


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def copies(world: World, model: type, row: object, **each: object) -> None:
    """``MANY`` more rows like one; a value that is callable is made for each."""
    table = model.__table__  # type: ignore[attr-defined]
    values = {column.name: getattr(row, column.name) for column in table.columns}
    made = [
        values | {name: value(number) if callable(value) else value for name, value in each.items()}
        for number in range(MANY)
    ]
    async with world.database.unit(SYSTEM) as uow:
        await uow.session.execute(insert(model), made)


async def test_the_wish_that_waits_longest_is_the_first_and_never_drops_out(world: World, clock: ManualClock) -> None:
    case_id, _ = await world.case()
    start = clock.now()
    async with world.database.unit(SYSTEM) as uow:
        oldest = WishChange(
            id="wish_oldest", country="RS", case_id=case_id, field="interp_sex", from_wish="woman", to_wish="none",
            to_must=False, channel="card", reason="urgent", state=WishChangeState.ASKED, asked_at=start,
            asked_by="user_x", asked_by_code="O-1",
        )  # fmt: skip
        uow.session.add(oldest)
        case = await uow.session.get_one(Case, case_id)
        await uow.flush()
        await uow.session.refresh(oldest)
        await uow.session.refresh(case)
    later = {"asked_at": lambda n: start + timedelta(minutes=n + 1)}
    await copies(
        world, Case, case, id=lambda n: f"case_{n:03}", case_ref=lambda n: f"RS-{n}", idempotency_key=None
    )  # one wish waits per case
    await copies(world, WishChange, oldest, id=lambda n: f"wish_{n:03}", case_id=lambda n: f"case_{n:03}", **later)
    async with world.database.read(COORDINATOR) as unit:
        waiting = [one["id"] for one in await WishChanges().waiting(unit, "RS")]
    assert waiting[:2] == ["wish_oldest", "wish_000"]
    assert len(waiting) == MANY + 1


async def test_the_concern_that_is_due_first_is_the_first_and_never_drops_out(world: World, clock: ManualClock) -> None:
    await world.interpreters(1)
    (offer,) = await world.offers(await world.request())
    await world.accept(offer)
    start = clock.now()
    async with world.database.unit(SYSTEM) as uow:
        session = (await uow.session.scalars(select(Session))).one()
        oldest = ReferralTask(
            id="referral_oldest", country="RS", case_id=str(session.case_id), session_id=session.id, authority="RS-BP",
            raised_by_part="interpreter", raised_at=start, due_at=start + timedelta(hours=24), state=ReferralState.OPEN,
        )  # fmt: skip
        uow.session.add(oldest)
        await uow.flush()
        await uow.session.refresh(oldest)
        await uow.session.refresh(session)
    await copies(world, Session, session, id=lambda n: f"session_{n:03}")
    await copies(
        world,
        ReferralTask,
        oldest,
        id=lambda n: f"referral_{n:03}",
        session_id=lambda n: f"session_{n:03}",
        raised_at=lambda n: start + timedelta(minutes=n + 1),
        due_at=lambda n: start + timedelta(hours=24, minutes=n + 1),
    )
    async with world.database.read(COORDINATOR) as unit:
        waiting = [one["id"] for one in await Referrals().open_in(unit, country="RS")]
    assert waiting[:2] == ["referral_oldest", "referral_000"]
    assert len(waiting) == MANY + 1


async def test_what_runs_pushes_nothing_off_the_board_that_waits(world: World) -> None:
    waiting_id = await world.request()
    async with world.database.unit(SYSTEM) as uow:
        waiting = await uow.session.get_one(Booking, waiting_id)
        await uow.session.refresh(waiting)
    running = {"id": lambda n: f"booking_{n:03}", "step_id": lambda n: f"step_{n:03}"}
    await copies(world, Booking, waiting, **running, state="in_session", priority="P1")
    async with world.database.read(COORDINATOR) as unit:
        board = await world.services.board.board(unit)
    assert [card["booking_id"] for card in board["waiting"]] == [waiting_id]


async def test_the_review_that_is_due_first_is_the_first_and_never_drops_out(world: World, clock: ManualClock) -> None:
    asked = []
    for person in await world.interpreters(3):
        async with world.database.unit(COORDINATOR) as uow:
            asked.append(await world.services.pool_life.reviews.ask(uow, person, country="RS", method="mock"))
        clock.advance(3600)
    async with world.database.read(COORDINATOR) as unit:
        found = await world.services.pool_life.reviews.list(unit, limit=2)
    assert [one["id"] for one in found] == asked
