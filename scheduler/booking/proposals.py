"""Another time for an agreed appointment, by agreement: its interpreter is asked, and until they say yes the old time stands.

For times at which somebody could come but stated no hours; what can be agreed at once is moved without asking (``appointments``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypedDict

from sqlalchemy import select, update

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, NotFound
from scheduler.booking.appointments import AppointmentService
from scheduler.bookings import BookingService
from scheduler.closing import changed
from scheduler.lifecycle import PROPOSAL, BookingState, ProposalMove, ProposalState
from scheduler.locks import hold_person, locked_booking
from scheduler.models import Booking, TimeProposal
from scheduler.news import tell_assignment

ANSWER_WITHIN = timedelta(hours=24)
"""Longest time for an answer; it is shorter where either time is nearer."""
LEAST = timedelta(minutes=30)
"""So long before the nearer of the two times an answer comes too late."""


class AskedTime(TypedDict):
    """What an interpreter is asked; coarse facts only, as with an offer."""

    id: str
    language: str
    country: str
    zone: str
    stands: datetime
    """When the appointment begins as it is agreed."""
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime


class TimeProposals:
    """Asks, answers, takes back and lists."""

    def __init__(self, bookings: BookingService, appointments: AppointmentService) -> None:
        self._bookings = bookings
        self._appointments = appointments

    async def ask(
        self, uow: UnitOfWork, booking_id: str, *, starts_at: datetime, minutes: int | None = None
    ) -> Booking:
        """Ask the interpreter of an agreed appointment for another time; an earlier question is taken back.

        Every rule is checked for it now, and again with the answer. Raises ``Conflict``: ``move_not_allowed`` unless one
        interpreter has agreed to it, ``slot_not_free`` (rule), ``slot_on_request`` if that interpreter cannot and others could;
        ``Invalid``: ``time_in_past``, ``time_too_far``, ``team_needed``.
        """
        seen = await self._bookings.get(uow, booking_id)
        need = await self._appointments.need_at_time(uow, seen, starts_at, minutes)
        holder = seen.interpreter_id
        if holder is None or seen.state is not BookingState.ASSIGNED or seen.kind == "now" or seen.way != "direct":
            raise Conflict("move_not_allowed", {"subject": "booking", "state": seen.state.value, "move": "move"})
        await self._appointments.agreeable(uow, seen, need, holder)
        booking = await locked_booking(uow, booking_id)
        if booking.interpreter_id != holder or booking.state is not BookingState.ASSIGNED:
            raise Conflict("changed_meanwhile", {"version": booking.version})
        await self._end(uow, booking_id, ProposalMove.WITHDRAW)
        until = min(uow.now + ANSWER_WITHIN, min(booking.starts_at, need.at) - LEAST)
        if until <= uow.now:
            raise Conflict("slot_on_request")
        uow.session.add(
            TimeProposal(
                id=new_id("time"),
                country=booking.country,
                booking_id=booking_id,
                interpreter_id=holder,
                starts_at=need.at,
                ends_at=need.ends,
                state=ProposalState.ASKED,
                asked_at=uow.now,
                asked_by_code=uow.actor.code,
                expires_at=until,
            )
        )
        await self._tell(uow, booking)
        return booking

    async def answer(self, uow: UnitOfWork, proposal_id: str, *, accept: bool) -> Booking:
        """The interpreter's word. With a yes the appointment is moved, if every rule still allows it; else the old time stands.

        The caller has checked that the actor is whom it was asked of. Raises ``NotFound('proposal_unknown')``, ``Conflict``:
        ``proposal_over`` when it was answered, taken back or too late, or the appointment has changed, ``slot_not_free`` (rule).
        """
        asked = await self.get(uow, proposal_id)
        await hold_person(uow, asked.interpreter_id)
        booking = await locked_booking(uow, asked.booking_id)
        row = await uow.session.get_one(TimeProposal, proposal_id, with_for_update=True, populate_existing=True)
        agreed = booking.state is BookingState.ASSIGNED and booking.interpreter_id == row.interpreter_id
        if row.state is not ProposalState.ASKED or row.expires_at <= uow.now or not agreed:
            raise Conflict("proposal_over")
        row.state = PROPOSAL.advance(row.state, ProposalMove.ACCEPT if accept else ProposalMove.DECLINE)
        row.answered_at = uow.now
        await uow.flush()
        if not accept:
            await self._tell(uow, booking)
            return booking
        minutes = int((row.ends_at - row.starts_at).total_seconds() // 60)
        return await self._appointments.move_agreed(
            uow, booking.id, starts_at=row.starts_at, minutes=minutes, who=row.interpreter_id
        )

    async def withdraw(self, uow: UnitOfWork, booking_id: str) -> Booking:
        """The desk takes its question back; nothing else changes."""
        booking = await locked_booking(uow, booking_id)
        if await self._end(uow, booking_id, ProposalMove.WITHDRAW):
            await self._tell(uow, booking)
        return booking

    async def get(self, unit: ReadUnit, proposal_id: str) -> TimeProposal:
        """The row. Raises ``NotFound('proposal_unknown')``."""
        row = await unit.session.get(TimeProposal, proposal_id)
        if row is None:
            raise NotFound("proposal_unknown")
        return row

    async def of_interpreter(self, unit: ReadUnit, interpreter_id: str) -> list[AskedTime]:
        """What somebody is asked now, the soonest to end first."""
        rows = await unit.session.execute(
            select(TimeProposal, Booking)
            .join(Booking, Booking.id == TimeProposal.booking_id)
            .where(
                TimeProposal.interpreter_id == interpreter_id,
                TimeProposal.state == ProposalState.ASKED,
                TimeProposal.expires_at > unit.now,
                Booking.state == BookingState.ASSIGNED,
                Booking.interpreter_id == interpreter_id,
            )
            .order_by(TimeProposal.expires_at, TimeProposal.id)
        )
        return [
            AskedTime(
                id=row.id,
                language=booking.language,
                country=booking.country,
                zone=booking.zone,
                stands=booking.starts_at,
                starts_at=row.starts_at,
                ends_at=row.ends_at,
                expires_at=row.expires_at,
            )
            for row, booking in rows
        ]

    async def expired(self, unit: ReadUnit) -> Sequence[str]:
        """Bookings with a question whose time is over."""
        over = (TimeProposal.state == ProposalState.ASKED) & (TimeProposal.expires_at <= unit.now)
        return (await unit.session.scalars(select(TimeProposal.booking_id).where(over).limit(50))).all()

    async def lapse(self, uow: UnitOfWork, booking_id: str) -> None:
        """Nobody answered in time: the old time stands, and the desk is told."""
        booking = await locked_booking(uow, booking_id)
        if await self._end(uow, booking_id, ProposalMove.EXPIRE, before=uow.now):
            await self._tell(uow, booking)

    async def _end(
        self, uow: UnitOfWork, booking_id: str, move: ProposalMove, *, before: datetime | None = None
    ) -> bool:
        """End the question of a locked booking, if there is one (with ``before``: if its time was over by then)."""
        ended = await uow.session.execute(
            update(TimeProposal)
            .where(
                TimeProposal.booking_id == booking_id,
                TimeProposal.state == ProposalState.ASKED,
                *((TimeProposal.expires_at <= before,) if before is not None else ()),
            )
            .values(state=PROPOSAL.advance(ProposalState.ASKED, move), answered_at=uow.now)
            .returning(TimeProposal.id)
            .execution_options(synchronize_session=False)
        )
        return ended.first() is not None

    async def _tell(self, uow: UnitOfWork, booking: Booking) -> None:
        await changed(uow, booking)
        for assignment in await self._bookings.kept(uow, booking):
            await tell_assignment(uow, booking, assignment)
