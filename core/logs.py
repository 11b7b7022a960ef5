"""Logs as one JSON object per line, with a correlation id, without personal data (``core.redaction``).

Modules log through ``logging.getLogger(__name__)`` with a short event name and ``extra={...}``; what libraries log passes
through the same redaction.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from core.clock import new_id
from core.redaction import exception_text, redacted, redacted_text

_correlation: ContextVar[str | None] = ContextVar("correlation_id", default=None)
_FIELDS = "structured_fields"
_STANDARD = {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"}
_QUIET = (
    "aiortc",
    "aioice",
    "sqlalchemy",
    "alembic",
    "redis",
    "asyncio",
    "multipart",
    "httpx",
    "httpcore",
    "websockets",
)
"""Libraries whose lesser entries hold descriptions of people's devices, or nothing of use."""


@contextmanager
def correlation(given: str | None = None) -> Iterator[str]:
    """While open, every log entry of this task and its children carries one id, ``given`` or new; it links entries of one action."""
    used = given or new_id("cor")
    token = _correlation.set(used)
    try:
        yield used
    finally:
        _correlation.reset(token)


def correlation_id() -> str | None:
    """The id of the action that runs now."""
    return _correlation.get()


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send all logging of the process to ``stream`` (default: standard error), from ``level`` on. May be called again."""
    structlog.configure(
        processors=[_to_standard_logging],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True


class JsonFormatter(logging.Formatter):
    """Renders a record as one redacted JSON object; the last step, so that nothing is added behind its back."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": redacted_text(record.getMessage()),
        }
        current = _correlation.get()
        if current is not None:
            entry["correlation_id"] = current
        fields = {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
        fields.update(fields.pop(_FIELDS, {}))
        for key, value in fields.items():
            entry.setdefault(key, redacted(value, key))
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            entry["exception"] = exception_text(error)
        return json.dumps(entry, ensure_ascii=False)


def _to_standard_logging(_logger: WrappedLogger, _method: str, entry: EventDict) -> dict[str, Any]:
    """Hand an entry of structlog to standard logging, so that all entries take one road."""
    exc_info = entry.pop("exc_info", None)
    return {"msg": str(entry.pop("event", "")), "exc_info": exc_info, "extra": {_FIELDS: dict(entry)}}
