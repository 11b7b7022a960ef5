"""Telephony for an installation in which nobody wired any: nothing can be called, and that is what everybody is told."""

from __future__ import annotations

from core.errors import Conflict
from signaling.telephony.port import CallReason, LegId


class NoLegs:
    """``PhoneLegs`` without a carrier."""

    configured = False

    async def number_of(self, user_id: str) -> str | None:
        """Nobody has a telephone here."""
        return None

    async def call_out(self, session_id: str, place_id: str, number_ref: str, *, reason: CallReason) -> LegId:
        """Raises ``Conflict('telephony_not_configured')``."""
        raise Conflict("telephony_not_configured")

    async def hang_up(self, leg_id: LegId) -> None:
        """There is no call."""
