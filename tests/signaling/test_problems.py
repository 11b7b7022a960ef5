"""Errors as problem documents: language, fields, limits, and nothing that should stay inside."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import APIRouter

from core.access import Country, Role
from core.clock import ManualClock
from core.errors import Conflict
from core.i18n import Catalogues
from signaling import doors
from signaling.api.routing import GuardedRoute
from signaling.middleware import security_headers
from tests.signaling.house import ORIGIN, House, open_house, settings_for


async def test_a_problem_has_code_sentence_and_what_to_do(house: House) -> None:
    answer = await house.browser().get("/api/me")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == "unauthenticated"
    assert body["title"] == "Unauthorized"
    assert body["detail"] == "You are signed out."
    assert body["correlation_id"] == answer.headers["x-correlation-id"]


@pytest.fixture
async def speaking(sqlite_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[House]:
    """A server with sentences in three languages, whatever the product's catalogues have just now."""
    texts = Catalogues(
        {
            "en": {"error.unauthenticated": "You are signed out.", "error.forbidden": "No."},
            "ar": {"error.unauthenticated": "لقد تم تسجيل خروجك."},
            "sr-Cyrl": {"error.forbidden": "Не може."},
        }
    )
    async with open_house(settings_for(sqlite_url, tmp_path), clock, texts) as opened:
        yield opened


async def test_sentences_follow_the_readers_language(speaking: House) -> None:
    header = {"Accept-Language": "sr;q=0.5, ar;q=0.9, xx"}
    answer = await speaking.browser().http.get("/api/me", headers=header)
    assert answer.json()["detail"] == "لقد تم تسجيل خروجك."
    fallback = await speaking.browser().http.get("/api/me", headers={"Accept-Language": "sr"})
    assert fallback.json()["detail"] == "You are signed out."


async def test_the_profile_decides_without_a_header(speaking: House) -> None:
    await speaking.account("C-1", Role.COORDINATOR, Country.RS)
    browser = await speaking.signed_in("C-1")
    for locale, sentence in (("sr-Cyrl", "Не може."), ("sr-Latn", "Ne može.")):
        assert (await browser.patch("/api/me", {"locale": locale})).status_code == 200
        assert (await browser.get("/api/audit")).json()["detail"] == sentence


async def test_malformed_requests_name_their_fields_and_never_repeat_the_input(house: House) -> None:
    answer = await house.browser().post("/api/sign-in", {"code": "", "password": 7, "name": "Ana Anić"})
    assert answer.status_code == 422
    body = answer.json()
    assert {(f["field"], f["code"]) for f in body["fields"]} == {
        ("code", "text_too_short"),
        ("password", "invalid_value"),
        ("name", "unknown_field"),
    }
    assert all(f["detail"] for f in body["fields"])
    assert "Anić" not in answer.text


async def test_an_unknown_field_alone_is_the_problem(house: House) -> None:
    answer = await house.browser().post("/api/sign-in", {"code": "O-1", "password": "x", "name": "Ana"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_field")


async def test_broken_json(house: House) -> None:
    headers = {"Origin": ORIGIN, "Content-Type": "application/json"}
    answer = await house.browser().http.post("/api/sign-in", content=b'{"code": ', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "json_malformed")


async def test_large_bodies_are_refused(house: House) -> None:
    headers = {"Origin": ORIGIN, "Content-Type": "application/json"}
    content = b'{"code": "' + b"x" * 1_100_000 + b'"}'
    answer = await house.browser().http.post("/api/sign-in", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nothing", 404, "not_found"),
        ("DELETE", "/api/me", 405, "method_not_allowed"),
        ("POST", "/assets/x.js", 405, "method_not_allowed"),
        ("GET", "/assets/x.js", 404, "not_found"),
    ],
)
async def test_wrong_addresses_are_problems_too(house: House, method: str, path: str, status: int, code: str) -> None:
    answer = await house.browser().http.request(method, path, headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_defect_tells_nothing_but_its_number(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(doors.DOORS, ("GET", "/api/defect"), doors.DOORS["GET", "/api/config"])
    router = APIRouter(route_class=GuardedRoute)

    @router.get("/api/defect")
    async def defect() -> None:
        raise ZeroDivisionError("a secret of the inside")

    house.app.router.routes.insert(0, router.routes[0])
    with caplog.at_level(logging.ERROR):
        answer = await house.browser().get("/api/defect")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert answer.json()["correlation_id"]
    assert "a secret of the inside" not in answer.text
    assert "ZeroDivision" not in answer.text
    assert "request_defect" in caplog.text


async def test_a_coded_error_keeps_its_parameters(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doors.DOORS, ("GET", "/api/clash"), doors.DOORS["GET", "/api/config"])
    router = APIRouter(route_class=GuardedRoute)

    @router.get("/api/clash")
    async def clash() -> None:
        raise Conflict("step_locked", {"gate": "guardian"})

    house.app.router.routes.insert(0, router.routes[0])
    body = (await house.browser().get("/api/clash")).json()
    assert (body["status"], body["code"], body["params"]) == (409, "step_locked", {"gate": "guardian"})


async def test_waiting_times_are_headers_too(house: House) -> None:
    await house.account("O-1", Role.COORDINATOR, Country.RS)
    browser = house.browser()
    for _ in range(3):
        await browser.sign_in("O-1", "wrong wrong wrong")
    answer = await browser.sign_in("O-1", "wrong wrong wrong")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert answer.json()["params"]["minutes"] == 1


def test_a_route_that_is_not_registered_cannot_be_built() -> None:
    router = APIRouter(route_class=GuardedRoute)
    with pytest.raises(LookupError, match="GET /api/secret"):

        @router.get("/api/secret")
        async def secret() -> None: ...


def test_security_headers(tmp_path: Path) -> None:
    plain = security_headers(settings_for("sqlite+aiosqlite:///x.db", tmp_path))
    assert "Strict-Transport-Security" not in plain
    secure = security_headers(
        settings_for("sqlite+aiosqlite:///x.db", tmp_path, public_url="https://tarjuman.example.org")
    )
    csp = secure["Content-Security-Policy"]
    assert "script-src 'self' 'wasm-unsafe-eval';" in csp
    assert "connect-src 'self' wss://tarjuman.example.org;" in csp
    assert "frame-ancestors 'none'" in csp
    assert "unsafe-eval'" not in csp.replace("wasm-unsafe-eval", "")
    assert "max-age=63072000" in secure["Strict-Transport-Security"]
    assert "microphone=(self)" in secure["Permissions-Policy"]


async def test_every_answer_has_them(house: House) -> None:
    for path in ("/api/config", "/api/nothing", "/", "/livez"):
        answer = await house.browser().get(path)
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert "content-security-policy" in answer.headers, path
        assert answer.headers["x-correlation-id"].startswith("req_"), path


async def test_numbers_are_for_the_inside_only(house: House) -> None:
    browser = house.browser()
    assert "tarjuman_http_requests_total" in (await browser.get("/metrics")).text
    outside = await browser.http.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"})
    assert outside.status_code == 403
