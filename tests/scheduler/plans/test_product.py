"""Plans over the database: searched by the job, compared, pinned, approved through the one path that binds; repairs; why not."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from core.access import Country, Role
from core.clock import ManualClock
from core.db.errors import DatabaseUnavailable
from core.db.session import Database
from core.errors import Conflict, Invalid, NotFound
from core.jobs import LeaseStore
from scheduler.bookings import NewBooking
from scheduler.eligibility import Rule
from scheduler.lifecycle import AssignmentState, BookingState
from scheduler.models import Interpreter
from scheduler.plans.checker import Fault
from scheduler.plans.choosing import CellPeople
from scheduler.plans.models import CellState, Plan, PlanCell, PlanPin, PlanState
from scheduler.plans.reasons import OTHER_SIDE, SAID_NO, TOO_LONG
from scheduler.plans.views import PlanView
from tests.scheduler.world import COORDINATOR, MK_OFFICER, SYSTEM, World, pair, staff


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def appointment(world: World, hours: float, minutes: int = 60) -> str:
    """An appointment for which nobody is found yet: no interpreter is there when it is asked for."""
    return await world.request(kind="appointment", in_hours=hours, minutes=minutes)


async def ask(world: World, seconds: int = 5) -> str:
    now = world.clock.now()
    async with world.database.unit(COORDINATOR) as uow:
        plan = await world.services.plans.service.ask(uow, "RS", now, now + timedelta(days=14), seconds=seconds)
    return plan.id


async def search(world: World) -> None:
    """What the leased job does once."""
    lease = await LeaseStore(world.database, "here").acquire("plans.search", 60)
    assert lease is not None
    await asyncio.wait_for(world.services.plans.runs.run(lease), 60)


async def plan_of(world: World, plan_id: str) -> tuple[Plan, list[PlanCell]]:
    async with world.database.read(SYSTEM) as unit:
        plans = world.services.plans.service
        return await plans.get(unit, plan_id), await plans.cells(unit, plan_id)


async def view_of(world: World, plan_id: str) -> PlanView:
    async with world.database.read(COORDINATOR) as unit:
        return await world.services.plans.views.plan(unit, plan_id)


async def choose(world: World, plan_id: str, booking_id: str, who: str, *, leg: int = 1) -> None:
    await world.services.plans.choosing.choose(world.database, COORDINATOR, plan_id, booking_id, leg, who)


async def people(world: World, plan_id: str, booking_id: str, *, leg: int = 1) -> CellPeople:
    async with world.database.read(COORDINATOR) as unit:
        return await world.services.plans.choosing.people(unit, plan_id, booking_id, leg)


async def test_a_plan_is_searched_and_approved(world: World) -> None:
    early, late, other = await appointment(world, 24), await appointment(world, 24.5), await appointment(world, 48)
    await world.interpreters(2)
    plan_id = await ask(world)
    with pytest.raises(Conflict, match="plan_running"):
        await ask(world)
    await search(world)
    plan, cells = await plan_of(world, plan_id)
    assert plan.state is PlanState.PROPOSED
    assert plan.bookings == 3
    assert plan.left_out == 0
    assert plan.bound is not None
    assert plan.total is not None
    assert plan.bound <= plan.total
    by_booking = {cell.booking_id: cell.interpreter_id for cell in cells}
    assert by_booking[early] != by_booking[late]

    done = await world.services.plans.approval.approve(world.database, COORDINATOR, plan_id)
    assert (done.bound, done.stale, done.remaining) == (3, (), 0)
    for booking_id in (early, late, other):
        booking = await world.booking(booking_id)
        assert booking.state is BookingState.ASSIGNED
        assert booking.interpreter_id == by_booking[booking_id]


async def test_approval_tells_what_is_stale_and_binds_the_rest(world: World) -> None:
    early, other = await appointment(world, 24), await appointment(world, 48)
    (who,) = await world.interpreters(1)
    plan_id = await ask(world)
    await search(world)
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.bookings.place(uow, other, interpreter_id=who)
    done = await world.services.plans.approval.approve(world.database, COORDINATOR, plan_id)
    assert done.bound == 1
    assert done.stale == ((other, "booking_taken"),)
    assert (await world.booking(early)).interpreter_id == who
    assert len([row for row in await world.assignments(other) if row.state is AssignmentState.ACTIVE]) == 1


async def test_a_pin_holds_in_the_next_plan_and_versions_can_be_compared(world: World) -> None:
    booking_id = await appointment(world, 24)
    people = await world.interpreters(3)
    first = await ask(world)
    await search(world)
    _, cells = await plan_of(world, first)
    pinned = next(who for who in people if who != cells[0].interpreter_id)
    # Somebody else than the plan says: the coordinator's word is what counts.
    await choose(world, first, booking_id, pinned)
    second = await ask(world)
    await search(world)
    _, cells = await plan_of(world, second)
    assert [(cell.interpreter_id, cell.pinned) for cell in cells] == [(pinned, True)]
    view = await view_of(world, second)
    assert view["against"] == 1
    assert view["cells"][0]["before"] == view["cells"][0]["interpreter"]
    assert (await plan_of(world, first))[0].state is PlanState.STALE


async def test_everybody_for_a_cell_with_score_or_rules_and_one_is_chosen(world: World) -> None:
    early, late = await appointment(world, 24), await appointment(world, 24.5)
    one, two, three = await world.interpreters(3)
    (expired,) = await world.interpreters(1)
    await world.interpreters(1, pairs=[pair("apc", "srp")])
    async with world.database.unit(SYSTEM) as uow:
        (await uow.session.get_one(Interpreter, expired)).vetting_expires = world.clock.now()
    plan_id = await ask(world)
    await search(world)
    plan, cells = await plan_of(world, plan_id)
    total = plan.total
    by_booking = {cell.booking_id: cell.interpreter_id for cell in cells}
    found = await people(world, plan_id, early)
    spare = next(who for who in (one, two, three) if who not in by_booking.values())
    assert {row["interpreter_id"] for row in found["able"]} == {by_booking[early], spare}
    assert [row["interpreter_id"] for row in found["able"] if row["chosen"]] == [by_booking[early]]
    assert found["able"][0]["change"] <= found["able"][-1]["change"]
    why = {row["interpreter_id"]: row["reasons"] for row in found["barred"]}
    other = await world.booking(late)
    assert [(r["rule"], r["beside"]) for r in why[str(by_booking[late])]] == [("M-11.engaged", other.case_ref)]
    assert [r["rule"] for r in why[expired]] == ["M-2.vetting"]
    assert found["other_languages"] == 1
    async with world.database.read(COORDINATOR) as unit:
        asked = world.services.plans.choosing.why_not
        for who, reasons in why.items():
            assert (await asked(unit, early, who, plan_id=plan_id))["reasons"] == reasons
        for row in found["able"]:
            answer = await asked(unit, early, row["interpreter_id"], plan_id=plan_id)
            assert (answer["interpreter"], answer["reasons"]) == (row["interpreter"], [])
            assert answer["points"] == row["points"]
        # Without the plan nobody is engaged yet.
        assert (await asked(unit, early, str(by_booking[late])))["reasons"] == []
        with pytest.raises(NotFound, match="cell_unknown"):
            await asked(unit, early, spare, leg=2)
    for refused, rule in ((str(by_booking[late]), "M-11.engaged"), (expired, "M-2.vetting")):
        with pytest.raises(Conflict, match="not_eligible") as said:
            await choose(world, plan_id, early, refused)
        assert said.value.params["rule"] == rule
    await choose(world, plan_id, early, spare)
    plan, cells = await plan_of(world, plan_id)
    assert {(cell.booking_id, cell.interpreter_id, cell.pinned) for cell in cells} == {
        (early, spare, True),
        (late, by_booking[late], False),
    }
    change = next(row["change"] for row in found["able"] if row["interpreter_id"] == spare)
    assert plan.total is not None
    assert total is not None
    assert round((plan.total - total) / 10) == change
    # Taken back: the choice stands in this plan, later plans are free again.
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.plans.service.pin(uow, plan_id, early, 1, pinned=False)
    assert (await world.services.plans.approval.approve(world.database, COORDINATOR, plan_id)).bound == 2
    assert (await world.booking(early)).interpreter_id == spare
    with pytest.raises(Conflict, match="plan_fixed"):
        await choose(world, plan_id, early, one)


async def test_a_row_with_nobody_gets_somebody_who_came_later(world: World) -> None:
    booking_id = await appointment(world, 24)
    await world.interpreters(1, pairs=[pair("apc", "srp")])
    plan_id = await ask(world)
    await search(world)
    assert (await plan_of(world, plan_id))[0].left_out == 1
    (late,) = await world.interpreters(1)
    assert [row["interpreter_id"] for row in (await people(world, plan_id, booking_id))["able"]] == [late]
    await choose(world, plan_id, booking_id, late)
    plan, cells = await plan_of(world, plan_id)
    assert plan.left_out == 0
    assert [(cell.leg, cell.interpreter_id, cell.pinned) for cell in cells] == [(1, late, True)]


async def test_a_search_that_is_stopped_proposes_what_it_has(world: World) -> None:
    await appointment(world, 24)
    await world.interpreters(1)
    plan_id = await ask(world, seconds=60)
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.plans.service.stop(uow, plan_id)
    await search(world)
    plan, cells = await plan_of(world, plan_id)
    assert plan.state is PlanState.PROPOSED
    assert cells[0].interpreter_id is not None


async def test_a_search_goes_on_when_the_database_is_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that was away for a moment is no reason to give a plan up; anything else is, and says so."""
    await appointment(world, 24)
    await world.interpreters(1)
    plan_id = await ask(world)
    errors: list[Exception] = [DatabaseUnavailable(), KeyError("a defect")]

    async def broken(*_: object) -> None:
        raise errors.pop(0)

    with monkeypatch.context() as patch:
        patch.setattr(world.services.plans.runs, "search", broken)
        with pytest.raises(DatabaseUnavailable):
            await search(world)
        assert (await plan_of(world, plan_id))[0].state is PlanState.DRAFT
        await search(world)
    plan, _ = await plan_of(world, plan_id)
    assert (plan.state, plan.failure) == (PlanState.REJECTED, "search_failed")


