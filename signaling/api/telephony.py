"""Telephony: numbers (last two digits only), PINs, what coordinators see, and the doors through which a carrier comes.

The carrier's routes answer with documents of its own and are let in by its signature; nothing of them is for browsers.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, WebSocket
from pydantic import Field
from starlette.responses import Response

from core.db.session import UnitOfWork
from core.errors import NotFound
from records.audit import AuditTrail
from scheduler.pool import regional
from signaling import places
from signaling.api.routing import guarded_router
from signaling.api.shapes import Country, In, Instant, Key, Out
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.calls import running_session
from signaling.deps import Svc, Who, home_country
from signaling.facts import base_country
from signaling.policy import demand, may_change_interpreter
from signaling.telephony.numbers import NumberView
from signaling.telephony.port import MinuteCost
from signaling.telephony.twilio_front import STREAM_PATH, Form, TwilioFront
from signaling.telephony.twilio_markup import CONTENT_TYPE
from signaling.telephony.twilio_stream import TwilioStreams

router: APIRouter = guarded_router("telephony")


class NumberBody(In):
    """A telephone number as people write it; stored sealed, never shown again."""

    number: Annotated[str, Field(min_length=6, max_length=40, repr=False)]


class CostOut(Out):
    """Price of a minute, in thousandths of the currency."""

    country: str
    currency: str
    minor: int


class NumberOut(Out):
    """What may be shown of a number."""

    last_two: str
    region: str
    set_at: Instant
    cost: CostOut | None
    """None: the operator entered no price for this country."""


class OwnNumber(Out):
    """A number on file, if there is one, and whether it is of any use here."""

    configured: bool
    number: NumberOut | None


class FailedOut(Out):
    """A call of the last week that did not become a conversation."""

    id: str
    at: Instant
    country: Country
    reason: str
    region: str
    why: str
    error: str | None
    carrier_code: int | None
    interpreter_id: str | None


class SpokenOut(Out):
    """Calls and begun minutes of the last week to one country, and what they cost at the entered price."""

    region: str
    calls: int
    minutes: int
    currency: str | None
    minor: int | None


class TelephonyStatus(Out):
    """Telephony as coordinators see it."""

    configured: bool
    provider: str
    dial_in: bool
    dial_in_numbers: list[str]
    """Our own."""
    encrypted_to: str
    """gateway, trunk or nobody: how far sound is encrypted."""
    silent_locales: list[str]
    """Languages in which the carrier cannot speak: English is said there."""
    costs: list[CostOut]
    waiting: int
    failed: list[FailedOut]
    spoken: list[SpokenOut]


class PinOut(Out):
    """A PIN for one call; shown once."""

    pin: Annotated[str, Field(repr=False)]
    expires_at: Instant
    numbers: list[str]


@router.get("/api/telephony/status")
async def status(who: Who, services: Svc) -> TelephonyStatus:
    """What is configured, what it costs, and which calls failed and why."""
    overview = services.telephony.overview
    able = overview.provider.capabilities
    async with services.database.read(who.actor) as unit:
        failed, spoken = await overview.failed(unit), await overview.spoken(unit)
        waiting = await overview.waiting(unit)
    prices = {one.region: overview.cost_of(one.region) for one in spoken}
    return TelephonyStatus(
        configured=overview.provider.configured,
        provider=overview.provider.name,
        dial_in=able.dial_in,
        dial_in_numbers=list(able.dial_in_numbers),
        encrypted_to=able.encrypted_to,
        silent_locales=list(overview.silent_locales),
        costs=[_cost(one) for one in overview.costs],
        waiting=waiting,
        failed=[FailedOut.model_validate(one, from_attributes=True) for one in failed],
        spoken=[
            SpokenOut(
                region=one.region,
                calls=one.calls,
                minutes=one.minutes,
                currency=price.currency if (price := prices[one.region]) else None,
                minor=one.minutes * price.minor if price else None,
            )
            for one in spoken
        ],
    )


@router.get("/api/interpreters/{interpreter_id}/phone")
async def interpreter_phone(interpreter_id: Key, who: Who, services: Svc) -> OwnNumber:
    """The last two digits of an interpreter's number."""
    async with services.database.read(who.actor) as unit:
        demand(may_change_interpreter(who, await base_country(unit, interpreter_id)), hidden="interpreter_unknown")
        view = await services.telephony.numbers.view(unit, interpreter_id=interpreter_id)
    return _own(services, view)


@router.put("/api/interpreters/{interpreter_id}/phone")
async def put_interpreter_phone(interpreter_id: Key, body: NumberBody, who: Who, services: Svc) -> OwnNumber:
    """Enter an interpreter's number, in place of an older one."""
    async with services.database.unit(who.actor) as uow:
        country = await base_country(uow, interpreter_id)
        demand(may_change_interpreter(who, country), hidden="interpreter_unknown")
        view = await services.telephony.numbers.put(uow, body.number, interpreter_id=interpreter_id)
        services.audit.record(uow, "phone.entered", interpreter_id, country=country, purpose="coordination")
    return _own(services, view)


@router.post("/api/interpreters/{interpreter_id}/phone/forget", status_code=204)
async def forget_interpreter_phone(interpreter_id: Key, who: Who, services: Svc) -> None:
    """Delete an interpreter's number."""
    async with services.database.unit(who.actor) as uow:
        country = await base_country(uow, interpreter_id)
        demand(may_change_interpreter(who, country), hidden="interpreter_unknown")
        if await services.telephony.numbers.forget(uow, interpreter_id=interpreter_id):
            services.audit.record(uow, "phone.forgotten", interpreter_id, country=country, purpose="coordination")


