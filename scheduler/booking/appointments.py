"""Appointments at a chosen time: free slots, booking one, holding one for a while, moving one. One function decides them all.

``Openings`` (see ``slots``) says who could do it; ``choices`` asks it again under the locks of those people, so that what is
offered is what is booked. What cannot be agreed at once is asked for by offers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select

from core.db.clock import database_instant, database_time
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid
from records.cases import CaseService
from records.lifecycle import NotHeldReason
from records.session_log import SessionLog
from scheduler.assignments import Assignments
from scheduler.booking.choices import Choices
from scheduler.booking.counting import Counting
from scheduler.booking.leg_ring import LAPSED, LegRing
from scheduler.booking.slots import QUARTER, Openings, Slot, check_span, next_step, slots
from scheduler.bookings import FARTHEST, SOONEST, BookingService, NewBooking
from scheduler.closing import Closing, changed
from scheduler.languages import LanguageTable
from scheduler.legs import Way, most_minutes, relay_minutes
from scheduler.lifecycle import (
    AssignmentMove,
    AssignmentState,
    BookingMove,
    BookingState,
    OfferState,
    WithdrawReason,
    advance,
)
from scheduler.locks import hold_person, locked_booking
from scheduler.models import Booking
from scheduler.need import Need
from scheduler.needs import build_need, fresh_need, stored_need
from scheduler.news import tell_booking
from scheduler.ranking import Match
from scheduler.room_times import join_opens_at
from scheduler.rounds import Rounds
from scheduler.times import NO_SHOW_AFTER

HOLD_FOR = timedelta(minutes=30)
"""How long a slot is held when nothing else is asked for."""
LONGEST_HOLD = timedelta(hours=24)
RUNG = "slot"


@dataclass(frozen=True)
class SlotsAsked:
    """For which step slots are wanted."""

    step_id: str
    language: str
    officer_language: str
    minutes: int | None = None
    way: Way = Way.DIRECT
    safety_only: bool = False


@dataclass(frozen=True)
class SlotSearch:
    """Everything that was read for a list of slots; counting it needs no database."""

    question: tuple[SlotsAsked, datetime, datetime, str | None]
    """Equal ones that are counted at the same time are counted once."""
    openings: Openings | None
    """None where the span lies outside of what can be booked."""
    need: Need
    first: datetime
    last: datetime
    asks: str | None = None
    """Whoever has agreed to the appointment that is moved: nobody else is asked for another time."""


class AppointmentService:
    """Slots, bookings of slots, holds and moves."""

    def __init__(
        self,
        table: LanguageTable,
        cases: CaseService,
        log: SessionLog,
        bookings: BookingService,
        rounds: Rounds,
        assignments: Assignments,
        closing: Closing,
        leg_ring: LegRing,
        choices: Choices,
    ) -> None:
        self._table = table
        self._cases = cases
        self._log = log
        self._bookings = bookings
        self._rounds = rounds
        self._assignments = assignments
        self._closing = closing
        self._leg_ring = leg_ring
        self._choices = choices
        self._counting: Counting[list[Slot]] = Counting()

    async def slots(
        self, unit: ReadUnit, asked: SlotsAsked, start: datetime, end: datetime, *, refused: bool = False
    ) -> list[Slot]:
        """The slots between ``start`` and ``end`` that can be booked; with ``refused`` also the others, with the rules.

        Raises what ``search`` and ``count`` raise.
        """
        return await self.count(await self.search(unit, asked, start, end), refused=refused)

    async def search(
        self, unit: ReadUnit, asked: SlotsAsked, start: datetime, end: datetime, *, moving: str | None = None
    ) -> SlotSearch:
        """What ``count`` needs, read at one moment; it can be counted after the unit is closed.

        ``moving`` is the appointment for which another time is looked for: its own time is no obstacle.

        Raises ``Invalid``: ``span_wrong``, ``team_needed``, and what ``BookingService.request`` raises about the language.
        """
        check_span(start, end)
        facts = await self._cases.step_facts(unit, asked.step_id, safety_only=asked.safety_only)
        minutes = asked.minutes or facts.typical_minutes
        need = build_need(
            facts,
            language=asked.language,
            officer_language=asked.officer_language,
            now=unit.now,
            at=start,
            minutes=minutes,
            on_demand=False,
            table=self._table,
        )
        if asked.way is not Way.TEAM and minutes > most_minutes(need):
            raise Invalid("team_needed", {"most": most_minutes(need)})
        if asked.way is Way.RELAY:
            need = replace(need, minutes=relay_minutes(minutes))
        need = await self._choices.continued(unit, need)
        first, last = max(start, unit.now + SOONEST), min(end, unit.now + FARTHEST)
        question = (asked, next_step(first, QUARTER), next_step(last, QUARTER), moving)
        if first >= last:
            return SlotSearch(question, None, need, first, last)
        rules = await self._rounds.rules(unit, facts.step_code)
        openings = await Openings.read(unit, need, rules, asked.way, first, last, without=moving)
        old = await self._bookings.get(unit, moving) if moving is not None else None
        agreed = old is not None and old.state is BookingState.ASSIGNED and asked.way is Way.DIRECT
        return SlotSearch(question, openings, need, first, last, old.interpreter_id if old and agreed else None)

    async def count(self, search: SlotSearch, *, refused: bool = False) -> list[Slot]:
        """The slots of a search. Weeks of quarters of an hour take seconds: rings and calls must not wait for them.

        Raises ``TooMany('slots_busy')`` while as many are counted and wait as may (``Counting``).
        """
        if search.openings is None:
            return []
        asked = partial(
            slots, search.openings, search.need, search.first, search.last, refused=refused, asks=search.asks
        )
        return await self._counting.of((search.question, refused), asked)

    async def book(
        self, uow: UnitOfWork, new: NewBooking, *, only_sure: bool = False, idempotency_key: str | None = None
    ) -> Booking:
        """Book a slot: agreed at once with people who stated that they work then, else they are asked.

        ``only_sure``: it was offered as agreed at once, so that asking people is not what was chosen. Raises what
        ``BookingService.request`` raises, ``Conflict``: ``slot_not_free`` (rule) when nobody could do it, ``slot_on_request``.
        """
        booking, known = await self._bookings.make(uow, new, idempotency_key=idempotency_key)
        if not known:
            await self.staff(uow, booking, only_sure=only_sure)
        return booking

    async def staff(self, uow: UnitOfWork, booking: Booking, *, only_sure: bool = False) -> None:
        """Find people for an appointment REQUESTED or OFFERING and agree on it, or ask them. Raises as ``book``."""
        if self._leg_ring.waits_for_leave(booking):
            booking.state = advance(booking.state, BookingMove.SEARCH)
            await self._leg_ring.ask_leave(uow, booking)
            return
        plan, team = await self._choices.of(uow, booking, sure=True)
        booking.pivot = plan.pivot
        if team:
            booking.state = advance(booking.state, BookingMove.ASSIGN)
            await self._bind(uow, booking, team)
            tell_booking(uow, booking)
        elif plan.is_open and only_sure:
            raise Conflict("slot_on_request")
        elif plan.is_open:
            await self._rounds.begin(uow, booking, BookingMove.SEARCH)
        else:
            raise await self._choices.refusal(uow, booking)

    async def hold(
        self, uow: UnitOfWork, new: NewBooking, *, span: timedelta = HOLD_FOR, idempotency_key: str | None = None
    ) -> Booking:
        """Keep a slot for a while, by the database's clock: nobody else can have these people then.

        Raises what ``book`` raises, ``Invalid('hold_too_long')``, ``Conflict('slot_on_request')`` when people would first have to
        be asked.
        """
        if not timedelta(minutes=1) <= span <= LONGEST_HOLD:
            raise Invalid("hold_too_long", {"hours": int(LONGEST_HOLD.total_seconds() // 3600)})
        booking, known = await self._bookings.make(uow, new, idempotency_key=idempotency_key)
        if known:
            return booking
        if self._leg_ring.waits_for_leave(booking):
            raise Conflict("relay_needs_leave")
        plan, team = await self._choices.of(uow, booking, sure=True)
        if not team:
            raise Conflict("slot_on_request") if plan.is_open else await self._choices.refusal(uow, booking)
        booking.pivot = plan.pivot
        booking.state = advance(booking.state, BookingMove.HOLD)
        booking.hold_until = await database_instant(uow, span)
        for leg, match in enumerate(team, start=1):
            await self._assignments.take(
                uow,
                booking,
                match.candidate.id,
                leg=leg,
                state=AssignmentState.HELD,
                expires_at=booking.hold_until,
            )
        await uow.flush()
        tell_booking(uow, booking)
        return booking

    async def confirm(self, uow: UnitOfWork, booking_id: str) -> Booking:
        """Make a held slot an agreed appointment. The same again changes nothing.

        Raises ``Conflict``: ``hold_expired``, ``not_eligible`` (rule), ``move_not_allowed``.
        """
        seen = await self._bookings.get(uow, booking_id)
        for row in sorted(await self._assignments.kept(uow, seen), key=lambda row: row.interpreter_id):
            await hold_person(uow, row.interpreter_id)
        booking = await locked_booking(uow, booking_id)
        if booking.state is BookingState.ASSIGNED:
            return booking
        if booking.state is BookingState.CANCELLED and booking.reason == LAPSED:
            raise Conflict("hold_expired")
        confirmed = advance(booking.state, BookingMove.CONFIRM)
        if booking.hold_until is None or booking.hold_until <= await database_instant(uow):
            raise Conflict("hold_expired")
        booking.state = confirmed
        await self._assignments.confirm(uow, booking, rung=RUNG)
        tell_booking(uow, booking)
        return booking

    async def expired(self, unit: ReadUnit) -> Sequence[str]:
        """Held bookings whose time is over by the database's clock."""
        now = database_time(unit.dialect)[0]
        rows = await unit.session.scalars(
            select(Booking.id).where(Booking.state == BookingState.HELD, Booking.hold_until <= now).limit(50)
        )
        return rows.all()

    async def lapse(self, uow: UnitOfWork, booking_id: str) -> None:
        """The time of a hold is over: the slot is free, and the oldest booking that waits for it is served."""
        booking = await locked_booking(uow, booking_id)
        if booking.state is not BookingState.HELD or booking.hold_until is None:
            return
        if booking.hold_until > await database_instant(uow):
            return
        booking.state = advance(booking.state, BookingMove.LAPSE)
        await self._closing.close(uow, booking, LAPSED, AssignmentMove.RELEASE, NotHeldReason.CANCELLED)

    async def reschedule(
        self, uow: UnitOfWork, booking_id: str, *, starts_at: datetime, minutes: int | None = None
    ) -> Booking:
        """Another time for an appointment; every rule is checked for it. If it cannot be had, the old time stands.

        Who has it keeps it if possible. Raises ``Conflict``: ``slot_not_free`` (rule), ``slot_on_request``,
        ``move_not_allowed``, ``session_begun``, ``relay_needs_leave`` (M-9); ``Invalid``: ``time_in_past``, ``time_too_far``,
        ``team_needed``.
        """
        check_time(starts_at, uow.now)
        seen = await self._bookings.get(uow, booking_id)
        length = timedelta(minutes=minutes) if minutes is not None else seen.ends_at - seen.starts_at
        if seen.state is BookingState.ASSIGNED and (seen.starts_at, seen.ends_at - seen.starts_at) == (
            starts_at,
            length,
        ):
            return seen
        if self._leg_ring.waits_for_leave(seen):
            raise Conflict("relay_needs_leave")
        agreed_with = [row.interpreter_id for row in await self._assignments.kept(uow, seen)]
        moved = await self._moved_need(uow, seen, starts_at, minutes)
        pivot, team = await self._choices.at_another_time(uow, seen, moved, prefer=agreed_with)
        return await self._move(uow, booking_id, moved, team, agreed_with, pivot)

    async def need_at_time(
        self, uow: UnitOfWork, booking: Booking, starts_at: datetime, minutes: int | None = None
    ) -> Need:
        """The need of an appointment for another time, made from the case as it is now.

        Raises ``Invalid``: ``time_in_past``, ``time_too_far``, ``team_needed``.
        """
        check_time(starts_at, uow.now)
        return await self._moved_need(uow, booking, starts_at, minutes)

    async def agreeable(self, uow: UnitOfWork, booking: Booking, need: Need, who: str) -> Match:
        """Whether this interpreter could do the appointment at the time of ``need``, asked or not, under their lock.

        Raises ``Conflict``: ``slot_on_request`` if only others could, ``slot_not_free`` (rule).
        """
        return await self._choices.by_one(uow, booking, need, who)

    async def move_agreed(
        self, uow: UnitOfWork, booking_id: str, *, starts_at: datetime, minutes: int, who: str
    ) -> Booking:
        """Move an appointment to a time to which its interpreter has just agreed. Raises as ``agreeable``."""
        seen = await self._bookings.get(uow, booking_id)
        moved = await self.need_at_time(uow, seen, starts_at, minutes)
        match = await self.agreeable(uow, seen, moved, who)
        return await self._move(uow, booking_id, moved, (match,), [who], None)

    async def _move(
        self,
        uow: UnitOfWork,
        booking_id: str,
        moved: Need,
        team: Sequence[Match],
        agreed_with: Sequence[str],
        pivot: str | None,
    ) -> Booking:
        booking = await locked_booking(uow, booking_id)
        if booking.kind == "now":
            raise Conflict("move_not_allowed", {"subject": "booking", "state": booking.state.value, "move": "move"})
        was_agreed = booking.state is BookingState.ASSIGNED
        booking.state = advance(booking.state, BookingMove.MOVE)
        if sorted(row.interpreter_id for row in await self._assignments.kept(uow, booking)) != sorted(agreed_with):
            raise Conflict("changed_meanwhile", {"version": booking.version})
        await self._rounds.end_pending(uow, booking, OfferState.WITHDRAWN, WithdrawReason.CHANGED)
        given_up = await self._assignments.end(uow, booking, AssignmentMove.RELEASE, "moved")
        booking.starts_at, booking.ends_at, booking.pivot = moved.at, moved.ends, pivot
        facts = await self._cases.step_facts(uow, booking.step_id, safety_only=booking.safety_only)
        booking.need = stored_need(moved, facts)
        if not was_agreed:
            booking.state = advance(booking.state, BookingMove.ASSIGN)
        await uow.flush()
        if booking.session_id is not None:
            await self._move_session(uow, booking, given_up, {match.candidate.id for match in team})
        await self._bind(uow, booking, team)
        await changed(uow, booking)
        await self._closing.serve(uow, given_up)
        return booking

    # binding

    async def _bind(self, uow: UnitOfWork, booking: Booking, team: Sequence[Match]) -> None:
        named: dict[int, tuple[str, str | None]] = {
            leg: (match.candidate.id, None) for leg, match in enumerate(team, start=1)
        }
        await self._assignments.bind_legs(uow, booking, named, rung=RUNG)

    async def _move_session(
        self, uow: UnitOfWork, booking: Booking, given_up: Sequence[object], stay: set[str]
    ) -> None:
        session_id = str(booking.session_id)
        await self._log.reschedule(
            uow,
            session_id,
            starts_at=booking.starts_at,
            join_opens_at=join_opens_at(booking),
            join_by=booking.starts_at + NO_SHOW_AFTER,
        )
        session = await self._log.get(uow, session_id)
        if session.interpreter_id is not None and session.interpreter_id not in stay and Way(booking.way) is Way.DIRECT:
            await self._log.lose_interpreter(uow, session_id, reason="moved")

    async def _moved_need(self, uow: UnitOfWork, booking: Booking, starts_at: datetime, minutes: int | None) -> Need:
        """The need made again from the case as it is now, for another time."""
        facts = await self._cases.step_facts(uow, booking.step_id, safety_only=booking.safety_only)
        need = fresh_need(booking, facts, self._table, uow.now)
        way = Way(booking.way)
        if minutes is not None:
            if way is not Way.TEAM and minutes > most_minutes(need):
                raise Invalid("team_needed", {"most": most_minutes(need)})
            need = replace(need, minutes=relay_minutes(minutes) if way is Way.RELAY else minutes)
        return replace(need, at=starts_at, on_demand=False, by_calendar=True)


def check_time(starts_at: datetime, now: datetime) -> None:
    """Raises ``Invalid``: ``time_in_past``, ``time_too_far``."""
    if starts_at < now + SOONEST:
        raise Invalid("time_in_past", {"minutes": int(SOONEST.total_seconds() // 60)})
    if starts_at > now + FARTHEST:
        raise Invalid("time_too_far", {"days": FARTHEST.days})
