"""What the ends of a booking have in common: rings are taken back, the session is closed, the interpreter is free again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

from core.db.session import UnitOfWork
from records.case_facts import StepFacts
from records.lifecycle import EndReason, NotHeldReason, Outcome, SessionState
from records.session_log import SessionLog
from scheduler.assignments import Assignments
from scheduler.briefings.facts import BookedFacts
from scheduler.languages import LanguageTable
from scheduler.lifecycle import AssignmentMove, OfferState, WithdrawReason
from scheduler.models import Assignment, Booking
from scheduler.needs import fresh_need, need_at, stored_need
from scheduler.news import tell_booking
from scheduler.offers import OfferService
from scheduler.rounds import Rounds

Freed = Callable[[UnitOfWork, str, datetime, datetime], Awaitable[None]]
"""Told who got free, and from when to when."""


async def changed(uow: UnitOfWork, booking: Booking) -> None:
    """Count the change and tell it."""
    booking.version += 1
    await uow.flush()
    tell_booking(uow, booking)


class Closing:
    """Shared by the services of bookings."""

    def __init__(
        self,
        table: LanguageTable,
        facts: BookedFacts,
        log: SessionLog,
        rounds: Rounds,
        assignments: Assignments,
        offers: OfferService,
    ) -> None:
        self._table = table
        self._facts = facts
        self._log = log
        self._rounds = rounds
        self._assignments = assignments
        self._offers = offers
        self.freed: Freed | None = None
        """The waiting list, which needs these services itself; set where they are put together."""

    async def close(
        self, uow: UnitOfWork, booking: Booking, reason: str, move: AssignmentMove, not_held: NotHeldReason
    ) -> None:
        """A booking (already moved to its last state) without a proper end: its session is called off, or stopped."""
        booking.reason = reason
        if booking.session_id is not None:
            session = await self._log.get(uow, booking.session_id)
            if session.state in (SessionState.PLANNED, SessionState.WAITING):
                await self._log.call_off(uow, session.id, reason=not_held)
            elif session.state in (SessionState.ACTIVE, SessionState.PAUSED):
                await self._log.end(uow, session.id, outcome=Outcome.STOPPED, reason=EndReason.INTERPRETER_LOST)
        await self.free(uow, booking, move, reason)
        await changed(uow, booking)

    async def free(self, uow: UnitOfWork, booking: Booking, move: AssignmentMove, reason: str | None) -> None:
        """End rings and assignment; whoever gets free is rung for the oldest request that waits."""
        booking.next_round_at = booking.join_by = None
        booking.needs_coordinator = False
        await self._rounds.end_pending(uow, booking, OfferState.WITHDRAWN, WithdrawReason.CANCELLED)
        ended = await self._assignments.end(uow, booking, move, reason[:20] if reason else None)
        await uow.flush()
        if move is not AssignmentMove.BREAK:
            await self.serve(uow, ended)

    async def serve(self, uow: UnitOfWork, ended: Sequence[Assignment]) -> None:
        """Whoever got free is given to the oldest that waits: a request for now, and appointments in the freed time."""
        for row in ended:
            await self._offers.serve_waiting(uow, row.interpreter_id)
            if self.freed is not None and row.ends_at > uow.now:
                await self.freed(uow, row.interpreter_id, row.starts_at, row.busy_until)

    async def renew_need(self, uow: UnitOfWork, booking: Booking, *, on_demand: bool) -> StepFacts:
        """Make the stored need again from the case as it is now, and return what the case says."""
        facts = await self._facts.of(uow, booking)
        need = replace(fresh_need(booking, facts, self._table, uow.now), on_demand=on_demand, by_calendar=not on_demand)
        booking.need = stored_need(need_at(need, uow.now), facts)
        await uow.flush()
        return facts
