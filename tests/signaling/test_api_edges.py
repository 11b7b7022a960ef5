"""Requests at the edges: roles of several countries, values that no engine can hold, moments at the end of time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.access import Actor, Country, Membership, Role
from core.clock import ManualClock
from tests.signaling.house import PASSWORD, open_house, settings_for
from tests.signaling.world import World, make_world


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


FAR = "9999-12-31"
FAR_INSTANT = "9999-12-31T23:59:59-12:00"
ABSENCE = {"starts_local": "2026-13-41T25:61", "ends_local": "9999-12-31T23:59", "kind": "holiday"}


AT_THE_ENDS: list[tuple[str, str, str, dict[str, Any] | None]] = [
    ("C-RS", "GET", f"/api/demand/cover?country=RS&hours=360&from={FAR_INSTANT}", None),
    ("C-RS", "GET", f"/api/demand/fill?country=RS&key=pes&at={FAR_INSTANT}", None),
    ("I-RS", "GET", f"/api/interpreter/shifts?from={FAR}&to={FAR}", None),
    ("I-RS", "GET", f"/api/interpreter/assignments?from=2026-01-01T00:00:00Z&to={FAR_INSTANT}", None),
    ("I-RS", "GET", f"/api/interpreter/minutes?from=0001-01-01T00:00:00%2B14:00&to={FAR_INSTANT}", None),
    ("I-RS", "GET", "/api/calendar/month?month=2026-13", None),
    ("I-RS", "PUT", "/api/interpreter/wishes", {"day": FAR, "work": True}),
    ("I-RS", "POST", "/api/calendar/absences", ABSENCE),
    ("I-RS", "POST", "/api/calendar/absences", ABSENCE | {"starts_local": "9999-12-30T00:00"}),
    ("I-RS", "POST", "/api/calendar/exceptions", {"kind": "removed", "on_day": FAR}),
    ("C-RS", "POST", "/api/rosters", {"country": "RS", "starts_on": FAR, "weeks": 4}),
    ("C-RS", "GET", f"/api/rosters/r?version={10**30}", None),
    ("C-RS", "GET", f"/api/pay?from={FAR_INSTANT}", None),
    ("C-RS", "POST", "/api/plans", {"country": "RS", "starts_at": FAR_INSTANT, "ends_at": FAR_INSTANT}),
    ("U-MK", "GET", f"/api/audit?from={FAR_INSTANT}", None),
    ("O-RS", "GET", f"/api/bookings?from={FAR_INSTANT}&to={FAR_INSTANT}", None),
]


async def test_the_end_of_time_is_refused_and_breaks_nothing(world: World) -> None:
    for who, method, path, body in AT_THE_ENDS:
        answer = await (await world.browser(who)).send(method, path, body, {})
        assert answer.status_code in (400, 404, 422), (method, path, answer.text)


async def test_days_that_do_not_exist_stand_in_no_profile(world: World) -> None:
    """One such day in one profile would break the expiry watch of the whole pool."""
    coordinator = await world.browser("C-RS")
    path = f"/api/interpreters/{world.interpreters['I-RS']}"
    version = (await coordinator.get(path)).json()["version"]
    for change in (
        {"training": [{"code": "CHILD", "date": "2026-02-30", "expires": None}]},
        {"training": [{"code": "CHILD", "date": "2026-01-30", "expires": "2026-99-99"}]},
        {"sworn": {"country": "RS", "register_no": "1", "pair": "pes-srp", "valid_from": "2026-00-01"}},
    ):
        answer = await coordinator.patch(path, {"version": version, **change})
        assert answer.status_code == 422, answer.text
    fine = {"training": [{"code": "CHILD", "date": "2026-01-30", "expires": "2027-01-30"}]}
    assert (await coordinator.patch(path, {"version": version, **fine})).status_code == 200
    assert (await coordinator.get("/api/pool/watch")).status_code == 200


async def test_a_text_that_the_database_cannot_hold_is_the_askers_mistake(
    database_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    """PostgreSQL holds no NUL in a text, SQLite does: neither may answer with a defect."""
    async with open_house(settings_for(database_url, tmp_path), clock) as house:
        world = await make_world(house)
        officer = await world.browser("O-RS")
        assert (await officer.get("/api/cases/%00")).status_code in (400, 404)
        assert (await officer.get("/api/cases", q="\0")).status_code in (200, 400)
        auditor = await world.browser("U-RS")
        assert (await auditor.get("/api/audit", subject="\0")).status_code in (200, 400)


async def test_every_look_at_a_case_is_in_the_trail(world: World) -> None:
    case = await world.open_case()
    officer = await world.browser("O-RS")
    path = f"/api/cases/{case['id']}"
    for side in ("language", "advice"):
        assert (await officer.get(f"{path}/{side}")).status_code == 200
    trail = (await (await world.browser("U-RS")).get("/api/audit", subject=case["id"])).json()["items"]
    assert {"case.language_viewed", "case.advice_viewed"} <= {line["action"] for line in trail}
