"""Cases through the interface: opening, what each role sees, changes, and traces in the audit trail."""

from __future__ import annotations

import asyncio

import pytest

from core.access import Actor
from tests.signaling.world import NEW_CASE, World


async def actions(world: World, subject: str) -> list[str]:
    """What the audit trail says about a thing, oldest first, read through the auditor's page."""
    auditor = await world.browser("U-RS")
    answer = (await auditor.get("/api/audit", subject=subject)).json()
    assert all(one["ok"] for one in (await auditor.get("/api/audit/check")).json()["trails"])
    return [item["action"] for item in reversed(answer["items"])]


async def test_a_case_is_opened_read_and_listed(world: World) -> None:
    case = await world.open_case()
    officer = await world.browser("O-RS")
    assert case["case_ref"].startswith("RS-26-")
    assert case["ext_ref"] == "KU-123/26"
    assert case["next"] == "start"
    assert case["steps"][0]["code"] == "RS-ID-10"
    assert case["steps"][0]["state"] == "planned"
    assert (await officer.get(f"/api/cases/{case['id']}")).json() == case
    listed = (
        await officer.get("/api/cases", q=case["case_ref"].lower(), language="pes", stage="identification")
    ).json()
    assert [item["id"] for item in listed["items"]] == [case["id"]]
    assert (await officer.get("/api/cases", language="prs")).json()["total"] == 0
    assert (await officer.get("/api/cases", state="closed")).json()["total"] == 0
    assert await actions(world, case["id"]) == ["case.opened", "case.viewed"]


async def test_the_file_number_is_stored_sealed(world: World) -> None:
    case = await world.open_case()
    from records.models import Case

    async with world.house.services.database.read(Actor.system()) as unit:
        row = await unit.session.get(Case, case["id"])
    assert row is not None
    assert row.ext_ref_sealed is not None
    assert b"KU-123" not in row.ext_ref_sealed


async def test_coordinators_see_what_coordination_needs(world: World) -> None:
    case = await world.open_case()
    seen = (await (await world.browser("C-RS")).get(f"/api/cases/{case['id']}")).json()
    for hidden in ("literacy", "age_group", "uam", "guardian", "country_of_origin", "ext_ref"):
        assert seen[hidden] is None, hidden
    assert seen["needs"] == []
    assert seen["languages"] == case["languages"]
    assert seen["interp_sex"] == case["interp_sex"]


async def test_the_same_key_opens_one_case(world: World) -> None:
    officer = await world.browser("O-RS")
    first = await officer.post("/api/cases", NEW_CASE, Idempotency_Key="key-00000001")
    again = await officer.post("/api/cases", NEW_CASE, Idempotency_Key="key-00000001")
    other = await officer.post("/api/cases", NEW_CASE, Idempotency_Key="key-00000002")
    assert first.json()["id"] == again.json()["id"] != other.json()["id"]
    malformed = await officer.post("/api/cases", NEW_CASE, Idempotency_Key="x")
    assert malformed.status_code == 422


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"name": "Ana Anić"}, 422, "forbidden_name"),
        ({"birth_date": "1990-01-01"}, 422, "forbidden_birth_date"),
        ({"favourite_colour": "blue"}, 422, "unknown_field"),
        ({"name": "Ana Anić", "age_group": "34"}, 422, "request_malformed"),
        ({"age_group": "34"}, 422, "request_malformed"),
        ({"site": "RS-BEOGRAD"}, 404, "site_unknown"),
        ({"site": "MK-VINOJUG"}, 404, "site_unknown"),
        ({"country": "MK", "site": "MK-VINOJUG"}, 404, "site_unknown"),
        ({"first_step": "MK-ID-10"}, 400, "step_of_other_country"),
        ({"first_step": "RS-ID-99"}, 404, "step_unknown"),
        ({"languages": [{"code": "xxx", "source": "card"}]}, 400, "language_unknown"),
        ({"interp_sex": {"wish": "woman", "must": True, "asked": False}}, 400, "wish_not_asked"),
        ({"languages": [{"code": "pes", "source": "card", "region_note": "call +381 64 123 4567"}]}, 400, None),
    ],
)
async def test_what_a_record_may_not_hold_is_refused(
    world: World, changes: dict[str, object], status: int, code: str | None
) -> None:
    answer = await (await world.browser("O-RS")).post("/api/cases", NEW_CASE | changes)
    assert answer.status_code == status, answer.text
    if code is not None:
        assert answer.json()["code"] == code
    if code is not None and code.startswith("forbidden_"):
        sentence = answer.json()["detail"]
        assert sentence.endswith(("case.", "instead.")), "why, in a sentence of its own"
        assert "Unknown" not in sentence
    assert "Anić" not in answer.text
    assert "4567" not in answer.text


