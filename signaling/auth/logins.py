"""Sign-ins: opaque server-side sessions behind a cookie, with idle and absolute expiry, revocation and a CSRF value.

No JWT: taking a sign-in back must work at once. The row holds hashes only; the CSRF value is derived from the cookie's secret.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update

from core.access import Actor, Country, Membership
from core.clock import Clock
from core.db.session import Database, ReadUnit, UnitOfWork
from core.settings import AuthSettings
from scheduler.models import Interpreter
from signaling.auth.models import Login, User
from signaling.auth.principal import Principal
from signaling.auth.tokens import token_hash

_TOUCH = timedelta(minutes=1)
"""How exact the time of the last use is; a write per request would be too much."""
_KEPT = timedelta(days=1)
REVOKED_EVENT = "login.revoked"
"""Event ``{user_id, login_id: str | None}`` (none: all of the user's); sockets of these sign-ins must close with 4401."""


@dataclass(frozen=True)
class NewLogin:
    """A fresh sign-in; ``secret`` goes into the cookie and nowhere else."""

    secret: str
    expires_at: datetime


@dataclass(frozen=True)
class SignedIn:
    """A valid sign-in."""

    principal: Principal
    expires_at: datetime
    csrf_hash: str

    def csrf_matches(self, value: str) -> bool:
        """Whether ``value`` is the CSRF value of this sign-in."""
        return hmac.compare_digest(self.csrf_hash, _sha256(value))


def csrf_value(secret: str) -> str:
    """The value that unsafe requests carry in ``X-CSRF-Token``; a page of another site cannot know it."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


class LoginService:
    """Makes, finds and ends sign-ins."""

    def __init__(self, database: Database, clock: Clock, settings: AuthSettings) -> None:
        self._database = database
        self._clock = clock
        self._lifetime = timedelta(hours=settings.session_hours)
        self._idle = timedelta(minutes=settings.idle_minutes)

    async def start(self, uow: UnitOfWork, user_id: str) -> NewLogin:
        """A new sign-in for a user whose identity has been proved."""
        secret = secrets.token_urlsafe(32)
        expires_at = uow.now + self._lifetime
        uow.session.add(
            Login(
                token_hash=token_hash(secret),
                user_id=user_id,
                csrf_hash=_sha256(csrf_value(secret)),
                created_at=uow.now,
                seen_at=uow.now,
                expires_at=expires_at,
                revoked_at=None,
            )
        )
        await uow.flush()
        return NewLogin(secret, expires_at)

    async def find(self, secret: str) -> SignedIn | None:
        """The sign-in behind a cookie, or none if it is unknown, expired, idle for too long, revoked or its account is disabled."""
        found = await self._find(token_hash(secret))
        if found is None:
            return None
        signed_in, seen_at = found
        if self._clock.now() - seen_at > _TOUCH:
            await self._touch(signed_in.principal.login_id, seen_at)
        return signed_in

    async def still_valid(self, login_id: str) -> bool:
        """Whether a sign-in still holds; for sockets, which ask every minute. Counts as use."""
        found = await self._find(login_id)
        if found is None:
            return False
        if self._clock.now() - found[1] > _TOUCH:
            await self._touch(login_id, found[1])
        return True

    async def principal_of(self, unit: ReadUnit, user_id: str, login_id: str = "") -> Principal | None:
        """The principal of an enabled user."""
        user = await unit.session.get(User, user_id)
        if user is None or user.disabled:
            return None
        interpreter_id = await unit.session.scalar(
            select(Interpreter.id).where(Interpreter.user_id == user_id, Interpreter.active.is_(True))
        )
        memberships = frozenset(Membership(m.role, Country(m.country)) for m in user.memberships)
        return Principal(
            actor=Actor(id=user.id, code=user.code, memberships=memberships, site=user.site),
            authority=user.authority,
            interpreter_id=interpreter_id,
            locale=user.locale,
            officer_language=user.officer_language,
            login_id=login_id,
        )

    async def end(self, uow: UnitOfWork, *, user_id: str, login_id: str | None = None) -> None:
        """End one sign-in of a user, or (``login_id`` none) all of them."""
        statement = update(Login).where(Login.user_id == user_id, Login.revoked_at.is_(None))
        if login_id is not None:
            statement = statement.where(Login.token_hash == login_id)
        await uow.session.execute(statement.values(revoked_at=uow.now).execution_options(synchronize_session=False))
        country = min(uow.actor.countries, default=Country.RS)
        uow.emit(REVOKED_EVENT, {"user_id": user_id, "login_id": login_id}, country=country)

    async def forget_old(self, uow: UnitOfWork) -> None:
        """Delete rows of sign-ins that ended a day ago; a periodic job."""
        before = uow.now - _KEPT
        await uow.session.execute(delete(Login).where(or_(Login.expires_at < before, Login.revoked_at < before)))

    async def _find(self, login_id: str) -> tuple[SignedIn, datetime] | None:
        async with self._database.read(Actor.system()) as unit:
            login = await unit.session.get(Login, login_id)
            if login is None or login.revoked_at is not None:
                return None
            now = self._clock.now()
            if login.expires_at <= now or login.seen_at + self._idle <= now:
                return None
            principal = await self.principal_of(unit, login.user_id, login_id)
            if principal is None:
                return None
            return SignedIn(principal, login.expires_at, login.csrf_hash), login.seen_at

    async def _touch(self, login_id: str, seen_at: datetime) -> None:
        async with self._database.unit(Actor.system()) as uow:
            await uow.session.execute(
                update(Login)
                .where(Login.token_hash == login_id, Login.seen_at == seen_at)
                .values(seen_at=uow.now)
                .execution_options(synchronize_session=False)
            )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
