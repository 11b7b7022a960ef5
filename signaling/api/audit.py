"""The audit log and the session logs as auditors of a country examine them: read only, and each look is noted too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from core.access import Actor, Country, Role
from core.db.session import UnitOfWork
from core.errors import Conflict
from records.audit import AuditLine, AuditWish
from records.audit_kinds import AuditKind
from records.log_check import LogWish, checked_logs, count_logs
from signaling.api.routing import guarded_router
from signaling.api.shapes import ExactInstant, Instant, InstantIn, Key, Out, PageNumber, PageSize
from signaling.audit_file import file_of
from signaling.audit_refs import ids_of, names_of
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.deps import Svc, Who
from signaling.policy import demand, may_read_audit

router: APIRouter = guarded_router("audit")
MOST_EXPORTED = 20_000
"""Entries in one file; a longer one is asked for in parts."""
MOST_CHECKED = 2_000
"""Session logs in one check, the newest first."""

Since = Annotated[InstantIn | None, Query(alias="from")]
Until = Annotated[InstantIn | None, Query(alias="to")]


class AuditEntryOut(Out):
    """One entry."""

    seq: int
    country: Country
    at: ExactInstant
    actor: str
    actor_code: str
    action: str
    """Dotted name in the past tense, such as ``case.viewed``."""
    subject: str
    name: str | None
    """What people call the subject: the reference of its case, the code of a person."""
    purpose: str
    data: dict[str, Any]
    """Codes and ids; of the person interviewed nothing but the reference of the case."""
    hash: str


class AuditPage(Out):
    """One page of the trail, newest first."""

    items: list[AuditEntryOut]
    total: int
    page: int
    per: int


class AuditFile(Out):
    """The entries as a file."""

    name: str
    rows: int
    content: str


class CheckedLogOut(Out):
    """A sealed session log and whether it is whole."""

    id: str
    case_ref: str | None
    step_code: str
    country: Country
    state: str
    sealed_at: Instant
    entries: int
    ok: bool
    broken_at: int | None


class CheckedLogs(Out):
    """One page of sealed session logs, newest first."""

    items: list[CheckedLogOut]
    total: int
    page: int
    per: int


class TrailVerdict(Out):
    """Whether the audit trail of a country is whole."""

    country: Country
    entries: int
    ok: bool
    broken_at: int | None


class AuditCheck(Out):
    """Whether the trails and the sealed session logs are whole."""

    at: Instant
    trails: list[TrailVerdict]
    logs: int
    """Sealed logs that were checked."""
    logs_total: int
    """Sealed logs that there are; only the newest are checked at once."""
    broken: list[CheckedLogOut]


def _narrowed(who: Principal, country: Country | None) -> tuple[Actor, list[Country]]:
    """The countries that are examined, and an actor who sees no others."""
    if country is not None:
        demand(may_read_audit(who, country.value))
    countries = [country] if country is not None else sorted(who.countries_as(Role.AUDITOR))
    held = frozenset(m for m in who.actor.memberships if m.role is Role.AUDITOR and m.country in countries)
    return Actor(id=who.user_id, code=who.code, memberships=held, site=who.actor.site), countries


def _note(
    services: Services, uow: UnitOfWork, action: str, countries: list[Country], data: dict[str, Any] | None = None
) -> None:
    for country in countries:
        services.audit.record(uow, action, "audit", country=country.value, purpose="audit", data=data)


@dataclass(frozen=True)
class Asked:
    """Which entries, as query parameters. ``subject``: an id, the reference of a case (with all that belongs to it), a code."""

    subject: Key | None = None
    actor: Key | None = None
    kind: AuditKind | None = None
    country: Country | None = None
    since: Since = None
    until: Until = None

    async def wish(self, uow: UnitOfWork) -> AuditWish:
        """The same for the trail; a reference becomes ids."""
        subjects = await ids_of(uow, self.subject) if self.subject and self.subject.strip() else ()
        who = self.actor.strip() if self.actor else None
        return AuditWish(subjects=subjects, actor=who, kind=self.kind, since=self.since, until=self.until)


@router.get("/api/audit")
async def read_audit(
    who: Who, services: Svc, asked: Annotated[Asked, Depends()], page: PageNumber = 1, per: PageSize = 50
) -> AuditPage:
    """Entries of the countries that one audits."""
    examiner, countries = _narrowed(who, asked.country)
    async with services.database.unit(examiner) as uow:
        found = await services.audit.page(uow, await asked.wish(uow), page=page, per=per)
        names = await names_of(uow, {line["subject"] for line in found["items"]})
        _note(services, uow, "audit.viewed", countries, {"page": page})
    items = [_shown(line, names) for line in found["items"]]
    return AuditPage(items=items, total=found["total"], page=page, per=per)


@router.get("/api/audit/export")
async def export_audit(who: Who, services: Svc, asked: Annotated[Asked, Depends()]) -> AuditFile:
    """The same entries as a file. 409 ``audit_export_too_long`` (entries, most): narrow the time."""
    examiner, countries = _narrowed(who, asked.country)
    async with services.database.unit(examiner) as uow:
        wish = await asked.wish(uow)
        total = await services.audit.count(uow, wish)
        if total > MOST_EXPORTED:
            raise Conflict("audit_export_too_long", {"entries": total, "most": MOST_EXPORTED})
        # In one reading: entries that are written meanwhile would push others from one page to the next, and into the file twice.
        lines = (await services.audit.page(uow, wish, page=1, per=MOST_EXPORTED))["items"]
        names = await names_of(uow, {line["subject"] for line in lines})
        _note(services, uow, "audit.exported", countries, {"entries": len(lines)})
        name = f"audit-{'-'.join(countries)}-{uow.now:%Y-%m-%d}.csv"
    return AuditFile(name=name, rows=len(lines), content=file_of(lines, names))


@router.get("/api/audit/logs")
async def read_logs(
    who: Who,
    services: Svc,
    country: Country | None = None,
    since: Since = None,
    until: Until = None,
    page: PageNumber = 1,
    per: PageSize = 20,
) -> CheckedLogs:
    """Sealed session logs, each checked against its seal; their records are read by ``GET /api/sessions/{id}``."""
    examiner, countries = _narrowed(who, country)
    wish = LogWish(since=since, until=until)
    async with services.database.unit(examiner) as uow:
        total = await count_logs(uow, wish)
        found = await checked_logs(uow, wish, offset=(page - 1) * per, limit=per)
        _note(services, uow, "audit.logs_viewed", countries, {"page": page})
    items = [CheckedLogOut.model_validate(log) for log in found]
    return CheckedLogs(items=items, total=total, page=page, per=per)


@router.get("/api/audit/check")
async def check(who: Who, services: Svc, country: Country | None = None) -> AuditCheck:
    """Recompute the chains of the audit trails and of the newest sealed session logs."""
    examiner, countries = _narrowed(who, country)
    trails = []
    async with services.database.read(examiner) as unit:
        for one in countries:
            broken = await services.audit.verify_chain(unit, country=one.value)
            entries = await services.audit.count(unit, AuditWish(country=one.value))
            trails.append(
                TrailVerdict(country=one, entries=entries, ok=broken is None, broken_at=broken.seq if broken else None)
            )
        total = await count_logs(unit, LogWish())
        logs = await checked_logs(unit, LogWish(), limit=MOST_CHECKED)
    bad = [CheckedLogOut.model_validate(log) for log in logs if not log["ok"]]
    faults = len(bad) + sum(not trail.ok for trail in trails)
    async with services.database.unit(examiner) as uow:
        _note(services, uow, "audit.checked", countries, {"checked": len(logs), "faults": faults})
        now = uow.now
    return AuditCheck(at=now, trails=trails, logs=len(logs), logs_total=total, broken=bad)


def _shown(line: AuditLine, names: dict[str, str]) -> AuditEntryOut:
    return AuditEntryOut(name=names.get(line["subject"]), **line)
