"""Asking for an interpreter, now or for a time, and following the search until somebody is found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from core.access import Actor, Role
from core.db.session import UnitOfWork
from core.errors import NotFound
from scheduler.bookings import NewBooking
from scheduler.models import Booking
from scheduler.pool import regional
from signaling.api.booking_models import (
    BookingList,
    BookingStateWord,
    BookingView,
    CancelBody,
    CandidateList,
    NewBookingBody,
    PlaceBody,
)
from signaling.api.routing import guarded_router
from signaling.api.shapes import InstantIn, Key
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.deps import IdempotencyKey, Svc, Who
from signaling.facts import booking_facts, case_facts
from signaling.policy import (
    BookingFacts,
    Verdict,
    demand,
    may_cancel_booking,
    may_change_case,
    may_dispatch_booking,
    may_read_booking,
    may_steer_booking,
)

router: APIRouter = guarded_router("bookings")


@router.post("/api/bookings", status_code=201)
async def request_booking(body: NewBookingBody, who: Who, services: Svc, key: IdempotencyKey = None) -> BookingView:
    """Ask for an interpreter for a step of a case of the own authority; the first round rings at once."""
    new = NewBooking(
        step_id=body.step_id,
        kind=body.kind,
        language=body.language,
        officer_language=who.officer_language,
        starts_at=body.starts_at,
        minutes=body.minutes,
        zone=body.zone,
        safety_only=body.safety_only,
        way=body.way,
    )
    async with services.database.unit(regional(who.actor)) as uow:
        demand(may_change_case(who, await case_facts(uow, body.case_id)), hidden="case_unknown")
        if body.slot and body.kind == "appointment":
            booking = await services.scheduler.appointments.book(uow, new, only_sure=body.sure, idempotency_key=key)
        else:
            booking = await services.scheduler.bookings.request(uow, new, idempotency_key=key)
        if booking.case_id != body.case_id:
            raise NotFound("step_unknown")
        data = {"step": booking.step_code, "kind": booking.kind, "language": booking.language}
        _record(services, uow, "booking.requested", booking.id, booking.country, data)
        return BookingView.model_validate(await services.scheduler.booking_views.view(uow, booking))


@router.get("/api/bookings")
async def list_bookings(
    who: Who,
    services: Svc,
    start: Annotated[InstantIn | None, Query(alias="from")] = None,
    to: InstantIn | None = None,
    state: BookingStateWord | Literal["open"] | None = None,
) -> BookingList:
    """Bookings of the own authority (interviewers) or country (coordinators), by start; at most 200."""
    found: dict[str, dict[str, Any]] = {}
    for actor, authority in _scopes(who):
        async with services.database.read(actor) as unit:
            rows = await services.scheduler.booking_views.list(
                unit, authority=authority, start=start, end=to, state=state
            )
        found |= {row["id"]: dict(row) for row in rows}
    shown = sorted(found.values(), key=lambda row: (row["starts_at"], row["id"]))
    return BookingList(items=[BookingView.model_validate(row) for row in shown])


@router.get("/api/bookings/{booking_id}")
async def read_booking(booking_id: Key, who: Who, services: Svc) -> BookingView:
    """One booking with its ladder and everybody who was asked, by code."""
    async with services.database.read(who.actor) as unit:
        demand(may_read_booking(who, await booking_facts(unit, booking_id)), hidden="booking_unknown")
        booking = await services.scheduler.bookings.get(unit, booking_id)
        return BookingView.model_validate(await services.scheduler.booking_views.view(unit, booking))


@router.post("/api/bookings/{booking_id}/cancel")
async def cancel_booking(booking_id: Key, body: CancelBody, who: Who, services: Svc) -> BookingView:
    """Stop looking, or give up what was agreed."""

    return await change_booking(
        services,
        who,
        booking_id,
        may_cancel_booking,
        "booking.cancelled",
        lambda uow: services.scheduler.bookings.cancel(uow, booking_id, reason=body.reason),
        {"reason": body.reason},
    )


@router.post("/api/bookings/{booking_id}/callback")
async def call_back(booking_id: Key, who: Who, services: Svc) -> BookingView:
    """Go on looking in the background; the officer is told when somebody is found."""

    return await change_booking(
        services,
        who,
        booking_id,
        may_steer_booking,
        "booking.callback_asked",
        lambda uow: services.scheduler.bookings.callback(uow, booking_id),
    )


@router.post("/api/bookings/{booking_id}/replace")
async def replace_interpreter(booking_id: Key, who: Who, services: Svc) -> BookingView:
    """The interpreter is lost or stepped back: look for another one; the session stays."""

    return await change_booking(
        services,
        who,
        booking_id,
        may_steer_booking,
        "booking.replacement_asked",
        lambda uow: services.scheduler.conduct.replace(uow, booking_id),
    )


@router.get("/api/bookings/{booking_id}/candidates")
async def candidates(booking_id: Key, who: Who, services: Svc) -> CandidateList:
    """Everybody who could or could not take the booking, with the whole explanation. For coordinators."""
    async with services.database.unit(regional(who.actor)) as uow:
        facts = await booking_facts(uow, booking_id)
        demand(may_dispatch_booking(who, facts), hidden="booking_unknown")
        found = await services.scheduler.board.candidates(uow, await services.scheduler.bookings.get(uow, booking_id))
        _record(services, uow, "booking.candidates_viewed", booking_id, facts.country)
    return CandidateList.model_validate({"items": found})


@router.post("/api/bookings/{booking_id}/widen")
async def widen_search(booking_id: Key, who: Who, services: Svc) -> BookingView:
    """Start the search anew from the first rung. For coordinators."""

    return await change_booking(
        services,
        who,
        booking_id,
        may_dispatch_booking,
        "booking.widened",
        lambda uow: services.scheduler.bookings.widen(uow, booking_id),
    )


@router.post("/api/bookings/{booking_id}/place")
async def place_by_hand(booking_id: Key, body: PlaceBody, who: Who, services: Svc) -> BookingView:
    """Give the booking to somebody; every rule is checked again. For coordinators."""

    data = {"interpreter_id": body.interpreter_id}
    return await change_booking(
        services,
        who,
        booking_id,
        may_dispatch_booking,
        "booking.placed",
        lambda uow: services.scheduler.bookings.place(
            uow, booking_id, interpreter_id=body.interpreter_id, second_id=body.second_id
        ),
        data,
    )


async def change_booking(
    services: Services,
    who: Principal,
    booking_id: str,
    policy: Callable[[Principal, BookingFacts], Verdict],
    action: str,
    change: Callable[[UnitOfWork], Awaitable[Booking]],
    data: dict[str, Any] | None = None,
) -> BookingView:
    """Ask the policy, change the booking, note it. The unit sees both countries: interpreters and their work are regional."""
    async with services.database.unit(regional(who.actor)) as uow:
        facts = await booking_facts(uow, booking_id)
        demand(policy(who, facts), hidden="booking_unknown")
        booking = await change(uow)
        _record(services, uow, action, booking_id, facts.country, data)
        return BookingView.model_validate(await services.scheduler.booking_views.view(uow, booking))


def _scopes(who: Principal) -> list[tuple[Actor, str | None]]:
    """What a list covers: whole countries as coordinator, the own authority as interviewer; each under its own filter."""
    scopes: list[tuple[Actor, str | None]] = []
    if who.countries_as(Role.COORDINATOR):
        scopes.append((_only(who, Role.COORDINATOR), None))
    if who.countries_as(Role.INTERVIEWER) and who.authority is not None:
        scopes.append((_only(who, Role.INTERVIEWER), who.authority))
    return scopes


def _only(who: Principal, role: Role) -> Actor:
    return replace(who.actor, memberships=frozenset(m for m in who.actor.memberships if m.role is role))


def _record(
    services: Services, uow: UnitOfWork, action: str, booking_id: str, country: str, data: dict[str, Any] | None = None
) -> None:
    services.audit.record(uow, action, booking_id, country=country, purpose="casework", data=data)
