"""Binding an interpreter to a booking, and ending that bond: one code path for accepted offers and a coordinator's hand.

Works on a booking whose row the caller holds. The database's constraints stand behind it: one winner per booking, no two
overlapping assignments of one person.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import zip_longest

from sqlalchemy import func, select, update

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, NotFound
from records.case_facts import StepFacts
from records.procedures import Catalogue
from scheduler.booked_sessions import BookedSessions, seat_of, work_times
from scheduler.breaks import Work, free_from
from scheduler.briefings.facts import BookedFacts
from scheduler.eligibility import NeedContext, Refusal, Rule, failed_rules
from scheduler.languages import LanguageTable
from scheduler.legs import Way, leg_need
from scheduler.lifecycle import KEPT, AssignmentMove, AssignmentState, advance
from scheduler.models import Assignment, Booking, Interpreter
from scheduler.need import Candidate, Need
from scheduler.needs import fresh_need, need_at, need_from_json
from scheduler.news import tell_assignment
from scheduler.notice import Notice
from scheduler.queries import candidates_by_id, match_rules
from scheduler.ranking import Match, rank
from scheduler.times import join_lease

_CHAIN = timedelta(hours=16)
"""Work farther away than this cannot belong to one stretch without a long break."""


class Assignments:
    """Makes and ends assignments."""

    def __init__(
        self, catalogue: Catalogue, table: LanguageTable, facts: BookedFacts, sessions: BookedSessions
    ) -> None:
        self._catalogue = catalogue
        self._table = table
        self._facts = facts
        self._sessions = sessions

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
        """Give a direct booking (already moved to ASSIGNED) to this interpreter; plans or re-staffs the session.

        ``lease`` is the time to be in the room; none: what the last check of devices gives. Every rule is checked again
        on the facts of this moment. The caller holds the person (``locks.hold_person``) and
        the booking, taken in this order. Raises ``Conflict``:
        ``calendar_conflict``, ``booking_taken``, ``not_eligible`` (rule); ``NotFound('interpreter_unknown')``.
        """
        return (await self.bind_legs(uow, booking, {1: (interpreter_id, offer_id)}, rung=rung, lease=lease))[0]

    async def bind_legs(
        self,
        uow: UnitOfWork,
        booking: Booking,
        people: Mapping[int, tuple[str, str | None]],
        *,
        rung: str,
        lease: timedelta | None = None,
    ) -> list[Assignment]:
        """The same for all legs of a booking at once, by leg: interpreter and offer. All are taken or, by what it raises, none.

        A leg that is bound or held already keeps its interpreter and must not be named again.
        """
        on_demand = booking.kind == "now"
        taken = {row.leg: row for row in await self.kept(uow, booking)}
        if on_demand and not any(row.state is AssignmentState.ACTIVE for row in taken.values()):
            minutes = await self._sessions.minutes_left(uow, booking)
            booking.starts_at, booking.ends_at = uow.now, uow.now + timedelta(minutes=minutes)
        facts = await self._facts.of(uow, booking)
        matches: dict[int, Match] = {}
        for leg, (interpreter_id, offer_id) in sorted(people.items()):
            taken[leg], matches[leg] = await self._take(
                uow, booking, facts, interpreter_id, leg, offer_id, AssignmentState.ACTIVE, None
            )
        for row in taken.values():
            if row.state is AssignmentState.HELD:
                row.state, row.expires_at = advance(row.state, AssignmentMove.CONFIRM), None
        return await self._agreed(uow, booking, facts, taken, rung, lease, matches)

    async def take(
        self,
        uow: UnitOfWork,
        booking: Booking,
        interpreter_id: str,
        *,
        leg: int,
        offer_id: str | None = None,
        state: AssignmentState = AssignmentState.ACTIVE,
        expires_at: datetime | None = None,
    ) -> Assignment:
        """Take the time of an interpreter for one leg, agreed or held until ``expires_at``; raises what ``bind`` raises."""
        facts = await self._facts.of(uow, booking)
        return (await self._take(uow, booking, facts, interpreter_id, leg, offer_id, state, expires_at))[0]

    async def _take(
        self,
        uow: UnitOfWork,
        booking: Booking,
        facts: StepFacts,
        interpreter_id: str,
        leg: int,
        offer_id: str | None,
        state: AssignmentState,
        expires_at: datetime | None,
    ) -> tuple[Assignment, Match]:
        """The same with the facts at hand; also why this person fits."""
        need, match = await self._check(uow, booking, facts, interpreter_id, leg)
        starts_at = max(booking.starts_at, uow.now)
        ends_at = max(booking.ends_at, starts_at + timedelta(minutes=1))
        assignment = Assignment(
            id=new_id("assignment"),
            country=booking.country,
            booking_id=booking.id,
            interpreter_id=interpreter_id,
            leg=leg,
            state=state,
            starts_at=starts_at,
            ends_at=ends_at,
            busy_until=ends_at,
            minutes=need.own_minutes,
            block_min=match.block_minutes,
            expires_at=expires_at,
            offer_id=offer_id,
            made_by=uow.actor.id,
            made_at=uow.now,
            active_min=0,
        )
        await self._settle_breaks(uow, interpreter_id, assignment)
        uow.session.add(assignment)
        await uow.flush()
        return assignment, match

    async def confirm(self, uow: UnitOfWork, booking: Booking, *, rung: str) -> list[Assignment]:
        """What is held for a booking (already moved to ASSIGNED) becomes agreed; every rule is checked again.

        Raises what ``bind`` raises and ``Conflict('hold_expired')`` if nothing is held any more.
        """
        facts = await self._facts.of(uow, booking)
        held = {row.leg: row for row in await self.kept(uow, booking)}
        if set(held) != set(Way(booking.way).legs):
            raise Conflict("hold_expired")
        matches: dict[int, Match] = {}
        for leg, row in held.items():
            _, matches[leg] = await self._check(uow, booking, facts, row.interpreter_id, leg)
            row.state, row.expires_at = advance(row.state, AssignmentMove.CONFIRM), None
        return await self._agreed(uow, booking, facts, held, rung, None, matches)

    async def kept(self, unit: ReadUnit, booking: Booking) -> list[Assignment]:
        """The assignments of the booking that are held or agreed, by leg."""
        rows = await unit.session.scalars(
            select(Assignment)
            .where(Assignment.booking_id == booking.id, Assignment.state.in_(KEPT))
            .order_by(Assignment.leg)
            .execution_options(populate_existing=True)
        )
        return list(rows)

    async def _agreed(
        self,
        uow: UnitOfWork,
        booking: Booking,
        facts: StepFacts,
        taken: Mapping[int, Assignment],
        rung: str,
        lease: timedelta | None,
        checked: Mapping[int, Match],
    ) -> list[Assignment]:
        """All legs are taken: note it in the booking, staff the session, tell everybody.

        ``checked``: legs whose rules were checked in this unit, under the same locks; the others are checked now.
        """
        rows = [taken[leg] for leg in sorted(taken)]
        people = [await self._person(uow, row.interpreter_id) for row in rows]
        booking.interpreter_id = rows[0].interpreter_id
        booking.matched_at = uow.now
        booking.needs_coordinator, booking.reason, booking.hold_until = False, None, None
        longest = lease or max(join_lease(person.devices_checked_at, uow.now) for person in people)
        booking.next_round_at, booking.join_by = work_times(booking, uow.now, longest)
        booking.version += 1
        await uow.flush()
        seats = {}
        for row, person in zip(rows, people, strict=True):
            match = checked.get(row.leg)
            if match is None:
                _, match = await self._check(uow, booking, facts, row.interpreter_id, row.leg)
            seats[row.leg] = seat_of(person, match)
        await self._sessions.staff(uow, booking, facts, seats, rung)
        await uow.flush()
        users = {person.id: person.user_id for person in people}
        for row in rows:
            await tell_assignment(uow, booking, row, users=users)
        return rows

    async def _settle_breaks(self, uow: UnitOfWork, interpreter_id: str, new: Assignment | None) -> None:
        """Write into the agreed work around the break that is owed after each piece, counted once (S-8).

        The caller holds the person. The new piece gets its own; those who come later may owe more because of it.
        """
        around = new.starts_at if new is not None else uow.now
        async with uow.across_countries():
            rows = (
                await uow.session.scalars(
                    select(Assignment)
                    .where(
                        Assignment.interpreter_id == interpreter_id,
                        Assignment.state.in_(KEPT),
                        Assignment.ends_at > around - _CHAIN,
                        Assignment.starts_at < around + _CHAIN,
                    )
                    .execution_options(populate_existing=True)
                )
            ).all()
            pieces = sorted([*rows, *([new] if new is not None else [])], key=lambda row: row.starts_at)
            work = [Work(row.starts_at, row.ends_at, row.minutes, row.block_min) for row in pieces]
            following = [row.starts_at for row in pieces[1:]]
            for row, free, after in zip_longest(pieces, free_from(work), following):
                # Where a break was cut short before (a session ran over), the next work is not moved.
                until = free if after is None or row is new else min(free, max(after, row.ends_at))
                if row is new or (row.busy_until != until and row.starts_at > uow.now):
                    row.busy_until = until
            await uow.flush()

    async def refuse_overlap(self, uow: UnitOfWork, booking_id: str, interpreter_id: str) -> Booking:
        """The cheap look right after ``hold_person``: who accepts much at once is refused before waiting for a booking.

        Returns the booking as it is seen without its lock. Raises ``Conflict('calendar_conflict')``. Another assignment of the
        same booking is no conflict.
        """
        booking = await uow.session.get(Booking, booking_id, populate_existing=True)
        if booking is None:
            raise NotFound("booking_unknown")
        need = need_at(need_from_json(booking.need), uow.now)
        wanted = (
            select(Assignment.id)
            .where(
                Assignment.interpreter_id == interpreter_id,
                Assignment.booking_id != booking_id,
                Assignment.state.in_(KEPT),
                Assignment.starts_at < need.ends,
                Assignment.busy_until > need.at,
            )
            .limit(1)
        )
        async with uow.across_countries():
            overlapping = await uow.session.scalar(wanted)
        if overlapping is not None:
            raise Conflict("calendar_conflict")
        return booking

    async def end(
        self,
        uow: UnitOfWork,
        booking: Booking,
        move: AssignmentMove,
        reason: str | None,
        *,
        legs: Collection[int] | None = None,
    ) -> list[Assignment]:
        """End the running assignments of the booking (of ``legs``; none: all) and credit their minutes. Returns them.

        What was only held is released, whatever the move.
        """
        ended: list[Assignment] = []
        credit = await self._sessions.minutes_so_far(uow, booking)
        for assignment in await self.kept(uow, booking):
            if legs is not None and assignment.leg not in legs:
                continue
            held = assignment.state is AssignmentState.HELD
            assignment.state = advance(assignment.state, AssignmentMove.RELEASE if held else move)
            assignment.ended_at = uow.now
            assignment.expires_at = None
            assignment.reason = reason
            assignment.active_min = 0 if held else max(0, credit - await self._credited(uow, assignment))
            if assignment.interpreter_id == booking.interpreter_id and move is not AssignmentMove.HONOUR:
                booking.interpreter_id = None
            if assignment.active_min:
                await uow.session.execute(
                    update(Interpreter)
                    .where(Interpreter.id == assignment.interpreter_id)
                    .values(last_live_at=uow.now)
                    .execution_options(synchronize_session=False)
                )
            ended.append(assignment)
        if ended:
            booking.join_by = None
            await uow.flush()
        for assignment in ended:
            await tell_assignment(uow, booking, assignment)
        return ended

    async def refusals(self, uow: UnitOfWork, booking: Booking, interpreter_id: str, *, leg: int = 1) -> list[Refusal]:
        """Every rule that forbids this interpreter this booking now; presence aside. Raises ``interpreter_unknown``."""
        facts = await self._facts.of(uow, booking)
        context, candidate = await self._candidate(uow, booking, facts, interpreter_id, leg)
        return [context.refusal(rule) for rule in failed_rules(context, candidate)]

    async def everybody(
        self, unit: ReadUnit, booking: Booking, ids: Collection[str], *, leg: int = 1, pivot: str | None = None
    ) -> tuple[NeedContext, list[Candidate]]:
        """What one leg of a booking needs as its case is now, and the named people: for ``failed_rules`` and ``rank``. ``pivot``: of a
        relay that has not agreed on one."""
        facts = await self._facts.of(unit, booking)
        return await self._context(unit, booking, facts, ids, leg, booking.pivot or pivot)

    async def _candidate(
        self, uow: UnitOfWork, booking: Booking, facts: StepFacts, interpreter_id: str, leg: int
    ) -> tuple[NeedContext, Candidate]:
        context, found = await self._context(uow, booking, facts, [interpreter_id], leg, booking.pivot)
        if not found:
            raise NotFound("interpreter_unknown")
        return context, found[0]

    async def _context(
        self,
        unit: ReadUnit,
        booking: Booking,
        facts: StepFacts,
        ids: Collection[str],
        leg: int,
        pivot: str | None,
    ) -> tuple[NeedContext, list[Candidate]]:
        fresh = replace(fresh_need(booking, facts, self._table, unit.now), on_demand=False)
        need = leg_need(fresh, Way(booking.way), pivot, leg)
        own_pool = self._catalogue.step(booking.step_code).own_pool_only
        rules = await match_rules(unit, self._table, own_pool_only=own_pool)
        # The booking's own work is no obstacle: it is being made again; each leg needs somebody else.
        found = await candidates_by_id(unit, ids, need=need, without=booking.id)
        return NeedContext.build(need, rules), found

    async def _check(
        self, uow: UnitOfWork, booking: Booking, facts: StepFacts, interpreter_id: str, leg: int
    ) -> tuple[Need, Match]:
        context, candidate = await self._candidate(uow, booking, facts, interpreter_id, leg)
        matches = rank(context.need, [candidate], context.rules)
        if matches:
            return context.need, matches[0]
        failed = failed_rules(context, candidate)
        if Rule.ENGAGED in failed:
            raise Conflict("calendar_conflict")
        raise Conflict("not_eligible", {"rule": failed[0].value})

    async def _person(self, uow: UnitOfWork, interpreter_id: str) -> Interpreter:
        person = await uow.session.get(Interpreter, interpreter_id)
        if person is None:
            raise NotFound("interpreter_unknown")
        return person

    async def _credited(self, uow: UnitOfWork, assignment: Assignment) -> int:
        """Minutes of the session that went to earlier assignments of the same leg."""
        earlier = await uow.session.scalar(
            select(func.sum(Assignment.active_min)).where(
                Assignment.booking_id == assignment.booking_id, Assignment.leg == assignment.leg
            )
        )
        return int(earlier or 0)


def note_notice(given_up: Sequence[Assignment], notice: Notice) -> None:
    """Write into work that is given up how late that was, for timesheets."""
    for row in given_up:
        row.notice_class, row.notice_hours, row.notice_percent = notice.code, notice.hours, notice.percent
