"""Requests at the edges: roles of several countries, values that no engine can hold, moments at the end of time."""

from __future__ import annotations

from typing import Any

from core.access import Actor, Country, Membership, Role
from tests.signaling.house import PASSWORD
from tests.signaling.world import World


async def two_roles(world: World, code: str, *held: tuple[Role, Country]) -> Any:
    """The browser of somebody with several roles."""
    services = world.house.services
    async with services.database.unit(Actor.system()) as uow:
        await services.accounts.create(
            uow,
            code=code,
            memberships=[Membership(role, country) for role, country in held],
            password_hash=await services.hasher.hash(PASSWORD),
        )
    return await world.browser(code)


async def test_a_role_of_one_country_opens_nothing_in_another(world: World) -> None:
    """Who coordinates Serbia and audits North Macedonia coordinates nothing there."""
    other = await world.browser("C-MK")
    roster = (await other.post("/api/rosters", {"country": "MK", "starts_on": "2026-11-30", "weeks": 1})).json()["id"]
    both = await two_roles(world, "C-BOTH", (Role.COORDINATOR, Country.RS), (Role.AUDITOR, Country.MK))
    assert (await both.get("/api/rosters")).json() == {"items": []}
    assert (await both.get(f"/api/rosters/{roster}")).status_code == 404
    assert (await both.post(f"/api/rosters/{roster}/drop")).status_code == 404
    assert (await other.get(f"/api/rosters/{roster}")).status_code == 200
    trail = (await both.get("/api/audit")).json()["items"]
    assert {line["country"] for line in trail} == {"MK"}, "the other role is still there, at its own doors"


async def test_a_zone_that_the_server_does_not_know_ends_no_session(world: World) -> None:
    await world.available("I-RS")
    case = await world.open_case()
    booking = await world.book(case, zone="Etc/Unknown")
    assert booking["zone"] == "Europe/Belgrade"
