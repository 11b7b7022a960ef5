"""Rounds of offers along the ladder M-11: who is rung next, for how long, and what happens when the ladder is used up.

Works on a booking whose row the caller holds; answers to offers are in ``offers``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from core.clock import new_id
from core.db.session import UnitOfWork
from records.procedures import Catalogue
from scheduler.ladder import LADDERS, LadderState, Reach, Round, Rung, RungKind, next_rung
from scheduler.languages import LanguageTable
from scheduler.lifecycle import (
    AssignmentState,
    BookingMove,
    BookingState,
    OfferState,
    WithdrawReason,
    advance,
)
from scheduler.models import Assignment, Booking, Offer
from scheduler.need import MatchRules, Need, gate_for
from scheduler.needs import need_at, need_from_json
from scheduler.news import accounts, tell_booking, tell_offer_ended, tell_offer_sent
from scheduler.queries import candidates_for, match_rules
from scheduler.ranking import Match, officer_reasons, rank
from scheduler.times import CALLBACK_FOR, GIVE_UP_AFTER, NO_SHOW_AFTER

ASK_AGAIN_AFTER = timedelta(minutes=10)
"""Who said "not now" is not asked again for the same booking before."""
_APPOINTMENT_SHORTEST, _APPOINTMENT_LONGEST = timedelta(minutes=15), timedelta(hours=4)
_SYNC = {"synchronize_session": False}


class Rounds:
    """Sends offers, round by round."""

    def __init__(self, catalogue: Catalogue, table: LanguageTable) -> None:
        self._catalogue = catalogue
        self._table = table

    async def rules(self, uow: UnitOfWork, step_code: str) -> MatchRules:
        """The matching rules for a step as they stand now."""
        return await match_rules(uow, self._table, own_pool_only=self._catalogue.step(step_code).own_pool_only)

    async def begin(self, uow: UnitOfWork, booking: Booking, move: BookingMove) -> None:
        """Search from the first rung on: after the request, after a release, or when a coordinator widens it."""
        booking.state = advance(booking.state, move)
        booking.rungs = []
        booking.needs_coordinator = False
        booking.reason = None
        await self.next(uow, booking)

    async def next(self, uow: UnitOfWork, booking: Booking) -> None:
        """End what is pending and ring the next rung; UNFILLED and the coordinator when there is none left."""
        await self.expire_pending(uow, booking)
        need = need_at(need_from_json(booking.need), uow.now)
        rules = await self.rules(uow, booking.step_code)
        found = next_rung(
            LadderState(rung=_last_rung(booking), round=booking.round),
            await self._ranked(uow, booking, need, rules),
            await self._asked(uow, booking),
            uow.now,
            ladder=ladder_of(booking, uow.now),
            reach=Reach(gate_open=gate_open(need, rules)),
        )
        _note(booking, found, uow.now)
        if found is None or found.is_coordinator or found.deadline is None:
            self._exhaust(booking, found)
        else:
            booking.round = found.state.round
            booking.next_round_at = found.deadline
            await self.send(uow, booking, found.matches, found.kind.value, found.deadline)
        booking.version += 1
        await uow.flush()
        tell_booking(uow, booking)

    async def send(
        self, uow: UnitOfWork, booking: Booking, matches: Sequence[Match], rung: str, expires_at: datetime
    ) -> None:
        """Offers of the current round, one per match."""
        users = await accounts(uow, [match.candidate.id for match in matches])
        for match in matches:
            offer = Offer(
                id=new_id("offer"),
                country=booking.country,
                booking_id=booking.id,
                interpreter_id=match.candidate.id,
                round=booking.round,
                rung=rung,
                state=OfferState.PENDING,
                score=match.score,
                terms=[{**asdict(term), "params": dict(term.params)} for term in match.terms],
                reasons=[{"code": r.code.value, "params": dict(r.params)} for r in officer_reasons(match)],
                sent_at=uow.now,
                expires_at=expires_at,
            )
            uow.session.add(offer)
            tell_offer_sent(uow, booking, offer, users.get(offer.interpreter_id))
        await uow.flush()

    async def add(self, uow: UnitOfWork, booking: Booking, match: Match) -> None:
        """Ring one more person, who has just become free: in the running round, or in a new one of a booking that waits."""
        seconds = 20
        if booking.state is BookingState.UNFILLED:
            booking.state = advance(booking.state, BookingMove.WIDEN)
            booking.round += 1
        deadline = uow.now + timedelta(seconds=seconds)
        booking.next_round_at = (
            max(booking.next_round_at or deadline, deadline) if await self.pending(uow, booking) else deadline
        )
        rung = booking.rungs[-1]["code"] if booking.rungs else RungKind.BEST.value
        await self.send(uow, booking, [match], rung, deadline)
        booking.version += 1
        await uow.flush()
        tell_booking(uow, booking)

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

    async def _ranked(self, uow: UnitOfWork, booking: Booking, need: Need, rules: MatchRules) -> list[Match]:
        """Who can be rung, best first; for now only who is on line, and who is being rung elsewhere comes last."""
        candidates = await candidates_for(uow, need, rules, reachable_only=need.on_demand)
        ranked = rank(need, candidates, rules)
        if not need.on_demand:
            return ranked
        ranked = [match for match in ranked if match.is_online]
        ringing = set(
            await uow.session.scalars(
                select(Offer.interpreter_id)
                .join(Booking, Booking.id == Offer.booking_id)
                .where(
                    Offer.state == OfferState.PENDING,
                    Offer.expires_at > uow.now,
                    Booking.kind == "now",
                    Offer.booking_id != booking.id,
                )
            )
        )
        return sorted(ranked, key=lambda match: match.candidate.id in ringing)

    async def _asked(self, uow: UnitOfWork, booking: Booking) -> set[str]:
        """Who is not rung again: asked in this search, said "not now" lately, or gave this booking back before."""
        base = booking.rungs[0]["round"] if booking.rungs else booking.round + 1
        asked: set[str] = set()
        offers = await uow.session.execute(
            select(Offer.interpreter_id, Offer.round, Offer.state, Offer.answered_at).where(
                Offer.booking_id == booking.id
            )
        )
        for offer in offers:
            declined = offer.state is OfferState.DECLINED and offer.answered_at > uow.now - ASK_AGAIN_AFTER
            if offer.round >= base or declined:
                asked.add(offer.interpreter_id)
        gave_back = await uow.session.scalars(
            select(Assignment.interpreter_id).where(
                Assignment.booking_id == booking.id,
                Assignment.state.in_([AssignmentState.RELEASED, AssignmentState.BROKEN]),
            )
        )
        return asked | set(gave_back)

    def _exhaust(self, booking: Booking, found: Round | None) -> None:
        booking.state = advance(booking.state, BookingMove.EXHAUST)
        booking.needs_coordinator = True
        booking.reason = "nobody_free" if found is not None else "nobody_answered"
        booking.next_round_at = give_up_at(booking)


def give_up_at(booking: Booking) -> datetime:
    """When a booking without an interpreter is missed."""
    if booking.kind != "now":
        return booking.starts_at + NO_SHOW_AFTER
    began = datetime.fromisoformat(booking.rungs[0]["started_at"]) if booking.rungs else booking.requested_at
    return began + (CALLBACK_FOR if booking.callback else GIVE_UP_AFTER)


def ladder_of(booking: Booking, now: datetime) -> Sequence[Rung]:
    """The country's ladder; for an appointment the same rungs with hours in place of seconds."""
    ladder = LADDERS[booking.country]
    if booking.kind == "now":
        return ladder
    span = min(max((booking.starts_at - now) / 4, _APPOINTMENT_SHORTEST), _APPOINTMENT_LONGEST)
    seconds = max(1, int(min(span, booking.starts_at - now).total_seconds()))
    return [Rung(rung.kind, rung.width, seconds if rung.seconds else 0) for rung in ladder]


