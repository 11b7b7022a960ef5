"""The interpreter's own day: home, presence, devices, offers, agreed work. Nothing here names a case, a person or an officer."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from core.access import Country
from core.db.session import UnitOfWork
from core.errors import Forbidden, Invalid
from records.stages import Stage
from scheduler.lifecycle import DeclineReason
from scheduler.pool import regional
from signaling.api.routing import guarded_router
from signaling.api.shapes import In, Instant, InstantIn, Key, Out
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.deps import Svc, Who, home_country
from signaling.facts import Asked, assigned_to, offered_to
from signaling.policy import demand, may_answer_for

router: APIRouter = guarded_router("interpreter")
_FARTHEST = timedelta(days=92)
"""Longest span of assignments that is listed at once."""


class PresenceBody(In):
    """The availability switch."""

    wanted: Literal["available", "away"]


class DevicesBody(In):
    """The result of a check of microphone, camera and line."""

    ok: bool


class AcceptBody(In):
    """Accepting: the round that rang, and the answer to the question about conflicts of interest (domain 3.5)."""

    round: Annotated[int, Field(ge=1)]
    no_conflict: Literal[True]


class DeclineBody(In):
    """Declining: about the moment, or a reason that bars from the case for good (M-5)."""

    round: Annotated[int, Field(ge=1)]
    reason: Literal[
        "not_now", "knows_person", "related", "same_centre", "community_tension", "safety", "language", "other"
    ]


class ReleaseBody(In):
    """Why agreed work is given back."""

    reason: Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,19}$")]


class PresenceOut(Out):
    """Availability."""

    wanted: Literal["available", "away"]
    state: Literal["available", "busy", "away"]
    since: Instant


class WhoOut(Out):
    """Who will be interpreted for, as far as it matters before accepting."""

    age: Literal["child", "adult"]
    wish: Literal["none", "woman", "man"]


class OfferView(Out):
    """A ring or the offer of an appointment: coarse facts only."""

    id: str
    round: int
    kind: Literal["now", "appointment"]
    language: str
    officer_language: str
    stage: Stage
    minutes: int
    country: Country
    authority_kind: str
    who: WhoOut
    mode: Literal["open", "sealed"]
    video: bool
    sent_at: Instant
    expires_at: Instant
    ring_s: int
    starts_at: Instant | None
    zone: str
    briefing: bool
    """Information to groups at several posts; nobody is interviewed."""
    purpose: Literal["language"] | None
    """language: only the language is to be found out (M-12)."""
    candidates: list[str]
    """Of such a call: the languages that it may be, the likeliest first."""


class AssignmentView(Out):
    """Agreed work."""

    id: str
    booking_id: str
    session_id: str | None
    stage: Stage
    language: str
    starts_at: Instant
    ends_at: Instant
    zone: str
    state: Literal["confirmed", "join_open", "live", "done", "released"]
    country: Country
    briefing: bool
    """A group briefing: the room is another page."""


class AskedTimeOut(Out):
    """Another time for an agreed appointment."""

    id: str
    language: str
    country: Country
    zone: str
    stands: Instant
    """When it begins as it is agreed."""
    starts_at: Instant
    ends_at: Instant
    expires_at: Instant


class AskedTimes(Out):
    """What one is asked, the soonest to end first."""

    items: list[AskedTimeOut]


class TimeAnswerBody(In):
    """Whether one can come at the other time."""

    accept: bool


class AssignmentList(Out):
    """Agreed work in a span of time."""

    items: list[AssignmentView]


class Held(Out):
    """Accepted, while the second interpreter is looked for."""

    booking_id: str
    kind: Literal["now", "appointment"]
    until: Instant | None


class Home(Out):
    """Everything on the interpreter's home page."""

    interpreter_id: str
    code: str
    presence: PresenceOut
    ring: OfferView | None
    today: list[AssignmentView]
    offers: list[OfferView]
    minutes_today: int
    max_minutes: int
    next_break_min: int | None
    devices_checked_at: Instant | None
    zone: str
    live_session_id: str | None
    held: Held | None


class Accepted(Out):
    """The interpreter was first."""

    session_id: str | None
    """None while a second interpreter is still looked for (relay, team)."""
    booking_id: str
    starts_at: Instant
    join_by: Instant


@router.get("/api/interpreter/home")
async def home(who: Who, services: Svc) -> Home:
    """The own day."""
    async with services.database.read(regional(who.actor)) as unit:
        return Home.model_validate(await services.scheduler.interpreter_views.home(unit, own_profile(who)))


@router.put("/api/interpreter/presence")
async def set_presence(body: PresenceBody, who: Who, services: Svc) -> PresenceOut:
    """Be reachable, or not."""
    interpreter_id = own_profile(who)
    async with services.database.unit(regional(who.actor)) as uow:
        view = await services.scheduler.presence.set_wanted(uow, interpreter_id, wanted=body.wanted)
        services.audit.record(
            uow,
            "presence.set",
            interpreter_id,
            country=home_country(who).value,
            purpose="interpreting",
            data={"wanted": body.wanted},
        )
    return PresenceOut.model_validate(view)


