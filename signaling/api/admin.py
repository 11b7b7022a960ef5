"""Accounts and roles, and the procedure catalogue with the status of each fact."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from core.access import Country, Membership, Role
from core.db.session import UnitOfWork
from core.errors import Conflict, Invalid
from records.procedures import FactStatus
from signaling.api.catalogue import StepOut, step_out
from signaling.api.routing import guarded_router
from signaling.api.shapes import Code, In, Instant, Key, Out, PageNumber, PageSize
from signaling.auth.accounts import Account
from signaling.auth.beside import Beside, ProfileState, beside, free_profile
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.deps import Svc, Who
from signaling.policy import Verdict, demand, may_grant, may_manage_user

router: APIRouter = guarded_router("administration")


class MembershipBody(In):
    """A role in a country."""

    role: Role
    country: Country


class NewUserBody(In):
    """A new account; people are known by codes, never by names."""

    code: Annotated[str, Field(min_length=2, max_length=16)]
    memberships: Annotated[list[MembershipBody], Field(min_length=1, max_length=10)]
    site: Code | None = None
    locale: str = "en"
    officer_language: str = "srp"
    password: Annotated[str, Field(max_length=256)] | None = None


class UserChangesBody(In):
    """What changes about an account; ``version`` is the one that was read."""

    version: int
    memberships: Annotated[list[MembershipBody], Field(min_length=1, max_length=10)] | None = None
    site: Code | None = None
    officer_language: str | None = None
    disabled: bool | None = None
    unlock: bool = False
    """End the wait after too many wrong passwords."""
    password: Annotated[str, Field(max_length=256)] | None = None
    """A new password; all sign-ins of the account end."""
    link_profile: bool = False
    """Put the interpreter's profile of the same code behind the account."""


class UserMembership(Out):
    """A role in a country."""

    role: Role
    country: Country


class UserOut(Out):
    """An account."""

    user_id: str
    code: str
    site: str | None
    authority: str | None
    locale: str
    officer_language: str
    disabled: bool
    has_password: bool
    created_at: Instant
    version: int
    memberships: list[UserMembership]
    signed_in_at: Instant | None
    """The last sign-in; none: there was none within a day."""
    waits_until: Instant | None
    """No password is accepted before, after too many wrong ones."""
    profile: ProfileState | None
    """Whether an interpreter's account has its profile in the pool."""


class UserPage(Out):
    """One page of accounts."""

    items: list[UserOut]
    total: int
    page: int
    per: int


class FactCount(Out):
    """How many steps have a fact of this status."""

    status: str
    steps: int


class Procedures(Out):
    """The catalogue with the status of its facts; what is not ``verified`` needs a lawyer's look before real use."""

    steps: list[StepOut]
    counts: list[FactCount]


@router.get("/api/users")
async def list_users(
    who: Who,
    services: Svc,
    q: Annotated[str, Query(max_length=16)] = "",
    role: Role | None = None,
    page: PageNumber = 1,
    per: PageSize = 50,
) -> UserPage:
    """Accounts with a role (or this one) in the own countries."""
    own = who.countries_as(Role.ADMINISTRATOR)
    async with services.database.read(who.actor) as unit:
        found, total = await services.accounts.page(unit, countries=own, q=q, role=role, page=page, per=per)
        known = await beside(unit, found, own)
    return UserPage(items=[_user(one, known[one.user_id]) for one in found], total=total, page=page, per=per)


@router.post("/api/users", status_code=201)
async def create_user(body: NewUserBody, who: Who, services: Svc) -> UserOut:
    """A new account with roles in the own countries; an interpreter's gets the profile of the same code that waits for it."""
    memberships = _memberships(body.memberships)
    demand(may_grant(who, memberships), refused="country_not_yours")
    hashed = None if body.password is None else await services.accounts.hashed(body.password, code=body.code)
    async with services.database.unit(who.actor) as uow:
        account = await services.accounts.create(
            uow,
            code=body.code,
            memberships=memberships,
            password_hash=hashed,
            site=body.site,
            locale=body.locale,
            officer_language=body.officer_language,
        )
        await _link(services, uow, who, account)
        _record(services, uow, "user.created", account, ["memberships", "site"])
        known = await beside(uow, [account], who.countries_as(Role.ADMINISTRATOR))
    return _user(account, known[account.user_id])


