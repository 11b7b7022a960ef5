"""The interpreter's own day: ring, offers, agreed work, minutes and breaks. Coarse facts only: no case, no person, no officer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from sqlalchemy import select

from core.db.session import ReadUnit
from core.errors import NotFound
from records.models import CaseLanguage
from records.procedures import Catalogue
from scheduler.legs import Way, leg_pair
from scheduler.lifecycle import AssignmentState, BookingState, OfferState
from scheduler.models import Assignment, Booking, Interpreter, Offer
from scheduler.presence import PresenceService, PresenceView
from scheduler.room_times import join_opens_at
from scheduler.times import continuous_minutes, day_bounds
from scheduler.workloads import workloads

FINDER = "language"
"""``Booking.purpose`` of a call that only finds out the language (M-12)."""
FINDER_MINUTES = 5
"""How long such a call lasts at most."""


class WhoView(TypedDict):
    """Who will be interpreted for, as far as it matters before accepting."""

    age: str
    wish: str


class OfferView(TypedDict):
    """A ring or the offer of an appointment (docs/protocol.md)."""

    id: str
    round: int
    kind: str
    language: str
    officer_language: str
    stage: str
    minutes: int
    country: str
    authority_kind: str
    who: WhoView
    mode: str
    video: bool
    sent_at: datetime
    expires_at: datetime
    ring_s: int
    starts_at: datetime | None
    zone: str
    briefing: bool
    """Information to groups at several posts; nobody is interviewed."""
    purpose: str | None
    candidates: list[str]
    """Of a finder call: the languages that it may be, the likeliest first (ISO 639-3). Else empty."""


class AssignmentView(TypedDict):
    """Agreed work."""

    id: str
    booking_id: str
    session_id: str | None
    stage: str
    language: str
    starts_at: datetime
    ends_at: datetime
    zone: str
    state: str
    country: str
    briefing: bool
    """A group briefing: the room is another page."""


class HeldView(TypedDict):
    """One of two interpreters accepted and waits for the other; free again at ``until``."""

    booking_id: str
    kind: str
    until: datetime | None


class Home(TypedDict):
    """The interpreter's home page."""

    interpreter_id: str
    code: str
    presence: PresenceView
    ring: OfferView | None
    today: list[AssignmentView]
    offers: list[OfferView]
    minutes_today: int
    max_minutes: int
    next_break_min: int | None
    devices_checked_at: datetime | None
    zone: str
    live_session_id: str | None
    held: HeldView | None
    """Accepted, and the second interpreter is still looked for."""


