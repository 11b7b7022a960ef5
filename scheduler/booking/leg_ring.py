"""Rings both interpreters of a relay (M-9) or a team, each leg by itself, and takes both or none.

Who accepts first keeps the time for a short while (held, not agreed); the second acceptance makes both agreed in one
transaction. A leg that is lost is looked for again alone; the other stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update

from core.db.clock import database_instant, database_time
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict
from records.procedures import Catalogue
from scheduler.assignments import Assignments
from scheduler.booking.slots import Plan
from scheduler.legs import PIVOTS, RelayState, Way, leg_need, relay_free, relay_minutes
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
from scheduler.ranking import Match, match_order, rank
from scheduler.ring.search import give_up_at
from scheduler.rounds import Rounds

RING = timedelta(seconds=25)
"""How long a leg rings."""
GRACE = timedelta(seconds=20)
"""How much longer than the ring the first leg is held."""
WIDTH = 3
"""How many are rung for one leg at once."""
RUNG = "relay"
_SYNC = {"synchronize_session": False}


class LegRing:
    """Searches for bookings with two interpreters. Works on a booking whose row the caller holds."""

    def __init__(self, catalogue: Catalogue, rounds: Rounds, assignments: Assignments) -> None:
        self._catalogue = catalogue
        self._rounds = rounds
        self._assignments = assignments

    async def find(self, uow: UnitOfWork, booking: Booking, *, way: Way, pivot: str | None = None) -> Plan | None:
        """The best way to staff the booking now with two people; none if there is none. For a relay every pivot of M-9 is tried."""
        need = need_at(need_from_json(booking.need), uow.now)
        rules = await self._rounds.rules(uow, booking.step_code)
        through = [pivot] if pivot or way is not Way.RELAY else _pivots(need)
        plans = [
            Plan(way, code, {leg: await self._ranked(uow, need, rules, way, code, leg) for leg in way.legs})
            for code in through
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
        stage = self._catalogue.step(booking.step_code).stage
        if not relay_free(stage) and booking.relay_state != RelayState.APPROVED:
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
        need = need_at(need_from_json(booking.need), uow.now)
        rules = await self._rounds.rules(uow, booking.step_code)
        taken = {row.interpreter_id for row in kept.values()}
        free: dict[int, list[Match]] = {}
        for leg in (leg for leg in way.legs if leg not in kept):
            asked = await self._asked(uow, booking, leg)
            ranked = await self._ranked(uow, need, rules, way, booking.pivot, leg)
            free[leg] = [match for match in ranked if match.candidate.id not in asked | taken]
        chosen = _shared_out(free)
        if not all(chosen.values()):
            await self._give_up(uow, booking)
        else:
            seconds = _ring_for(booking, uow.now)
            booking.round += 1
            booking.reason = None
            booking.next_round_at = uow.now + seconds
            booking.rungs = [*booking.rungs, _entry(booking, sum(map(len, chosen.values())), uow.now)]
            await self._hold_on(uow, booking, seconds + GRACE)
            for leg, matches in chosen.items():
                await self._rounds.send(uow, booking, matches, RUNG, booking.next_round_at, leg=leg)
        booking.version += 1
        await uow.flush()
        tell_booking(uow, booking)

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
            until = await database_instant(uow, offer.expires_at - uow.now + GRACE)
            await self._assignments.take(
                uow,
                booking,
                who,
                leg=offer.leg,
                offer_id=offer.id,
                state=AssignmentState.HELD,
                expires_at=until,
            )
            await self._end_others(uow, booking, offer)
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
        await self._assignments.end(uow, booking, AssignmentMove.RELEASE, LAPSED, legs=over)
        if booking.state is BookingState.OFFERING and not await self._rounds.pending(uow, booking):
            await self.next(uow, booking)

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
        if relay_free(self._catalogue.step(booking.step_code).stage):
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

    async def _ranked(
        self, uow: UnitOfWork, need: Need, rules: MatchRules, way: Way, pivot: str | None, leg: int
    ) -> list[Match]:
        wanted = leg_need(need, way, pivot, leg)
        people = await candidates_for(uow, wanted, rules, reachable_only=need.on_demand)
        ranked = rank(wanted, people, rules)
        return [match for match in ranked if match.is_online] if need.on_demand else ranked

    async def _asked(self, uow: UnitOfWork, booking: Booking, leg: int) -> set[str]:
        """Who was rung for this leg in this search, or gave the booking back."""
        base = min((int(entry["round"]) for entry in booking.rungs), default=booking.round + 1)
        asked = await uow.session.scalars(
            select(Offer.interpreter_id).where(
                Offer.booking_id == booking.id, Offer.leg == leg, Offer.round >= base, Offer.rung == RUNG
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
        """While the other leg is rung, the first is kept."""
        await uow.session.execute(
            update(Assignment)
            .where(Assignment.booking_id == booking.id, Assignment.state == AssignmentState.HELD)
            .values(expires_at=database_time(uow.dialect)[1](span.total_seconds()))
            .execution_options(**_SYNC)
        )

    async def _give_up(self, uow: UnitOfWork, booking: Booking) -> None:
        """A leg has nobody left: what was held is released, the coordinator decides."""
        kept = await self._assignments.kept(uow, booking)
        running = any(row.state is AssignmentState.ACTIVE for row in kept)
        held = [row.leg for row in kept if row.state is AssignmentState.HELD]
        if held:
            await self._assignments.end(uow, booking, AssignmentMove.RELEASE, LAPSED, legs=held)
        booking.state = advance(booking.state, BookingMove.EXHAUST)
        booking.needs_coordinator = True
        booking.reason = "leg_missing" if running else "nobody_free"
        booking.next_round_at = give_up_at(booking)

    async def _end_others(self, uow: UnitOfWork, booking: Booking, offer: Offer) -> None:
        """The leg is taken: its other rings end, and so does this person's ring for the other leg."""
        rows = await uow.session.execute(
            update(Offer)
            .where(
                Offer.booking_id == booking.id,
                Offer.state == OfferState.PENDING,
                Offer.id != offer.id,
                (Offer.leg == offer.leg) | (Offer.interpreter_id == offer.interpreter_id),
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


def _shared_out(free: Mapping[int, Sequence[Match]]) -> dict[int, list[Match]]:
    """Whom to ring for each leg, nobody for two: who could do several goes where fewer others can."""
    able = Counter(match.candidate.id for matches in free.values() for match in matches)
    chosen = {leg: [match for match in matches if able[match.candidate.id] == 1] for leg, matches in free.items()}
    places = {
        match.candidate.id: match for matches in free.values() for match in matches if able[match.candidate.id] > 1
    }
    for person in places:
        leg = min(chosen, key=lambda one: (len(chosen[one]), one))
        chosen[leg] += [match for match in free[leg] if match.candidate.id == person]
    return {leg: sorted(matches, key=match_order)[:WIDTH] for leg, matches in chosen.items()}


def _pivots(need: Need) -> list[str | None]:
    spoken = {person.code for person in need.languages}
    return [code for code in PIVOTS if code not in need.officer_languages and code not in spoken]


def _ring_for(booking: Booking, now: datetime) -> timedelta:
    """How long a round lasts: seconds for now, for an appointment a quarter of the time that is left, at most four hours."""
    if booking.kind == "now":
        return RING
    left = booking.starts_at - now
    return max(min(left / 4, timedelta(hours=4)), min(left, timedelta(minutes=15)), RING)


def _entry(booking: Booking, count: int, now: datetime) -> dict[str, object]:
    """The round as the ladder shows it; the ladder's own rungs keep their indexes."""
    plan = {"plan": booking.rungs[0]["plan"]} if booking.rungs and "plan" in booking.rungs[0] else {}
    return {
        "index": -2,
        "code": RUNG,
        "state": "now",
        "count": count,
        "reason": None,
        "round": booking.round,
        "started_at": now.isoformat(),
        "ends_at": booking.next_round_at.isoformat() if booking.next_round_at else None,
        **({} if booking.rungs else plan),
    }
