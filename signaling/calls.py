"""The live side of a session: who may come in, arriving, coming back, leaving, and the end. Media is ``call_media``'s work.

Every step is one transaction; what people in the room must learn is told through the outbox after the commit, so that a
process that dies in between loses nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from core.access import Actor
from core.db.session import Database, ReadUnit, UnitOfWork
from core.errors import Conflict, NotFound
from core.events.bus import Position
from records.entry_kinds import EntryKind
from records.lifecycle import SESSION_OVER, EndReason, Outcome, PauseReason, SessionState
from records.models import Case, Session
from records.session_log import SessionLog
from records.session_rows import locked_session
from scheduler.conduct import ConductService
from scheduler.locks import locked_booking
from signaling import places
from signaling.aids.room import RoomAids
from signaling.auth.principal import Principal
from signaling.auth.tokens import TokenKind, redeem
from signaling.call_media import CHECK_PREFIX, CallMedia
from signaling.line_log import LineLog
from signaling.medium import Medium, ModeWhy, medium_of, why_now
from signaling.places import Place, Seat
from signaling.realtime.hub import Hub
from signaling.realtime.news import ROOM_TOLD
from signaling.realtime.protocol import instant
from signaling.realtime.rooms import INTERPRETER, LOG_LINES, OFFICER, RoomFacts, block_limit_min, snapshot
from signaling.room_legs import relay_legs

log = logging.getLogger(__name__)
END_WITHIN_S = 4.0
"""A busy file is waited for 5 s, a connection for 10 s: whoever ends a talk knows after one such wait that it has not ended yet."""
CHECK_PART = "check"
"""Part of the only person in a check room."""


@dataclass(frozen=True)
class Entered:
    """A connection that sits in a room now."""

    session_id: str
    place: Place
    secret: str
    user_id: str | None
    came_back: bool


class Ladder(Protocol):
    """What the step-down ladder says of a session (``signaling.fallback``)."""

    async def may_go_on(self, uow: UnitOfWork, session: Session) -> bool:
        """Whether nothing of the ladder keeps interpreting from going on: the person's answer is there, if one is asked (S-11)."""
        ...

    async def phone_reason(self, unit: ReadUnit, session_id: str) -> ModeWhy:
        """Why somebody is on the telephone now."""
        ...

    async def view(self, unit: ReadUnit, session: Session) -> dict[str, Any]:
        """The ladder as everybody in the room may see it."""
        ...


