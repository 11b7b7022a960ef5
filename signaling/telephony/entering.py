"""Taking a place in a room by telephone, and giving it up: rows and log here, sound by the line of the media node."""

from __future__ import annotations

from sqlalchemy import select

from core.access import Actor
from core.clock import new_id
from core.db.session import Database, ReadUnit, UnitOfWork
from core.errors import AppError, Conflict, NotFound
from media.lines.protocol import Codec, LineTicket
from records.entry_kinds import EntryKind
from records.models import Session
from records.session_log import SessionLog
from scheduler.conduct import ConductService
from signaling import places
from signaling.call_room import CallRoom
from signaling.calls import CallService, running_session, tell_place
from signaling.nodes import Placement
from signaling.places import Place
from signaling.policy import demand, may_room
from signaling.realtime.protocol import RoomSignal, SignalKind
from signaling.realtime.rooms import INTERPRETER, OFFICER
from signaling.telephony.legs import LegService
from signaling.telephony.models import PhoneLeg
from signaling.telephony.port import LegId, LegMove, LegState

SIGNALS: dict[str, SignalKind] = {"1": "repeat", "2": "break"}
LEAVE = "9"
CONSENTS = {"4": True, "6": False}
"""The own answer to the question about a draft transcript that somebody said in the room: yes; no, or a yes taken back."""
CONFIRM = "5"
"""The interpreter's word that they asked somebody without a screen, and heard the yes that the officer noted."""


class PhoneRooms:
    """Rooms as a telephone meets them."""

    def __init__(
        self,
        database: Database,
        legs: LegService,
        session_log: SessionLog,
        conduct: ConductService,
        calls: CallService,
        room: CallRoom,
        placement: Placement,
    ) -> None:
        self._database = database
        self._legs = legs
        self._log = session_log
        self._conduct = conduct
        self._calls = calls
        self._room = room
        self._placement = placement

    async def other_side_here(self, unit: ReadUnit, place: Place) -> bool:
        """Whether the one is there whom an interpreter waits for; nobody else waits."""
        if place.part != INTERPRETER:
            return True
        return any(seat.part == OFFICER and seat.here for seat in await places.of_session(unit, place.session_id))

    async def reserve(self, uow: UnitOfWork, place: Place) -> None:
        """The interpreter is on the telephone although not in the room yet: nobody else is searched."""
        if place.part == INTERPRETER:
            await self._conduct.arrived(uow, place.session_id, code=place.code)

    async def place_of(self, unit: ReadUnit, session_id: str, interpreter_code: str) -> Place | None:
        """The place of an interpreter who was just bound."""
        for place in await places.of_session(unit, session_id):
            if place.part == INTERPRETER and place.code == interpreter_code and place.state != "gone":
                return place
        return None

    async def join(self, leg_id: LegId, codec: Codec) -> LineTicket:
        """Into the room: rows first, then the line; without a line the leg is on hold again.

        Raises ``Conflict``: ``session_over``, ``leg_over``, ``phone_needs_open``, ``phone_not_allowed``; ``NotFound``; ``Unavailable``.
        """

        async def work() -> tuple[str, str]:
            async with self._database.unit(Actor.system()) as uow:
                session_id = await uow.session.scalar(select(PhoneLeg.session_id).where(PhoneLeg.id == leg_id))
                if session_id is None:
                    raise NotFound("session_unknown")
                session = await running_session(uow, session_id)
                self._legs.demand_phone(session)
                # Rows are locked in one order everywhere: leg, booking, place, session.
                leg = await self._legs.locked(uow, leg_id)
                if leg.state is LegState.ENDED:
                    raise Conflict("leg_over")
                await self._seat(uow, session, leg)
                return session_id, leg.place_id or ""

        session_id, place_id = await self._database.retry(work)
        try:
            _, client = await self._placement.ensure(session_id)
            ticket = await client.open_line(session_id, place_id, codec)
        except AppError:
            await self.out(leg_id)
            raise
        await self._calls.note_mode(session_id, place_id)
        return ticket

    async def out(self, leg_id: LegId) -> None:
        """Out of the room and on hold: the sound is gone, the call is not."""
        async with self._database.unit(Actor.system()) as uow:
            leg = await self._legs.locked(uow, leg_id)
            if leg.state is not LegState.IN_ROOM or leg.place_id is None or leg.session_id is None:
                return
            self._legs.move(uow, leg, LegMove.WAIT)
            session = await uow.session.get(Session, leg.session_id)
            if await places.end_phone(uow, leg.place_id, leg.id) and session is not None:
                tell_place(uow, session, leg.place_id)

    async def signal(self, session_id: str, place_id: str, digit: str) -> None:
        """A key in the room as that participant's signal. Raises ``Conflict``, ``Forbidden``."""
        async with self._database.read(Actor.system()) as unit:
            place = await places.get(unit, place_id)
        message = RoomSignal(t="room.signal", id=new_id("key"), kind=SIGNALS[digit])
        demand(may_room(place.part, message.t, message.kind), refused="not_for_your_part")
        await self._room.handle(place, message)

    async def consent(self, place_id: str, digit: str) -> None:
        """A key as that participant's answer about a draft transcript, or as word for another's.

        Raises ``Conflict``, and ``NotFound`` where nobody asked."""
        async with self._database.read(Actor.system()) as unit:
            place = await places.get(unit, place_id)
        demand(may_room(place.part, "room.speech"), refused="not_for_your_part")
        if self._room.speech is None:
            return
        if digit == CONFIRM:
            await self._room.speech.confirm(place)
        else:
            await self._room.speech.key(place, agrees=CONSENTS[digit])

    async def leave(self, session_id: str, place_id: str) -> None:
        """Out of the session on purpose, unless their browser waits there: then it goes on with that."""
        async with self._database.read(Actor.system()) as unit:
            place = await places.get(unit, place_id)
        if place.state != "present":
            await self._calls.leave(session_id, place_id, None)

    async def _seat(self, uow: UnitOfWork, session: Session, leg: PhoneLeg) -> None:
        place_id = leg.place_id or ""
        place = await places.get(uow, place_id)
        await self.reserve(uow, place)
        seat = await places.join_by_phone(uow, place_id, leg.id)
        if leg.state is not LegState.IN_ROOM:
            first = leg.joined_at is None
            self._legs.move(uow, leg, LegMove.JOIN)
            if first:
                data = {"event": "joined", "reason": leg.reason, "part": place.part, "code": place.code}
                await self._log.append(uow, session.id, EntryKind.PHONE_CALL, data)
        if seat is None:
            return
        await places.change(uow, place_id, heard_at=None)
        if seat.before.state in ("invited", "left"):
            await self._log.arrive(uow, session.id, part=place.part, code=place.code)
            tell_place(uow, session, place_id, "participant.joined")
        else:
            tell_place(uow, session, place_id)
