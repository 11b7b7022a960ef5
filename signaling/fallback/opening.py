"""The one switch of modes there is: sealed to open, when somebody needs the telephone or a recording is ordered (design, section 3).

Everybody present is asked; when all say yes the session is open, announced and logged; any no leaves it sealed. Never back.
No client makes a sealed session yet: until one does, nobody is asked anything, and no screen offers it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from core.access import Actor
from core.clock import new_id
from core.db.session import Database, UnitOfWork
from core.errors import Conflict, Forbidden, Invalid
from records.entry_kinds import EntryKind
from records.models import Session
from records.session_log import SessionLog
from signaling import places
from signaling.calls import running_session
from signaling.fallback.models import Opening, OpeningAnswer
from signaling.fallback.reading import RUNNING, locked_room
from signaling.fallback.service import LadderService
from signaling.fallback.states import OPENING, OpeningMove, OpeningState
from signaling.places import Place
from signaling.realtime.protocol import RoomOpening
from signaling.realtime.rooms import INTERPRETER, OFFICER

ANSWER_WITHIN = timedelta(minutes=3)
"""Without everybody's answer by then the session stays sealed."""
OWN_SCREEN = "own_screen"


class Openings:
    """Asks, hears, decides."""

    def __init__(self, database: Database, session_log: SessionLog, ladder: LadderService) -> None:
        self._database = database
        self._log = session_log
        self._ladder = ladder

    async def handle(self, place: Place, message: RoomOpening) -> dict[str, Any]:
        """Ask everybody, or answer. Raises ``Conflict``: ``session_open_already``, ``opening_asked_already``, ``nothing_asked``;
        ``Forbidden``, ``Invalid``."""
        if (message.ask is None) is (message.yes is None):
            raise Invalid("message_malformed", {"where": "ask"})
        if message.ask is not None:
            if place.part not in (OFFICER, INTERPRETER):
                raise Forbidden("not_for_your_part")
            return {"opening_id": await self.ask(place, message.ask)}
        return {"state": (await self.answer(place, yes=bool(message.yes))).value}

    async def ask(self, place: Place, reason: str) -> str:
        """Ask everybody present; who asks agrees by asking."""
        async with self._database.unit(Actor.system()) as uow:
            session = await running_session(uow, place.session_id)
            room = await locked_room(uow, session)
            if session.mode != "sealed":
                raise Conflict("session_open_already")
            if await _asked(uow, session.id) is not None:
                raise Conflict("opening_asked_already")
            row = Opening(
                id=new_id("open"), country=session.country, session_id=session.id, state=OpeningState.ASKED,
                reason=reason, asked_by=place.part, asked_at=uow.now,
            )  # fmt: skip
            uow.session.add(row)
            await uow.flush()
            await self._note(uow, session, row, place, yes=True)
            await self._decide(uow, session, row)
            await self._ladder.tell(uow, session, room)
            return row.id

    async def answer(self, place: Place, *, yes: bool) -> OpeningState:
        """One person's answer; the last yes opens the session, the first no ends the question."""
        async with self._database.unit(Actor.system()) as uow:
            session = await running_session(uow, place.session_id)
            room = await locked_room(uow, session)
            row = await _asked(uow, session.id)
            if row is None:
                raise Conflict("nothing_asked")
            known = await uow.session.get(OpeningAnswer, (row.id, place.id))
            if known is None:
                await self._note(uow, session, row, place, yes=yes)
            if not yes:
                row.state, row.ended_at = OPENING.advance(row.state, OpeningMove.REFUSE), uow.now
            else:
                await self._decide(uow, session, row)
            await self._ladder.tell(uow, session, room)
            return row.state

    async def round(self) -> None:
        """Questions that nobody answered to the end lapse; somebody who left is not waited for."""
        async with self._database.read(Actor.system()) as unit:
            query = select(Opening.session_id).where(Opening.state == OpeningState.ASKED)
            sessions = list(await unit.session.scalars(query))
        for session_id in sessions:
            async with self._database.unit(Actor.system()) as uow:
                session = await uow.session.get_one(Session, session_id)
                room = await locked_room(uow, session)
                row = await _asked(uow, session_id)
                if row is None:
                    continue
                if session.state not in RUNNING or uow.now - row.asked_at >= ANSWER_WITHIN:
                    row.state, row.ended_at = OPENING.advance(row.state, OpeningMove.LAPSE), uow.now
                else:
                    await self._decide(uow, session, row)
                if row.state is not OpeningState.ASKED:
                    await self._ladder.tell(uow, session, room)

    async def _note(self, uow: UnitOfWork, session: Session, row: Opening, place: Place, *, yes: bool) -> None:
        uow.session.add(
            OpeningAnswer(opening_id=row.id, place_id=place.id, country=session.country, agreed=yes, at=uow.now)
        )
        await uow.flush()
        answer = "yes" if yes else "no"
        data = {"question": "open", "answer": answer, "how": OWN_SCREEN, "part": place.part}
        await self._log.append(uow, session.id, EntryKind.AGREEMENT, data)

    async def _decide(self, uow: UnitOfWork, session: Session, row: Opening) -> None:
        """Open when everybody who is in the room has said yes."""
        here = {place.id for place in await places.of_session(uow, session.id) if place.here}
        query = select(OpeningAnswer.place_id).where(OpeningAnswer.opening_id == row.id, OpeningAnswer.agreed)
        agreed = set(await uow.session.scalars(query))
        if not here <= agreed:
            return
        row.state, row.ended_at = OPENING.advance(row.state, OpeningMove.AGREE), uow.now
        session.mode = "open"
        await uow.flush()
        await self._log.append(uow, session.id, EntryKind.MODE_OPENED, {"reason": row.reason, "people": len(here)})


async def _asked(uow: UnitOfWork, session_id: str) -> Opening | None:
    row: Opening | None = await uow.session.scalar(
        select(Opening)
        .where(Opening.session_id == session_id, Opening.state == OpeningState.ASKED)
        .execution_options(populate_existing=True)
    )
    return row
