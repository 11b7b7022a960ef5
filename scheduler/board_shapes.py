"""The shapes of what coordinators see on the board, and officers before they ask (docs/protocol.md)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict

from scheduler.ring.ledger import TalkNote
from scheduler.waits import BoardNumbers, ExpectedView


class BoardCard(TypedDict):
    """A request or session on the board (docs/protocol.md)."""

    booking_id: str
    session_id: str | None
    case_ref: str
    briefing_id: str | None
    """A group briefing, which has no case."""
    country: str
    site: str
    language: str
    step_code: str
    priority: str
    since: datetime
    starts_at: datetime | None
    """When an appointment begins; none for a request for now."""
    rung: int
    rungs: int
    ringing: int
    interpreter_code: str | None
    must: str | None
    needs_you: str | None
    line: str | None
    callback: bool
    kept_back: bool
    """Rings nobody because the last people are kept for booked work (M-10)."""
    break_at: datetime | None
    """Of a session that runs without a pause: when a break is due (S-8)."""
    paused: bool


class PartnerView(TypedDict):
    """An organisation that may help when nobody of the pool is left."""

    country: str
    name: str
    contact: str
    languages: list[str]


class SurgeBadge(TypedDict):
    """How busy a country is (R-7)."""

    country: str
    state: str
    since: datetime | None


class Board(TypedDict):
    """The whole board."""

    at: datetime
    waiting: list[BoardCard]
    ringing: list[BoardCard]
    live: list[BoardCard]
    numbers: BoardNumbers
    surge: list[SurgeBadge]
    talks: list[TalkNote]
    """Who declined much this week: for a talk, nothing else (M-11)."""
    means: list[str]
    """By which means somebody without an open page can be called here."""
    partners: list[PartnerView]
    """Of countries whose surge state opens the list; of the others nobody."""


class OnCallView(TypedDict):
    """Somebody on call for a booking."""

    interpreter_id: str
    code: str
    report_in_min: int
    until: datetime
    means: list[str]
    """Configured means by which they can be called; empty: they cannot."""
    online: bool
    called_at: datetime | None
    called_state: str | None
    """waiting, sending, sent."""
    fits: bool


class LaneCard(TypedDict):
    """One card with its lane: waiting, ringing, live or gone."""

    card: BoardCard | None
    lane: str
    booking_id: str
    numbers: BoardNumbers


class CandidateView(TypedDict):
    """One interpreter for a booking, as a coordinator sees it."""

    interpreter_id: str
    code: str
    eligible: bool
    score: int
    terms: list[dict[str, Any]]
    refusals: list[dict[str, Any]]
    presence: str


class Outlook(TypedDict):
    """What an officer may expect before asking."""

    free_now: int
    free_few: bool
    wish_met: int | None
    expected: ExpectedView
    national_only: bool