@router.post("/api/interpreter/devices", status_code=204)
async def note_devices(body: DevicesBody, who: Who, services: Svc) -> None:
    """Note that devices were checked; good for 24 hours."""
    async with services.database.unit(who.actor) as uow:
        await services.scheduler.pool.devices_checked(uow, own_profile(who), ok=body.ok)


@router.post("/api/offers/{offer_id}/accept")
async def accept_offer(offer_id: Key, body: AcceptBody, who: Who, services: Svc) -> Accepted:
    """Take the booking, if nobody was faster; the same accept again gives the same answer."""

    async def attempt() -> Accepted:
        async with services.database.unit(regional(who.actor)) as uow:
            asked = await _asked(uow, who, offer_id)
            answer = await services.scheduler.offers.accept(
                uow, offer_id, interpreter_id=asked.interpreter_id, round_no=body.round
            )
            _record(services, uow, "offer.accepted", offer_id, asked)
        return Accepted.model_validate(answer)

    # Those who lose against the winner in a deadlock are told so, instead of a failure.
    return await services.database.retry(attempt)


@router.post("/api/offers/{offer_id}/decline", status_code=204)
async def decline_offer(offer_id: Key, body: DeclineBody, who: Who, services: Svc) -> None:
    """Say no, freely. The officer sees "not now" and nothing more."""
    async with services.database.unit(regional(who.actor)) as uow:
        asked = await _asked(uow, who, offer_id)
        await services.scheduler.offers.decline(
            uow,
            offer_id,
            interpreter_id=asked.interpreter_id,
            round_no=body.round,
            reason=DeclineReason(body.reason),
        )
        _record(services, uow, "offer.declined", offer_id, asked)


@router.get("/api/interpreter/assignments")
async def list_assignments(
    who: Who, services: Svc, start: Annotated[InstantIn, Query(alias="from")], to: InstantIn
) -> AssignmentList:
    """Agreed and done work in a span of time of at most a quarter."""
    if not start < to <= start + _FARTHEST:
        raise Invalid("time_order")
    async with services.database.read(regional(who.actor)) as unit:
        found = await services.scheduler.interpreter_views.assignments(unit, own_profile(who), start=start, end=to)
    return AssignmentList(items=[AssignmentView.model_validate(one) for one in found])


@router.get("/api/interpreter/times")
async def list_times(who: Who, services: Svc) -> AskedTimes:
    """Other times for agreed appointments, for which one is asked."""
    async with services.database.read(regional(who.actor)) as unit:
        found = await services.scheduler.proposals.of_interpreter(unit, own_profile(who))
    return AskedTimes(items=[AskedTimeOut.model_validate(one) for one in found])


@router.post("/api/interpreter/times/{proposal_id}/answer", status_code=204)
async def answer_time(proposal_id: Key, body: TimeAnswerBody, who: Who, services: Svc) -> None:
    """Yes, and the appointment is moved; or no, and the old time stands."""
    async with services.database.unit(regional(who.actor)) as uow:
        row = await services.scheduler.proposals.get(uow, proposal_id)
        demand(may_answer_for(who, row.interpreter_id), hidden="proposal_unknown")
        asked = Asked(row.interpreter_id, row.booking_id, row.country)
        await services.scheduler.proposals.answer(uow, proposal_id, accept=body.accept)
        word = "accepted" if body.accept else "declined"
        _record(services, uow, f"assignment.time_{word}", proposal_id, asked)


@router.post("/api/assignments/{assignment_id}/release", status_code=204)
async def release_assignment(assignment_id: Key, body: ReleaseBody, who: Who, services: Svc) -> None:
    """Give agreed work back; somebody else is looked for at once."""
    async with services.database.unit(regional(who.actor)) as uow:
        asked = await assigned_to(uow, assignment_id)
        demand(may_answer_for(who, asked.interpreter_id), hidden="assignment_unknown")
        booking = await services.scheduler.bookings.get(uow, asked.booking_id)
        giver = asked.interpreter_id
        if giver not in [row.interpreter_id for row in await services.scheduler.bookings.kept(uow, booking)]:
            return
        await services.scheduler.conduct.release(uow, asked.booking_id, reason=body.reason, who=giver)
        _record(services, uow, "assignment.released", assignment_id, asked)


def own_profile(who: Principal) -> str:
    """The own profile. Raises ``Forbidden('no_profile')`` for an account that no profile belongs to."""
    if who.interpreter_id is None:
        raise Forbidden("no_profile")
    return who.interpreter_id


async def _asked(uow: UnitOfWork, who: Principal, offer_id: str) -> Asked:
    asked = await offered_to(uow, offer_id)
    demand(may_answer_for(who, asked.interpreter_id), hidden="offer_unknown")
    return asked


def _record(services: Services, uow: UnitOfWork, action: str, subject: str, asked: Asked) -> None:
    data = {"booking_id": asked.booking_id}
    services.audit.record(uow, action, subject, country=asked.country, purpose="interpreting", data=data)