@router.get("/api/me/phone")
async def own_phone(who: Who, services: Svc) -> OwnNumber:
    """The last two digits of one's own number."""
    async with services.database.read(who.actor) as unit:
        view = await services.telephony.numbers.view(unit, **_owner(who))
    return _own(services, view)


@router.put("/api/me/phone")
async def put_own_phone(body: NumberBody, who: Who, services: Svc) -> OwnNumber:
    """Enter one's own number."""
    async with services.database.unit(who.actor) as uow:
        view = await services.telephony.numbers.put(uow, body.number, **_owner(who))
        _note(services.audit, uow, "phone.entered", who)
    return _own(services, view)


@router.post("/api/me/phone/forget", status_code=204)
async def forget_own_phone(who: Who, services: Svc) -> None:
    """Delete one's own number."""
    async with services.database.unit(who.actor) as uow:
        if await services.telephony.numbers.forget(uow, **_owner(who)):
            _note(services.audit, uow, "phone.forgotten", who)


@router.post("/api/sessions/{session_id}/dial-in", status_code=201)
async def dial_in(session_id: Key, who: Who, services: Svc) -> PinOut:
    """A PIN with which one calls into one's own place of this session, once, within minutes."""
    telephony = services.telephony
    async with services.database.unit(regional(who.actor)) as uow:
        session = await running_session(uow, session_id)
        place = await places.of_user(uow, session_id, who.user_id)
        if place is None:
            raise NotFound("session_unknown")
        telephony.legs.demand_phone(session)
        able = telephony.legs.provider.capabilities
        if not able.dial_in:
            raise NotFound("no_dial_in")
        made = await telephony.pins.make(uow, session_id, place.id, country=session.country, locale=who.locale)
    return PinOut(pin=made.pin, expires_at=made.expires_at, numbers=list(able.dial_in_numbers))


@router.post("/telephony/legs/{leg_id}/lifted", include_in_schema=False)
async def lifted(leg_id: Key, request: Request, services: Svc) -> Response:
    """Twilio: somebody lifted."""
    front, form = await _signed(request, services)
    return _document(await front.lifted(leg_id, form))


@router.post("/telephony/legs/{leg_id}/keys", include_in_schema=False)
async def keys(leg_id: Key, request: Request, services: Svc) -> Response:
    """Twilio: keys were pressed."""
    front, form = await _signed(request, services)
    return _document(await front.keys(leg_id, form))


@router.post("/telephony/legs/{leg_id}/waited", include_in_schema=False)
async def waited(leg_id: Key, request: Request, services: Svc) -> Response:
    """Twilio: a wait or a stream is over."""
    front, form = await _signed(request, services)
    return _document(await front.waited(leg_id, form))


@router.post("/telephony/waited", include_in_schema=False)
async def refreshed(request: Request, services: Svc) -> Response:
    """Twilio: a wait was broken."""
    front, form = await _signed(request, services)
    return _document(await front.refreshed(form))


@router.post("/telephony/dial-in", include_in_schema=False)
async def called_in(request: Request, services: Svc) -> Response:
    """Twilio: somebody calls one of our numbers."""
    front, form = await _signed(request, services)
    return _document(await front.dialled_in(form))


@router.post("/telephony/legs/{leg_id}/status", include_in_schema=False, status_code=204)
async def leg_status(leg_id: Key, request: Request, services: Svc) -> None:
    """Twilio: news of a call that we placed."""
    front, form = await _signed(request, services)
    await front.status(leg_id, form)


@router.post("/telephony/status", include_in_schema=False, status_code=204)
async def call_status(request: Request, services: Svc) -> None:
    """Twilio: news of a call that came in."""
    front, form = await _signed(request, services)
    await front.status(None, form)


def stream_router(streams: TwilioStreams | None) -> APIRouter:
    """The endpoint of media streams; there is none without Twilio."""
    api = APIRouter()
    if streams is None:
        return api
    serving = streams

    @api.websocket(STREAM_PATH)
    async def media(websocket: WebSocket) -> None:
        await serving.serve(websocket)

    return api


async def _signed(request: Request, services: Services) -> tuple[TwilioFront, Form]:
    """The form, if it is signed. Raises ``NotFound('not_found')`` where Twilio is not the carrier."""
    front = services.telephony.front
    if front is None:
        raise NotFound("not_found")
    return front, front.form(request.url.path, request.url.query, await request.body(), request.headers)


def _document(text: str) -> Response:
    return Response(text, media_type=CONTENT_TYPE)


def _cost(cost: MinuteCost) -> CostOut:
    return CostOut(country=cost.country, currency=cost.currency, minor=cost.minor)


def _own(services: Services, view: NumberView | None) -> OwnNumber:
    overview = services.telephony.overview
    if view is None:
        return OwnNumber(configured=overview.provider.configured, number=None)
    price = overview.cost_of(view.region)
    number = NumberOut(
        last_two=view.last_two, region=view.region, set_at=view.set_at, cost=_cost(price) if price else None
    )
    return OwnNumber(configured=overview.provider.configured, number=number)


def _owner(who: Principal) -> dict[str, str | None]:
    if who.interpreter_id is not None:
        return {"interpreter_id": who.interpreter_id}
    return {"user_id": who.user_id}


def _note(audit: AuditTrail, uow: UnitOfWork, action: str, who: Principal) -> None:
    audit.record(uow, action, who.user_id, country=home_country(who), purpose="own_account")
