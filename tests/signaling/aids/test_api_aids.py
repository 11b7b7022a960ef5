"""Agreed terms over HTTP: both sides of a session, nobody else, and the desk of the case afterwards."""

from __future__ import annotations

import asyncio
from typing import Any

from core.access import Actor
from core.events.bus import Message
from records.lifecycle import SessionState
from records.models import Session
from records.session_rows import add_place
from tests.signaling.world import World

TERM = {"officer_term": "старатељ", "person_term": "سرپرست قانونی"}


async def session_of(world: World, case: dict[str, Any]) -> str:
    booking = await world.book(case)
    return str((await world.accept(booking["id"]))["session_id"])


async def put(world: World, session_id: str, **values: Any) -> None:
    async with world.house.services.database.unit(Actor.system()) as uow:
        session = await uow.session.get(Session, session_id)
        assert session is not None
        for name, value in values.items():
            setattr(session, name, value)


async def test_both_sides_and_nobody_else(world: World) -> None:
    await world.available("I-RS")
    case = await world.open_case()
    session_id = await session_of(world, case)
    path = f"/api/sessions/{session_id}/terms"
    officer, interpreter = await world.browser("O-RS"), await world.browser("I-RS")

    early = await interpreter.get(path)
    assert (early.status_code, early.json()["code"]) == (409, "join_not_open"), (
        "before it opens they may still step back"
    )
    proposed = await officer.post(path, TERM)
    assert proposed.status_code == 201, proposed.text
    await put(world, session_id, state=SessionState.ACTIVE)

    seen = (await interpreter.get(path)).json()
    (term,) = seen["terms"]
    assert (seen["n"], seen["part"], seen["language"], seen["officer_language"]) == (1, "interpreter", "pes", "srp")
    assert (term["state"], term["proposed_part"]) == ("proposed", "officer")
    assert "O-RS" not in str(seen)
    own = await officer.post(f"{path}/{term['id']}/agree")
    assert (own.status_code, own.json()["code"]) == (403, "term_own")
    agreed = (await interpreter.post(f"{path}/{term['id']}/agree")).json()
    assert (agreed["n"], agreed["terms"][0]["state"]) == (2, "agreed")

    for code in ("O-RS2", "O-MK", "I-MK"):
        stranger = await world.browser(code)
        for answer in (await stranger.get(path), await stranger.post(path, TERM)):
            assert (answer.status_code, answer.json()["code"]) == (404, "session_unknown"), code
    assert (await (await world.browser("C-RS")).get(path)).status_code == 403


async def test_the_room_hears_that_there_is_something_new_and_not_what(world: World) -> None:
    await world.available("I-RS")
    session_id = await session_of(world, await world.open_case())
    officer, found, heard = await world.browser("O-RS"), [], asyncio.Event()

    def listen(message: Message) -> None:
        if message.body["name"] == "aids.terms":
            found.append(dict(message.body["data"]))
            heard.set()

    async with world.house.services.bus.follow(f"room:{session_id}", listen), asyncio.timeout(30):
        await officer.post(f"/api/sessions/{session_id}/terms", TERM)
        await heard.wait()
    assert found == [{"n": 1}]


async def test_what_looks_like_a_name_is_asked_about_and_a_number_refused(world: World) -> None:
    await world.available("I-RS")
    session_id = await session_of(world, await world.open_case())
    officer, path = await world.browser("O-RS"), f"/api/sessions/{session_id}/terms"
    asked = await officer.post(path, {**TERM, "officer_term": "Islamic State"})
    assert (asked.status_code, asked.json()["code"]) == (400, "term_like_name")
    assert (await officer.post(path, {**TERM, "officer_term": "Islamic State", "no_name": True})).status_code == 201
    refused = await officer.post(path, {**TERM, "officer_term": "zovi 064 123 45 67", "no_name": True})
    assert (refused.status_code, refused.json()["code"]) == (400, "forbidden_phone")
    assert "064" not in refused.text


async def test_terms_follow_the_case_into_a_later_session_and_are_read_at_its_desk(world: World) -> None:
    await world.available("I-RS")
    case = await world.open_case()
    first = await session_of(world, case)
    officer = await world.browser("O-RS")
    await officer.post(f"/api/sessions/{first}/terms", TERM)
    await put(world, first, state=SessionState.ENDED)
    over = await officer.get(f"/api/sessions/{first}/terms")
    assert (over.status_code, over.json()["code"]) == (409, "session_over")

    later = "session_later"
    async with world.house.services.database.unit(Actor.system()) as uow:
        old = await uow.session.get(Session, first)
        assert old is not None
        copied = {c.name: getattr(old, c.name) for c in Session.__table__.columns}
        uow.session.add(Session(**{**copied, "id": later, "state": SessionState.ACTIVE, "booking_id": "booking_later"}))
        await uow.flush()
        row = await uow.session.get(Session, later)
        assert row is not None
        add_place(uow, row, "interpreter", "I-MK", world.users["I-MK"])
    other = await world.browser("I-MK")
    seen = (await other.get(f"/api/sessions/{later}/terms")).json()
    assert [one["officer_term"] for one in seen["terms"]] == ["старатељ"]
    assert "I-RS" not in str(seen), "another interpreter on the case stays unknown"
    term_id = seen["terms"][0]["id"]
    assert (await other.post(f"/api/sessions/{later}/terms/{term_id}/agree")).status_code == 200

    listed = (await officer.get(f"/api/cases/{case['id']}/terms")).json()
    assert listed["case_ref"] == case["case_ref"], "a printed list is filed under it"
    (item,) = listed["items"]
    assert [(one["move"], one["code"], one["session_id"]) for one in item["moves"]] == [
        ("propose", "O-RS", first),
        ("agree", "I-MK", later),
    ]
    assert (await (await world.browser("C-RS")).get(f"/api/cases/{case['id']}/terms")).status_code == 403
    assert (await (await world.browser("O-RS2")).get(f"/api/cases/{case['id']}/terms")).status_code == 404
    trail = (await (await world.browser("U-RS")).get("/api/audit", subject=case["id"])).json()["items"]
    assert "terms.viewed" in [one["action"] for one in trail]


async def test_the_base_glossary_of_a_pair(world: World) -> None:
    officer = await world.browser("O-RS")
    found = (await officer.get("/api/glossary", language="apc", officer_language="bos")).json()["items"]
    assert {"key": "asylum", "officer_term": "азил", "person_term": "اللجوء", "status": "draft"} in found
    assert (await officer.get("/api/glossary", language="kmr", officer_language="srp")).json() == {"items": []}
