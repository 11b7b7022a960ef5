"""The one family of errors that people may see. Texts live in the catalogues, never here.

Each error carries a stable code (the catalogue key is ``error.<code>``), an HTTP status (RFC 9110) and parameters
for the sentence. Anything else that escapes is a defect and is answered with ``internal`` and nothing more.
"""

# ruff: noqa: N818 - the families read like what they mean: ``raise Conflict("room_full")``

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

Param = str | int


class AppError(Exception):
    """A refusal or failure with a stable ``code``; ``params`` fill the slots of its sentence and hold no personal data."""

    status: ClassVar[int] = 500

    def __init__(self, code: str, params: Mapping[str, Param] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.params: dict[str, Param] = dict(params or {})


class Invalid(AppError):
    """The request is understood and breaks a rule of the domain (400)."""

    status = 400


class Unauthenticated(AppError):
    """Nobody is signed in, or the sign-in is no longer valid (401)."""

    status = 401


class Forbidden(AppError):
    """The actor may not do this (403)."""

    status = 403


class NotFound(AppError):
    """There is no such thing for this actor (404); also used for things of another country, so that they stay unknown."""

    status = 404


class Conflict(AppError):
    """The thing is in another state than the request assumes, or somebody was faster (409)."""

    status = 409


class TooMany(AppError):
    """A limit was reached; ``params['retry_after']`` says after how many seconds to try again (429)."""

    status = 429


class Unavailable(AppError):
    """A part that is needed does not answer now; trying again later is right (503)."""

    status = 503
