"""Rings both interpreters of a relay (M-9) or a team, each leg by itself, and takes both or none.

Who accepts first keeps the time for a short while (held, not agreed); the second acceptance makes both agreed in one
transaction. A leg that is lost is looked for again alone; the other stays.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import and_, or_, select, update

from core.db.clock import database_instant, database_time
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict
from core.notify import Means
from records.procedures import Catalogue
from scheduler.assignments import Assignments
from scheduler.booking.leg_rounds import RUNG, WAITING_RUNG, by_rungs, leg_entry, ring_for, shared_out
from scheduler.booking.slots import Plan, through
from scheduler.ladder import Reach
from scheduler.legs import RelayState, Way, leg_need, needs_leave, place_for, relay_minutes
from scheduler.lifecycle import (
    AssignmentMove,
    AssignmentState,
    BookingMove,
    BookingState,
    OfferState,
    WithdrawReason,
    advance,
)
from scheduler.locks import locked_booking
from scheduler.models import Assignment, Booking, Offer
from scheduler.need import MatchRules, Need
from scheduler.needs import need_at, need_from_json
from scheduler.news import accounts, tell_booking, tell_offer_ended
from scheduler.queries import candidates_for
from scheduler.ranking import Match, rank
from scheduler.ring.search import give_up_at
from scheduler.rounds import Rounds

GRACE = timedelta(seconds=20)
"""How much longer than the ring the first leg is held."""
_SYNC = {"synchronize_session": False}
Serve = Callable[[UnitOfWork, Sequence[Assignment]], Awaitable[None]]
"""Told whose time was given back."""


class LegRing:
    """Searches for bookings with two interpreters. Works on a booking whose row the caller holds."""

    def __init__(self, catalogue: Catalogue, rounds: Rounds, assignments: Assignments) -> None:
        self._catalogue = catalogue
        self._rounds = rounds
        self._assignments = assignments
        self.serve: Serve | None = None
        """Gives those whose time came back to others who wait (``closing``); set where the services are put together."""

    async def find(self, uow: UnitOfWork, booking: Booking, *, way: Way, pivot: str | None = None) -> Plan | None:
        """The best way to staff the booking now with two people; none if there is none. For a relay every pivot of M-9 is tried."""
        need = need_at(need_from_json(booking.need), uow.now)
        rules = await self._rounds.rules(uow, booking.step_code)
        plans = [
            Plan(way, code, {leg: (await self._ranked(uow, need, rules, way, code, leg))[0] for leg in way.legs})
            for code in through(need, way, pivot)
        ]
        return max((plan for plan in plans if plan.is_open), key=lambda plan: plan.score, default=None)

    async def instead(self, uow: UnitOfWork, booking: Booking) -> bool:
        """Nobody is left who connects the two directly: go on by relay, or ask the coordinator for leave (M-9).

        True if two are being rung now. Beyond registration the booking only notes that a relay is possible; a coordinator's
        refusal is final for this booking.
        """
        if Way(booking.way) is not Way.DIRECT or booking.relay_state == RelayState.REFUSED:
            return False
        if booking.briefing_id is not None:
            # One interpreter speaks to the posts: two would double the time of everybody who stands there.
            return False
        if await self._assignments.kept(uow, booking) or (booking.session_id is not None and booking.kind != "now"):
            return False
        plan = await self.find(uow, booking, way=Way.RELAY)
        if plan is None:
            return False
        if self._needs_leave(booking):
            booking.relay_state, booking.pivot = RelayState.ASKED.value, plan.pivot
            return False
        await self.turn(uow, booking, str(plan.pivot))
        await self.next(uow, booking)
        return True

    async def turn(self, uow: UnitOfWork, booking: Booking, pivot: str) -> None:
        """Make a direct booking one by relay: both legs, 1.7 times the time."""
        need = need_from_json(booking.need)
        minutes = relay_minutes(need.minutes)
        booking.way, booking.pivot = Way.RELAY.value, pivot
        booking.need = {**booking.need, "minutes": minutes}
        booking.ends_at = booking.starts_at + timedelta(minutes=minutes)
        await uow.flush()

    async def next(self, uow: UnitOfWork, booking: Booking) -> None:
        """Ring the next people for each leg that nobody has; to the coordinator when a leg has nobody left."""
        await self._rounds.expire_pending(uow, booking)
        way = Way(booking.way)
        kept = {row.leg: row for row in await self._assignments.kept(uow, booking)}
        if way is Way.RELAY and not kept:
            if self.waits_for_leave(booking):
                await self.ask_leave(uow, booking)
                return
            if booking.pivot is None:
                plan = await self.find(uow, booking, way=way)
                booking.pivot = plan.pivot if plan is not None else None
        need = need_at(need_from_json(booking.need), uow.now)
        rules = await self._rounds.rules(uow, booking.step_code)
        taken = {row.interpreter_id for row in kept.values()}
        free: dict[int, list[Match]] = {}
        means: dict[str, Sequence[Means]] = {}
        reach = Reach()
        for leg in (leg for leg in way.legs if leg not in kept):
            if way is Way.RELAY and booking.pivot is None:
                free[leg] = []
                continue
            asked = await self._asked(uow, booking, leg)
            ranked, by, leg_reach = await self._ranked(uow, need, rules, way, booking.pivot, leg)
            free[leg] = [match for match in ranked if match.candidate.id not in asked | taken]
            means |= by
            reach = replace(leg_reach, called_by={**reach.called_by, **leg_reach.called_by})
        if need.on_demand:
            found = by_rungs(free, await self._rounds.ladder(uow, booking), reach)
            chosen, ring = found.chosen, timedelta(seconds=found.seconds)
        else:
            chosen, ring = shared_out(free), timedelta()
        freed: list[Assignment] = []
        if not all(chosen.values()):
            freed = await self._give_up(uow, booking)
        else:
            seconds = max(ring, ring_for(booking, uow.now))
            booking.round += 1
            booking.reason = None
            booking.next_round_at = uow.now + seconds
            booking.rungs = [*booking.rungs, leg_entry(booking, sum(map(len, chosen.values())), uow.now)]
            await self._hold_on(uow, booking, seconds + GRACE)
            for leg, matches in chosen.items():
                await self._rounds.send(uow, booking, matches, RUNG, booking.next_round_at, means, leg=leg)
        booking.version += 1
        await uow.flush()
        tell_booking(uow, booking)
        await self._free(uow, freed)

    async def accept(self, uow: UnitOfWork, offer: Offer, *, round_no: int) -> Booking | None:
        """Take one leg; with the last one all become agreed in this transaction. None if the answer comes too late.

        The caller holds the person. Raises ``Conflict``: ``calendar_conflict`` (also for who has the other leg already),
        ``not_eligible``.
        """
        booking = await locked_booking(uow, offer.booking_id)
        await uow.session.refresh(offer)
        in_time = offer.state is OfferState.PENDING and offer.round == round_no == booking.round
        if not in_time or offer.expires_at <= uow.now or booking.state is not BookingState.OFFERING:
            return None
        kept = {row.leg: row for row in await self._assignments.kept(uow, booking)}
        if offer.leg in kept:
            return None
        who = offer.interpreter_id
        if any(row.interpreter_id == who for row in kept.values()):
            raise Conflict("calendar_conflict")
        offer.state, offer.answered_at = OfferState.ACCEPTED, uow.now
        await uow.flush()
        if len(kept) + 1 == len(Way(booking.way).legs):
            booking.state = advance(booking.state, BookingMove.ASSIGN)
            await self._assignments.bind_legs(uow, booking, {offer.leg: (who, offer.id)}, rung=offer.rung)
            await self._rounds.end_pending(uow, booking, OfferState.WITHDRAWN, WithdrawReason.TAKEN)
        else:
            span = place_for(Way(booking.way), booking.kind, booking.starts_at, uow.now)
            until = await database_instant(uow, span or offer.expires_at - uow.now + GRACE)
            await self._assignments.take(
                uow,
                booking,
                who,
                leg=offer.leg,
                offer_id=offer.id,
                state=AssignmentState.HELD,
                expires_at=until,
            )
            await self.taken(uow, booking, offer.leg, who)
            booking.version += 1
        users = await accounts(uow, [who])
        tell_offer_ended(uow, booking, offer.id, who, users.get(who), state="accepted", reason=None)
        await uow.flush()
        tell_booking(uow, booking)
        return booking

    async def expired(self, unit: ReadUnit) -> Sequence[str]:
        """Bookings of which one leg was held and the time for the other is over, by the database's clock."""
        now = database_time(unit.dialect)[0]
        rows = await unit.session.scalars(
            select(Assignment.booking_id)
            .join(Booking, Booking.id == Assignment.booking_id)
            .where(
                Assignment.state == AssignmentState.HELD,
                Assignment.expires_at <= now,
                Booking.state != BookingState.HELD,
            )
            .distinct()
            .limit(50)
        )
        return rows.all()

    async def lapse(self, uow: UnitOfWork, booking_id: str) -> None:
        """Give the time of a held leg back, and ring on if the search still runs."""
        booking = await locked_booking(uow, booking_id)
        now = await database_instant(uow)
        over = [
            row.leg
            for row in await self._assignments.kept(uow, booking)
            if row.state is AssignmentState.HELD and row.expires_at is not None and row.expires_at <= now
        ]
        if booking.state is BookingState.HELD or not over:
            return
        ended = await self._assignments.end(uow, booking, AssignmentMove.RELEASE, LAPSED, legs=over)
        if booking.state is BookingState.OFFERING and not await self._rounds.pending(uow, booking):
            await self.next(uow, booking)
        else:
            if booking.state is BookingState.UNFILLED and not await self._assignments.kept(uow, booking):
                booking.reason = "nobody_free"
            booking.version += 1
            await uow.flush()
            tell_booking(uow, booking)
        await self._free(uow, ended)

    async def decide(self, uow: UnitOfWork, booking_id: str, *, approve: bool) -> Booking:
        """The coordinator's word on a relay that was asked for. Raises ``Conflict('relay_not_asked')``."""
        booking = await locked_booking(uow, booking_id)
        if booking.relay_state != RelayState.ASKED:
            raise Conflict("relay_not_asked")
        booking.relay_state = (RelayState.APPROVED if approve else RelayState.REFUSED).value
        booking.relay_by, booking.relay_at = uow.actor.code, uow.now
        if not approve:
            booking.pivot = None
        elif booking.state is BookingState.UNFILLED:
            booking.state = advance(booking.state, BookingMove.WIDEN)
            plan = await self.find(uow, booking, way=Way.RELAY)
            if Way(booking.way) is Way.DIRECT:
                pivot = plan.pivot if plan is not None else booking.pivot
                await self.turn(uow, booking, str(pivot))
            booking.needs_coordinator = False
            await self.next(uow, booking)
            return booking
        booking.version += 1
        await uow.flush()
        tell_booking(uow, booking)
        return booking

    async def ask(self, uow: UnitOfWork, booking_id: str) -> Booking:
        """The officer asks for a relay of a booking that nobody took. Raises ``Conflict``: ``move_not_allowed``, ``no_relay``."""
        booking = await locked_booking(uow, booking_id)
        if booking.state is not BookingState.UNFILLED or Way(booking.way) is not Way.DIRECT:
            params = {"subject": "booking", "state": booking.state.value, "move": "relay"}
            raise Conflict("move_not_allowed", params)
        plan = await self.find(uow, booking, way=Way.RELAY)
        if plan is None:
            raise Conflict("no_relay")
        if not self._needs_leave(booking):
            booking.state = advance(booking.state, BookingMove.WIDEN)
            booking.needs_coordinator = False
            await self.turn(uow, booking, str(plan.pivot))
            await self.next(uow, booking)
            return booking
        booking.relay_state, booking.pivot = RelayState.ASKED.value, plan.pivot
        booking.needs_coordinator = True
        booking.version += 1
        await uow.flush()
        tell_booking(uow, booking)
        return booking

    def waits_for_leave(self, booking: Booking) -> bool:
        """Whether this is a relay that a coordinator has to agree to, and has not (M-9)."""
        return Way(booking.way) is Way.RELAY and self._needs_leave(booking)

    async def ask_leave(self, uow: UnitOfWork, booking: Booking) -> None:
        """A relay (OFFERING) beyond registration waits for the coordinator before anybody is asked (M-9)."""
        booking.state = advance(booking.state, BookingMove.EXHAUST)
        plan = await self.find(uow, booking, way=Way.RELAY)
        booking.pivot = plan.pivot if plan is not None else None
        refused = booking.relay_state == RelayState.REFUSED
        booking.relay_state = (RelayState.REFUSED if refused else RelayState.ASKED).value
        booking.reason, booking.needs_coordinator = "nobody_free" if refused else "relay_leave", True
        booking.next_round_at = give_up_at(booking)
        booking.version += 1
        await uow.flush()
        tell_booking(uow, booking)

    def _needs_leave(self, booking: Booking) -> bool:
        return needs_leave(self._catalogue.step(booking.step_code).stage, booking.relay_state)

    async def _free(self, uow: UnitOfWork, ended: Sequence[Assignment]) -> None:
        if ended and self.serve is not None:
            await self.serve(uow, ended)

    async def _ranked(
        self, uow: UnitOfWork, need: Need, rules: MatchRules, way: Way, pivot: str | None, leg: int
    ) -> tuple[list[Match], Mapping[str, Sequence[Means]], Reach]:
        """Who could do a leg, best first: for now whoever is on line or can be called, and by what; for an appointment everybody."""
        wanted = leg_need(need, way, pivot, leg)
        if not need.on_demand:
            return rank(wanted, await candidates_for(uow, wanted, rules), rules), {}, Reach()
        matches, means, reach = await self._rounds.reachable(uow, need.country, wanted, rules)
        return [match for match in matches if match.is_online or match.candidate.id in means], means, reach

    async def _asked(self, uow: UnitOfWork, booking: Booking, leg: int) -> set[str]:
        """Who was rung for this leg in this search, or gave the booking back."""
        base = min((int(entry["round"]) for entry in booking.rungs), default=booking.round + 1)
        asked = await uow.session.scalars(
            select(Offer.interpreter_id).where(
                Offer.booking_id == booking.id,
                Offer.leg == leg,
                # Whoever has just been asked by the waiting list is not rung at once again.
                or_(
                    and_(Offer.round >= base, Offer.rung == RUNG),
                    and_(Offer.round == booking.round, Offer.rung == WAITING_RUNG),
                ),
            )
        )
        gave_back = await uow.session.scalars(
            select(Assignment.interpreter_id).where(
                Assignment.booking_id == booking.id,
                Assignment.state.in_([AssignmentState.RELEASED, AssignmentState.BROKEN]),
                Assignment.reason != LAPSED,
            )
        )
        return {*asked, *gave_back}

    async def _hold_on(self, uow: UnitOfWork, booking: Booking, span: timedelta) -> None:
        """While the other leg is rung, the first is kept; the kept place of a team has a time of its own."""
        if place_for(Way(booking.way), booking.kind, booking.starts_at, uow.now) is not None:
            return
        await uow.session.execute(
            update(Assignment)
            .where(Assignment.booking_id == booking.id, Assignment.state == AssignmentState.HELD)
            .values(expires_at=database_time(uow.dialect)[1](span.total_seconds()))
            .execution_options(**_SYNC)
        )

    async def _give_up(self, uow: UnitOfWork, booking: Booking) -> list[Assignment]:
        """A leg has nobody left: what was held is released, the coordinator decides. Returns what was released.

        The kept place of a team stays: it waits for the other one until its own time is over.
        """
        kept = await self._assignments.kept(uow, booking)
        held = [row.leg for row in kept if row.state is AssignmentState.HELD]
        ended: list[Assignment] = []
        if held and place_for(Way(booking.way), booking.kind, booking.starts_at, uow.now) is None:
            ended = await self._assignments.end(uow, booking, AssignmentMove.RELEASE, LAPSED, legs=held)
        booking.state = advance(booking.state, BookingMove.EXHAUST)
        booking.needs_coordinator = True
        booking.reason = "leg_missing" if len(kept) > len(ended) else "nobody_free"
        booking.next_round_at = give_up_at(booking)
        return ended

    async def taken(self, uow: UnitOfWork, booking: Booking, leg: int, interpreter_id: str) -> None:
        """The leg is taken: its other rings end, and so does this person's ring for the other leg."""
        rows = await uow.session.execute(
            update(Offer)
            .where(
                Offer.booking_id == booking.id,
                Offer.state == OfferState.PENDING,
                (Offer.leg == leg) | (Offer.interpreter_id == interpreter_id),
            )
            .values(state=OfferState.WITHDRAWN, answered_at=uow.now, reason=WithdrawReason.TAKEN.value)
            .returning(Offer.id, Offer.interpreter_id)
            .execution_options(**_SYNC)
        )
        ended = rows.all()
        users = await accounts(uow, [row.interpreter_id for row in ended])
        for row in sorted(ended, key=lambda row: str(row.id)):
            user = users.get(row.interpreter_id)
            tell_offer_ended(uow, booking, row.id, row.interpreter_id, user, state="withdrawn", reason="taken")


LAPSED = "lapsed"
"""Reason of a held leg or slot that was not confirmed in time; it is no refusal by the interpreter."""
