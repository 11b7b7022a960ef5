"""What bookings look like to officers and coordinators: the shapes of docs/protocol.md. Reads only.

An officer never sees who declined or why, no trait of an interpreter, and small counts as "few".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import select

from core.db.session import ReadUnit
from records.procedures import Catalogue
from scheduler.asked_times import ProposalView, latest_proposals
from scheduler.hurry import must_unmet
from scheduler.ladder import RungKind, plan_of
from scheduler.legs import Way, swap_plan
from scheduler.lifecycle import KEPT, OPEN, AssignmentState, BookingState, OfferState
from scheduler.models import Assignment, Booking, Interpreter, Offer
from scheduler.room_times import join_opens_at
from scheduler.waiting_line import WaitingView, ahead_of, in_line, waiting_view
from scheduler.waits import ExpectedView, Waits

_RUNG_WORD = {RungKind.PHONE_ONLY.value: "phone"}
_PARTNERS = "partners"
"""The last rung of M-11, outside of this system: the coordinator telephones."""


class RungView(TypedDict):
    """One rung of the ladder."""

    code: str
    state: str
    count: int | None
    reason: str | None
    ends_at: datetime | None


class ReasonView(TypedDict):
    """One reason of a match, without traits."""

    code: str
    params: dict[str, Any]


class OfferBrief(TypedDict):
    """Somebody who was asked."""

    interpreter_code: str
    state: str
    reasons: list[ReasonView]


class InterpreterName(TypedDict):
    """The interpreter as an officer may know one."""

    code: str
    level: str


class LegView(TypedDict):
    """One of the interpreters of a booking, agreed or held."""

    leg: int
    code: str
    level: str
    held: bool
    """Waits for the other leg, or for the confirmation of a hold."""
    until: datetime | None
    """While held: when the place is free again."""


class TurnView(TypedDict):
    """Who of a team interprets, and from when to when."""

    leg: int
    starts_at: datetime
    ends_at: datetime


class WishView(TypedDict):
    """The person's wish for the interpreter."""

    value: str
    must: bool


class PoliceView(TypedDict):
    """Whether a step under the police regime may go to an interpreter of the other country (T-3)."""

    reference: str | None
    """Of the approval that a coordinator typed; none: only the own country."""
    by: str | None
    at: datetime | None


class BookingView(TypedDict):
    """A booking (docs/protocol.md)."""

    id: str
    case_id: str
    case_ref: str
    step_id: str
    step_code: str
    country: str
    site: str
    kind: str
    language: str
    priority: str
    state: str
    requested_at: datetime
    starts_at: datetime
    ends_at: datetime
    zone: str
    round: int
    rungs: list[RungView]
    offers: list[OfferBrief]
    interpreter: InterpreterName | None
    interpreters: list[LegView]
    way: str
    pivot: str | None
    relay_state: str | None
    relay_by: str | None
    police: PoliceView | None
    turns: list[TurnView]
    series_id: str | None
    occurrence: str | None
    hold_until: datetime | None
    session_id: str | None
    join_opens_at: datetime | None
    join_by: datetime | None
    expected: ExpectedView
    callback: bool
    needs_coordinator: bool
    unfilled_reason: str | None
    wish: WishView
    must_unmet: bool
    """Nobody who meets the wish was found in time, and a coordinator was called (M-3)."""
    purpose: str | None
    waiting: WaitingView | None
    """For an appointment that waits for somebody."""
    proposal: ProposalView | None
    """Another time for which its interpreter is asked, or could not come."""


class BookingLink(TypedDict):
    """What the queue adds to a case in the list: the next action and where it leads."""

    next: str
    booking_id: str | None
    session_id: str | None


