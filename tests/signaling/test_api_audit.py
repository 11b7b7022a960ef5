"""The auditor's pages: what is found in the log, what is told of it, the file, and the plain verdict on the chains."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from sqlalchemy import text

from tests.signaling.test_api_bookings import held
from tests.signaling.world import World


async def entries(world: World, code: str = "U-RS", **query: Any) -> list[dict[str, Any]]:
    answer = await (await world.browser(code)).get("/api/audit", **query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_everything_about_a_case_is_found_by_its_reference(world: World) -> None:
    _, session_id = await held(world)
    officer = await world.browser("O-RS")
    case = (await officer.get("/api/cases")).json()["items"][0]
    assert (await officer.get(f"/api/sessions/{session_id}")).status_code == 200
    found = await entries(world, subject=case["case_ref"].lower())
    assert {"case.opened", "booking.requested", "offer.accepted", "session.viewed"} <= {one["action"] for one in found}
    assert {one["name"] for one in found} == {case["case_ref"]}
    for one in found:
        assert not {"language", "reason", "ref"} & set(one["data"]), one
    by_person = await entries(world, actor="I-RS", kind="bookings")
    assert [one["action"] for one in by_person] == ["offer.accepted"]
    seen = await entries(world, kind="audit")
    assert {one["actor_code"] for one in seen} == {"U-RS"}
    later = (world.house.clock.now().replace(microsecond=0)).isoformat()
    world.house.clock.advance(60)
    assert await entries(world, to="2020-01-01T00:00:00Z") == []
    assert {one["action"] for one in await entries(world, **{"from": later})} >= {"audit.viewed"}


async def test_an_auditor_sees_no_other_country(world: World) -> None:
    case = await world.open_case()
    foreign = await world.browser("U-MK")
    assert await entries(world, "U-MK", subject=case["case_ref"]) == []
    for path in ("/api/audit", "/api/audit/export", "/api/audit/logs", "/api/audit/check"):
        answer = await foreign.get(path, country="RS")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), path
        own = await foreign.get(path, country="MK")
        assert own.status_code == 200, path
        assert case["case_ref"] not in own.text


async def test_the_file_holds_what_was_found_and_no_formulas(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case = await world.open_case()
    auditor = await world.browser("U-RS")
    answer = (await auditor.get("/api/audit/export", subject=case["case_ref"])).json()
    rows = list(csv.DictReader(io.StringIO(answer["content"])))
    assert answer["rows"] == len(rows) == 1
    assert (rows[0]["who"], rows[0]["action"], rows[0]["what"]) == ("O-RS", "case.opened", case["case_ref"])
    assert answer["name"].startswith("audit-RS-")
    assert answer["name"].endswith(".csv")
    assert (await entries(world, kind="audit"))[0]["action"] == "audit.exported"
    monkeypatch.setattr("signaling.audit_file._FORMULA", ("O-",))
    marked = (await auditor.get("/api/audit/export", subject=case["case_ref"])).json()["content"]
    assert "'O-RS" in marked
    monkeypatch.setattr("signaling.api.audit.MOST_EXPORTED", 1)
    refused = await auditor.get("/api/audit/export")
    assert (refused.status_code, refused.json()["code"]) == (409, "audit_export_too_long")


async def test_the_verdict_is_plain_and_names_what_is_broken(world: World) -> None:
    _, session_id = await held(world)
    auditor = await world.browser("U-RS")
    verdict = (await auditor.get("/api/audit/check")).json()
    assert (verdict["logs"], verdict["logs_total"], verdict["broken"]) == (1, 1, [])
    assert [(one["country"], one["ok"], one["broken_at"]) for one in verdict["trails"]] == [("RS", True, None)]
    (log,) = (await auditor.get("/api/audit/logs")).json()["items"]
    assert (log["id"], log["ok"], log["broken_at"]) == (session_id, True, None)
    database = world.house.services.database
    async with database.engine.begin() as connection:
        await connection.execute(text("DROP TRIGGER session_entries_no_update"))
        await connection.execute(text("UPDATE session_entries SET kind = 'mode' WHERE seq = 2"))
    verdict = (await auditor.get("/api/audit/check")).json()
    assert [(one["id"], one["broken_at"]) for one in verdict["broken"]] == [(session_id, 2)]
    (log,) = (await auditor.get("/api/audit/logs")).json()["items"]
    assert (log["ok"], log["broken_at"]) == (False, 2)
    noted = [one for one in await entries(world, kind="audit") if one["action"] == "audit.checked"]
    assert [one["data"]["faults"] for one in noted] == [1, 0]
