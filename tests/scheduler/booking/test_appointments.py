"""Slots, bookings of slots, holds, moves, notice and the waiting list, on both databases."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from core.clock import ManualClock
from core.db.session import Database
from core.errors import Conflict, Invalid
from records.case_facts import case_gates
from records.lifecycle import HeldHow
from records.models import Case
from scheduler.booking.appointments import SlotsAsked
from scheduler.booking.slots import Slot
from scheduler.bookings import NewBooking
from scheduler.calendars.models import AvailabilitySpan, CalendarState
from scheduler.eligibility import Rule
from scheduler.legs import Way
from scheduler.lifecycle import AssignmentState, BookingState
from scheduler.models import Assignment, Booking, Interpreter
from scheduler.ring.fairness import shares_of
from scheduler.ring.models import Standing
from tests.scheduler.world import OFFICER, OTHER_OFFICER, SYSTEM, World, catalogue

LONG = "RS-ASY-50"


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def works(world: World, interpreter_id: str, *hours: tuple[float, float], day: int = 1) -> None:
    """The interpreter has stated to work in these hours of a later day."""
    midnight = world.clock.now().replace(hour=0, minute=0) + timedelta(days=day)
    async with world.database.unit(SYSTEM) as uow:
        if await uow.session.get(CalendarState, interpreter_id) is None:
            later = midnight + timedelta(days=90)
            state = {"changed_at": uow.now, "expanded_from": uow.now, "expanded_to": later, "tz_version": "test"}
            uow.session.add(CalendarState(interpreter_id=interpreter_id, **state))
        for start, end in hours:
            span = {"starts_at": midnight + timedelta(hours=start), "ends_at": midnight + timedelta(hours=end)}
            own = {"interpreter_id": interpreter_id, "kind": "desk", "source": "rule", "reachable_by": []}
            uow.session.add(AvailabilitySpan(**own, **span))


def at(world: World, hour: float, day: int = 1) -> datetime:
    return world.clock.now().replace(hour=0, minute=0) + timedelta(days=day, hours=hour)


async def book(
    world: World, hour: float, minutes: int = 60, *, way: str = "direct", only_sure: bool = False
) -> Booking:
    _, step_id = await world.case()
    new = NewBooking(step_id, "appointment", "pbt", "srp", at(world, hour), minutes, way=way)
    async with world.database.unit(OFFICER) as uow:
        return await world.services.appointments.book(uow, new, only_sure=only_sure)


async def comes_next(world: World, booking: Booking) -> str:
    """What the list of cases says about its case."""
    async with world.database.read(OFFICER) as unit:
        return (await world.services.booking_views.links(unit, [booking.case_id]))[booking.case_id]["next"]


async def hold(world: World, hour: float, minutes: int = 60, **values: object) -> Booking:
    _, step_id = await world.case()
    new = NewBooking(
        step_id=step_id, kind="appointment", language="pbt", officer_language="srp", starts_at=at(world, hour),
        minutes=minutes,
    )  # fmt: skip
    async with world.database.unit(OFFICER) as uow:
        return await world.services.appointments.hold(uow, new, **values)  # type: ignore[arg-type]


async def free(world: World, minutes: int = 60, *, refused: bool = False, way: Way = Way.DIRECT) -> list[Slot]:
    _, step_id = await world.case()
    asked = SlotsAsked(step_id, "pbt", "srp", minutes, way)
    async with world.database.read(OFFICER) as unit:
        return await world.services.appointments.slots(unit, asked, at(world, 0), at(world, 24), refused=refused)


def hours(slots: list[Slot]) -> list[float]:
    return [slot.starts_at.hour + slot.starts_at.minute / 60 for slot in slots]


async def test_slots_are_the_stated_hours_without_agreed_work_and_the_break_it_owes(world: World) -> None:
    (person,) = await world.interpreters(1)
    await works(world, person, (9, 13))
    assert hours(await free(world)) == [9 + n / 4 for n in range(13)]
    booking = await book(world, 10)
    assert (booking.state, booking.interpreter_id) == (BookingState.ASSIGNED, person)
    # 60 minutes owe ten: the next can begin at 11:15 (quarters); before, the new one must leave its own ten: until 8:45 no.
    assert hours(await free(world)) == [11.25, 11.5, 11.75, 12]
    # A short talk of 15 minutes owes nothing by itself and may end right before.
    assert hours(await free(world, 15))[:4] == [9, 9.25, 9.5, 9.75]


async def test_breaks_count_what_is_owed_and_only_once(world: World) -> None:
    (person,) = await world.interpreters(1)
    await works(world, person, (8, 20))
    first = await book(world, 9, 20)
    second = await book(world, 9.5, 20)
    (one,) = await world.assignments(first.id)
    (two,) = await world.assignments(second.id)
    assert one.busy_until == one.ends_at, "twenty minutes owe no break"
    assert two.busy_until == two.ends_at, "ten minutes between them were the break"
    between = await book(world, 9 + 20 / 60, 10)
    (mid,) = await world.assignments(between.id)
    (two,) = await world.assignments(second.id)
    assert mid.busy_until == mid.ends_at
    assert two.busy_until == two.ends_at + timedelta(minutes=10), "fifty minutes in a row owe ten"
    long = await book(world, 12, 120)
    (row,) = await world.assignments(long.id)
    assert row.busy_until == row.ends_at + timedelta(minutes=30)


async def test_no_more_than_four_hours_a_day_whatever_the_profile_says(world: World) -> None:
    (person,) = await world.interpreters(1, max_minutes_day=480)
    await works(world, person, (8, 20))
    await book(world, 8, 180)
    with pytest.raises(Conflict) as refused:
        await book(world, 15, 90)
    assert (refused.value.code, refused.value.params) == ("slot_not_free", {"rule": Rule.DAY_LIMIT.value})
    assert (await book(world, 15, 60)).state is BookingState.ASSIGNED


async def test_every_refused_time_has_a_rule(world: World) -> None:
    (person,) = await world.interpreters(1)
    await works(world, person, (9, 12))
    await book(world, 10)
    told = {slot.starts_at: slot.refusals for slot in await free(world, refused=True)}
    assert set(told[at(world, 8)]) == {Rule.AVAILABILITY}
    assert set(told[at(world, 10)]) == {Rule.ENGAGED}
    assert all(slot.is_free or slot.refusals for slot in await free(world, refused=True))
    nobody = await free(world, refused=True, way=Way.RELAY)
    assert all(set(slot.refusals) == {Rule.LANGUAGE} for slot in nobody)


_SHIFTS = st.lists(st.tuples(st.integers(6, 18), st.integers(1, 6)), min_size=0, max_size=2, unique_by=lambda s: s[0])


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shifts=st.lists(_SHIFTS, min_size=1, max_size=3),
    earlier=st.lists(st.tuples(st.integers(24, 72), st.sampled_from([15, 30, 45, 90, 120])), max_size=4),
    minutes=st.sampled_from([15, 45, 60, 120, 240]),
    pick=st.data(),
)
async def test_what_is_offered_can_be_booked(
    world: World, shifts: list[list[tuple[int, int]]], earlier: list[tuple[int, int]], minutes: int, pick: st.DataObject
) -> None:
    """Any pool, any work agreed before: an offered slot is booked, a refused one is refused by a rule that was told."""
    async with world.database.unit(SYSTEM) as uow:
        await uow.session.execute(update(Assignment).values(state=AssignmentState.RELEASED))
        await uow.session.execute(update(Interpreter).values(active=False))
    for person, own in zip(await world.interpreters(len(shifts)), shifts, strict=True):
        spans = [(float(start), float(start + length)) for start, length in own]
        await works(world, person, *_apart(spans))
    for quarter, length in earlier:
        with suppress(Conflict):
            await book(world, quarter / 4, length)
    slots = await free(world, minutes, refused=True)
    slot = pick.draw(st.sampled_from(slots))
    hour = (slot.starts_at - at(world, 0)).total_seconds() / 3600
    if slot.is_free:
        assert (await book(world, hour, minutes)).state is BookingState.ASSIGNED
    else:
        with pytest.raises(Conflict) as caught:
            await book(world, hour, minutes)
        assert caught.value.params["rule"] in {rule.value for rule in slot.refusals}


def _apart(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans that neither overlap nor touch."""
    found: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if not found or start > found[-1][1]:
            found.append((start, min(end, 24)))
    return found


