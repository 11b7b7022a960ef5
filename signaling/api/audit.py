"""The audit trail: who read or changed what. For auditors of the country."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from core.access import Actor, Country, Role
from signaling.api.routing import guarded_router
from signaling.api.shapes import Instant, InstantIn, Key, Out, PageNumber, PageSize
from signaling.deps import Svc, Who

router: APIRouter = guarded_router("audit")


class AuditLine(Out):
    """One entry."""

    seq: int
    country: Country
    at: Instant
    actor: str
    actor_code: str
    action: str
    """Dotted name in the past tense, such as ``case.viewed``."""
    subject: str
    purpose: str
    data: dict[str, Any]
    hash: str


class AuditChain(Out):
    """Whether the stored trails are whole."""

    ok: bool
    broken: dict[Country, int]
    """First broken entry, by country."""


class AuditPage(Out):
    """One page of the trail, newest first."""

    items: list[AuditLine]
    total: int
    page: int
    per: int
    chain: AuditChain


@router.get("/api/audit")
async def read_audit(
    who: Who,
    services: Svc,
    subject: Key | None = None,
    actor: Key | None = None,
    since: Annotated[InstantIn | None, Query(alias="from")] = None,
    page: PageNumber = 1,
    per: PageSize = 50,
) -> AuditPage:
    """Entries of the countries that one audits, and the check of their chains. Looking is noted too."""
    countries = sorted(who.countries_as(Role.AUDITOR))
    narrowed = Actor(
        id=who.user_id,
        code=who.code,
        memberships=frozenset(m for m in who.actor.memberships if m.role is Role.AUDITOR),
        site=who.actor.site,
    )
    async with services.database.unit(narrowed) as uow:
        found = await services.audit.page(uow, subject=subject, actor=actor, since=since, page=page, per=per)
        broken = {}
        for country in countries:
            fault = await services.audit.verify_chain(uow, country=country.value)
            if fault is not None:
                broken[country] = fault.seq
        for country in countries:
            data: dict[str, str | int | bool | None] = {"subject": subject, "actor": actor, "page": page}
            services.audit.record(uow, "audit.viewed", "audit", country=country.value, purpose="audit", data=data)
    return AuditPage.model_validate({**found, "chain": {"ok": not broken, "broken": broken}})
