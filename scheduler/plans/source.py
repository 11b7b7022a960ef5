"""Reads what a plan is made from: open appointments, the pool with its hours and agreed work, pins. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from core.db.session import ReadUnit
from records.procedures import Catalogue
from scheduler.calendars.availability import Availability
from scheduler.languages import LanguageTable
from scheduler.legs import PIVOTS, Way, leg_need
from scheduler.lifecycle import KEPT, BookingState, OfferState, Priority
from scheduler.models import Assignment, Booking, Offer
from scheduler.need import Candidate, MatchRules, Need
from scheduler.needs import need_from_json
from scheduler.plans.models import PlanPin
from scheduler.plans.prepare import Ask, Frame, Held, Span, monday_before
from scheduler.queries import match_rules, people_for_plans
from scheduler.times import ZONES

WITHOUT = (BookingState.REQUESTED, BookingState.OFFERING, BookingState.UNFILLED)
"""States of an appointment for which somebody is still looked for."""
SOON = timedelta(minutes=30)
"""What begins sooner is left to the ring and to the coordinator."""
WEIGHT = {Priority.P1: 10, Priority.P2: 6, Priority.P3: 3}
"""How much more an unfilled booking of a class weighs than an ordinary one (policy)."""
FAIR_OVER = timedelta(days=28)
"""Minutes of so many days before count for fair load."""
_MARGIN = timedelta(days=1)


@dataclass(frozen=True)
class Pin:
    """Somebody whom a coordinator has set for a leg."""

    booking_id: str
    leg: int
    interpreter_id: str


@dataclass(frozen=True)
class Appointment:
    """Of a booking what a plan asks for, where reading whole rows would take too long."""

    id: str
    step_code: str
    need: dict[str, Any]
    priority: str
    way: str
    pivot: str | None
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Material:
    """What ``prepare`` takes, as the database says it now."""

    country: str
    asks: Sequence[Ask]
    people: Sequence[Candidate]
    rules: MatchRules
    frame: Frame
    free: dict[str, list[Span]]
    held: Sequence[Held]
    pins: Sequence[Pin]


class Source:
    """Puts the material of a plan together."""

    def __init__(self, catalogue: Catalogue, table: LanguageTable) -> None:
        self._catalogue = catalogue
        self._table = table
        self._availability = Availability()

    async def open_appointments(self, unit: ReadUnit, country: str, start: datetime, end: datetime) -> list[Booking]:
        """Appointments of a country in ``[start, end)`` without an interpreter, by time."""
        rows = await unit.session.scalars(
            select(Booking)
            .where(
                Booking.country == country,
                Booking.kind != "now",
                Booking.state.in_(WITHOUT),
                Booking.starts_at >= max(start, unit.now + SOON),
                Booking.starts_at < end,
            )
            .order_by(Booking.starts_at, Booking.id)
        )
        return list(rows)

    async def material(
        self,
        unit: ReadUnit,
        country: str,
        bookings: Sequence[Booking | Appointment],
        *,
        without: Sequence[str] = (),
        connecting: bool = False,
    ) -> Material:
        """For planning these bookings; ``without``: agreed work for these bookings is no obstacle (it is planned anew).

        ``connecting``: only people who connect the languages of one of them, which is quicker for a few.
        """
        rules = await match_rules(unit, self._table)
        needs = [need_from_json(booking.need) for booking in bookings]
        wanted = [part for booking, need in zip(bookings, needs, strict=True) for part in _parts(booking, need)]
        people = await people_for_plans(unit, wanted if connecting else None, rules, [need.case_id for need in needs])
        ids = [who.id for who in people]
        start = min((booking.starts_at for booking in bookings), default=unit.now) - _MARGIN
        end = max((booking.ends_at for booking in bookings), default=unit.now) + _MARGIN
        zone = ZONES[country]
        hours = await self._availability.hours(unit, ids, start, end)
        said_no: dict[str, set[str]] = defaultdict(set)
        declined = await unit.session.execute(
            select(Offer.booking_id, Offer.interpreter_id).where(
                Offer.booking_id.in_([booking.id for booking in bookings]), Offer.state == OfferState.DECLINED
            )
        )
        for booking_id, who in declined:
            said_no[booking_id].add(who)
        origin = monday_before(start, zone)
        cases = frozenset(need.case_id for need in needs)
        asks = [
            self._ask(booking, need, frozenset(said_no[booking.id]))
            for booking, need in zip(bookings, needs, strict=True)
        ]
        pins = await unit.session.scalars(
            select(PlanPin).where(PlanPin.booking_id.in_([booking.id for booking in bookings]))
        )
        return Material(
            country=country,
            asks=asks,
            people=people,
            rules=rules,
            frame=Frame(origin, zone=zone, earlier=await self._earlier(unit, ids, start)),
            free={who: [(span.starts_at, span.ends_at) for span in spans] for who, spans in hours.items()},
            # Limits of a day and of a week are counted with everything that lies in them.
            held=await self._held(unit, ids, origin, end + timedelta(days=7), frozenset(without), cases),
            pins=[Pin(row.booking_id, row.leg, row.interpreter_id) for row in pins],
        )

    def _ask(self, booking: Booking | Appointment, need: Need, declined: frozenset[str]) -> Ask:
        return Ask(
            booking.id,
            need,
            WEIGHT.get(Priority(booking.priority), 1),
            way=Way(booking.way),
            pivot=booking.pivot,
            own_pool=self._catalogue.step(booking.step_code).own_pool_only,
            declined=declined,
        )

    async def _held(
        self,
        unit: ReadUnit,
        ids: Sequence[str],
        start: datetime,
        end: datetime,
        without: frozenset[str],
        cases: frozenset[str],
    ) -> list[Held]:
        """Agreed and held work of both countries; of ``cases`` it is told, as far as they are of the own country."""
        wanted = select(
            Assignment.id, Assignment.booking_id, Assignment.interpreter_id, Assignment.starts_at, Assignment.busy_until, Assignment.minutes
        ).where(
            Assignment.interpreter_id.in_(ids),
            Assignment.state.in_(KEPT),
            Assignment.starts_at < end,
            Assignment.busy_until > start,
        )  # fmt: skip
        async with unit.across_countries():
            rows = (await unit.session.execute(wanted)).all()
        rows = [row for row in rows if row.booking_id not in without]
        own = await unit.session.execute(
            select(Booking.id, Booking.case_id).where(
                Booking.id.in_({row.booking_id for row in rows}), Booking.case_id.in_(cases)
            )
        )
        met = {row.id: row.case_id for row in own}
        return [
            Held(
                row.interpreter_id, row.starts_at, row.minutes, row.busy_until, met.get(row.booking_id), row.booking_id
            )
            for row in rows
        ]

    async def _earlier(self, unit: ReadUnit, ids: Sequence[str], at: datetime) -> dict[str, int]:
        """Minutes of finished work in the weeks before."""
        wanted = (
            select(Assignment.interpreter_id, func.sum(Assignment.active_min))
            .where(
                Assignment.interpreter_id.in_(ids),
                Assignment.state.not_in(KEPT),
                Assignment.ended_at > at - FAIR_OVER,
            )
            .group_by(Assignment.interpreter_id)
        )
        async with unit.across_countries():
            rows = (await unit.session.execute(wanted)).all()
        return {who: int(minutes or 0) for who, minutes in rows}


def _parts(booking: Booking | Appointment, need: Need) -> list[Need]:
    """What each of the interpreters of a booking must be able to do."""
    way = Way(booking.way)
    pivots = PIVOTS if way is Way.RELAY and booking.pivot is None else (booking.pivot,)
    return [leg_need(need, way, pivot, leg) for pivot in pivots for leg in way.legs]
