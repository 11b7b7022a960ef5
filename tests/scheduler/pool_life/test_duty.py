"""On-call time on timesheets (R-6): stand-by minutes, call-ins, both sides, and the file for accounting."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import ManualClock
from core.db.session import Database
from core.errors import Conflict
from records.lifecycle import Outcome
from scheduler.calendars.models import AvailabilitySpan
from scheduler.calendars.spans import Interval, minutes
from scheduler.pool_life.call_in import CallIn, counted_at_least, least_minutes, parse_call_in
from scheduler.pool_life.duty import collect_duty, duties, is_call_in
from scheduler.pool_life.pay import Currency, LineKind
from tests.scheduler.world import COORDINATOR, MK_OFFICER, SYSTEM, World

ZERO = ManualClock().now()


def span(start: float, end: float) -> Interval:
    return Interval(ZERO + timedelta(minutes=start), ZERO + timedelta(minutes=end))


_SPANS = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 120)).map(lambda one: span(one[0], one[0] + one[1])))


@given(on_call=_SPANS, leave=_SPANS, worked=_SPANS, now=st.integers(0, 500))
def test_no_minute_is_paid_twice_and_none_before_it_is_over(
    on_call: list[Interval], leave: list[Interval], worked: list[Interval], now: int
) -> None:
    """Stand-by is exactly the on-call minutes that are over, without leave and without talks."""
    at = ZERO + timedelta(minutes=now)
    found = duties(on_call, leave, worked, at)
    assert all(duty.ends_at <= at and left > 0 for duty, left in found)
    marked = {
        minute
        for minute in range(500)
        if any(one.holds(*_minute(minute)) for one in on_call)
        and not any(one.meets(*_minute(minute)) for one in (*leave, *worked))
    }
    over = {minute for minute in marked if any(duty.holds(*_minute(minute)) for duty, _ in found)}
    assert sum(left for _, left in found) == len(over)
    # What is marked and not counted belongs to a duty that still goes on.
    for minute in marked - over:
        assert any(one.ends_at > at for one in on_call if one.starts_at <= _minute(minute)[0]) or minutes(on_call) > 0


def _minute(number: int) -> tuple[datetime, datetime]:
    return ZERO + timedelta(minutes=number), ZERO + timedelta(minutes=number + 1)


def test_a_call_in_begins_in_duty_and_outside_desk_hours() -> None:
    duty, desk = [span(0, 60)], [span(30, 90)]
    assert is_call_in(span(0, 1).starts_at, duty, [])
    assert not is_call_in(span(60, 61).starts_at, duty, []), "the end is excluded"
    assert not is_call_in(span(40, 41).starts_at, duty, desk), "in desk hours it is ordinary work"
    assert not is_call_in(span(70, 71).starts_at, duty, [])


@given(starts=st.lists(st.integers(0, 400), unique=True), least=st.integers(0, 120))
def test_least_times_of_call_ins_are_apart_and_cover_each_beginning(starts: list[int], least: int) -> None:
    calls = [CallIn(str(at), span(at, at + 1).starts_at, "RS") for at in starts]
    found = counted_at_least(calls, {"RS": least})
    assert sum(one.minutes for one in found.values()) == minutes(found.values()), "no minute counts twice"
    for call in calls if least else ():
        assert any(one.meets(call.starts_at, call.starts_at + timedelta(minutes=1)) for one in found.values())
    assert all(one.minutes == least for one in found.values())
    assert bool(found) == bool(starts and least)


def test_the_house_rule_is_data_of_each_country() -> None:
    assert set(least_minutes()) == {"RS", "MK"}
    assert parse_call_in("RS: {status: policy, least_minutes: 0}") == {"RS": 0}
    for wrong in (-1, 481):
        with pytest.raises(ValueError, match="between 0 and 480"):
            parse_call_in(f"RS: {{least_minutes: {wrong}}}")


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def lines(world: World, actor: Any = SYSTEM) -> list[dict[str, Any]]:
    async with world.database.read(actor) as unit:
        found = await world.services.pool_life.timesheets.lines(unit)
    return [dict(one) for one in sorted(found, key=lambda one: one["kind"])]


async def collect(world: World) -> tuple[int, int]:
    async with world.database.unit(SYSTEM) as uow:
        return await world.services.pool_life.timesheets.collect(uow), await collect_duty(uow)


async def test_a_duty_with_a_call_in_becomes_two_lines_with_their_own_rates(world: World, clock: ManualClock) -> None:
    (who,) = await world.interpreters(1)
    await world.on_call(who, hours=4)
    begun = clock.now()
    clock.advance(3600)
    await world.stay(who)
    session_id = await world.talk(await world.request())
    clock.advance(1800)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.finish(uow, session_id, outcome=Outcome.COMPLETED, by="officer")
    assert await collect(world) == (1, 0), "the talk is over, the duty is not"
    clock.advance(3 * 3600)
    assert await collect(world) == (0, 1)
    assert await collect(world) == (0, 0), "a duty has one line"
    talk, standby = await lines(world)
    assert (talk["kind"], talk["minutes"], talk["least"], talk["by_coordinator"]) == ("call_in", 30, 60, False)
    # The hour that a call-in counts at least is no stand-by.
    assert (standby["kind"], standby["minutes"], standby["by_coordinator"]) == ("standby", 240 - 60, True)
    assert standby["least"] is None
    assert (standby["starts_at"], standby["authority"]) == (begun, "")
    sheets = world.services.pool_life.timesheets
    async with world.database.unit(COORDINATOR) as uow:
        assert await sheets.line_facts(uow, standby["id"]) == ("RS", who, None)
        for kind, hour in ((LineKind.STANDBY, 30_000), (LineKind.CALL_IN, 180_000)):
            await sheets.set_rate(
                uow, country="RS", engagement="staff", kind=kind, currency=Currency.RSD, minor_per_hour=hour,
                valid_from=begun - timedelta(days=1),
            )  # fmt: skip
    for line, minutes_said in ((talk, 30), (standby, 180)):
        async with world.database.unit(SYSTEM) as uow:
            await sheets.confirm(uow, line["id"], as_interpreter=True, minutes=minutes_said)
            await sheets.confirm(uow, line["id"], as_interpreter=False, minutes=minutes_said)
    async with world.database.unit(COORDINATOR) as uow:
        made = await sheets.export(uow, "RS")
    found = {row["kind"]: (row["minutes"], row["amount"]) for row in csv.DictReader(io.StringIO(made.content))}
    assert found == {"call_in": ("60", "1800.00"), "standby": ("180", "900.00")}
    assert await lines(world, MK_OFFICER) == []


async def test_a_second_call_within_the_hour_counts_what_was_interpreted(world: World, clock: ManualClock) -> None:
    (who,) = await world.interpreters(1)
    await world.on_call(who, hours=3)
    for pause in (0, 900):
        clock.advance(pause)
        await world.stay(who)
        session_id = await world.talk(await world.request())
        clock.advance(600)
        async with world.database.unit(SYSTEM) as uow:
            await world.services.conduct.finish(uow, session_id, outcome=Outcome.COMPLETED, by="officer")
    clock.advance(3 * 3600)
    assert await collect(world) == (2, 1)
    sheets = world.services.pool_life.timesheets
    found = sorted(await lines(world), key=lambda one: (one["kind"], one["starts_at"]))
    assert [(one["kind"], one["minutes"]) for one in found] == [("call_in", 10), ("call_in", 10), ("standby", 120)]
    first, second, _ = found
    async with world.database.unit(SYSTEM) as uow:
        # In any order: what counts does not depend on who confirms first.
        for line in (second, first):
            await sheets.confirm(uow, line["id"], as_interpreter=True, minutes=10)
            await sheets.confirm(uow, line["id"], as_interpreter=False, minutes=10)
    after = {one["id"]: one["minutes"] for one in await lines(world)}
    assert (after[first["id"]], after[second["id"]]) == (60, 10)


async def test_leave_in_a_duty_is_not_paid_and_a_longer_duty_later_pays_the_rest_only(
    world: World, clock: ManualClock
) -> None:
    (who,) = await world.interpreters(1)
    await world.on_call(who, hours=2)
    async with world.database.unit(SYSTEM) as uow:
        uow.session.add(
            AvailabilitySpan(
                interpreter_id=who, kind="leave", source="absence", reachable_by=[],
                starts_at=uow.now + timedelta(minutes=90), ends_at=uow.now + timedelta(hours=9),
            )
        )  # fmt: skip
    clock.advance(2 * 3600)
    assert await collect(world) == (0, 1)
    (line,) = await lines(world)
    assert line["minutes"] == 90
    clock.advance(8 * 86_400)
    await world.on_call(who, hours=1)
    assert await collect(world) == (0, 0)


async def test_both_sides_differ_about_a_duty_and_a_coordinator_settles_it(world: World, clock: ManualClock) -> None:
    (who,) = await world.interpreters(1)
    await world.on_call(who, hours=1)
    clock.advance(3600)
    await collect(world)
    (line,) = await lines(world)
    sheets = world.services.pool_life.timesheets
    async with world.database.unit(SYSTEM) as uow:
        await sheets.confirm(uow, line["id"], as_interpreter=True, minutes=60)
        await sheets.confirm(uow, line["id"], as_interpreter=False, minutes=45)
    async with world.database.unit(COORDINATOR) as uow:
        await sheets.settle(uow, line["id"], minutes=50)
        with pytest.raises(Conflict, match="line_closed"):
            await sheets.settle(uow, line["id"], minutes=60)
    (settled,) = await lines(world)
    assert (settled["state"], settled["minutes"]) == ("confirmed", 50)
