"""What a case says beside its steps, through the interface: removal, wishes to avoid, substitutes, and what two people decide."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from core.access import Actor
from records.models import AuditEntry, Case
from records.referrals import raise_concern
from scheduler.models import Booking, Interpreter
from tests.signaling.world import World


async def trail(world: World, subject: str) -> list[tuple[str, dict[str, Any]]]:
    """What the audit trail holds about a thing, oldest first: action and data."""
    async with world.house.services.database.read(Actor.system()) as unit:
        rows = await unit.session.scalars(
            select(AuditEntry).where(AuditEntry.subject == subject).order_by(AuditEntry.seq)
        )
        return [(row.action, row.data) for row in rows]


async def patched(world: World, case: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The case after a change by its officer."""
    officer = await world.browser("O-RS")
    answer = await officer.patch(f"/api/cases/{case['id']}", {"version": case["version"], **changes})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def priority(world: World, booking: dict[str, Any]) -> str:
    """How much it hurries now."""
    async with world.house.services.database.read(Actor.system()) as unit:
        return (await unit.session.get_one(Booking, booking["id"])).priority


async def test_a_removal_is_confirmed_corrected_and_hurries_what_is_asked_for(world: World) -> None:
    case = await world.open_case(first_step="RS-REG-10")
    officer, now = await world.browser("O-RS"), world.house.clock.now()
    booking = await world.book(case)
    assert booking["priority"] == "P3"
    body = {"at": (now + timedelta(hours=20)).isoformat(), "zone": "Europe/Belgrade"}
    hasty = await officer.patch(f"/api/cases/{case['id']}", {"version": case["version"], "removal": body})
    assert hasty.status_code == 422, "an instant that nobody confirmed is none"
    body["confirmed"] = True  # type: ignore[assignment]
    for wrong in (body | {"zone": "Mars/Olympus"}, body | {"at": (now - timedelta(days=9)).isoformat()}):
        refused = await officer.patch(f"/api/cases/{case['id']}", {"version": case["version"], "removal": wrong})
        assert refused.status_code == 400, refused.text
    case = await patched(world, case, removal=body)
    assert (case["removal"]["zone"], case["removal"]["noted_by"], case["removal"]["soon"]) == (
        "Europe/Belgrade",
        "O-RS",
        True,
    )
    assert await priority(world, booking) == "P1", "the request that already runs hurries as well"
    later = body | {"at": (now + timedelta(days=3)).isoformat()}
    case = await patched(world, case, removal=later)
    assert case["removal"]["soon"] is False
    assert await priority(world, booking) == "P3"
    seen = (await (await world.browser("C-RS")).get(f"/api/cases/{case['id']}")).json()
    assert seen["removal"] == case["removal"], "coordination needs to know what hurries"
    case = await patched(world, case, removal=None)
    assert case["removal"] is None
    noted = [data for _, data in await trail(world, case["id"]) if data.get("fields") == ["removal"]]
    assert [(one["from"] is None, one["to"] is None) for one in noted] == [(True, False), (False, False), (False, True)]


async def test_a_removal_asks_for_the_check_before_it(world: World) -> None:
    case = await world.open_case(first_step="RS-RET-50")
    codes = {gate["code"] for gate in case["gates"]}
    at = (world.house.clock.now() + timedelta(hours=40)).isoformat()
    case = await patched(world, case, removal={"at": at, "zone": "Europe/Belgrade", "confirmed": True})
    assert {gate["code"] for gate in case["gates"]} - codes == {"removal_check"}


async def test_whom_a_person_avoids_is_not_asked_and_never_listed(world: World) -> None:
    await world.available("I-RS")
    case = await world.open_case()
    case = await patched(world, case, avoid={"kind": "interpreter", "value": "I-RS"})
    assert case["avoided"] == 1
    assert "I-RS" not in str({name: value for name, value in case.items() if name != "bookings"})
    booking = await world.book(case)
    assert [offer["interpreter_code"] for offer in booking["offers"]] == []
    lines = await trail(world, case["id"])
    assert ("case.changed", {"fields": ["avoid"], "avoided": 1}) in lines, "how many, not whom"
    answer = (await (await world.browser("C-RS")).get(f"/api/bookings/{booking['id']}/candidates")).json()
    (refused,) = [one for one in answer["items"] if one["code"] == "I-RS"]
    said = [one["params"] for one in refused["refusals"] if one["rule"] == "M-5.avoid"]
    assert said == [{}], "the rule, without what was said"
    case = await patched(world, case, avoid={"anew": True})
    assert case["avoided"] == 0