class CallService:
    """Joins people to sessions."""

    def __init__(
        self,
        database: Database,
        hub: Hub,
        media: CallMedia,
        session_log: SessionLog,
        conduct: ConductService,
        aids: RoomAids,
    ) -> None:
        self._database = database
        self._hub = hub
        self._media = media
        self._log = session_log
        self._conduct = conduct
        self._aids = aids
        self.lines = LineLog(session_log)
        """Losses of lines in the log."""
        self.ladder: Ladder | None = None
        """Put in after it was made: the ladder itself needs this service."""
        media.on_heard = self.heard
        media.on_reached = self.reached
        media.on_tracks = self.note_mode

    async def end(self, principal: Principal, session_id: str, outcome: Outcome, reason: EndReason | None) -> None:
        """End for everybody. Raises ``NotFound('session_unknown')``, ``Conflict('session_over')``."""
        async with self._database.read(Actor.system()) as unit:
            session = await running_session(unit, session_id)
            if session.officer_user_id != principal.user_id:
                raise NotFound("session_unknown")
        await self.close(session_id, outcome, reason or EndReason.FINISHED, by=OFFICER)

    async def close(self, session_id: str, outcome: Outcome, reason: EndReason, *, by: str) -> None:
        """End and seal session, booking and step in one transaction, then media (no network inside a transaction).

        Raises ``Unavailable('database_unavailable')`` soon when the database is away or busy: the talk goes on then, with its sound.
        """
        speech_ms = await self._media.speech_ms(session_id)

        async def work() -> None:
            async with self._database.unit(Actor.system()) as uow:
                session = await running_session(uow, session_id)
                await locked_booking(uow, session.booking_id)
                for place in await places.of_session(uow, session_id):
                    await places.leave(uow, place.id)
                await self._log.add_speaking(uow, session_id, speech_ms)
                await self._conduct.finish(uow, session_id, outcome=outcome, reason=reason, by=by)
                ended = await self._log.get(uow, session_id)
                if ended.state is SessionState.ENDED:
                    await self._log.seal(uow, session_id)
                tell_room(uow, session, "room.closed", {"reason": reason.value})

        try:
            await self._database.retry(work, within=END_WITHIN_S)
        except Conflict as conflict:
            if conflict.code == "session_over":  # Perhaps by an attempt whose outcome was not known.
                await self._media.drop(session_id, None, "session_ended")
            raise
        await self._media.drop(session_id, None, "session_ended")

    # the socket's side

    async def enter(self, grant: str) -> Entered:
        """Redeem a grant and take the place. Raises ``Unauthenticated('token_invalid')``, ``Conflict('session_over')``."""

        async def work() -> Entered:
            async with self._database.unit(Actor.system()) as uow:
                used = await redeem(uow, TokenKind.JOIN, grant)
                session_id, place_id = used.session_id or "", used.participant_id or ""
                if session_id.startswith(CHECK_PREFIX):
                    return Entered(session_id, check_place(session_id), "", used.user_id, came_back=False)
                return await self._sit(uow, session_id, place_id, came_back=False)

        return await self._database.retry(work)

    async def come_back(self, connection_id: str, secret: str) -> Entered:
        """Take the place of a cut connection again. Raises ``Unauthenticated('resume_refused')``, ``Conflict('session_over')``."""

        async def work() -> Entered:
            async with self._database.unit(Actor.system()) as uow:
                place = await places.by_secret(uow, connection_id, secret)
                return await self._sit(uow, place.session_id, place.id, came_back=True)

        entered = await self._database.retry(work)
        await self._goes_on(entered)
        return entered

    async def _goes_on(self, entered: Entered) -> None:
        """When only the socket was away, the node heard them all the while and tells nothing new: a talk that was paused goes on."""
        place, session_id = entered.place, entered.session_id
        async with self._database.read(Actor.system()) as unit:
            place = await places.get(unit, place.id)
        if place.heard_at is None:
            if not await self._media.hears(session_id, place.id):
                return
            async with self._database.unit(Actor.system()) as uow:
                if not await places.first_sound(uow, place.id):
                    return
        # Also when the node heard them before their socket was back: then nothing could go on yet.
        await self.heard(session_id, place.id)

    async def cut(self, session_id: str, place_id: str, connection_id: str) -> None:
        """The socket ended without a word: the place is kept, the others see that the line is lost."""
        async with self._database.unit(Actor.system()) as uow:
            if not await places.lose(uow, place_id, connection_id):
                return
            session = await uow.session.get(Session, session_id)
            if session is not None:
                tell_place(uow, session, place_id)

    async def stayed(self, place: Place) -> None:
        """Somebody was given up for lost although their socket stands: they are there again, and a talk that rested goes on."""
        heard = False
        async with self._database.unit(Actor.system()) as uow:
            session = await uow.session.get(Session, place.session_id)
            if session is None or session.state in SESSION_OVER:
                return
            if not await places.revive(uow, place.id, place.connection_id or ""):
                return
            lost_from = place.lost_from
            if lost_from is not None and await self.lines.socket_back(uow, session, place, lost_from):
                heard = place.has_audio
                if heard:
                    await places.first_sound(uow, place.id)
            tell_place(uow, session, place.id)
        if heard:
            await self.heard(place.session_id, place.id)

    async def turn_out(self, place: Place) -> None:
        """The place was given to somebody else: its sound and picture end, and the others see that the person is gone.
        The replacement itself is made by officers, coordinators and timed work, which know no rooms."""
        await self._media.drop(place.session_id, place.id, "withdrawn")
        async with self._database.unit(Actor.system()) as uow:
            session = await uow.session.get(Session, place.session_id)
            await places.change(uow, place.id, seen_at=None)
            if session is not None:
                tell_place(uow, session, place.id)

    async def leave(self, session_id: str, place_id: str, connection_id: str | None) -> None:
        """Somebody leaves on purpose (``connection_id`` none: by telephone). The session goes on; if it was the interpreter, it pauses."""
        async with self._database.unit(Actor.system()) as uow:
            place = await places.get(uow, place_id)
            session = await uow.session.get(Session, session_id)
            if session is None or not await places.leave(uow, place_id, connection_id):
                return
            data = {"part": place.part, "code": place.code, "reason": "left"}
            await self._log.append(uow, session_id, EntryKind.LEFT, data)
            if session.state is SessionState.ACTIVE and place.part in (OFFICER, INTERPRETER):
                reason = PauseReason.INTERPRETER_LOST if place.part == INTERPRETER else PauseReason.CONNECTION_LOST
                await self._log.pause(uow, session_id, reason=reason)
            tell_place(uow, session, place_id)
        await self._media.drop(session_id, place_id, "left")

    async def heard(self, session_id: str, place_id: str) -> None:
        """Somebody is heard for the first time since they came: with both sides heard interpreting begins or goes on."""

        async def work() -> None:
            async with self._database.unit(Actor.system()) as uow:
                session = await uow.session.get(Session, session_id)
                if session is None or session.state in SESSION_OVER:
                    return
                seated = await places.of_session(uow, session_id)
                heard = {place.part for place in seated if place.heard_at is not None and place.here}
                # By relay nobody understands anybody until both interpreters are there; a team may begin with one.
                missing = [p for p in seated if p.part == INTERPRETER and p.state != "gone" and p.heard_at is None]
                if missing and await self._conduct.is_relay(uow, session.booking_id):
                    return
                resting = session.state is SessionState.PAUSED and session.reason == PauseReason.BREAK
                held = self.ladder is not None and not await self.ladder.may_go_on(uow, session)
                if {OFFICER, INTERPRETER} <= heard and not resting and not held:
                    await self._conduct.start(uow, session_id, medium=medium_of(seated).value)
                    await self.write_mode(uow, session_id)

        await self._database.retry(work)

    async def note_mode(self, session_id: str, _place_id: str) -> None:
        """A camera came or went: when the talk has another medium now, a new mode segment begins in the log."""

        async def work() -> None:
            async with self._database.unit(Actor.system()) as uow:
                session = await uow.session.get(Session, session_id)
                if session is not None and session.state is SessionState.ACTIVE:
                    await self.write_mode(uow, session_id)

        await self._database.retry(work)

    async def write_mode(self, uow: UnitOfWork, session_id: str) -> Medium | None:
        """Begin a new mode segment if the talk goes by another medium than the log says; which one, if so.

        The row of the session is held from before the log is read: two changes at once make one segment, on either engine.
        """
        await locked_session(uow, session_id)
        seated = await places.of_session(uow, session_id)
        segments = [entry for entry in await self._log.entries(uow, session_id) if entry["kind"] == EntryKind.MODE]
        medium = medium_of(seated)
        before = Medium(str(segments[-1]["data"]["mode"])) if segments else None
        if before is None or before is medium:
            return None
        known = self.ladder is not None and medium is Medium.PHONE
        by_phone = await self.ladder.phone_reason(uow, session_id) if self.ladder and known else ModeWhy.LINE_LOST
        why = why_now(before, seated, by_phone)
        await self._log.append(uow, session_id, EntryKind.MODE, {"mode": medium.value, "reason": why.value})
        return medium

    async def reached(self, session_id: str, place_id: str) -> None:
        """The node hears a browser again: a loss over 10 s is written with its length, a shorter one is forgotten."""
        async with self._database.unit(Actor.system()) as uow:
            place = await places.get(uow, place_id)
            session = await uow.session.get(Session, session_id)
            if session is None or session.state in SESSION_OVER:
                return
            lost_from = place.media_lost_at
            if lost_from is not None:
                await places.change(uow, place_id, media_lost_at=None)
                if place.here:
                    await self.lines.back(uow, session, place, lost_from)
                elif place.state == "lost":
                    # Their socket is still away: one loss that goes on, since the sound went if that was first.
                    await places.change(uow, place_id, since=place.lost_from)
            again = place.heard_at is None and lost_from is not None and await places.first_sound(uow, place_id)
            tell_place(uow, session, place_id)
        if again:
            await self.heard(session_id, place_id)

    async def room_snapshot(self, entered: Entered, position: Position) -> dict[str, Any] | None:
        """The room as this person may see it; none for a check."""
        if entered.session_id.startswith(CHECK_PREFIX):
            return None
        async with self._database.read(Actor.system()) as unit:
            session = await unit.session.get(Session, entered.session_id)
            if session is None:
                raise NotFound("session_unknown")
            case = await unit.session.get(Case, session.case_id) if session.case_id else None
            seated = await places.of_session(unit, entered.session_id)
            entries = (
                list(await self._log.entries(unit, session.id, last=LOG_LINES)) if entered.place.part == OFFICER else []
            )
            facts = _facts(session, case, unit.now, medium_of(seated))
            relay = await relay_legs(unit, session.id, seated)
            aids = await self._aids.snapshot(unit, session, entered.place.part)
            ladder = None if self.ladder is None else await self.ladder.view(unit, session)
        return {**snapshot(facts, entered.place, seated, entries, position, relay, ladder), "aids": aids}

    async def _sit(self, uow: UnitOfWork, session_id: str, place_id: str, *, came_back: bool) -> Entered:
        """Rows are locked in one order everywhere: booking, place, session."""
        session = await running_session(uow, session_id)
        if (await places.get(uow, place_id)).part == INTERPRETER:
            await self._conduct.arrived(uow, session_id, code=(await places.get(uow, place_id)).code)
        seat = await places.take(uow, place_id)
        await self._arrived(uow, session, seat)
        return Entered(session_id, seat.place, seat.secret, seat.place.user_id, came_back=came_back)

    async def _arrived(self, uow: UnitOfWork, session: Session, seat: Seat) -> None:
        before, place = seat.before, seat.place
        if before.state in ("invited", "left"):
            await places.change(uow, place.id, heard_at=None, media_lost_at=None, loss_logged_at=None)
            await self._log.arrive(uow, session.id, part=place.part, code=place.code)
            tell_place(uow, session, place.id, "participant.joined")
            return
        # Whoever is on the telephone was not away, whatever became of the browser.
        silent = before.seen_at if before.state == "present" and before.phone_leg_id is None else None
        lost_from = before.lost_from or silent
        if lost_from is not None:
            await self.lines.socket_back(uow, session, before, lost_from)
        tell_place(uow, session, place.id)


