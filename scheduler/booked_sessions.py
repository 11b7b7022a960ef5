"""The session that belongs to a booking: planned when its interpreters are found, staffed anew when one is replaced.

Says when its room opens and how much of it was interpreted. Who may interpret is decided in ``assignments``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from core.db.session import UnitOfWork
from records.case_facts import StepFacts
from records.lifecycle import SESSION_OVER
from records.models import Session
from records.session_log import SessionLog
from records.session_plan import InterpreterFacts, SessionPlan
from records.session_views import interpreting_ms, minutes_up
from scheduler.briefings.posts import group_of
from scheduler.languages import MatchKind
from scheduler.legs import RelayState
from scheduler.models import Booking, Interpreter
from scheduler.need import SexWish
from scheduler.needs import need_from_json
from scheduler.ranking import Match
from scheduler.room_times import join_opens_at
from scheduler.times import NO_SHOW_AFTER

LEAST_MINUTES = 15
"""Shortest time for which a replacement is booked."""


class BookedSessions:
    """Plans and staffs the sessions of bookings. Works on a booking whose row the caller holds."""

    def __init__(self, log: SessionLog) -> None:
        self._log = log

    async def staff(
        self, uow: UnitOfWork, booking: Booking, facts: StepFacts, seats: Mapping[int, InterpreterFacts], rung: str
    ) -> None:
        """Plan the session with everybody (``seats`` by leg), or put those who are new into the one that stands."""
        join_by = booking.join_by or uow.now
        session = await self._running(uow, booking)
        if session is None:
            plan = _plan(booking, facts, list(seats.values()), rung, join_by, uow.now)
            if booking.briefing_id is not None:
                plan = replace(plan, group=await group_of(uow, booking))
            booking.session_id = (await self._log.plan(uow, plan)).id
            return
        seated = set(await self._log.seated_interpreters(uow, session.id))
        for leg, seat in seats.items():
            if seat.code in seated:
                continue
            await self._log.replace_interpreter(
                uow,
                session.id,
                interpreter=seat,
                rung=rung,
                join_by=join_by,
                starts_at=booking.starts_at,
                leg=leg,
                only_leg=len(seats) == 1,
            )
        booking.session_id = session.id

    async def minutes_left(self, uow: UnitOfWork, booking: Booking) -> int:
        """For how many minutes a booking for now still needs somebody; never fewer than ``LEAST_MINUTES`` once it was running."""
        minutes = need_from_json(booking.need).minutes
        session = await self._running(uow, booking)
        if session is None or session.active_at is None:
            return minutes
        return max(LEAST_MINUTES, minutes - minutes_up(interpreting_ms(session, uow.now)))

    async def minutes_so_far(self, uow: UnitOfWork, booking: Booking) -> int:
        """Interpreting minutes of the session so far; 0 without a session."""
        if booking.session_id is None:
            return 0
        session = await self._log.get(uow, booking.session_id)
        return minutes_up(interpreting_ms(session, uow.now))

    async def _running(self, uow: UnitOfWork, booking: Booking) -> Session | None:
        """The session of the booking, unless it is over."""
        if booking.session_id is None:
            return None
        session = await self._log.get(uow, booking.session_id)
        return None if session.state in SESSION_OVER else session


def work_times(booking: Booking, now: datetime, lease: timedelta) -> tuple[datetime | None, datetime]:
    """Next timed work of an assigned booking, and until when the interpreter must be in the room."""
    if booking.kind == "now":
        return None, now + lease
    return max(join_opens_at(booking), now), booking.starts_at + NO_SHOW_AFTER


def seat_of(person: Interpreter, match: Match) -> InterpreterFacts:
    """What the session keeps of an interpreter and of why it may be this one."""
    language = match.way.language
    substitution = None
    if language.kind is MatchKind.SUBSTITUTE:
        substitution = {"from": language.person, "to": language.interpreter, "penalty": language.penalty}
    return InterpreterFacts(
        id=person.id,
        user_id=person.user_id,
        code=person.code,
        level=person.level,
        country=person.base_country,
        wish_met=None if match.context.need.sex_wish is SexWish.NONE else match.wish_met,
        substitution=substitution,
        transfer_instrument_id=match.gate.id if match.gate else None,
    )


def _plan(
    booking: Booking,
    facts: StepFacts,
    seats: Sequence[InterpreterFacts],
    rung: str,
    join_by: datetime,
    now: datetime,
) -> SessionPlan:
    source = next((source for code, source in facts.languages if code == booking.language), None)
    return SessionPlan(
        step_id=booking.step_id if booking.briefing_id is None else None,
        booking_id=booking.id,
        starts_at=booking.starts_at,
        join_opens_at=join_opens_at(booking),
        join_by=join_by,
        language=booking.language,
        language_source=source,
        officer_language=booking.officer_language,
        officer_user_id=booking.requested_by,
        officer_code=booking.requester_code,
        site=booking.site,
        sex_wish=facts.sex_wish,
        sex_must=facts.sex_must,
        sex_asked_at=facts.sex_asked_at,
        requested_at=booking.requested_at,
        matched_at=now,
        rung=rung,
        interpreter=seats[0],
        second=seats[1] if len(seats) > 1 else None,
        way=booking.way,
        pivot=booking.pivot,
        approved_by=booking.relay_by if booking.relay_state == RelayState.APPROVED else None,
    )
