"""Telephony for browsers: numbers (last two digits only), PINs, what coordinators see. The carrier's doors are ``telephony_carrier``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from core.db.session import ReadUnit, UnitOfWork
from core.errors import AppError, NotFound
from records.audit import AuditTrail
from records.models import Session
from scheduler.pool import regional
from signaling import places
from signaling.api.routing import guarded_router
from signaling.api.shapes import Country, In, Instant, Key, Out
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.calls import running_session
from signaling.deps import Svc, Who, home_country
from signaling.facts import base_country
from signaling.places import Place
from signaling.policy import demand, may_change_interpreter
from signaling.telephony.pins import LIFE
from signaling.telephony.port import MinuteCost

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
    confirmed: bool
    """Before that nobody is rung there."""
    cost: CostOut | None
    """None: the operator entered no price for this country."""


class CheckOut(Out):
    """The newest call for a confirmation."""

    state: str
    """queued, ringing, asked, ended."""
    why: str | None
    error: str | None


class CodeOut(Out):
    """The code that is typed on the telephone that is being called; shown once."""

    code: Annotated[str, Field(repr=False)]
    expires_at: Instant


class OwnNumber(Out):
    """A number on file, if there is one, and whether it is of any use here."""

    configured: bool
    texts: bool
    """Whether text messages are sent here."""
    number: NumberOut | None
    check: CheckOut | None
    """None: nobody was called for a confirmation within a day."""


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


class AilingOut(Out):
    """What is wrong at the carrier now."""

    code: str
    carrier_code: int | None
    at: Instant


class TextsOut(Out):
    """Text messages of the last week."""

    handed_over: int
    delivered: int
    failed: int
    error: str | None
    carrier_code: int | None


class TelephonyNow(Out):
    """Telephony in one line, for the live board."""

    configured: bool
    waiting: int
    ailing: AilingOut | None


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
    machine_locales: list[str]
    """Languages in which our own files are played, which a machine voice made."""
    costs: list[CostOut]
    waiting: int
    ailing: AilingOut | None
    texts: TextsOut | None
    """None: no sender of text messages is set up."""
    failed: list[FailedOut]
    spoken: list[SpokenOut]


class DialInOut(Out):
    """Whether one can call into one's own place of a session."""

    numbers: list[str]
    """Our numbers to call; empty where ``why_not`` says why nobody can."""
    minutes: int
    """So long a PIN is good."""
    why_not: str | None
    """telephony_not_configured, no_dial_in, phone_needs_open, phone_not_allowed."""


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
        waiting, ailing = await overview.waiting(unit), await overview.ailing(unit)
        texts = await overview.texts(unit)
    prices = {one.region: overview.cost_of(one.region) for one in spoken}
    return TelephonyStatus(
        configured=overview.provider.configured,
        provider=overview.provider.name,
        dial_in=able.dial_in,
        dial_in_numbers=list(able.dial_in_numbers),
        encrypted_to=able.encrypted_to,
        silent_locales=list(overview.silent_locales),
        machine_locales=list(able.own_voices),
        costs=[_cost(one) for one in overview.costs],
        waiting=waiting,
        ailing=None if ailing is None else AilingOut.model_validate(ailing, from_attributes=True),
        texts=None if texts is None else TextsOut.model_validate(texts, from_attributes=True),
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


@router.get("/api/telephony/now")
async def now(who: Who, services: Svc) -> TelephonyNow:
    """Whether calls go through at this moment."""
    overview = services.telephony.overview
    async with services.database.read(who.actor) as unit:
        waiting, ailing = await overview.waiting(unit), await overview.ailing(unit)
    return TelephonyNow(
        configured=overview.provider.configured,
        waiting=waiting,
        ailing=None if ailing is None else AilingOut.model_validate(ailing, from_attributes=True),
    )


@router.get("/api/interpreters/{interpreter_id}/phone")
async def interpreter_phone(interpreter_id: Key, who: Who, services: Svc) -> OwnNumber:
    """The last two digits of an interpreter's number."""
    async with services.database.read(who.actor) as unit:
        demand(may_change_interpreter(who, await base_country(unit, interpreter_id)), hidden="interpreter_unknown")
        return await _own(services, unit, interpreter_id=interpreter_id)


@router.put("/api/interpreters/{interpreter_id}/phone")
async def put_interpreter_phone(interpreter_id: Key, body: NumberBody, who: Who, services: Svc) -> OwnNumber:
    """Enter an interpreter's number, in place of an older one. It is used when it is confirmed."""
    async with services.database.unit(who.actor) as uow:
        country = await base_country(uow, interpreter_id)
        demand(may_change_interpreter(who, country), hidden="interpreter_unknown")
        await services.telephony.numbers.put(uow, body.number, interpreter_id=interpreter_id)
        services.audit.record(uow, "phone.entered", interpreter_id, country=country, purpose="coordination")
        return await _own(services, uow, interpreter_id=interpreter_id)


@router.post("/api/interpreters/{interpreter_id}/phone/confirm", status_code=201)
async def confirm_interpreter_phone(interpreter_id: Key, who: Who, services: Svc) -> CodeOut:
    """Call an interpreter's number; the interpreter types the code, which the coordinator tells them, on its keys."""
    async with services.database.unit(who.actor) as uow:
        country = await base_country(uow, interpreter_id)
        demand(may_change_interpreter(who, country), hidden="interpreter_unknown")
        made = await services.telephony.checks.begin(uow, country=country, interpreter_id=interpreter_id)
        services.audit.record(uow, "phone.check_called", interpreter_id, country=country, purpose="coordination")
    return CodeOut(code=made.code, expires_at=made.expires_at)


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
        return await _own(services, unit, **_owner(who))


@router.put("/api/me/phone")
async def put_own_phone(body: NumberBody, who: Who, services: Svc) -> OwnNumber:
    """Enter one's own number. It is used when it is confirmed."""
    async with services.database.unit(who.actor) as uow:
        await services.telephony.numbers.put(uow, body.number, **_owner(who))
        _note(services.audit, uow, "phone.entered", who)
        return await _own(services, uow, **_owner(who))


@router.post("/api/me/phone/confirm", status_code=201)
async def confirm_own_phone(who: Who, services: Svc) -> CodeOut:
    """Call one's own number; the code is typed on its keys."""
    async with services.database.unit(who.actor) as uow:
        made = await services.telephony.checks.begin(uow, country=home_country(who), **_owner(who))
        _note(services.audit, uow, "phone.check_called", who)
    return CodeOut(code=made.code, expires_at=made.expires_at)


@router.post("/api/me/phone/forget", status_code=204)
async def forget_own_phone(who: Who, services: Svc) -> None:
    """Delete one's own number."""
    async with services.database.unit(who.actor) as uow:
        if await services.telephony.numbers.forget(uow, **_owner(who)):
            _note(services.audit, uow, "phone.forgotten", who)


@router.get("/api/sessions/{session_id}/dial-in")
async def dial_in_ways(session_id: Key, who: Who, services: Svc) -> DialInOut:
    """Under which numbers one calls into one's own place of this session, or why one cannot. Makes no PIN."""
    async with services.database.read(regional(who.actor)) as unit:
        session, _ = await _own_seat(unit, session_id, who)
        why_not, numbers = None, list(services.telephony.legs.provider.capabilities.dial_in_numbers)
        try:
            _demand_dial_in(services, session)
        except AppError as refused:
            why_not, numbers = refused.code, []
    return DialInOut(numbers=numbers, minutes=int(LIFE.total_seconds()) // 60, why_not=why_not)


@router.post("/api/sessions/{session_id}/dial-in", status_code=201)
async def dial_in(session_id: Key, who: Who, services: Svc) -> PinOut:
    """A PIN with which one calls into one's own place of this session, once, within minutes."""
    telephony = services.telephony
    async with services.database.unit(regional(who.actor)) as uow:
        session, place = await _own_seat(uow, session_id, who)
        _demand_dial_in(services, session)
        made = await telephony.pins.make(uow, session_id, place.id, country=session.country, locale=who.locale)
    return PinOut(
        pin=made.pin,
        expires_at=made.expires_at,
        numbers=list(telephony.legs.provider.capabilities.dial_in_numbers),
    )


async def _own_seat(unit: ReadUnit, session_id: str, who: Principal) -> tuple[Session, Place]:
    """A session that is not over and the asker's place in it. Raises ``NotFound('session_unknown')``, ``Conflict('session_over')``."""
    session = await running_session(unit, session_id)
    place = await places.of_user(unit, session_id, who.user_id)
    if place is None:
        raise NotFound("session_unknown")
    return session, place


def _demand_dial_in(services: Services, session: Session) -> None:
    """Raises what ``LegService.demand_phone`` raises, and ``NotFound('no_dial_in')`` where no number of ours is set up."""
    legs = services.telephony.legs
    legs.demand_phone(session)
    if not legs.provider.capabilities.dial_in:
        raise NotFound("no_dial_in")


def _cost(cost: MinuteCost) -> CostOut:
    return CostOut(country=cost.country, currency=cost.currency, minor=cost.minor)


async def _own(
    services: Services, unit: ReadUnit, *, interpreter_id: str | None = None, user_id: str | None = None
) -> OwnNumber:
    overview, telephony = services.telephony.overview, services.telephony
    view = await telephony.numbers.view(unit, interpreter_id=interpreter_id, user_id=user_id)
    number = check = None
    if view is not None:
        price, seen = overview.cost_of(view.region), await telephony.checks.view(unit, view.id)
        number = NumberOut(
            last_two=view.last_two, region=view.region, set_at=view.set_at, confirmed=view.confirmed,
            cost=_cost(price) if price else None,
        )  # fmt: skip
        check = None if seen is None else CheckOut.model_validate(seen, from_attributes=True)
    configured, texts = overview.provider.configured, overview.texts_configured
    return OwnNumber(configured=configured, texts=texts, number=number, check=check)


def _owner(who: Principal) -> dict[str, str | None]:
    if who.interpreter_id is not None:
        return {"interpreter_id": who.interpreter_id}
    return {"user_id": who.user_id}


def _note(audit: AuditTrail, uow: UnitOfWork, action: str, who: Principal) -> None:
    audit.record(uow, action, who.user_id, country=home_country(who), purpose="own_account")