class BookingViews:
    """Builds views of bookings."""

    def __init__(self, catalogue: Catalogue, waits: Waits) -> None:
        self._catalogue = catalogue
        self._waits = waits

    async def view(self, unit: ReadUnit, booking: Booking) -> BookingView:
        """One booking."""
        return (await self.views(unit, [booking]))[0]

    async def views(self, unit: ReadUnit, bookings: Sequence[Booking]) -> list[BookingView]:
        """Several bookings, in their order."""
        offers = await self._offers(unit, [booking.id for booking in bookings])
        names = await _names(unit, bookings)
        legs = await _legs(unit, bookings)
        waiting = [b.id for b in bookings if in_line(b, self._catalogue.step(b.step_code).stage)]
        ahead = await ahead_of(unit, waiting) if waiting else {}
        agreed = [b.id for b in bookings if b.kind != "now" and b.state is BookingState.ASSIGNED]
        asked = await latest_proposals(unit, agreed)
        expected: dict[tuple[str, str, str], ExpectedView] = {}
        found: list[BookingView] = []
        for booking in bookings:
            stage = self._catalogue.step(booking.step_code).stage
            key = (booking.language, stage.value, booking.country)
            if key not in expected:
                expected[key] = await self._waits.expected(
                    unit, language=booking.language, stage=stage, country=booking.country
                )
            name = names.get(booking.interpreter_id or "")
            mine = legs.get(booking.id, [])
            view = _view(booking, offers[booking.id], name, mine, expected[key])
            if booking.id in asked:
                view["proposal"] = asked[booking.id]
            if booking.id in ahead:
                view["waiting"] = waiting_view(booking, {leg["leg"] for leg in mine}, ahead[booking.id])
            found.append(view)
        return found

    async def links(self, unit: ReadUnit, case_ids: Sequence[str]) -> dict[str, BookingLink]:
        """For each case the next action, with the open booking that it is about; of several the one that needs somebody first."""
        rows = await unit.session.scalars(
            select(Booking).where(Booking.case_id.in_(case_ids), Booking.state.in_(OPEN)).order_by(Booking.requested_at)
        )
        found = {case_id: BookingLink(next="start", booking_id=None, session_id=None) for case_id in case_ids}
        for booking in rows:
            link = BookingLink(
                next=_next_action(booking, unit.now), booking_id=booking.id, session_id=booking.session_id
            )
            if _WEIGHT[link["next"]] > _WEIGHT[found[booking.case_id]["next"]]:
                found[booking.case_id] = link
        return found

    async def _offers(self, unit: ReadUnit, ids: Sequence[str]) -> dict[str, list[OfferBrief]]:
        found: dict[str, list[OfferBrief]] = defaultdict(list)
        if not ids:
            return found
        rows = await unit.session.execute(
            select(Offer.booking_id, Offer.state, Offer.reasons, Interpreter.code)
            .join(Interpreter, Interpreter.id == Offer.interpreter_id)
            .where(Offer.booking_id.in_(ids))
            .order_by(Offer.round.desc(), Offer.score.desc(), Offer.id)
        )
        for row in rows:
            found[row.booking_id].append(
                OfferBrief(
                    interpreter_code=row.code,
                    state=OfferState(row.state).value,
                    reasons=[ReasonView(code=r["code"], params=r["params"]) for r in row.reasons[:3]],
                )
            )
        return found

    async def list(
        self,
        unit: ReadUnit,
        *,
        authority: str | None = None,
        case_id: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        state: str | None = None,
        limit: int = 200,
    ) -> Sequence[BookingView]:
        """Bookings by start: of one authority (none: all that the actor's countries have), of one case, in a span of
        time, in one state or ``open``."""
        wanted = select(Booking).order_by(Booking.starts_at, Booking.id).limit(limit)
        if authority is not None:
            wanted = wanted.where(Booking.authority == authority)
        wanted = wanted.where(Booking.briefing_id.is_(None))
        if case_id is not None:
            wanted = wanted.where(Booking.case_id == case_id)
        if start is not None:
            wanted = wanted.where(Booking.ends_at > start)
        if end is not None:
            wanted = wanted.where(Booking.starts_at < end)
        if state == "open":
            wanted = wanted.where(Booking.state.in_(OPEN))
        elif state is not None:
            wanted = wanted.where(Booking.state == BookingState(state))
        return await self.views(unit, (await unit.session.scalars(wanted)).all())


_WEIGHT = {"none": 0, "start": 1, "agreed": 2, "held": 3, "waiting": 4, "join": 5, "in_session": 6}


def _next_action(booking: Booking, now: datetime) -> str:
    """What the officer can do next about an open booking."""
    if booking.state is BookingState.IN_SESSION:
        return "in_session"
    if booking.state is BookingState.ASSIGNED:
        return "join" if join_opens_at(booking) <= now else "agreed"
    return "held" if booking.state is BookingState.HELD else "waiting"


async def _names(unit: ReadUnit, bookings: Sequence[Booking]) -> dict[str, InterpreterName]:
    ids = {booking.interpreter_id for booking in bookings if booking.interpreter_id is not None}
    if not ids:
        return {}
    rows = await unit.session.execute(
        select(Interpreter.id, Interpreter.code, Interpreter.level).where(Interpreter.id.in_(ids))
    )
    return {row.id: InterpreterName(code=row.code, level=row.level) for row in rows}


