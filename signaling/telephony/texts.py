"""Text messages of the ring: queued for whoever has a number on file, and followed until the telephone has them. Sends nothing itself.

What a message says is one sentence of the catalogue (``telephony.text.<kind>``) in the receiver's language: no case, no person, no
language, no authority, no address. Anybody who holds the telephone may read it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from core.access import Actor
from core.clock import new_id
from core.db.session import Database, ReadUnit, UnitOfWork
from core.errors import Conflict, NotFound
from core.notify import Delivery, Note
from signaling.telephony.models import PhoneText
from signaling.telephony.numbers import NumberBook
from signaling.telephony.ring import country_of
from signaling.telephony.text_port import TEXT_MOVES, TextCarrier, TextMove, TextState


class RingTexts:
    """``core.notify.NumberPort`` over text messages."""

    def __init__(self, database: Database, numbers: NumberBook, carrier: TextCarrier, provider: str) -> None:
        """``provider``: the carrier's name, kept with each message."""
        self._database = database
        self._numbers = numbers
        self._provider = provider
        self.carrier = carrier

    @property
    def configured(self) -> bool:
        """Whether this installation can do it at all."""
        return self.carrier.sends_texts

    async def reaches(self, unit: ReadUnit, interpreter_ids: Iterable[str]) -> frozenset[str]:
        """Who of them has a number on file."""
        return await self._numbers.of_interpreters(unit, interpreter_ids) if self.configured else frozenset()

    async def call(self, interpreter_id: str, note: Note) -> Delivery:
        """Queue the message; what becomes of it is its own story. The same note again queues nothing."""
        if not self.configured:
            return Delivery.NOT_CONFIGURED
        try:
            async with self._database.unit(Actor.system()) as uow:
                ref = await self._numbers.ref_of_interpreter(uow, interpreter_id)
                if ref is None:
                    return Delivery.GONE
                known = select(PhoneText.id).where(PhoneText.reference == note.reference)
                if await uow.session.scalar(known) is None:
                    await self._queue(uow, interpreter_id, ref, note)
        except NotFound:
            return Delivery.GONE
        except Conflict as conflict:
            if conflict.code != "text_queued_already":
                raise
        return Delivery.SENT

    async def _queue(self, uow: UnitOfWork, interpreter_id: str, ref: str, note: Note) -> None:
        called = await self._numbers.called(uow, ref)
        uow.session.add(
            PhoneText(
                id=new_id("text"), country=await country_of(uow, interpreter_id, note), interpreter_id=interpreter_id,
                reference=note.reference, kind=note.kind.value, number_id=called.id, locale=called.locale,
                provider=self._provider, state=TextState.QUEUED, made_at=uow.now, due_at=uow.now,
                expires_at=note.expires_at, attempts=0,
            )
        )  # fmt: skip
        await uow.flush()


def move_text(
    uow: UnitOfWork, text: PhoneText, move: TextMove, *, error: str | None = None, carrier_code: int | None = None
) -> bool:
    """The next state of a locked message, by the table; False for news that come late, twice or in the wrong order."""
    if move not in TEXT_MOVES.moves_from(text.state):
        return False
    text.state = TEXT_MOVES.advance(text.state, move)
    if move is not TextMove.SEND:
        text.done_at, text.error, text.carrier_code = uow.now, error, carrier_code
    return True
