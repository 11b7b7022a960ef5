"""Plans over the interface: asked for, searched by the job, read, pinned, approved; by coordinators of the country only."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from tests.signaling.house import Browser
from tests.signaling.world import World


def window(world: World) -> dict[str, Any]:
    now = world.house.services.clock.now()
    return {"country": "RS", "starts_at": now.isoformat(), "ends_at": (now + timedelta(days=7)).isoformat()}


async def appointment(world: World) -> dict[str, Any]:
    at = world.house.services.clock.now() + timedelta(days=1)
    return await world.book(await world.open_case(), kind="appointment", starts_at=at.isoformat(), minutes=45)


async def searched(coordinator: Browser, plan_id: str) -> dict[str, Any]:
    """The plan once the running server's job has found it."""
    async with asyncio.timeout(60):
        while True:
            found: dict[str, Any] = (await coordinator.get(f"/api/plans/{plan_id}")).json()
            if found["head"]["state"] != "draft":
                return found
            await asyncio.sleep(0.1)


async def test_a_plan_from_the_question_to_the_approval(world: World) -> None:
    booking = await appointment(world)
    coordinator = await world.browser("C-RS")
    asked = await coordinator.post("/api/plans", window(world) | {"seconds": 5})
    assert asked.status_code == 201, asked.text
    plan_id = asked.json()["id"]
    again = await coordinator.post("/api/plans", window(world))
    assert (again.status_code, again.json()["code"]) == (409, "plan_running")
    read = await searched(coordinator, plan_id)
    assert read["head"]["state"] == "proposed"
    (cell,) = read["cells"]
    assert cell["booking_id"] == booking["id"]
    assert cell["interpreter"] is not None
    people = (await coordinator.get(f"/api/plans/{plan_id}/people", booking_id=booking["id"])).json()
    assert [one["interpreter_id"] for one in people["able"] if one["chosen"]] == [cell["interpreter_id"]]
    other = people["able"][-1]
    body = {"booking_id": booking["id"], "interpreter_id": other["interpreter_id"]}
    assert (await coordinator.post(f"/api/plans/{plan_id}/choices", body)).json()["pinned"] is True
    (cell,) = (await coordinator.get(f"/api/plans/{plan_id}")).json()["cells"]
    assert (cell["interpreter"], cell["pinned"]) == (other["interpreter"], True)
    foreign = await world.browser("C-MK")
    assert (await foreign.post(f"/api/plans/{plan_id}/choices", body)).status_code == 404
    pinned = await coordinator.post(
        f"/api/plans/{plan_id}/pins", {"booking_id": booking["id"], "leg": 1, "pinned": True}
    )
    assert pinned.json()["pinned"] is True
    done = await coordinator.post(f"/api/plans/{plan_id}/approve")
    assert done.json() == {"bound": 1, "stale": [], "remaining": 0}
    why = await coordinator.get(f"/api/bookings/{booking['id']}/why-not/{world.interpreters['I-RS']}", plan_id=plan_id)
    assert why.status_code == 200
    now = world.house.services.clock.now()
    repair = {
        **window(world),
        "interpreter_ids": [cell["interpreter_id"]],
        "ends_at": (now + timedelta(days=3)).isoformat(),
    }
    proposals = await coordinator.post("/api/plans/repairs", repair)
    assert proposals.status_code == 201, proposals.text
    assert proposals.json()["items"][0]["kind"] == "repair"
    assert len((await coordinator.get("/api/plans")).json()["items"]) >= 2


async def test_the_other_country_and_other_roles_are_refused(world: World) -> None:
    foreign = await world.browser("C-MK")
    assert (await foreign.post("/api/plans", window(world))).status_code == 403
    officer = await world.browser("O-RS")
    assert (await officer.post("/api/plans", window(world))).status_code == 403
    coordinator = await world.browser("C-RS")
    asked = await coordinator.post("/api/plans", window(world))
    hidden = await foreign.get(f"/api/plans/{asked.json()['id']}")
    assert (hidden.status_code, hidden.json()["code"]) == (404, "plan_unknown")
    stopped = await coordinator.post(f"/api/plans/{asked.json()['id']}/stop")
    assert stopped.status_code == 200
    await searched(coordinator, asked.json()["id"])
    rejected = await coordinator.post(f"/api/plans/{asked.json()['id']}/reject")
    assert rejected.json()["state"] == "rejected"
