"""Places the calls that wait, one process at a time and as many a second as the carrier allows; and looks after calls that got stuck.

A call is handed to the carrier once. When the carrier says "too many" it waits, longer each time; when our process dies in the
middle nobody knows whether it rang, so it ends, and the ladder goes on.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from core.access import Actor
from core.clock import Clock
from core.db.session import Database, ReadUnit
from core.jobs import Job, Lease
from records.lifecycle import SESSION_OVER
from records.models import Session
from scheduler.lifecycle import OfferState
from scheduler.models import Offer
from signaling import places
from signaling.telephony.desk import LONGEST_WAIT, Desk
from signaling.telephony.entering import PhoneRooms
from signaling.telephony.legs import LegService
from signaling.telephony.models import CarrierNews, PhoneLeg
from signaling.telephony.port import ALIVE, CallOrder, LegState, LegWhy, PhoneTrouble
from signaling.telephony.queue import opened, take_next
from signaling.telephony.troubles import Trouble, wait_before

log = logging.getLogger(__name__)
LOOK_EVERY_S = 0.5
WATCH_EVERY_S = 2.0
SHORTEST_RING_S = 8
STUCK = timedelta(seconds=45)
"""Handed over so long ago without a name from the carrier: our process died on the way."""
LONGEST_RING = timedelta(minutes=3)
LONGEST_QUESTION = timedelta(minutes=3)
LONGEST_HELD = LONGEST_WAIT + timedelta(minutes=3)
"""Those who wait are told after ``LONGEST_WAIT``; this is for a carrier that does not ask any more."""
MOST_TRIES = 6
NEWS_KEPT = timedelta(days=2)


@dataclass(frozen=True)
class _Taken:
    order: CallOrder
    attempts: int
    expires_at: datetime | None


class Dialling:
    """The queue."""

    def __init__(
        self,
        database: Database,
        legs: LegService,
        desk: Desk,
        rooms: PhoneRooms,
        clock: Clock,
        *,
        ring_seconds: int,
        calls_per_second: float,
    ) -> None:
        self._database = database
        self._legs = legs
        self._desk = desk
        self._rooms = rooms
        self._clock = clock
        self._ring_seconds = ring_seconds
        self._pause = 1.0 / calls_per_second
        self._next_at = 0.0

    def jobs(self) -> list[Job]:
        """What one process at a time does for all; nothing where no carrier is configured."""
        if not self._legs.configured:
            return []
        return [
            Job("telephony.dial", LOOK_EVERY_S, self.dial),
            Job("telephony.watch", WATCH_EVERY_S, self._watched),
        ]

    async def dial(self, lease: Lease) -> None:
        """Place what is due, one after another, in the carrier's pace."""
        while True:
            await asyncio.sleep(max(0.0, self._next_at - self._clock.monotonic()))
            taken = await self._take(lease)
            if taken is None:
                return
            self._next_at = self._clock.monotonic() + self._pause
            await self._place(taken)

    async def watch(self) -> None:
        """End what got stuck or lost its reason, and call those in whose other side has come."""
        async with self._database.read(Actor.system()) as unit:
            legs = (await unit.session.scalars(select(PhoneLeg).where(PhoneLeg.state.in_(ALIVE)))).all()
            found = [(leg.id, await self._useless(unit, leg)) for leg in legs]
            ready = [leg.call_id for leg in legs if leg.call_id and await self._awaited(unit, leg)]
        for leg_id, end in found:
            if end is not None:
                await self._legs.end(leg_id, end[0], error=end[1])
        for call_id in ready:
            await self._legs.provider.refresh(call_id)

    async def _watched(self, lease: Lease) -> None:
        await self.watch()
        async with lease.unit(Actor.system()) as uow:
            await uow.session.execute(delete(CarrierNews).where(CarrierNews.at < uow.now - NEWS_KEPT))

    async def _take(self, lease: Lease) -> _Taken | None:
        async with lease.unit(Actor.system()) as uow:
            leg = await take_next(uow, PhoneLeg, LegState.QUEUED)
            if leg is None:
                return None
            left = self._ring_seconds
            if leg.expires_at is not None:
                left = min(left, int((leg.expires_at - uow.now).total_seconds()))
            number = await opened(uow, self._legs.numbers, leg.number_id)
            order = CallOrder(leg.id, number, max(left, 0), leg.region)
            return _Taken(order, leg.attempts, leg.expires_at)

    async def _place(self, taken: _Taken) -> None:
        leg_id = taken.order.leg_id
        if not taken.order.number or taken.order.ring_seconds < min(SHORTEST_RING_S, self._ring_seconds):
            await self._legs.end(leg_id, LegWhy.CANCELLED)
            return
        try:
            call_id = await self._legs.provider.place(taken.order)
        except PhoneTrouble as trouble:
            if (
                trouble.again_in is None
                or taken.attempts >= MOST_TRIES
                or not await self._wait(taken, trouble.again_in)
            ):
                await self._legs.end(leg_id, LegWhy.FAILED, error=trouble.code, carrier_code=trouble.carrier_code)
            return
        await self._desk.placed(leg_id, call_id)

    async def _wait(self, taken: _Taken, least: float) -> bool:
        """Back into the queue, longer each time; and everybody behind it waits as long: the carrier meant all of us."""
        seconds = max(least, wait_before(taken.attempts))
        self._next_at = max(self._next_at, self._clock.monotonic() + min(seconds, 4.0))
        async with self._database.unit(Actor.system()) as uow:
            leg = await self._legs.locked(uow, taken.order.leg_id)
            due = uow.now + timedelta(seconds=seconds)
            if leg.state is not LegState.QUEUED or (taken.expires_at is not None and due >= taken.expires_at):
                return leg.state is not LegState.QUEUED
            leg.taken_at, leg.due_at = None, due
        return True

    async def _useless(self, unit: ReadUnit, leg: PhoneLeg) -> tuple[LegWhy, str | None] | None:
        """Why a call ends that nobody else ends."""
        for state, since, limit, why, error in (
            (
                LegState.QUEUED,
                leg.taken_at if leg.call_id is None else None,
                STUCK,
                LegWhy.FAILED,
                Trouble.PLACING_LOST,
            ),
            (LegState.QUEUED, leg.taken_at, LONGEST_RING, LegWhy.NO_ANSWER, None),
            (LegState.RINGING, leg.rung_at, LONGEST_RING, LegWhy.NO_ANSWER, None),
            (LegState.ASKED, leg.lifted_at, LONGEST_QUESTION, LegWhy.DECLINED, None),
            (LegState.HELD, leg.lifted_at if leg.joined_at is None else None, LONGEST_HELD, LegWhy.CANCELLED, None),
        ):
            if leg.state is state and since is not None and unit.now - since > limit:
                return why, error
        if leg.offer_id is not None and leg.session_id is None and leg.state in (LegState.QUEUED, LegState.RINGING):
            state = await unit.session.scalar(select(Offer.state).where(Offer.id == leg.offer_id))
            if state is not OfferState.PENDING:
                return LegWhy.CANCELLED, None
        return await self._without_room(unit, leg)

    async def _without_room(self, unit: ReadUnit, leg: PhoneLeg) -> tuple[LegWhy, str | None] | None:
        if leg.session_id is None or leg.place_id is None:
            return None
        session = await unit.session.get(Session, leg.session_id)
        if session is None or (session.state in SESSION_OVER and leg.state in (LegState.QUEUED, LegState.RINGING)):
            return LegWhy.SESSION_OVER, None
        if session.state in SESSION_OVER and session.state_since < unit.now - timedelta(seconds=20):
            # A call that waits or is in the room hears in words that it is over; this is for those whose carrier is silent.
            return LegWhy.SESSION_OVER, None
        place = await places.get(unit, leg.place_id)
        if place.state == "gone" or (leg.state is LegState.IN_ROOM and place.phone_leg_id != leg.id):
            return LegWhy.REPLACED, None
        return None

    async def _awaited(self, unit: ReadUnit, leg: PhoneLeg) -> bool:
        if leg.state is not LegState.HELD or leg.place_id is None or leg.session_id is None:
            return False
        if leg.ticket_hash is not None and leg.ticket_until is not None and leg.ticket_until > unit.now:
            # It is on its way in: asked again now it would hear the beginning of the sentence for ever.
            return False
        return await self._rooms.other_side_here(unit, await places.get(unit, leg.place_id))
