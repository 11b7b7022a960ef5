"""What operators do from the command line: first accounts, new passwords, checks of the chains. Everything is audited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from sqlalchemy import select

from core.access import Actor, Country, Membership, Role
from core.db import migrate as migrations
from core.db.session import UnitOfWork
from core.errors import AppError, Invalid, Unavailable
from core.i18n import Catalogues
from core.settings import Settings
from records.models import Session
from records.procedures import CatalogueError
from signaling.auth.accounts import Account
from signaling.bootstrap import Services, build, catalogue_folder

OPERATOR = replace(Actor.system(), id="operator", code="operator")
"""Whoever has the command line; the audit trail shows this code."""


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Services]:
    """Services without their background work. Raises ``Unavailable('database_not_migrated')``."""
    if await asyncio.to_thread(migrations.current, settings.database_url) != migrations.head():
        raise Unavailable("database_not_migrated")
    services = build(settings)
    try:
        yield services
    finally:
        await services.close()


async def add_user(
    settings: Settings,
    code: str,
    roles: Sequence[str],
    password: str,
    *,
    site: str | None = None,
    locale: str = "en",
    officer_language: str = "srp",
) -> Account:
    """Add an account; ``roles`` are written ``administrator:RS``."""
    memberships = [parse_role(text) for text in roles]
    async with opened(settings) as services:
        hashed = await services.accounts.hashed(password, code=code)
        async with services.database.unit(OPERATOR) as uow:
            account = await services.accounts.create(
                uow,
                code=code,
                memberships=memberships,
                password_hash=hashed,
                site=site,
                locale=locale,
                officer_language=officer_language,
            )
            _record(services, uow, "user.created", account)
        return account


async def set_password(settings: Settings, code: str, password: str) -> None:
    """A new password; all sign-ins of the account end."""
    async with opened(settings) as services:
        hashed = await services.accounts.hashed(password, code=code)
        async with services.database.unit(OPERATOR) as uow:
            account = await services.accounts.by_code(uow, code)
            await services.accounts.change(uow, account.user_id, password_hash=hashed)
            await services.logins.end(uow, user_id=account.user_id)
            _record(services, uow, "user.password_set", account)


async def disable_user(settings: Settings, code: str, *, disabled: bool) -> None:
    """Lock an account out, or let it in again."""
    async with opened(settings) as services, services.database.unit(OPERATOR) as uow:
        account = await services.accounts.by_code(uow, code)
        await services.accounts.change(uow, account.user_id, disabled=disabled, unlock=not disabled)
        if disabled:
            await services.logins.end(uow, user_id=account.user_id)
        _record(services, uow, "user.disabled" if disabled else "user.enabled", account)


async def verify_records(settings: Settings) -> list[str]:
    """Broken chains: audit trails by country, then sealed session logs; one line each."""
    faults: list[str] = []
    async with opened(settings) as services, services.database.read(Actor.system()) as unit:
        for country in Country:
            broken = await services.audit.verify_chain(unit, country=country.value)
            if broken is not None:
                faults.append(f"audit trail {country.value}, entry {broken.seq}: {broken.fault.value}")
        sealed = await unit.session.scalars(
            select(Session.id).where(Session.seal_hash.is_not(None)).order_by(Session.id)
        )
        for session_id in sealed.all():
            chain = (await services.session_log.record(unit, session_id))["chain"]
            if not chain["ok"]:
                faults.append(f"session {session_id}, entry {chain['broken_at']}")
    return faults


def parse_role(text: str) -> Membership:
    """``administrator:RS``. Raises ``Invalid('role_malformed')``."""
    role, _, country = text.partition(":")
    try:
        return Membership(Role(role.strip().lower()), Country(country.strip().upper()))
    except ValueError:
        raise Invalid("role_malformed", {"text": text[:40]}) from None


def sentence(error: Exception) -> str:
    """What to tell an operator about a refusal."""
    if isinstance(error, CatalogueError):
        return f"The procedure catalogue is wrong. {error}"
    if not isinstance(error, AppError):
        return str(error)
    if error.code == "database_not_migrated":
        return "The database has no tables yet, or older ones. Run: tarjuman migrate"
    texts = Catalogues.read(catalogue_folder())
    found = texts.text(f"error.{error.code}", "en", error.params)
    return f"{found or 'That did not work.'} ({error.code})"


def _record(services: Services, uow: UnitOfWork, action: str, account: Account) -> None:
    for country in sorted({m.country for m in account.memberships}):
        data = {"code": account.code}
        services.audit.record(uow, action, account.user_id, country=country.value, purpose="administration", data=data)
