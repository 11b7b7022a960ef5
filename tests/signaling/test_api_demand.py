"""Cover and surge over HTTP: what a coordinator sees and sets, and who may not."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from core.access import Actor
from scheduler.demand.counts import Counted
from scheduler.demand.slots import slot_start, slots_between
from tests.signaling.world import World


async def know_weeks(world: World) -> None:
    """Four weeks with two Levantine requests in every half-hour of Serbia, and the forecast from them."""
    foresight, database = world.house.services.foresight, world.house.services.database
    end = slot_start(world.house.clock.now())
    start = end - timedelta(weeks=4)
    rows = [Counted(at, "apc", 2) for at in slots_between(start, end)]
    async with database.unit(Actor.system()) as uow:
        await foresight.counts.take_over(uow, "RS", rows, start=start, end=end)
    assert await foresight.forecasts.make(database, "RS")


async def test_cover_says_what_is_missing_and_why(world: World) -> None:
    coordinator = await world.browser("C-RS")
    bare = (await coordinator.get("/api/demand/cover", country="RS", hours=12)).json()
    assert bare["forecast"] is None
    homes = {one["country"]: one for one in bare["homes"]}
    assert (homes["RS"]["open"], homes["MK"]["open"], homes["MK"]["people"]) == (True, False, 0), (
        "the gate is closed (T-2)"
    )
    assert homes["RS"]["people"] > 0
    assert len(bare["starts"]) in (24, 25)
    await know_weeks(world)
    answer = await coordinator.get("/api/demand/cover", country="RS", hours=24)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    rows = {row["key"]: row for row in found["rows"]}
    apc = rows["apc"]
    assert 1.8 < apc["expected"][0] < 2.2
    assert apc["needed"][0] >= 4
    assert apc["short"][0] >= 4
    assert "woman" in apc["why"][0]
    assert rows["kmr"]["needed"] == [1] * len(found["starts"])
    assert found["gaps"] > 0
    assert found["forecast"]["model"] in ("level1", "level2", "seasonal_naive")
    assert {one["model"] for one in found["forecast"]["scores"]} >= {"level1", "seasonal_naive"}


async def test_the_multiplier_of_a_coordinator_counts_in_the_cover(world: World) -> None:
    await know_weeks(world)
    coordinator = await world.browser("C-RS")
    before = (await coordinator.get("/api/demand/cover", country="RS", hours=1)).json()
    body = {"country": "RS", "reason": "buses announced", "multiplier": 4}
    answer = await coordinator.post("/api/surge", body)
    assert answer.status_code == 200, answer.text
    after = (await coordinator.get("/api/demand/cover", country="RS", hours=1)).json()
    assert after["multiplier"] == 4
    assert after["rows"][0]["needed"][0] > before["rows"][0]["needed"][0]


async def test_who_could_fill_a_gap(world: World) -> None:
    coordinator = await world.browser("C-RS")
    at = (world.house.clock.now() + timedelta(hours=2)).isoformat()
    found = (await coordinator.get("/api/demand/fill", country="RS", key="pes", at=at)).json()["items"]
    assert found, "the world has interpreters of Farsi"
    assert [one["fits"] for one in found] == sorted((one["fits"] for one in found), reverse=True)
    assert all(one["refusals"] for one in found if not one["fits"])
    wrong = await coordinator.get("/api/demand/fill", country="RS", key="xyz", at=at)
    assert (wrong.status_code, wrong.json()["code"]) == (400, "value_unknown")


async def test_surge_by_hand_is_held_told_and_given_back(world: World) -> None:
    coordinator = await world.browser("C-RS")
    assert (await coordinator.get("/api/surge", country="RS")).json()["now"]["state"] == "green"
    body = {"country": "RS", "reason": "train of 900", "state": "red", "hold_hours": 3}
    now = (await coordinator.post("/api/surge", body)).json()["now"]
    assert (now["state"], now["switches"]["partner_list"]) == ("red", True)
    assert now["held_until"] is not None
    answer = await coordinator.post("/api/surge", {"country": "RS", "reason": "over", "release": True})
    found = answer.json()
    assert found["now"]["held_until"] is None
    assert [one["by_hand"] for one in found["story"]] == [True, True]
    none = await coordinator.post("/api/surge", {"country": "RS", "reason": "nothing at all"})
    assert none.json()["code"] == "nothing_to_change"


async def test_a_plan_is_asked_for_run_and_read(world: World) -> None:
    coordinator = await world.browser("C-RS")
    scenarios = (await coordinator.get("/api/surge/scenarios")).json()["items"]
    assert {one["key"] for one in scenarios} >= {"mk_2015_summer", "mk_peak_day", "rs_presevo"}
    plan = {"country": "RS", "persons": [40], "languages": {"apc": 1, "prs": 1}, "compare": False}
    asked = await coordinator.post("/api/surge/plans", {"title": "A small day", "plan": plan})
    assert asked.status_code == 201, asked.text
    done = asked.json()
    for _ in range(600):  # The server's own job takes it up.
        done = (await coordinator.get(f"/api/surge/plans/{asked.json()['id']}")).json()
        if done["state"] not in ("waiting", "running"):
            break
        await asyncio.sleep(0.1)
    assert done["state"] == "done", done
    assert done["found"]["all"]["asked"] > 5
    listed = (await coordinator.get("/api/surge/plans", country="RS")).json()["items"]
    assert [one["title"] for one in listed] == ["A small day"]
    foreign = await world.browser("C-MK")
    assert (await foreign.get(f"/api/surge/plans/{asked.json()['id']}")).status_code == 404
    wrong = await coordinator.post("/api/surge/plans", {"title": "x", "plan": {**plan, "persons": []}})
    assert wrong.status_code == 422