async def test_who_stated_nothing_is_asked(world: World) -> None:
    await world.interpreters(2)
    slots = await free(world)
    assert slots
    assert not any(slot.sure for slot in slots)
    booking = await book(world, 10)
    assert booking.state is BookingState.OFFERING
    assert len(await world.offers(booking.id)) == 2
    with pytest.raises(Conflict, match="slot_on_request"):
        await hold(world, 14)
    with pytest.raises(Conflict, match="slot_on_request"):
        await book(world, 16, only_sure=True)


async def test_a_move_is_offered_no_time_for_which_only_others_could_be_asked(world: World) -> None:
    agreed, _ = await world.interpreters(2)
    await works(world, agreed, (9, 13))
    booking = await book(world, 10)
    assert booking.interpreter_id == agreed
    asked = SlotsAsked(booking.step_id, "pbt", "srp", 60)
    sure: dict[str | None, dict[datetime, bool]] = {}
    for moving in (None, booking.id):
        async with world.database.read(OFFICER) as unit:
            search = await world.services.appointments.search(unit, asked, at(world, 0), at(world, 24), moving=moving)
        sure[moving] = {slot.starts_at: slot.sure for slot in await world.services.appointments.count(search)}
    assert sure[None][at(world, 15)] is False, "the other has stated no hours and may be asked for a new appointment"
    assert at(world, 15) not in sure[booking.id], "who has agreed cannot, and nobody else is asked for a move"
    assert sure[booking.id][at(world, 11)] is True