async def test_a_reason_is_one_of_the_list_and_never_a_word_of_ones_own(world: World) -> None:
    case = await world.open_case()
    officer, path = await world.browser("O-RS"), f"/api/cases/{case['id']}"
    for reason in ("ana_petrovic", "hiv_positive", "He said that"):
        for door in (f"steps/{case['current_step_id']}/drop", "close"):
            answer = await officer.post(f"{path}/{door}", {"reason": reason})
            assert answer.status_code in (400, 422), (door, answer.text)
            assert reason not in answer.text
    assert (await officer.get(path)).json()["steps"][0]["state"] == "planned"


async def test_each_kind_of_forbidden_data_is_told_in_a_sentence_of_its_own(world: World) -> None:
    officer = await world.browser("O-RS")

    async def refused(body: dict[str, object], said: str, text: str) -> None:
        answer = await officer.post("/api/cases", NEW_CASE | body)
        assert (answer.status_code in (400, 422), answer.json()["code"]) == (True, said), text
        assert text not in answer.text
        assert answer.json()["detail"] not in ("", said)

    for text, said in (
        ("Ana Anić", "forbidden_name"),
        ("0101990710008", "forbidden_id_number"),
        ("born 12.3.1990", "forbidden_birth_date"),
        ("ana1@example.org", "forbidden_email"),
    ):
        await refused({"ext_ref": text}, said, text)
    for text, said in (
        ("+381 64 123 4567", "forbidden_phone"),
        ("متولد ۱۳۶۹", "forbidden_birth_date"),
        ("passport P1234567", "forbidden_document_number"),
        ("ana@example.org", "forbidden_email"),
        ("JMBG 0101990710008", "forbidden_id_number"),
        ("x" * 201, "request_malformed"),
    ):
        await refused({"languages": [{"code": "pes", "source": "card", "region_note": text}]}, said, text)
    for field, said in (
        ("phone", "forbidden_phone"),
        ("photo", "forbidden_biometric"),
        ("eurodacNumber", "forbidden_biometric"),
        ("grounds", "forbidden_statement"),
        ("diagnosis", "forbidden_health"),
        ("religion", "forbidden_religion"),
        ("ethnicity", "forbidden_ethnicity"),
        ("sexual_orientation", "forbidden_sexual_orientation"),
        ("smuggler", "forbidden_smuggler"),
        ("attachments", "forbidden_file"),
    ):
        await refused({field: "somevalue"}, said, "somevalue")
    child = await world.open_case(age_group="14-15", uam="confirmed")
    for code, said in (
        ("A-PETROVIC", "code_malformed"),
        ("G-0101990710008", "forbidden_id_number"),
        ("G-381641234567", "forbidden_document_number"),
        ("Marija 1", "code_malformed"),
    ):
        body = {"version": child["version"], "guardian": {"assigned": True, "code": code}}
        answer = await officer.patch(f"/api/cases/{child['id']}", body)
        assert (answer.status_code, answer.json()["code"]) == (400, said), code


async def test_changes_need_the_newest_version(world: World) -> None:
    case = await world.open_case()
    officer = await world.browser("O-RS")
    path = f"/api/cases/{case['id']}"
    changed = await officer.patch(path, {"version": case["version"], "literacy": "cannot", "needs": []})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["literacy"], changed.json()["needs"]) == ("cannot", [])
    stale = await officer.patch(path, {"version": case["version"], "literacy": "unknown"})
    assert (stale.status_code, stale.json()["code"]) == (409, "changed_meanwhile")
    assert await actions(world, case["id"]) == ["case.opened", "case.changed"]


