"""The coordinator's live board, the candidates for a booking with reasons, and the officer's outlook before asking. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select

from core.access import Role
from core.db.session import ReadUnit
from core.notify import Means
from records.cases import CaseService
from records.lifecycle import SessionState
from records.models import Session, SessionParticipant
from records.procedures import Catalogue
from scheduler.board_shapes import (
    Board,
    BoardCard,
    CandidateView,
    LaneCard,
    OnCallView,
    Outlook,
    PartnerView,
    SurgeBadge,
)
from scheduler.eligibility import NeedContext, failed_rules
from scheduler.hurry import MUST_UNMET, must_unmet
from scheduler.ladder import plan_of
from scheduler.languages import LanguageTable
from scheduler.lifecycle import BookingState, OfferState
from scheduler.models import Booking, Interpreter, Offer
from scheduler.need import Presence
from scheduler.needs import build_need, need_at, need_from_json
from scheduler.queries import candidates_by_id, candidates_for, match_rules
from scheduler.ranking import SHORT_BLOCK, VIDEO_BLOCK, rank
from scheduler.ring.ledger import Ledger
from scheduler.ring.policy import Policies
from scheduler.ring.reach import Reach
from scheduler.ring.reserve import KEPT
from scheduler.rounds import gate_open
from scheduler.surge.rule import Switch
from scheduler.surge.states import SurgeStates
from scheduler.waits import BoardNumbers, ExpectedView, Waits

MOST = 500
"""Cards at once; those that need a person and the oldest of the highest class come first."""
FEW = 3
"""Counts below this are shown as "few": an exact one could reveal who is meant."""


class BoardViews:
    """Builds the board and what stands beside it."""

    def __init__(
        self,
        catalogue: Catalogue,
        table: LanguageTable,
        cases: CaseService,
        waits: Waits,
        policies: Policies,
        ledger: Ledger,
        reach: Reach,
        surge: SurgeStates,
    ) -> None:
        self._catalogue = catalogue
        self._table = table
        self._cases = cases
        self._waits = waits
        self._policies = policies
        self._ledger = ledger
        self._reach = reach
        self._surge = surge

    async def board(self, unit: ReadUnit) -> Board:
        """Requests for now and appointments that nobody took yet, and running sessions, of the coordinator's countries.

        Waiting: by priority, then the oldest first, with those that need a person on top.
        """
        countries = board_countries(unit)
        shown = or_(
            Booking.state.in_([BookingState.OFFERING, BookingState.UNFILLED, BookingState.IN_SESSION]),
            # Appointments that are agreed are in no lane before they begin.
            and_(Booking.state == BookingState.ASSIGNED, Booking.kind == "now"),
        )
        running = Booking.state.in_([BookingState.ASSIGNED, BookingState.IN_SESSION])
        rows = await unit.session.scalars(
            select(Booking)
            .where(shown, Booking.country.in_(countries))
            .order_by(
                or_(Booking.needs_coordinator, MUST_UNMET).desc(),
                # What runs never pushes out what waits.
                running,
                Booking.priority,
                Booking.requested_at,
                Booking.id,
            )
            .limit(MOST)
        )
        bookings = rows.all()
        cards = await self._cards(unit, bookings)
        lanes: dict[str, list[BoardCard]] = {"waiting": [], "ringing": [], "live": [], "gone": []}
        for booking, card in zip(bookings, cards, strict=True):
            lanes[lane_of(booking, card)].append(card)
        return Board(
            at=unit.now,
            waiting=lanes["waiting"],
            ringing=lanes["ringing"],
            live=lanes["live"],
            numbers=await self._numbers(unit, countries),
            surge=[await self._badge(unit, country) for country in countries],
            talks=await self._ledger.talks(unit, countries),
            means=[way.value for way in Means if way is not Means.APP and self._reach.ports.configured(way)],
            partners=[one for country in countries for one in await self._partners(unit, country)],
        )

    async def _numbers(self, unit: ReadUnit, countries: Sequence[str]) -> BoardNumbers:
        on_call = [len(await self._reach.on_call(unit, country)) for country in countries]
        return await self._waits.board_numbers(unit, countries=countries, on_call=sum(on_call))

    async def _badge(self, unit: ReadUnit, country: str) -> SurgeBadge:
        now = await self._surge.current(unit, country)
        return SurgeBadge(country=country, state=now.state.value, since=now.since)

    async def _partners(self, unit: ReadUnit, country: str) -> list[PartnerView]:
        """Whom the country may ask outside, while its surge state allows that (R-7); else nobody."""
        if not (await self._surge.current(unit, country)).is_on(Switch.PARTNER_LIST):
            return []
        policy = await self._policies.of(unit, country)
        return [
            PartnerView(country=country, name=one.name, contact=one.contact, languages=list(one.languages))
            for one in policy.partners
        ]

    async def on_call(self, unit: ReadUnit, booking: Booking) -> list[OnCallView]:
        """Who of the country is on call now: those who fit the booking and can be called first, the quickest first."""
        duty = await self._reach.on_call(unit, booking.country)
        need = need_at(need_from_json(booking.need), unit.now)
        own_pool = self._catalogue.step(booking.step_code).own_pool_only
        rules = await match_rules(unit, self._table, own_pool_only=own_pool)
        people = await candidates_by_id(unit, duty, need=need)
        fit = {match.candidate.id for match in rank(replace(need, on_demand=False), people, rules)}
        means = await self._reach.means_of(unit, duty)
        called = await self._reach.called(unit, list(duty))
        found = [
            OnCallView(
                interpreter_id=person.id,
                code=person.code,
                report_in_min=duty[person.id].report_in,
                until=duty[person.id].until,
                means=[way.value for way in means.get(person.id, [])],
                online=person.presence is Presence.AVAILABLE,
                called_at=called[person.id][1] if person.id in called else None,
                called_state=called[person.id][0] if person.id in called else None,
                fits=person.id in fit,
            )
            for person in people
        ]
        return sorted(found, key=lambda one: (not one["fits"], not one["means"], one["report_in_min"], one["code"]))

    async def card(self, unit: ReadUnit, booking: Booking) -> LaneCard:
        """One card as it stands, for pushing to boards."""
        card = (await self._cards(unit, [booking]))[0]
        lane = lane_of(booking, card)
        numbers = await self._numbers(unit, [booking.country])
        return LaneCard(card=None if lane == "gone" else card, lane=lane, booking_id=booking.id, numbers=numbers)

    async def candidates(self, unit: ReadUnit, booking: Booking) -> list[CandidateView]:
        """Everybody who connects the languages, eligible or not, with score, terms and refusals; the eligible first."""
        need = need_at(need_from_json(booking.need), unit.now)
        own_pool = self._catalogue.step(booking.step_code).own_pool_only
        rules = await match_rules(unit, self._table, own_pool_only=own_pool)
        people = await candidates_for(unit, need, rules)
        matches = rank(need, people, rules)
        context = NeedContext.build(need, rules)
        found = [
            CandidateView(
                interpreter_id=match.candidate.id,
                code=match.candidate.code,
                eligible=True,
                score=match.score,
                terms=[
                    {"rule": t.rule, "points": t.points, "code": t.code.value, "params": dict(t.params)}
                    for t in match.terms
                ],
                refusals=[],
                presence=match.candidate.presence.value,
            )
            for match in matches
        ]
        fit = {match.candidate.id for match in matches}
        for person in sorted((p for p in people if p.id not in fit), key=lambda p: p.code):
            refusals = [context.refusal(rule) for rule in failed_rules(context, person)]
            found.append(
                CandidateView(
                    interpreter_id=person.id,
                    code=person.code,
                    eligible=False,
                    score=0,
                    terms=[],
                    refusals=[
                        {"rule": r.rule.value, "code": r.rule.name.lower(), "params": dict(r.params)} for r in refusals
                    ],
                    presence=person.presence.value,
                )
            )
        return found

    async def outlook(self, unit: ReadUnit, *, step_id: str, language: str | None, officer_language: str) -> Outlook:
        """Who is free now for this step and language, and how long such requests have waited.

        Counts under three are told as 0 with ``free_few``, so that a number never points at somebody.
        """
        facts = await self._cases.step_facts(unit, step_id)
        first = language or (facts.languages[0][0] if facts.languages else None)
        if first is None:
            return Outlook(
                free_now=0,
                free_few=True,
                wish_met=None,
                expected=ExpectedView(basis="none", p50_s=None, p90_s=None, n=0),
                national_only=True,
            )
        step = self._catalogue.step(facts.step_code)
        need = build_need(
            facts,
            language=first,
            officer_language=officer_language,
            now=unit.now,
            at=unit.now,
            minutes=max(1, facts.typical_minutes),
            on_demand=True,
            table=self._table,
        )
        rules = await match_rules(unit, self._table, own_pool_only=step.own_pool_only)
        people = await candidates_for(unit, need, rules, reachable_only=True)
        free = [match for match in rank(need, people, rules) if match.is_online]
        wished = None
        if facts.sex_wish != "none":
            met = sum(match.wish_met for match in free)
            wished = met if met >= FEW else 0
        return Outlook(
            free_now=len(free) if len(free) >= FEW else 0,
            free_few=len(free) < FEW,
            wish_met=wished,
            expected=await self._waits.expected(unit, language=first, stage=step.stage, country=facts.country),
            national_only=not gate_open(need, rules),
        )

    async def _cards(self, unit: ReadUnit, bookings: Sequence[Booking]) -> list[BoardCard]:
        ids = [booking.id for booking in bookings]
        ringing = await unit.session.execute(
            select(Offer.booking_id, func.count())
            .where(Offer.booking_id.in_(ids), Offer.state == OfferState.PENDING, Offer.expires_at > unit.now)
            .group_by(Offer.booking_id)
        )
        rings: dict[str, int] = {row[0]: row[1] for row in ringing}
        people = {booking.interpreter_id for booking in bookings if booking.interpreter_id}
        named = await unit.session.execute(select(Interpreter.id, Interpreter.code).where(Interpreter.id.in_(people)))
        codes: dict[str, str] = {row[0]: row[1] for row in named}
        sessions = [booking.session_id for booking in bookings if booking.session_id]
        lines = await _lines(unit, sessions)
        runs = await _runs(unit, sessions)
        return [
            _card(
                booking,
                rings.get(booking.id, 0),
                codes.get(booking.interpreter_id or ""),
                lines.get(booking.session_id or ""),
                runs.get(booking.session_id or ""),
            )
            for booking in bookings
        ]


def board_countries(unit: ReadUnit) -> list[str]:
    """The countries in which the actor is coordinator; for the system all of its own."""
    if unit.actor.is_system:
        return sorted(country.value for country in unit.actor.countries)
    return sorted(c.value for c in unit.actor.countries if unit.actor.has(Role.COORDINATOR, c))


def lane_of(booking: Booking, card: BoardCard) -> str:
    """The lane of a booking: live once somebody was found, ringing while somebody is rung, else waiting."""
    if booking.state in (BookingState.ASSIGNED, BookingState.IN_SESSION):
        far_off = booking.kind != "now" and booking.state is BookingState.ASSIGNED
        return "gone" if far_off else "live"
    if booking.state in (BookingState.REQUESTED, BookingState.OFFERING, BookingState.UNFILLED):
        return "ringing" if card["ringing"] and card["needs_you"] is None else "waiting"
    return "gone"


def _card(
    booking: Booking,
    ringing: int,
    code: str | None,
    line: str | None,
    run: tuple[SessionState, datetime] | None,
) -> BoardCard:
    rung = max((int(entry["index"]) for entry in booking.rungs), default=-1)
    must = booking.need["sex_wish"] if booking.need["sex_must"] and booking.need["sex_wish"] != "none" else None
    return BoardCard(
        booking_id=booking.id,
        session_id=booking.session_id,
        case_ref=booking.case_ref,
        briefing_id=booking.briefing_id,
        country=booking.country,
        site=booking.site,
        language=booking.language,
        step_code=booking.step_code,
        priority=booking.priority,
        since=booking.matched_at or booking.requested_at if booking.interpreter_id else booking.requested_at,
        starts_at=None if booking.kind == "now" else booking.starts_at,
        rung=rung + 1,
        rungs=len(plan_of(booking.rungs)) + 1,
        ringing=ringing,
        interpreter_code=code,
        must=must,
        needs_you=_needs_you(booking),
        line=line,
        callback=booking.callback,
        kept_back=booking.reason == KEPT,
        break_at=run[1] + _block(booking) if run and run[0] is SessionState.ACTIVE else None,
        paused=run is not None and run[0] is SessionState.PAUSED,
    )


def _needs_you(booking: Booking) -> str | None:
    """Why a person must decide; a wish that nobody meets is told before what the search says (M-3)."""
    if must_unmet(booking):
        return "must_unmet"
    return (booking.reason or "nobody_free") if booking.needs_coordinator else None


def _block(booking: Booking) -> timedelta:
    """After how long without a pause a break is due (S-8)."""
    short = booking.need["child"] or booking.need["short_blocks"]
    return timedelta(minutes=SHORT_BLOCK if short else VIDEO_BLOCK)


async def _runs(unit: ReadUnit, session_ids: Sequence[str]) -> dict[str, tuple[SessionState, datetime]]:
    """State of each session and since when."""
    rows = await unit.session.execute(
        select(Session.id, Session.state, Session.state_since).where(Session.id.in_(session_ids))
    )
    return {row.id: (row.state, row.state_since) for row in rows}


async def _lines(unit: ReadUnit, session_ids: Sequence[str]) -> dict[str, str]:
    """The worst line of officer and interpreter in each session."""
    worst = {"good": 0, "weak": 1, "lost": 2}
    found: dict[str, str] = {}
    rows = await unit.session.execute(
        select(SessionParticipant.session_id, SessionParticipant.state, SessionParticipant.grade).where(
            SessionParticipant.session_id.in_(session_ids),
            SessionParticipant.part.in_(["officer", "interpreter"]),
            SessionParticipant.state.in_(["present", "lost"]),
        )
    )
    for row in rows:
        grade = "lost" if row.state == "lost" else row.grade or "good"
        if worst.get(grade, 0) >= worst.get(found.get(row.session_id, "good"), 0):
            found[row.session_id] = grade
    return found