async def test_a_hold_keeps_the_time_is_confirmed_or_runs_out(world: World) -> None:
    (person,) = await world.interpreters(1)
    await works(world, person, (9, 13))
    held = await hold(world, 10)
    assert held.state is BookingState.HELD
    assert held.session_id is None
    assert await comes_next(world, held) == "held"
    with pytest.raises(Conflict) as refused:
        await book(world, 10)
    assert refused.value.params == {"rule": Rule.ENGAGED.value}
    async with world.database.unit(OFFICER) as uow:
        confirmed = await world.services.appointments.confirm(uow, held.id)
        assert (await world.services.appointments.confirm(uow, held.id)).id == held.id
    assert confirmed.state is BookingState.ASSIGNED
    assert (await world.session(confirmed.session_id)).starts_at == at(world, 10)
    assert await comes_next(world, held) == "agreed", "nobody is looked for any more"


async def test_a_hold_ends_by_the_clock_of_the_database(world: World) -> None:
    (person,) = await world.interpreters(1)
    await works(world, person, (9, 13))
    held = await hold(world, 10, span=timedelta(minutes=5))
    await world.worker.tick()
    assert (await world.booking(held.id)).state is BookingState.HELD
    async with world.database.unit(SYSTEM) as uow:
        past = held.hold_until - timedelta(minutes=6) if held.hold_until else uow.now
        await uow.session.execute(update(Booking).where(Booking.id == held.id).values(hold_until=past))
    async with world.database.unit(OFFICER) as uow:
        with pytest.raises(Conflict, match="hold_expired"):
            await world.services.appointments.confirm(uow, held.id)
    await world.worker.tick()
    row = await world.booking(held.id)
    assert (row.state, row.reason) == (BookingState.CANCELLED, "lapsed")
    assert (await book(world, 10)).state is BookingState.ASSIGNED


