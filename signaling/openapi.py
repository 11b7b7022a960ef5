"""The OpenAPI document of the HTTP interface; the web client's types are generated from it."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter
from fastapi.encoders import jsonable_encoder
from fastapi.openapi.utils import get_openapi

from signaling.api import ROUTERS
from signaling.api.routing import guarded_router
from signaling.problems import MEDIA_TYPE, Problem

router: APIRouter = guarded_router("interface")

DESCRIPTION = """Sign in with `POST /api/sign-in`; unsafe methods carry the `csrf` value of the answer in `X-CSRF-Token` and come
from a page of the same origin. Errors are `application/problem+json` with a stable `code`. The socket is described in docs/protocol.md."""


@cache
def openapi_document() -> dict[str, Any]:
    """The document. Needs no database and no settings."""
    document = get_openapi(
        title="Tarjuman",
        version="1",
        openapi_version="3.1.0",
        description=DESCRIPTION,
        routes=[route for api in ROUTERS for route in api.routes],
        separate_input_output_schemas=True,
    )
    for path in document["paths"].values():
        for operation in path.values():
            _problems_only(operation["responses"])
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    made = Problem.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    problem = jsonable_encoder(made, exclude_none=True)
    document["components"]["schemas"] = dict(sorted((schemas | problem.pop("$defs") | {"Problem": problem}).items()))
    return document


@router.get("/api/openapi.json", include_in_schema=False)
async def read_openapi() -> dict[str, Any]:
    """This interface, described."""
    return openapi_document()


def _problems_only(responses: dict[str, Any]) -> None:
    """Errors have one form, whatever the framework would say."""
    schema = {"$ref": "#/components/schemas/Problem"}
    for status, response in responses.items():
        if int(status) >= 400:
            response["content"] = {MEDIA_TYPE: {"schema": schema}}