async def test_two_changes_at_once_have_one_winner(world: World) -> None:
    case = await world.open_case()
    officer = await world.browser("O-RS")
    answers = await asyncio.gather(
        *(
            officer.patch(f"/api/cases/{case['id']}", {"version": case["version"], "literacy": word})
            for word in ("cannot", "unknown", "cannot")
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]


async def test_a_minor_waits_for_the_guardian(world: World) -> None:
    case = await world.open_case(age_group="14-15", uam="confirmed", first_step="RS-REG-10")
    officer = await world.browser("O-RS")
    assert case["locked_by"] is not None
    refused = await officer.post(
        "/api/bookings",
        {"case_id": case["id"], "step_id": case["current_step_id"], "kind": "now", "language": "pes"},
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "step_locked")
    assert refused.json()["params"]["gate"] == case["locked_by"]


async def test_steps_are_planned_dropped_and_the_case_closed(world: World) -> None:
    case = await world.open_case()
    officer = await world.browser("O-RS")
    path = f"/api/cases/{case['id']}"
    planned = (await officer.post(f"{path}/steps", {"code": "RS-ID-20"})).json()
    assert [step["code"] for step in planned["steps"]] == ["RS-ID-10", "RS-ID-20"]
    step = planned["steps"][1]["id"]
    dropped = (await officer.post(f"{path}/steps/{step}/drop", {"reason": "not_needed"})).json()
    assert dropped["steps"][1]["state"] == "dropped"
    refused = await officer.post(f"{path}/steps/{step}/drop", {"reason": "not_needed"})
    assert (refused.status_code, refused.json()["code"]) == (409, "move_not_allowed")
    closed = (await officer.post(f"{path}/close", {"reason": "person_left"})).json()
    assert closed["state"] == "closed"
    again = await officer.patch(path, {"version": closed["version"], "literacy": "cannot"})
    assert (again.status_code, again.json()["code"]) == (409, "case_closed")


async def test_a_step_with_an_open_request_is_not_dropped(world: World) -> None:
    await world.available("I-RS")
    case = await world.open_case()
    await world.book(case)
    officer = await world.browser("O-RS")
    refused = await officer.post(
        f"/api/cases/{case['id']}/steps/{case['current_step_id']}/drop", {"reason": "not_needed"}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "booking_exists")


async def test_a_temporary_case_is_confirmed_once(world: World) -> None:
    case = await world.open_case(emergency=True)
    assert (case["emergency"], case["link_by"] is None) == (True, False)
    officer = await world.browser("O-RS")
    path = f"/api/cases/{case['id']}/confirm"
    confirmed = (await officer.post(path)).json()
    assert (confirmed["emergency"], confirmed["link_by"], confirmed["state"]) == (False, None, "open")
    again = await officer.post(path)
    assert (again.status_code, again.json()["code"]) == (409, "move_not_allowed")
    assert await actions(world, case["id"]) == ["case.opened", "case.confirmed"]


async def test_a_step_held_elsewhere_is_noted_and_traced(world: World) -> None:
    case = await world.open_case(first_step="RS-VUL-10")
    officer = await world.browser("O-RS")
    path = f"/api/cases/{case['id']}/steps/{case['current_step_id']}/held"
    for how in ("no_interpreter", "", None):
        malformed = await officer.post(path, {"how": how})
        assert (malformed.status_code, malformed.json()["code"]) == (422, "request_malformed")
    stale = await officer.post(path, {"how": "no_talk", "version": case["version"] + 7})
    assert (stale.status_code, stale.json()["code"]) == (409, "changed_meanwhile")
    noted = await officer.post(path, {"how": "no_talk", "version": case["version"]})
    assert noted.status_code == 200, noted.text
    step = noted.json()["steps"][0]
    assert (step["state"], step["held_how"], step["sessions"]) == ("held", "no_talk", [])
    assert step["held_at"] is not None
    again = await officer.post(path, {"how": "no_talk"})
    assert (again.status_code, again.json()["code"]) == (409, "move_not_allowed")
    assert await actions(world, case["id"]) == ["case.opened", "step.held_elsewhere"]


async def test_a_shortage_of_interpreters_is_no_waiver(world: World) -> None:
    case = await world.open_case(first_step="RS-ASY-10")
    officer = await world.browser("O-RS")
    path = f"/api/cases/{case['id']}/steps/{case['current_step_id']}/held"
    refused = await officer.post(path, {"how": "no_talk"})
    assert (refused.status_code, refused.json()["code"]) == (400, "held_needs_interpreter")
    assert refused.json()["params"] == {"step": "RS-ASY-10"}
    assert await actions(world, case["id"]) == ["case.opened"]
    assert (await officer.post(path, {"how": "interpreter_in_person"})).status_code == 200


async def test_a_step_with_an_open_request_is_not_held_elsewhere(world: World) -> None:
    await world.available("I-RS")
    case = await world.open_case()
    await world.book(case)
    officer = await world.browser("O-RS")
    refused = await officer.post(f"/api/cases/{case['id']}/steps/{case['current_step_id']}/held", {"how": "no_talk"})
    assert (refused.status_code, refused.json()["code"]) == (409, "booking_exists")


async def test_the_outlook_never_points_at_somebody(world: World) -> None:
    await world.available("I-RS")
    case = await world.open_case()
    officer = await world.browser("O-RS")
    path = f"/api/cases/{case['id']}/steps/{case['current_step_id']}/outlook"
    outlook = (await officer.get(path, language="pes")).json()
    assert (outlook["free_now"], outlook["free_few"]) == (0, True)
    assert outlook["expected"]["basis"] == "none"
    unknown = await officer.get(f"/api/cases/{case['id']}/steps/step_x/outlook")
    assert unknown.status_code == 404


async def test_the_catalogue_is_complete_and_cached(world: World) -> None:
    officer = await world.browser("O-RS")
    answer = await officer.get("/api/catalogue")
    found = answer.json()
    assert {step["country"] for step in found["steps"]} == {"RS", "MK"}
    assert len(found["steps"]) > 50
    interview = next(step for step in found["steps"] if step["code"] == "RS-ASY-50")
    assert interview["interpretation"] == "mandatory"
    assert interview["name"]["sr-Cyrl"]
    assert any(language["code"] == "pes" and language["dir"] == "rtl" for language in found["languages"])
    again = await officer.http.get("/api/catalogue", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
