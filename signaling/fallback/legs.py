"""What the ladder makes of telephony's news: a call that rings, stands or is over, and what follows from it for the session.

News may come twice, late and in the wrong order: the state of a call only goes forward, and what follows is decided by the rows.
"""

from __future__ import annotations

import logging

from sqlalchemy import select

from core.access import Actor
from core.db.session import Database, UnitOfWork
from core.events.bus import Event
from records.models import Session
from signaling import places
from signaling.calls import CallService
from signaling.fallback.models import FallbackCall, FallbackRoom
from signaling.fallback.reading import RUNNING, locked_room
from signaling.fallback.service import LadderService
from signaling.fallback.states import CALL, CallMove, CallState
from signaling.telephony.port import LegState

log = logging.getLogger(__name__)
_ORDER = [state.value for state in (LegState.QUEUED, LegState.RINGING, LegState.ASKED)]


class LadderNews:
    """Hears of legs (group ``fallback``: one process hears each)."""

    def __init__(self, database: Database, ladder: LadderService, calls: CallService) -> None:
        self._database = database
        self._ladder = ladder
        self._calls = calls

    async def on_event(self, event: Event) -> None:
        """``telephony.leg_changed``; legs of the ring belong to no session and are none of ours."""
        body = event.body
        session_id, place_id, leg_id = body["session_id"], body["place_id"], str(body["leg_id"])
        if session_id is None or place_id is None:
            return
        state, why = str(body["state"]), body["why"]

        async def work() -> None:
            async with self._database.unit(Actor.system()) as uow:
                session = await uow.session.get(Session, session_id)
                if session is None or session.state not in RUNNING:
                    return
                room = await locked_room(uow, session)
                call = await self._call_of(uow, place_id, leg_id)
                if call is not None and not _moved(uow, call, leg_id, state, why):
                    return
                if state == LegState.IN_ROOM:
                    await self._in_room(uow, session, place_id, call)
                await self._agreement(uow, session, room)
                await self._ladder.tell(uow, session, room)

        await self._database.retry(work)

    async def _call_of(self, uow: UnitOfWork, place_id: str, leg_id: str) -> FallbackCall | None:
        """The call that this leg carries out; its row may not know the leg yet. None: somebody called in by themselves."""
        by_leg: FallbackCall | None = await uow.session.scalar(
            select(FallbackCall).where(FallbackCall.leg_id == leg_id).execution_options(populate_existing=True)
        )
        if by_leg is not None:
            return by_leg
        taken: FallbackCall | None = await uow.session.scalar(
            select(FallbackCall)
            .where(FallbackCall.place_id == place_id, FallbackCall.state == CallState.PLACING)
            .execution_options(populate_existing=True)
        )
        return taken

    async def _in_room(self, uow: UnitOfWork, session: Session, place_id: str, call: FallbackCall | None) -> None:
        """The interruption is over: they are heard again, by telephone (S-11)."""
        place = await places.get(uow, place_id)
        lost_from = uow.now if call is None else call.lost_from or uow.now
        if place.phone_leg_id is not None:
            await self._calls.lines.back(uow, session, place, lost_from)

    async def _agreement(self, uow: UnitOfWork, session: Session, room: FallbackRoom) -> None:
        """Asked when somebody is on the telephone in a step that asks; with nobody on it the answer is of no use any more."""
        seated = await places.of_session(uow, session.id)
        if not any(place.phone_leg_id is not None for place in seated):
            room.agreement = room.agreement_how = room.agreement_at = None
        elif room.agreement is None and not await self._calls_may_go_on(uow, session):
            room.agreement, room.agreement_at = "asked", uow.now

    async def _calls_may_go_on(self, uow: UnitOfWork, session: Session) -> bool:
        ladder = self._calls.ladder
        return ladder is None or await ladder.may_go_on(uow, session)


def _moved(uow: UnitOfWork, call: FallbackCall, leg_id: str, state: str, why: str | None) -> bool:
    """Bring the call to where the leg is. False: old news."""
    if call.state is CallState.PLACING:
        call.state, call.leg_id = CALL.advance(call.state, CallMove.HAND_OVER), leg_id
    if call.state is not CallState.CALLING:
        return False
    if state == LegState.ENDED:
        call.state, call.why, call.ended_at = CALL.advance(call.state, CallMove.END), why, uow.now
    elif _rank(state) < _rank(call.leg_state):
        return False
    call.leg_state = state
    return True


def _rank(state: str | None) -> int:
    """Queued, ringing, asked go forward only; in the room and held follow each other in any order."""
    return -1 if state is None else _ORDER.index(state) if state in _ORDER else len(_ORDER)
