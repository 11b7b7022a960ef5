"""The places of an appointment with two interpreters while it waits for somebody: what is kept, what is given, who is asked.

A relay (M-9) gets both places in one transaction or none, and keeps nobody waiting. A team fills what is open: who gets free keeps
one place for a day while the other is waited for. Nothing here waits for a lock; what somebody else works on is left to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import and_, select

from core.db.clock import database_instant
from core.db.session import ReadUnit, UnitOfWork
from scheduler.assignments import Assignments
from scheduler.booking.leg_ring import LAPSED, LegRing
from scheduler.booking.leg_rounds import WAITING_RUNG, WIDTH
from scheduler.booking.slots import Openings, through
from scheduler.eligibility import Rule
from scheduler.legs import RelayState, Way, leg_need, place_for
from scheduler.lifecycle import AssignmentState, BookingMove, BookingState, OfferState, WithdrawReason, advance
from scheduler.locks import try_hold_person
from scheduler.models import Assignment, Booking, Offer
from scheduler.need import MatchRules, Need
from scheduler.needs import need_from_json
from scheduler.news import tell_assignment, tell_booking
from scheduler.queries import candidates_by_id
from scheduler.ranking import Match, rank
from scheduler.rounds import Rounds

ANSWER_IN = timedelta(hours=2)
"""How long somebody who got free has to answer, if they have to be asked."""
_TRIED = 6
"""How many second people are tried for one who got free."""


@dataclass(frozen=True)
class _Chance:
    """One way to use somebody who got free: the place for them, and who else could take the other one, best first."""

    pivot: str | None
    leg: int
    match: Match
    other: int | None
    """The other open place; none if somebody has it."""
    others: Sequence[Match]

    @property
    def sure(self) -> list[Match]:
        """Those of the others who stated that they work then."""
        return [match for match in self.others if match.candidate.at_desk]


class WaitingPlaces:
    """Fills places of waiting bookings. Works on a booking whose row the caller holds, for a person whom it holds."""

    def __init__(self, rounds: Rounds, assignments: Assignments, legs: LegRing) -> None:
        self._rounds = rounds
        self._assignments = assignments
        self._legs = legs

    async def serve(self, uow: UnitOfWork, booking: Booking, interpreter_id: str) -> None:
        """Give a place of the booking to somebody who got free: agreed, kept or asked, whatever can be done now; else nothing."""
        if self._legs.waits_for_leave(booking):
            return
        kept = {row.leg: row for row in await self._assignments.kept(uow, booking)}
        if interpreter_id in {row.interpreter_id for row in kept.values()}:
            return
        chances = await self._chances(uow, booking, kept, interpreter_id)
        if not chances:
            return
        asked_before = await self._lapsed(uow, booking, interpreter_id)
        done = await self._agree(uow, booking, kept, chances)
        if not done and not asked_before:
            done = await self._keep(uow, booking, kept, chances) or await self._ask(uow, booking, chances)
        if done:
            await uow.flush()
            tell_booking(uow, booking)

    async def _chances(
        self, uow: UnitOfWork, booking: Booking, kept: Mapping[int, Assignment], interpreter_id: str
    ) -> list[_Chance]:
        """Every way to use this person, the best first; nobody who has said no to this booking is named."""
        way = Way(booking.way)
        need = replace(need_from_json(booking.need), now=uow.now)
        rules = await self._rounds.rules(uow, booking.step_code)
        left = [leg for leg in way.legs if leg not in kept]
        not_again = {row.interpreter_id for row in kept.values()} | await self._unwilling(uow, booking)
        found: list[_Chance] = []
        for pivot in self._pivots(booking, need, kept):
            mine = await self._mine(uow, booking, need, rules, pivot, left, interpreter_id)
            if not mine:
                continue
            legs: Mapping[int, Sequence[Match]] = {}
            if len(left) > 1:
                openings = await Openings.read(uow, need, rules, way, need.at, need.at, pivot=pivot, without=booking.id)
                legs = openings.at(need.at).legs
            for leg, match in mine.items():
                other = next((one for one in left if one != leg), None)
                others = [
                    one
                    for one in legs.get(other or 0, ())
                    if one.candidate.id != interpreter_id and one.candidate.id not in not_again
                ]
                found.append(_Chance(pivot, leg, match, other, others))
        return sorted(found, key=lambda one: -(one.match.score + (one.others[0].score if one.others else 0)))

    async def _mine(
        self,
        uow: UnitOfWork,
        booking: Booking,
        need: Need,
        rules: MatchRules,
        pivot: str | None,
        left: Sequence[int],
        interpreter_id: str,
    ) -> dict[int, Match]:
        """The open places that this person could take."""
        found: dict[int, Match] = {}
        for leg in left:
            wanted = leg_need(need, Way(booking.way), pivot, leg)
            people = await candidates_by_id(uow, [interpreter_id], need=wanted, without=booking.id)
            for match in rank(wanted, people, rules):
                found[leg] = match
        return found

    async def _agree(
        self, uow: UnitOfWork, booking: Booking, kept: Mapping[int, Assignment], chances: Sequence[_Chance]
    ) -> bool:
        """All places in this transaction, with people who stated that they work then."""
        for chance in chances:
            if not chance.match.candidate.at_desk:
                continue
            mine = {chance.leg: chance.match.candidate.id}
            if chance.other is None:
                if await self._bound(uow, booking, kept, chance.pivot, mine):
                    return True
                continue
            for second in islice(chance.sure, _TRIED):
                who = second.candidate.id
                if await try_hold_person(uow, who) and await self._bound(
                    uow, booking, kept, chance.pivot, {**mine, chance.other: who}
                ):
                    return True
        return False

    async def _bound(
        self,
        uow: UnitOfWork,
        booking: Booking,
        kept: Mapping[int, Assignment],
        pivot: str | None,
        people: Mapping[int, str],
    ) -> bool:
        before, booking.pivot = booking.pivot, pivot
        everybody = {**{leg: row.interpreter_id for leg, row in kept.items()}, **people}
        if not await self._fit(uow, booking, everybody):
            booking.pivot = before
            return False
        booking.state = advance(booking.state, BookingMove.ASSIGN)
        named: dict[int, tuple[str, str | None]] = {leg: (who, None) for leg, who in people.items()}
        await self._assignments.bind_legs(uow, booking, named, rung=WAITING_RUNG)
        await self._rounds.end_pending(uow, booking, OfferState.WITHDRAWN, WithdrawReason.TAKEN)
        return True

    async def _keep(
        self, uow: UnitOfWork, booking: Booking, kept: Mapping[int, Assignment], chances: Sequence[_Chance]
    ) -> bool:
        """One place of a team is kept for whoever stated that they work then, until the other is found or its time is over."""
        span = place_for(Way(booking.way), booking.kind, booking.starts_at, uow.now)
        if span is None or kept:
            return False
        for chance in chances:
            who = chance.match.candidate.id
            if not chance.match.candidate.at_desk or not await self._fit(uow, booking, {chance.leg: who}):
                continue
            row = await self._assignments.take(
                uow,
                booking,
                who,
                leg=chance.leg,
                state=AssignmentState.HELD,
                expires_at=await database_instant(uow, span),
            )
            await self._legs.taken(uow, booking, chance.leg, who)
            booking.version += 1
            await tell_assignment(uow, booking, row)
            return True
        return False

    async def _ask(self, uow: UnitOfWork, booking: Booking, chances: Sequence[_Chance]) -> bool:
        """Ask whoever got free; for a relay the other place is asked for at the same time, and if nobody could take it, nobody is."""
        rung = await self._rung(uow, booking)
        ringing = booking.state is BookingState.OFFERING
        for chance in chances:
            who = chance.match.candidate.id
            if who in {name for name, _ in rung}:
                return False
            others = [one for one in chance.others if one.candidate.id not in {name for name, _ in rung}][:WIDTH]
            rings = chance.other is None or any(leg == chance.other for _, leg in rung)
            if Way(booking.way) is Way.RELAY and not rings and not others:
                continue
            if not ringing and booking.pivot != chance.pivot:
                booking.pivot = chance.pivot
            deadline = ask_until(booking, uow.now)
            await self._rounds.send(uow, booking, [chance.match], WAITING_RUNG, deadline, leg=chance.leg)
            if Way(booking.way) is Way.RELAY and not rings and chance.other is not None:
                await self._rounds.send(uow, booking, others, WAITING_RUNG, deadline, leg=chance.other)
            booking.version += 1
            return True
        return False

    async def _fit(self, uow: UnitOfWork, booking: Booking, people: Mapping[int, str]) -> bool:
        """Whether every rule allows each of them their place at this moment, under the locks that are held."""
        for leg, who in people.items():
            refused = await self._assignments.refusals(uow, booking, who, leg=leg)
            if any(one.rule is not Rule.PRESENCE for one in refused):
                return False
        return True

    def _pivots(self, booking: Booking, need: Need, kept: Mapping[int, Assignment]) -> Sequence[str | None]:
        """Through which languages the relay may go: while somebody is kept or rung, and where a coordinator has decided, the one
        that it has."""
        fixed = kept or booking.relay_state == RelayState.APPROVED or booking.state is BookingState.OFFERING
        return through(need, Way(booking.way), booking.pivot if fixed else None)

    async def _unwilling(self, unit: ReadUnit, booking: Booking) -> set[str]:
        """Who has said no to this booking or gave it back."""
        declined = await unit.session.scalars(
            select(Offer.interpreter_id).where(Offer.booking_id == booking.id, Offer.state == OfferState.DECLINED)
        )
        gave_back = await unit.session.scalars(
            select(Assignment.interpreter_id).where(
                Assignment.booking_id == booking.id,
                Assignment.state.in_([AssignmentState.RELEASED, AssignmentState.BROKEN]),
                Assignment.reason.is_distinct_from(LAPSED),
            )
        )
        return {*declined, *gave_back}

    async def _lapsed(self, unit: ReadUnit, booking: Booking, interpreter_id: str) -> bool:
        """Whether this person kept a place before in vain: then only a whole team or relay takes them again."""
        found = await unit.session.scalar(
            select(Assignment.id)
            .where(
                Assignment.booking_id == booking.id,
                Assignment.interpreter_id == interpreter_id,
                Assignment.state == AssignmentState.RELEASED,
                Assignment.reason == LAPSED,
            )
            .limit(1)
        )
        return found is not None

    async def _rung(self, unit: ReadUnit, booking: Booking) -> list[tuple[str, int]]:
        """Who has been rung in the running round, and for which place; empty while nobody is rung."""
        if booking.state is not BookingState.OFFERING:
            return []
        rows = await unit.session.execute(
            select(Offer.interpreter_id, Offer.leg).where(
                and_(Offer.booking_id == booking.id, Offer.round == booking.round)
            )
        )
        return [(row.interpreter_id, row.leg) for row in rows]


def ask_until(booking: Booking, now: datetime) -> datetime:
    """Until when somebody who got free may answer. A booking that rings nobody begins a round; one that rings goes on with its own."""
    deadline = min(now + ANSWER_IN, booking.starts_at)
    if booking.state is BookingState.UNFILLED:
        booking.state = advance(booking.state, BookingMove.WIDEN)
        booking.round += 1
        booking.needs_coordinator, booking.reason = False, None
        booking.next_round_at = deadline
        return deadline
    if Way(booking.way) is Way.DIRECT:
        booking.next_round_at = max(booking.next_round_at or deadline, deadline)
        return deadline
    # The first place of two is kept for as long as the round lasts, and not longer.
    return min(booking.next_round_at or deadline, booking.starts_at)