async def test_a_drop_out_is_repaired_all_or_nothing(world: World) -> None:
    bookings = [await appointment(world, 24), await appointment(world, 26)]
    (ill,) = await world.interpreters(1)
    plan_id = await ask(world)
    await search(world)
    assert (await world.services.plans.approval.approve(world.database, COORDINATOR, plan_id)).bound == 2
    (well,) = await world.interpreters(1)
    now = world.clock.now()
    async with world.database.unit(COORDINATOR) as uow:
        with pytest.raises(Invalid, match="nothing_to_repair"):
            await world.services.plans.repairs.propose(uow, "RS", [well], now, now + timedelta(days=3))
        proposals = await world.services.plans.repairs.propose(uow, "RS", [ill], now, now + timedelta(days=3))
        ids = [plan.id for plan in proposals]
    view = await view_of(world, ids[0])
    assert {cell["before"] for cell in view["cells"]} == {"I-0001"}
    assert {cell["interpreter"] for cell in view["cells"]} == {"I-0002"}
    assert not any(cell["moved"] for cell in view["cells"])
    done = await world.services.plans.approval.approve(world.database, COORDINATOR, ids[0])
    assert (done.bound, done.stale) == (2, ())
    assert {(await world.booking(booking_id)).interpreter_id for booking_id in bookings} == {well}


