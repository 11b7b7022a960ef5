"""Sends the text messages that wait, one process at a time and in the carrier's pace, and hears what became of them.

As with calls: a message is handed to the carrier once. "Too many" lets it wait, longer each time; when our process dies in the middle
nobody knows whether it went out, so it ends. What is over before it could be sent is not sent.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from core.access import Actor
from core.clock import Clock
from core.db.session import Database, UnitOfWork
from core.errors import NotFound
from core.i18n import Catalogues
from core.jobs import Job, Lease
from signaling.telephony.dialling import LOOK_EVERY_S, MOST_TRIES, STUCK
from signaling.telephony.models import PhoneText
from signaling.telephony.numbers import NumberBook
from signaling.telephony.port import PhoneTrouble
from signaling.telephony.queue import opened, take_next
from signaling.telephony.text_port import TextCarrier, TextMove, TextOrder, TextState
from signaling.telephony.texts import move_text
from signaling.telephony.troubles import Trouble, wait_before

log = logging.getLogger(__name__)
KEPT = timedelta(days=30)


@dataclass(frozen=True)
class _Taken:
    order: TextOrder
    attempts: int
    expires_at: datetime


class Texting:
    """The queue of text messages."""

    def __init__(
        self,
        database: Database,
        numbers: NumberBook,
        carrier: TextCarrier,
        sentences: Catalogues,
        clock: Clock,
        *,
        texts_per_second: float,
    ) -> None:
        self._database = database
        self._numbers = numbers
        self.carrier = carrier
        self._sentences = sentences
        self._clock = clock
        self._pause = 1.0 / texts_per_second
        self._next_at = 0.0

    def jobs(self) -> list[Job]:
        """What one process at a time does for all; nothing where no sender is set up."""
        return [Job("telephony.text", LOOK_EVERY_S, self.send)] if self.carrier.sends_texts else []

    async def send(self, lease: Lease) -> None:
        """Send what is due, one after another, in the carrier's pace; end what got stuck."""
        async with lease.unit(Actor.system()) as uow:
            await self._end_stuck(uow)
        while True:
            await asyncio.sleep(max(0.0, self._next_at - self._clock.monotonic()))
            taken = await self._take(lease)
            if taken is None:
                return
            self._next_at = self._clock.monotonic() + self._pause
            await self._hand_over(taken)

    async def told(
        self, text_id: str, message_id: str, move: TextMove | None, trouble: str | None, carrier_code: int | None
    ) -> None:
        """News of the carrier; none of interest where ``move`` is None. Raises ``NotFound('text_unknown')``, also for another message."""
        async with self._database.unit(Actor.system()) as uow:
            text = await _locked(uow, text_id)
            if text is None or text.message_id not in (None, message_id):
                raise NotFound("text_unknown")
            text.message_id = message_id
            if move is not None:
                move_text(uow, text, move, error=trouble, carrier_code=carrier_code)

    async def _take(self, lease: Lease) -> _Taken | None:
        async with lease.unit(Actor.system()) as uow:
            text = await take_next(uow, PhoneText, TextState.QUEUED)
            if text is None:
                return None
            left = int((text.expires_at - uow.now).total_seconds())
            number = await opened(uow, self._numbers, text.number_id) if left > 0 else ""
            body = self._sentences.text(f"telephony.text.{text.kind}", text.locale) or ""
            return _Taken(TextOrder(text.id, number, body, left), text.attempts, text.expires_at)

    async def _hand_over(self, taken: _Taken) -> None:
        if not taken.order.number:
            await self._move(taken.order.text_id, TextMove.EXPIRE)
            return
        try:
            message_id = await self.carrier.send_text(taken.order)
        except PhoneTrouble as trouble:
            if (
                trouble.again_in is not None
                and taken.attempts < MOST_TRIES
                and await self._wait(taken, trouble.again_in)
            ):
                return
            await self._move(taken.order.text_id, TextMove.FAIL, trouble.code, trouble.carrier_code)
            return
        async with self._database.unit(Actor.system()) as uow:
            text = await _locked(uow, taken.order.text_id)
            if text is not None:
                text.message_id = text.message_id or message_id
                move_text(uow, text, TextMove.SEND)

    async def _wait(self, taken: _Taken, least: float) -> bool:
        """Back into the queue, longer each time, and everybody behind it waits as long; False if it would be of no use then."""
        seconds = max(least, wait_before(taken.attempts))
        self._next_at = max(self._next_at, self._clock.monotonic() + min(seconds, 4.0))
        async with self._database.unit(Actor.system()) as uow:
            text = await _locked(uow, taken.order.text_id)
            due = uow.now + timedelta(seconds=seconds)
            if text is None or text.state is not TextState.QUEUED or due >= taken.expires_at:
                return False
            text.taken_at, text.due_at = None, due
        return True

    async def _move(self, text_id: str, move: TextMove, error: str | None = None, code: int | None = None) -> None:
        async with self._database.unit(Actor.system()) as uow:
            text = await _locked(uow, text_id)
            if text is not None:
                move_text(uow, text, move, error=error, carrier_code=code)

    async def _end_stuck(self, uow: UnitOfWork) -> None:
        """Handed over so long ago without a name from the carrier: our process died on the way. And what is old is forgotten."""
        stuck = await uow.session.scalars(
            select(PhoneText)
            .where(PhoneText.state == TextState.QUEUED, PhoneText.taken_at < uow.now - STUCK)
            .with_for_update(skip_locked=True)
        )
        for text in stuck.all():
            move_text(uow, text, TextMove.FAIL, error=Trouble.PLACING_LOST.value)
        await uow.session.execute(delete(PhoneText).where(PhoneText.made_at < uow.now - KEPT))


async def _locked(uow: UnitOfWork, text_id: str) -> PhoneText | None:
    """The message under its row lock, read anew."""
    found: PhoneText | None = await uow.session.scalar(
        select(PhoneText).where(PhoneText.id == text_id).with_for_update().execution_options(populate_existing=True)
    )
    return found
