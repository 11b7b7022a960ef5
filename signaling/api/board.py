"""The coordinator's live board."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter

from core.access import Country
from signaling.api.routing import guarded_router
from signaling.api.shapes import Instant, Out
from signaling.deps import Svc, Who

router: APIRouter = guarded_router("board")


class BoardCard(Out):
    """A request or a running session."""

    booking_id: str
    session_id: str | None
    case_ref: str
    country: Country
    site: str
    language: str
    step_code: str
    priority: str
    since: Instant
    starts_at: Instant | None
    """When an appointment begins; none for a request for now."""
    rung: int
    rungs: int
    ringing: int
    interpreter_code: str | None
    must: Literal["woman", "man"] | None
    needs_you: str | None
    """Reason code why a person must act."""
    line: Literal["good", "weak", "lost"] | None
    callback: bool


class BoardNumbers(Out):
    """The line of numbers above the lanes."""

    longest_wait_s: int
    typical_wait_s: int | None
    p90_wait_s: int | None
    n: int
    free_now: int
    live_now: int


class Board(Out):
    """Requests that wait, that ring, and sessions that run, of the own countries."""

    at: Instant
    waiting: list[BoardCard]
    ringing: list[BoardCard]
    live: list[BoardCard]
    numbers: BoardNumbers


@router.get("/api/board")
async def read_board(who: Who, services: Svc) -> Board:
    """The board as it is now; the topic ``board:<country>`` tells what changes."""
    async with services.database.read(who.actor) as unit:
        return Board.model_validate(await services.scheduler.board.board(unit))
