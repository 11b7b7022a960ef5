"""Views as browsers get them: plain JSON with instants as text. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any


def as_json(value: Any) -> Any:
    """Mappings, sequences, enums and instants (ISO 8601, UTC, microseconds only where there are any) as JSON values."""
    if isinstance(value, datetime):
        exact = "microseconds" if value.microsecond % 1000 else "milliseconds"
        return value.astimezone(UTC).isoformat(timespec=exact).replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [as_json(item) for item in value]
    return value
