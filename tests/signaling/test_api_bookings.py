"""From "interpreter now" to a held session through the interface, and what each side gets to see on the way."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from core.access import Actor
from core.db.errors import DatabaseUnavailable
from core.errors import Unauthenticated
from records.lifecycle import Outcome
from scheduler.calendars.models import AvailabilitySpan, CalendarState
from scheduler.offers import AcceptAnswer
from tests.signaling.world import World

TRAITS = ("woman", "man", "secret-community", "sex", "nobody", "region")


async def held(world: World) -> tuple[dict[str, object], str]:
    """A booking whose session was held and sealed."""
    await world.available("I-RS")
    case = await world.open_case()
    booking = await world.book(case)
    session_id = str((await world.accept(booking["id"]))["session_id"])
    services = world.house.services
    for step in (
        lambda uow: services.session_log.arrive(uow, session_id, part="officer", code="O-RS"),
        lambda uow: services.session_log.arrive(uow, session_id, part="interpreter", code="I-RS"),
        lambda uow: services.scheduler.conduct.start(uow, session_id),
        lambda uow: services.scheduler.conduct.finish(uow, session_id, outcome=Outcome.COMPLETED, by="officer"),
        lambda uow: services.session_log.seal(uow, session_id),
    ):
        world.house.clock.advance(2)
        async with services.database.unit(Actor.system()) as uow:
            await step(uow)
    return booking, session_id


async def test_interpreter_now(world: World) -> None:
    await world.available("I-RS")
    case = await world.open_case()
    booking = await world.book(case)
    assert booking["state"] == "offering"
    assert [offer["interpreter_code"] for offer in booking["offers"]] == ["I-RS"]
    assert 1 <= len(booking["offers"][0]["reasons"]) <= 3

    interpreter = await world.browser("I-RS")
    home = (await interpreter.get("/api/interpreter/home")).json()
    ring = home["ring"]
    assert ring["language"] == "pes"
    assert ring["ring_s"] == 20
    told = json.dumps(home)
    for secret in (case["id"], case["case_ref"], case["current_step_id"], "O-RS", "RS-PRESEVO", "RS-ID-10", "KU-123"):
        assert secret not in told, secret

    answer = await world.accept(booking["id"])
    officer = await world.browser("O-RS")
    found = (await officer.get(f"/api/bookings/{booking['id']}")).json()
    assert (found["state"], found["session_id"]) == ("assigned", answer["session_id"])
    assert found["interpreter"] == {"code": "I-RS", "level": "L3"}
    assert (await officer.get(f"/api/cases/{case['id']}")).json()["next"] == "join"
    assert await world.accept(booking["id"]) == answer, "the same accept again gives the same answer"


async def test_officers_see_no_traits_and_no_reasons_of_refusal(world: World) -> None:
    await world.available("I-RS", "I-MK")
    case = await world.open_case(interp_sex={"wish": "woman", "must": False, "asked": True})
    booking = await world.book(case)
    offer_id, number = await world.offer_of(booking["id"])
    interpreter = await world.browser("I-RS")
    said = await interpreter.post(f"/api/offers/{offer_id}/decline", {"round": number, "reason": "knows_person"})
    assert said.status_code == 204
    officer = await world.browser("O-RS")
    seen = (await officer.get(f"/api/bookings/{booking['id']}")).text
    assert "knows_person" not in seen
    assert "secret-community" not in seen
    assert "country_of_origin" not in seen
    shown = json.loads(seen)
    assert all(set(offer) == {"interpreter_code", "state", "reasons"} for offer in shown["offers"])
    assert not any("sex" in json.dumps(reason["params"]) for offer in shown["offers"] for reason in offer["reasons"])


async def test_a_recused_interpreter_is_not_asked_for_the_case_again(world: World) -> None:
    await world.available("I-RS")
    case = await world.open_case()
    booking = await world.book(case)
    offer_id, number = await world.offer_of(booking["id"])
    interpreter = await world.browser("I-RS")
    await interpreter.post(f"/api/offers/{offer_id}/decline", {"round": number, "reason": "related"})
    officer = await world.browser("O-RS")
    await officer.post(f"/api/bookings/{booking['id']}/cancel", {"reason": "other"})
    again = await world.book(case)
    assert again["offers"] == []


async def test_somebody_elses_and_unknown_offers_are_the_same(world: World) -> None:
    await world.available("I-RS")
    booking = await world.book(await world.open_case())
    offer_id, number = await world.offer_of(booking["id"])
    stranger = await world.browser("I-MK")
    body = {"round": number, "no_conflict": True}
    theirs = await stranger.post(f"/api/offers/{offer_id}/accept", body)
    unknown = await stranger.post("/api/offers/offer_unknown/accept", body)
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.json()["code"] == unknown.json()["code"] == "offer_unknown"


async def test_accepting_needs_the_answer_about_conflicts(world: World) -> None:
    await world.available("I-RS")
    booking = await world.book(await world.open_case())
    offer_id, number = await world.offer_of(booking["id"])
    interpreter = await world.browser("I-RS")
    for body in ({"round": number}, {"round": number, "no_conflict": False}):
        assert (await interpreter.post(f"/api/offers/{offer_id}/accept", body)).status_code == 422


async def test_late_acceptance_is_a_coded_answer(world: World) -> None:
    await world.available("I-RS")
    booking = await world.book(await world.open_case())
    offer_id, number = await world.offer_of(booking["id"])
    world.house.clock.advance(25)
    answer = await (await world.browser("I-RS")).post(
        f"/api/offers/{offer_id}/accept", {"round": number, "no_conflict": True}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "offer_expired")


async def test_the_same_key_makes_one_request_and_a_second_one_is_refused(world: World) -> None:
    await world.available("I-RS")
    case = await world.open_case()
    officer = await world.browser("O-RS")
    body = {"case_id": case["id"], "step_id": case["current_step_id"], "kind": "now", "language": "pes"}
    first = await officer.post("/api/bookings", body, Idempotency_Key="book-0000001")
    again = await officer.post("/api/bookings", body, Idempotency_Key="book-0000001")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    second = await officer.post("/api/bookings", body, Idempotency_Key="book-0000002")
    assert (second.status_code, second.json()["code"]) == (409, "booking_exists")


async def test_two_clicks_at_once_make_one_request(world: World) -> None:
    await world.available("I-RS")
    case = await world.open_case()
    officer = await world.browser("O-RS")
    body = {"case_id": case["id"], "step_id": case["current_step_id"], "kind": "now", "language": "pes"}
    answers = await asyncio.gather(*(officer.post("/api/bookings", body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


async def test_a_step_of_another_case_is_refused(world: World) -> None:
    mine, other = await world.open_case(), await world.open_case()
    officer = await world.browser("O-RS")
    body = {"case_id": mine["id"], "step_id": other["current_step_id"], "kind": "now", "language": "pes"}
    answer = await officer.post("/api/bookings", body)
    assert (answer.status_code, answer.json()["code"]) == (404, "step_unknown")
    assert (await officer.get(f"/api/cases/{other['id']}")).json()["bookings"] == []


async def test_an_appointment_is_booked_accepted_and_given_back(world: World) -> None:
    case = await world.open_case("O-RS2", site="RS-BEOGRAD", first_step="RS-ASY-10")
    start = (world.house.clock.now() + timedelta(days=2)).isoformat()
    booking = await world.book(case, "O-RS2", kind="appointment", starts_at=start, minutes=30)
    assert (booking["kind"], booking["zone"]) == ("appointment", "Europe/Belgrade")
    await world.accept(booking["id"])
    interpreter = await world.browser("I-RS")
    listed = await interpreter.get(
        "/api/interpreter/assignments", **{"from": "2026-11-22T00:00:00Z", "to": "2026-12-01T00:00:00Z"}
    )
    assert [one["state"] for one in listed.json()["items"]] == ["confirmed"]
    assignment = listed.json()["items"][0]["id"]
    assert (await interpreter.post(f"/api/assignments/{assignment}/release", {"reason": "ill"})).status_code == 204
    officer = await world.browser("O-RS2")
    assert (await officer.get(f"/api/bookings/{booking['id']}")).json()["state"] in {"offering", "unfilled"}
    naive = await officer.post(
        "/api/bookings",
        {"case_id": case["id"], "step_id": case["current_step_id"], "kind": "appointment", "language": "pes",
         "starts_at": "2026-11-24T10:00:00"},
    )  # fmt: skip
    assert naive.status_code == 422, "a time without its offset is refused"


async def test_coordinators_see_candidates_with_reasons_and_place_by_hand(world: World) -> None:
    await world.available("I-RS", "I-MK")
    booking = await world.book(await world.open_case())
    coordinator = await world.browser("C-RS")
    found = (await coordinator.get(f"/api/bookings/{booking['id']}/candidates")).json()["items"]
    by_code = {one["code"]: one for one in found}
    assert by_code["I-RS"]["eligible"], by_code["I-RS"]["refusals"]
    assert by_code["I-RS"]["terms"]
    assert not by_code["I-MK"]["eligible"], "the gate between the countries is closed"
    assert by_code["I-MK"]["refusals"]
    assert "secret-community" not in json.dumps(found)
    refused = await coordinator.post(
        f"/api/bookings/{booking['id']}/place", {"interpreter_id": world.interpreters["I-MK"]}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "not_eligible")
    placed = await coordinator.post(
        f"/api/bookings/{booking['id']}/place", {"interpreter_id": world.interpreters["I-RS"]}
    )
    assert placed.json()["state"] == "assigned", placed.text
    board = (await coordinator.get("/api/board")).json()
    assert [card["booking_id"] for card in board["live"]] == [booking["id"]]


async def test_presence_and_devices(world: World) -> None:
    interpreter = await world.browser("I-RS")
    answer = await interpreter.put("/api/interpreter/presence", {"wanted": "available"})
    assert answer.json()["state"] == "available"
    assert (await interpreter.post("/api/interpreter/devices", {"ok": True})).status_code == 204
    home = (await interpreter.get("/api/interpreter/home")).json()
    assert home["devices_checked_at"] is not None
    assert home["presence"]["wanted"] == "available"
    assert (await interpreter.put("/api/interpreter/presence", {"wanted": "asleep"})).status_code == 422


async def test_an_interpreter_is_rung_for_a_request_that_waits(world: World) -> None:
    booking = await world.book(await world.open_case())
    assert booking["offers"] == []
    interpreter = await world.browser("I-RS")
    await interpreter.put("/api/interpreter/presence", {"wanted": "available"})
    assert (await interpreter.get("/api/interpreter/home")).json()["ring"] is not None


async def test_the_record_of_a_session_by_role(world: World) -> None:
    _, session_id = await held(world)
    path = f"/api/sessions/{session_id}"
    full = (await (await world.browser("O-RS")).get(path)).json()
    assert full["state"] == "sealed"
    assert full["chain"]["ok"]
    assert full["chain"]["seal"]
    assert [entry["seq"] for entry in full["entries"]] == list(range(1, len(full["entries"]) + 1))
    assert full["interpreter"] == {"code": "I-RS", "level": "L3", "country": "RS"}
    assert (full["country"], full["zone"]) == ("RS", "Europe/Belgrade"), "by whose clocks it is told"
    outline = (await (await world.browser("C-RS")).get(path)).json()
    assert outline["entries"] == []
    audited = (await (await world.browser("U-RS")).get(path)).json()
    assert audited["entries"] == full["entries"]
    for code in ("I-RS", "A-RS", "U-MK", "C-MK", "O-MK", "O-RS2"):
        assert (await (await world.browser(code)).get(path)).status_code in {403, 404}, code


async def test_an_accept_that_a_deadlock_broke_is_made_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.available("I-RS")
    booking = await world.book(await world.open_case())
    offers = world.house.services.scheduler.offers
    broken: list[AcceptAnswer] = []
    accept = offers.accept

    async def broken_once(*given: Any, **named: Any) -> AcceptAnswer:
        answer = await accept(*given, **named)
        if not broken:
            broken.append(answer)
            raise DatabaseUnavailable
        return answer

    monkeypatch.setattr(offers, "accept", broken_once)
    answer = await world.accept(booking["id"])
    assert len(broken) == 1
    officer = await world.browser("O-RS")
    shown = (await officer.get(f"/api/bookings/{booking['id']}")).json()
    assert (shown["state"], shown["session_id"]) == ("assigned", answer["session_id"])
    offer_id, _ = await world.offer_of(booking["id"])
    trail = (await (await world.browser("U-RS")).get("/api/audit", subject=offer_id)).json()["items"]
    assert [item["action"] for item in trail] == ["offer.accepted"], "what was rolled back left no trace"


async def test_the_case_shows_what_was_held(world: World) -> None:
    booking, session_id = await held(world)
    case = (await (await world.browser("O-RS")).get(f"/api/cases/{booking['case_id']}")).json()
    step = case["steps"][0]
    assert step["state"] == "held"
    assert step["sessions"][0]["id"] == session_id
    assert step["sessions"][0]["interpreter_code"] == "I-RS"
    assert case["bookings"] == []


async def test_join_through_the_interface(world: World) -> None:
    await world.available("I-RS")
    booking = await world.book(await world.open_case())
    session_id = (await world.accept(booking["id"]))["session_id"]
    officer = (await (await world.browser("O-RS")).post(f"/api/sessions/{session_id}/join")).json()
    interpreter = (await (await world.browser("I-RS")).post(f"/api/sessions/{session_id}/join")).json()
    assert (officer["participant"]["part"], interpreter["participant"]["part"]) == ("officer", "interpreter")
    assert officer["case_ref"] == booking["case_ref"]
    assert interpreter["case_ref"] is None
    invited = (
        await (await world.browser("O-RS")).post(f"/api/sessions/{session_id}/invite", {"part": "applicant"})
    ).json()
    token = invited["url"].split("#")[1]
    guest = world.house.browser()
    joined = await guest.post("/api/guest/join", {"token": token})
    assert joined.json()["participant"]["part"] == "applicant"
    assert joined.json()["case_ref"] is None
    assert (await guest.post("/api/guest/join", {"token": token})).status_code == 401


async def test_an_answer_that_was_lost_uses_up_no_link(world: World) -> None:
    """The browser that used the link brings the same key again and gets the same place; with another key it is used up."""
    await world.available("I-RS")
    session_id = (await world.accept((await world.book(await world.open_case()))["id"]))["session_id"]
    officer, guest = await world.browser("O-RS"), world.house.browser()
    invited = (await officer.post(f"/api/sessions/{session_id}/invite", {"part": "applicant"})).json()
    body, key = {"token": invited["url"].split("#")[1]}, {"Idempotency_Key": "press-of-this-browser"}

    first = (await guest.post("/api/guest/join", body, **key)).json()
    again = (await guest.post("/api/guest/join", body, **key)).json()
    assert again["participant"] == first["participant"]
    calls = world.house.services.calls
    with pytest.raises(Unauthenticated, match="token_invalid"):
        await calls.enter(first["grant"])
    entered = await calls.enter(again["grant"])
    faces = [
        await guest.post("/api/guest/rating", {"token": one["rating"], "answer": "good"}) for one in (first, again)
    ]
    assert faces[0].status_code == 401, "one face for one person"
    for headers in ({"Idempotency_Key": "another-browser"}, {}):
        assert (await guest.post("/api/guest/join", body, **headers)).status_code == 401

    # The way in was lost after the grant was used: still the same browser.
    once_more = (await guest.post("/api/guest/join", body, **key)).json()
    assert once_more["participant"] == first["participant"]
    # Whoever has left needs a new link, with whatever key.
    await calls.leave(session_id, entered.place.id, None)
    assert (await guest.post("/api/guest/join", body, **key)).status_code == 401


async def works(world: World, code: str, day: str = "2026-11-24") -> None:
    """The interpreter has stated to work on that day from 8 to 16, UTC."""
    async with world.house.services.database.unit(Actor.system()) as uow:
        who = world.interpreters[code]
        if await uow.session.get(CalendarState, who) is None:
            uow.session.add(
                CalendarState(
                    interpreter_id=who,
                    changed_at=uow.now,
                    expanded_from=uow.now,
                    expanded_to=uow.now + timedelta(days=90),
                    tz_version="test",
                )
            )
        uow.session.add(
            AvailabilitySpan(
                interpreter_id=who,
                kind="desk",
                source="rule",
                reachable_by=[],
                starts_at=datetime.fromisoformat(f"{day}T08:00:00+00:00"),
                ends_at=datetime.fromisoformat(f"{day}T16:00:00+00:00"),
            )
        )


async def test_slots_hold_move_notice_and_cancel(world: World) -> None:
    await works(world, "I-RS")
    case = await world.open_case()
    officer = await world.browser("O-RS")
    step = {"case_id": case["id"], "step_id": case["current_step_id"], "language": "pes"}
    span = {"minutes": 30, "from": "2026-11-23T00:00:00Z", "to": "2026-11-25T00:00:00Z"}
    found = await officer.get("/api/slots", **step, **span)
    assert found.status_code == 200, found.text
    days = {day["day"]: day for day in found.json()["days"]}
    assert days["2026-11-23"]["slots"] == []
    slot = days["2026-11-24"]["slots"][0]
    assert {key: slot[key] for key in ("free", "few", "sure", "pivot")} == {
        "free": 0, "few": True, "sure": True, "pivot": None,
    }  # fmt: skip
    assert "I-RS" not in found.text
    body = {**step, "starts_at": slot["starts_at"], "minutes": 30}
    key = {"Idempotency-Key": "hold-once-please"}
    held = (await officer.post("/api/holds", body, **key)).json()
    assert (held["state"], held["interpreters"][0]["held"]) == ("held", True)
    assert (await officer.post("/api/holds", body, **key)).json()["id"] == held["id"]
    done = (await officer.post(f"/api/bookings/{held['id']}/confirm", {})).json()
    assert (done["state"], done["interpreters"]) == (
        "assigned",
        [{"leg": 1, "code": "I-RS", "level": "L3", "held": False, "until": None}],
    )
    moved = await officer.post(f"/api/bookings/{held['id']}/reschedule", {"starts_at": "2026-11-24T12:00:00Z"})
    assert moved.json()["starts_at"] == "2026-11-24T12:00:00.000Z"
    refused = await officer.post(f"/api/bookings/{held['id']}/reschedule", {"starts_at": "2026-11-24T18:00:00Z"})
    assert (refused.status_code, refused.json()["code"]) == (409, "slot_not_free")
    assert refused.json()["params"] == {"rule": "M-11.availability"}
    notice = (await officer.get(f"/api/bookings/{held['id']}/notice")).json()
    assert (notice["applies"], notice["code"], notice["percent"]) == (True, "early", 0)
    ended = await officer.post(f"/api/bookings/{held['id']}/cancel", {"reason": "not_needed"})
    assert ended.json()["state"] == "cancelled"


async def test_another_time_is_asked_for_and_answered_through_the_interface(world: World) -> None:
    await world.available("I-RS")
    case = await world.open_case()
    booking = await world.book(case, kind="appointment", starts_at="2026-11-24T10:00:00Z", minutes=30)
    await world.accept(booking["id"])
    officer, interpreter = await world.browser("O-RS"), await world.browser("I-RS")
    path = f"/api/bookings/{booking['id']}/reschedule"
    alone = await officer.post(path, {"starts_at": "2026-11-24T12:00:00Z"})
    assert (alone.status_code, alone.json()["code"]) == (409, "slot_on_request")
    asked = await officer.post(path, {"starts_at": "2026-11-24T12:00:00Z", "ask": True})
    assert asked.status_code == 200, asked.text
    assert (asked.json()["starts_at"], asked.json()["proposal"]["state"]) == ("2026-11-24T10:00:00.000Z", "asked")
    back = await officer.post(f"{path}/withdraw")
    assert (back.json()["proposal"], (await interpreter.get("/api/interpreter/times")).json()["items"]) == (None, [])
    await officer.post(path, {"starts_at": "2026-11-24T13:00:00Z", "ask": True})
    (question,) = (await interpreter.get("/api/interpreter/times")).json()["items"]
    assert (question["stands"], question["starts_at"]) == ("2026-11-24T10:00:00.000Z", "2026-11-24T13:00:00.000Z")
    assert "case" not in str(question), "coarse facts only"
    answer = f"/api/interpreter/times/{question['id']}/answer"
    assert (await (await world.browser("I-MK")).post(answer, {"accept": True})).status_code == 404
    assert (await interpreter.post(answer, {"accept": True})).status_code == 204
    seen = (await officer.get(f"/api/bookings/{booking['id']}")).json()
    assert (seen["state"], seen["starts_at"], seen["proposal"]) == ("assigned", "2026-11-24T13:00:00.000Z", None)
    twice = await interpreter.post(answer, {"accept": True})
    assert (twice.status_code, twice.json()["code"]) == (409, "proposal_over")


async def test_a_series_is_booked_through_the_interface(world: World) -> None:
    await works(world, "I-RS", "2026-11-24")
    await works(world, "I-RS", "2026-12-01")
    case = await world.open_case()
    officer = await world.browser("O-RS")
    body = {
        "case_id": case["id"], "step_id": case["current_step_id"], "language": "pes", "minutes": 30, "first": "2026-11-24",
        "at": "10:00", "zone": "Europe/Belgrade", "frequency": "weekly", "count": 3,
    }  # fmt: skip
    refused = await officer.post("/api/series", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "series_not_free")
    assert refused.json()["params"]["occurrences"] == "2026-12-08"
    made = await officer.post("/api/series", body | {"all_or_none": False})
    assert made.status_code == 201, made.text
    assert [one["starts_at"][11:16] for one in made.json()["bookings"]] == ["09:00", "09:00"]
    assert [one["occurrence"] for one in made.json()["failed"]] == ["2026-12-08"]
    again = await officer.get(f"/api/series/{made.json()['id']}")
    assert len(again.json()["bookings"]) == 2
