"""What both buses do alike: how long to wait before an event is tried again, and how errors cross from one process to another."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from core.errors import (
    AppError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from core.events.bus import FollowHandler, Json, Message, RequestHandler

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 8
"""How often an event is given to a failing handler before it is set aside."""
HANDLER_LIMIT = 60.0
"""Seconds that one handling of an event may take."""
CONCURRENCY = 8
"""Events that one member of a group handles at once. They start in order; handlers are idempotent and look at the database."""

_FAMILIES: tuple[type[AppError], ...] = (
    Invalid,
    Unauthenticated,
    Forbidden,
    NotFound,
    Conflict,
    TooMany,
    Unavailable,
)


def retry_wait(attempt: int, first: float, longest: float) -> float:
    """Seconds to wait after failure number ``attempt`` (from 1): doubling, with a ceiling."""
    return min(longest, first * 2.0 ** (attempt - 1))


def copied(body: Json) -> dict[str, Any]:
    """``body`` as it looks after a journey as JSON; raises ``TypeError`` for what is not JSON."""
    result: dict[str, Any] = json.loads(json.dumps(body))
    return result


def error_to_json(error: AppError) -> dict[str, Any]:
    """The part of an error that travels."""
    return {"code": error.code, "status": error.status, "params": error.params}


def error_from_json(data: Mapping[str, Any]) -> AppError:
    """The error that ``error_to_json`` described, in its own family."""
    for family in _FAMILIES:
        if family.status == data["status"]:
            return family(data["code"], data["params"])
    return AppError(data["code"], data["params"])


def tell(handler: FollowHandler, message: Message) -> None:
    """Call a follower; what it raises is a defect of its own and must not reach the sender or other followers."""
    try:
        handler(message)
    except Exception:
        log.exception("follower_failed", extra={"topic_kind": message.topic.partition(":")[0]})


async def answer(handler: RequestHandler, body: Json) -> Json:
    """Call a request handler; a defect becomes ``AppError('internal')``, so that nothing else crosses the bus."""
    try:
        return copied(await handler(body))
    except AppError:
        raise
    except Exception as error:
        log.exception("request_handler_failed")
        raise AppError("internal") from error