def tell_room(uow: UnitOfWork, session: Session, name: str, data: dict[str, Any], *, topic: str | None = None) -> None:
    """Numbered news of a room, told after the commit and never without it; ``topic`` for what only one of the people may hear."""
    body = {"session_id": session.id, "name": name, "at": instant(uow.now), "data": data} | (
        {"topic": topic} if topic else {}
    )
    uow.emit(ROOM_TOLD, body, country=session.country)


def tell_place(uow: UnitOfWork, session: Session, place_id: str, name: str = "participant.changed") -> None:
    """The same for a participant: whoever tells it reads the place anew, so that news that overtake each other end in the truth."""
    body = {"session_id": session.id, "name": name, "at": instant(uow.now), "place_id": place_id}
    uow.emit(ROOM_TOLD, body, country=session.country)


def check_place(room: str) -> Place:
    """The place of the only person in a check room."""
    nothing: Any = None
    return Place(
        id=room, session_id=room, part=CHECK_PART, code=None, user_id=None, state="present", connection_id=room,
        seen_at=nothing, since=nothing, audio=True, video=True, has_audio=False, has_video=False, grade=None,
        heard_at=nothing, media_lost_at=nothing, loss_logged_at=nothing,
    )  # fmt: skip


async def running_session(unit: ReadUnit, session_id: str) -> Session:
    """The session, if people can still come in. Raises ``NotFound('session_unknown')``, ``Conflict('session_over')``."""
    session = await unit.session.get(Session, session_id)
    if session is None:
        raise NotFound("session_unknown")
    if session.state in SESSION_OVER:
        raise Conflict("session_over")
    return session


def _facts(session: Session, case: Case | None, now: datetime, medium: Medium) -> RoomFacts:
    running = timedelta(milliseconds=session.interpreting_ms)
    if session.state is SessionState.ACTIVE:
        running += now - session.state_since
    child = case is not None and case.age_group in ("0-13", "14-15", "16-17")
    return RoomFacts(
        session_id=session.id,
        state=session.state.value,
        state_since=session.state_since,
        pause_reason=session.reason if session.state is SessionState.PAUSED else None,
        mode=session.mode,
        step_code=session.step_code,
        language=session.language_declared,
        language_confirmed=session.language_confirmed,
        officer_language=session.officer_language,
        interpreting_s=int(running.total_seconds()),
        block_limit_min=block_limit_min(mode=medium.value, child=child, needs=case.needs if case is not None else []),
        case_ref=case.case_ref if case is not None else "",
        join_by=session.join_by,
    )