class InterpreterViews:
    """Builds the interpreter's views. The unit must see both countries (``pool.regional``)."""

    def __init__(self, catalogue: Catalogue, presence: PresenceService) -> None:
        self._catalogue = catalogue
        self._presence = presence

    async def home(self, unit: ReadUnit, interpreter_id: str) -> Home:
        """Everything on the home page. Raises ``NotFound('interpreter_unknown')``."""
        person = await unit.session.get(Interpreter, interpreter_id, populate_existing=True)
        if person is None:
            raise NotFound("interpreter_unknown")
        load = (await workloads(unit, [interpreter_id], unit.now))[interpreter_id]
        start, end = day_bounds(unit.now, person.time_zone)
        today = await self.assignments(unit, interpreter_id, start=start, end=end)
        pending = await self._pending(unit, interpreter_id)
        rings = [offer for offer in pending if offer["kind"] == "now"]
        continuous = continuous_minutes(load.worked, unit.now)
        live = [row["session_id"] for row in today if row["state"] in ("live", "join_open")]
        return Home(
            interpreter_id=person.id,
            code=person.code,
            presence=await self._presence.view(unit, interpreter_id),
            ring=None if load.is_live or not rings else rings[0],
            today=today,
            offers=[offer for offer in pending if offer["kind"] != "now"],
            minutes_today=load.minutes_on(unit.now, person.time_zone),
            max_minutes=person.max_minutes_day,
            next_break_min=max(0, person.max_block_min - continuous) if continuous else None,
            devices_checked_at=person.devices_checked_at,
            zone=person.time_zone,
            live_session_id=live[0] if live else None,
            held=await self._held(unit, interpreter_id),
        )

    async def _held(self, unit: ReadUnit, interpreter_id: str) -> HeldView | None:
        row = (
            await unit.session.execute(
                select(Booking.id, Booking.kind, Assignment.expires_at)
                .join(Booking, Booking.id == Assignment.booking_id)
                .where(
                    Assignment.interpreter_id == interpreter_id,
                    Assignment.state == AssignmentState.HELD,
                    Booking.state.in_([BookingState.OFFERING, BookingState.UNFILLED]),
                )
                .order_by(Booking.kind.desc(), Assignment.expires_at)
                .limit(1)
            )
        ).one_or_none()
        return None if row is None else HeldView(booking_id=row.id, kind=row.kind, until=row.expires_at)

    async def offer(self, unit: ReadUnit, offer_id: str) -> OfferView:
        """One offer. Raises ``NotFound('offer_unknown')``."""
        row = (
            await unit.session.execute(
                select(Offer, Booking).join(Booking, Booking.id == Offer.booking_id).where(Offer.id == offer_id)
            )
        ).one_or_none()
        if row is None:
            raise NotFound("offer_unknown")
        offer, booking = row
        return self._offer_view(offer, booking, await _candidates(unit, [booking]))

    async def assignment(self, unit: ReadUnit, assignment_id: str) -> AssignmentView:
        """One piece of agreed work. Raises ``NotFound('assignment_unknown')``."""
        row = (
            await unit.session.execute(
                select(Assignment, Booking)
                .join(Booking, Booking.id == Assignment.booking_id)
                .where(Assignment.id == assignment_id)
            )
        ).one_or_none()
        if row is None:
            raise NotFound("assignment_unknown")
        assignment, booking = row
        return self._assignment_view(assignment, booking, unit.now)

    async def assignments(
        self, unit: ReadUnit, interpreter_id: str, *, start: datetime, end: datetime
    ) -> list[AssignmentView]:
        """Agreed and done work that touches a span of time, by start; what was given back is left out."""
        rows = await unit.session.execute(
            select(Assignment, Booking)
            .join(Booking, Booking.id == Assignment.booking_id)
            .where(
                Assignment.interpreter_id == interpreter_id,
                Assignment.starts_at < end,
                Assignment.busy_until > start,
                Assignment.state.in_([AssignmentState.ACTIVE, AssignmentState.HONOURED]),
            )
            .order_by(Assignment.starts_at, Assignment.id)
        )
        return [self._assignment_view(assignment, booking, unit.now) for assignment, booking in rows]

    async def _pending(self, unit: ReadUnit, interpreter_id: str) -> list[OfferView]:
        """Open offers: by class of the booking, then the oldest request first."""
        rows = await unit.session.execute(
            select(Offer, Booking)
            .join(Booking, Booking.id == Offer.booking_id)
            .where(
                Offer.interpreter_id == interpreter_id,
                Offer.state == OfferState.PENDING,
                Offer.expires_at > unit.now,
                Offer.round == Booking.round,
                Booking.state == BookingState.OFFERING,
            )
            .order_by(Booking.priority, Booking.requested_at, Offer.id)
        )
        pending = [(offer, booking) for offer, booking in rows]
        candidates = await _candidates(unit, [booking for _, booking in pending])
        return [self._offer_view(offer, booking, candidates) for offer, booking in pending]

    def _offer_view(self, offer: Offer, booking: Booking, candidates: Mapping[str, list[str]]) -> OfferView:
        need = booking.need
        language, officer_language = leg_pair(
            Way(booking.way), booking.pivot, offer.leg, booking.language, booking.officer_language
        )
        return OfferView(
            id=offer.id,
            round=offer.round,
            kind=booking.kind,
            language=language,
            officer_language=officer_language,
            stage=self._catalogue.step(booking.step_code).stage.value,
            minutes=int(need["minutes"]),
            country=booking.country,
            authority_kind=authority_kind(booking.authority),
            who=WhoView(age=need["age"], wish=need["sex_wish"]),
            mode="open",
            video=need["mode"] == "video",
            sent_at=offer.sent_at,
            expires_at=offer.expires_at,
            ring_s=max(0, int((offer.expires_at - offer.sent_at).total_seconds())),
            starts_at=None if booking.kind == "now" else booking.starts_at,
            zone=booking.zone,
            briefing=booking.briefing_id is not None,
            purpose=booking.purpose,
            candidates=candidates.get(booking.id, []),
        )

    def _assignment_view(self, assignment: Assignment, booking: Booking, now: datetime) -> AssignmentView:
        return AssignmentView(
            id=assignment.id,
            booking_id=booking.id,
            session_id=booking.session_id,
            stage=self._catalogue.step(booking.step_code).stage.value,
            language=booking.language,
            starts_at=assignment.starts_at,
            ends_at=booking.ends_at,
            zone=booking.zone,
            state=_assignment_state(assignment, booking, now),
            country=booking.country,
            briefing=booking.briefing_id is not None,
        )


async def _candidates(unit: ReadUnit, bookings: Sequence[Booking]) -> dict[str, list[str]]:
    """The languages that the person of a finder call may speak, by booking: those of the case, in their rank."""
    finders = {booking.case_id: booking for booking in bookings if booking.purpose == FINDER}
    if not finders:
        return {}
    rows = await unit.session.execute(
        select(CaseLanguage.case_id, CaseLanguage.code)
        .where(CaseLanguage.case_id.in_([case_id for case_id in finders if case_id is not None]))
        .order_by(CaseLanguage.case_id, CaseLanguage.rank)
    )
    found: dict[str, list[str]] = {}
    for case_id, code in rows:
        found.setdefault(finders[case_id].id, []).append(code)
    for booking in finders.values():
        codes = found.setdefault(booking.id, [])
        if booking.language not in codes:
            codes.insert(0, booking.language)
    return found


_AUTHORITY_KIND = {
    "BP": "border_police",
    "PS": "police",
    "AO": "asylum_office",
    "SFA": "asylum_office",
    "UC": "court",
    "CRM": "reception_centre",
    "TTC": "reception_centre",
    "CSW": "social_work",
    "MLSP": "ministry",
}
"""What an interpreter may know of the authority before accepting, by the second part of its code (domain 1.1)."""


def authority_kind(authority: str) -> str:
    """The kind of an authority such as ``RS-BP``. ``AC`` is a court in North Macedonia and a commission in Serbia."""
    if authority == "MK-AC":
        return "court"
    return _AUTHORITY_KIND.get(authority.partition("-")[2], "other")


def _assignment_state(assignment: Assignment, booking: Booking, now: datetime) -> str:
    if assignment.state is AssignmentState.HONOURED:
        return "done"
    if assignment.state is not AssignmentState.ACTIVE:
        return "released"
    if booking.state is BookingState.IN_SESSION:
        return "live"
    return "join_open" if join_opens_at(booking) <= now else "confirmed"