async def test_a_repair_that_is_refused_changes_nothing(world: World) -> None:
    booking_id = await appointment(world, 24)
    (ill,) = await world.interpreters(1)
    plan_id = await ask(world)
    await search(world)
    await world.services.plans.approval.approve(world.database, COORDINATOR, plan_id)
    (well,) = await world.interpreters(1)
    now = world.clock.now()
    async with world.database.unit(COORDINATOR) as uow:
        (plan,) = await world.services.plans.repairs.propose(uow, "RS", [ill], now, now + timedelta(days=3))
    async with world.database.unit(SYSTEM) as uow:
        person = await uow.session.get_one(Interpreter, well)
        person.vetting_expires = now
    done = await world.services.plans.approval.approve(world.database, COORDINATOR, plan.id)
    assert done.bound == 0
    assert done.stale == ((booking_id, "M-2.vetting"),)
    assert (await world.booking(booking_id)).interpreter_id == ill
    after, cells = await plan_of(world, plan.id)
    assert after.state is PlanState.STALE
    assert cells[0].state is CellState.STALE


async def test_what_a_repair_frees_goes_to_the_waiting_list(world: World) -> None:
    """Who hands a long talk on to take over a short one is free afterwards: the oldest that waits for that time gets it."""
    lost = await world.request(kind="appointment", language="pes", in_hours=24, minutes=60)
    handed_on = await world.request(kind="appointment", in_hours=24, minutes=120)
    waits = await world.request(kind="appointment", language="pes", in_hours=25.5, minutes=20)
    (ill,) = await world.interpreters(1, pairs=[pair("pes", "srp")], max_minutes_day=60)
    (both,) = await world.interpreters(1, pairs=[pair("pes", "srp"), pair("pbt", "srp")])
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.bookings.place(uow, lost, interpreter_id=ill)
        await world.services.bookings.place(uow, handed_on, interpreter_id=both)
    assert await world.offers(waits) == []
    (well,) = await world.interpreters(1, pairs=[pair("pbt", "srp")])
    now = world.clock.now()
    async with world.database.unit(COORDINATOR) as uow:
        proposals = await world.services.plans.repairs.propose(uow, "RS", [ill], now, now + timedelta(days=3))
        assert [plan.left_out for plan in proposals] == [1, 0]
        moving = proposals[-1].id
        # What a coordinator has pinned is not moved.
        pin = PlanPin(
            booking_id=handed_on, leg=1, country="RS", interpreter_id=both, pinned_by="C-0001", pinned_at=uow.now
        )
        uow.session.add(pin)
        await uow.flush()
        (still,) = await world.services.plans.repairs.propose(uow, "RS", [ill], now, now + timedelta(days=3))
        assert still.left_out == 1
        await uow.session.delete(pin)
    done = await world.services.plans.approval.approve(world.database, COORDINATOR, moving)
    assert (done.bound, done.stale) == (2, ())
    assert [(await world.booking(one)).interpreter_id for one in (lost, handed_on)] == [both, well]
    assert [offer.interpreter_id for offer in await world.offers(waits)] == [both]


