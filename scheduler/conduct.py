"""What happens to a booking once an interpreter was found: start, end, release, replacement, no-show.

The session log is moved along in the same transaction, booking first, then session.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, NotFound
from records.lifecycle import EndReason, NotHeldReason, Outcome, SessionState
from records.models import Session
from records.session_log import SessionLog
from scheduler.assignments import Assignments, note_notice
from scheduler.closing import Closing, changed
from scheduler.legs import Way
from scheduler.lifecycle import (
    OPEN,
    AssignmentMove,
    BookingMove,
    BookingState,
    DeclineReason,
    MissReason,
    Priority,
    advance,
)
from scheduler.locks import locked_booking
from scheduler.models import Assignment, Booking, Interpreter
from scheduler.notice import notice_rules
from scheduler.offers import bar
from scheduler.rounds import Rounds
from scheduler.times import NO_SHOW_AFTER

_MISSED = {
    MissReason.NO_INTERPRETER: NotHeldReason.NO_INTERPRETER,
    MissReason.INTERPRETER_ABSENT: NotHeldReason.INTERPRETER_ABSENT,
    MissReason.PERSON_ABSENT: NotHeldReason.PERSON_ABSENT,
    MissReason.OFFICER_ABSENT: NotHeldReason.OFFICER_ABSENT,
    MissReason.CONNECTION_FAILED: NotHeldReason.CONNECTION_FAILED,
}


class ConductService:
    """Bookings with an interpreter. Methods take the booking under its row lock."""

    def __init__(self, log: SessionLog, rounds: Rounds, assignments: Assignments, closing: Closing) -> None:
        self._log = log
        self._rounds = rounds
        self._assignments = assignments
        self._closing = closing

    async def release(
        self, uow: UnitOfWork, booking_id: str, *, reason: str, broken: bool = False, who: str | None = None
    ) -> Booking:
        """The interpreter gives an agreed booking back before it began (or did not come: ``broken``): search anew at once.

        ``who`` is the one of two who gives it back; only that leg is looked for again, the other stays.
        Neither bars from the case; a recusal code does (M-5). Raises ``Conflict('move_not_allowed')``.
        """
        booking = await locked_booking(uow, booking_id)
        move = AssignmentMove.BREAK if broken else AssignmentMove.RELEASE
        advance(booking.state, BookingMove.WITHDRAW)
        ended = await self._lose(uow, booking, move, reason, who)
        await self._rounds.begin(uow, booking, BookingMove.WITHDRAW)
        if not broken:
            await self._closing.serve(uow, ended)
        return booking

    async def replace(
        self, uow: UnitOfWork, booking_id: str, *, reason: str = "interpreter_lost", who: str | None = None
    ) -> Booking:
        """The interpreter of a running session was lost or stepped back: pause it and ring for another one, same session.

        From then on the booking is one for now with the highest priority. A recusal code as ``reason`` bars the
        interpreter from the case. Raises ``Conflict('move_not_allowed')``.
        """
        booking = await locked_booking(uow, booking_id)
        if booking.state is BookingState.ASSIGNED:
            return await self.release(uow, booking_id, reason=reason, broken=not _is_recusal(reason), who=who)
        advance(booking.state, BookingMove.REPLACE)
        who = who or await self.only_absent(uow, booking)
        recused = _is_recusal(reason)
        move = AssignmentMove.RELEASE if recused else AssignmentMove.BREAK
        ended = await self._lose(uow, booking, move, reason, who)
        booking.kind, booking.priority = "now", Priority.P1.value
        await self._closing.renew_need(uow, booking, on_demand=True)
        await self._rounds.begin(uow, booking, BookingMove.REPLACE)
        if recused:
            await self._closing.serve(uow, ended)
        return booking

    async def is_relay(self, unit: ReadUnit, booking_id: str) -> bool:
        """Whether both interpreters are needed to understand each other."""
        way: str | None = await unit.session.scalar(select(Booking.way).where(Booking.id == booking_id))
        return way == Way.RELAY

    async def only_absent(self, uow: UnitOfWork, booking: Booking) -> str | None:
        """Of two interpreters the one who is not in the room; none if that is neither or both."""
        if booking.way == Way.DIRECT or booking.session_id is None:
            return None
        codes = await self._log.absent_interpreters(uow, booking.session_id)
        if len(codes) != 1:
            return None
        found: str | None = await uow.session.scalar(select(Interpreter.id).where(Interpreter.code == codes[0]))
        return found

    async def start(self, uow: UnitOfWork, session_id: str, *, medium: str = "video") -> bool:
        """Officer and interpreter are both heard: session ACTIVE (or resumed), booking IN_SESSION. False if it was so already."""
        booking = await self._of_session(uow, session_id)
        if booking.state not in (BookingState.ASSIGNED, BookingState.IN_SESSION):
            raise Conflict("move_not_allowed", {"subject": "booking", "state": booking.state.value, "move": "start"})
        moved = await self._log.activate(uow, session_id, medium=medium)
        if booking.state is BookingState.ASSIGNED:
            booking.state = advance(booking.state, BookingMove.START)
            booking.join_by = booking.next_round_at = None
            await changed(uow, booking)
        return moved

    async def finish(
        self, uow: UnitOfWork, session_id: str, *, outcome: Outcome, reason: EndReason | None = None, by: str = "system"
    ) -> Booking:
        """The session is over: ENDED, the step moves, the booking FULFILLED, the interpreter free for the oldest request.

        A session that was waiting only is called off instead (booking CANCELLED). Idempotent.
        """
        booking = await self._of_session(uow, session_id)
        session = await self._log.get(uow, session_id)
        if session.state in (SessionState.PLANNED, SessionState.WAITING):
            booking.state = advance(booking.state, BookingMove.CANCEL)
            await self._closing.close(uow, booking, "not_needed", AssignmentMove.RELEASE, NotHeldReason.CANCELLED)
            return booking
        if booking.purpose is not None and outcome is Outcome.COMPLETED:
            # A call that only found out the language is not the step (M-12): that one is still to be held.
            outcome = Outcome.REBOOKED
        await self._log.end(uow, session_id, outcome=outcome, reason=reason, by=by)
        if booking.state not in OPEN:
            return booking
        if booking.state is BookingState.ASSIGNED:
            booking.state = advance(booking.state, BookingMove.START)
        kept = booking.state is BookingState.IN_SESSION
        # Ended while a replacement was still searched: nobody is there to fulfil it.
        booking.state = advance(booking.state, BookingMove.FULFIL if kept else BookingMove.CANCEL)
        booking.reason = None if kept else "interpreter_lost"
        await self._closing.free(uow, booking, AssignmentMove.HONOUR, None)
        await changed(uow, booking)
        return booking

    async def miss(self, uow: UnitOfWork, booking_id: str, *, reason: MissReason) -> Booking:
        """The window passed without a session. Raises ``Conflict('move_not_allowed')``."""
        booking = await locked_booking(uow, booking_id)
        booking.state = advance(booking.state, BookingMove.MISS)
        move = AssignmentMove.BREAK if reason is MissReason.INTERPRETER_ABSENT else AssignmentMove.RELEASE
        if reason in (MissReason.OFFICER_ABSENT, MissReason.PERSON_ABSENT):
            # Whoever came and waited in vain is paid for it, on a request for now as at an appointment (notice_data.yaml).
            waited = await self._assignments.kept(uow, booking)
            note_notice(waited, notice_rules()[booking.country].nobody_came())
        await self._closing.close(uow, booking, reason.value, move, _MISSED[reason])
        return booking

    async def arrived(self, uow: UnitOfWork, session_id: str, *, code: str | None = None) -> None:
        """The interpreter is in the room: the join lease is kept. A session that does not begin then is missed later.

        Of two interpreters the lease of the other runs on; ``code`` is who comes just now.
        """
        booking = await self._of_session(uow, session_id)
        if set(await self._log.absent_interpreters(uow, session_id)) - {code} and booking.way != Way.DIRECT:
            return
        if booking.state is BookingState.ASSIGNED and booking.kind == "now" and booking.join_by is not None:
            booking.join_by = None
            booking.next_round_at = uow.now + NO_SHOW_AFTER
            await changed(uow, booking)

    async def _lose(
        self, uow: UnitOfWork, booking: Booking, move: AssignmentMove, reason: str, who: str | None
    ) -> list[Assignment]:
        """End the work of one interpreter (or of all) and vacate the place in the session."""
        kept = await self._assignments.kept(uow, booking)
        recused = _is_recusal(reason)
        # Somebody else keeps the booking only where there are two of them.
        alone = len(kept) < 2 or who is None
        legs = None if alone else [row.leg for row in kept if row.interpreter_id == who]
        if booking.session_id is not None:
            await self._vacate(uow, booking, kept, legs, reason, recused)
        ended = await self._assignments.end(uow, booking, move, reason[:20], legs=legs)
        if recused:
            for row in ended:
                await bar(uow, booking, row.interpreter_id, reason)
        return ended

    async def _vacate(
        self,
        uow: UnitOfWork,
        booking: Booking,
        kept: Sequence[Assignment],
        legs: Sequence[int] | None,
        reason: str,
        recused: bool,
    ) -> None:
        session_id = str(booking.session_id)
        if legs is None and len(kept) < 2:
            await self._log.lose_interpreter(uow, session_id, reason=reason, recused=recused)
            return
        for row in kept:
            if legs is None or row.leg in legs:
                person = await uow.session.get_one(Interpreter, row.interpreter_id)
                await self._log.lose_interpreter(uow, session_id, reason=reason, recused=recused, only=person.code)

    async def _of_session(self, uow: UnitOfWork, session_id: str) -> Booking:
        booking_id = await uow.session.scalar(select(Session.booking_id).where(Session.id == session_id))
        if booking_id is None:
            raise NotFound("session_unknown")
        return await locked_booking(uow, booking_id)


def _is_recusal(reason: str) -> bool:
    """Whether a reason is one of the recusal codes of M-5."""
    return reason in {code.value for code in DeclineReason} and DeclineReason(reason).is_recusal
