"""Rosters over a database: versions, changes by hand, searches, publishing, wishes and swaps, on both engines."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import select, update

from core.access import Actor
from core.clock import ManualClock, SystemClock
from core.crypto import FieldCipher, KeyRing
from core.db.outbox_event import OutboxEvent
from core.db.session import Database
from core.errors import Conflict, Invalid, NotFound
from scheduler.calendars.models import AvailabilitySpan
from scheduler.calendars.service import BlockInput, CalendarService
from scheduler.demand.cover import Why, cells
from scheduler.demand.slots import ZONES
from scheduler.foresight import Foresight
from scheduler.languages import load_languages
from scheduler.models import Interpreter
from scheduler.rosters import checker
from scheduler.rosters.desk import WOMEN, DeskRules, Speaker, desk_problem
from scheduler.rosters.duty import RosterDuties
from scheduler.rosters.lifecycle import RunState, SwapState
from scheduler.rosters.models import RosterSearch, Shift
from scheduler.rosters.planner import last_days
from scheduler.rosters.problem import History
from scheduler.rosters.searches import STALE, RosterSearches
from scheduler.rosters.service import Held
from scheduler.rosters.services import Rosters
from scheduler.rosters.shifts import BY_CODE, TIMES, cut, instants, lost_minutes, too_close
from tests.scheduler.world import COORDINATOR, MK_OFFICER, SYSTEM, World

MONDAY = date(2026, 12, 7)
LINE = "pbt"


class Desk:
    """Rosters over one world with Pashto interpreters of Serbia."""

    def __init__(self, world: World, people: list[str]) -> None:
        self.world = world
        self.people = people
        table = load_languages()
        foresight = Foresight.build(world.database, world.clock, table, duties=[RosterDuties()])
        self.cover = foresight.cover
        self.rosters = Rosters.build(world.database, world.clock, table, foresight.cover)

    async def begin(self, weeks: int = 1, starts_on: date = MONDAY) -> str:
        async with self.world.database.unit(COORDINATOR) as uow:
            return await self.rosters.keeper.begin(uow, "RS", starts_on, weeks)

    async def read(self, roster_id: str) -> Held:
        async with self.world.database.read(COORDINATOR) as unit:
            return await self.rosters.keeper.read(unit, roster_id)

    async def put(self, roster_id: str, version: int, *moves: tuple[int, int, str | None]) -> int:
        """Moves by number of the person."""
        async with self.world.database.unit(COORDINATOR) as uow:
            told = [(self.people[who], day, kind) for who, day, kind in moves]
            held = await self.rosters.keeper.change(uow, roster_id, version=version, moves=told)
            return held.version.number

    async def publish(self, roster_id: str, version: int) -> int:
        async with self.world.database.unit(COORDINATOR) as uow:
            return len(await self.rosters.keeper.publish(uow, roster_id, version=version, with_gaps=True))

    async def shifts(self, *, all_of_them: bool = False) -> list[tuple[str, date, str]]:
        wanted = select(Shift).order_by(Shift.day, Shift.interpreter_id)
        if not all_of_them:
            wanted = wanted.where(Shift.ended_version.is_(None))
        async with self.world.database.read(SYSTEM) as unit:
            return [(row.interpreter_id, row.day, row.kind) for row in await unit.session.scalars(wanted)]

    async def shift_id(self, who: int, day: int) -> str:
        async with self.world.database.read(SYSTEM) as unit:
            found = await unit.session.scalar(
                select(Shift.id).where(
                    Shift.interpreter_id == self.people[who],
                    Shift.day == MONDAY + timedelta(days=day),
                    Shift.ended_version.is_(None),
                )
            )
        assert found is not None
        return found


@pytest.fixture
async def desk(database: Database, clock: ManualClock) -> Desk:
    clock.advance((datetime(2026, 12, 1, 9, tzinfo=UTC) - clock.now()).total_seconds())
    world = await World(database, clock).begin()
    return Desk(world, await world.interpreters(4))


def test_no_two_shifts_leave_less_than_eleven_hours() -> None:
    someone = [Speaker("somebody", frozenset({LINE}), 0)]
    problem = desk_problem(days=1, first_weekday=0, speakers=someone, demand={}, rules=DeskRules(), templates=TIMES)
    pairs = too_close(problem.kinds)
    assert ("L:pbt", "E:pbt") in pairs, "22:00 to 06:00 is eight hours"
    assert ("N:pbt", "D:pbt") in pairs
    assert ("E:pbt", "E:pbt") not in pairs
    assert ("B:pbt", "L:pbt") in pairs, "on call until 8:00, at the desk from 14:00"


@pytest.mark.parametrize("zone", sorted(set(ZONES.values())))
@pytest.mark.parametrize("starts_on", [date(2027, 3, 8), date(2027, 3, 29), date(2027, 10, 11), date(2027, 6, 7)])
def test_eleven_hours_of_rest_are_hours_that_really_pass(zone: str, starts_on: date) -> None:
    someone = [Speaker("somebody", frozenset({LINE}), 0)]
    problem = desk_problem(days=28, first_weekday=0, speakers=someone, demand={}, rules=DeskRules(), templates=TIMES)
    lost = lost_minutes(starts_on, 28, zone)
    pairs = too_close(problem.kinds, lost)
    for number in range(-1, 28):
        day = starts_on + timedelta(days=number)
        for first, then in product(problem.kinds, repeat=2):
            if (first.id, then.id) not in pairs:
                rest = instants(day + timedelta(days=1), then.id, zone)[0] - instants(day, first.id, zone)[1]
                assert rest >= timedelta(hours=11), (day, first.id, then.id)
    spring = starts_on == date(2027, 3, 8)
    assert lost == (60 if spring else 0), "the night to Sunday 28 March"
    assert (("L:pbt", "D:pbt") in pairs) == spring, "22:00 to 9:00 is ten hours in that night"


def test_night_blocks_are_at_most_six_hours() -> None:
    assert all(one.minutes <= 360 for one in TIMES if one.night and not one.on_call), "R-4"


@pytest.mark.parametrize("zone", sorted(set(ZONES.values())))
def test_a_night_shift_on_a_switch_day_has_the_hours_of_the_clock(zone: str) -> None:
    begins, ends = instants(date(2026, 3, 28), "N:pbt", zone)
    assert ends - begins == timedelta(hours=5), "22:00 to 04:00 without the hour that does not exist"
    begins, ends = instants(date(2026, 10, 24), "N:pbt", zone)
    assert ends - begins == timedelta(hours=6), "until 3:00: the hour that comes twice is worked once (R-4)"
    night = BY_CODE["N"]
    assert [cut(date(2026, *day), night, zone) for day in ((3, 28), (10, 23), (10, 24), (10, 25))] == [0, 0, 60, 0]
    begins, ends = instants(date(2026, 10, 24), "B:pbt", zone)
    assert ends - begins == timedelta(hours=13), "on call is no night block"


def test_the_last_days_before_a_period() -> None:
    day = timedelta(days=1)
    assert last_days({}, MONDAY) == History(None, 8)
    assert last_days({MONDAY - day: "E:pbt", MONDAY - 2 * day: "L:pbt", MONDAY - 4 * day: "E:pbt"}, MONDAY) == History(
        "E:pbt", 2
    )
    assert last_days({MONDAY - 3 * day: "E:pbt"}, MONDAY) == History(None, 2)


async def test_draft_and_map_want_women_at_the_same_times_and_nights_keep_six_hours(desk: Desk) -> None:
    """A week with the autumn night that is an hour longer (Saturday to Sunday)."""
    held = await desk.read(await desk.begin(starts_on=date(2027, 10, 25)))
    rules = desk.cover.rules("RS")
    alone = {number: cells(rules, number, {}, []) for number in range(48)}
    seen = {(day, 30 * number) for day in range(7) for number in alone if Why.WOMAN in alone[number][LINE].why}
    women = [cover for cover in held.problem.covers if cover.group == WOMEN and cover.language == LINE]
    assert {(cover.day, cover.minute) for cover in women} == seen
    assert len(seen) == 7 * 48, "R-3: at all times"
    assert all(cover.required == 1 for cover in women)
    serves = {(cover.day, cover.minute): {kind for _, kind in cover.cells} for cover in women}
    assert "N:pbt" in serves[6, 150]
    assert "N:pbt" not in serves[6, 180], "the night of that Saturday ends at 3:00"
    assert "N:pbt" in serves[5, 180]


async def test_a_roster_begins_on_a_monday_and_once(desk: Desk) -> None:
    with pytest.raises(Invalid, match="roster_monday"):
        await desk.begin(starts_on=MONDAY + timedelta(days=1))
    roster = await desk.begin()
    with pytest.raises(Conflict, match="roster_exists"):
        await desk.begin()
    held = await desk.read(roster)
    assert set(held.cells) == set(desk.people)
    assert held.version.gaps > 0, "an empty roster covers nothing of the minimum table (R-2)"
    async with desk.world.database.unit(COORDINATOR) as uow:
        await desk.rosters.keeper.drop(uow, roster)
    assert await desk.begin() != roster, "a dropped draft makes room"


async def test_hands_may_do_what_the_rules_allow(desk: Desk) -> None:
    roster = await desk.begin()
    version = await desk.put(roster, 1, (0, 0, "L:pbt"), (1, 0, "E:pbt"))
    assert version == 2
    with pytest.raises(Conflict, match="changed_meanwhile"):
        await desk.put(roster, 1, (0, 3, "E:pbt"))
    with pytest.raises(Conflict) as refused:
        await desk.put(roster, 2, (0, 1, "E:pbt"))
    assert (refused.value.code, refused.value.params["rule"], refused.value.params["reason"]) == (
        "roster_rule",
        "rest",
        "R-4",
    )
    with pytest.raises(Invalid, match="value_unknown"):
        await desk.put(roster, 2, (0, 99, "E:pbt"))
    assert (await desk.read(roster)).version.number == 2, "nothing of what was refused is kept"


async def test_expired_papers_and_leave_close_days(desk: Desk) -> None:
    async with desk.world.database.unit(SYSTEM) as uow:
        await uow.session.execute(
            update(Interpreter)
            .where(Interpreter.id == desk.people[0])
            .values(nda_expires=datetime(2026, 12, 9, 0, tzinfo=UTC))
        )
    roster = await desk.begin()
    assert await desk.put(roster, 1, (0, 1, "E:pbt")) == 2
    with pytest.raises(Conflict) as refused:
        await desk.put(roster, 2, (0, 3, "E:pbt"))
    assert refused.value.params["reason"] == "R-8"


async def test_an_absence_entered_later_is_told_with_its_shifts_and_reading_anew_frees_them(desk: Desk) -> None:
    roster = await desk.begin()
    await desk.put(roster, 1, (0, 0, "E:pbt"), (0, 1, "E:pbt"), (1, 1, "E:pbt"))
    views = desk.rosters.views
    async with desk.world.database.unit(COORDINATOR) as uow:
        assert (await views.view(uow, roster))["overtaken"] == []
        day = MONDAY + timedelta(days=1)
        away = BlockInput(f"{day}T00:00", f"{day + timedelta(days=1)}T00:00")
        await CalendarService(FieldCipher(KeyRing.new())).add_absence(uow, desk.people[0], away, kind="sick")
        assert (await views.view(uow, roster))["overtaken"] == [{"interpreter_id": desk.people[0], "day": 1}]
        held = await desk.rosters.keeper.refresh(uow, roster)
        assert held.cells[desk.people[0]][:2] == ("E:pbt", None)
        assert (await views.view(uow, roster))["overtaken"] == []
    async with desk.world.database.read(SYSTEM) as unit:
        told = await unit.session.scalars(select(OutboxEvent.body).where(OutboxEvent.name == "calendar.changed"))
        assert told.all() == [{"interpreter_id": desk.people[0], "country": "RS"}], "never what or why"


async def test_publishing_makes_shifts_and_calendars(desk: Desk) -> None:
    roster = await desk.begin()
    await desk.put(roster, 1, (0, 0, "E:pbt"), (1, 1, "A:pbt"))
    with pytest.raises(Conflict, match="roster_gaps"):
        async with desk.world.database.unit(COORDINATOR) as uow:
            await desk.rosters.keeper.publish(uow, roster, version=2, with_gaps=False)
    assert await desk.publish(roster, 2) == 2
    assert await desk.shifts() == [
        (desk.people[0], MONDAY, "E:pbt"), (desk.people[1], MONDAY + timedelta(days=1), "A:pbt"),
    ]  # fmt: skip
    async with desk.world.database.read(SYSTEM) as unit:
        (own,) = await desk.rosters.views.shifts(unit, desk.people[0], MONDAY, MONDAY)
        assert await desk.rosters.views.home(unit, desk.people[0]) == "RS"
    assert (own["country"], own["zone"]) == ("RS", "Europe/Belgrade"), "by whose clocks it is told"
    await desk.put(roster, 2, (0, 0, None), (2, 0, "E:pbt"))
    assert len(await desk.shifts()) == 2, "a newer draft changes nothing for people"
    assert await desk.publish(roster, 3) == 2
    assert (desk.people[2], MONDAY, "E:pbt") in await desk.shifts()
    assert len(await desk.shifts(all_of_them=True)) == 3, "the shift that was taken away is kept for the record"
    async with desk.world.database.read(SYSTEM) as unit:
        spans = [
            (row.interpreter_id, row.kind)
            for row in await unit.session.scalars(select(AvailabilitySpan).where(AvailabilitySpan.source == "roster"))
        ]
    assert sorted(spans) == sorted([(desk.people[2], "desk"), (desk.people[1], "on_call")])
    with pytest.raises(Conflict, match="move_not_allowed"):
        async with desk.world.database.unit(COORDINATOR) as uow:
            await desk.rosters.keeper.drop(uow, roster)


async def test_published_shifts_fill_the_cover(desk: Desk) -> None:
    roster = await desk.begin()
    start = datetime(2026, 12, 7, 5, tzinfo=UTC)

    async def planned() -> tuple[str, list[int]]:
        async with desk.world.database.read(COORDINATOR) as unit:
            grid = await desk.cover.grid(unit, "RS", start=start, end=start + timedelta(hours=2))
        return grid["plan"], next(row["planned"] for row in grid["rows"] if row["key"] == LINE)

    assert await planned() == ("calendar", [0, 0, 0, 0])
    await desk.put(roster, 1, (0, 0, "E:pbt"))
    await desk.publish(roster, 2)
    assert await planned() == ("roster", [1, 1, 1, 1])


async def test_a_search_stores_better_rosters_and_leaves_pins(desk: Desk) -> None:
    clock = SystemClock()
    searches = RosterSearches(desk.world.database, desk.rosters.keeper, clock)
    roster = await desk.begin()
    await desk.put(roster, 1, (3, 6, "S:pbt"))
    async with desk.world.database.unit(COORDINATOR) as uow:
        await desk.rosters.keeper.pin(uow, roster, version=2, cell=(desk.people[3], 6), pinned=True)
    before = await desk.read(roster)
    async with desk.world.database.unit(COORDINATOR) as uow:
        await searches.begin(uow, roster, 5)
    async with asyncio.timeout(60):
        await asyncio.gather(*searches.running)
    after = await desk.read(roster)
    assert await _state(desk, roster) is RunState.DONE
    assert after.version.cause == "search"
    assert after.version.cost < before.version.cost
    assert after.version.coverage_permille > before.version.coverage_permille
    assert after.cells[desk.people[3]][6] == "S:pbt"
    assert checker.breaches(after.problem, after.cells) == []


async def _state(desk: Desk, roster: str) -> RunState:
    async with desk.world.database.read(COORDINATOR) as unit:
        found = await unit.session.scalar(select(RosterSearch.state).where(RosterSearch.roster_id == roster))
    assert found is not None
    return found


async def test_a_change_by_hand_outdates_a_search(desk: Desk) -> None:
    roster = await desk.begin()
    held = await desk.read(roster)
    await desk.put(roster, 1, (0, 0, "E:pbt"))
    better = dict(held.cells)
    better[desk.people[1]] = ("E:pbt", *better[desk.people[1]][1:])
    async with desk.world.database.unit(COORDINATOR) as uow:
        assert await desk.rosters.keeper.keep(uow, roster, better, base=1, bound=None) is None
    assert (await desk.read(roster)).version.number == 2


async def test_a_search_of_a_dead_process_does_not_block_the_next(desk: Desk) -> None:
    roster = await desk.begin()
    dead = RosterSearches(desk.world.database, desk.rosters.keeper, SystemClock())
    dead._start = lambda *_: None  # type: ignore[method-assign]
    async with desk.world.database.unit(COORDINATOR) as uow:
        await dead.begin(uow, roster, 60)
    with pytest.raises(Conflict, match="search_running"):
        async with desk.world.database.unit(COORDINATOR) as uow:
            await dead.begin(uow, roster, 60)
    desk.world.clock.advance(STALE.total_seconds() + 1)
    async with desk.world.database.unit(COORDINATOR) as uow:
        await dead.begin(uow, roster, 60)


async def test_wishes_are_one_a_day_and_for_days_to_come(desk: Desk) -> None:
    views, who = desk.rosters.views, desk.people[0]
    async with desk.world.database.unit(SYSTEM) as uow:
        await views.wish(uow, who, MONDAY, work=False)
        await views.wish(uow, who, MONDAY, work=False, time="night")
        await views.wish(uow, who, MONDAY + timedelta(days=1), work=True)
        await views.wish(uow, who, MONDAY + timedelta(days=2), work=True, time="early")
        with pytest.raises(Conflict, match="wish_too_late"):
            await views.wish(uow, who, date(2026, 12, 1), work=False)
    roster = await desk.begin()
    held = await desk.read(roster)
    mine = {(wish.day, wish.kind, wish.on) for wish in held.problem.wishes if wish.person == who}
    nights = {kind for kind in held.problem.person[who].kinds if kind.startswith("N:")}
    others = {kind for kind in held.problem.person[who].kinds if not kind.startswith("E:")}
    another = {(2, kind, False) for kind in others}
    assert mine == {(0, kind, False) for kind in nights} | {(1, None, True), (2, None, True)} | another
    assert "N:pbt" in nights
    async with desk.world.database.unit(SYSTEM) as uow:
        await views.wish(uow, who, MONDAY, work=None)
        assert [one["day"] for one in await views.wishes(uow, who, MONDAY, MONDAY + timedelta(days=6))] == [
            date(2026, 12, 8),
            date(2026, 12, 9),
        ]


async def _published_pair(desk: Desk) -> str:
    roster = await desk.begin()
    await desk.put(roster, 1, (0, 2, "E:pbt"), (1, 1, "L:pbt"), (1, 3, "D:pbt"))
    await desk.publish(roster, 2)
    return roster


async def test_a_swap_without_loss_is_done_at_once(desk: Desk) -> None:
    await _published_pair(desk)
    shift = await desk.shift_id(0, 2)
    swaps = desk.rosters.swaps
    async with desk.world.database.unit(SYSTEM) as uow:
        with pytest.raises(NotFound, match="shift_unknown"):
            await swaps.ask(uow, shift, desk.people[1])
        swap = await swaps.ask(uow, shift, desk.people[0])
    async with desk.world.database.read(SYSTEM) as unit:
        (seen,) = await swaps.open(unit, interpreter_id=desk.people[1])
        (other,) = await swaps.open(unit, interpreter_id=desk.people[2])
    assert (seen["fits"], seen["why_not"]) == (False, ["rest"]), "late until 22:00, early from 6:00"
    assert other["fits"]
    with pytest.raises(Conflict, match="roster_rule"):
        async with desk.world.database.unit(SYSTEM) as uow:
            await swaps.take(uow, swap, desk.people[1])
    async with desk.world.database.unit(SYSTEM) as uow:
        state = await swaps.take(uow, swap, desk.people[2])
    assert state is SwapState.DONE
    assert (desk.people[2], date(2026, 12, 9), "E:pbt") in await desk.shifts()
    assert (desk.people[0], date(2026, 12, 9), "E:pbt") not in await desk.shifts()
    async with desk.world.database.read(SYSTEM) as unit:
        assert await swaps.open(unit) == []


async def test_a_swap_that_costs_a_woman_goes_to_a_coordinator(desk: Desk) -> None:
    """I-0001 and I-0003 are women, I-0002 and I-0004 men (R-3)."""
    roster = await desk.begin()
    await desk.put(roster, 1, (0, 4, "D:pbt"))
    await desk.publish(roster, 2)
    swaps = desk.rosters.swaps
    async with desk.world.database.unit(SYSTEM) as uow:
        swap = await swaps.ask(uow, await desk.shift_id(0, 4), desk.people[0])
    async with desk.world.database.unit(SYSTEM) as uow:
        assert await swaps.take(uow, swap, desk.people[1]) is SwapState.TAKEN
    assert (desk.people[0], date(2026, 12, 11), "D:pbt") in await desk.shifts(), "nothing has moved yet"
    async with desk.world.database.unit(COORDINATOR) as uow:
        assert await swaps.country_of(uow, swap) == "RS"
        await swaps.decide(uow, swap, agreed=True)
    assert (desk.people[1], date(2026, 12, 11), "D:pbt") in await desk.shifts()
    with pytest.raises(Conflict, match="move_not_allowed"):
        async with desk.world.database.unit(COORDINATOR) as uow:
            await swaps.decide(uow, swap, agreed=True)


async def test_one_swap_two_takers_one_winner(desk: Desk) -> None:
    await _published_pair(desk)
    async with desk.world.database.unit(SYSTEM) as uow:
        swap = await desk.rosters.swaps.ask(uow, await desk.shift_id(1, 3), desk.people[1])

    async def take(who: int) -> str:
        async def attempt() -> str:
            async with desk.world.database.unit(Actor.system()) as uow:
                return (await desk.rosters.swaps.take(uow, swap, desk.people[who])).value

        try:
            return await desk.world.database.retry(attempt)
        except Conflict as error:
            return error.code

    answers = await asyncio.gather(take(2), take(3))
    held = [row for row in await desk.shifts() if row[1] == date(2026, 12, 10)]
    assert len(held) == 1
    assert sorted(answers) in (["done", "move_not_allowed"], ["move_not_allowed", "taken"], ["done", "swap_stale"]), (
        answers
    )


async def test_the_grid_says_who_could_and_why_not(desk: Desk) -> None:
    roster = await desk.begin()
    await desk.put(roster, 1, (0, 0, "L:pbt"), (1, 1, "D:pbt"))
    async with desk.world.database.read(COORDINATOR) as unit:
        why = await desk.rosters.views.why(unit, roster, 1, "E:pbt")
        view = await desk.rosters.views.view(unit, roster)
        changes = await desk.rosters.views.diff(unit, roster, 1, 2)
        (row,) = await desk.rosters.views.list(unit)
    told = {one["code"]: one["rules"] for one in why}
    assert told == {"I-0001": ["rest"], "I-0002": ["works_already"], "I-0003": [], "I-0004": []}
    assert [person["code"] for person in view["people"]] == ["I-0001", "I-0002", "I-0003", "I-0004"]
    assert [(one["code"], one["day"], one["after"]) for one in changes] == [
        ("I-0001", 0, "L:pbt"),
        ("I-0002", 1, "D:pbt"),
    ]
    gap = next(one for one in view["gaps"] if one["line"] == LINE and one["day"] == 0)
    assert (gap["start"], gap["end"], gap["missing"], gap["women"]) == (360, 840, 1, False)
    assert row["gaps"] == view["version"]["gaps"]
    async with desk.world.database.read(MK_OFFICER) as unit:
        assert await desk.rosters.views.list(unit) == [], "the other country does not see it"
