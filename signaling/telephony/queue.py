"""What waits for its turn at the carrier, calls and text messages alike: the next one that is due is taken once, by one process."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import select

from core.crypto import CannotOpenError
from core.db.session import UnitOfWork
from core.errors import NotFound
from signaling.telephony.models import PhoneLeg, PhoneText
from signaling.telephony.numbers import NumberBook
from signaling.telephony.port import LegState
from signaling.telephony.text_port import TextState

Waiting = TypeVar("Waiting", PhoneLeg, PhoneText)


async def take_next(uow: UnitOfWork, table: type[Waiting], queued: LegState | TextState) -> Waiting | None:
    """The row that is due the longest, locked and marked as handed over; none when nothing is due."""
    row: Waiting | None = await uow.session.scalar(
        select(table)
        .where(table.state == queued, table.taken_at.is_(None), table.due_at <= uow.now)
        .order_by(table.due_at, table.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if row is not None:
        row.taken_at, row.attempts = uow.now, row.attempts + 1
    return row


async def opened(uow: UnitOfWork, numbers: NumberBook, number_ref: str | None) -> str:
    """The number itself, for the carrier; empty when it was deleted or cannot be opened any more."""
    try:
        return await numbers.open(uow, number_ref or "")
    except (NotFound, CannotOpenError):
        return ""
