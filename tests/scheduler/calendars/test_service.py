"""Weekly hours, exceptions, absences and on-call windows over a database, and that no booking gets around them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest

from core.clock import ManualClock
from core.crypto import FieldCipher, KeyRing
from core.db.session import Database
from core.errors import Conflict, Invalid, NotFound
from scheduler.calendars import holidays, store
from scheduler.calendars.availability import Availability
from scheduler.calendars.models import AvailabilitySpan, CalendarAbsence, CalendarState
from scheduler.calendars.service import BlockInput, CalendarService, ChangeInput
from scheduler.calendars.spans import Interval
from scheduler.calendars.store import outdated, refresh
from scheduler.calendars.week import RuleInput
from scheduler.eligibility import Rule
from scheduler.lifecycle import BookingState
from tests.scheduler.world import SYSTEM, World

MONDAY = date(2026, 11, 23)
"""The day after the clock of the tests begins."""
OFFICE = [RuleInput("desk", weekday, "09:00", "17:00") for weekday in range(5)]


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


@pytest.fixture
def calendars() -> CalendarService:
    return CalendarService(FieldCipher(KeyRing.new()))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}+00:00")


async def week(world: World, calendars: CalendarService, who: str, rules: Sequence[RuleInput] = OFFICE) -> None:
    async with world.database.unit(SYSTEM) as uow:
        await calendars.set_week(uow, who, rules, version=await calendars.version(uow, who))


async def free(world: World, who: str, start: str, end: str) -> list[Interval]:
    async with world.database.read(SYSTEM) as unit:
        return (await Availability().free(unit, [who], utc(start), utc(end)))[who]


async def test_hours_minus_everything_that_takes_time(world: World, calendars: CalendarService) -> None:
    who, unstated = await world.interpreters(2)
    assert await free(world, unstated, "11-23T00:00", "11-24T00:00") == [
        Interval(utc("11-23T00:00"), utc("11-24T00:00"))
    ]
    await week(world, calendars, who)
    assert await free(world, who, "11-21T00:00", "11-24T00:00") == [
        Interval(utc("11-21T00:00"), utc("11-21T23:00")),  # yesterday nothing was stated
        Interval(utc("11-23T08:00"), utc("11-23T16:00")),
    ]
    async with world.database.unit(SYSTEM) as uow:
        extra = ChangeInput("extra", "desk", MONDAY, from_time="19:00", to_time="20:00")
        await calendars.add_change(uow, who, extra)
        entered = await calendars.add_absence(
            uow, who, BlockInput("2026-11-23T12:00", "2026-11-23T13:00"), kind="other"
        )
    assert entered.clashes == 0
    booking_id = await world.request(kind="appointment", in_hours=26, minutes=60)  # Monday 10:00Z
    async with world.database.unit(SYSTEM) as uow:
        await world.services.bookings.place(uow, booking_id, interpreter_id=who)
    assert await free(world, who, "11-23T00:00", "11-24T00:00") == [
        Interval(utc("11-23T08:00"), utc("11-23T10:00")),
        Interval(utc("11-23T12:00"), utc("11-23T16:00")),
        Interval(utc("11-23T18:00"), utc("11-23T19:00")),
    ]
    async with world.database.unit(SYSTEM) as uow:
        sick = await calendars.add_absence(uow, who, BlockInput("2026-11-23T00:00", "2026-11-25T00:00"), kind="sick")
    assert sick.clashes == 1
    assert await free(world, who, "11-23T00:00", "11-24T00:00") == []
    async with world.database.unit(SYSTEM) as uow:
        await calendars.remove(uow, who, "absence", sick.id)
        with pytest.raises(NotFound):
            await calendars.remove(uow, unstated, "absence", entered.id)
    assert len(await free(world, who, "11-23T00:00", "11-24T00:00")) == 3


async def test_nobody_is_booked_outside_hours_on_any_path(world: World, calendars: CalendarService) -> None:
    who, other = await world.interpreters(2)
    for person in (who, other):
        await week(world, calendars, person)
    # Asked for: only whose hours hold all of it are asked. 16:30 to 17:30 local reaches over the end.
    outside = await world.request(kind="appointment", in_hours=31.5, minutes=60)
    assert (await world.booking(outside)).state is BookingState.UNFILLED
    # By a coordinator's hand.
    with pytest.raises(Conflict) as refused:
        async with world.database.unit(SYSTEM) as uow:
            await world.services.bookings.place(uow, outside, interpreter_id=who)
    assert (refused.value.code, refused.value.params) == ("not_eligible", {"rule": "M-11.availability"})
    # Offered inside hours, and then away before the answer: the confirmation is refused too.
    inside = await world.request(kind="appointment", in_hours=26, minutes=60)
    offer = next(one for one in await world.offers(inside) if one.interpreter_id == who)
    async with world.database.unit(SYSTEM) as uow:
        await calendars.add_absence(uow, who, BlockInput("2026-11-23T11:30", "2026-11-23T13:00"), kind="holiday")
    with pytest.raises(Conflict) as late:
        await world.accept(offer)
    assert late.value.params == {"rule": "M-11.availability"}
    assert not await world.assignments(inside)
    # A request for now goes by presence: it is Sunday, and they are on line.
    now = await world.request(minutes=20)
    assert len(await world.offers(now)) == 2


async def test_refusal_agrees_with_free(world: World, calendars: CalendarService) -> None:
    (who,) = await world.interpreters(1)
    await week(world, calendars, who)
    booking = await world.request(kind="appointment", in_hours=26, minutes=60)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.bookings.place(uow, booking, interpreter_id=who)
    async with world.database.read(SYSTEM) as unit:
        for quarter in range(24, 80):
            start = utc("11-23T00:00") + timedelta(minutes=15 * quarter)
            end = start + timedelta(minutes=45)
            found = await Availability().refusal(unit, who, start, end)
            spans = (await Availability().free(unit, [who], start, end))[who]
            assert (found is None) == (spans == [Interval(start, end)])
            hours = utc("11-23T08:00") <= start and end <= utc("11-23T16:00")
            assert found is None or found.rule is (Rule.ENGAGED if hours else Rule.AVAILABILITY)


async def test_on_call(world: World, calendars: CalendarService) -> None:
    who, away, _ = await world.interpreters(3, base_country="RS")
    duty = [RuleInput("on_call", day, "22:00", "06:00", 60, ("app", "sms")) for day in range(7)]
    for person in (who, away):
        await week(world, calendars, person, duty)
    async with world.database.unit(SYSTEM) as uow:
        window = BlockInput("2026-11-23T23:00", "2026-11-24T08:00")
        await calendars.add_window(uow, who, window, report_in_min=180, reachable_by=["phone"])
        await calendars.add_absence(uow, away, BlockInput("2026-11-23T00:00", "2026-11-26T00:00"), kind="holiday")
    async with world.database.read(SYSTEM) as unit:
        found = await Availability().on_call(unit, utc("11-23T23:00"), country="RS")
        assert set(found) == {who}
        assert (found[who].report_in, found[who].until) == (60, utc("11-24T07:00"))
        assert found[who].reachable_by == ("app", "sms", "phone")
        assert await Availability().on_call(unit, utc("11-23T23:00"), country="MK") == {}
        assert await Availability().on_call(unit, utc("11-23T12:00")) == {}
        late = await Availability().on_call(unit, utc("11-24T06:30"))
        assert (late[who].report_in, late[who].reachable_by) == (180, ("phone",))
    # On-call duty states nothing about desk hours.
    assert await free(world, who, "11-23T12:00", "11-23T13:00") == [Interval(utc("11-23T12:00"), utc("11-23T13:00"))]


async def test_week_is_versioned_checked_and_keeps_what_was(world: World, calendars: CalendarService) -> None:
    (who,) = await world.interpreters(1)
    await week(world, calendars, who)
    async with world.database.unit(SYSTEM) as uow:
        with pytest.raises(Conflict, match="changed_meanwhile"):
            await calendars.set_week(uow, who, OFFICE, version=0)
        later = [RuleInput("desk", 0, "12:00", "14:00")]
        await calendars.set_week(uow, who, later, version=1, valid_from=date(2026, 12, 7))
        assert len(await calendars.rules(uow, who)) == 6
    assert await free(world, who, "11-30T00:00", "12-01T00:00") == [Interval(utc("11-30T08:00"), utc("11-30T16:00"))]
    assert await free(world, who, "12-07T00:00", "12-09T00:00") == [Interval(utc("12-07T11:00"), utc("12-07T13:00"))]
    async with world.database.unit(SYSTEM) as uow:
        await calendars.set_week(uow, who, [], version=2, valid_from=date(2026, 12, 14))
    assert await free(world, who, "12-15T00:00", "12-16T00:00") == [Interval(utc("12-15T00:00"), utc("12-16T00:00"))]
    for rules, code in (
        ([RuleInput("desk", 7, "09:00", "10:00")], "value_unknown"),
        ([RuleInput("desk", 0, "9:00", "10:00")], "value_unknown"),
        ([RuleInput("desk", 0, "22:00", "06:00"), RuleInput("desk", 1, "05:00", "09:00")], "hours_overlap"),
        ([RuleInput("desk", 6, "22:00", "06:00"), RuleInput("desk", 0, "05:00", "09:00")], "hours_overlap"),
        ([RuleInput("on_call", 0, "09:00", "10:00", 60, ("pigeon",))], "value_unknown"),
        ([RuleInput("desk", 0, "09:00", "10:00")] * 43, "too_much"),
    ):
        async with world.database.unit(SYSTEM) as uow:
            with pytest.raises(Invalid) as refused:
                await calendars.set_week(uow, who, rules, version=3)
            assert refused.value.code == code


async def test_reasons_are_sealed(world: World, calendars: CalendarService) -> None:
    (who,) = await world.interpreters(1)
    async with world.database.unit(SYSTEM) as uow:
        block = BlockInput("2026-11-23T00:00", "2026-11-24T00:00")
        made = await calendars.add_absence(uow, who, block, kind="sick", reason="back pain")
        row = await uow.session.get_one(CalendarAbsence, made.id)
        assert row.reason is not None
        assert b"pain" not in row.reason
        assert calendars.reason(row) == "back pain"
        with pytest.raises(Invalid, match="time_order"):
            await calendars.add_absence(uow, who, BlockInput("2026-11-24T00:00", "2026-11-24T00:00"), kind="sick")


async def test_the_half_year_rolls_on_and_new_zone_data_count(
    world: World, calendars: CalendarService, monkeypatch: pytest.MonkeyPatch
) -> None:
    (who,) = await world.interpreters(1)
    await week(world, calendars, who)
    async with world.database.read(SYSTEM) as unit:
        assert await outdated(unit) == []
        before = (await unit.session.get_one(CalendarState, who)).expanded_to
    world.clock.advance(86_400 * 20)
    async with world.database.unit(SYSTEM) as uow:
        assert await outdated(uow) == [who]
        state = await refresh(uow, who, changed=False)
        assert (state.expanded_to - before, state.version) == (timedelta(days=20), 1)
        assert await outdated(uow) == []
    monkeypatch.setattr(store, "tz_version", lambda: "2099z")
    async with world.database.unit(SYSTEM) as uow:
        assert await outdated(uow) == [who]
        await refresh(uow, who, changed=False)
        assert await outdated(uow) == []


async def test_holidays_are_corrected(world: World, calendars: CalendarService) -> None:
    (who,) = await world.interpreters(1, base_country="MK", time_zone="Europe/Skopje")
    eid, next_day = date(2026, 3, 20), date(2026, 3, 21)
    async with world.database.unit(SYSTEM) as uow:
        known = {one.day: one for one in await holidays.holidays_of(uow, "MK", [2026])}
        assert known[eid].state == "estimated"
        await holidays.correct(uow, "MK", eid, name="", state="removed")
        await holidays.correct(uow, "MK", next_day, name="Eid al-Fitr", state="confirmed")
        found = await holidays.days_off(uow, "MK", [2026])
        assert eid not in found
        assert next_day in found
        await holidays.forget_correction(uow, "MK", eid)
        assert eid in await holidays.days_off(uow, "MK", [2026])
        with pytest.raises(Invalid, match="field_missing"):
            await holidays.correct(uow, "MK", date(2026, 3, 25), name="", state="confirmed")
    async with world.database.unit(SYSTEM) as uow:
        await calendars.set_week(uow, who, OFFICE, version=0, skip_holidays=True)
    # Saint Clement of Ohrid, a Tuesday.
    assert await free(world, who, "12-08T00:00", "12-09T00:00") == []
    async with world.database.unit(SYSTEM) as uow:
        await holidays.correct(uow, "MK", date(2026, 12, 8), name="", state="removed")
        for person in await store.who_skips_holidays(uow, "MK"):
            await refresh(uow, person, changed=False)
    assert len(await free(world, who, "12-08T00:00", "12-09T00:00")) == 1


def test_spans_have_no_room_for_titles() -> None:
    assert {column.name for column in AvailabilitySpan.__table__.columns} == {
        *("id", "interpreter_id", "kind", "starts_at", "ends_at", "source", "source_id"),
        *("report_in_min", "reachable_by"),
    }
