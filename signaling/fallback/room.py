"""What people in a room say about the ladder: ring now, not by phone, back to video, sound only, the person's answer, going on.

Which part may send which message is decided before, in ``signaling.policy``; here is whose telephone and whether it fits now.
"""

from __future__ import annotations

from typing import Any

from core.access import Actor
from core.db.session import Database, UnitOfWork
from core.errors import Conflict, Forbidden, Invalid
from records.chain import JsonValue
from records.entry_kinds import EntryKind
from records.models import Session
from records.session_log import SessionLog
from signaling import places
from signaling.calls import CallService, running_session
from signaling.fallback.facts import Do
from signaling.fallback.models import FallbackRoom
from signaling.fallback.opening import Openings
from signaling.fallback.reading import Reading, Seen, locked_room
from signaling.fallback.rules import decide, phone_closed
from signaling.fallback.service import LadderService
from signaling.fallback.states import CALL, CallMove, CallState, Rung, Why
from signaling.places import Place
from signaling.realtime.protocol import RoomAgree, RoomGoOn, RoomMessage, RoomOpening, RoomPhone, RoomSoundOnly
from signaling.realtime.rooms import OFFICER
from signaling.telephony.port import LegWhy, PhoneLegs

OWN_SCREEN = "own_screen"
BY_INTERPRETER = "interpreter"
_REFUSALS = {
    Why.SEALED: "phone_needs_open",
    Why.STEP_FORBIDS: "phone_not_allowed",
    Why.NOT_CONFIGURED: "telephony_not_configured",
}
"""The codes of telephony for the same refusals: one plain sentence wherever somebody asks for a telephone."""