def gate_open(need: Need, rules: MatchRules) -> bool:
    """Whether an interpreter of the other country could be asked: an instrument is open, and for police steps approved."""
    if need.police_regime and not need.police_approval:
        return False
    return any(gate_for(need, gate.to_country, rules.gates) is not None for gate in rules.gates)


def _last_rung(booking: Booking) -> int:
    return max((int(entry["index"]) for entry in booking.rungs), default=-1)


def _note(booking: Booking, found: Round | None, now: datetime) -> None:
    """Write into the booking which rungs are done, skipped and running (a new list, so that the change is seen)."""
    rungs: list[dict[str, Any]] = [
        {**entry, "state": "done", "ends_at": min(entry["ends_at"] or now.isoformat(), now.isoformat())}
        if entry["state"] == "now"
        else dict(entry)
        for entry in booking.rungs
    ]
    if found is not None:
        number = found.state.round
        rungs += [
            _entry(skip.rung, skip.kind, "skipped", number, now, reason=skip.reason.value) for skip in found.skipped
        ]
        current = _entry(found.state.rung, found.kind, "now", number, now, count=len(found.matches))
        current["ends_at"] = found.deadline.isoformat() if found.deadline else None
        rungs.append(current)
    booking.rungs = rungs


def _entry(
    index: int,
    kind: RungKind,
    state: str,
    number: int,
    now: datetime,
    *,
    count: int | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    return {
        "index": index,
        "code": kind.value,
        "state": state,
        "count": count,
        "reason": reason,
        "round": number,
        "started_at": now.isoformat(),
        "ends_at": None,
    }