async def test_a_freed_time_goes_to_the_oldest_who_waits(world: World) -> None:
    (person,) = await world.interpreters(1)
    await works(world, person, (9, 11))
    first = await book(world, 9, 90)
    waiting = []
    for hour in (10.0, 9.0, 9.25):
        _, step = await world.case()
        ahead = (at(world, hour) - world.clock.now()) / timedelta(hours=1)
        waiting.append(await world.request(step, kind="appointment", in_hours=ahead, minutes=60))
        world.clock.advance(1)
    assert all([(await world.booking(one)).state is BookingState.UNFILLED for one in waiting])
    async with world.database.unit(OFFICER) as uow:
        await world.services.bookings.cancel(uow, first.id, reason="not_needed")
    states = [(await world.booking(one)).state for one in waiting]
    assert states == [BookingState.ASSIGNED, BookingState.UNFILLED, BookingState.UNFILLED]
    async with world.database.unit(OFFICER) as uow:
        await world.services.conduct.release(uow, waiting[0], reason="ill")
    # The interpreter gave it back: not asked for that one again, the next oldest is served.
    assert [(await world.booking(one)).state for one in waiting[1:]] == [BookingState.ASSIGNED, BookingState.UNFILLED]


async def test_moving_checks_everything_and_keeps_the_old_time_if_it_fails(world: World) -> None:
    one, two = await world.interpreters(2)
    await works(world, one, (9, 12))
    await works(world, two, (9, 10))
    booking = await book(world, 9)
    session_id = booking.session_id
    who = booking.interpreter_id
    with pytest.raises(Conflict) as refused:
        async with world.database.unit(OFFICER) as uow:
            await world.services.appointments.reschedule(uow, booking.id, starts_at=at(world, 15))
    assert refused.value.params == {"rule": Rule.AVAILABILITY.value}
    row = await world.booking(booking.id)
    assert (row.starts_at, row.interpreter_id, row.state) == (at(world, 9), who, BookingState.ASSIGNED)
    async with world.database.unit(OFFICER) as uow:
        moved = await world.services.appointments.reschedule(uow, booking.id, starts_at=at(world, 10.5), minutes=45)
    assert (moved.state, moved.interpreter_id, moved.session_id) == (BookingState.ASSIGNED, one, session_id)
    session = await world.session(session_id)
    assert (session.starts_at, session.join_opens_at) == (at(world, 10.5), at(world, 10.5) - timedelta(minutes=10))
    async with world.database.read(SYSTEM) as unit:
        kinds = [entry["kind"] for entry in (await world.log.record(unit, str(session_id)))["entries"]]
    assert "moved" in kinds
    active = [row for row in await world.assignments(booking.id) if row.state is AssignmentState.ACTIVE]
    assert [(row.starts_at, row.minutes) for row in active] == [(at(world, 10.5), 45)]
    # Moving a little, into its own old time, is no conflict with itself.
    async with world.database.unit(OFFICER) as uow:
        again = await world.services.appointments.reschedule(uow, booking.id, starts_at=at(world, 10.75))
    assert again.interpreter_id == one


async def asked_time(world: World, booking_id: str, hour: float) -> str:
    """The interpreter is asked for another time; returns the id of the question."""
    async with world.database.unit(OFFICER) as uow:
        await world.services.proposals.ask(uow, booking_id, starts_at=at(world, hour))
    row = await world.booking(booking_id)
    async with world.database.read(SYSTEM) as unit:
        (asked,) = await world.services.proposals.of_interpreter(unit, str(row.interpreter_id))
    return asked["id"]


async def test_another_time_by_agreement_stands_only_after_the_interpreters_yes(world: World) -> None:
    (person,) = await world.interpreters(1)
    booking = await world.request(kind="appointment", in_hours=30, minutes=60)
    await world.accept((await world.offers(booking))[0])
    before = await world.booking(booking)
    with pytest.raises(Conflict) as alone:
        async with world.database.unit(OFFICER) as uow:
            await world.services.appointments.reschedule(uow, booking, starts_at=at(world, 15))
    assert alone.value.code == "slot_on_request", "who stated no hours is asked"
    first = await asked_time(world, booking, 12)
    question = await asked_time(world, booking, 15)
    row = await world.booking(booking)
    assert (row.state, row.starts_at) == (BookingState.ASSIGNED, before.starts_at), "until then the old time stands"
    async with world.database.read(OFFICER) as unit:
        view = await world.services.booking_views.view(unit, row)
    assert view["proposal"] is not None
    assert (view["proposal"]["state"], view["proposal"]["starts_at"]) == ("asked", at(world, 15))
    with pytest.raises(Conflict) as over:
        async with world.database.unit(SYSTEM) as uow:
            await world.services.proposals.answer(uow, first, accept=True)
    assert over.value.code == "proposal_over", "the later question took the earlier one back"
    async with world.database.unit(SYSTEM) as uow:
        await world.services.proposals.answer(uow, question, accept=True)
    row = await world.booking(booking)
    assert (row.state, row.starts_at, row.interpreter_id) == (BookingState.ASSIGNED, at(world, 15), person)
    active = [one for one in await world.assignments(booking) if one.state is AssignmentState.ACTIVE]
    assert [(one.starts_at, one.minutes) for one in active] == [(at(world, 15), 60)]
    assert (await world.session(row.session_id)).starts_at == at(world, 15)
    async with world.database.read(OFFICER) as unit:
        assert (await world.services.booking_views.view(unit, row))["proposal"] is None