@router.patch("/api/users/{user_id}")
async def change_user(user_id: Key, body: UserChangesBody, who: Who, services: Svc) -> UserOut:
    """Change roles, desk or password; disable or unlock. Sign-ins end where less is allowed than before."""
    hashed = None
    if body.password is not None:
        async with services.database.read(who.actor) as unit:
            known = await services.accounts.get(unit, user_id)
        demand(_manage(who, known), hidden="user_unknown", refused="country_not_yours")
        hashed = await services.accounts.hashed(body.password, code=known.code)
    async with services.database.unit(who.actor) as uow:
        before = await services.accounts.get(uow, user_id)
        demand(_manage(who, before), hidden="user_unknown", refused="country_not_yours")
        memberships = None if body.memberships is None else _memberships(body.memberships)
        if memberships is not None:
            demand(may_grant(who, memberships), refused="country_not_yours")
        if user_id == who.user_id and (body.disabled or memberships is not None):
            raise Invalid("not_yourself")
        account = await services.accounts.change(
            uow,
            user_id,
            version=body.version,
            memberships=memberships,
            site=body.site,
            officer_language=body.officer_language,
            disabled=body.disabled,
            password_hash=hashed,
            unlock=body.unlock,
        )
        if body.link_profile and not await _link(services, uow, who, account):
            raise Conflict("profile_missing")
        if hashed is not None or body.disabled or memberships is not None:
            await services.logins.end(uow, user_id=user_id)
        _record(services, uow, "user.changed", account, sorted(body.model_fields_set - {"version"}))
        read = await beside(uow, [account], who.countries_as(Role.ADMINISTRATOR))
    return _user(account, read[account.user_id])


@router.get("/api/procedures")
async def procedures(who: Who, services: Svc) -> Procedures:
    """All steps of the own countries with the status of every fact."""
    countries = sorted(who.countries_as(Role.ADMINISTRATOR, Role.COORDINATOR))
    steps = [
        step_out(step, seq)
        for country in countries
        for seq, step in enumerate(services.catalogue.steps(country.value), start=1)
    ]
    shown = {step.code for step in steps}
    counts = [
        FactCount(status=status.value, steps=len(shown & set(services.catalogue.facts(status))))
        for status in FactStatus
    ]
    return Procedures(steps=steps, counts=counts)


def _manage(who: Principal, account: Account) -> Verdict:
    return may_manage_user(who, {m.country for m in account.memberships})


async def _link(services: Services, uow: UnitOfWork, who: Principal, account: Account) -> bool:
    """Put the profile behind the account; says whether there was one to put there."""
    found = await free_profile(uow, account, who.countries_as(Role.ADMINISTRATOR))
    if found is not None:
        await services.scheduler.pool.put(uow, found, {"user_id": account.user_id})
    return found is not None


def _memberships(given: list[MembershipBody]) -> list[Membership]:
    return [Membership(one.role, one.country) for one in given]


def _record(services: Services, uow: UnitOfWork, action: str, account: Account, fields: list[str]) -> None:
    for country in sorted({m.country for m in account.memberships} & uow.actor.countries):
        services.audit.record(
            uow,
            action,
            account.user_id,
            country=country.value,
            purpose="administration",
            data={"code": account.code, "fields": fields},
        )


def _user(account: Account, known: Beside) -> UserOut:
    return UserOut(
        user_id=account.user_id,
        code=account.code,
        site=account.site,
        authority=account.authority,
        locale=account.locale,
        officer_language=account.officer_language,
        disabled=account.disabled,
        has_password=account.has_password,
        created_at=account.created_at,
        version=account.version,
        memberships=[
            UserMembership(role=m.role, country=m.country)
            for m in sorted(account.memberships, key=lambda m: (m.country, m.role))
        ],
        signed_in_at=known.signed_in_at,
        waits_until=known.waits_until,
        profile=known.profile,
    )