async def test_a_country_of_origin_can_be_avoided_and_closing_forgets_it(world: World) -> None:
    await world.available("I-RS")
    async with world.house.services.database.unit(Actor.system()) as uow:
        person = await uow.session.get_one(Interpreter, world.interpreters["I-RS"])
        person.country_of_origin = "IR"
    case = await world.open_case()
    case = await patched(world, case, avoid={"kind": "origin", "value": "IR"})
    booking = await world.book(case)
    assert booking["offers"] == []
    officer = await world.browser("O-RS")
    for wrong in (
        {"kind": "origin", "value": "Iran"},
        {"kind": "interpreter", "value": "somebody"},
        {"kind": "region"},
    ):
        answer = await officer.patch(f"/api/cases/{case['id']}", {"version": case["version"], "avoid": wrong})
        assert answer.status_code in (400, 422), answer.text
    await officer.post(f"/api/bookings/{booking['id']}/cancel", {"reason": "not_needed"})
    closed = (await officer.post(f"/api/cases/{case['id']}/close", {"reason": "person_left"})).json()
    assert closed["avoided"] == 0
    async with world.house.services.database.read(Actor.system()) as unit:
        assert (await unit.session.get_one(Case, case["id"])).avoid == []


async def test_a_wish_that_must_be_met_is_never_taken_back_by_one_alone(world: World) -> None:
    case = await world.open_case(interp_sex={"wish": "woman", "must": True, "asked": True})
    officer, coordinator = await world.browser("O-RS"), await world.browser("C-RS")
    path = f"/api/cases/{case['id']}"
    for wish in (
        {"wish": "none", "asked": True},
        {"wish": "woman", "asked": True},
        {"wish": "man", "must": True, "asked": True},
    ):
        alone = await officer.patch(path, {"version": case["version"], "interp_sex": wish})
        assert (alone.status_code, alone.json()["code"]) == (409, "wish_change_needs_second"), wish
    asked = {"wish": "none", "channel": "card", "reason": "nobody_found"}
    made = await officer.post(f"{path}/wish-changes", asked)
    assert made.status_code == 201, made.text
    assert made.json()["interp_sex"]["must"] is True, "until somebody else has decided, it stands"
    (change,) = made.json()["wish_changes"]
    assert (change["state"], change["asked_by"]) == ("asked", "O-RS")
    again = await officer.post(f"{path}/wish-changes", asked)
    assert (again.status_code, again.json()["code"]) == (409, "wish_change_asked")
    decide = f"/api/wish-changes/{change['id']}/decide"
    assert (await officer.post(decide, {"approve": True})).status_code == 403
    assert (await (await world.browser("C-MK")).post(decide, {"approve": True})).status_code == 404
    waiting = (await coordinator.get("/api/wish-changes")).json()["items"]
    assert [one["id"] for one in waiting] == [change["id"]]
    assert (await coordinator.post(decide, {"approve": False})).status_code == 400, "a refusal has a reason"
    assert (await coordinator.post(decide, {"approve": False, "refusal": "not_confirmed"})).status_code == 204
    seen = (await officer.get(path)).json()
    assert (seen["interp_sex"]["wish"], seen["interp_sex"]["must"]) == ("woman", True)
    assert (seen["wish_changes"][0]["refusal"], seen["wish_changes"][0]["decided_by"]) == ("not_confirmed", "C-RS")
    second = (await officer.post(f"{path}/wish-changes", asked)).json()["wish_changes"][0]["id"]
    assert (await coordinator.post(f"/api/wish-changes/{second}/decide", {"approve": True})).status_code == 204
    seen = (await officer.get(path)).json()
    assert (seen["interp_sex"]["wish"], seen["interp_sex"]["must"]) == ("none", False)
    twice = await coordinator.post(f"/api/wish-changes/{second}/decide", {"approve": True})
    assert (twice.status_code, twice.json()["code"]) == (409, "move_not_allowed")
    actions = [action for action, _ in await trail(world, case["id"]) if action.startswith("case.wish_change")]
    assert actions == [f"case.wish_change_{word}" for word in ("asked", "refused", "asked", "approved")]