async def test_a_no_or_silence_leaves_the_old_time(world: World) -> None:
    await world.interpreters(1)
    booking = await world.request(kind="appointment", in_hours=30, minutes=60)
    await world.accept((await world.offers(booking))[0])
    stands = (await world.booking(booking)).starts_at
    question = await asked_time(world, booking, 15)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.proposals.answer(uow, question, accept=False)
    world.clock.advance(1)
    await asked_time(world, booking, 16)
    world.clock.advance(24 * 3600)
    await world.worker.tick()
    row = await world.booking(booking)
    async with world.database.read(OFFICER) as unit:
        view = await world.services.booking_views.view(unit, row)
        assert await world.services.proposals.of_interpreter(unit, str(row.interpreter_id)) == []
    assert (row.state, row.starts_at) == (BookingState.ASSIGNED, stands)
    assert view["proposal"] is not None
    assert (view["proposal"]["state"], view["proposal"]["starts_at"]) == ("expired", at(world, 16, day=0))


async def test_the_other_time_is_asked_for_only_where_every_rule_allows_it(world: World) -> None:
    (person,) = await world.interpreters(1)
    booking = await world.request(kind="appointment", in_hours=30, minutes=60)
    await world.accept((await world.offers(booking))[0])
    question = await asked_time(world, booking, 15)
    other = await world.request(kind="appointment", in_hours=31.25, minutes=60)
    await world.accept((await world.offers(other))[0])
    with pytest.raises(Conflict) as taken:
        async with world.database.unit(SYSTEM) as uow:
            await world.services.proposals.answer(uow, question, accept=True)
    assert taken.value.code in ("slot_not_free", "slot_on_request"), "taken meanwhile"
    with pytest.raises(Conflict):
        async with world.database.unit(OFFICER) as uow:
            await world.services.proposals.ask(uow, booking, starts_at=at(world, 15.5))
    async with world.database.unit(OFFICER) as uow:
        await world.services.bookings.cancel(uow, booking, reason="not_needed")
    async with world.database.read(SYSTEM) as unit:
        assert await world.services.proposals.of_interpreter(unit, person) == []
    assert [one.state for one in await world.assignments(other)] == [AssignmentState.ACTIVE]


async def test_notice_is_told_before_and_stored_for_the_timesheet(world: World) -> None:
    (person,) = await world.interpreters(1)
    await works(world, person, (9, 13))
    booking = await book(world, 10)
    async with world.database.read(SYSTEM) as unit:
        notice = await world.services.bookings.notice(unit, booking.id)
    assert notice is not None
    assert (notice.code, notice.percent, notice.until) == ("late", 50, at(world, 10, day=0))
    world.clock.advance(3 * 3600)
    async with world.database.unit(OFFICER) as uow:
        await world.services.bookings.cancel(uow, booking.id, reason="person_left")
    (row,) = await world.assignments(booking.id)
    assert (row.state, row.notice_class, row.notice_percent, row.notice_hours) == (
        AssignmentState.RELEASED, "short", 100, 23,
    )  # fmt: skip


