"""Binding an interpreter to a booking, and ending that bond: one code path for accepted offers and a coordinator's hand.

Works on a booking whose row the caller holds. The database's constraints stand behind it: one winner per booking, no two
overlapping assignments of one person.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from core.clock import new_id
from core.db.session import UnitOfWork
from core.errors import Conflict, NotFound
from records.case_facts import StepFacts
from records.cases import CaseService
from records.lifecycle import SESSION_OVER
from records.models import Session
from records.procedures import Catalogue
from records.session_log import SessionLog
from records.session_plan import InterpreterFacts, SessionPlan
from records.session_views import interpreting_ms, minutes_up
from scheduler.eligibility import NeedContext, Refusal, Rule, failed_rules
from scheduler.languages import LanguageTable, MatchKind
from scheduler.lifecycle import AssignmentMove, AssignmentState, advance
from scheduler.models import Assignment, Booking, Interpreter
from scheduler.need import Candidate, SexWish
from scheduler.needs import fresh_need, need_at, need_from_json
from scheduler.news import tell_assignment
from scheduler.queries import candidates_by_id, match_rules
from scheduler.ranking import Match, rank
from scheduler.times import JOIN_OPENS_BEFORE, NO_SHOW_AFTER, join_lease, owed_break

LEAST_MINUTES = 15
"""Shortest time for which a replacement is booked."""


class Assignments:
    """Makes and ends assignments."""

    def __init__(self, catalogue: Catalogue, table: LanguageTable, cases: CaseService, log: SessionLog) -> None:
        self._catalogue = catalogue
        self._table = table
        self._cases = cases
        self._log = log

    async def bind(
        self,
        uow: UnitOfWork,
        booking: Booking,
        interpreter_id: str,
        *,
        rung: str,
        offer_id: str | None = None,
        lease: timedelta | None = None,
    ) -> Assignment:
        """Give the booking (already moved to ASSIGNED) to this interpreter; plans or re-staffs the session.

        ``lease`` is the time to be in the room; none: what the last check of devices gives. Every rule is checked again
        on the facts of this moment. The caller holds the person (``queries.hold_person``) and
        the booking, taken in this order. Raises ``Conflict``:
        ``calendar_conflict``, ``booking_taken``, ``not_eligible`` (rule); ``NotFound('interpreter_unknown')``.
        """
        person = await self._person(uow, interpreter_id)
        facts = await self._cases.step_facts(uow, booking.step_id, safety_only=booking.safety_only)
        match = await self._check(uow, booking, facts, interpreter_id)
        on_demand = booking.kind == "now"
        minutes = await self._minutes_left(uow, booking)
        starts_at = uow.now if on_demand else max(booking.starts_at, uow.now)
        if on_demand:
            booking.starts_at, booking.ends_at = starts_at, starts_at + timedelta(minutes=minutes)
        ends_at = max(booking.ends_at, starts_at + timedelta(minutes=1))
        assignment = Assignment(
            id=new_id("assignment"),
            country=booking.country,
            booking_id=booking.id,
            interpreter_id=interpreter_id,
            leg=1,
            state=AssignmentState.ACTIVE,
            starts_at=starts_at,
            busy_until=ends_at + owed_break(minutes),
            offer_id=offer_id,
            made_by=uow.actor.id,
            made_at=uow.now,
            active_min=0,
        )
        uow.session.add(assignment)
        booking.interpreter_id = interpreter_id
        booking.matched_at = uow.now
        booking.needs_coordinator, booking.reason = False, None
        booking.next_round_at, booking.join_by = _times(
            booking, uow.now, lease or join_lease(person.devices_checked_at, uow.now)
        )
        booking.version += 1
        await uow.flush()
        await self._staff_session(uow, booking, facts, person, match, rung)
        await uow.flush()
        await tell_assignment(uow, booking, assignment)
        return assignment

    async def refuse_overlap(self, uow: UnitOfWork, booking_id: str, interpreter_id: str) -> None:
        """The cheap look right after ``hold_person``: who accepts much at once is refused before waiting for a booking.

        Raises ``Conflict('calendar_conflict')``. Another assignment of the same booking is no conflict.
        """
        booking = await uow.session.get(Booking, booking_id, populate_existing=True)
        if booking is None:
            raise NotFound("booking_unknown")
        need = need_at(need_from_json(booking.need), uow.now)
        overlapping = await uow.session.scalar(
            select(Assignment.id)
            .where(
                Assignment.interpreter_id == interpreter_id,
                Assignment.booking_id != booking_id,
                Assignment.state == AssignmentState.ACTIVE,
                Assignment.starts_at < need.ends,
                Assignment.busy_until > need.at,
            )
            .limit(1)
        )
        if overlapping is not None:
            raise Conflict("calendar_conflict")

    async def end(
        self, uow: UnitOfWork, booking: Booking, move: AssignmentMove, reason: str | None
    ) -> Assignment | None:
        """End the running assignment of the booking, if any, and credit its minutes. Returns it."""
        assignment = await uow.session.scalar(
            select(Assignment)
            .where(Assignment.booking_id == booking.id, Assignment.state == AssignmentState.ACTIVE)
            .execution_options(populate_existing=True)
        )
        if assignment is None:
            return None
        assignment.state = advance(assignment.state, move)
        assignment.ended_at = uow.now
        assignment.reason = reason
        assignment.active_min = await self._credit(uow, booking)
        booking.interpreter_id = None if move is not AssignmentMove.HONOUR else booking.interpreter_id
        booking.join_by = None
        if assignment.active_min:
            await uow.session.execute(
                update(Interpreter)
                .where(Interpreter.id == assignment.interpreter_id)
                .values(last_live_at=uow.now)
                .execution_options(synchronize_session=False)
            )
        await uow.flush()
        await tell_assignment(uow, booking, assignment)
        return assignment

    async def refusals(self, uow: UnitOfWork, booking: Booking, interpreter_id: str) -> list[Refusal]:
        """Every rule that forbids this interpreter this booking now; presence aside. Raises ``interpreter_unknown``."""
        facts = await self._cases.step_facts(uow, booking.step_id, safety_only=booking.safety_only)
        context, candidate = await self._candidate(uow, booking, facts, interpreter_id)
        return [context.refusal(rule) for rule in failed_rules(context, candidate)]

    async def _candidate(
        self, uow: UnitOfWork, booking: Booking, facts: StepFacts, interpreter_id: str
    ) -> tuple[NeedContext, Candidate]:
        need = replace(fresh_need(booking, facts, self._table, uow.now), on_demand=False)
        own_pool = self._catalogue.step(booking.step_code).own_pool_only
        rules = await match_rules(uow, self._table, own_pool_only=own_pool)
        found = await candidates_by_id(uow, [interpreter_id], need=need)
        if not found:
            raise NotFound("interpreter_unknown")
        return NeedContext.build(need, rules), found[0]

    async def _check(self, uow: UnitOfWork, booking: Booking, facts: StepFacts, interpreter_id: str) -> Match:
        context, candidate = await self._candidate(uow, booking, facts, interpreter_id)
        matches = rank(context.need, [candidate], context.rules)
        if matches:
            return matches[0]
        failed = failed_rules(context, candidate)
        if Rule.ENGAGED in failed:
            raise Conflict("calendar_conflict")
        raise Conflict("not_eligible", {"rule": failed[0].value})

    async def _person(self, uow: UnitOfWork, interpreter_id: str) -> Interpreter:
        person = await uow.session.get(Interpreter, interpreter_id)
        if person is None:
            raise NotFound("interpreter_unknown")
        return person

    async def _running(self, uow: UnitOfWork, booking: Booking) -> Session | None:
        """The session of the booking, unless it is over."""
        if booking.session_id is None:
            return None
        session = await self._log.get(uow, booking.session_id)
        return None if session.state in SESSION_OVER else session

    async def _minutes_left(self, uow: UnitOfWork, booking: Booking) -> int:
        minutes = need_from_json(booking.need).minutes
        session = await self._running(uow, booking)
        if session is None or session.active_at is None:
            return minutes
        return max(LEAST_MINUTES, minutes - minutes_up(interpreting_ms(session, uow.now)))

    async def _credit(self, uow: UnitOfWork, booking: Booking) -> int:
        """Interpreting minutes of the session that are not credited to an earlier assignment."""
        if booking.session_id is None:
            return 0
        session = await self._log.get(uow, booking.session_id)
        earlier = await uow.session.scalar(
            select(func.sum(Assignment.active_min)).where(Assignment.booking_id == booking.id)
        )
        return max(0, minutes_up(interpreting_ms(session, uow.now)) - int(earlier or 0))

    async def _staff_session(
        self, uow: UnitOfWork, booking: Booking, facts: StepFacts, person: Interpreter, match: Match, rung: str
    ) -> None:
        interpreter = _interpreter_facts(person, match)
        join_by = booking.join_by or uow.now
        if await self._running(uow, booking) is not None:
            session = await self._log.replace_interpreter(
                uow,
                str(booking.session_id),
                interpreter=interpreter,
                rung=rung,
                join_by=join_by,
                starts_at=booking.starts_at,
            )
        else:
            session = await self._log.plan(uow, _plan(booking, facts, interpreter, rung, join_by, uow.now))
        booking.session_id = session.id


def _interpreter_facts(person: Interpreter, match: Match) -> InterpreterFacts:
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
    booking: Booking, facts: StepFacts, interpreter: InterpreterFacts, rung: str, join_by: datetime, now: datetime
) -> SessionPlan:
    source = next((source for code, source in facts.languages if code == booking.language), None)
    return SessionPlan(
        step_id=booking.step_id,
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
        interpreter=interpreter,
    )


def join_opens_at(booking: Booking) -> datetime:
    """From when the room can be entered: at once for now, ten minutes before an appointment."""
    return booking.starts_at if booking.kind == "now" else booking.starts_at - JOIN_OPENS_BEFORE


def _times(booking: Booking, now: datetime, lease: timedelta) -> tuple[datetime | None, datetime]:
    """Next timed work of an assigned booking, and until when the interpreter must be in the room."""
    if booking.kind == "now":
        return None, now + lease
    return max(join_opens_at(booking), now), booking.starts_at + NO_SHOW_AFTER
