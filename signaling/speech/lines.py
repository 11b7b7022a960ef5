"""The lines of a draft: written by the machine, corrected by people, read by the two who work with them. Sealed at rest.

Texts go into this table only: never into logs, events or the session log.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from core.access import Actor
from core.clock import new_id
from core.crypto import CannotOpenError, FieldCipher
from core.db.session import Database, ReadUnit
from core.errors import Conflict, Invalid, NotFound
from records.models import Session
from signaling import places
from signaling.speech.models import SpeechLine
from signaling.speech.rows import consents, locked_draft, tell
from signaling.speech.states import OVER, Answer, DraftState
from signaling.speech.views import Line, in_rows

LINES_MOST = 5_000
"""Lines of one session; more are not written (five hours of talk have about 3000)."""
TEXT_MOST = 2_000
TABLE = SpeechLine.__tablename__


class DraftLines:
    """Adds, corrects and reads lines."""

    def __init__(self, database: Database, cipher: FieldCipher) -> None:
        self._database = database
        self._cipher = cipher

    async def add(
        self,
        session_id: str,
        place_id: str,
        language: str,
        from_at: datetime,
        to_at: datetime,
        text: str | None,
        missing: str | None,
        *,
        shared: bool = False,
    ) -> bool:
        """A line of the machine; ``shared``: of a microphone that two people speak into.

        False, and nothing is kept, unless the draft runs and this person still agrees: what was on its way when somebody withdrew
        is lost on purpose.
        """
        async with self._database.unit(Actor.system()) as uow:
            try:
                draft = await locked_draft(uow, session_id)
            except NotFound:
                return False
            row = (await consents(uow, session_id)).get(place_id)
            if draft.state is not DraftState.RUNNING or row is None or row.answer is not Answer.YES:
                return False
            session = await uow.session.get(Session, session_id)
            counted = select(func.count()).select_from(SpeechLine).where(SpeechLine.session_id == session_id)
            if session is None or (await uow.session.scalar(counted) or 0) >= LINES_MOST:
                return False
            line_id = new_id("line")
            tell(uow, session, draft)
            uow.session.add(
                SpeechLine(
                    id=line_id, session_id=session_id, country=session.country, place_id=place_id, language=language,
                    from_at=from_at, to_at=to_at, missing=missing, shared=shared, changed=draft.version,
                    draft_sealed=self._seal(text[:TEXT_MOST], line_id, "draft") if text is not None else None,
                )
            )  # fmt: skip
            return True

    async def correct(self, session_id: str, line_id: str, text: str, *, part: str, version: int) -> None:
        """What was really said, by officer or interpreter; the machine's draft stays beside it. An empty text takes a correction back.

        ``version``: ``changed`` of the line as the corrector saw it. Raises ``NotFound('draft_line_unknown')``,
        ``Conflict('changed_meanwhile')``, ``Conflict('session_over')``, ``Invalid('text_too_long')``.
        """
        if len(text) > TEXT_MOST:
            raise Invalid("text_too_long", {"limit": TEXT_MOST})
        async with self._database.unit(Actor.system()) as uow:
            draft = await locked_draft(uow, session_id)
            line = await uow.session.get(SpeechLine, line_id, populate_existing=True)
            if line is None or line.session_id != session_id:
                raise NotFound("draft_line_unknown")
            if draft.state in OVER:
                raise Conflict("session_over")
            if line.changed != version:
                raise Conflict("changed_meanwhile")
            session = await uow.session.get(Session, session_id)
            assert session is not None
            tell(uow, session, draft)
            clean = text.strip()
            line.corrected_sealed = self._seal(clean, line_id, "corrected") if clean else None
            line.corrected_part = part if clean else None
            line.changed = draft.version

    async def all(self, unit: ReadUnit, session_id: str) -> list[Line]:
        """Every line, opened, in rows."""
        return [line for line, _ in await self.since(unit, session_id, 0)]

    async def since(self, unit: ReadUnit, session_id: str, version: int) -> list[tuple[Line, int]]:
        """The lines that came or changed after ``version``, each with its own number. Rows are counted over all."""
        rows = (
            await unit.session.scalars(
                select(SpeechLine).where(SpeechLine.session_id == session_id).execution_options(populate_existing=True)
            )
        ).all()
        seats = {place.id: place for place in await places.of_session(unit, session_id)}
        changed = {row.id: row.changed for row in rows}

        def opened(row: SpeechLine) -> Line:
            place = seats.get(row.place_id)
            wanted = row.changed > version
            return Line(
                id=row.id, place_id=row.place_id, part=place.part if place else "", code=place.code if place else None,
                language=row.language, from_at=row.from_at, to_at=row.to_at, missing=row.missing,
                text=self._open(row.draft_sealed, row.id, "draft") if wanted else None,
                corrected=self._open(row.corrected_sealed, row.id, "corrected") if wanted else None,
                corrected_part=row.corrected_part, shared=row.shared,
            )  # fmt: skip

        return [
            (line, changed[line.id]) for line in in_rows([opened(row) for row in rows]) if changed[line.id] > version
        ]

    def _seal(self, text: str, line_id: str, column: str) -> bytes:
        return self._cipher.seal(text, table=TABLE, column=column, row=line_id)

    def _open(self, sealed: bytes | None, line_id: str, column: str) -> str | None:
        if sealed is None:
            return None
        try:
            return self._cipher.open(sealed, table=TABLE, column=column, row=line_id)
        except CannotOpenError:
            return None
