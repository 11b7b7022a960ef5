"""Signing in and out, the own profile, and the ticket for the socket."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.responses import RedirectResponse

from core.access import Actor, Country, Role
from core.errors import NotFound, Unauthenticated
from records.sites import site_by_code, site_view
from signaling.api.routing import guarded_router
from signaling.api.shapes import In, Instant, Names, Out
from signaling.auth import tokens
from signaling.auth.logins import csrf_value
from signaling.auth.passwords import MAX_PASSWORD
from signaling.auth.principal import Principal
from signaling.auth.tokens import TokenKind
from signaling.bootstrap import Services
from signaling.deps import Svc, Who, home_country

router: APIRouter = guarded_router("sign-in")


class SignInBody(In):
    """Code and password."""

    code: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=MAX_PASSWORD)


class ProfileBody(In):
    """What people change about themselves."""

    locale: str = Field(max_length=12)


class OwnSite(Out):
    """The desk where somebody works."""

    code: str
    name: Names
    country: Country


class OwnMembership(Out):
    """A role in a country."""

    role: Role
    country: Country


class Me(Out):
    """The signed-in person."""

    user_id: str
    code: str
    locale: str
    site: OwnSite | None
    memberships: list[OwnMembership]
    csrf: str
    """Goes into ``X-CSRF-Token`` of every unsafe request."""
    interpreter_id: str | None


class SocketTicket(Out):
    """Opens the socket once."""

    ticket: str
    expires_at: Instant


@router.post("/api/sign-in")
async def sign_in(body: SignInBody, response: Response, services: Svc) -> Me:
    """Sign in. The answer never tells whether the code exists."""
    user_id = await services.accounts.prove(body.code, body.password)
    return await _start(services, response, user_id)


@router.post("/api/sign-out", status_code=204)
async def sign_out(who: Who, response: Response, services: Svc) -> None:
    """End this sign-in."""
    settings = services.settings
    async with services.database.unit(who.actor) as uow:
        await services.logins.end(uow, user_id=who.user_id, login_id=who.login_id)
        services.audit.record(uow, "user.signed_out", who.user_id, country=home_country(who), purpose="sign_in")
    response.delete_cookie(settings.session_cookie, secure=settings.secure, httponly=True, samesite="strict")


@router.get("/api/me")
async def me(request: Request, who: Who, services: Svc) -> Me:
    """The own profile."""
    return await _me(services, who, request.cookies[services.settings.session_cookie])


@router.patch("/api/me")
async def change_me(body: ProfileBody, request: Request, who: Who, services: Svc) -> Me:
    """Change the own language."""
    async with services.database.unit(who.actor) as uow:
        await services.accounts.change(uow, who.user_id, locale=body.locale)
    changed = replace(who, locale=body.locale)
    return await _me(services, changed, request.cookies[services.settings.session_cookie])


@router.post("/api/socket-ticket")
async def socket_ticket(who: Who, services: Svc) -> SocketTicket:
    """A ticket for the socket: single use, 30 seconds, worth nothing without the cookie."""
    async with services.database.unit(who.actor) as uow:
        issued = await tokens.issue(uow, TokenKind.SOCKET, user_id=who.user_id)
    return SocketTicket(ticket=issued.secret, expires_at=issued.expires_at)


@router.get("/demo/sign-in/{ticket}", include_in_schema=False)
async def demo_sign_in(ticket: str, services: Svc) -> Response:
    """Sign in by a link of the demo. Outside of demo mode there is no such address."""
    if not services.settings.demo:
        raise NotFound("not_found")
    async with services.database.read(Actor.system()) as unit:
        token = await tokens.read_demo(unit, ticket[:128])
    response = RedirectResponse("/", status_code=303)
    await _start(services, response, token.user_id or "")
    return response


async def _start(services: Services, response: Response, user_id: str) -> Me:
    """A sign-in for a user whose identity is proved, with its cookie."""
    settings = services.settings
    async with services.database.read(Actor.system()) as unit:
        who = await services.logins.principal_of(unit, user_id)
    if who is None:
        raise Unauthenticated("token_invalid")
    async with services.database.unit(who.actor) as uow:
        login = await services.logins.start(uow, user_id)
        services.audit.record(uow, "user.signed_in", user_id, country=home_country(who), purpose="sign_in")
    response.set_cookie(
        settings.session_cookie,
        login.secret,
        max_age=int(settings.auth.session_hours * 3600),
        secure=settings.secure,
        httponly=True,
        samesite="strict",
    )
    return await _me(services, who, login.secret)


async def _me(services: Services, who: Principal, secret: str) -> Me:
    site = None
    if who.actor.site is not None:
        async with services.database.read(who.actor) as unit:
            found = site_view(await site_by_code(unit, who.actor.site))
        site = OwnSite(code=found["code"], name=found["name"], country=Country(found["country"]))
    return Me(
        user_id=who.user_id,
        code=who.code,
        locale=who.locale,
        site=site,
        memberships=[
            OwnMembership(role=m.role, country=m.country)
            for m in sorted(who.actor.memberships, key=lambda m: (m.country, m.role))
        ],
        csrf=csrf_value(secret),
        interpreter_id=who.interpreter_id,
    )
