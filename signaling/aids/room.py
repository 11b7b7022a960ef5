"""What a room needs of the aids: the numbers, and the part of a snapshot that says what stands before everybody now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.db.session import ReadUnit
from records.aids_state import PARTS
from records.aids_terms import TermBook
from records.models import Session
from signaling.aids.numbers import EVENT, NumberPad

TERMS_CHANGED = "aids.terms"
"""Room news ``{n}``: the terms of the case were changed by the move ``n``; officer and interpreter read them anew."""


@dataclass(frozen=True)
class RoomAids:
    """The aids of all rooms."""

    numbers: NumberPad
    terms: TermBook

    async def snapshot(self, unit: ReadUnit, session: Session, part: str) -> dict[str, Any]:
        """The newest news of each aid by its name, without those that never came. Guests learn nothing of terms."""
        found: dict[str, Any] = {EVENT: await self.numbers.current(session.id)}
        if part in PARTS and session.case_id is not None:
            found[TERMS_CHANGED] = {"n": await self.terms.latest(unit, session.case_id)}
        return {name: data for name, data in found.items() if data is not None}
