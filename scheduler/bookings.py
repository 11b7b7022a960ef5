"""BookingService: requests for interpretation, and what officers and coordinators do with them until somebody is found.

What happens once an interpreter was found is in ``conduct``; answers of interpreters are in ``offers``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid, NotFound
from records.case_write import file_number
from records.cases import CaseService
from records.gates import SAFETY_TALK_MINUTES
from records.lifecycle import NotHeldReason
from scheduler.assignments import Assignments, note_notice
from scheduler.calendars.localtime import ZONES as KNOWN_ZONES
from scheduler.closing import Closing, changed
from scheduler.eligibility import HARD_RULES
from scheduler.hurry import SEARCHING, WAITING, note_clock
from scheduler.languages import LanguageTable
from scheduler.legs import Way, most_minutes, relay_minutes
from scheduler.lifecycle import (
    OPEN,
    AssignmentMove,
    BookingMove,
    BookingState,
    OfferState,
    WithdrawReason,
    advance,
)
from scheduler.locks import hold_person, locked_booking, try_lock_booking
from scheduler.models import Assignment, Booking, Interpreter
from scheduler.need import Need
from scheduler.needs import build_need, need_from_json, need_to_json, priority_of, stored_need
from scheduler.news import tell_booking
from scheduler.notice import Notice, notice_rules
from scheduler.offers import OfferService
from scheduler.ring.search import give_up_at
from scheduler.rounds import Rounds
from scheduler.surge.rule import triage_minutes
from scheduler.surge.states import SurgeStates
from scheduler.times import LONGEST_MINUTES, PLACED_LEASE, ZONES

SOONEST = timedelta(minutes=15)
"""An appointment is at least so far ahead; sooner is a request for now."""
FARTHEST = timedelta(days=180)
_CANCEL_REASONS = frozenset({"found_other", "not_needed", "person_left", "other"})


@dataclass(frozen=True)
class NewBooking:
    """A request as the officer makes it."""

    step_id: str
    kind: str
    """``now`` or ``appointment``."""
    language: str
    officer_language: str
    starts_at: datetime | None = None
    """For an appointment."""
    minutes: int | None = None
    """None: the catalogue's planning value."""
    zone: str | None = None
    safety_only: bool = False
    """Only an urgent medical or safety talk of at most 15 minutes (S-4)."""
    way: str = "direct"
    """direct, team (two who take turns) or relay (through a third language, M-9)."""
    purpose: str | None = None
    """``language``: only the language is asked (M-12)."""


