"""What the auditor may look for and is told: kinds of entries of the trail, and the details that are shown. Pure.

The trail itself holds codes and ids; still, a language, a wish or the reason why a talk was put off says something about the person
interviewed. Of them an auditor is told the reference of the case and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class AuditKind(StrEnum):
    """Groups of actions, as an auditor asks for them."""

    CASES = "cases"
    SESSIONS = "sessions"
    BOOKINGS = "bookings"
    INTERPRETERS = "interpreters"
    PLANNING = "planning"
    PAY = "pay"
    ACCOUNTS = "accounts"
    AUDIT = "audit"


AREAS: Mapping[AuditKind, frozenset[str]] = {
    AuditKind.CASES: frozenset({"case", "step", "terms"}),
    AuditKind.SESSIONS: frozenset({"session", "transcript"}),
    AuditKind.BOOKINGS: frozenset({"booking", "series", "offer", "assignment", "briefing"}),
    AuditKind.INTERPRETERS: frozenset(
        {"interpreter", "member", "calendar", "presence", "push", "phone", "complaint", "review", "talk"}
    ),
    AuditKind.PLANNING: frozenset({"roster", "swap", "plan", "surge", "ladder", "holiday"}),
    AuditKind.PAY: frozenset({"line", "rate", "pay"}),
    AuditKind.ACCOUNTS: frozenset({"user", "gate", "speech"}),
    AuditKind.AUDIT: frozenset({"audit"}),
}
"""What an action begins with, up to the dot, by kind. Each beginning belongs to one kind."""

_TOLD = frozenset(
    {
        "after", "before", "bookings", "cells", "chain_ok", "checked", "code", "confirmed_by", "emergency", "entries",
        "faults", "fields", "from", "how", "interpreter_id", "kind", "level", "lines", "minutes", "move", "multiplier",
        "must_dropped", "passed", "post", "second_id", "site", "state", "step", "target_min", "terms", "to", "view", "wanted",
    }
)  # fmt: skip
_ABOUT_A_PERSON = frozenset({AuditKind.CASES, AuditKind.SESSIONS, AuditKind.BOOKINGS, None})
"""Why a step was put off or a booking given up may tell of the person; why a roster was dropped does not."""


def kind_of(action: str) -> AuditKind | None:
    """The kind of a dotted action; none for one that no kind names."""
    area = action.partition(".")[0]
    return next((kind for kind, areas in AREAS.items() if area in areas), None)


def told(action: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The details of an entry that an auditor is shown."""
    shown = _TOLD if kind_of(action) in _ABOUT_A_PERSON else _TOLD | {"reason"}
    return {name: value for name, value in data.items() if name in shown}
