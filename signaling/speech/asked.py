"""Who is asked for their consent, and the rows and log entries of asking and answering. What follows from an answer is ``drafts``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from core.db.session import UnitOfWork
from core.errors import Conflict
from records.chain import JsonValue
from records.entry_kinds import EntryKind
from records.models import Session
from records.session_log import SessionLog
from signaling.places import Place
from signaling.speech.models import SpeechBeside, SpeechConsent
from signaling.speech.rows import beside, people
from signaling.speech.states import BESIDE, Answer, How


@dataclass(frozen=True)
class Asked:
    """Somebody who is asked, and the row of their answer."""

    row: SpeechConsent | SpeechBeside
    part: str
    code: str | None = None
    place_id: str | None = None
    """None for somebody beside the officer."""

    @classmethod
    def at(cls, row: SpeechConsent | SpeechBeside, place: Place) -> Asked:
        """Somebody with a place of their own."""
        return cls(row, place.part, place.code, place.id)


def by_word(place: Place) -> bool:
    """Whether this guest has no screen to answer on: they take part by telephone alone. Staff press a key."""
    return place.part in BESIDE and place.phone_leg_id is not None and place.state != "present"


class Consents:
    """Writes rows and entries; under the lock of the draft."""

    def __init__(self, session_log: SessionLog) -> None:
        self._log = session_log

    async def ask(self, uow: UnitOfWork, session: Session, place: Place) -> None:
        """Somebody with a place is asked for the first time."""
        row = SpeechConsent(
            place_id=place.id, session_id=session.id, country=session.country, answer=Answer.ASKED, asked_at=uow.now
        )
        uow.session.add(row)
        await self._note(uow, Asked.at(row, place))

    async def ask_beside(self, uow: UnitOfWork, session: Session, near: Collection[str]) -> None:
        """New rows for those of ``near`` (parts) who have none. Raises ``Conflict('draft_own_screen')``."""
        present = {place.part for place in await people(uow, session.id)}
        known = await beside(uow, session.id)
        for part in dict.fromkeys(near):
            if part not in BESIDE or part in present:
                raise Conflict("draft_own_screen")
            if part not in known:
                row = SpeechBeside(
                    session_id=session.id, country=session.country, part=part, answer=Answer.ASKED, asked_at=uow.now
                )
                uow.session.add(row)
                await self._note(uow, Asked(row, part))

    async def ask_anew(self, uow: UnitOfWork, asked: Asked) -> None:
        """The officer began again: an earlier answer no longer counts."""
        row = asked.row
        row.answer, row.asked_at, row.answered_at = Answer.ASKED, uow.now, None
        row.how = row.noted_part = row.noted_code = None
        await self._note(uow, asked)

    async def take(self, uow: UnitOfWork, asked: Asked, given: Answer, how: How, by: Place | None) -> None:
        """An answer; ``by``: who noted a spoken one."""
        row = asked.row
        row.answer, row.answered_at, row.how = given, uow.now, how
        row.noted_part, row.noted_code = (by.part, by.code) if by is not None else (None, None)
        await uow.flush()
        await self._note(uow, asked)

    async def _note(self, uow: UnitOfWork, asked: Asked) -> None:
        row = asked.row
        data: dict[str, JsonValue] = {
            "part": asked.part,
            "code": asked.code,
            "answer": row.answer.value,
            "how": row.how.value if row.how is not None else None,
            "noted_part": row.noted_part,
            "noted_code": row.noted_code,
        }
        await self._log.append(uow, row.session_id, EntryKind.TRANSCRIPT_CONSENT, data)
