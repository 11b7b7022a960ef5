"""What people in a room may say on the socket: break, signals, language, stepping back, ending. One method a message.

Which part may send which message is decided before, in ``signaling.policy``.
"""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import select

from core.access import Actor
from core.db.session import Database
from core.errors import Conflict, Invalid, NotFound
from records.entry_kinds import EntryKind
from records.lifecycle import SESSION_OVER, EndReason, Outcome, PauseReason, SessionState
from records.models import Session
from records.referrals import raise_concern
from records.session_log import SessionLog
from scheduler.conduct import ConductService
from scheduler.languages import LanguageTable
from scheduler.lifecycle import DeclineReason
from scheduler.models import Interpreter
from signaling import places
from signaling.aids.numbers import NumberPad
from signaling.call_media import CallMedia
from signaling.calls import CallService, tell_place, tell_room
from signaling.places import Place
from signaling.realtime.hub import Hub
from signaling.realtime.protocol import (
    RoomAgree,
    RoomEnd,
    RoomGoOn,
    RoomGotIt,
    RoomLanguage,
    RoomMessage,
    RoomNumber,
    RoomNumberClear,
    RoomOpening,
    RoomPause,
    RoomPhone,
    RoomRecuse,
    RoomResume,
    RoomSignal,
    RoomSoundOnly,
    RoomSpeech,
)
from signaling.realtime.rooms import INTERPRETER, OFFICER


class LadderWords(Protocol):
    """What people say about the step-down ladder (``signaling.fallback.room``)."""

    async def handle(self, place: Place, message: RoomMessage) -> dict[str, Any]:
        """Do what the message says. Raises coded errors."""
        ...


class SpeechWords(Protocol):
    """What people say about draft transcripts (``signaling.speech.services``)."""

    async def room_message(self, place: Place, message: RoomSpeech) -> dict[str, Any]:
        """The own answer. Raises coded errors."""
        ...

    async def key(self, place: Place, *, agrees: bool) -> None:
        """The own answer by a key of the telephone. Raises coded errors."""
        ...

    async def confirm(self, place: Place) -> None:
        """An interpreter's word, by a key, for what the officer noted. Raises coded errors."""
        ...


