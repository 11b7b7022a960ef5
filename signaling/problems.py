"""Errors as people and programs get them: ``application/problem+json`` (RFC 9457) with a plain sentence and a stable code.

Texts come from the catalogues (``error.<code>``, ``error.<code>.next``). What is no ``AppError`` is a defect: it is logged with
its trace and answered with ``internal`` and the correlation id, nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Protocol

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from core.errors import AppError, Param
from records.forbidden import forbidden_field

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"

_OF_STATUS = {
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
}
_FIELD_CODES = {
    "extra_forbidden": "unknown_field",
    "missing": "field_missing",
    "json_invalid": "json_malformed",
    "string_too_long": "text_too_long",
    "string_too_short": "text_too_short",
    "too_long": "list_too_long",
    "too_short": "list_too_short",
    "greater_than_equal": "number_too_small",
    "less_than_equal": "number_too_large",
}
_FIELD_PARAMS = {"max_length": "max", "min_length": "min", "ge": "min", "le": "max"}


class Texts(Protocol):
    """Sentences of the catalogues."""

    def text(self, key: str, locale: str, params: Mapping[str, Param] | None = None) -> str | None:
        """The sentence of ``key`` with its slots filled, in ``locale`` or in English; none if there is none."""
        ...

    def choose(self, accept_language: str | None) -> str:
        """The locale for a header ``Accept-Language``."""
        ...


class FieldProblem(BaseModel):
    """What is wrong with one field of a request."""

    field: str
    code: str
    params: dict[str, Param] = Field(default_factory=dict)
    detail: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    params: dict[str, Param] = Field(default_factory=dict)
    next: str | None = None
    """What one can do now."""
    fields: list[FieldProblem] | None = None
    correlation_id: str


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": description}
    for status, description in {
        400: "A rule of the domain forbids it",
        401: "Nobody is signed in",
        403: "Not allowed",
        404: "No such thing for you",
        409: "Another state than assumed",
        422: "Malformed request",
        429: "Too many requests",
        503: "A part does not answer",
    }.items()
}
"""What every route may answer instead, for the OpenAPI document. The form is the same everywhere, so ``signaling.openapi`` adds it
once: given here as a model it would be compiled for each status of each route, which is a quarter of the time of a start."""


class ProblemWriter:
    """Makes problem documents in the reader's language."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def locale(self, request: Request) -> str:
        """The header's choice, else the profile's, else English."""
        header = request.headers.get("accept-language")
        signed_in = getattr(request.state, "signed_in", None)
        if not header and signed_in is not None:
            return str(signed_in.principal.locale)
        return self._texts.choose(header)

    def problem(
        self,
        request: Request,
        status: int,
        code: str,
        params: Mapping[str, Param] | None = None,
        fields: Sequence[tuple[str, str, Mapping[str, Param]]] = (),
    ) -> JSONResponse:
        """The answer for ``code``; ``fields`` are (path, code, params)."""
        locale = self.locale(request)
        known = dict(params or {})
        body = Problem(
            type=f"urn:tarjuman:problem:{code}",
            title=HTTPStatus(status).phrase,
            status=status,
            detail=self._sentence(f"error.{code}", locale, known)
            or self._sentence("error.unknown", locale, {})
            or code,
            code=code,
            params=known,
            next=self._sentence(f"error.{code}.next", locale, known),
            fields=[
                FieldProblem(
                    field=field,
                    code=field_code,
                    params=dict(values),
                    detail=self._sentence(f"error.{field_code}", locale, values)
                    or self._sentence("error.invalid_value", locale, {})
                    or field_code,
                )
                for field, field_code, values in fields
            ]
            or None,
            correlation_id=str(getattr(request.state, "correlation_id", "")),
        )
        headers = {"Cache-Control": "no-store"}
        if "retry_after" in known:
            headers["Retry-After"] = str(known["retry_after"])
        return JSONResponse(body.model_dump(exclude_none=True), status, headers=headers, media_type=MEDIA_TYPE)

    def of_error(self, request: Request, error: AppError) -> JSONResponse:
        """The answer for a coded error; one with status 500 keeps its reasons to itself."""
        if error.status >= 500 and type(error) is AppError:
            return self.problem(request, 500, "internal")
        return self.problem(request, error.status, error.code, error.params)

    def of_validation(self, request: Request, error: RequestValidationError) -> JSONResponse:
        """422 with one entry per field. The input itself is never repeated."""
        fields = []
        for found in error.errors():
            context = found.get("ctx", {})
            inner = context.get("error")
            code = _FIELD_CODES.get(found["type"], "invalid_value")
            params: dict[str, Param] = {
                name: context[key] for key, name in _FIELD_PARAMS.items() if isinstance(context.get(key), int)
            }
            if isinstance(inner, AppError):
                code, params = inner.code, inner.params
            where = [str(part) for part in found["loc"] if part not in {"body", "query", "path", "header"}]
            kind = forbidden_field(where[-1]) if code == "unknown_field" and where and _of_case(request) else None
            if kind is not None:
                # What must not be stored at all is told so, not as a slip of the program (domain 2.1).
                code = f"forbidden_{kind.value}"
            fields.append((".".join(where), code, params))
        first = fields[0][1] if len({f[1] for f in fields}) == 1 else ""
        code = first if first in _WHOLE or first.startswith("forbidden_") else "request_malformed"
        return self.problem(request, 422, code, {"field": fields[0][0]} if fields else {}, fields)

    def _sentence(self, key: str, locale: str, params: Mapping[str, Param]) -> str | None:
        return self._texts.text(key, locale, params)


def _of_case(request: Request) -> bool:
    return request.url.path.startswith("/api/cases")


_WHOLE = frozenset({"unknown_field", "json_malformed"})
"""Codes that describe the whole request when nothing else is wrong with it."""


def install(app: FastAPI, writer: ProblemWriter) -> None:
    """Answer every error of ``app`` as a problem."""

    async def coded(request: Request, error: Exception) -> Response:
        assert isinstance(error, AppError)
        if error.status >= 500:
            log.warning("request_failed", extra={"code": error.code})
        return writer.of_error(request, error)

    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return writer.of_validation(request, error)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = _OF_STATUS.get(error.status_code, "refused" if error.status_code < 500 else "internal")
        response = writer.problem(request, error.status_code, code)
        for name, value in (error.headers or {}).items():
            response.headers[name] = value
        return response

    app.add_exception_handler(AppError, coded)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, http)