async def _legs(unit: ReadUnit, bookings: Sequence[Booking]) -> dict[str, list[LegView]]:
    """Who has the booking, or holds it, by leg; after its end who had it."""
    found: dict[str, list[LegView]] = defaultdict(list)
    rows = await unit.session.execute(
        select(
            Assignment.booking_id,
            Assignment.leg,
            Assignment.state,
            Assignment.expires_at,
            Interpreter.code,
            Interpreter.level,
        )
        .join(Interpreter, Interpreter.id == Assignment.interpreter_id)
        .where(
            Assignment.booking_id.in_([booking.id for booking in bookings]),
            Assignment.state.in_([*KEPT, AssignmentState.HONOURED]),
        )
        .order_by(Assignment.leg)
    )
    for row in rows:
        held = row.state is AssignmentState.HELD
        until = row.expires_at if held else None
        found[row.booking_id].append(LegView(leg=row.leg, code=row.code, level=row.level, held=held, until=until))
    return found


def _turns(booking: Booking) -> list[TurnView]:
    if Way(booking.way) is not Way.TEAM:
        return []
    short = bool(booking.need["short_blocks"] or booking.need["child"])
    minutes = int((booking.ends_at - booking.starts_at).total_seconds() // 60)
    return [
        TurnView(leg=turn.leg, starts_at=turn.starts_at, ends_at=turn.ends_at)
        for turn in swap_plan(booking.starts_at, minutes, short=short)
    ]


def rung_views(booking: Booking) -> list[RungView]:
    """The whole ladder: what is done, what runs now, what would come."""
    known = {int(entry["index"]): entry for entry in booking.rungs}
    over = booking.state not in (BookingState.REQUESTED, BookingState.OFFERING, BookingState.UNFILLED)
    found: list[RungView] = []
    kept = known.get(-1)
    if kept is not None and kept["state"] == "now" and not over:
        found.append(RungView(code=kept["code"], state="now", count=None, reason=kept["reason"], ends_at=None))
    for index, rung in enumerate(plan_of(booking.rungs)):
        entry = known.get(index)
        state = entry["state"] if entry else "later"
        ends_at = datetime.fromisoformat(entry["ends_at"]) if entry and entry["ends_at"] else None
        found.append(
            RungView(
                code=_RUNG_WORD.get(rung.kind.value, rung.kind.value),
                state="done" if over and state == "now" else state,
                count=entry["count"] if entry else None,
                reason=entry["reason"] if entry else None,
                ends_at=ends_at,
            )
        )
    found.append(RungView(code=_PARTNERS, state="later", count=None, reason=None, ends_at=None))
    return found


def _police(booking: Booking) -> PoliceView | None:
    """None for a step to which the rule does not apply."""
    if not booking.need["police_regime"]:
        return None
    return PoliceView(reference=booking.police_approval, by=booking.police_by, at=booking.police_at)


def _view(
    booking: Booking,
    offers: list[OfferBrief],
    name: InterpreterName | None,
    legs: list[LegView],
    expected: ExpectedView,
) -> BookingView:
    return BookingView(
        id=booking.id,
        case_id=booking.case_id,
        case_ref=booking.case_ref,
        step_id=booking.step_id,
        step_code=booking.step_code,
        country=booking.country,
        site=booking.site,
        kind=booking.kind,
        language=booking.language,
        priority=booking.priority,
        state=booking.state.value,
        requested_at=booking.requested_at,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        zone=booking.zone,
        round=booking.round,
        rungs=rung_views(booking),
        offers=offers,
        interpreter=name,
        interpreters=legs,
        way=booking.way,
        pivot=booking.pivot,
        relay_state=booking.relay_state,
        relay_by=booking.relay_by,
        police=_police(booking),
        turns=_turns(booking),
        series_id=booking.series_id,
        occurrence=booking.occurrence,
        hold_until=booking.hold_until,
        session_id=booking.session_id,
        join_opens_at=join_opens_at(booking) if booking.session_id else None,
        join_by=booking.join_by,
        expected=expected,
        callback=booking.callback,
        needs_coordinator=booking.needs_coordinator,
        unfilled_reason=booking.reason,
        wish=WishView(value=booking.need["sex_wish"], must=booking.need["sex_must"]),
        must_unmet=must_unmet(booking),
        purpose=booking.purpose,
        waiting=None,
        proposal=None,
    )
