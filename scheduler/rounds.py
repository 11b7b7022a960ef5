"""Rounds of offers along the ladder M-11: who is rung next, for how long, and what happens when the ladder is used up.

Works on a booking whose row the caller holds; answers to offers are in ``offers``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import select, update

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.notify import Means
from records.procedures import Catalogue
from scheduler.ladder import LadderState, Reach, Round, Rung, RungKind, fits, next_rung, plan_of
from scheduler.languages import LanguageTable
from scheduler.legs import Way
from scheduler.lifecycle import (
    BookingMove,
    BookingState,
    OfferState,
    WithdrawReason,
    advance,
)
from scheduler.models import Booking, Offer
from scheduler.need import MatchRules, Need, ScoreWeights, gate_for
from scheduler.needs import need_at, need_from_json
from scheduler.news import accounts, tell_booking, tell_offer_ended, tell_offer_sent
from scheduler.queries import candidates_by_id, candidates_for, match_rules
from scheduler.ranking import Match, Term, TermCode, officer_reasons, rank
from scheduler.ring.fairness import Placed, fair_order, shares_of, worth_looking
from scheduler.ring.history import count_answers, odds_of
from scheduler.ring.ledger import Ledger
from scheduler.ring.policy import LadderPolicy, Policies
from scheduler.ring.reach import Reach as Reaching
from scheduler.ring.reserve import KEPT, Reserves
from scheduler.ring.search import (
    asked_already,
    give_up_at,
    ladder_of,
    last_rung,
    note_kept_back,
    note_round,
    ringing_elsewhere,
)

LOOK_AGAIN = timedelta(seconds=15)
"""How often it is looked whether a request that is kept back may ring."""
_SYNC = {"synchronize_session": False}


@dataclass(frozen=True)
class Standing:
    """Who could be rung for a booking at this moment, in the fair order, and by which means."""

    order: list[Placed]
    means: Mapping[str, Sequence[Means]]
    """Of those who are not on line: the configured means by which each can be called."""
    reach: Reach

    @property
    def matches(self) -> list[Match]:
        """The same people as matches."""
        return [one.match for one in self.order]


class Legs(Protocol):
    """Rings bookings with two interpreters (``scheduler.booking.leg_ring``)."""

    async def next(self, uow: UnitOfWork, booking: Booking) -> None: ...
    async def instead(self, uow: UnitOfWork, booking: Booking) -> bool: ...
    async def accept(self, uow: UnitOfWork, offer: Offer, *, round_no: int) -> Booking | None: ...


class Rounds:
    """Sends offers, round by round."""

    def __init__(
        self,
        catalogue: Catalogue,
        table: LanguageTable,
        policies: Policies,
        reserves: Reserves,
        reaching: Reaching,
        ledger: Ledger,
    ) -> None:
        self._catalogue = catalogue
        self._table = table
        self._policies = policies
        self._reserves = reserves
        self._reaching = reaching
        self._ledger = ledger
        self.legs: Legs | None = None
        """Searches for two interpreters; needs these rounds itself and is set where they are put together."""

    async def rules(self, unit: ReadUnit, step_code: str) -> MatchRules:
        """The matching rules for a step as they stand now."""
        return await match_rules(unit, self._table, own_pool_only=self._catalogue.step(step_code).own_pool_only)

    async def begin(self, uow: UnitOfWork, booking: Booking, move: BookingMove) -> None:
        """Search from the first rung on: after the request, after a release, or when a coordinator widens it."""
        booking.state = advance(booking.state, move)
        booking.rungs = []
        booking.needs_coordinator = False
        booking.reason = None
        await self.next(uow, booking)

    async def next(self, uow: UnitOfWork, booking: Booking) -> None:
        """End what is pending and ring the next rung; UNFILLED and the coordinator when there is none left.

        A request that must leave the reserve for booked work alone (M-10) rings nobody, says so and looks again.
        """
        if self.legs is not None and Way(booking.way) is not Way.DIRECT:
            await self.legs.next(uow, booking)
            return
        await self.expire_pending(uow, booking)
        policy = await self._policies.of(uow, booking.country)
        need = need_at(need_from_json(booking.need), uow.now)
        rules = await self.rules(uow, booking.step_code)
        if await self._keep_back(uow, booking, need, rules, policy):
            return
        round_no = booking.round + 1
        found, standing, plan = await self._look(uow, booking, need, rules, policy, round_no)
        note_round(booking, found, plan, uow.now)
        if found is None or found.is_coordinator or found.deadline is None:
            if self.legs is not None and await self.legs.instead(uow, booking):
                return
            self._exhaust(booking, found)
        else:
            booking.round = round_no
            booking.next_round_at = found.deadline
            booking.reason = None
            await self._ring(uow, booking, found, standing)
        booking.version += 1
        await uow.flush()
        tell_booking(uow, booking)

    async def widen(self, uow: UnitOfWork, booking: Booking) -> None:
        """Ring the next rung now as well: whoever is being rung goes on ringing, in the same round.

        Without anybody to add the search goes on as it was; one that waits for a person begins anew. A request that was kept
        back for booked work is let through: that is the coordinator's to decide. Raises ``Conflict('move_not_allowed')``.
        """
        lifted = await self._reserves.lift(uow, booking)
        if booking.state is not BookingState.OFFERING:
            await self.begin(uow, booking, BookingMove.WIDEN)
            return
        if not await self.pending(uow, booking):
            booking.reason, booking.needs_coordinator = None, False
            booking.rungs = [] if lifted else booking.rungs
            await self.next(uow, booking)
            return
        policy = await self._policies.of(uow, booking.country)
        need = need_at(need_from_json(booking.need), uow.now)
        rules = await self.rules(uow, booking.step_code)
        found, standing, plan = await self._look(uow, booking, need, rules, policy, booking.round)
        if found is None or found.deadline is None:
            return
        note_round(booking, found, plan, uow.now)
        booking.next_round_at = max(booking.next_round_at or found.deadline, found.deadline)
        await self._ring(uow, booking, found, standing)
        booking.version += 1
        await uow.flush()
        tell_booking(uow, booking)

    async def _look(
        self,
        uow: UnitOfWork,
        booking: Booking,
        need: Need,
        rules: MatchRules,
        policy: LadderPolicy,
        round_no: int,
    ) -> tuple[Round | None, Standing, list[Rung]]:
        """Which rung rings next and who would be on it."""
        asked = await asked_already(uow, booking)
        standing = await self._standing(uow, booking, need, rules, policy, asked, round_no)
        plan = plan_of(booking.rungs) or ladder_of(booking, policy, uow.now)
        found = next_rung(
            LadderState(rung=last_rung(booking), round=round_no - 1),
            standing.matches,
            asked,
            uow.now,
            ladder=plan,
            reach=standing.reach,
            odds=await odds_of(uow, [one.match.candidate.id for one in standing.order], policy),
        )
        return found, standing, plan

    async def _ring(self, uow: UnitOfWork, booking: Booking, found: Round, standing: Standing) -> None:
        deadline = found.deadline or uow.now
        await self.send(uow, booking, found.matches, found.kind.value, deadline, standing.means)
        if booking.kind == "now":
            await self._reserves.release(uow, booking.id)
            chosen = [match.candidate.id for match in found.matches]
            order = [one for one in standing.order if fits(found.kind, one.match, standing.reach)]
            await self._ledger.note(uow, booking, found.kind.value, order, chosen)

    async def _keep_back(
        self, uow: UnitOfWork, booking: Booking, need: Need, rules: MatchRules, policy: LadderPolicy
    ) -> bool:
        """Whether the last people are kept for booked work; then the booking says so, once, and looks again soon."""
        capacity = await self._reserves.look(uow, booking, need, rules, policy)
        if capacity is None or not capacity.is_kept:
            return False
        hold = await self._reserves.hold(uow, booking, capacity)
        booking.next_round_at = uow.now + LOOK_AGAIN
        overdue = uow.now - hold.since >= timedelta(seconds=policy.hold_note_seconds)
        if booking.reason != KEPT or overdue != booking.needs_coordinator:
            if not booking.rungs:
                note_kept_back(booking, ladder_of(booking, policy, uow.now), uow.now)
            booking.reason, booking.needs_coordinator = KEPT, overdue
            booking.version += 1
            await uow.flush()
            tell_booking(uow, booking)
        await uow.flush()
        return True

    async def send(
        self,
        uow: UnitOfWork,
        booking: Booking,
        matches: Sequence[Match],
        rung: str,
        expires_at: datetime,
        means: Mapping[str, Sequence[Means]] | None = None,
        *,
        leg: int = 1,
    ) -> None:
        """Offers of the current round, one per match, for one leg; ``means``: how those are called who are not on line."""
        made: dict[str, str] = {}
        users = await accounts(uow, [match.candidate.id for match in matches])
        for match in matches:
            terms, score = _terms(booking, match)
            offer = Offer(
                id=new_id("offer"),
                country=booking.country,
                booking_id=booking.id,
                interpreter_id=match.candidate.id,
                round=booking.round,
                leg=leg,
                rung=rung,
                state=OfferState.PENDING,
                score=score,
                terms=[{**asdict(term), "params": dict(term.params)} for term in terms],
                reasons=[{"code": r.code.value, "params": dict(r.params)} for r in officer_reasons(match)],
                sent_at=uow.now,
                expires_at=expires_at,
            )
            uow.session.add(offer)
            made[offer.interpreter_id] = offer.id
            tell_offer_sent(uow, booking, offer, users.get(offer.interpreter_id))
        await uow.flush()
        if means:
            await self._reaching.ring(
                uow, made, means, expires_at=expires_at, country=booking.country, booking_id=booking.id
            )

    async def add(self, uow: UnitOfWork, booking: Booking, match: Match) -> None:
        """Ring one more person, who has just become free: in the running round, or in a new one of a booking that waits."""
        seconds = max((rung.seconds for rung in plan_of(booking.rungs) if rung.kind is RungKind.BEST), default=20)
        booking.reason = None
        if booking.state is BookingState.UNFILLED:
            booking.state = advance(booking.state, BookingMove.WIDEN)
            booking.round += 1
        deadline = uow.now + timedelta(seconds=seconds)
        booking.next_round_at = (
            max(booking.next_round_at or deadline, deadline) if await self.pending(uow, booking) else deadline
        )
        codes = [entry["code"] for entry in booking.rungs if entry["index"] >= 0]
        rung = codes[-1] if codes else RungKind.BEST.value
        await self.send(uow, booking, [match], rung, deadline)
        booking.version += 1
        await uow.flush()
        tell_booking(uow, booking)

    async def tell(self, uow: UnitOfWork, booking_id: str) -> None:
        """Boards look at a booking again."""
        tell_booking(uow, await uow.session.get_one(Booking, booking_id))

    async def pending(self, uow: UnitOfWork, booking: Booking) -> int:
        """How many offers of the booking wait for an answer."""
        rows = await uow.session.scalars(
            select(Offer.id).where(Offer.booking_id == booking.id, Offer.state == OfferState.PENDING)
        )
        return len(rows.all())

    async def expire_pending(self, uow: UnitOfWork, booking: Booking) -> None:
        """The time of the running offers is over."""
        await self.end_pending(uow, booking, OfferState.EXPIRED, None)

    async def end_pending(
        self, uow: UnitOfWork, booking: Booking, state: OfferState, reason: WithdrawReason | None
    ) -> None:
        """End all offers of the booking that wait for an answer."""
        await uow.flush()
        rows = (
            await uow.session.execute(
                update(Offer)
                .where(Offer.booking_id == booking.id, Offer.state == OfferState.PENDING)
                .values(state=state, answered_at=uow.now, reason=reason.value if reason else None)
                .returning(Offer.id, Offer.interpreter_id)
                .execution_options(**_SYNC)
            )
        ).all()
        if state is OfferState.EXPIRED and rows and booking.kind == "now":
            policy = await self._policies.of(uow, booking.country)
            await count_answers(
                uow, dict.fromkeys((row.interpreter_id for row in rows), False), half_life_days=policy.half_life_days
            )
        users = await accounts(uow, [row.interpreter_id for row in rows])
        for row in sorted(rows, key=lambda row: str(row.id)):
            tell_offer_ended(
                uow,
                booking,
                row.id,
                row.interpreter_id,
                users.get(row.interpreter_id),
                state=state.value,
                reason=reason.value if reason else None,
            )

    async def _standing(
        self,
        uow: UnitOfWork,
        booking: Booking,
        need: Need,
        rules: MatchRules,
        policy: LadderPolicy,
        asked: set[str],
        round_no: int,
    ) -> Standing:
        """Who can be rung, in the fair order: now those on line and those on call, for an appointment everybody.

        Who was asked before is left out; who is being rung for another request comes last.
        """
        if not need.on_demand:
            matches = rank(need, await candidates_for(uow, need, rules), rules)
            return Standing(fair_order(matches, {}, f"{booking.id}:{round_no}"), {}, self._reach(need, rules, {}))
        matches, means, reach = await self.reachable(uow, booking.country, need, rules, asked)
        ringing = await ringing_elsewhere(uow, booking)
        shares = await shares_of(uow, worth_looking(matches, ringing=ringing), policy.month_target_minutes)
        return Standing(fair_order(matches, shares, f"{booking.id}:{round_no}", ringing=ringing), means, reach)

    async def reachable(
        self, uow: UnitOfWork, country: str, need: Need, rules: MatchRules, asked: Collection[str] = ()
    ) -> tuple[list[Match], Mapping[str, Sequence[Means]], Reach]:
        """Who may take work that begins now, best first: those on line and those on call; by what the latter can be called; and what
        the rungs of the ladder (``ladder.fits``) ask about that."""
        people = await candidates_for(uow, need, rules, reachable_only=True)
        called = await self._reaching.on_call(uow, country)
        elsewhere = set(called) - {person.id for person in people} - set(asked)
        if elsewhere:
            people += await candidates_by_id(uow, elsewhere, need=need)
        matches = [match for match in rank(need, people, rules) if match.candidate.id not in asked]
        means = await self._reaching.means_of(uow, [match.candidate.id for match in matches if not match.is_online])
        return matches, means, self._reach(need, rules, means)

    async def ladder(self, unit: ReadUnit, booking: Booking) -> list[Rung]:
        """The ladder with which the search began; before it the country's."""
        return plan_of(booking.rungs) or ladder_of(booking, await self._policies.of(unit, booking.country), unit.now)

    def _reach(self, need: Need, rules: MatchRules, means: Mapping[str, Sequence[Means]]) -> Reach:
        return Reach(
            gate_open=gate_open(need, rules),
            telephony=self._reaching.ports.configured(Means.PHONE),
            called_by={who: [way.value for way in ways] for who, ways in means.items()},
        )

    def _exhaust(self, booking: Booking, found: Round | None) -> None:
        booking.state = advance(booking.state, BookingMove.EXHAUST)
        booking.needs_coordinator = True
        booking.reason = "nobody_free" if found is not None else "nobody_answered"
        booking.next_round_at = give_up_at(booking)


def _terms(booking: Booking, match: Match) -> tuple[list[Term], int]:
    """The parts of the score as the offer keeps them: each leg of a relay is matched directly, and carries what the relay costs (M-9)."""
    if Way(booking.way) is not Way.RELAY:
        return list(match.terms), match.score
    cost = Term("M-9", TermCode.RELAY, -10 * ScoreWeights().relay, {"bridge": booking.pivot or ""})
    return [*match.terms, cost], match.score + cost.points


def gate_open(need: Need, rules: MatchRules) -> bool:
    """Whether an interpreter of the other country could be asked: an instrument is open, and for police steps approved."""
    if need.police_regime and not need.police_approval:
        return False
    return any(gate_for(need, gate.to_country, rules.gates) is not None for gate in rules.gates)
