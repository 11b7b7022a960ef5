"""Requests, refusals, appointments, release, replacement, ends, and what officers and coordinators see."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.db.session import Database
from core.errors import Conflict, Forbidden, Invalid, NotFound
from records.case_write import SexWishInput
from records.lifecycle import Outcome, SessionState, StepState
from records.models import ProcedureStep
from scheduler.bookings import NewBooking
from scheduler.lifecycle import AssignmentState, BookingState
from scheduler.needs import need_from_json, need_to_json
from tests.scheduler.world import COORDINATOR, MK_OFFICER, OFFICER, OTHER_OFFICER, SYSTEM, World, pair


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def test_a_locked_step_cannot_be_booked_and_says_which_gate(world: World) -> None:
    case_id, step_id = await world.case(step="RS-REG-10", uam="confirmed")
    with pytest.raises(Conflict) as refused:
        await world.request(step_id)
    assert (refused.value.code, refused.value.params) == ("step_locked", {"gate": "guardian"})
    async with world.database.read(OFFICER) as unit:
        assert (await world.cases.get(unit, case_id))["locked_by"] == "guardian"


async def test_the_same_key_gives_the_first_booking_and_a_second_one_is_refused(world: World) -> None:
    _, step_id = await world.case()
    new = NewBooking(step_id=step_id, kind="now", language="pbt", officer_language="srp")
    ids = []
    for _ in range(2):
        async with world.database.unit(OFFICER) as uow:
            ids.append((await world.services.bookings.request(uow, new, idempotency_key="k1")).id)
    assert ids[0] == ids[1]
    with pytest.raises(Conflict, match="booking_exists"):
        await world.request(step_id)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"language": "xxx"}, "language_unknown"),
        ({"language": "arb"}, "language_not_in_case"),
        ({"kind": "later"}, "value_unknown"),
        ({"kind": "appointment"}, "time_in_past"),
        ({"minutes": 900}, "minutes_wrong"),
    ],
)
async def test_wrong_requests_are_refused(world: World, changes: dict[str, object], code: str) -> None:
    _, step_id = await world.case()
    values: dict[str, object] = {"step_id": step_id, "kind": "now", "language": "pbt", "officer_language": "srp"}
    async with world.database.unit(OFFICER) as uow:
        with pytest.raises(Invalid, match=code):
            await world.services.bookings.request(uow, NewBooking(**{**values, **changes}))  # type: ignore[arg-type]


async def test_other_authorities_and_countries_do_not_reach_the_step(world: World) -> None:
    _, step_id = await world.case()
    with pytest.raises(NotFound, match="case_unknown"):
        await world.request(step_id, actor=OTHER_OFFICER)
    with pytest.raises(NotFound, match="step_unknown"):
        await world.request(step_id, actor=MK_OFFICER)
    with pytest.raises(Forbidden, match="authority_not_yours"):
        await world.request(step_id, actor=COORDINATOR)


async def test_the_need_survives_its_json(world: World) -> None:
    _, step_id = await world.case(needs=["SHORT_SESSIONS"])
    row = await world.booking(await world.request(step_id))
    need = need_from_json(row.need)
    assert need_from_json(need_to_json(need)) == need
    assert need.short_blocks
    assert need.languages[0].code == "pbt"


async def test_an_appointment_rings_nobody_but_is_offered_to_the_best(world: World, clock: ManualClock) -> None:
    people = await world.interpreters(4, available=False)
    booking = await world.request(kind="appointment", in_hours=30, minutes=90)
    offers = await world.offers(booking)
    assert len(offers) == 3
    row = await world.booking(booking)
    assert row.priority == "P4"
    assert offers[0].expires_at - clock.now() == timedelta(hours=4)
    answer = await world.accept(offers[0])
    assert answer["starts_at"] == row.starts_at
    session = await world.session(answer["session_id"])
    assert session.join_opens_at == row.starts_at - timedelta(minutes=10)
    async with world.database.unit(SYSTEM) as uow:
        with pytest.raises(Conflict, match="join_not_open"):
            await world.log.open(uow, session.id, part="officer", code="O-1183")
    async with world.database.read(SYSTEM) as unit:
        day = await world.services.interpreter_views.assignments(
            unit, offers[0].interpreter_id, start=clock.now(), end=clock.now() + timedelta(days=3)
        )
    assert [(item["state"], item["session_id"]) for item in day] == [("confirmed", session.id)]
    assert offers[0].interpreter_id in people


async def test_release_searches_anew_without_that_person_and_keeps_the_session(world: World) -> None:
    await world.interpreters(2)
    booking = await world.request()
    offer = (await world.offers(booking))[0]
    session_id = (await world.accept(offer))["session_id"]
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.release(uow, booking, reason="ill")
    row = await world.booking(booking)
    assert row.state is BookingState.OFFERING
    assert row.interpreter_id is None
    assert row.round == 2
    (ring,) = await world.offers(booking)
    assert ring.interpreter_id != offer.interpreter_id
    assert [a.state for a in await world.assignments(booking)] == [AssignmentState.RELEASED]
    assert (await world.accept(ring))["session_id"] == session_id
    async with world.database.read(SYSTEM) as unit:
        record = await world.log.record(unit, str(session_id))
    kinds = [entry["kind"] for entry in record["entries"]]
    assert kinds.index("interpreter_lost") < kinds.index("replaced")
    assert record["chain"]["ok"]


async def test_a_replacement_keeps_the_running_session(world: World, clock: ManualClock) -> None:
    await world.interpreters(2)
    booking = await world.request()
    session_id = await world.talk(booking)
    first = (await world.booking(booking)).interpreter_id
    clock.advance(300)
    await world.stay(*await _ids(world))
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.replace(uow, booking, reason="knows_person")
    session = await world.session(session_id)
    assert (session.state, session.reason) == (SessionState.PAUSED, "interpreter_lost")
    row = await world.booking(booking)
    assert (row.state, row.priority, row.session_id) == (BookingState.OFFERING, "P1", session_id)
    (ring,) = await world.offers(booking)
    assert ring.interpreter_id != first
    clock.advance(10)
    assert (await world.accept(ring))["session_id"] == session_id
    await world.enter(session_id, "interpreter")
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.start(uow, session_id)
    clock.advance(600)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.finish(uow, session_id, outcome=Outcome.COMPLETED, by="officer")
    row = await world.booking(booking)
    assert row.state is BookingState.FULFILLED
    minutes = [(a.state, a.active_min) for a in await world.assignments(booking)]
    assert minutes == [(AssignmentState.RELEASED, 5), (AssignmentState.HONOURED, 10)]
    async with world.database.read(SYSTEM) as unit:
        record = await world.log.record(unit, session_id)
        step = await unit.session.get_one(ProcedureStep, row.step_id)
    assert step.state is StepState.HELD
    kinds = [entry["kind"] for entry in record["entries"]]
    assert [kind for kind in kinds if kind in ("recused", "recheck", "replaced", "resumed", "ended")] == [
        "recused",
        "recheck",
        "replaced",
        "resumed",
        "ended",
    ]
    assert record["interpreter"] is not None
    assert record["interpreter"]["code"] != record["entries"][0]["data"]["interpreter_code"]


async def test_ending_while_a_replacement_is_searched_closes_everything(world: World, clock: ManualClock) -> None:
    await world.interpreters(2)
    booking = await world.request()
    session_id = await world.talk(booking)
    clock.advance(60)
    await world.stay(*await _ids(world))
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.replace(uow, booking)
    assert len(await world.offers(booking)) == 1
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.finish(uow, session_id, outcome=Outcome.REBOOKED, by="officer")
    row = await world.booking(booking)
    assert (row.state, row.reason) == (BookingState.CANCELLED, "interpreter_lost")
    assert await world.offers(booking) == []
    async with world.database.read(SYSTEM) as unit:
        step = await unit.session.get_one(ProcedureStep, row.step_id)
    assert step.state is StepState.POSTPONED
    again = await world.request(row.step_id)
    assert (await world.booking(again)).state is BookingState.OFFERING


async def test_cancel_calls_the_session_off_and_frees_the_interpreter(world: World) -> None:
    await world.interpreters(1)
    booking = await world.request()
    answer = await world.accept((await world.offers(booking))[0])
    waiting = await world.request()
    async with world.database.unit(OFFICER) as uow:
        await world.services.bookings.cancel(uow, booking, reason="person_left")
    session = await world.session(answer["session_id"])
    assert (session.state, session.reason) == (SessionState.NOT_HELD, "cancelled")
    assert session.seal_hash is not None
    assert len(await world.offers(waiting)) == 1
    async with world.database.unit(OFFICER) as uow:
        with pytest.raises(Invalid, match="value_unknown"):
            await world.services.bookings.cancel(uow, waiting, reason="because she said so")


async def test_placing_by_hand_checks_every_rule(world: World) -> None:
    (good,) = await world.interpreters(1, available=False)
    (expired,) = await world.interpreters(1, available=False, nda_expires=None)
    (wrong,) = await world.interpreters(1, available=False, pairs=[pair("apc", "srp")])
    booking = await world.request()
    assert (await world.booking(booking)).needs_coordinator
    for person, rule in ((expired, "M-2.nda"), (wrong, "M-2.language")):
        with pytest.raises(Conflict) as refused:
            await _place(world, booking, person)
        assert refused.value.params == {"rule": rule}
    async with world.database.read(COORDINATOR) as unit:
        shown = await world.services.board.candidates(unit, await world.services.bookings.get(unit, booking))
    refusals = {view["interpreter_id"]: [r["rule"] for r in view["refusals"]] for view in shown}
    assert refusals == {good: ["M-11.presence"], expired: ["M-2.nda", "M-11.presence"]}
    await _place(world, booking, good)
    row = await world.booking(booking)
    assert (row.state, row.interpreter_id, row.needs_coordinator) == (BookingState.ASSIGNED, good, False)


async def test_a_must_is_never_dropped_and_a_changed_wish_rings_anew(world: World) -> None:
    women_and_men = await world.interpreters(4)
    case_id, step_id = await world.case()
    booking = await world.request(step_id)
    assert len(await world.offers(booking)) == 3
    async with world.database.unit(OFFICER) as uow:
        detail = await world.cases.get(uow, case_id)
        wish = SexWishInput(wish="woman", must=True, asked=True)
        await world.cases.update(uow, case_id, version=detail["version"], changes={"interp_sex": wish})
        await world.services.bookings.case_changed(uow, case_id)
    offers = await world.offers(booking)
    assert {offer.interpreter_id for offer in offers} == {women_and_men[0], women_and_men[2]}
    with pytest.raises(Conflict) as refused:
        await _place(world, booking, women_and_men[1])
    assert refused.value.params == {"rule": "M-3.sex"}


async def test_an_agreed_interpreter_who_no_longer_fits_is_shown_to_the_coordinator(world: World) -> None:
    _, man = await world.interpreters(2)
    case_id, step_id = await world.case()
    booking = await world.request(step_id)
    await world.accept({offer.interpreter_id: offer for offer in await world.offers(booking)}[man])
    async with world.database.unit(OFFICER) as uow:
        detail = await world.cases.get(uow, case_id)
        wish = SexWishInput(wish="woman", must=True, asked=True)
        await world.cases.update(uow, case_id, version=detail["version"], changes={"interp_sex": wish})
        await world.services.bookings.case_changed(uow, case_id)
    row = await world.booking(booking)
    assert (row.state, row.needs_coordinator, row.reason) == (BookingState.ASSIGNED, True, "no_longer_fits")


async def test_a_closed_gate_hides_the_other_country_and_an_open_one_has_its_own_rung(
    world: World, clock: ManualClock
) -> None:
    (abroad,) = await world.interpreters(1, base_country="MK", time_zone="Europe/Skopje")
    _, step_id = await world.case(step="RS-REG-20")
    closed = await world.request(step_id)
    assert (await world.booking(closed)).state is BookingState.UNFILLED
    async with world.database.unit(SYSTEM) as uow:
        gate = await world.services.transfer.open_gate(
            uow,
            from_country="RS",
            to_country="MK",
            basis="test",
            reference="T/1",
            valid_from=clock.now(),
            valid_to=None,
            stages=["identification", "registration"],
        )
    _, step_id = await world.case(step="RS-REG-20")
    opened = await world.request(step_id)
    (ring,) = await world.offers(opened)
    assert (ring.interpreter_id, ring.rung) == (abroad, "other_country")
    answer = await world.accept(ring)
    session = await world.session(answer["session_id"])
    assert (session.transfer_instrument_id, session.interpreter_country) == (gate["id"], "MK")
    police = await world.request()
    assert (await world.booking(police)).rungs[4]["reason"] == "gate_closed"


async def test_a_substitute_language_is_in_the_log(world: World) -> None:
    await world.interpreters(1)
    _, step_id = await world.case(language="pbu")
    booking = await world.request(step_id, language="pbu")
    answer = await world.accept((await world.offers(booking))[0])
    session = await world.session(answer["session_id"])
    assert session.substitution == {"from": "pbu", "to": "pbt", "penalty": 10}


async def test_views_of_a_case_say_what_comes_next(world: World) -> None:
    await world.interpreters(1)
    case_id, step_id = await world.case()
    booking = await world.request(step_id)

    async def link() -> str:
        async with world.database.read(OFFICER) as unit:
            return (await world.services.booking_views.links(unit, [case_id]))[case_id]["next"]

    assert await link() == "waiting"
    answer = await world.accept((await world.offers(booking))[0])
    assert await link() == "join"
    for part in ("officer", "interpreter"):
        await world.enter(answer["session_id"], part)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.start(uow, str(answer["session_id"]))
    assert await link() == "in_session"
    async with world.database.read(OFFICER) as unit:
        (view,) = await world.services.booking_views.list(unit, case_id=case_id, state="open")
    assert view["interpreter"] == {"code": "I-0001", "level": "L3"}
    assert view["offers"][0]["state"] == "accepted"
    assert 1 <= len(view["offers"][0]["reasons"]) <= 3


async def test_small_counts_are_told_as_few(world: World) -> None:
    await world.interpreters(2)
    _, step_id = await world.case()
    for free, few in ((0, True), (3, False)):
        async with world.database.read(OFFICER) as unit:
            outlook = await world.services.board.outlook(unit, step_id=step_id, language="pbt", officer_language="srp")
        assert (outlook["free_now"], outlook["free_few"]) == (free, few)
        assert outlook["expected"]["basis"] == "none"
        assert outlook["national_only"]
        await world.interpreters(1)


async def test_measured_waits_count_what_was_never_filled(world: World, clock: ManualClock) -> None:
    people = await world.interpreters(1)
    for wait in (4, 8, 12, 16):
        booking = await world.request()
        clock.advance(wait)
        await world.accept((await world.offers(booking))[0])
        async with world.database.unit(SYSTEM) as uow:
            await world.services.bookings.cancel(uow, booking, reason="other")
        await world.stay(*people)
    async with world.database.read(SYSTEM) as unit:
        before = await world.services.waits.expected(unit, language="pbt", stage="identification", country="RS")
    assert before["basis"] == "none"
    await world.on_line(people[0], "away")
    await world.request()
    async with world.database.read(SYSTEM) as unit:
        after = await world.services.waits.expected(unit, language="pbt", stage="identification", country="RS")
    assert after == {"basis": "measured", "p50_s": 12, "p90_s": None, "n": 5}


async def _place(world: World, booking: str, person: str) -> None:
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.bookings.place(uow, booking, interpreter_id=person)


async def _ids(world: World) -> list[str]:
    async with world.database.read(SYSTEM) as unit:
        return [row["id"] for row in (await world.services.pool.list(unit))["items"]]
