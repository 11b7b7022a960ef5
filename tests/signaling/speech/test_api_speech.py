"""Draft transcripts over HTTP: who may ask, read, correct, decide and switch, and who may not even know."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import update

from core.access import Actor
from core.clock import ManualClock
from core.settings import SettingsError
from core.settings_sections import SpeechSettings
from records.models import SessionParticipant
from signaling import places
from signaling.bootstrap import build
from signaling.realtime.protocol import RoomSpeech
from signaling.speech.drafts import DraftService
from signaling.telephony.models import PhoneLeg
from signaling.telephony.port import LegState
from tests.signaling.house import open_house, settings_for
from tests.signaling.world import World, make_world


@pytest.fixture
async def world(sqlite_url: str, tmp_path: Path, clock: ManualClock):  # type: ignore[no-untyped-def]
    """A house with a model directory (an empty one: nothing is transcribed here)."""
    speech = SpeechSettings.model_validate({"models": [f"default={tmp_path}"]})
    async with open_house(settings_for(sqlite_url, tmp_path, speech=speech), clock) as house:
        yield await make_world(house)


async def talk(world: World) -> tuple[str, dict[str, str]]:
    """A session with officer and interpreter in the room; the ids of their places."""
    await world.available("I-RS")
    case = await world.open_case()
    booking = await world.book(case)
    session_id = (await world.accept(booking["id"]))["session_id"]
    async with world.house.services.database.unit(Actor.system()) as uow:
        await uow.session.execute(
            update(SessionParticipant).where(SessionParticipant.session_id == session_id).values(state="present")
        )
        guest = await places.invite(uow, session_id, "applicant")
        await uow.session.execute(
            update(SessionParticipant).where(SessionParticipant.id == guest.id).values(state="present")
        )
        seats = {place.part: place.id for place in await places.of_session(uow, session_id)}
    return session_id, seats


async def allow(world: World) -> None:
    coordinator = await world.browser("C-RS")
    for path in ("RS", "RS/steps/RS-ID-10"):
        answer = await coordinator.send("PUT", f"/api/speech/settings/{path}", {"on": True}, {})
        assert answer.status_code == 204, answer.text


async def agree(world: World, place_id: str, do: Literal["state", "agree", "refuse"] = "agree") -> dict[str, object]:
    services = world.house.services
    async with services.database.read(Actor.system()) as unit:
        place = await places.get(unit, place_id)
    return await services.speech.room_message(place, RoomSpeech(id="m1", t="room.speech", do=do))


async def test_from_asking_to_the_answers(world: World) -> None:
    session_id, seats = await talk(world)
    officer, interpreter = await world.browser("O-RS"), await world.browser("I-RS")
    path = f"/api/sessions/{session_id}/draft"
    none = (await officer.get(path)).json()
    assert (none["state"], none["barred"]) == ("none", "country_off")
    refused = await officer.post(f"{path}/ask", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "draft_country_off")
    await allow(world)
    assert (await interpreter.post(f"{path}/ask", {})).status_code == 403, "the interpreter is asked, and does not ask"
    assert (await officer.post(f"{path}/ask", {})).status_code == 204
    asked = (await interpreter.get(path)).json()
    assert asked["flow"] == "asking"
    assert {one["part"]: one["answer"] for one in asked["people"]} == {
        "officer": "yes",
        "interpreter": "asked",
        "applicant": "asked",
    }
    assert await agree(world, seats["interpreter"], "state") == {"state": "asking", "answer": "asked", "possible": True}
    await agree(world, seats["applicant"])
    assert (await agree(world, seats["interpreter"]))["state"] == "running"
    kept = await officer.post(f"{path}/keep", {"keep": True})
    assert kept.status_code == 204
    assert (await interpreter.get(path)).json()["keep"] is True
    assert (await agree(world, seats["interpreter"], "refuse"))["answer"] == "withdrawn"
    assert (await officer.get(path)).json()["reason"] == "withdrawn"
    again = await officer.post(f"{path}/ask", {})
    assert again.json()["code"] == "draft_refused"
    for code in ("O-RS2", "I-MK", "O-MK"):
        assert (await (await world.browser(code)).get(path)).status_code == 404


async def test_somebody_beside_the_officer_is_asked_and_noted(world: World) -> None:
    session_id, seats = await talk(world)
    services = world.house.services
    async with services.database.unit(Actor.system()) as uow:
        await places.leave(uow, seats["applicant"])
    officer, interpreter = await world.browser("O-RS"), await world.browser("I-RS")
    path = f"/api/sessions/{session_id}/draft"
    await allow(world)
    refused = await officer.post(f"{path}/ask", {})
    assert refused.json()["code"] == "draft_person_absent"
    assert (await interpreter.post(f"{path}/beside", {"part": "applicant"})).status_code == 403
    assert (await officer.post(f"{path}/ask", {"near": ["officer"]})).status_code == 422
    assert (await officer.post(f"{path}/ask", {"near": ["applicant"]})).status_code == 204
    await agree(world, seats["interpreter"])
    near = (await interpreter.get(path)).json()["people"][-1]
    assert (near["whom"], near["beside"], near["by"], near["answer"]) == ("applicant", True, "word", "asked")
    noted = {"whom": "applicant", "agrees": True}
    for code in ("O-RS2", "I-MK", "C-RS"):
        assert (await (await world.browser(code)).post(f"{path}/note", noted)).status_code in (403, 404), code
    assert (await interpreter.post(f"{path}/note", noted)).status_code == 204
    seen = (await officer.get(path)).json()
    near = seen["people"][-1]
    assert (near["answer"], near["how"], near["noted_part"], near["noted_code"]) == (
        "yes", "spoken", "interpreter", "I-RS",
    )  # fmt: skip
    assert seen["state"] == "running"
    assert (await officer.post(f"{path}/note", noted | {"agrees": False})).status_code == 204
    assert (await officer.get(path)).json()["reason"] == "withdrawn"


async def test_keys_of_the_own_telephone_answer(world: World) -> None:
    """4 is yes, 6 takes it back, 5 confirms what the officer noted of others; where nobody asked they do nothing."""
    session_id, seats = await talk(world)
    services = world.house.services
    desk, place_id = services.telephony.desk, seats["interpreter"]
    async with services.database.unit(Actor.system()) as uow:
        leg = PhoneLeg(
            id="leg_1", country="RS", session_id=session_id, place_id=place_id, direction="out", reason="lost_link",
            asked_by="test", locale="en", provider="none", state=LegState.IN_ROOM, made_at=uow.now, due_at=uow.now,
        )  # fmt: skip
        uow.session.add(leg)
        values = {"state": "lost", "phone_leg_id": "leg_1"}
        await uow.session.execute(update(SessionParticipant).where(SessionParticipant.id == place_id).values(values))
    await allow(world)
    path = f"/api/sessions/{session_id}/draft"
    officer = await world.browser("O-RS")
    assert not await desk.pressed("leg_1", "4"), "nobody asked"
    assert (await officer.get(path)).json()["people"] == []
    await officer.post(f"{path}/ask", {})
    await agree(world, seats["applicant"])

    async def own() -> dict[str, object]:
        people = (await officer.get(path)).json()["people"]
        return next(one for one in people if one["part"] == "interpreter")

    assert ((await own())["by"], (await own())["answer"]) == ("key", "asked")
    assert not await desk.pressed("leg_1", "5"), "there is nothing to confirm"
    assert (await own())["answer"] == "asked"
    assert not await desk.pressed("leg_1", "4")
    assert ((await own())["answer"], (await own())["how"]) == ("yes", "own_key")
    assert (await officer.get(path)).json()["state"] == "running"
    await officer.post(f"{path}/beside", {"part": "guardian"})
    await officer.post(f"{path}/note", {"whom": "guardian", "agrees": True})

    async def guardian() -> dict[str, object]:
        people = (await officer.get(path)).json()["people"]
        return next(one for one in people if one["part"] == "guardian")

    assert ((await guardian())["answer"], (await guardian())["noted_part"]) == ("said", "officer")
    assert not await desk.pressed("leg_1", "5")
    assert ((await guardian())["answer"], (await guardian())["noted_part"]) == ("yes", "interpreter")
    assert not await desk.pressed("leg_1", "6")
    assert (await own())["answer"] == "withdrawn"
    assert not await desk.pressed("leg_1", "4"), "nobody is asked twice"
    assert (await own())["answer"] == "withdrawn"


async def test_lines_are_read_by_what_changed_and_corrected(world: World) -> None:
    session_id, seats = await talk(world)
    services = world.house.services
    officer, path = await world.browser("O-RS"), f"/api/sessions/{session_id}/draft"
    await allow(world)
    await officer.post(f"{path}/ask", {})
    await agree(world, seats["interpreter"])
    await agree(world, seats["applicant"])
    now = services.clock.now()
    await services.speech.lines.add(session_id, seats["officer"], "srp", now, now, "dobar dan", None)
    first = (await officer.get(path)).json()
    (line,) = first["lines"]
    assert (line["text"], line["dir"], line["rendition"]) == ("dobar dan", "ltr", False)
    await services.speech.lines.add(session_id, seats["interpreter"], "pes", now, now, "سلام", None)
    later = (await officer.get(path, since=first["version"])).json()
    assert [(one["text"], one["dir"], one["rendition"]) for one in later["lines"]] == [("سلام", "rtl", True)]
    change = {"text": "Dobar dan.", "changed": line["changed"]}
    assert (await officer.send("PUT", f"{path}/lines/{line['id']}", change, {})).status_code == 204
    late = await officer.send("PUT", f"{path}/lines/{line['id']}", change, {})
    assert (late.status_code, late.json()["code"]) == (409, "changed_meanwhile")
    await agree(world, seats["interpreter"], "refuse")
    wiped = (await officer.get(path, since=later["version"])).json()
    assert wiped["reset"] is True
    assert [one["corrected"] for one in wiped["lines"]] == ["Dobar dan."]


async def test_switches_are_for_coordinators_and_administrators_of_the_country(world: World) -> None:
    for code, status in (("C-RS", 204), ("A-RS", 204), ("C-MK", 403), ("A-MK", 403), ("O-RS", 403)):
        answer = await (await world.browser(code)).send("PUT", "/api/speech/settings/RS", {"on": True}, {})
        assert answer.status_code == status, code
    never = await (await world.browser("A-RS")).send("PUT", "/api/speech/settings/RS/steps/RS-ASY-40", {"on": True}, {})
    assert never.json()["code"] == "draft_step_never"
    page = (await (await world.browser("A-RS")).get("/api/speech/settings")).json()
    assert [one["country"] for one in page["countries"]] == ["RS"]
    states = {row["language"]: row["state"] for row in page["models"]}
    assert (states["ara"], states["pus"], states["kmr"]) == ("missing", "no_pashto_model", "no_token")


async def test_the_kept_text_is_for_the_desk_and_each_look_is_noted(world: World) -> None:
    session_id, seats = await talk(world)
    services = world.house.services
    drafts: DraftService = services.speech.drafts
    await allow(world)
    await drafts.ask(session_id)
    await agree(world, seats["interpreter"])
    await agree(world, seats["applicant"])
    now = services.clock.now()
    await services.speech.lines.add(session_id, seats["officer"], "srp", now, now, "dobar dan", None)
    await drafts.keep(session_id, keep=True)
    async with services.database.unit(Actor.system()) as uow:
        await drafts.decide_at_end(uow, session_id)
    path = f"/api/sessions/{session_id}/transcript"
    officer = await world.browser("O-RS")
    assert "dobar dan" in (await officer.get(path)).json()["text"]
    assert (await (await world.browser("C-RS")).get(path)).status_code == 403
    assert (await (await world.browser("O-MK")).get(path)).status_code == 404
    audit = (await (await world.browser("U-RS")).get("/api/audit", country="RS")).text
    assert "transcript.viewed" in audit
    assert "dobar dan" not in audit


def test_a_wrong_list_of_models_is_said_at_the_start(sqlite_url: str, tmp_path: Path) -> None:
    speech = SpeechSettings.model_validate({"models": ["klingon=/x"]})
    with pytest.raises(SettingsError, match="TARJUMAN_SPEECH__MODELS"):
        build(settings_for(sqlite_url, tmp_path, speech=speech))
