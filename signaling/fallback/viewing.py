"""Answers what the rest of a call asks of the ladder (``signaling.calls.Ladder``): may it go on, why by telephone, how it looks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from core.db.session import ReadUnit, UnitOfWork
from records.case_values import CHILD_GROUPS
from records.models import Case, Session
from signaling.fallback.models import FallbackCall, Opening
from signaling.fallback.reading import Reading
from signaling.fallback.rules import decide
from signaling.fallback.states import CallState, OpeningState, Why
from signaling.fallback.view import ladder_view
from signaling.medium import ModeWhy

_MODE_WHY = {
    Why.LINE_LOST.value: ModeWhy.LINE_LOST,
    Why.WEAK_LINE.value: ModeWhy.WEAK_LINE,
    Why.ASKED.value: ModeWhy.ASKED,
}


class Viewing:
    """Reads the ladder of a session."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def view(self, unit: ReadUnit, session: Session) -> dict[str, Any]:
        """The ladder as everybody in the room may see it."""
        seen = await self._reading.seen(unit, session)
        case = None if session.case_id is None else await unit.session.get(Case, session.case_id)
        short = case is not None and (case.age_group in CHILD_GROUPS or "SHORT_SESSIONS" in case.needs)
        opening = await unit.session.scalar(
            select(Opening).where(Opening.session_id == session.id, Opening.state == OpeningState.ASKED)
        )
        return ladder_view(seen, decide(seen.facts), opening, short_blocks=short)

    async def may_go_on(self, uow: UnitOfWork, session: Session) -> bool:
        """Whether the person has agreed to the telephone, where one is on it and the step asks (S-11)."""
        seen = await self._reading.seen(uow, session)
        return decide(seen.facts).may_go_on

    async def phone_reason(self, unit: ReadUnit, session_id: str) -> ModeWhy:
        """Why somebody is on the telephone; whoever called in by themselves asked for it."""
        reason = await unit.session.scalar(
            select(FallbackCall.reason)
            .where(FallbackCall.session_id == session_id, FallbackCall.state == CallState.CALLING)
            .order_by(FallbackCall.made_at.desc())
            .limit(1)
        )
        return _MODE_WHY.get(str(reason), ModeWhy.ASKED)
