"""Accounts as administrators see them: what stands beside them, and the profile behind an interpreter's account."""

from __future__ import annotations

from typing import Any

from core.access import Actor
from tests.signaling.world import World

SECRET = "teal-kite-9042-moon"


async def rows(world: World, who: str = "A-RS", **query: Any) -> dict[str, dict[str, Any]]:
    answer = await (await world.browser(who)).get("/api/users", **query)
    assert answer.status_code == 200, answer.text
    return {one["code"]: one for one in answer.json()["items"]}


async def make(world: World, code: str, role: str, who: str = "A-RS", country: str = "RS") -> dict[str, Any]:
    body = {"code": code, "memberships": [{"role": role, "country": country}], "password": SECRET}
    answer = await (await world.browser(who)).post("/api/users", body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def change(world: World, account: dict[str, Any], **changes: Any) -> tuple[int, dict[str, Any]]:
    path, body = f"/api/users/{account['user_id']}", {"version": account["version"]} | changes
    answer = await (await world.browser("A-RS")).patch(path, body)
    return answer.status_code, answer.json()


async def test_the_list_tells_sign_ins_waits_and_roles(world: World) -> None:
    made = await make(world, "U-77", "auditor")
    assert (made["signed_in_at"], made["waits_until"], made["profile"]) == (None, None, None)
    guest = world.house.browser()
    assert (await guest.sign_in("U-77", SECRET)).status_code == 200
    for _ in range(3):
        await world.house.browser().sign_in("U-RS", "not the right one")
    found = await rows(world, role="auditor")
    assert set(found) == {"U-77", "U-RS"}
    assert found["U-77"]["signed_in_at"] is not None
    assert found["U-RS"]["waits_until"] is not None
    status, opened = await change(world, found["U-RS"], unlock=True)
    assert (status, opened["waits_until"]) == (200, None)


async def test_an_interpreters_account_gets_the_profile_of_its_code_and_country(world: World) -> None:
    services = world.house.services
    async with services.database.unit(Actor.system()) as uow:
        for code in ("I-RS", "I-MK"):
            await services.scheduler.pool.put(uow, world.interpreters[code], {"user_id": None})
    before = await rows(world)
    assert before["I-RS"]["profile"] == "free"
    assert before["O-RS"]["profile"] is None
    assert (await rows(world, "A-MK"))["I-MK"]["profile"] == "free"
    status, linked = await change(world, before["I-RS"], link_profile=True)
    assert (status, linked["profile"]) == (200, "linked")
    home = await (await world.browser("I-RS")).get("/api/interpreter/home")
    assert home.status_code == 200, home.text
    status, refused = await change(world, linked, link_profile=True)
    assert (status, refused["code"]) == (409, "profile_missing")


async def test_a_code_alone_takes_no_profile_of_another_country(world: World) -> None:
    services = world.house.services
    async with services.database.unit(Actor.system()) as uow:
        for old, new in (("I-RS", "I-0998"), ("I-MK", "I-0999")):
            await services.scheduler.pool.put(uow, world.interpreters[old], {"user_id": None, "code": new})
    assert (await make(world, "I-0998", "interpreter"))["profile"] == "linked"
    taken = await make(world, "I-0999", "interpreter")
    assert taken["profile"] == "none"
    status, refused = await change(world, taken, link_profile=True)
    assert (status, refused["code"]) == (409, "profile_missing")
