"""The waiting list: whoever gets free is given to the oldest appointment that still lacks somebody and fits.

Served on every release: cancellation, drop-out, a move, a hold or a kept place that ran out. One mechanism with the ring: who has
stated that they work then is booked at once, others are asked. Appointments with two interpreters stand in the same line; what
they keep and when they are served is in ``places``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import exists, select

from core.db.session import UnitOfWork
from scheduler.assignments import Assignments
from scheduler.booking.leg_ring import LAPSED
from scheduler.booking.leg_rounds import WAITING_RUNG
from scheduler.booking.places import WaitingPlaces, ask_until
from scheduler.eligibility import Rule
from scheduler.legs import Way
from scheduler.lifecycle import AssignmentState, BookingMove, OfferState, WithdrawReason, advance
from scheduler.locks import try_hold_person, try_lock_booking
from scheduler.models import Assignment, Booking, Offer
from scheduler.needs import need_from_json
from scheduler.news import tell_booking
from scheduler.queries import candidates_by_id
from scheduler.ranking import rank
from scheduler.rounds import Rounds
from scheduler.waiting_line import WAITING

LOOK_AT = 30
"""How many waiting appointments are looked at for somebody who got free."""
NEAR = timedelta(hours=24)
"""Work given up also frees minutes of the day and breaks: so far around it an appointment may have become possible."""


class WaitingList:
    """Serves appointments that wait for somebody."""

    def __init__(self, rounds: Rounds, assignments: Assignments, places: WaitingPlaces) -> None:
        self._rounds = rounds
        self._assignments = assignments
        self._places = places

    async def freed(self, uow: UnitOfWork, interpreter_id: str, start: datetime, end: datetime) -> None:
        """Somebody got free between ``start`` and ``end``. The unit may hold a booking: nothing is waited for here."""
        await uow.flush()
        gave_back = exists().where(
            Assignment.booking_id == Booking.id,
            Assignment.interpreter_id == interpreter_id,
            Assignment.state.in_([AssignmentState.RELEASED, AssignmentState.BROKEN]),
            Assignment.reason.is_distinct_from(LAPSED),
        )
        declined = exists().where(
            Offer.booking_id == Booking.id,
            Offer.interpreter_id == interpreter_id,
            Offer.state.in_([OfferState.DECLINED, OfferState.PENDING]),
        )
        rows = await uow.session.scalars(
            select(Booking.id)
            .where(
                Booking.kind != "now",
                Booking.state.in_(WAITING),
                Booking.starts_at > uow.now,
                Booking.starts_at < end + NEAR,
                Booking.ends_at > start - NEAR,
                ~gave_back,
                ~declined,
            )
            .order_by(Booking.priority, Booking.requested_at, Booking.id)
            .limit(LOOK_AT)
        )
        waiting = list(rows)
        if not waiting or not await try_hold_person(uow, interpreter_id):
            return
        for booking_id in waiting:
            booking = await try_lock_booking(uow, booking_id)
            if booking is None or booking.state not in WAITING:
                continue
            if Way(booking.way) is Way.DIRECT:
                await self._serve(uow, booking, interpreter_id)
            else:
                await self._places.serve(uow, booking, interpreter_id)

    async def _serve(self, uow: UnitOfWork, booking: Booking, interpreter_id: str) -> None:
        if any(one.rule is not Rule.PRESENCE for one in await self._assignments.refusals(uow, booking, interpreter_id)):
            return
        need = replace(need_from_json(booking.need), now=uow.now)
        (person,) = await candidates_by_id(uow, [interpreter_id], need=need)
        matches = rank(need, [person], await self._rounds.rules(uow, booking.step_code))
        if not matches:
            return
        if person.at_desk:
            booking.state = advance(booking.state, BookingMove.ASSIGN)
            await self._assignments.bind(uow, booking, interpreter_id, rung=WAITING_RUNG)
            await self._rounds.end_pending(uow, booking, OfferState.WITHDRAWN, WithdrawReason.TAKEN)
        else:
            deadline = ask_until(booking, uow.now)
            await self._rounds.send(uow, booking, matches, WAITING_RUNG, deadline)
            booking.version += 1
        await uow.flush()
        tell_booking(uow, booking)