async def test_an_officer_who_does_not_come_is_noted_and_the_interpreter_keeps_the_fairness(world: World) -> None:
    (person,) = await world.interpreters(1)
    await works(world, person, (9, 13))
    booking = await book(world, 10)
    world.clock.advance((at(world, 10) - timedelta(minutes=5) - world.clock.now()).total_seconds())
    await world.enter(booking.session_id, "interpreter")
    world.clock.advance(21 * 60)
    await world.worker.tick()
    row = await world.booking(booking.id)
    assert (row.state, row.reason) == (BookingState.MISSED, "officer_absent")
    (work,) = await world.assignments(booking.id)
    assert (work.state, work.notice_class, work.notice_percent) == (AssignmentState.RELEASED, "no_show", 100)
    async with world.database.read(SYSTEM) as unit:
        share = (await shares_of(unit, [person], 1800))[person]
        standing = await unit.session.get(Standing, person)
        after = (await unit.session.get_one(Interpreter, person)).last_live_at
    assert (share.minutes, after) == (0, None), "neither minutes nor idle time know of it"
    assert standing is None or standing.asked == standing.taken, "it is no answer to a ring"


async def test_a_team_is_needed_for_a_long_talk_and_taken_together_or_not_at_all(world: World) -> None:
    (one,) = await world.interpreters(1)
    await works(world, one, (8, 16))
    with pytest.raises(Invalid, match="team_needed"):
        await book(world, 9, 300)
    assert await free(world, 300, way=Way.TEAM) == []
    with pytest.raises(Conflict, match="slot_not_free"):
        await book(world, 9, 300, way="team")
    (two,) = await world.interpreters(1)
    await works(world, two, (8, 16))
    booking = await book(world, 9, 300, way="team")
    rows = await world.assignments(booking.id)
    assert {row.interpreter_id for row in rows} == {one, two}
    assert [row.minutes for row in rows] == [150, 150]
    async with world.database.read(SYSTEM) as unit:
        entries = (await world.log.record(unit, str(booking.session_id)))["entries"]
    (team,) = [entry["data"] for entry in entries if entry["kind"] == "team"]
    assert {team["code"], team["second_code"]} == {"I-0001", "I-0002"}


async def test_the_same_interpreter_serves_the_steps_that_belong_together(world: World) -> None:
    people = await world.interpreters(4)
    for person in people:
        await works(world, person, (9, 17))
    case_id, step = await world.case(step=LONG, actor=OTHER_OFFICER)
    await unlock(world, case_id, step)
    async with world.database.unit(OTHER_OFFICER) as uow:
        more = await world.cases.plan_step(uow, case_id, code="RS-ASY-51")
    second = more["steps"][-1]["id"]
    await unlock(world, case_id, second)
    firsts = []
    for step_id, hour in ((step, 9.0), (second, 14.0)):
        new = NewBooking(step_id, "appointment", "pbt", "srp", at(world, hour), 60)
        async with world.database.unit(OTHER_OFFICER) as uow:
            firsts.append((await world.services.appointments.book(uow, new)).interpreter_id)
    assert firsts[0] == firsts[1]


async def unlock(world: World, case_id: str, step_id: str) -> None:
    """Note what the step waits for as done outside."""
    for _ in range(12):
        async with world.database.read(OTHER_OFFICER) as unit:
            facts = await world.cases.step_facts(unit, step_id)
            found = case_gates(catalogue(), await unit.session.get_one(Case, case_id), facts.step_code)
        if facts.locked_by is None:
            return
        code = next(str(gate.params["step"]) for gate in found if "step" in gate.params and gate.state != "ok")
        async with world.database.unit(OTHER_OFFICER) as uow:
            made = await world.cases.plan_step(uow, case_id, code=code)
            await world.cases.record_held(uow, case_id, made["steps"][-1]["id"], how=HeldHow.INTERPRETER_IN_PERSON)


async def test_the_same_key_books_once(world: World) -> None:
    (person,) = await world.interpreters(1)
    await works(world, person, (9, 13))
    _, step = await world.case()
    new = NewBooking(step, "appointment", "pbt", "srp", at(world, 10), 30)
    ids = []
    for _ in range(2):
        async with world.database.unit(OFFICER) as uow:
            ids.append((await world.services.appointments.book(uow, new, idempotency_key="same")).id)
    assert ids[0] == ids[1]
