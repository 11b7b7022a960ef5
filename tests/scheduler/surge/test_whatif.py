"""What-if plans: the same seed, the same answer; more help, shorter waits; the real rules decide; a child that can be stopped."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import cache

import pytest
from pydantic import ValidationError

from core.clock import ManualClock
from core.db.session import Database
from core.errors import Conflict, Invalid
from scheduler.languages import load_languages
from scheduler.ring.policy import LadderPolicy
from scheduler.whatif.model import simulate
from scheduler.whatif.moments import START
from scheduler.whatif.people import make_people
from scheduler.whatif.plan import SWITCHES, PlanInput, PlanResult, PoolSpec, RingSpec
from scheduler.whatif.run import run_plan, shipped_policies
from scheduler.whatif.runs import PlanRuns, checked, run_child
from scheduler.whatif.scenarios import load_scenarios, spread_over
from scheduler.whatif.tally import Asked, waits_of
from tests.scheduler.world import COORDINATOR, SYSTEM

TABLE = load_languages()


@pytest.fixture
async def sqlite_database(sqlite_url: str, clock: ManualClock) -> AsyncIterator[Database]:
    opened = Database.open(sqlite_url, clock)
    yield opened
    await opened.close()


@cache
def policies() -> dict[str, LadderPolicy]:
    return shipped_policies()


def plan(**values: object) -> PlanInput:
    base: dict[str, object] = {
        "country": "RS",
        "persons": [300],
        "languages": {"apc": 60, "prs": 25, "pbt": 15},
        "booked_per_day": 2,
        "compare": False,
        "pool": PoolSpec(interpreters=14),
    }
    return PlanInput.model_validate({**base, **values})


def run(one: PlanInput) -> PlanResult:
    return run_plan(one, TABLE, policies())


def test_the_same_seed_gives_the_same_answer() -> None:
    first, again = run(plan()), run(plan())
    assert first.model_copy(update={"seconds": 0.0}) == again.model_copy(update={"seconds": 0.0})
    assert run(plan(seed=2)).all != first.all


def test_more_people_and_every_switch_shorten_the_wait() -> None:
    few = run(plan())
    assert few.all.asked + few.by_priority["P4"].asked == few.requests
    assert run(plan(pool=PoolSpec(interpreters=60))).all.within_five > few.all.within_five + 0.2
    found = run(plan(compare=True))
    effects = {one.switch: one for one in found.effects}
    assert set(effects) == {"none", "all", *SWITCHES}
    assert effects["all"].within_five > effects["none"].within_five
    for switch in ("short_script", "partner_list", "call_in_reserve"):
        assert effects[switch].within_five >= effects["none"].within_five, switch


def test_urgent_requests_wait_least_in_a_rush() -> None:
    found = run(plan(persons=[600], urgent_percent=20))
    assert found.by_priority["P1"].within_five > found.by_priority["P3"].within_five


def test_nobody_is_served_against_the_rules() -> None:
    """Only women, no women in the pool; a language that nobody speaks; no relay unless it is switched on."""
    assert run(plan(woman_percent=100, pool=PoolSpec(interpreters=20, women_percent=0))).all.served == 0
    only_bridge = PoolSpec(interpreters=30, bridge_percent=100, reserve_percent=0)
    assert run(plan(pool=only_bridge, booked_per_day=0)).all.served == 0
    mixed = PoolSpec(interpreters=40, bridge_percent=60, reserve_percent=0)
    relayed = run(plan(pool=mixed, switches=["relay"], booked_per_day=0))
    assert relayed.relays > 0
    assert run(plan(pool=mixed, booked_per_day=0)).relays == 0


def test_nobody_works_more_than_the_day_allows_or_two_at_once() -> None:
    one = plan(persons=[900], pool=PoolSpec(interpreters=5, minutes_day=120, reserve_percent=0), spread=0)
    tally = simulate(one, TABLE, policies())
    assert tally.interpreted_minutes <= 5 * 120
    assert max(hour.busy for hour in tally.hours) <= 5


def test_with_people_enough_the_wait_is_the_ring_alone() -> None:
    calm = plan(persons=[30], pool=PoolSpec(interpreters=200, reserve_percent=0, night_percent=40, bridge_percent=0))
    found = run(calm.model_copy(update={"ring": RingSpec(accept_percent=100), "woman_percent": 0.0}))
    assert found.all.given_up == 0
    assert found.all.p90 is not None
    assert found.all.within_minute == 1.0
    assert found.all.p90 <= 45


def test_the_ready_scenarios_are_the_documented_figures() -> None:
    found = load_scenarios()
    assert sum(found["mk_2015_summer"].plan.persons) == 44_762
    assert len(found["mk_2015_summer"].plan.persons) == 57
    assert found["mk_peak_day"].plan.persons == [11_072]
    assert found["rs_presevo"].plan.persons == [7_315]
    for scenario in found.values():
        assert sum(scenario.plan.languages.values()) == pytest.approx(100, abs=0.2)
        assert scenario.sources
    assert sum(spread_over(101, 7, 3.0)) == 101


def test_the_pool_follows_the_mix() -> None:
    one = load_scenarios()["mk_peak_day"].plan
    people = make_people(one, START)
    assert len(people) == one.pool.interpreters
    assert {who.candidate.base_country for who in people} == {"MK"}
    assert len({who.candidate.id for who in people}) == len(people)


def test_who_gave_up_counts_as_waiting_for_ever() -> None:
    some = [Asked(0, "apc", "P2", waited) for waited in (5.0, 10.0, 70.0, None)]
    found = waits_of(some)
    assert (found.p50, found.p90, found.given_up, found.within_minute) == (10.0, None, 1, 0.5)


@pytest.mark.parametrize(
    "wrong",
    [{"persons": []}, {"hours": [0.0] * 24}, {"languages": {}}, {"persons": [40_000] * 62, "group": 1}, {"x": 1}],
)
def test_plans_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        plan(**wrong)
    with pytest.raises(Invalid):
        checked({**plan().model_dump(mode="json"), **wrong})


async def test_a_child_does_the_work_and_can_be_stopped() -> None:
    found = await run_child(json.dumps(plan(persons=[60]).model_dump(mode="json")), _ignore)
    assert found["requests"] > 10
    long = load_scenarios()["mk_2015_summer"].plan
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(run_child(json.dumps(long.model_dump(mode="json")), _ignore), 2.0)


async def test_a_plan_is_stored_run_and_kept(sqlite_database: Database) -> None:
    runs = PlanRuns(sqlite_database)
    async with sqlite_database.unit(COORDINATOR) as uow:
        asked = await runs.ask(uow, plan(persons=[60]), title="Small")
        stopped = await runs.ask(uow, plan(persons=[60]), title="Not this one")
        await runs.cancel(uow, stopped["id"])
    for job in runs.jobs():
        await job.run(None)  # type: ignore[arg-type]
    async with sqlite_database.read(COORDINATOR) as unit:
        done = await runs.get(unit, asked["id"])
        listed = await runs.latest(unit, "RS")
    assert (done["state"], done["progress"]) == ("done", 1.0)
    assert done["found"] is not None
    assert done["found"]["all"]["asked"] > 10
    assert {one["state"] for one in listed} == {"done", "cancelled"}
    async with sqlite_database.unit(SYSTEM) as uow:
        for _ in range(5):
            await runs.ask(uow, plan(), title="x")
        with pytest.raises(Conflict):
            await runs.ask(uow, plan(), title="x")


async def _ignore(_: float) -> None:
    return None