class CallRoom:
    """The people's words in a room that are not media."""

    def __init__(
        self,
        database: Database,
        hub: Hub,
        calls: CallService,
        media: CallMedia,
        session_log: SessionLog,
        conduct: ConductService,
        languages: LanguageTable,
        numbers: NumberPad,
    ) -> None:
        self._database = database
        self._hub = hub
        self._calls = calls
        self._media = media
        self._log = session_log
        self._conduct = conduct
        self._languages = languages
        self._numbers = numbers
        self.speech: SpeechWords | None = None
        """Put in after it was made: drafts write into the log that this room writes."""
        self.ladder: LadderWords | None = None
        """Put in after it was made: the ladder itself needs the calls."""

    async def handle(self, place: Place, message: RoomMessage) -> dict[str, Any]:
        """Do what the message says. Returns data for the reply; raises coded errors, ``NotFound('participant_unknown')`` to whoever
        was replaced and to pages that stayed open after the end."""
        async with self._database.read(Actor.system()) as unit:
            if (await places.get(unit, place.id)).state not in places.IN_ROOM:
                raise NotFound("participant_unknown")
        match message:
            case RoomPause():
                await self._pause(place)
            case RoomResume():
                await self._resume(place)
            case RoomSignal():
                return {"signal_id": await self._signal(place, message)}
            case RoomGotIt():
                data = {"signal_id": message.signal_id, "by": place.id}
                await self._hub.tell(f"room:{place.session_id}", "signal.cleared", data)
            case RoomLanguage():
                await self._language(place, message.code)
            case RoomRecuse():
                await self._recuse(place, DeclineReason(message.reason))
            case RoomSpeech() if self.speech is not None:
                return await self.speech.room_message(place, message)
            case RoomNumber():
                return await self._numbers.show(place, message.number)
            case RoomNumberClear():
                return await self._numbers.clear(place, message.n)
            case RoomEnd():
                await self._end(place, message)
            case RoomPhone() | RoomSoundOnly() | RoomAgree() | RoomGoOn() | RoomOpening() if self.ladder is not None:
                return await self.ladder.handle(place, message)
            case _:
                raise Invalid("message_not_here", {"type": message.t})
        return {}

    async def _pause(self, place: Place) -> None:
        async with self._database.unit(Actor.system()) as uow:
            session = await uow.session.get(Session, place.session_id)
            if session is not None and session.state is SessionState.PAUSED:
                return
            await self._log.pause(uow, place.session_id, reason=PauseReason.BREAK)

    async def _resume(self, place: Place) -> None:
        async with self._database.unit(Actor.system()) as uow:
            session = await uow.session.get(Session, place.session_id)
            if session is None or session.state is SessionState.ACTIVE:
                return
            seated = await places.of_session(uow, place.session_id)
            present = {p.part for p in seated if p.here and p.lost_from is None}
            if not {OFFICER, INTERPRETER} <= present:
                raise Conflict("not_everybody_here")
            if self._calls.ladder is not None and not await self._calls.ladder.may_go_on(uow, session):
                raise Conflict("agreement_needed")
            await self._log.resume(uow, place.session_id)

    async def _signal(self, place: Place, message: RoomSignal) -> str:
        signal_id = f"{place.id}.{message.id}"[:64]
        async with self._database.unit(Actor.system()) as uow:
            session = await uow.session.get(Session, place.session_id)
            if session is None or session.state in SESSION_OVER:
                raise Conflict("session_over")
            data = {"signal_id": signal_id, "kind": message.kind, "from": place.id, "part": place.part}
            if message.kind == "concern":
                # In one transaction, before it is confirmed: the task in the case (S-10), and the news for the officer, whose screen
                # may be away just now, as this process may be in a moment.
                await raise_concern(uow, session.id, part=place.part)
                told = {**data, "session_id": session.id}
                tell_room(uow, session, "signal.raised", told, topic=f"user:{session.officer_user_id}")
            else:
                entry = {"signal": message.kind, "part": place.part}
                await self._log.append(uow, session.id, EntryKind.SIGNAL, entry)
                tell_room(uow, session, "signal.raised", data)
        return signal_id

    async def _language(self, place: Place, code: str) -> None:
        if code not in self._languages:
            raise Invalid("language_unknown", {"code": code})
        async with self._database.unit(Actor.system()) as uow:
            session = await uow.session.get(Session, place.session_id)
            if session is None or session.state in SESSION_OVER:
                raise Conflict("session_over")
            await self._log.confirm_language(uow, session.id, code=code, by=place.part)
            tell_room(uow, session, "language.confirmed", {"code": code})

    async def _recuse(self, place: Place, reason: DeclineReason) -> None:
        """The interpreter steps back: barred from the case for good, the session pauses, a replacement is searched (M-5)."""
        async with self._database.unit(Actor.system()) as uow:
            session = await uow.session.get(Session, place.session_id)
            if session is None:
                raise NotFound("session_unknown")
            who = await uow.session.scalar(select(Interpreter.id).where(Interpreter.user_id == place.user_id))
            await self._conduct.replace(uow, session.booking_id, reason=reason.value, who=who)
            tell_place(uow, session, place.id)
        await self._media.drop(place.session_id, place.id, "recused")

    async def _end(self, place: Place, message: RoomEnd) -> None:
        try:
            reason = EndReason(message.reason) if message.reason else EndReason.FINISHED
        except ValueError:
            raise Invalid("reason_unknown") from None
        if reason is EndReason.DISTRESS:
            async with self._database.unit(Actor.system()) as uow:
                await raise_concern(uow, place.session_id, part=place.part)
        await self._calls.close(place.session_id, Outcome(message.outcome), reason, by=place.part)