async def test_a_relay_through_serbian_is_planned_and_approved(world: World) -> None:
    """Nobody connects Dari and Macedonian, neither directly nor through English; two people do through Serbian."""
    _, step = await world.case(step="MK-ID-10", language="prs", actor=MK_OFFICER)
    at = world.clock.now() + timedelta(hours=24)
    async with world.database.unit(MK_OFFICER) as uow:
        new = NewBooking(step, "appointment", "prs", "mkd", at, 20, way="relay")
        booking_id = (await world.services.bookings.request(uow, new)).id
    assert (await world.booking(booking_id)).pivot is None
    (first,) = await world.interpreters(1, base_country="MK", nominated_by="MK", pairs=[pair("prs", "srp")])
    (second,) = await world.interpreters(1, base_country="MK", nominated_by="MK", pairs=[pair("srp", "mkd")])
    await world.interpreters(1, base_country="MK", nominated_by="MK", pairs=[pair("eng", "mkd")])
    coordinator = staff("C-7001", Role.COORDINATOR, Country.MK)
    now = world.clock.now()
    async with world.database.unit(coordinator) as uow:
        plan_id = (await world.services.plans.service.ask(uow, "MK", now, now + timedelta(days=14), seconds=5)).id
    await search(world)
    _, cells = await plan_of(world, plan_id)
    assert [(cell.leg, cell.interpreter_id, cell.pivot) for cell in cells] == [(1, first, "srp"), (2, second, "srp")]
    done = await world.services.plans.approval.approve(world.database, coordinator, plan_id)
    assert (done.bound, done.stale) == (1, ())
    row = await world.booking(booking_id)
    assert (row.state, row.way, row.pivot) == (BookingState.ASSIGNED, "relay", "srp")
    assert {one.leg: one.interpreter_id for one in await world.assignments(booking_id)} == {1: first, 2: second}


async def test_why_not_names_the_rule_and_the_numbers(world: World) -> None:
    first, second = await appointment(world, 24, 150), await appointment(world, 27, 150)
    who, man = await world.interpreters(2, max_minutes_day=240)
    async with world.database.unit(COORDINATOR) as uow:
        why = await world.services.plans.choosing.why_not(uow, second, who)
        assert why["reasons"] == []
        assert why["points"] is not None
        await world.services.bookings.place(uow, first, interpreter_id=who)
    async with world.database.unit(COORDINATOR) as uow:
        why = await world.services.plans.choosing.why_not(uow, second, who)
    assert why["interpreter"] == "I-0001"
    assert "M-2.day_limit" in {reason["rule"] for reason in why["reasons"]}
    assert why["points"] is None
    assert man != who


def test_every_reason_has_a_sentence_in_every_language() -> None:
    """What ``reasons`` can say, by the last part of its id, as the page looks it up."""
    ids = {rule.value for rule in Rule} | {fault.value for fault in Fault} | {SAID_NO, OTHER_SIDE, TOO_LONG}
    names = {one.rpartition(".")[2] for one in ids} - {Fault.SHAPE.value.rpartition(".")[2]}
    locales = Path(__file__).parents[3] / "web_client/locales"
    for locale in ("en", "sr-Cyrl", "mk", "sq", "ar", "fa", "ps"):
        texts = [json.loads((locales / area / f"{locale}.json").read_text("utf-8")) for area in ("plans", "board")]
        known = {key.rpartition(".")[2] for each in texts for key in each if ".rule." in key or ".refusal." in key}
        assert names <= known, locale
