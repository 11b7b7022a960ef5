"""The ladder at work: counts a lost line down, hands the call to telephony, tells the room, and writes each step into the log.

Rounds of the watch drive it; every step is one transaction on the ladder's own row, so that a process that dies in between leaves
what another one goes on with. Telephony gives the same leg again while one is under way, so that nobody is rung twice.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlalchemy import or_, select

from core.access import Actor
from core.clock import new_id
from core.db.session import Database, ReadUnit, UnitOfWork
from core.errors import AppError
from records.entry_kinds import EntryKind
from records.models import Session, SessionParticipant
from records.session_log import SessionLog
from signaling.calls import tell_room
from signaling.fallback.facts import Do, PhoneAdvice, Plan
from signaling.fallback.models import FallbackCall, FallbackRoom
from signaling.fallback.reading import RUNNING, Reading, Seen, locked_room
from signaling.fallback.rules import RING_AFTER, SHOW_AFTER, decide, phone_closed, time_away
from signaling.fallback.states import CALL, CallMove, CallState, Rung, Why
from signaling.fallback.viewing import Viewing
from signaling.places import IN_ROOM
from signaling.telephony.port import CallReason, PhoneLegs

log = logging.getLogger(__name__)
HANDED_WITHIN = timedelta(seconds=6)
"""A call that was taken and not handed over for so long was taken by a process that is gone."""
CHANGED = "fallback.changed"
"""News of a room: the whole ladder anew (docs/protocol.md)."""
_REASONS = {
    Why.LINE_LOST.value: CallReason.LOST_LINK,
    Why.WEAK_LINE.value: CallReason.BAD_LINK,
    Why.ASKED.value: CallReason.ASKED,
}


class LadderService:
    """Moves the ladder of running sessions."""

    def __init__(
        self, database: Database, session_log: SessionLog, reading: Reading, viewing: Viewing, phone: PhoneLegs
    ) -> None:
        self._database = database
        self._log = session_log
        self._reading = reading
        self._viewing = viewing
        self._phone = phone

    async def round(self) -> None:
        """Look at every session in which somebody's line is lost or weak or a call is under way, then place what is due."""
        async with self._database.read(Actor.system()) as unit:
            troubled = await self._troubled(unit)
        for session_id in troubled:
            await self._guarded(session_id, self._look)
        async with self._database.read(Actor.system()) as unit:
            due = await self._due(unit)
        for call_id in due:
            await self._guarded(call_id, self.place)

    async def begin_call(
        self, uow: UnitOfWork, seen: Seen, place_id: str, *, reason: Why, now: bool = True
    ) -> FallbackCall:
        """A call to somebody, counted down or due at once. The database refuses a second one: ``Conflict('call_under_way')``."""
        place = seen.place(place_id)
        since = place.lost_from
        due = uow.now if now or since is None else max(since + RING_AFTER, uow.now)
        row = FallbackCall(
            id=new_id("fcall"), country=seen.session.country, session_id=seen.session.id, place_id=place_id,
            state=CallState.WAITING, reason=reason.value, lost_from=since, due_at=due, made_at=uow.now,
        )  # fmt: skip
        uow.session.add(row)
        await uow.flush()
        return row

    async def place(self, call_id: str) -> None:
        """Hand a due call to telephony. Done again after a kill it gives the same leg."""
        async with self._database.unit(Actor.system()) as uow:
            call = await _locked_call(uow, call_id)
            if call is None or call.state not in (CallState.WAITING, CallState.PLACING) or call.due_at > uow.now:
                return
            session = await uow.session.get_one(Session, call.session_id, populate_existing=True)
            if call.state is CallState.WAITING and session.state not in RUNNING:
                call.state, call.ended_at = CALL.advance(call.state, CallMove.STOP), uow.now
                call.why = Why.NOT_RUNNING.value
                return
            if call.state is CallState.WAITING:
                call.state, call.placed_at = CALL.advance(call.state, CallMove.TAKE), uow.now
            session_id, place_id, reason = call.session_id, call.place_id, _REASONS[call.reason]
            user_id = await uow.session.scalar(
                select(SessionParticipant.user_id).where(SessionParticipant.id == place_id)
            )
        try:
            number = None if user_id is None else await self._phone.number_of(user_id)
            if number is None:
                raise AppError(Why.NO_NUMBER.value)
            leg_id = await self._phone.call_out(session_id, place_id, number, reason=reason)
        except AppError as error:
            await self._settle(call_id, CallMove.END, why=error.code)
            return
        await self._settle(call_id, CallMove.HAND_OVER, leg_id=leg_id)

    async def tell(self, uow: UnitOfWork, session: Session, room: FallbackRoom) -> None:
        """The ladder anew to everybody in the room, after the commit."""
        room.version += 1
        await uow.flush()
        tell_room(uow, session, CHANGED, await self._viewing.view(uow, session))

    async def write_call(self, uow: UnitOfWork, call: FallbackCall, event: str, reason: str | None) -> None:
        """A step of a call in the log; who it is by part and code."""
        place = await uow.session.get_one(SessionParticipant, call.place_id)
        data = {"event": event, "reason": reason, "part": place.part, "code": place.code}
        await self._log.append(uow, call.session_id, EntryKind.PHONE_CALL, data)

    async def _settle(self, call_id: str, move: CallMove, *, why: str | None = None, leg_id: str | None = None) -> None:
        async with self._database.unit(Actor.system()) as uow:
            call = await _locked_call(uow, call_id)
            if call is None or call.state is not CallState.PLACING:
                return
            session = await uow.session.get_one(Session, call.session_id)
            room = await locked_room(uow, session)
            call.state = CALL.advance(call.state, move)
            call.leg_id, call.why = leg_id, why
            if move is CallMove.END:
                call.ended_at = uow.now
            if session.state not in RUNNING:
                return  # its log is closed and nobody is in the room any more
            await self.write_call(uow, call, "rung" if leg_id else "not_rung", why or call.reason)
            await self.tell(uow, session, room)

    async def _look(self, session_id: str) -> None:
        async with self._database.unit(Actor.system()) as uow:
            session = await uow.session.get(Session, session_id)
            if session is None or session.state not in RUNNING:
                return
            room = await locked_room(uow, session)
            seen = await self._reading.seen(uow, session)
            plan = decide(seen.facts)
            changed = False
            for advice in plan.phone:
                changed |= await self._move(uow, seen, advice)
            if plan.ask_person and room.agreement is None:
                room.agreement, room.agreement_at, changed = "asked", uow.now, True
            if plan.stop is not None and room.stop_reason is None:
                room.stop_reason, room.stop_at, changed = plan.stop.value, uow.now, True
                away = int(time_away(seen.facts.losses, uow.now).total_seconds())
                data = {"reason": plan.stop.value, "losses": len(seen.facts.losses), "seconds": away}
                await self._log.append(uow, session_id, EntryKind.STOP_PROPOSED, data)
            digest = _digest(plan)
            if changed or digest != room.told:
                room.told = digest
                await self.tell(uow, session, room)

    async def _move(self, uow: UnitOfWork, seen: Seen, advice: PhoneAdvice) -> bool:
        """Bring the calls to one person where the rules want them."""
        place, call = seen.place(advice.place_id), seen.open_call(advice.place_id)
        if call is not None and call.state is CallState.WAITING:
            if call.reason == Why.LINE_LOST and place.lost_from is None:
                call.state, call.why, call.ended_at = CallState.STOPPED, "line_back", uow.now
                return True
            return False
        since = place.lost_from
        if call is not None or since is None or uow.now - since < SHOW_AFTER:
            return False
        if advice.do in (Do.WAIT, Do.RING):
            await self.begin_call(uow, seen, place.id, reason=Why.LINE_LOST, now=False)
            return True
        latest = next((one for one in reversed(seen.calls) if one.place_id == place.id), None)
        answered = latest is not None and latest.lost_from is not None and latest.lost_from >= since
        closed = phone_closed(seen.facts, next(p for p in seen.facts.people if p.place_id == place.id))
        if advice.do is Do.NOTHING and closed is not None and not answered and uow.now - since >= RING_AFTER:
            await self._pass_over(uow, seen, place.id, closed)
            return True
        return False

    async def _pass_over(self, uow: UnitOfWork, seen: Seen, place_id: str, why: Why) -> None:
        """The rung of the telephone is closed for this loss: noted once, and the next rung is what stands on the screens."""
        place = seen.place(place_id)
        uow.session.add(
            FallbackCall(
                id=new_id("fcall"), country=seen.session.country, session_id=seen.session.id, place_id=place_id,
                state=CallState.STOPPED, reason=Why.LINE_LOST.value, lost_from=place.lost_from, due_at=uow.now,
                made_at=uow.now, ended_at=uow.now, why=why.value,
            )
        )  # fmt: skip
        data = {"rung": Rung.CALLBACK.value, "reason": why.value, "part": place.part, "code": place.code}
        await self._log.append(uow, seen.session.id, EntryKind.FALLBACK, data)

    async def _troubled(self, unit: ReadUnit) -> list[str]:
        lost = or_(
            SessionParticipant.state == "lost",
            SessionParticipant.media_lost_at.is_not(None),
            SessionParticipant.weak_since.is_not(None),
            SessionParticipant.phone_leg_id.is_not(None),
        )
        by_place = (
            select(SessionParticipant.session_id)
            .join(Session, Session.id == SessionParticipant.session_id)
            .where(SessionParticipant.state.in_(IN_ROOM), lost, Session.state.in_([one.value for one in RUNNING]))
        )
        by_call = (
            select(FallbackCall.session_id)
            .join(Session, Session.id == FallbackCall.session_id)
            .where(FallbackCall.state == CallState.WAITING, Session.state.in_([one.value for one in RUNNING]))
        )
        by_word = (
            select(FallbackRoom.session_id)
            .join(Session, Session.id == FallbackRoom.session_id)
            .where(FallbackRoom.told.is_not(None), Session.state.in_([one.value for one in RUNNING]))
        )
        found = [await unit.session.scalars(query) for query in (by_place, by_call, by_word)]
        return sorted({session_id for ids in found for session_id in ids})

    async def _due(self, unit: ReadUnit) -> list[str]:
        stale = unit.now - HANDED_WITHIN
        found = await unit.session.scalars(
            select(FallbackCall.id)
            .where(
                or_(
                    (FallbackCall.state == CallState.WAITING) & (FallbackCall.due_at <= unit.now),
                    (FallbackCall.state == CallState.PLACING) & (FallbackCall.placed_at <= stale),
                )
            )
            .order_by(FallbackCall.due_at)
        )
        return list(found)

    async def _guarded(self, subject: str, work: Callable[[str], Awaitable[None]]) -> None:
        """One session's trouble is not that of the others."""
        try:
            await self._database.retry(lambda: work(subject))
        except AppError as error:
            log.warning("ladder_step_failed", extra={"code": error.code})
        except Exception:
            log.exception("ladder_step_broke")


def _digest(plan: Plan) -> str | None:
    """What of a plan the room sees, in short; none when all is calm."""
    if plan.calm:
        return None
    seen = (
        [(one.place_id, one.do.value, one.why.value) for one in plan.phone],
        plan.offered,
        [(one.rung.value, one.why.value) for one in plan.closed],
        (plan.ask_person, plan.may_go_on, plan.stop, plan.repeat),
    )
    return hashlib.sha256(repr(seen).encode()).hexdigest()


async def _locked_call(uow: UnitOfWork, call_id: str) -> FallbackCall | None:
    """The call under the lock of its session's ladder, read anew; the locks in one order everywhere."""
    session_id = await uow.session.scalar(select(FallbackCall.session_id).where(FallbackCall.id == call_id))
    if session_id is None:
        return None
    await locked_room(uow, await uow.session.get_one(Session, session_id))
    call: FallbackCall | None = await uow.session.get(FallbackCall, call_id, populate_existing=True)
    return call
