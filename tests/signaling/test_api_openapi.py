"""The OpenAPI document: every route, accurate models, problems as the only form of error; and the same from the command line."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from signaling.cli import app
from signaling.doors import DOORS, Entry
from signaling.openapi import openapi_document
from tests.signaling.house import House
from tests.signaling.world import World

RAW = {"/api/desk/listen": "audio/wav"}
"""Routes that take something else than JSON."""


def resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema behind a reference."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def test_every_public_route_is_described() -> None:
    document = openapi_document()
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    hidden = {
        ("GET", "/api/openapi.json"),
        ("GET", "/demo/sign-in/{ticket}"),
        ("GET", "/feeds/{token}.ics"),
        ("GET", "/telephony/voice/{locale}/{prompt}"),
    }
    not_for_pages = {key for key, door in DOORS.items() if door.entry in (Entry.OPERATIONS, Entry.SIGNED)}
    assert described == set(DOORS) - not_for_pages - hidden


def test_errors_are_problems() -> None:
    for item in openapi_document()["paths"].values():
        for operation in item.values():
            assert {"401", "403", "404", "409", "422", "429"} <= set(operation["responses"])
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"]


def test_every_answer_has_a_model() -> None:
    document = openapi_document()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for status, response in operation["responses"].items():
                if status in {"200", "201"}:
                    schema = resolve(document, response["content"]["application/json"]["schema"])
                    assert schema.get("properties"), (method, path)


def test_requests_refuse_unknown_fields() -> None:
    document = openapi_document()
    for path, item in document["paths"].items():
        for operation in item.values():
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]
                if path in RAW:
                    assert set(content) == {RAW[path]}
                    continue
                schema = resolve(document, content["application/json"]["schema"])
                assert schema["additionalProperties"] is False, path


def test_references_lead_somewhere() -> None:
    document = openapi_document()
    text = json.dumps(document)
    names = set(document["components"]["schemas"])
    used = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used <= names


def test_the_command_prints_it() -> None:
    result = CliRunner().invoke(app, ["openapi"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads(json.dumps(openapi_document()))


async def test_the_server_serves_it(house: House) -> None:
    answer = await house.browser().get("/api/openapi.json")
    assert answer.json()["info"]["title"] == "Tarjuman"


async def test_answers_keep_what_the_document_says(world: World) -> None:
    """Required properties of a few large answers are there, and nothing else is."""
    document = openapi_document()
    case = await world.open_case()
    booking = await world.book(case)
    for answer, path, method, status in (
        (case, "/api/cases", "post", "201"),
        (booking, "/api/bookings", "post", "201"),
        ((await (await world.browser("C-RS")).get("/api/board")).json(), "/api/board", "get", "200"),
    ):
        content = document["paths"][path][method]["responses"][status]["content"]
        schema = resolve(document, content["application/json"]["schema"])
        assert set(schema["required"]) <= set(answer) <= set(schema["properties"])