class BookingService:
    """Bookings and their moves. Methods take the booking under its row lock."""

    def __init__(
        self,
        table: LanguageTable,
        cases: CaseService,
        rounds: Rounds,
        assignments: Assignments,
        offers: OfferService,
        closing: Closing,
        surge: SurgeStates | None = None,
    ) -> None:
        self._surge = surge or SurgeStates()
        self._table = table
        self._cases = cases
        self._rounds = rounds
        self._assignments = assignments
        self._offers = offers
        self._closing = closing

    async def request(self, uow: UnitOfWork, new: NewBooking, *, idempotency_key: str | None = None) -> Booking:
        """Ask for an interpreter; the first round rings in the same transaction. The same key gives the first booking again.

        Raises what ``CaseService.step_for_booking`` raises (``step_locked`` ...), ``Conflict('booking_exists')``,
        ``Invalid``: ``language_unknown``, ``language_not_in_case``, ``time_in_past``, ``time_too_far``, ``minutes_wrong``,
        ``team_needed`` (S-8).
        """
        booking, known = await self.make(uow, new, idempotency_key=idempotency_key)
        if not known:
            await self._rounds.begin(uow, booking, BookingMove.SEARCH)
        return booking

    async def make(
        self, uow: UnitOfWork, new: NewBooking, *, idempotency_key: str | None = None
    ) -> tuple[Booking, bool]:
        """The booking REQUESTED, for which nobody is looked for yet; or the one that the same key made before (true)."""
        key = f"{uow.actor.id}:{idempotency_key}" if idempotency_key else None
        if key is not None:
            known = await uow.session.scalar(select(Booking).where(Booking.idempotency_key == key))
            if known is not None:
                return known, True
        facts = await self._cases.step_for_booking(uow, new.step_id, safety_only=new.safety_only)
        if await self.open_for_step(uow, new.step_id) is not None:
            raise Conflict("booking_exists")
        now_wanted = new.kind == "now"
        starts_at = _start(new, uow.now)
        # Under RED the triage script counts; minutes that the officer names stay as they are.
        switches = (await self._surge.current(uow, facts.country)).switches
        minutes = _minutes(new, triage_minutes(switches, facts.stage.value, facts.typical_minutes))
        party = await uow.session.scalars(
            select(Interpreter.id).where(Interpreter.user_id.in_({uow.actor.id, facts.opened_by}))
        )
        need = build_need(
            facts,
            language=new.language,
            officer_language=new.officer_language,
            now=uow.now,
            at=starts_at,
            minutes=minutes,
            on_demand=now_wanted,
            table=self._table,
            party_ids=frozenset(party),
        )
        way = Way(new.way)
        if way is not Way.TEAM and minutes > most_minutes(need):
            raise Invalid("team_needed", {"most": most_minutes(need)})
        if way is Way.RELAY:
            minutes = relay_minutes(minutes)
            need = replace(need, minutes=minutes)
        booking = Booking(
            id=new_id("booking"),
            case_id=facts.case_id,
            case_ref=facts.case_ref,
            step_id=facts.step_id,
            step_code=facts.step_code,
            country=facts.country,
            site=facts.site,
            authority=facts.authority,
            kind=new.kind,
            language=new.language,
            officer_language=new.officer_language,
            need=stored_need(need, facts),
            priority=priority_of(facts, now=uow.now, booked=not now_wanted).value,
            state=BookingState.REQUESTED,
            requested_by=uow.actor.id,
            requester_code=uow.actor.code,
            requested_at=uow.now,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=minutes),
            # A browser may tell a zone that we do not know: with it, the day of the work could not be reckoned at its end.
            zone=new.zone if new.zone in KNOWN_ZONES else ZONES[facts.country],
            round=0,
            rungs=[],
            callback=False,
            needs_coordinator=False,
            safety_only=new.safety_only,
            way=way.value,
            purpose=new.purpose,
            idempotency_key=key,
            version=1,
        )
        note_clock(booking, facts, uow.now)
        uow.session.add(booking)
        await uow.flush()
        return booking, False

    async def get(self, unit: ReadUnit, booking_id: str) -> Booking:
        """The row, read anew. Raises ``NotFound('booking_unknown')``."""
        booking = await unit.session.get(Booking, booking_id, populate_existing=True)
        if booking is None:
            raise NotFound("booking_unknown")
        return booking

    async def kept(self, unit: ReadUnit, booking: Booking) -> list[Assignment]:
        """Who has the booking, or holds it for now, by leg."""
        return await self._assignments.kept(unit, booking)

    async def open_for_step(self, unit: ReadUnit, step_id: str) -> Booking | None:
        """The booking of a step that is not over, if there is one."""
        found: Booking | None = await unit.session.scalar(
            select(Booking).where(Booking.step_id == step_id, Booking.state.in_(OPEN))
        )
        return found

    async def cancel(self, uow: UnitOfWork, booking_id: str, *, reason: str) -> Booking:
        """Stop looking, or give up what was agreed; a session that waits is called off. Raises ``move_not_allowed``."""
        if reason not in _CANCEL_REASONS:
            raise Invalid("value_unknown", {"field": "reason"})
        booking = await locked_booking(uow, booking_id)
        if booking.state is BookingState.CANCELLED:
            return booking
        agreed = booking.state is BookingState.ASSIGNED and booking.kind != "now"
        booking.state = advance(booking.state, BookingMove.CANCEL)
        given_up = await self._assignments.kept(uow, booking) if agreed else []
        note_notice(given_up, notice_rules()[booking.country].at(booking.starts_at, uow.now))
        await self._closing.close(uow, booking, reason, AssignmentMove.RELEASE, NotHeldReason.CANCELLED)
        return booking

    async def notice(self, unit: ReadUnit, booking_id: str) -> Notice | None:
        """What giving the appointment up now would mean; none while nobody has agreed to it."""
        booking = await self.get(unit, booking_id)
        if booking.kind == "now" or booking.state is not BookingState.ASSIGNED:
            return None
        return notice_rules()[booking.country].at(booking.starts_at, unit.now)

    async def callback(self, uow: UnitOfWork, booking_id: str) -> Booking:
        """Go on looking in the background for up to twelve hours; the officer is told when somebody is found."""
        booking = await self._searching(uow, booking_id)
        booking.callback = True
        if booking.state is BookingState.UNFILLED:
            booking.next_round_at = give_up_at(booking)
        await changed(uow, booking)
        return booking

    async def widen(self, uow: UnitOfWork, booking_id: str) -> Booking:
        """The coordinator has the next rung rung now as well, or starts a search anew that nobody is left in."""
        booking = await locked_booking(uow, booking_id)
        await self._rounds.widen(uow, booking)
        return booking

    async def place(
        self, uow: UnitOfWork, booking_id: str, *, interpreter_id: str, second_id: str | None = None
    ) -> Booking:
        """The coordinator gives the booking to somebody; every rule is checked again, only presence is not asked for.

        ``second_id`` is for a relay or a team: both are taken or none. One person alone makes it a direct booking again.
        Raises ``Conflict``: ``not_eligible`` (rule), ``calendar_conflict``, ``move_not_allowed``.
        """
        people = [interpreter_id] if second_id is None else [interpreter_id, second_id]
        for person in sorted(set(people)):
            await hold_person(uow, person)
            await self._assignments.refuse_overlap(uow, booking_id, person)
        booking = await locked_booking(uow, booking_id)
        booking.state = advance(booking.state, BookingMove.ASSIGN)
        held = await self._assignments.end(uow, booking, AssignmentMove.RELEASE, "placed")
        if second_id is None:
            booking.way, booking.pivot = Way.DIRECT.value, None
        elif Way(booking.way) is Way.DIRECT:
            raise Conflict("booking_has_one_leg")
        named: dict[int, tuple[str, str | None]] = {leg: (person, None) for leg, person in enumerate(people, start=1)}
        await self._assignments.bind_legs(uow, booking, named, rung="by_hand", lease=PLACED_LEASE)
        await self._rounds.end_pending(uow, booking, OfferState.WITHDRAWN, WithdrawReason.TAKEN)
        for person in people:
            await self._offers.withdraw_elsewhere(uow, person, booking)
        await self._closing.serve(uow, [row for row in held if row.interpreter_id not in people])
        tell_booking(uow, booking)
        return booking

    async def case_changed(self, uow: UnitOfWork, case_id: str) -> None:
        """The case says something new (language, wish, needs): open searches go on with it, their rings start anew.

        An agreed booking whose interpreter no longer fits is shown to the coordinator (``no_longer_fits``).
        """
        rows = await uow.session.scalars(
            select(Booking.id).where(Booking.case_id == case_id, Booking.state.in_(OPEN)).order_by(Booking.id)
        )
        for booking_id in rows.all():
            await self._renew(uow, await locked_booking(uow, booking_id))

    async def by_the_clock(self, uow: UnitOfWork, booking_id: str) -> None:
        """Time alone changed what a request is: a removal or a time limit came near, an urgency expired (M-10)."""
        booking = await try_lock_booking(uow, booking_id)
        if booking is not None and booking.state in WAITING and booking.reclass_at and booking.reclass_at <= uow.now:
            await self._renew(uow, booking)

    async def escalate_must(self, uow: UnitOfWork, booking_id: str) -> None:
        """Call the coordinator for a wish that nobody meets (M-3). The search goes on, and the wish stays as it is."""
        booking = await try_lock_booking(uow, booking_id)
        if booking is None or booking.state not in SEARCHING or booking.must_escalated_at is not None:
            return
        if booking.must_due_at is None or booking.must_due_at > uow.now:
            return
        booking.must_escalated_at = uow.now
        await changed(uow, booking)

    async def approve_police(self, uow: UnitOfWork, booking_id: str, *, reference: str | None) -> Booking:
        """Interpreters of the other country may do this police step (T-3), under the reference of the approval; none takes it back.

        The search goes on with them at once. Every other rule stands: without an open instrument (T-2) nobody is added.
        Raises ``Conflict``: ``not_a_police_step``, ``move_not_allowed`` for a booking that is over or in session, and what
        ``file_number`` raises about the reference.
        """
        booking = await locked_booking(uow, booking_id)
        if booking.state not in OPEN or booking.state is BookingState.IN_SESSION:
            raise Conflict("move_not_allowed", {"subject": "booking", "state": booking.state.value, "move": "approve"})
        if not need_from_json(booking.need).police_regime:
            raise Conflict("not_a_police_step")
        booking.police_approval = file_number(reference, uow.now)
        booking.police_by, booking.police_at = uow.actor.code, uow.now
        await self._renew(uow, booking)
        if booking.state is BookingState.UNFILLED and booking.police_approval:
            await self._rounds.widen(uow, booking)
        else:
            await changed(uow, booking)
        return booking

    async def _renew(self, uow: UnitOfWork, booking: Booking) -> None:
        """Make the need of a locked booking again; rings start anew and a person is called where that changes who may come."""
        before, hurry = need_from_json(booking.need), booking.priority
        facts = await self._closing.renew_need(uow, booking, on_demand=before.on_demand)
        in_talk = booking.session_id is not None and booking.kind == "now"
        note_clock(booking, facts, uow.now, fixed_class=in_talk)
        if not in_talk:
            # Whoever is looked for in the middle of a talk stays first, whatever the case says.
            booking.priority = priority_of(facts, now=uow.now, booked=booking.kind != "now").value
        after = need_from_json(booking.need)
        if _essence(before) == _essence(after):
            if booking.priority != hurry:
                await changed(uow, booking)
        elif booking.state is BookingState.ASSIGNED and booking.interpreter_id is not None:
            refused = await self._assignments.refusals(uow, booking, booking.interpreter_id)
            if any(refusal.rule in HARD_RULES for refusal in refused):
                # A hard need is never relaxed: a person decides who comes instead.
                booking.needs_coordinator, booking.reason = True, "no_longer_fits"
                await changed(uow, booking)
        elif booking.state is BookingState.OFFERING:
            await self._rounds.end_pending(uow, booking, OfferState.WITHDRAWN, WithdrawReason.CHANGED)
            booking.rungs = []
            await self._rounds.next(uow, booking)

    async def _searching(self, uow: UnitOfWork, booking_id: str) -> Booking:
        booking = await locked_booking(uow, booking_id)
        if booking.state not in (BookingState.REQUESTED, BookingState.OFFERING, BookingState.UNFILLED):
            params = {"subject": "booking", "state": booking.state.value, "move": "callback"}
            raise Conflict("move_not_allowed", params)
        return booking


def _start(new: NewBooking, now: datetime) -> datetime:
    if new.kind == "now":
        return now
    if new.kind != "appointment":
        raise Invalid("value_unknown", {"field": "kind"})
    if new.starts_at is None or new.starts_at < now + SOONEST:
        raise Invalid("time_in_past", {"minutes": int(SOONEST.total_seconds() // 60)})
    if new.starts_at > now + FARTHEST:
        raise Invalid("time_too_far", {"days": FARTHEST.days})
    return new.starts_at


def _minutes(new: NewBooking, typical: int) -> int:
    minutes = new.minutes or typical
    if new.safety_only:
        minutes = min(minutes or SAFETY_TALK_MINUTES, SAFETY_TALK_MINUTES)
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise Invalid("minutes_wrong", {"most": LONGEST_MINUTES})
    return minutes


def _essence(need: Need) -> dict[str, Any]:
    """What of a need decides who is asked."""
    return {name: value for name, value in need_to_json(need).items() if name not in ("now", "at", "minutes")}
