"""Every route of the application is tried by nobody, by every wrong role, and by the right role of the wrong country."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount, WebSocketRoute

from core.access import Actor, Role
from scheduler.models import BookingSeries
from scheduler.ring.policy import FILES, read_policy
from signaling.api.routing import GuardedRoute
from signaling.doors import DOORS, Entry
from tests.signaling.world import NEW_CASE, World

ROLE_CODES = {
    Role.INTERVIEWER: ("O-RS", "O-MK"),
    Role.INTERPRETER: ("I-RS", "I-MK"),
    Role.COORDINATOR: ("C-RS", "C-MK"),
    Role.ADMINISTRATOR: ("A-RS", "A-MK"),
    Role.AUDITOR: ("U-RS", "U-MK"),
}
INSTRUMENT = {
    "from_country": "RS", "to_country": "MK", "basis": "test", "reference": "T-1",
    "valid_from": "2026-01-01T00:00:00Z", "stages": ["asylum"],
}  # fmt: skip
PROFILE = {
    "code": "I-NEW", "nominated_by": "RS", "engagement": "contract", "base_country": "RS", "time_zone": "Europe/Belgrade",
    "location_status": "approved_home", "sex": "man", "level": "L1",
    "pairs": [{"from_lang": "pes", "to_lang": "srp", "level_from": "native", "level_to": "B2", "modes": ["consecutive"],
               "verified_by": "test"}],
}  # fmt: skip


ABSENCE = {"starts_local": "2026-11-24T00:00", "ends_local": "2026-11-25T00:00", "kind": "holiday"}
ENTERED = {**ABSENCE, "kind": "unexpected"}


def routes(world: World) -> Iterator[tuple[str, GuardedRoute]]:
    for route in world.house.app.routes:
        if isinstance(route, GuardedRoute):
            for method in sorted(route.methods or ()):
                yield method, route


async def things(world: World) -> dict[str, str]:
    """One of everything in Serbia, by the name of its path parameter."""
    await world.available("I-RS")
    case = await world.open_case()
    booking = await world.book(case)
    offer_id, _ = await world.offer_of(booking["id"])
    answer = await world.accept(booking["id"])
    administrator = await world.browser("A-RS")
    instrument = await administrator.post("/api/transfer-instruments", INSTRUMENT)
    assert instrument.status_code == 201, instrument.text
    return {
        "case_id": case["id"],
        "step_id": case["current_step_id"],
        "booking_id": booking["id"],
        "offer_id": offer_id,
        "session_id": answer["session_id"],
        "assignment_id": await world.assignment_of(booking["id"]),
        "interpreter_id": world.interpreters["I-RS"],
        "user_id": world.users["C-RS"],
        "instrument_id": instrument.json()["id"],
        "series_id": await a_series(world, case["id"]),
        **dict.fromkeys(("run_id", "review_id", "complaint_id", "talk_id", "line_id", "batch"), "x" * 20),
        **dict.fromkeys(("roster_id", "swap_id", "shift_id", "plan_id", "briefing_id", "post_id"), "x" * 20),
        "term_id": "term_none",
        "change_id": "wish_none",
        "referral_id": "referral_none",
        "proposal_id": "time_none",
        "step_code": "RS-ID-10",
        "move": "agree",
        "ticket": "x" * 43,
        "token": "x" * 65,
        "kind": "absence",
        "entry_id": "absence_none",
        "import_id": "import_none",
        "leg_id": "leg_none",
        "country": "RS",
        "day": "2026-05-01",
    }


async def a_series(world: World, case_id: str) -> str:
    """A series of that case in which nothing was booked yet."""
    async with world.house.services.database.unit(Actor.system()) as uow:
        uow.session.add(
            BookingSeries(
                id="series_test", case_id=case_id, country="RS", step_code="RS-ID-10", rule={}, minutes=30, failed=[],
                requested_by=world.users["O-RS"], requested_at=uow.now,
            )
        )  # fmt: skip
    return "series_test"


def body(method: str, path: str, found: dict[str, str]) -> dict[str, Any] | None:
    """A well-formed body for a route."""
    return {
        ("POST", "/api/sign-in"): {"code": "O-RS", "password": "wrong wrong wrong"},
        ("PATCH", "/api/me"): {"locale": "en"},
        ("POST", "/api/cases"): NEW_CASE,
        ("PATCH", "/api/cases/{case_id}"): {"version": 1, "literacy": "cannot"},
        ("POST", "/api/cases/{case_id}/steps"): {"code": "RS-ID-20"},
        ("POST", "/api/cases/{case_id}/steps/{step_id}/drop"): {"reason": "not_needed"},
        ("POST", "/api/cases/{case_id}/steps/{step_id}/postpone"): {"reason": "person_ill"},
        ("POST", "/api/cases/{case_id}/steps/{step_id}/held"): {"how": "interpreter_in_person"},
        ("POST", "/api/cases/{case_id}/close"): {"reason": "finished"},
        ("POST", "/api/cases/{case_id}/link"): {"case_ref": "RS-26-7K4M-Q2"},
        ("POST", "/api/cases/{case_id}/language"): {
            "version": 1, "language": "pes", "confidence": "sure", "found_by": ["card"], "confirmed_by": "person",
        },
        ("POST", "/api/cases/{case_id}/wish-changes"): {"wish": "none", "channel": "card", "reason": "urgent"},
        ("POST", "/api/wish-changes/{change_id}/decide"): {"approve": True},
        ("POST", "/api/bookings/{booking_id}/police"): {"reference": "K-7/2026"},
        ("POST", "/api/referrals/{referral_id}/close"): {"outcome": "referred"},
        ("POST", "/api/interpreter/times/{proposal_id}/answer"): {"accept": True},
        ("POST", "/api/cases/{case_id}/language/finder"): {"step_id": found["step_id"], "language": "pes"},
        ("POST", "/api/cases/{case_id}/aids"): {"kind": "phrase", "ref": "P01", "language": "pes"},
        ("POST", "/api/bookings"): {
            "case_id": found["case_id"], "step_id": found["step_id"], "kind": "now", "language": "pes",
        },
        ("POST", "/api/bookings/{booking_id}/cancel"): {"reason": "other"},
        ("POST", "/api/sessions/{session_id}/draft/ask"): {"near": []},
        ("POST", "/api/sessions/{session_id}/draft/keep"): {"keep": True},
        ("POST", "/api/sessions/{session_id}/draft/beside"): {"part": "applicant"},
        ("POST", "/api/sessions/{session_id}/draft/note"): {"whom": "applicant", "agrees": True},
        ("PUT", "/api/sessions/{session_id}/draft/lines/{line_id}"): {"text": "said", "changed": 1},
        ("PUT", "/api/speech/settings/{country}"): {"on": True},
        ("PUT", "/api/speech/settings/{country}/steps/{step_code}"): {"on": True},
        ("POST", "/api/series/{series_id}/cancel"): {"reason": "other"},
        ("POST", "/api/bookings/{booking_id}/place"): {"interpreter_id": found["interpreter_id"]},
        ("POST", "/api/holds"): {
            "case_id": found["case_id"], "step_id": found["step_id"], "language": "pes", "starts_at": "2026-11-24T09:00:00Z",
        },
        ("POST", "/api/bookings/{booking_id}/reschedule"): {"starts_at": "2026-11-24T09:00:00Z"},
        ("POST", "/api/bookings/{booking_id}/relay/decide"): {"approve": True},
        ("POST", "/api/series"): {
            "case_id": found["case_id"], "step_id": found["step_id"], "language": "pes", "first": "2026-11-24",
            "at": "09:00", "zone": "Europe/Belgrade", "frequency": "weekly", "count": 2,
        },
        ("POST", "/api/bookings/{booking_id}/call-in"): {"interpreter_id": found["interpreter_id"]},
        ("POST", "/api/push/subscriptions"): {
            "endpoint": "https://fcm.googleapis.com/x", "keys": {"p256dh": "A" * 87, "auth": "A" * 22},
        },
        ("POST", "/api/push/forget"): {"endpoint": "https://fcm.googleapis.com/x"},
        ("PUT", "/api/ring/ladders/{country}"): {
            "version": 0, "policy": read_policy(FILES["RS"]).model_dump(mode="json"),
        },
        ("PUT", "/api/ring/targets/{interpreter_id}"): {"target_min": 600},
        ("PUT", "/api/interpreter/presence"): {"wanted": "away"},
        ("POST", "/api/interpreter/devices"): {"ok": True},
        ("PUT", "/api/calendar/week"): {"version": 0, "rules": []},
        ("POST", "/api/calendar/exceptions"): {"kind": "removed", "on_day": "2026-11-24"},
        ("POST", "/api/calendar/absences"): ABSENCE,
        ("POST", "/api/calendar/windows"): {
            "starts_local": "2026-11-24T22:00", "ends_local": "2026-11-25T06:00",
        },
        ("POST", "/api/calendar/imports"): {"kind": "ics", "url": "https://calendar.example.org/a.ics"},
        ("POST", "/api/interpreters/{interpreter_id}/absences"): ENTERED,
        ("POST", "/api/interpreters/{interpreter_id}/absences/effect"): ENTERED,
        ("PUT", "/api/holidays/{country}/{day}"): {"state": "confirmed"},
        ("POST", "/api/offers/{offer_id}/accept"): {"round": 1, "no_conflict": True},
        ("POST", "/api/offers/{offer_id}/decline"): {"round": 1, "reason": "not_now"},
        ("POST", "/api/assignments/{assignment_id}/release"): {"reason": "ill"},
        ("POST", "/api/sessions/{session_id}/invite"): {"part": "applicant"},
        ("POST", "/api/sessions/{session_id}/end"): {"outcome": "completed"},
        ("POST", "/api/sessions/{session_id}/terms"): {"officer_term": "азил", "person_term": "پناهندگی"},
        ("POST", "/api/guest/join"): {"token": "x" * 43},
        ("POST", "/api/interpreters"): PROFILE,
        ("PATCH", "/api/interpreters/{interpreter_id}"): {"version": 1, "on_call": True},
        ("POST", "/api/pool/applications"): PROFILE | {"level": "L0"},
        ("POST", "/api/pool/members/{interpreter_id}/move"): {"move": "suspend", "reason": "other"},
        ("POST", "/api/pool/members/{interpreter_id}/papers"): {"kind": "nda", "issued_at": "2026-01-01T00:00:00Z"},
        ("POST", "/api/pool/members/{interpreter_id}/pair-tests"): {
            "pair": PROFILE["pairs"][0], "at": "2026-01-01T00:00:00Z", "passed": True,
        },
        ("POST", "/api/pool/members/{interpreter_id}/trainings"): {"code": "CHILD", "on": "2026-01-01"},
        ("POST", "/api/pool/members/{interpreter_id}/level"): {"level": "L1"},
        ("POST", "/api/quality/reviews"): {
            "interpreter_id": found["interpreter_id"], "country": "RS", "method": "mock",
        },
        ("POST", "/api/quality/reviews/{review_id}/result"): {"minutes": 10, "errors": []},
        ("POST", "/api/complaints"): {"session_id": found["session_id"], "source": "person", "ground": "conduct"},
        ("POST", "/api/complaints/{complaint_id}/move"): {"move": "examine"},
        ("POST", "/api/sessions/{session_id}/rating"): {"answer": "good"},
        ("POST", "/api/guest/rating"): {"answer": "good", "token": "x" * 43},
        ("POST", "/api/interpreter/talks/{talk_id}"): {"wanted": True},
        ("POST", "/api/minutes/{line_id}/confirm"): {"minutes": 10},
        ("POST", "/api/pay/lines/{line_id}/settle"): {"minutes": 10},
        ("POST", "/api/pay/rates"): {
            "country": "RS", "engagement": "contract", "kind": "session", "currency": "RSD", "minor_per_hour": 1,
            "valid_from": "2026-01-01T00:00:00Z",
        },
        ("POST", "/api/pay/export"): {"country": "RS"},
        ("POST", "/api/rosters"): {"country": "RS", "starts_on": "2026-11-30", "weeks": 1},
        ("POST", "/api/plans"): {
            "country": "RS", "starts_at": "2026-12-01T00:00:00Z", "ends_at": "2026-12-08T00:00:00Z", "seconds": 1,
        },
        ("POST", "/api/plans/repairs"): {
            "country": "RS", "interpreter_ids": [found["interpreter_id"]], "starts_at": "2026-12-01T00:00:00Z",
            "ends_at": "2026-12-08T00:00:00Z",
        },
        ("POST", "/api/plans/{plan_id}/pins"): {"booking_id": found["booking_id"], "pinned": True},
        ("POST", "/api/plans/{plan_id}/choices"): {
            "booking_id": found["booking_id"], "interpreter_id": found["interpreter_id"],
        },
        ("POST", "/api/rosters/{roster_id}/cells"): {
            "version": 1, "moves": [{"interpreter_id": found["interpreter_id"], "day": 0, "kind": None}],
        },
        ("POST", "/api/rosters/{roster_id}/pins"): {
            "version": 1, "interpreter_id": found["interpreter_id"], "day": 0, "pinned": True,
        },
        ("POST", "/api/rosters/{roster_id}/search"): {"seconds": 5},
        ("POST", "/api/rosters/{roster_id}/publish"): {"version": 1},
        ("POST", "/api/swaps/{swap_id}/decide"): {"agreed": False},
        ("PUT", "/api/interpreters/{interpreter_id}/phone"): {"number": "+381631234577"},
        ("PUT", "/api/me/phone"): {"number": "+381631234577"},
        ("PUT", "/api/interpreter/wishes"): {"day": "2099-01-01", "work": None},
        ("POST", "/api/briefings"): {
            "step_code": "RS-ID-10", "language": "pes", "posts": ["RS-PRESEVO"], "site": "RS-PRESEVO",
        },
        ("POST", "/api/briefings/{briefing_id}/posts"): {"site": "RS-PRESEVO"},
        ("POST", "/api/briefings/{briefing_id}/word"): {"post_id": None},
        ("POST", "/api/listen"): {"token": "x" * 43},
        ("POST", "/api/listen/told"): {"token": "x" * 43, "group": 1, "people": 1, "answer": "yes"},
        ("POST", "/api/listen/ask"): {"token": "x" * 43, "kind": "repeat"},
        ("POST", "/api/surge"): {"country": "RS", "reason": "a test", "multiplier": 2},
        ("POST", "/api/surge/plans"): {
            "title": "a test", "plan": {"country": "RS", "persons": [10], "languages": {"apc": 1}},
        },
        ("POST", "/api/transfer-instruments"): INSTRUMENT,
        ("POST", "/api/users"): {"code": "X-NEW", "memberships": [{"role": "auditor", "country": "RS"}]},
        ("PATCH", "/api/users/{user_id}"): {"version": 1, "disabled": True},
    }.get((method, path))  # fmt: skip


def address(route: APIRoute, found: dict[str, str]) -> str:
    month = ("/api/interpreter/assignments", "/api/interpreter/minutes")
    query = "?from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z" if route.path in month else ""
    if route.path in ("/api/demand/cover", "/api/demand/fill", "/api/surge", "/api/surge/plans", "/api/briefings"):
        query = "?country=RS&key=apc&at=2026-11-22T08:00:00Z"
    if route.path in ("/api/calendar/month", "/api/interpreters/{interpreter_id}/month"):
        query = "?month=2026-11"
    if route.path == "/api/glossary":
        query = "?language=pes&officer_language=srp"
    if route.path == "/api/interpreter/shifts":
        query = "?from=2026-11-01&to=2026-11-30"
    if route.path == "/api/plans/{plan_id}/people":
        query = f"?booking_id={found['booking_id']}"
    if route.path == "/api/rosters/{roster_id}/diff":
        query = "?before=1&after=2"
    if route.path == "/api/rosters/{roster_id}/why":
        query = "?day=0&kind=E:pbt"
    if route.path == "/api/slots":
        step = f"case_id={found['case_id']}&step_id={found['step_id']}"
        query = f"?{step}&language=pes&from=2026-11-24T08:00:00Z&to=2026-11-25T08:00:00Z"
    return route.path.format(**found) + query


def test_every_door_has_a_route_and_every_route_a_door(world: World) -> None:
    built = {(method, route.path) for method, route in routes(world)}
    assert built == set(DOORS)
    others = [r for r in world.house.app.routes if not isinstance(r, GuardedRoute)]
    assert [type(r) for r in others] == [WebSocketRoute, Mount] or {type(r).__name__ for r in others} <= {
        "APIWebSocketRoute", "Mount",
    }, "only the socket and the pages stand beside the guarded routes"  # fmt: skip


async def test_nobody_gets_in(world: World) -> None:
    found = await things(world)
    stranger = world.house.browser()
    tried = 0
    for method, route in routes(world):
        if route.doors[method].entry not in {Entry.SIGNED_IN, Entry.ROLES}:
            continue
        answer = await stranger.send(method, address(route, found), body(method, route.path, found), {})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), (
            method,
            route.path,
            answer.text,
        )
        broken = await stranger.http.request(
            method,
            address(route, found),
            content=b"{",
            headers={"Origin": "http://localhost:8080", "Content-Type": "application/json"},
        )
        assert broken.status_code == 401, "the body is not even read"
        tried += 1
    assert tried > 40


async def test_wrong_roles_are_refused(world: World) -> None:
    found = await things(world)
    tried = 0
    for method, route in routes(world):
        door = route.doors[method]
        if door.entry is not Entry.ROLES:
            continue
        for role in set(Role) - door.roles:
            browser = await world.browser(ROLE_CODES[role][0])
            answer = await browser.send(method, address(route, found), body(method, route.path, found), {})
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (role, method, route.path)
            tried += 1
    assert tried > 120


LISTS = {
    ("GET", "/api/cases"), ("GET", "/api/bookings"), ("GET", "/api/wish-changes"), ("GET", "/api/referrals"), ("GET", "/api/board"),
    ("GET", "/api/users"),
    ("GET", "/api/audit"),
    ("GET", "/api/audit/export"), ("GET", "/api/audit/logs"), ("GET", "/api/audit/check"),
    ("GET", "/api/procedures"), ("GET", "/api/interpreter/home"), ("GET", "/api/interpreter/times"),
    ("GET", "/api/interpreter/assignments"),
    ("GET", "/api/telephony/status"), ("GET", "/api/telephony/now"),
    ("GET", "/api/quality"), ("GET", "/api/plans"), ("GET", "/api/pay"), ("GET", "/api/minutes"), ("GET", "/api/interpreter/minutes"),
    ("GET", "/api/interpreter/quality"), ("GET", "/api/interpreter/papers"), ("GET", "/api/speech/settings"), ("GET", "/api/rosters"),
    ("GET", "/api/swaps"), ("GET", "/api/interpreter/shifts"),
}  # fmt: skip
"""Answer everybody of the role with what is theirs: must not hold anything of the other country."""
OWN = {
    ("GET", "/api/glossary"),
    ("PUT", "/api/interpreter/presence"),
    ("POST", "/api/interpreter/devices"),
    ("GET", "/api/push"),
    ("GET", "/api/desk/helper"),
    ("POST", "/api/desk/listen"),
    ("POST", "/api/push/subscriptions"),
    ("POST", "/api/push/forget"),
    ("GET", "/api/interpreter/turns"),
    ("GET", "/api/me/phone"),
    ("PUT", "/api/me/phone"),
    ("POST", "/api/me/phone/confirm"),
    ("POST", "/api/me/phone/forget"),
    ("PUT", "/api/interpreter/wishes"),
    *(door for door in DOORS if door[1].startswith("/api/calendar")),
}
"""About the asker alone."""
REGIONAL = {
    ("GET", "/api/interpreters"),
    ("GET", "/api/interpreters/{interpreter_id}"),
    ("GET", "/api/interpreters/{interpreter_id}/month"),
    ("GET", "/api/pool/members/{interpreter_id}"),
    ("GET", "/api/pool/watch"),
    ("GET", "/api/transfer-instruments"),
    ("GET", "/api/surge/scenarios"),
}
"""The pool and its gates belong to both countries."""


async def test_the_wrong_country_is_refused(world: World) -> None:
    found = await things(world)
    tried = 0
    for method, route in routes(world):
        door = route.doors[method]
        if door.entry is not Entry.ROLES or (method, route.path) in OWN | REGIONAL:
            continue
        for role in door.roles:
            browser = await world.browser(ROLE_CODES[role][1])
            answer = await browser.send(method, address(route, found), body(method, route.path, found), {})
            where = (role, method, route.path, answer.status_code, answer.text[:300])
            if (method, route.path) in LISTS:
                assert answer.status_code == 200, where
                assert not any(
                    value in answer.text for value in found.values() if value.startswith(("case_", "booking_"))
                ), where
                assert found["user_id"] not in answer.text, where
            else:
                assert answer.status_code in {403, 404}, where
                assert answer.json()["code"] != "internal", where
            tried += 1
    assert tried > 40


async def test_another_authority_of_the_same_country_sees_nothing(world: World) -> None:
    found = await things(world)
    browser = await world.browser("O-RS2")
    for method, route in routes(world):
        door = route.doors[method]
        if door.entry is not Entry.ROLES or Role.INTERVIEWER not in door.roles or (method, route.path) in OWN:
            continue
        answer = await browser.send(method, address(route, found), body(method, route.path, found), {})
        where = (method, route.path, answer.status_code, answer.text[:300])
        if (method, route.path) in LISTS | {("GET", "/api/briefings")}:
            assert answer.status_code == 200, where
            assert found["case_id"] not in answer.text, where
        else:
            assert answer.status_code == 404, where


async def test_another_interpreter_cannot_answer_or_join(world: World) -> None:
    found = await things(world)
    browser = await world.browser("I-MK")
    for path, content in {
        "/api/offers/{offer_id}/accept": {"round": 1, "no_conflict": True},
        "/api/offers/{offer_id}/decline": {"round": 1, "reason": "not_now"},
        "/api/assignments/{assignment_id}/release": {"reason": "ill"},
        "/api/sessions/{session_id}/join": None,
    }.items():
        answer = await browser.post(path.format(**found), content)
        assert answer.status_code == 404, (path, answer.text)


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
async def test_every_unsafe_route_wants_the_csrf_value(world: World, method: str) -> None:
    found = await things(world)
    for used, route in routes(world):
        door = route.doors[used]
        if used != method or door.entry not in {Entry.SIGNED_IN, Entry.ROLES}:
            continue
        role = next(iter(sorted(door.roles)), Role.INTERVIEWER)
        browser = await world.browser(ROLE_CODES[role][0])
        answer = await browser.send(
            used, address(route, found), body(used, route.path, found), {"X-CSRF-Token": "0" * 64}
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_mismatch"), (used, route.path)
