"""The life of a draft transcript: asked for, agreed to by each person, stopped by anybody, kept or wiped at the end.

What is said stands in ``lines``; who listens is ``listening``. Every change happens under the lock of the session, then of the draft.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from core.access import Actor
from core.crypto import FieldCipher
from core.db.session import Database, ReadUnit, UnitOfWork
from core.errors import Conflict, NotFound
from records.entry_kinds import EntryKind
from records.models import Session
from records.session_log import SessionLog
from signaling import places
from signaling.places import IN_ROOM, Place
from signaling.speech.asked import Asked, Consents, by_word
from signaling.speech.export import ExportTexts, as_text
from signaling.speech.lines import DraftLines
from signaling.speech.models import SpeechBeside, SpeechConsent, SpeechDraft, SpeechTranscript
from signaling.speech.rows import beside, consents, draft_of, locked_draft, people, running_session, seated, tell, wipe
from signaling.speech.states import (
    BESIDE,
    OPEN,
    OVER,
    PERSON,
    Answer,
    Barred,
    DraftMove,
    DraftState,
    How,
    StopReason,
    all_agreed,
    barred,
    has_person,
    moved,
)
from signaling.speech.switches import SpeechSwitches

INTERPRETER = "interpreter"
OFFICER = "officer"
TABLE = SpeechTranscript.__tablename__


class DraftService:
    """Moves drafts. Who may ask for a move is policy."""

    def __init__(
        self,
        database: Database,
        session_log: SessionLog,
        switches: SpeechSwitches,
        lines: DraftLines,
        cipher: FieldCipher,
        texts: ExportTexts,
        *,
        has_model: bool,
    ) -> None:
        self._database = database
        self._log = session_log
        self._consents = Consents(session_log)
        self._switches = switches
        self._lines = lines
        self._cipher = cipher
        self._texts = texts
        self._has_model = has_model
        self.on_change: Callable[[str], None] | None = None
        """Told the session at once, in this process, before any bus could."""
        session_log.before_seal.append(self.decide_at_end)

    async def why_not(self, unit: ReadUnit, session: Session) -> Barred | None:
        """What stands against a draft in this session, or nothing."""
        if session.step_code is None:
            return Barred.STEP_NEVER
        country_on, step_on = await self._switches.are_on(unit, session.country, session.step_code)
        return barred(
            mode=session.mode,
            step_never=self._switches.never(session.step_code),
            country_on=country_on,
            step_on=step_on,
            has_model=self._has_model,
        )

    async def ask(self, session_id: str, *, near: Collection[str] = ()) -> None:
        """The officer wants a draft: everybody present is asked; the officer's own yes is the asking.

        ``near``: parts of those who sit beside the officer without a device; they are asked through the interpreter (``note``).
        Raises ``Conflict``: ``draft_<barred>``, ``draft_person_absent`` (no device of their own, nor named), ``draft_refused``
        (somebody said no in this session: nobody is asked twice), ``draft_not_possible`` (it runs already),
        ``draft_own_screen`` (who is named has a device of their own).
        """
        async with self._database.unit(Actor.system()) as uow:
            session = await running_session(uow, session_id)
            reason = await self.why_not(uow, session)
            if reason is not None:
                raise Conflict(f"draft_{reason.value}")
            if PERSON not in near and not has_person(await seated(uow, session_id)):
                raise Conflict("draft_person_absent")
            draft = await draft_of(uow, session_id)
            if draft is None:
                draft = SpeechDraft(
                    session_id=session_id, country=session.country, state=DraftState.ASKING, asked_at=uow.now, keep=False,
                    version=1, wiped_version=0,
                )  # fmt: skip
                uow.session.add(draft)
                await uow.flush()
            else:
                draft = await locked_draft(uow, session_id)
                if draft.reason in (StopReason.REFUSED, StopReason.WITHDRAWN):
                    raise Conflict("draft_refused")
                draft.state = moved(draft.state, DraftMove.ASK_AGAIN)
                draft.reason = None
            known = await consents(uow, session_id)
            for place in await people(uow, session_id):
                row = known.get(place.id)
                if row is None:
                    await self._consents.ask(uow, session, place)
                else:
                    await self._consents.ask_anew(uow, Asked.at(row, place))
            for part, earlier in (await beside(uow, session_id)).items():
                if part in near:
                    await self._consents.ask_anew(uow, Asked(earlier, part))
                else:
                    await uow.session.delete(earlier)
            await self._consents.ask_beside(uow, session, near)
            await uow.flush()
            known = await consents(uow, session_id)
            for place in await people(uow, session_id):
                if place.part == OFFICER:
                    await self._take(uow, session, draft, Asked.at(known[place.id], place), Answer.YES, How.OWN_SCREEN)
            self._changed(uow, session, draft)

    async def name_beside(self, session_id: str, part: str) -> None:
        """While a draft is asked for or runs: somebody sits beside the officer without a device; nothing is listened to until their
        answer is noted. Raises ``NotFound('draft_unknown')``, ``Conflict``: ``draft_not_possible``, ``draft_own_screen``."""
        async with self._database.unit(Actor.system()) as uow:
            session = await running_session(uow, session_id)
            draft = await locked_draft(uow, session_id)
            if draft.state not in OPEN:
                raise Conflict("draft_not_possible")
            if part not in await beside(uow, session_id):
                await self._consents.ask_beside(uow, session, [part])
                self._changed(uow, session, draft)

    async def newcomers(self, session_id: str) -> bool:
        """Ask whoever came meanwhile and has not been asked. True if there was somebody."""
        async with self._database.unit(Actor.system()) as uow:
            session = await running_session(uow, session_id)
            draft = await locked_draft(uow, session_id)
            if draft.state not in OPEN:
                return False
            known = await consents(uow, session_id)
            new = [place for place in await people(uow, session_id) if place.id not in known]
            for place in new:
                await self._consents.ask(uow, session, place)
            if new:
                self._changed(uow, session, draft)
            return bool(new)

    async def settle(self, session_id: str) -> None:
        """Somebody left who had not answered: perhaps everybody who is still here agrees."""
        async with self._database.unit(Actor.system()) as uow:
            session = await running_session(uow, session_id)
            draft = await locked_draft(uow, session_id)
            if await self._begin_if_agreed(uow, session, draft):
                self._changed(uow, session, draft)

    async def answer(self, place_id: str, *, agrees: bool, how: How = How.OWN_SCREEN) -> Answer:
        """A person's yes, no, or the taking back of a yes, which needs no reason and works at once.

        Raises ``NotFound('draft_unknown')`` when nobody asks, ``Conflict('draft_refused')`` after a no.
        """
        async with self._database.unit(Actor.system()) as uow:
            place = await places.get(uow, place_id)
            session = await running_session(uow, place.session_id)
            draft = await locked_draft(uow, session.id)
            row = (await consents(uow, session.id)).get(place_id)
            if row is None or place.state not in IN_ROOM:
                raise NotFound("draft_unknown")
            return await self._given(uow, session, draft, Asked.at(row, place), agrees=agrees, how=how)

    async def note(self, session_id: str, whom: str, *, agrees: bool, by: Place) -> Answer:
        """Officer or interpreter notes what somebody without a screen answered, who was asked through the interpreter.

        ``whom``: the part of somebody beside the officer, or the place of a guest who takes part by telephone alone. A no after a
        yes takes it back, also of a guest who has a screen: a no is never harder than a yes. A yes that the officer notes is ``SAID``
        until the interpreter confirms it, on their screen by the same or on their telephone (``confirm``).

        Raises ``NotFound('draft_unknown')`` for somebody who was not asked; ``Conflict``: ``draft_own_screen`` (they answer
        themselves), ``draft_no_interpreter`` (nobody is there who could have asked), ``draft_refused``.
        """
        async with self._database.unit(Actor.system()) as uow:
            session = await running_session(uow, session_id)
            draft = await locked_draft(uow, session_id)
            here = await people(uow, session_id)
            interpreters = [place for place in here if place.part == INTERPRETER and place.here]
            if agrees and not interpreters:
                raise Conflict("draft_no_interpreter")
            place = next((each for each in here if each.id == whom), None)
            if place is not None:
                row: SpeechConsent | SpeechBeside | None = (await consents(uow, session_id)).get(whom)
                if place.part not in BESIDE or (agrees and not by_word(place)):
                    raise Conflict("draft_own_screen")
            else:
                row = (await beside(uow, session_id)).get(whom)
                if agrees and any(each.part == whom for each in here):
                    raise Conflict("draft_own_screen")
            if row is None:
                raise NotFound("draft_unknown")
            asked = Asked(row, whom) if place is None else Asked.at(row, place)
            yes = Answer.YES if by.part == INTERPRETER else Answer.SAID
            return await self._given(uow, session, draft, asked, agrees=agrees, how=How.SPOKEN, by=by, yes=yes)

    async def confirm(self, by: Place) -> None:
        """An interpreter says by a key of their telephone that they asked and heard each yes that the officer noted.

        Raises ``NotFound('draft_unknown')`` where none waits for their word.
        """
        async with self._database.unit(Actor.system()) as uow:
            session = await running_session(uow, by.session_id)
            draft = await locked_draft(uow, session.id)
            rows = await consents(uow, session.id)
            here = await people(uow, session.id)
            said = [Asked.at(rows[place.id], place) for place in here if place.id in rows]
            said += [Asked(row, part) for part, row in (await beside(uow, session.id)).items()]
            said = [asked for asked in said if asked.row.answer is Answer.SAID]
            if by.part != INTERPRETER or not said:
                raise NotFound("draft_unknown")
            for asked in said:
                await self._given(uow, session, draft, asked, agrees=True, how=How.SPOKEN, by=by)

    async def stop(self, session_id: str, reason: StopReason = StopReason.OFFICER) -> None:
        """Listening ends; what was written stays until the end. Raises ``Conflict('draft_not_possible')``."""
        async with self._database.unit(Actor.system()) as uow:
            session = await running_session(uow, session_id)
            draft = await locked_draft(uow, session_id)
            await self._stop(uow, draft, reason)
            self._changed(uow, session, draft)

    async def keep(self, session_id: str, *, keep: bool) -> None:
        """The officer's decision for the end: into the record, or (as from the start) wiped. Raises ``Conflict('session_over')``."""
        async with self._database.unit(Actor.system()) as uow:
            session = await running_session(uow, session_id)
            draft = await locked_draft(uow, session_id)
            if draft.state in OVER:
                raise Conflict("session_over")
            if draft.keep != keep:
                draft.keep = keep
                self._changed(uow, session, draft)

    async def decide_at_end(self, uow: UnitOfWork, session_id: str) -> None:
        """Before the log is sealed: the text goes into the record or away; the lines go away in any case. The session is locked."""
        draft = await draft_of(uow, session_id)
        if draft is None or draft.state in OVER:
            return
        session = await uow.session.get(Session, session_id)
        assert session is not None
        lines = await self._lines.all(uow, session_id)
        texts = [line for line in lines if line.text is not None or line.corrected is not None]
        kept = draft.keep and bool(texts)
        if kept:
            sealed = self._cipher.seal(
                as_text(lines, session, await self._texts.of_officer(uow, session)),
                table=TABLE, column="sealed", row=session_id,
            )  # fmt: skip
            uow.session.add(
                SpeechTranscript(
                    session_id=session_id, country=session.country, sealed=sealed, lines=len(texts), kept_at=uow.now
                )
            )
        draft.state = moved(
            draft.state, DraftMove.KEEP if kept and draft.state is not DraftState.ASKING else DraftMove.WIPE
        )
        await wipe(uow, draft)
        await self._note_state(uow, session_id, draft.state.value, None, len(texts))
        self._changed(uow, session, draft)

    async def transcript(self, unit: ReadUnit, session_id: str) -> str:
        """The text in the record. Raises ``NotFound('transcript_unknown')``."""
        row = await unit.session.get(SpeechTranscript, session_id)
        if row is None:
            raise NotFound("transcript_unknown")
        return self._cipher.open(row.sealed, table=TABLE, column="sealed", row=session_id)

    # parts of the moves

    async def _given(
        self,
        uow: UnitOfWork,
        session: Session,
        draft: SpeechDraft,
        asked: Asked,
        *,
        agrees: bool,
        how: How,
        by: Place | None = None,
        yes: Answer = Answer.YES,
    ) -> Answer:
        before = asked.row.answer
        if agrees and before in (Answer.NO, Answer.WITHDRAWN):
            raise Conflict("draft_refused")
        if agrees and (before is Answer.YES or draft.state not in OPEN):
            return before
        if not agrees and before is Answer.WITHDRAWN:
            return before
        given = yes if agrees else Answer.WITHDRAWN if before is Answer.YES else Answer.NO
        if given is before:
            return before
        await self._take(uow, session, draft, asked, given, how, by)
        self._changed(uow, session, draft)
        return given

    async def _take(
        self,
        uow: UnitOfWork,
        session: Session,
        draft: SpeechDraft,
        asked: Asked,
        given: Answer,
        how: How,
        by: Place | None = None,
    ) -> None:
        await self._consents.take(uow, asked, given, how, by)
        if given is Answer.WITHDRAWN:
            await self._wipe_of(uow, session, draft, asked)
        if given in (Answer.NO, Answer.WITHDRAWN) and draft.state in OPEN:
            await self._stop(uow, draft, StopReason.WITHDRAWN if given is Answer.WITHDRAWN else StopReason.REFUSED)
        elif given is Answer.WITHDRAWN:
            draft.reason = StopReason.WITHDRAWN
        await self._begin_if_agreed(uow, session, draft)

    @staticmethod
    async def _wipe_of(uow: UnitOfWork, session: Session, draft: SpeechDraft, asked: Asked) -> None:
        """The lines that hold what this person said: their own, those of the interpreters who rendered it, and, of a guest, those of
        a microphone that they shared with the officer at any time."""
        theirs = [asked.place_id] if asked.place_id is not None else []
        if asked.part != INTERPRETER:
            theirs += [each.id for each in await places.of_session(uow, session.id) if each.part == INTERPRETER]
        await wipe(uow, draft, theirs, shared=asked.part in BESIDE)

    async def _begin_if_agreed(self, uow: UnitOfWork, session: Session, draft: SpeechDraft) -> bool:
        if draft.state is not DraftState.ASKING or not all_agreed(await seated(uow, session.id)):
            return False
        draft.state = moved(draft.state, DraftMove.ALL_AGREED)
        await self._note_state(uow, session.id, DraftState.RUNNING.value, None, None)
        return True

    async def _stop(self, uow: UnitOfWork, draft: SpeechDraft, reason: StopReason) -> None:
        draft.state = moved(draft.state, DraftMove.STOP)
        draft.reason, draft.holder, draft.held_until = reason, None, None
        await self._note_state(uow, draft.session_id, draft.state.value, reason.value, None)

    async def _note_state(
        self, uow: UnitOfWork, session_id: str, state: str, reason: str | None, lines: int | None
    ) -> None:
        data = {"state": state, "reason": reason, "lines": lines}
        await self._log.append(uow, session_id, EntryKind.TRANSCRIPT, data)

    def _changed(self, uow: UnitOfWork, session: Session, draft: SpeechDraft) -> None:
        tell(uow, session, draft)
        session_id = session.id

        def at_once() -> None:
            if self.on_change is not None:
                self.on_change(session_id)

        uow.after_commit(at_once)
