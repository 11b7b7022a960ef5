"""What a room needs of the aids: the numbers, and the part of a snapshot that says what stands before everybody now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from core.db.session import ReadUnit
from records.aids_state import PARTS
from records.aids_terms import TermBook
from records.models import CaseLanguage, Session
from scheduler.interpreter_views import FINDER, FINDER_MINUTES
from scheduler.models import Booking
from signaling.aids.numbers import EVENT, NumberPad

TERMS_CHANGED = "aids.terms"
"""Room news ``{n}``: the terms of the case were changed by the move ``n``; officer and interpreter read them anew."""

FINDER_CALL = "desk.finder"
"""Stands in the snapshot of a finder call (M-12) only: what it may be and how long it lasts. There is no news of it."""


@dataclass(frozen=True)
class RoomAids:
    """The aids of all rooms."""

    numbers: NumberPad
    terms: TermBook

    async def snapshot(self, unit: ReadUnit, session: Session, part: str) -> dict[str, Any]:
        """The newest news of each aid by its name, without those that never came. Guests learn nothing of terms."""
        found: dict[str, Any] = {EVENT: await self.numbers.current(session.id)}
        if part in PARTS and session.case_id is not None:
            found[FINDER_CALL] = await _finder(unit, session)
            found[TERMS_CHANGED] = {"n": await self.terms.latest(unit, session.case_id)}
        return {name: data for name, data in found.items() if data is not None}


async def _finder(unit: ReadUnit, session: Session) -> dict[str, Any] | None:
    """The sign of a finder call: the languages of the case in their rank, and its minutes."""
    purposes = await unit.session.scalars(select(Booking.purpose).where(Booking.session_id == session.id))
    if FINDER not in set(purposes):
        return None
    codes = await unit.session.scalars(
        select(CaseLanguage.code).where(CaseLanguage.case_id == session.case_id).order_by(CaseLanguage.rank)
    )
    return {"candidates": list(codes), "minutes": FINDER_MINUTES}
