"""Text messages as the rest of the house sees them: states with their one table, and what a carrier must be able to do.

Knows no carrier and no database. A number is never in an event, a log or an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from records.lifecycle import MoveTable
from signaling.telephony.port import PhoneTrouble


class TextState(StrEnum):
    """Where one text message stands."""

    QUEUED = "queued"
    """Waits for its turn at the carrier."""
    SENT = "sent"
    """The carrier has it."""
    DELIVERED = "delivered"
    """The telephone has it; whether somebody read it is not known."""
    FAILED = "failed"
    LATE = "late"
    """What it says was over before it could be sent."""


class TextMove(StrEnum):
    """What can happen to a text message."""

    SEND = "send"
    DELIVER = "deliver"
    FAIL = "fail"
    EXPIRE = "expire"


TEXT_MOVES: MoveTable[TextState, TextMove] = MoveTable(
    "phone_text",
    TextState.QUEUED,
    {
        (TextState.QUEUED, TextMove.SEND): TextState.SENT,
        (TextState.QUEUED, TextMove.EXPIRE): TextState.LATE,
        (TextState.QUEUED, TextMove.FAIL): TextState.FAILED,
        # News of the carrier may overtake its own answer.
        (TextState.QUEUED, TextMove.DELIVER): TextState.DELIVERED,
        (TextState.SENT, TextMove.DELIVER): TextState.DELIVERED,
        (TextState.SENT, TextMove.FAIL): TextState.FAILED,
    },
)


@dataclass(frozen=True)
class TextOrder:
    """A text message to send."""

    text_id: str
    number: str = field(repr=False)
    """E.164, for the carrier's eyes only."""
    body: str
    seconds: int
    """Later than so many seconds from now it need not arrive."""


class TextCarrier(Protocol):
    """Sends text messages; Twilio, where a sender is set up."""

    @property
    def sends_texts(self) -> bool:
        """Whether this installation can do it at all."""
        ...

    async def send_text(self, order: TextOrder) -> str:
        """Hand it over; returns the carrier's id of the message. Raises ``PhoneTrouble``."""
        ...


class NoTexts:
    """No text messages here, and that is what everybody is told."""

    sends_texts = False

    async def send_text(self, order: TextOrder) -> str:
        """Raises ``PhoneTrouble('telephony_not_configured')``."""
        raise PhoneTrouble("telephony_not_configured")
