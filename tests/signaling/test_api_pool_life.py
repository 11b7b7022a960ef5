"""The life of the pool over HTTP: the way in, answers by all sides, reviews, complaints, minutes and the file for accounting."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from core.access import Actor
from records.lifecycle import Outcome
from records.models import Session
from scheduler.pool_life.duty import collect_duty
from tests.signaling.house import Browser
from tests.signaling.world import World


async def running(world: World, by: str = "I-RS", desk: str = "O-RS", **case: Any) -> str:
    """A session in which everybody is, the interpreter placed by hand; returns its id."""
    await world.available(by)
    booking = await world.book(await world.open_case(desk, **case), desk)
    coordinator, person = await world.browser("C-RS"), world.interpreters[by]
    placed = await ok(coordinator, f"/api/bookings/{booking['id']}/place", {"interpreter_id": person})
    session_id = str(placed["session_id"])
    services = world.house.services
    async with services.database.unit(Actor.system()) as uow:
        await services.session_log.arrive(uow, session_id, part="officer", code=desk)
        await services.session_log.arrive(uow, session_id, part="interpreter", code=by)
        await services.scheduler.conduct.start(uow, session_id)
    return session_id


async def over(world: World, session_id: str, minutes: int = 37) -> None:
    """The session ends after ``minutes`` of interpreting, and its line is made."""
    world.house.clock.advance(minutes * 60)
    services = world.house.services
    async with services.database.unit(Actor.system()) as uow:
        await services.session_log.add_speaking(uow, session_id, minutes * 60_000)
        await services.scheduler.conduct.finish(uow, session_id, outcome=Outcome.COMPLETED, by="officer")
        await services.session_log.seal(uow, session_id)
        await services.scheduler.pool_life.timesheets.collect(uow)


async def held(world: World, minutes: int = 37) -> str:
    """A session of O-RS and I-RS that is over."""
    session_id = await running(world)
    await over(world, session_id, minutes)
    return session_id


async def ok(browser: Browser, path: str, body: Any = None, status: int = 200) -> Any:
    answer = await browser.post(path, body)
    assert answer.status_code == status, answer.text
    return answer.json() if status != 204 else None


async def refusal(browser: Browser, path: str, body: Any = None) -> tuple[int, str]:
    answer = await browser.post(path, body)
    return answer.status_code, answer.json()["code"]


def at(world: World, **ago: float) -> str:
    return (world.house.clock.now() - timedelta(**ago)).isoformat()


APPLICATION: dict[str, Any] = {
    "code": "I-0431", "nominated_by": "RS", "engagement": "contract", "base_country": "RS", "time_zone": "Europe/Belgrade",
    "location_status": "unapproved", "sex": "woman", "officer_languages": ["srp"],
    "pairs": [{"from_lang": "prs", "to_lang": "srp", "level_from": "native", "level_to": "B2", "modes": ["consecutive"],
               "verified_by": "self"}],
    "own_asylum_case": "closed", "country_of_origin": "AF", "communities_declared": ["secret-community"],
}  # fmt: skip


async def test_the_way_into_the_pool(world: World) -> None:
    coordinator = await world.browser("C-RS")
    wanted = APPLICATION | {"level": "L1"}
    assert (await refusal(coordinator, "/api/pool/applications", wanted))[1] == "level_by_accreditation"
    assert (await refusal(await world.browser("C-MK"), "/api/pool/applications", APPLICATION))[1] == "country_not_yours"
    made = (await ok(coordinator, "/api/pool/applications", APPLICATION, 201))["id"]
    path = f"/api/pool/members/{made}"
    for move in ("vet", "test", "train"):
        await ok(coordinator, f"{path}/move", {"move": move})
    assert (await refusal(coordinator, f"{path}/move", {"move": "admit"})) == (409, "accreditation_gaps")
    until = (world.house.clock.now() + timedelta(days=700)).isoformat()
    future = (world.house.clock.now() + timedelta(days=2)).isoformat()
    paper = {"issued_at": at(world, days=1), "expires_at": until, "version": "1"}
    assert (await refusal(coordinator, f"{path}/papers", paper | {"kind": "nda", "issued_at": future}))[
        1
    ] == "time_in_future"
    for kind in ("conduct", "nda", "vetting"):
        view = await ok(coordinator, f"{path}/papers", paper | {"kind": kind})
    assert view["gaps"]["L1"] == ["pair_test", "remote_training"]
    test = {"pair": APPLICATION["pairs"][0], "at": at(world, hours=1), "passed": True}
    await ok(coordinator, f"{path}/pair-tests", test)
    await ok(coordinator, f"{path}/trainings", {"code": "REMOTE", "on": at(world, days=1)[:10]})
    assert (await refusal(coordinator, f"{path}/level", {"level": "L2"})) == (409, "accreditation_gaps")
    await ok(coordinator, f"{path}/level", {"level": "L1"})
    view = await ok(coordinator, f"{path}/move", {"move": "admit"})
    assert (view["stage"], view["level"]) == ("active", "L1")
    assert (await refusal(coordinator, f"{path}/move", {"move": "suspend"}))[1] == "reason_needed"
    assert (await refusal(await world.browser("C-MK"), f"{path}/level", {"level": "L0"}))[1] == "country_not_yours"

    page = await (await world.browser("C-MK")).get(path)
    kinds = {one["kind"] for one in page.json()["history"]}
    assert kinds == {"stage", "conduct", "nda", "vetting", "pair_test", "training", "level"}
    for secret in ("secret-community", "own_asylum_case", "country_of_origin", '"AF"'):
        assert secret not in page.text, secret
    trail = (await (await world.browser("U-RS")).get("/api/audit?country=RS")).text
    assert all(action in trail for action in ("member.applied", "member.moved", "member.paper", "member.level"))


async def test_the_watch_tells_what_runs_out(world: World) -> None:
    coordinator = await world.browser("C-RS")
    path = f"/api/pool/members/{world.interpreters['I-RS']}/papers"
    soon = (world.house.clock.now() + timedelta(days=6, hours=1)).isoformat()
    paper = {"kind": "nda", "issued_at": at(world, days=300), "expires_at": soon, "version": "1"}
    await ok(coordinator, path, paper)
    items = (await coordinator.get("/api/pool/watch")).json()["items"]
    assert [(one["interpreter_code"], one["kind"], one["urgency"], one["days_left"]) for one in items] == [
        ("I-RS", "nda", "days_7", 6)
    ]
    # The interpreter is told the same as the coordinator reads in the profile.
    await ok(coordinator, f"{path.removesuffix('papers')}trainings", {"code": "REMOTE", "on": at(world, days=1)[:10]})
    own = (await (await world.browser("I-RS")).get("/api/interpreter/papers")).json()
    assert [(one["kind"], one["urgency"], one["version"], one["stops"]) for one in own["urgent"]] == [
        ("nda", "days_7", "1", True)
    ]
    assert own["papers"][0] == own["urgent"][0]
    assert (own["papers"][-1]["kind"], own["papers"][-1]["urgency"]) == ("training:REMOTE", "good")
    profile = (await coordinator.get(path.removesuffix("/papers"))).json()
    assert profile["papers"] == own
    assert (await (await world.browser("O-RS")).get("/api/pool/watch")).status_code == 403


async def test_both_sides_answer_once_and_only_sums_are_read(world: World) -> None:
    session_id = await running(world)
    officer, interpreter = await world.browser("O-RS"), await world.browser("I-RS")
    path = f"/api/sessions/{session_id}/rating"
    assert (await refusal(officer, path, {"answer": "good"})) == (409, "session_running")
    await over(world, session_id)
    assert (await refusal(await world.browser("O-RS2"), path, {"answer": "poor"})) == (404, "session_unknown")
    assert (await refusal(officer, path, {"answer": "good", "codes": ["hard_to_bear"]}))[1] == "value_unknown"
    await ok(officer, path, {"answer": "good", "codes": ["careful"]}, 204)
    assert (await refusal(officer, path, {"answer": "poor"})) == (409, "already_rated")
    await ok(interpreter, path, {"answer": "fair", "codes": ["hard_to_bear"]}, 204)
    assert (await interpreter.get(path)).json() == {
        "interpreters": [{"code": "I-RS", "sides": ["interpreter", "officer"]}]
    }
    own = await interpreter.get("/api/interpreter/quality")
    assert own.json()["quality"] == {"points": 2, "officers": 1, "people": 0, "reviews": 0}
    assert own.json()["care"]["week"]["distress"] == 1
    assert "careful" not in own.text


async def test_whoever_interpreted_rates_and_is_rated_as_a_person_of_their_own(world: World) -> None:
    """I-MK was in the room and is replaced by I-RS: both say how it was, and the officer speaks of one of them at a time."""
    services = world.house.services
    async with services.database.unit(Actor.system()) as uow:
        await services.scheduler.transfer.open_gate(
            uow, from_country="RS", to_country="MK", basis="a treaty", reference="1/26", valid_from=uow.now,
            valid_to=None, stages=["asylum"],
        )  # fmt: skip
    session_id = await running(world, "I-MK", "O-RS2", site="RS-BEOGRAD", first_step="RS-ASY-10")
    await world.available("I-RS")
    async with services.database.unit(Actor.system()) as uow:
        booking_id = await uow.session.scalar(select(Session.booking_id).where(Session.id == session_id))
        await services.scheduler.conduct.replace(uow, str(booking_id))
    coordinator = await world.browser("C-RS")
    await ok(coordinator, f"/api/bookings/{booking_id}/place", {"interpreter_id": world.interpreters["I-RS"]})
    async with services.database.unit(Actor.system()) as uow:
        await services.session_log.arrive(uow, session_id, part="interpreter", code="I-RS")
        await services.scheduler.conduct.start(uow, session_id)
    await over(world, session_id)

    officer, first, second = [await world.browser(code) for code in ("O-RS2", "I-MK", "I-RS")]
    path = f"/api/sessions/{session_id}/rating"
    for interpreter in (first, second):
        await ok(interpreter, path, {"answer": "good"}, 204)
    assert (await refusal(officer, path, {"answer": "good"})) == (400, "interpreter_needed")
    await ok(officer, path, {"answer": "poor", "interpreter_code": "I-MK"}, 204)
    assert (await officer.get(path)).json()["interpreters"] == [
        {"code": "I-MK", "sides": ["interpreter", "officer"]},
        {"code": "I-RS", "sides": ["interpreter"]},
    ]
    assert [one["code"] for one in (await second.get(path)).json()["interpreters"]] == ["I-RS"], "the own row only"
    points = [(await one.get("/api/interpreter/quality")).json()["quality"]["points"] for one in (first, second)]
    assert points == [-2, 0]
    complaint = {"session_id": session_id, "source": "person", "ground": "left_out"}
    assert (await refusal(officer, "/api/complaints", complaint))[1] == "interpreter_needed"
    await ok(officer, "/api/complaints", complaint | {"interpreter_code": "I-RS"}, 201)
    (seen,) = (await coordinator.get("/api/quality")).json()["complaints"]
    assert seen["interpreter_code"] == "I-RS"


async def test_the_person_gives_one_face_with_a_secret_that_works_once(world: World) -> None:
    session_id = await running(world)
    officer, guest = await world.browser("O-RS"), world.house.browser()
    invite = await ok(officer, f"/api/sessions/{session_id}/invite", {"part": "applicant"})
    join = await ok(guest, "/api/guest/join", {"token": invite["url"].partition("#")[2]})
    guardian = await ok(officer, f"/api/sessions/{session_id}/invite", {"part": "guardian"})
    other = await ok(world.house.browser(), "/api/guest/join", {"token": guardian["url"].partition("#")[2]})
    assert other["rating"] is None, "only the person is asked"
    face = {"token": join["rating"], "answer": "good"}
    assert (await refusal(guest, "/api/guest/rating", face)) == (409, "session_running")
    await over(world, session_id)
    assert (await refusal(guest, "/api/guest/rating", face | {"token": "x" * 40}))[0] == 401
    await ok(guest, "/api/guest/rating", face, 204)
    assert (await refusal(guest, "/api/guest/rating", face | {"answer": "poor"}))[0] == 401, "the secret is used up"
    page = (await (await world.browser("C-RS")).get(f"/api/pool/members/{world.interpreters['I-RS']}")).json()
    assert page["quality"] == {"points": 2, "officers": 0, "people": 1, "reviews": 0}


async def test_a_review_from_asking_to_reading(world: World) -> None:
    coordinator, interpreter = await world.browser("C-RS"), await world.browser("I-RS")
    wanted = {"interpreter_id": world.interpreters["I-RS"], "country": "RS", "method": "mock", "cause": "twice_a_year"}
    made = (await ok(coordinator, "/api/quality/reviews", wanted, 201))["id"]
    assert (await refusal(coordinator, "/api/quality/reviews", wanted)) == (409, "review_open")
    assert (await interpreter.get("/api/interpreter/quality")).json()["reviews"] == [], "an open one is not shown"
    result = {"minutes": 45, "errors": [{"kind": "number", "severity": "critical", "count": 1}]}
    path = f"/api/quality/reviews/{made}/result"
    assert (await refusal(await world.browser("C-MK"), path, result)) == (404, "review_unknown")
    view = await ok(coordinator, path, result)
    assert (view["answer"], view["repeat"], view["reviewer_code"]) == ("fair", True, "C-RS")
    (own,) = (await interpreter.get("/api/interpreter/quality")).json()["reviews"]
    assert (own["errors"], own["read_at"]) == (result["errors"], None)
    await ok(interpreter, f"/api/interpreter/reviews/{made}/read", None, 204)
    (seen,) = (await coordinator.get("/api/quality")).json()["reviews"]
    assert seen["read_at"] is not None


async def test_an_upheld_complaint_reaches_the_case(world: World) -> None:
    session_id = await held(world)
    officer, coordinator = await world.browser("O-RS"), await world.browser("C-RS")
    complaint = {"session_id": session_id, "source": "person", "ground": "left_out"}
    assert (await refusal(await world.browser("C-MK"), "/api/complaints", complaint)) == (404, "session_unknown")
    made = (await ok(officer, "/api/complaints", complaint, 201))["id"]
    path = f"/api/complaints/{made}/move"
    assert (await refusal(coordinator, path, {"move": "uphold", "measures": ["talk"]}))[0] == 409, "examined first"
    await ok(coordinator, path, {"move": "examine"}, 204)
    assert (await refusal(coordinator, path, {"move": "uphold"}))[1] == "measure_needed"
    await ok(coordinator, path, {"move": "uphold", "measures": ["reinterview", "review"]}, 204)
    page = (await coordinator.get("/api/quality")).json()
    assert [(one["state"], one["measures"]) for one in page["complaints"]] == [("upheld", ["reinterview", "review"])]
    assert [one["method"] for one in page["reviews"]] == ["mock"]
    async with world.house.services.database.read(Actor.system()) as unit:
        case_id = await unit.session.scalar(select(Session.case_id).where(Session.id == session_id))
    advice = (await officer.get(f"/api/cases/{case_id}/advice")).json()["items"]
    assert [one["session_id"] for one in advice] == [session_id]
    assert (await (await world.browser("O-MK")).get(f"/api/cases/{case_id}/advice")).status_code == 404


async def test_a_talk_is_offered_wanted_and_held(world: World) -> None:
    session_id = await held(world)
    interpreter, coordinator = await world.browser("I-RS"), await world.browser("C-RS")
    rating = {"answer": "fair", "codes": ["hard_to_bear"]}
    await ok(interpreter, f"/api/sessions/{session_id}/rating", rating, 204)
    async with world.house.services.database.unit(Actor.system()) as uow:
        assert await world.house.services.scheduler.pool_life.care.offer_talks(uow) == 1
    talk = (await interpreter.get("/api/interpreter/quality")).json()["care"]["talk"]
    path = f"/api/interpreter/talks/{talk['id']}"
    assert (await refusal(await world.browser("I-MK"), path, {"wanted": True})) == (404, "talk_unknown")
    await ok(interpreter, path, {"wanted": True}, 204)
    assert (await refusal(interpreter, path, {"wanted": False})) == (409, "talk_answered")
    assert [one["id"] for one in (await coordinator.get("/api/quality")).json()["talks"]] == [talk["id"]]
    await ok(coordinator, f"/api/pool/talks/{talk['id']}/held", None, 204)
    assert (await coordinator.get("/api/quality")).json()["talks"] == []


def _ids(lines: Iterable[dict[str, Any]]) -> list[str]:
    return [line["id"] for line in lines]


async def test_minutes_become_money(world: World) -> None:
    await held(world, minutes=37)
    officer, interpreter, coordinator = [await world.browser(code) for code in ("O-RS", "I-RS", "C-RS")]
    month = {"from": at(world, days=2), "to": at(world, days=-2)}
    (line,) = (await interpreter.get("/api/interpreter/minutes", **month)).json()["items"]
    assert (line["minutes"], line["state"], line["late"], line["minor"]) == (37, "open", False, None)
    assert _ids((await officer.get("/api/minutes")).json()["items"]) == [line["id"]]
    assert (await (await world.browser("O-RS2")).get("/api/minutes")).json()["items"] == []
    path = f"/api/minutes/{line['id']}/confirm"
    assert (await refusal(await world.browser("O-RS2"), path, {"minutes": 1})) == (404, "line_unknown")
    await ok(interpreter, path, {"minutes": 40}, 204)
    await ok(officer, path, {"minutes": 37}, 204)
    assert (await refusal(officer, path, {"minutes": 40})) == (409, "line_closed")
    (seen,) = (await coordinator.get("/api/pay", state="disputed")).json()["lines"]
    assert (seen["interpreter_minutes"], seen["officer_minutes"]) == (40, 37)
    settle = f"/api/pay/lines/{line['id']}/settle"
    assert (await refusal(await world.browser("C-MK"), settle, {"minutes": 38}))[0] in {403, 404}
    await ok(coordinator, settle, {"minutes": 38}, 204)
    assert (await refusal(coordinator, "/api/pay/export", {"country": "RS"})) == (409, "nothing_to_export")
    rate = {
        "country": "RS", "engagement": "contract", "kind": "session", "currency": "RSD", "minor_per_hour": 180_000,
        "valid_from": at(world, days=3),
    }  # fmt: skip
    await ok(coordinator, "/api/pay/rates", rate, 204)
    assert (await refusal(coordinator, "/api/pay/rates", rate)) == (409, "rate_exists")
    page = (await coordinator.get("/api/pay")).json()
    assert page["ageing"] == [{"currency": "RSD", "up_to_30": 114_000, "up_to_60": 0, "up_to_90": 0, "older": 0}]
    assert (await refusal(await world.browser("C-MK"), "/api/pay/export", {"country": "RS"}))[1] == "country_not_yours"
    made = await ok(coordinator, "/api/pay/export", {"country": "RS"})
    (row,) = csv.DictReader(io.StringIO(made["content"]))
    assert (row["interpreter"], row["minutes"], row["currency"], row["amount"]) == ("I-RS", "38", "RSD", "1140.00")
    # Whoever closed the page finds the batch again, and the file.
    assert [one["batch"] for one in (await coordinator.get("/api/pay")).json()["batches"]] == [made["batch"]]
    assert (await coordinator.get(f"/api/pay/batches/{made['batch']}")).json() == made
    assert (await (await world.browser("C-MK")).get(f"/api/pay/batches/{made['batch']}")).status_code in {403, 404}
    assert await ok(coordinator, f"/api/pay/batches/{made['batch']}/paid") == {"lines": 1}
    assert (await refusal(coordinator, f"/api/pay/batches/{made['batch']}/paid")) == (404, "batch_unknown")
    page = (await coordinator.get("/api/pay")).json()
    assert ([one["state"] for one in page["lines"]], page["ageing"], page["batches"]) == (["paid"], [], [])


async def test_an_interpreter_of_the_other_country_reads_and_confirms_the_own_lines(world: World) -> None:
    """Interpreters are regional: what I-MK did for Serbia is in I-MK's month and on Serbia's pay page, and nowhere else."""
    services = world.house.services
    async with services.database.unit(Actor.system()) as uow:
        await services.scheduler.transfer.open_gate(
            uow, from_country="RS", to_country="MK", basis="a treaty", reference="1/26", valid_from=uow.now,
            valid_to=None, stages=["asylum"],
        )  # fmt: skip
    session_id = await running(world, "I-MK", "O-RS2", site="RS-BEOGRAD", first_step="RS-ASY-10")
    await over(world, session_id, 21)
    interpreter, month = await world.browser("I-MK"), {"from": at(world, days=2), "to": at(world, days=-2)}
    answer = await interpreter.get("/api/interpreter/minutes", **month)
    (line,) = answer.json()["items"]
    assert (line["country"], line["minutes"]) == ("RS", 21)
    for secret in (session_id, "RS-ASY-10", "case_", "O-RS2"):
        assert secret not in answer.text, secret
    assert (await (await world.browser("I-RS")).get("/api/interpreter/minutes", **month)).json()["items"] == []
    await ok(interpreter, f"/api/minutes/{line['id']}/confirm", {"minutes": 21}, 204)
    await ok(interpreter, f"/api/sessions/{session_id}/rating", {"answer": "good"}, 204)
    await ok(await world.browser("O-RS2"), f"/api/minutes/{line['id']}/confirm", {"minutes": 21}, 204)
    ours, theirs = [(await (await world.browser(code)).get("/api/pay")).json() for code in ("C-RS", "C-MK")]
    assert [(one["interpreter_code"], one["state"]) for one in ours["lines"]] == [("I-MK", "confirmed")]
    assert theirs["lines"] == []


async def test_on_call_time_is_confirmed_by_the_interpreter_and_a_coordinator(world: World) -> None:
    """R-6: nobody booked it, so a coordinator of the country that pays is the other side; no officer and no other country is."""
    interpreter, coordinator = await world.browser("I-RS"), await world.browser("C-RS")
    duty = {"starts_local": "2026-11-22T08:00", "ends_local": "2026-11-22T09:10", "report_in_min": 60}
    assert (await interpreter.post("/api/calendar/windows", duty)).status_code == 201
    world.house.clock.advance(900)
    async with world.house.services.database.unit(Actor.system()) as uow:
        assert await collect_duty(uow) == 1
    month = {"from": at(world, days=2), "to": at(world, days=-2)}
    (line,) = (await interpreter.get("/api/interpreter/minutes", **month)).json()["items"]
    assert (line["kind"], line["minutes"], line["by_coordinator"]) == ("standby", 70, True)
    path = f"/api/minutes/{line['id']}/confirm"
    for code in ("C-MK", "O-RS", "I-MK"):
        assert (await refusal(await world.browser(code), path, {"minutes": 1}))[0] == 404, code
    assert (await (await world.browser("O-RS")).get("/api/minutes")).json()["items"] == []
    await ok(interpreter, path, {"minutes": 70}, 204)
    await ok(coordinator, path, {"minutes": 70}, 204)
    (seen,) = (await coordinator.get("/api/pay")).json()["lines"]
    assert (seen["state"], seen["minor"]) == ("confirmed", None)
