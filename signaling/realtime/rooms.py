"""What people in a room see: participants, state, signals, log. Pure: from rows and log to the shapes of docs/protocol.md.

An interpreter never sees the case reference or the log; guests see neither. Staff stand on tiles with their work codes, for guests too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from core.events.bus import Position
from signaling.realtime.protocol import at_json, instant
from signaling.realtime.views_json import as_json

LOG_LINES = 30
"""Lines of the session log that the officer's panel shows."""
SIGNAL_SECONDS = 10
"""A signal clears itself after this time (ux: signal button)."""
OFFICER = "officer"
INTERPRETER = "interpreter"


class PlaceLike(Protocol):
    """What a tile needs of a place."""

    @property
    def id(self) -> str: ...
    @property
    def part(self) -> str: ...
    @property
    def code(self) -> str | None: ...
    @property
    def state(self) -> str: ...
    @property
    def audio(self) -> bool: ...
    @property
    def video(self) -> bool: ...
    @property
    def has_audio(self) -> bool: ...
    @property
    def has_video(self) -> bool: ...
    @property
    def grade(self) -> str | None: ...
    @property
    def since(self) -> datetime | None: ...
    @property
    def here(self) -> bool: ...
    @property
    def phone_leg_id(self) -> str | None: ...
    @property
    def lost_from(self) -> datetime | None: ...


@dataclass(frozen=True)
class RoomFacts:
    """What a snapshot needs of the session."""

    session_id: str
    state: str
    state_since: datetime
    pause_reason: str | None
    mode: str
    step_code: str
    language: str
    language_confirmed: str | None
    officer_language: str
    interpreting_s: int
    block_limit_min: int
    case_ref: str
    join_by: datetime


def participant(place: PlaceLike, relay: Mapping[str, Any] | None = None, *, over: bool = False) -> dict[str, Any]:
    """One tile. A person who left or was replaced is ``left``; one whose line is cut is ``lost``.

    ``relay``: the half of a relay in which an interpreter works; it never changes, so that later news may leave it out.
    ``over``: the session has ended, as of the reading of ``place``. Whoever is ``left`` is told why in the same piece of news: what
    tells the end may come before or after it.
    """
    state = "present" if place.here else {"lost": "lost"}.get(place.state, "left")
    if state == "present" and place.lost_from is not None:
        state = "lost"
    why = None if state != "left" else "ended" if over else "withdrawn" if place.state == "gone" else "left"
    # Whose socket stands is lost since nothing of them comes in, not since they came.
    since = (place.lost_from if state == "lost" else None) or place.since
    tile = {
        "id": place.id,
        "part": place.part,
        "code": place.code,
        "state": state,
        "audio": place.audio,
        "video": place.video,
        "has_audio": place.has_audio,
        "has_video": place.has_video,
        "grade": place.grade,
        "speaking": False,
        "since": instant(since) if since else None,
        "phone": place.phone_leg_id is not None,
    }
    return tile | ({"relay": dict(relay)} if relay else {}) | ({"reason": why} if why else {})


def snapshot(
    facts: RoomFacts,
    you: PlaceLike,
    places: Sequence[PlaceLike],
    log: Sequence[Mapping[str, Any]],
    position: Position,
    relay: Mapping[str, Mapping[str, Any]] | None = None,
    fallback: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The whole room as ``you`` may see it, to which events after ``position`` are added. ``relay``: halves of a relay by place;
    ``fallback``: the step-down ladder, none while nothing of it is told."""
    legs = relay or {}
    officer = you.part == OFFICER
    return {
        "session_id": facts.session_id,
        "state": facts.state,
        "state_since": instant(facts.state_since),
        "pause_reason": facts.pause_reason,
        "mode": facts.mode,
        "step_code": facts.step_code,
        "language": facts.language,
        "language_confirmed": facts.language_confirmed,
        "officer_language": facts.officer_language,
        "interpreting_s": facts.interpreting_s,
        "block_limit_min": facts.block_limit_min,
        "you": you.id,
        "participants": [
            participant(place, legs.get(place.id)) for place in places if place.state in ("present", "lost")
        ],
        "signals": [],
        "log": as_json(list(log)[-LOG_LINES:]) if officer else [],
        "case_ref": facts.case_ref if officer else None,
        "join_by": instant(facts.join_by),
        "fallback": None if fallback is None else dict(fallback),
        "position": at_json(position),
    }


def block_limit_min(*, mode: str, child: bool, needs: Sequence[str]) -> int:
    """Minutes of interpreting without a break, at most (S-8): 45 by video; 30 by phone, with children or SHORT_SESSIONS."""
    return 30 if mode == "phone" or child or "SHORT_SESSIONS" in needs else 45