async def test_only_an_interpreter_of_the_case_vouches_for_a_change_and_it_can_be_withdrawn(world: World) -> None:
    case = await world.open_case(interp_sex={"wish": "woman", "must": True, "asked": True})
    officer, path = await world.browser("O-RS"), f"/api/cases/{case['id']}"
    through = {"wish": "none", "channel": "interpreter", "interpreter_code": "I-RS", "reason": "person_changed_mind"}
    refused = await officer.post(f"{path}/wish-changes", through)
    assert (refused.status_code, refused.json()["code"]) == (400, "interpreter_not_of_case")
    made = (await officer.post(f"{path}/wish-changes", through | {"channel": "card"})).json()["wish_changes"][0]["id"]
    assert (await officer.post(f"/api/wish-changes/{made}/withdraw")).status_code == 204
    seen = (await officer.get(path)).json()
    assert (seen["wish_changes"][0]["state"], seen["interp_sex"]["must"]) == ("withdrawn", True)
    free = await world.open_case()
    needless = await officer.post(f"/api/cases/{free['id']}/wish-changes", through)
    assert (needless.status_code, needless.json()["code"]) == (409, "wish_not_must")


async def test_a_decision_on_a_wish_that_is_another_one_by_now_changes_nothing(world: World) -> None:
    case = await world.open_case(interp_sex={"wish": "woman", "must": True, "asked": True})
    officer, coordinator = await world.browser("O-RS"), await world.browser("C-RS")
    path = f"/api/cases/{case['id']}"
    made = (await officer.post(f"{path}/wish-changes", {"wish": "none", "channel": "card", "reason": "urgent"})).json()
    async with world.house.services.database.unit(Actor.system()) as uow:
        (await uow.session.get_one(Case, case["id"])).interp_sex = "man"
    change = made["wish_changes"][0]["id"]
    answer = await coordinator.post(f"/api/wish-changes/{change}/decide", {"approve": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "changed_meanwhile")
    assert (await officer.get(path)).json()["wish_changes"][0]["state"] == "asked"


@pytest.mark.parametrize("said", [["arz"], []])
async def test_a_substitute_needs_the_persons_yes(world: World, said: list[str]) -> None:
    case = await world.open_case(languages=[{"code": "apd", "source": "self_declared"}])
    assert case["acceptable"] == ["arz"]
    assert case["accepted"] is None
    case = await patched(world, case, accepted_languages=said)
    assert case["accepted"]["languages"] == said
    async with world.house.services.database.read(Actor.system()) as unit:
        facts = await world.house.services.cases.step_facts(unit, case["current_step_id"])
    assert facts.accepted == frozenset(said)


async def test_the_other_country_does_a_police_step_only_under_a_coordinators_reference(world: World) -> None:
    administrator = await world.browser("A-RS")
    gate = {
        "from_country": "RS", "to_country": "MK", "basis": "convention_108", "reference": "test 1/2026",
        "valid_from": "2026-01-01T00:00:00Z", "valid_to": None, "stages": ["identification"],
    }  # fmt: skip
    assert (await administrator.post("/api/transfer-instruments", gate)).status_code == 201
    await world.available("I-MK")
    case = await world.open_case()
    booking = await world.book(case)
    assert booking["police"] == {"reference": None, "by": None, "at": None}
    assert booking["offers"] == [], "nobody of the other country is asked for a police step"
    officer, coordinator = await world.browser("O-RS"), await world.browser("C-RS")
    path = f"/api/bookings/{booking['id']}/police"
    assert (await officer.post(path, {"reference": "K-7/2026"})).status_code == 403
    assert (await (await world.browser("C-MK")).post(path, {"reference": "K-7/2026"})).status_code == 404
    named = await coordinator.post(path, {"reference": "ana@example.org"})
    assert (named.status_code, named.json()["code"]) == (400, "forbidden_email")
    given = await coordinator.post(path, {"reference": "K-7/2026"})
    assert given.status_code == 200, given.text
    assert (given.json()["police"]["reference"], given.json()["police"]["by"]) == ("K-7/2026", "C-RS")
    assert [offer["interpreter_code"] for offer in given.json()["offers"]] == ["I-MK"], "asked at once"
    taken = await coordinator.post(path, {"reference": None})
    assert taken.json()["police"]["reference"] is None
    assert [offer["state"] for offer in taken.json()["offers"]] == ["withdrawn"]
    actions = [action for action, _ in await trail(world, booking["id"])]
    assert actions[-2:] == ["booking.police_approved", "booking.police_approval_withdrawn"]
    plain = await world.open_case(first_step="RS-REG-10")
    other = await world.book(plain)
    assert other["police"] is None
    refused = await coordinator.post(f"/api/bookings/{other['id']}/police", {"reference": "K-8/2026"})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_a_police_step")


async def in_talk(world: World) -> tuple[dict[str, Any], str]:
    """A case, and the session that was agreed for it."""
    await world.available("I-RS")
    case = await world.open_case()
    booking = await world.book(case)
    return case, (await world.accept(booking["id"]))["session_id"]


async def raised(world: World, session_id: str) -> None:
    """The interpreter shows a concern."""
    async with world.house.services.database.unit(Actor.system()) as uow:
        assert await raise_concern(uow, session_id, part="interpreter")


async def test_a_concern_is_a_task_that_somebody_closes_and_tells_nothing_of_what_was_said(world: World) -> None:
    case, session_id = await in_talk(world)
    await raised(world, session_id)
    await raised(world, session_id)
    officer, path = await world.browser("O-RS"), f"/api/cases/{case['id']}"
    seen = (await officer.get(path)).json()
    (task,) = seen["referrals"]
    assert (task["state"], task["raised_by_part"], task["overdue"]) == ("open", "interpreter", False)
    assert "SPECIALIST_REFERRAL_OPEN" in seen["needs"]
    wiped = await officer.patch(path, {"version": seen["version"], "needs": []})
    assert (wiped.status_code, wiped.json()["code"]) == (409, "referral_open"), (
        "the need goes with the task, not by hand"
    )
    assert set(task) == {
        "id", "case_id", "case_ref", "country", "raised_at", "raised_by_part", "due_at", "overdue", "state", "outcome",
        "closed_at", "closed_by",
    }, "no kind, no words"  # fmt: skip
    assert [one["id"] for one in (await officer.get("/api/referrals")).json()["items"]] == [task["id"]]
    coordinator = await world.browser("C-RS")
    assert (await coordinator.get("/api/referrals")).json()["items"] == [], "in time it is the desk's alone"
    assert (await (await world.browser("O-RS2")).get("/api/referrals")).json()["items"] == []
    close = f"/api/referrals/{task['id']}/close"
    assert (await (await world.browser("O-RS2")).post(close, {"outcome": "referred"})).status_code == 404
    assert (await officer.post(close, {"outcome": "told the police"})).status_code == 422
    done = await officer.post(close, {"outcome": "referred"})
    assert done.status_code == 200, done.text
    assert (done.json()["referrals"][0]["outcome"], done.json()["referrals"][0]["closed_by"]) == ("referred", "O-RS")
    assert "SPECIALIST_REFERRAL_OPEN" not in done.json()["needs"]
    twice = await officer.post(close, {"outcome": "referred"})
    assert (twice.status_code, twice.json()["code"]) == (409, "move_not_allowed")
    assert ("case.referral_closed", {"referral": task["id"], "outcome": "referred"}) in await trail(world, case["id"])
    await raised(world, session_id)
    again = (await officer.get(path)).json()["referrals"]
    assert [(one["id"], one["state"], one["outcome"]) for one in again] == [(task["id"], "open", None)]


async def test_a_concern_that_nobody_closes_in_a_day_is_the_coordinators_and_keeps_the_case_open(world: World) -> None:
    case, session_id = await in_talk(world)
    await raised(world, session_id)
    clock, services = world.house.clock, world.house.services
    clock.advance(timedelta(hours=24).total_seconds() - 1)
    async with services.database.read(Actor.system()) as unit:
        assert await services.referrals.overdue(unit) == []
    clock.advance(1)
    world.browsers.clear()  # a day later everybody signs in again
    async with services.database.unit(Actor.system()) as uow:
        (late,) = await services.referrals.overdue(uow)
        await services.referrals.tell_overdue(uow, late)
        assert await services.referrals.overdue(uow) == [], "told once"
    officer, coordinator = await world.browser("O-RS"), await world.browser("C-RS")
    (shown,) = (await coordinator.get("/api/referrals")).json()["items"]
    assert (shown["case_ref"], shown["overdue"]) == (case["case_ref"], True)
    assert (await (await world.browser("C-MK")).get("/api/referrals")).json()["items"] == []
    close = await officer.post(f"/api/cases/{case['id']}/close", {"reason": "person_left"})
    assert (close.status_code, close.json()["code"]) == (409, "referral_open")


async def test_the_task_of_a_temporary_case_goes_on_in_the_case_of_the_person(world: World) -> None:
    await world.available("I-RS")
    case = await world.open_case(emergency=True)
    booking = await world.book(case)
    await raised(world, (await world.accept(booking["id"]))["session_id"])
    officer, target = await world.browser("O-RS"), await world.open_case()
    assert (await officer.post(f"/api/bookings/{booking['id']}/cancel", {"reason": "not_needed"})).status_code == 200
    linked = await officer.post(f"/api/cases/{case['id']}/link", {"case_ref": target["case_ref"]})
    assert linked.status_code == 200, linked.text
    seen = (await officer.get(f"/api/cases/{target['id']}")).json()
    assert [one["state"] for one in seen["referrals"]] == ["open"]
    assert "SPECIALIST_REFERRAL_OPEN" in seen["needs"]
