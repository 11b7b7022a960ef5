"""What routes are given: the services, the signed-in person, and the door that everybody passes first."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Header, Request

from core.access import Country, Role
from core.errors import Forbidden, Unauthenticated
from signaling.auth.logins import SignedIn
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.doors import Door, Entry
from signaling.origin import check_own_page

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def get_services(request: Request) -> Services:
    """The services of this process."""
    found: Services = request.app.state.services
    return found


def get_signed_in(request: Request) -> SignedIn:
    """The valid sign-in of this request. Raises ``Unauthenticated`` (the door has let through only signed-in people here)."""
    found: SignedIn | None = getattr(request.state, "signed_in", None)
    if found is None:
        raise Unauthenticated("unauthenticated")
    return found


def get_principal(request: Request) -> Principal:
    """The signed-in person."""
    return get_signed_in(request).principal


Svc = Annotated[Services, Depends(get_services)]
Login = Annotated[SignedIn, Depends(get_signed_in)]
Who = Annotated[Principal, Depends(get_principal)]
IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=8, max_length=80, pattern=r"^[A-Za-z0-9_.:-]+$")
]
"""Chosen by the client; the same key again gives the first answer again."""


def home_country(who: Principal) -> Country:
    """The country in whose audit trail a person's own doings stand: the desk's, else the first of their countries."""
    site = (who.actor.site or "")[:2]
    return Country(site) if site in Country.__members__ else min(who.actor.countries)


async def pass_door(request: Request, door: Door) -> None:
    """Find out who is asking, count the request, and let it in or raise: limits, sign-in, role, same page, CSRF value."""
    services = get_services(request)
    address = request.client.host if request.client else "unknown"
    if door.entry is Entry.OPERATIONS:
        _operator_only(request, address)
        return
    if door.entry is Entry.SIGNED:
        return
    signed_in = await _find_login(request, services)
    request.state.signed_in = signed_in
    asker = f"user:{signed_in.principal.user_id}" if signed_in is not None else f"address:{address}"
    await services.limits.count(door.limit, asker if door.entry is not Entry.ANYONE else f"address:{address}")
    if request.method not in _SAFE:
        check_own_page(services.settings, request.headers)
    if door.entry in {Entry.ANYONE, Entry.TOKEN}:
        return
    if signed_in is None:
        raise Unauthenticated("unauthenticated")
    if (
        request.method not in _SAFE
        and door.csrf
        and not signed_in.csrf_matches(request.headers.get("x-csrf-token", ""))
    ):
        raise Forbidden("csrf_mismatch")
    if door.entry is Entry.ROLES:
        if not (signed_in.principal.actor.roles & door.roles):
            raise Forbidden("forbidden")
        request.state.signed_in = _in_role(signed_in, door.roles)


async def _find_login(request: Request, services: Services) -> SignedIn | None:
    secret = request.cookies.get(services.settings.session_cookie)
    return await services.logins.find(secret) if secret else None


def _in_role(signed_in: SignedIn, roles: frozenset[Role]) -> SignedIn:
    """The sign-in with the roles of the door alone: who coordinates in one country and audits in the other sees the board of the
    first only, because a unit of work sees every country of its actor."""
    actor = signed_in.principal.actor
    held = frozenset(membership for membership in actor.memberships if membership.role in roles)
    return replace(signed_in, principal=replace(signed_in.principal, actor=replace(actor, memberships=held)))


def _operator_only(request: Request, address: str) -> None:
    """Numbers are for the inside: loopback and private networks, and not through a proxy that tells where it came from."""
    if request.url.path != "/metrics":
        return
    try:
        inside = ipaddress.ip_address(address).is_private
    except ValueError:
        inside = address in {"localhost", "testclient"}
    if not inside or "x-forwarded-for" in request.headers:
        raise Forbidden("forbidden")