class LadderRoom:
    """The people's words about the ladder."""

    def __init__(
        self,
        database: Database,
        session_log: SessionLog,
        reading: Reading,
        ladder: LadderService,
        calls: CallService,
        phone: PhoneLegs,
        openings: Openings,
    ) -> None:
        self._database = database
        self._log = session_log
        self._reading = reading
        self._ladder = ladder
        self._calls = calls
        self._phone = phone
        self._openings = openings

    async def handle(self, place: Place, message: RoomMessage) -> dict[str, Any]:
        """Do what the message says. Raises coded errors."""
        match message:
            case RoomPhone(do="ring"):
                await self._ring(place, message.place)
            case RoomPhone(do="stop"):
                await self._not_by_phone(place, message.place)
            case RoomPhone():
                await self._back(place, message.place)
            case RoomSoundOnly():
                await self._sound_only(place, on=message.on)
            case RoomAgree():
                await self._agree(place, yes=message.yes)
            case RoomGoOn():
                await self._go_on(place, message.after)
            case RoomOpening():
                return await self._openings.handle(place, message)
            case _:
                raise Invalid("message_not_here", {"type": message.t})
        return {}

    async def _ring(self, who: Place, target: str) -> None:
        """Ring now: a call that is counted down becomes due, another begins. Raises ``Conflict``: why it cannot be."""
        _own_or_officer(who, target)
        async with self._database.unit(Actor.system()) as uow:
            session, room, seen = await self._seen(uow, who.session_id)
            call = seen.open_call(target)
            if call is not None and call.state is not CallState.WAITING:
                raise Conflict("call_under_way")
            if call is None:
                advice = next((one for one in decide(seen.facts).phone if one.place_id == target), None)
                if advice is None or advice.do not in (Do.OFFER, Do.WAIT, Do.RING):
                    why = phone_closed(seen.facts) or (advice.why if advice else Why.NOT_RUNNING)
                    raise Conflict(_REFUSALS.get(why, "phone_not_now"), {"why": why.value})
                lost = seen.place(target).lost_from is not None
                reason = Why.LINE_LOST if lost else Why.WEAK_LINE
                call = await self._ladder.begin_call(uow, seen, target, reason=reason)
            call.due_at = uow.now
            call_id = call.id
            await self._ladder.tell(uow, session, room)
        await self._ladder.place(call_id)

    async def _not_by_phone(self, who: Place, target: str) -> None:
        """No telephone for this loss; a call that rings already is taken back."""
        _own_or_officer(who, target)
        leg_id = None
        async with self._database.unit(Actor.system()) as uow:
            session, room, seen = await self._seen(uow, who.session_id)
            call = seen.open_call(target)
            if call is None:
                raise Conflict("no_call_under_way")
            if call.state is CallState.WAITING:
                call.state, call.ended_at = CALL.advance(call.state, CallMove.STOP), uow.now
                call.why = Why.NOT_BY_PHONE.value
                await self._ladder.write_call(uow, call, "not_rung", Why.NOT_BY_PHONE.value)
                await self._ladder.tell(uow, session, room)
            else:
                leg_id = call.leg_id
        if leg_id is not None:
            await self._phone.hang_up(leg_id)

    async def _back(self, who: Place, target: str) -> None:
        """Step up by one tap of the one on the telephone, whose browser is there; never by itself in the middle of a sentence."""
        if who.id != target:
            raise Forbidden("not_for_your_part")
        async with self._database.unit(Actor.system()) as uow:
            place = await places.get(uow, who.id)
            leg_id = place.phone_leg_id
            if leg_id is None:
                raise Conflict("not_on_phone")
            data = {"rung": Rung.VIDEO.value, "reason": Why.BACK_TO_VIDEO.value, "part": place.part, "code": place.code}
            await self._log.append(uow, who.session_id, EntryKind.FALLBACK, data)
        await self._phone.hang_up(leg_id, why=LegWhy.REPLACED)

    async def _sound_only(self, who: Place, *, on: bool) -> None:
        """Sound only for everybody, and back by the same tap."""
        async with self._database.unit(Actor.system()) as uow:
            session = await running_session(uow, who.session_id)
            room = await locked_room(uow, session)
            if room.sound_only is on:
                return
            room.sound_only = on
            rung, why = (Rung.AUDIO, Why.SOUND_ONLY) if on else (Rung.VIDEO, Why.CAMERA_ON)
            data = {"rung": rung.value, "reason": why.value, "part": who.part, "code": who.code}
            await self._log.append(uow, session.id, EntryKind.FALLBACK, data)
            await self._ladder.tell(uow, session, room)

    async def _agree(self, who: Place, *, yes: bool) -> None:
        """The person's answer to going on by telephone: on the own screen, or told by the officer through the interpreter (S-11).

        With a yes interpreting goes on. After a no it stands still and it is proposed to stop and book again.
        """
        async with self._database.unit(Actor.system()) as uow:
            session, room, seen = await self._seen(uow, who.session_id)
            facts = seen.facts
            if not facts.asks_person or not any(person.on_phone for person in facts.people):
                raise Conflict("nothing_asked")
            answer = "yes" if yes else "no"
            if room.agreement == answer:
                return
            how = BY_INTERPRETER if who.part == OFFICER else OWN_SCREEN
            room.agreement, room.agreement_how, room.agreement_at = answer, how, uow.now
            if not yes:
                room.stop_reason, room.stop_at = Why.PERSON_REFUSED.value, uow.now
            elif room.stop_reason == Why.PERSON_REFUSED:
                room.stop_reason = room.stop_at = None
            data = {"question": "phone", "answer": answer, "how": how, "part": "applicant"}
            await self._log.append(uow, session.id, EntryKind.AGREEMENT, data)
            if not yes:
                proposed: dict[str, JsonValue] = {
                    "reason": Why.PERSON_REFUSED.value,
                    "losses": len(facts.losses),
                    "seconds": 0,
                }
                await self._log.append(uow, session.id, EntryKind.STOP_PROPOSED, proposed)
            await self._ladder.tell(uow, session, room)
        if yes:
            await self._calls.heard(who.session_id, who.id)

    async def _go_on(self, who: Place, after: str) -> None:
        """The officer has seen the proposal to stop and goes on, or has repeated the last question."""
        async with self._database.unit(Actor.system()) as uow:
            session, room, seen = await self._seen(uow, who.session_id)
            if after == "repeat":
                room.repeated_at = uow.now
            elif room.stop_reason is not None:
                if not decide(seen.facts).may_go_on:
                    raise Conflict("agreement_needed")
                losses = len(seen.facts.losses)
                data: dict[str, JsonValue] = {"reason": room.stop_reason, "losses": losses}
                await self._log.append(uow, session.id, EntryKind.STOP_DECLINED, data)
                room.stop_reason, room.stop_at, room.answered_losses = None, None, losses
            await self._ladder.tell(uow, session, room)

    async def _seen(self, uow: UnitOfWork, session_id: str) -> tuple[Session, FallbackRoom, Seen]:
        session = await running_session(uow, session_id)
        room = await locked_room(uow, session)
        return session, room, await self._reading.seen(uow, session)


def _own_or_officer(who: Place, target: str) -> None:
    if who.part != OFFICER and who.id != target:
        raise Forbidden("not_for_your_part")
