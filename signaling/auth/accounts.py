"""Accounts of staff and interpreters: proving a password, making and changing accounts, roles and passwords.

Who may do so is in ``signaling.policy``; how often a sign-in may fail in ``signaling.auth.attempts``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select

from core.access import Actor, Country, Membership, Role
from core.clock import new_id
from core.db.session import Database, ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid, NotFound, Unauthenticated
from core.settings import AuthSettings
from records.sites import site_by_code
from signaling.auth.attempts import count_attempt, forget_attempts
from signaling.auth.models import MembershipRow, User
from signaling.auth.passwords import PasswordHasher, check_new_password

_CODE = re.compile(r"^[A-Za-z][A-Za-z0-9-]{1,15}$")
LOCALES = ("en", "sr-Cyrl", "sr-Latn", "mk", "sq", "ar", "fa", "ps")
OFFICER_LANGUAGES = ("srp", "mkd", "sqi", "eng")


@dataclass(frozen=True)
class Account:
    """An account as administrators see it: no secret, no name."""

    user_id: str
    code: str
    site: str | None
    authority: str | None
    locale: str
    officer_language: str
    disabled: bool
    has_password: bool
    created_at: datetime
    version: int
    memberships: frozenset[Membership]


class AccountService:
    """Accounts and their passwords."""

    def __init__(self, database: Database, hasher: PasswordHasher, settings: AuthSettings) -> None:
        self._database = database
        self._hasher = hasher
        self._allowed = settings.login_attempts

    async def prove(self, code: str, password: str) -> str:
        """The user id if the password is right. The same work is done for codes that nobody has.

        Raises ``Unauthenticated('sign_in_failed', {tries_left})`` and ``TooMany('sign_in_wait', {minutes, retry_after})``.
        """
        code = normal_code(code)
        async with self._database.unit(Actor.system()) as uow:
            attempts = await count_attempt(uow, code, allowed=self._allowed)
            user = await uow.session.scalar(select(User).where(User.code == code))
            stored = user.password_hash if user is not None and not user.disabled else None
            user_id = user.id if user is not None else None
        checked = await self._hasher.verify(stored, password)
        if not checked.ok or user_id is None:
            raise Unauthenticated("sign_in_failed", {"tries_left": attempts.tries_left(self._allowed)})
        renewed = await self._hasher.hash(password) if checked.renew else None
        async with self._database.unit(Actor.system()) as uow:
            await forget_attempts(uow, code)
            row = await uow.session.get(User, user_id)
            if renewed is not None and row is not None and row.password_hash == stored:
                row.password_hash = renewed
        return user_id

    async def hashed(self, password: str, *, code: str) -> str:
        """The hash of a new password after its rules were checked (``check_new_password``). Call it before opening a unit."""
        check_new_password(password, code=code)
        return await self._hasher.hash(password)

    async def create(
        self,
        uow: UnitOfWork,
        *,
        code: str,
        memberships: Iterable[Membership],
        password_hash: str | None = None,
        site: str | None = None,
        locale: str = "en",
        officer_language: str = "srp",
    ) -> Account:
        """A new account. Raises ``Invalid`` (``code_malformed``, ``roles_missing``, ``site_unknown``, ``site_country``,
        ``locale_unknown``, ``language_unknown``) and ``Conflict('code_taken')``."""
        code = normal_code(code)
        if not _CODE.match(code):
            raise Invalid("code_malformed")
        if await uow.session.scalar(select(exists().where(User.code == code))):
            raise Conflict("code_taken")
        held = _checked(memberships)
        user = User(
            id=new_id("user"),
            code=code,
            password_hash=password_hash,
            site=site,
            authority=await _authority(uow, site, held),
            officer_language=_known(officer_language, OFFICER_LANGUAGES, "language_unknown"),
            locale=_known(locale, LOCALES, "locale_unknown"),
            disabled=False,
            created_at=uow.now,
            password_changed_at=uow.now if password_hash else None,
            memberships=[MembershipRow(role=m.role, country=m.country) for m in sorted(held, key=_order)],
        )
        uow.session.add(user)
        await uow.flush()
        return account_of(user)

    async def change(
        self,
        uow: UnitOfWork,
        user_id: str,
        *,
        version: int | None = None,
        memberships: Iterable[Membership] | None = None,
        site: str | None = None,
        locale: str | None = None,
        officer_language: str | None = None,
        disabled: bool | None = None,
        password_hash: str | None = None,
        unlock: bool = False,
    ) -> Account:
        """Change what is given. Raises ``NotFound('user_unknown')``, ``Conflict('changed_meanwhile')`` and what ``create`` raises."""
        user = await _user(uow, user_id)
        if version is not None and user.version != version:
            raise Conflict("changed_meanwhile")
        if memberships is not None:
            held = _checked(memberships)
            kept = {Membership(m.role, Country(m.country)): m for m in user.memberships}
            user.memberships = [
                kept.get(m) or MembershipRow(role=m.role, country=m.country) for m in sorted(held, key=_order)
            ]
        if site is not None:
            user.site = site
        if site is not None or memberships is not None:
            user.authority = await _authority(uow, user.site, account_of(user).memberships)
        if locale is not None:
            user.locale = _known(locale, LOCALES, "locale_unknown")
        if officer_language is not None:
            user.officer_language = _known(officer_language, OFFICER_LANGUAGES, "language_unknown")
        if disabled is not None:
            user.disabled = disabled
        if password_hash is not None:
            user.password_hash, user.password_changed_at = password_hash, uow.now
        if unlock or password_hash is not None:
            await forget_attempts(uow, user.code)
        await uow.flush()
        return account_of(user)

    async def get(self, unit: ReadUnit, user_id: str) -> Account:
        """Raises ``NotFound('user_unknown')``."""
        return account_of(await _user(unit, user_id))

    async def by_code(self, unit: ReadUnit, code: str) -> Account:
        """Raises ``NotFound('user_unknown')``."""
        user = await unit.session.scalar(select(User).where(User.code == normal_code(code)))
        if user is None:
            raise NotFound("user_unknown")
        return account_of(user)

    async def page(
        self,
        unit: ReadUnit,
        *,
        countries: Iterable[Country],
        q: str = "",
        role: Role | None = None,
        page: int = 1,
        per: int = 50,
    ) -> tuple[Sequence[Account], int]:
        """Accounts that hold a role (or this ``role``) in one of ``countries``, by code, with the total number."""
        held = select(MembershipRow.user_id).where(MembershipRow.country.in_(sorted(countries)))
        if role is not None:
            held = held.where(MembershipRow.role == role)
        wanted = select(User).where(User.id.in_(held))
        if q:
            wanted = wanted.where(User.code.contains(normal_code(q), autoescape=True))
        total = await unit.session.scalar(select(func.count()).select_from(wanted.subquery()))
        rows = await unit.session.scalars(wanted.order_by(User.code).limit(per).offset((page - 1) * per))
        return [account_of(user) for user in rows], total or 0

    async def any_exists(self, unit: ReadUnit) -> bool:
        """Whether there is any account at all."""
        return bool(await unit.session.scalar(select(exists(select(User.id)))))


def normal_code(code: str) -> str:
    """Codes are typed in any case and with spaces around."""
    return code.strip().upper()[:64]


def account_of(user: User) -> Account:
    """The row as a value."""
    return Account(
        user_id=user.id,
        code=user.code,
        site=user.site,
        authority=user.authority,
        locale=user.locale,
        officer_language=user.officer_language,
        disabled=user.disabled,
        has_password=user.password_hash is not None,
        created_at=user.created_at,
        version=user.version,
        memberships=frozenset(Membership(m.role, Country(m.country)) for m in user.memberships),
    )


def _order(membership: Membership) -> tuple[str, str]:
    return membership.country.value, membership.role.value


def _checked(memberships: Iterable[Membership]) -> frozenset[Membership]:
    held = frozenset(memberships)
    if not held:
        raise Invalid("roles_missing")
    return held


def _known(value: str, allowed: Sequence[str], code: str) -> str:
    if value not in allowed:
        raise Invalid(code)
    return value


async def _user(unit: ReadUnit, user_id: str) -> User:
    user = await unit.session.get(User, user_id)
    if user is None:
        raise NotFound("user_unknown")
    return user


async def _authority(unit: ReadUnit, site: str | None, memberships: frozenset[Membership]) -> str | None:
    """The authority of the desk: an interviewer without one would see nothing, so a site in a country of theirs is demanded."""
    interviews_in = {m.country for m in memberships if m.role is Role.INTERVIEWER}
    if site is None:
        if interviews_in:
            raise Invalid("site_missing")
        return None
    row = await site_by_code(unit, site)
    if interviews_in and Country(row.country) not in interviews_in:
        raise Invalid("site_country")
    return row.authority
