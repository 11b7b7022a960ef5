"""Offers: accepting with exactly one winner, declining, people who vanish, and the oldest request first for who gets free.

The race is settled by one conditional update of the booking and, behind it, by the database's constraints. ``round`` is the
fencing number: an answer to an older round is refused, whatever the clocks say.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from sqlalchemy import exists, select, update

from core.db.session import UnitOfWork
from core.errors import Conflict, NotFound
from scheduler.assignments import Assignments
from scheduler.legs import Way
from scheduler.lifecycle import (
    AssignmentState,
    BookingState,
    DeclineReason,
    OfferState,
    WithdrawReason,
)
from scheduler.locks import hold_person, locked_booking, try_lock_booking
from scheduler.models import Assignment, Booking, CaseBar, Interpreter, Offer
from scheduler.needs import need_at, need_from_json
from scheduler.news import accounts, tell_booking, tell_offer_ended
from scheduler.queries import candidates_by_id
from scheduler.ranking import rank
from scheduler.ring.history import count_answers
from scheduler.ring.policy import Policies
from scheduler.ring.reserve import KEPT, Reserves, aged_class_sql, is_under_reserve
from scheduler.rounds import Rounds

LOOK_AT = 50
"""How many waiting requests are looked at for somebody who got free."""
_SYNC = {"synchronize_session": False}
_TAKEN = (BookingState.ASSIGNED, BookingState.IN_SESSION, BookingState.FULFILLED)


class AcceptAnswer(TypedDict):
    """What an interpreter gets who won."""

    session_id: str | None
    """None while a second interpreter is still looked for (relay, team)."""
    booking_id: str
    starts_at: datetime
    join_by: datetime


class OfferService:
    """Answers to offers."""

    def __init__(self, rounds: Rounds, assignments: Assignments, policies: Policies, reserves: Reserves) -> None:
        self._rounds = rounds
        self._assignments = assignments
        self._policies = policies
        self._reserves = reserves

    async def accept(self, uow: UnitOfWork, offer_id: str, *, interpreter_id: str, round_no: int) -> AcceptAnswer:
        """Take the booking, if nobody was faster. The same accept again gives the same answer.

        Raises ``NotFound('offer_unknown')``, ``Conflict``: ``booking_taken``, ``offer_expired`` (also for an older round),
        ``offer_withdrawn``, ``calendar_conflict``, ``not_eligible`` (rule), ``kept_for_booked`` (M-10). A refusal leaves the
        request ringing for the others.
        """
        offer = await self._own_offer(uow, offer_id, interpreter_id)
        if offer.state is not OfferState.PENDING:
            return await self._too_late(uow, offer, interpreter_id)
        await hold_person(uow, interpreter_id)
        seen = await self._assignments.refuse_overlap(uow, offer.booking_id, interpreter_id)
        await self._leave_reserve(uow, seen)
        # Turning a booking into a relay begins a new round, which the conditional update below refuses.
        if Way(seen.way) is not Way.DIRECT:
            return await self._accept_leg(uow, offer, round_no)
        mine = exists().where(
            Offer.id == offer_id,
            Offer.state == OfferState.PENDING,
            Offer.round == round_no,
            Offer.expires_at > uow.now,
        )
        won = await uow.session.execute(
            update(Booking)
            .where(
                Booking.id == offer.booking_id,
                Booking.state == BookingState.OFFERING,
                Booking.round == round_no,
                mine,
            )
            .values(state=BookingState.ASSIGNED)
            .execution_options(**_SYNC)
        )
        if not won.rowcount:  # type: ignore[attr-defined]
            await uow.session.refresh(offer)
            return await self._too_late(uow, offer, interpreter_id)
        booking = await locked_booking(uow, offer.booking_id)
        offer.state, offer.answered_at = OfferState.ACCEPTED, uow.now
        await uow.flush()
        await self._assignments.bind(uow, booking, interpreter_id, rung=offer.rung, offer_id=offer.id)
        users = await accounts(uow, [interpreter_id])
        tell_offer_ended(
            uow, booking, offer.id, interpreter_id, users.get(interpreter_id), state="accepted", reason=None
        )
        await self._rounds.end_pending(uow, booking, OfferState.WITHDRAWN, WithdrawReason.TAKEN)
        await self.withdraw_elsewhere(uow, interpreter_id, booking)
        await self._count(uow, booking, interpreter_id, accepted=True)
        tell_booking(uow, booking)
        return _answer(booking)

    async def _accept_leg(self, uow: UnitOfWork, offer: Offer, round_no: int) -> AcceptAnswer:
        """The same for one of two interpreters: agreed with the second, held until then (``booking.leg_ring``)."""
        booking = await self._rounds.legs.accept(uow, offer, round_no=round_no) if self._rounds.legs else None
        if booking is None:
            return await self._too_late(uow, offer, offer.interpreter_id)
        await self.withdraw_elsewhere(uow, offer.interpreter_id, booking)
        await self._count(uow, booking, offer.interpreter_id, accepted=True)
        return _answer(booking)

    async def decline(
        self, uow: UnitOfWork, offer_id: str, *, interpreter_id: str, round_no: int, reason: DeclineReason
    ) -> None:
        """Say no. A recusal bars the interpreter from the case for good, whenever it comes (M-5).

        When nobody is left to answer, the next round starts at once. Raises ``NotFound('offer_unknown')``.
        """
        offer = await self._own_offer(uow, offer_id, interpreter_id)
        booking = await locked_booking(uow, offer.booking_id)
        if reason.is_recusal:
            await bar(uow, booking, interpreter_id, reason.value)
        await uow.session.refresh(offer)
        if offer.state is not OfferState.PENDING or offer.round != round_no:
            return
        offer.state, offer.answered_at, offer.reason = OfferState.DECLINED, uow.now, reason.value
        await uow.flush()
        users = await accounts(uow, [interpreter_id])
        tell_offer_ended(
            uow, booking, offer.id, interpreter_id, users.get(interpreter_id), state="declined", reason=None
        )
        if not reason.is_recusal:
            await self._count(uow, booking, interpreter_id, accepted=False)
        if booking.state is BookingState.OFFERING and not await self._rounds.pending(uow, booking):
            await self._rounds.next(uow, booking)
        else:
            tell_booking(uow, booking)
        if reason.is_recusal:
            await self.serve_waiting(uow, interpreter_id)

    async def advance_round(self, uow: UnitOfWork, booking_id: str) -> None:
        """Ring the next rung, when the time of the round is over or nobody is left who could answer.

        Nothing if somebody accepted meanwhile, or another worker was faster.
        """
        booking = await locked_booking(uow, booking_id)
        if booking.state is not BookingState.OFFERING:
            return
        due = booking.next_round_at is None or booking.next_round_at <= uow.now
        if due or (booking.reason != KEPT and not await self._rounds.pending(uow, booking)):
            await self._rounds.next(uow, booking)

    async def drop_person(self, uow: UnitOfWork, interpreter_id: str) -> None:
        """Somebody vanished or went away: end their rings for now, so that the ladder moves on at once."""
        rows = await uow.session.execute(
            select(Offer.id, Offer.booking_id)
            .join(Booking, Booking.id == Offer.booking_id)
            .where(Offer.interpreter_id == interpreter_id, Offer.state == OfferState.PENDING, Booking.kind == "now")
            .order_by(Offer.booking_id)
        )
        for offer_id, booking_id in rows.all():
            booking = await try_lock_booking(uow, booking_id)
            if booking is None:
                continue
            await self._end_offer(uow, booking, offer_id, interpreter_id, OfferState.EXPIRED, None)
            if booking.state is BookingState.OFFERING and not await self._rounds.pending(uow, booking):
                await self._rounds.next(uow, booking)
            else:
                tell_booking(uow, booking)

    async def withdraw_elsewhere(self, uow: UnitOfWork, interpreter_id: str, booking: Booking) -> None:
        """Take back the other rings of somebody who has just taken a booking for now.

        Rows that another transaction holds are left to it: its own accept or round ends them.
        """
        if booking.kind != "now":
            return
        others = (
            await uow.session.execute(
                select(Offer.id, Offer.booking_id)
                .join(Booking, Booking.id == Offer.booking_id)
                .where(
                    Offer.interpreter_id == interpreter_id,
                    Offer.state == OfferState.PENDING,
                    Offer.booking_id != booking.id,
                    Booking.kind == "now",
                )
                .order_by(Offer.id)
                .with_for_update(skip_locked=True, of=Offer)
            )
        ).all()
        for offer_id, booking_id in others:
            other = await uow.session.get_one(Booking, booking_id)
            await self._end_offer(uow, other, offer_id, interpreter_id, OfferState.WITHDRAWN, WithdrawReason.CONFLICT)

    async def serve_waiting(self, uow: UnitOfWork, interpreter_id: str) -> str | None:
        """Ring somebody who has just become free for the oldest waiting request of the highest class; returns its id.

        Who has waited long counts as of a higher class (M-10); a request that must leave the reserve for booked work alone
        is passed over while that is all that is left.
        """
        found = await candidates_by_id(uow, [interpreter_id])
        ringing = select(Offer.id).join(Booking, Booking.id == Offer.booking_id)
        ringing = ringing.where(
            Offer.interpreter_id == interpreter_id, Offer.state == OfferState.PENDING, Booking.kind == "now"
        )
        if not found or await uow.session.scalar(ringing.limit(1)) is not None:
            return None
        asked = exists().where(
            Offer.booking_id == Booking.id,
            Offer.interpreter_id == interpreter_id,
            (Offer.round == Booking.round) | (Offer.state == OfferState.DECLINED),
        )
        gave_back = exists().where(
            Assignment.booking_id == Booking.id,
            Assignment.interpreter_id == interpreter_id,
            Assignment.state.in_([AssignmentState.RELEASED, AssignmentState.BROKEN]),
        )
        waiting = await uow.session.scalars(
            select(Booking)
            .where(
                Booking.kind == "now",
                Booking.way == Way.DIRECT.value,
                Booking.state.in_([BookingState.OFFERING, BookingState.UNFILLED]),
                ~asked,
                ~gave_back,
            )
            .order_by(aged_class_sql(uow.now), Booking.requested_at, Booking.id)
            .limit(LOOK_AT)
        )
        for seen in waiting.all():
            need = need_at(need_from_json(seen.need), uow.now)
            rules = await self._rounds.rules(uow, seen.step_code)
            matches = rank(need, found, rules)
            if not matches or not matches[0].is_online:
                continue
            policy = await self._policies.of(uow, seen.country)
            capacity = await self._reserves.look(uow, seen, need, rules, policy)
            if capacity is not None and capacity.is_kept:
                continue
            booking = await try_lock_booking(uow, seen.id)
            if booking is not None and booking.state in (BookingState.OFFERING, BookingState.UNFILLED):
                await self._rounds.add(uow, booking, matches[0])
                return booking.id
        return None

    async def _too_late(self, uow: UnitOfWork, offer: Offer, interpreter_id: str) -> AcceptAnswer:
        """Why the booking was not taken; the same person's repeated accept gets the first answer."""
        booking = await uow.session.get_one(Booking, offer.booking_id, populate_existing=True)
        if offer.state is OfferState.ACCEPTED:
            kept = await self._assignments.kept(uow, booking)
            has_it = booking.interpreter_id == interpreter_id and booking.state in _TAKEN
            if has_it or any(row.interpreter_id == interpreter_id for row in kept):
                return _answer(booking)
            raise Conflict("offer_withdrawn")
        if booking.state in _TAKEN:
            raise Conflict("booking_taken")
        raise Conflict("offer_withdrawn" if offer.state is OfferState.WITHDRAWN else "offer_expired")

    async def _own_offer(self, uow: UnitOfWork, offer_id: str, interpreter_id: str) -> Offer:
        offer = await uow.session.get(Offer, offer_id, populate_existing=True)
        if offer is None or offer.interpreter_id != interpreter_id:
            raise NotFound("offer_unknown")
        return offer

    async def _end_offer(
        self,
        uow: UnitOfWork,
        booking: Booking,
        offer_id: str,
        interpreter_id: str,
        state: OfferState,
        reason: WithdrawReason | None,
    ) -> None:
        ended = await uow.session.execute(
            update(Offer)
            .where(Offer.id == offer_id, Offer.state == OfferState.PENDING)
            .values(state=state, answered_at=uow.now, reason=reason.value if reason else None)
            .execution_options(**_SYNC)
        )
        if not ended.rowcount:  # type: ignore[attr-defined]
            return
        users = await accounts(uow, [interpreter_id])
        why = reason.value if reason else None
        tell_offer_ended(
            uow, booking, offer_id, interpreter_id, users.get(interpreter_id), state=state.value, reason=why
        )

    async def _leave_reserve(self, uow: UnitOfWork, booking: Booking) -> None:
        """Raises ``Conflict('kept_for_booked')`` when the acceptance would take somebody whom booked work needs."""
        if not is_under_reserve(booking.kind, booking.priority):
            return
        need = need_at(need_from_json(booking.need), uow.now)
        rules = await self._rounds.rules(uow, booking.step_code)
        await self._reserves.guard(uow, booking, need, rules, await self._policies.of(uow, booking.country))

    async def _count(self, uow: UnitOfWork, booking: Booking, interpreter_id: str, *, accepted: bool) -> None:
        """How many offers somebody answered, and how many with yes; rings for now also decide how wide others ring."""
        await uow.session.execute(
            update(Interpreter)
            .where(Interpreter.id == interpreter_id)
            .values(
                offers_count=Interpreter.offers_count + 1,
                accepts_count=Interpreter.accepts_count + (1 if accepted else 0),
            )
            .execution_options(**_SYNC)
        )
        if booking.kind == "now":
            policy = await self._policies.of(uow, booking.country)
            await count_answers(uow, {interpreter_id: accepted}, half_life_days=policy.half_life_days)


async def bar(uow: UnitOfWork, booking: Booking, interpreter_id: str, code: str) -> None:
    """Bar an interpreter from the case of a booking for good (M-5); the first reason stays."""
    if await uow.session.get(CaseBar, (booking.case_id, interpreter_id)) is None:
        uow.session.add(
            CaseBar(
                case_id=booking.case_id, country=booking.country, interpreter_id=interpreter_id, code=code, at=uow.now
            )
        )
        await uow.flush()


def _answer(booking: Booking) -> AcceptAnswer:
    return AcceptAnswer(
        session_id=booking.session_id if booking.state in _TAKEN else None,
        booking_id=booking.id,
        starts_at=booking.starts_at,
        join_by=booking.join_by or booking.starts_at,
    )
