"""The audit trail: who read or changed what, when and for which purpose, hash-chained per country.

Entries are collected during a unit of work and written as the last thing before its commit, so that the lock on the end of
the chain is held shortly and after all others. Not a debug log: nothing personal, no contents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session as OrmSession

from core.access import Actor
from core.db.session import ReadUnit, UnitOfWork
from records.chain import GENESIS, Break, ChainEntry, JsonValue, link, verify
from records.models import AuditEntry

_PENDING = "audit_pending"
_PAGE = 50


@dataclass(frozen=True)
class _Pending:
    country: str
    at: datetime
    actor: Actor
    action: str
    subject: str
    purpose: str
    data: Mapping[str, JsonValue]


class AuditLine(TypedDict):
    """One audit entry as the auditor sees it."""

    seq: int
    country: str
    at: datetime
    actor: str
    actor_code: str
    action: str
    subject: str
    purpose: str
    data: dict[str, Any]
    hash: str


class AuditPage(TypedDict):
    """One page of the trail, newest first."""

    items: list[AuditLine]
    total: int
    page: int
    per: int


class AuditTrail:
    """Writes and reads the audit trail."""

    def record(
        self,
        uow: UnitOfWork,
        action: str,
        subject: str,
        *,
        country: str,
        purpose: str,
        data: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """Note that the actor of ``uow`` did ``action`` (dotted, past tense: ``case.viewed``) to ``subject`` (an id).

        Written with the commit of the unit or not at all. ``data`` holds codes and ids, never contents.
        """
        session = uow.session.sync_session
        pending: list[_Pending] | None = session.info.get(_PENDING)
        if pending is None:
            pending = session.info[_PENDING] = []
            event.listen(session, "before_commit", _write)
        pending.append(_Pending(str(country), uow.now, uow.actor, action, subject, purpose, dict(data or {})))

    async def page(
        self,
        unit: ReadUnit,
        *,
        subject: str | None = None,
        actor: str | None = None,
        since: datetime | None = None,
        page: int = 1,
        per: int = _PAGE,
    ) -> AuditPage:
        """Entries of the actor's countries, newest first; ``actor`` is a user id or a staff code."""
        wanted = select(AuditEntry).where(AuditEntry.country.in_(_countries(unit)))
        if subject:
            wanted = wanted.where(AuditEntry.subject == subject)
        if actor:
            wanted = wanted.where((AuditEntry.actor == actor) | (AuditEntry.actor_code == actor))
        if since is not None:
            wanted = wanted.where(AuditEntry.at >= since)
        total = await unit.session.scalar(select(func.count()).select_from(wanted.subquery()))
        rows = await unit.session.scalars(
            wanted.order_by(AuditEntry.at.desc(), AuditEntry.country, AuditEntry.seq.desc())
            .offset((page - 1) * per)
            .limit(per)
        )
        return AuditPage(items=[_line(row) for row in rows], total=int(total or 0), page=page, per=per)

    async def verify_chain(self, unit: ReadUnit, *, country: str) -> Break | None:
        """The first broken entry of a country's trail, or none when it is whole."""
        rows = await unit.session.scalars(
            select(AuditEntry).where(AuditEntry.country == str(country)).order_by(AuditEntry.seq)
        )
        return verify(ChainEntry(row.seq, row.at, row.action, _content(row), row.prev_hash, row.hash) for row in rows)


def _write(session: OrmSession) -> None:
    pending: list[_Pending] = session.info.get(_PENDING, [])
    session.info[_PENDING] = []
    for country in sorted({entry.country for entry in pending}):
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"audit:{country}"})
        last = session.execute(
            select(AuditEntry.seq, AuditEntry.hash)
            .where(AuditEntry.country == country)
            .order_by(AuditEntry.seq.desc())
            .limit(1)
        ).one_or_none()
        seq, head = (last.seq, last.hash) if last else (0, GENESIS)
        for entry in (entry for entry in pending if entry.country == country):
            seq += 1
            row = AuditEntry(
                country=country,
                seq=seq,
                at=entry.at,
                actor=entry.actor.id,
                actor_code=entry.actor.code,
                action=entry.action,
                subject=entry.subject,
                purpose=entry.purpose,
                data=dict(entry.data),
            )
            linked = link(head, seq, entry.at, entry.action, _content(row))
            row.prev_hash, row.hash = linked.prev_hash, linked.hash
            head = linked.hash
            session.add(row)
    session.flush()


def _content(row: AuditEntry) -> dict[str, JsonValue]:
    return {
        "country": row.country,
        "actor": row.actor,
        "actor_code": row.actor_code,
        "subject": row.subject,
        "purpose": row.purpose,
        "data": row.data,
    }


def _line(row: AuditEntry) -> AuditLine:
    return AuditLine(
        seq=row.seq,
        country=row.country,
        at=row.at,
        actor=row.actor,
        actor_code=row.actor_code,
        action=row.action,
        subject=row.subject,
        purpose=row.purpose,
        data=row.data,
        hash=row.hash,
    )


def _countries(unit: ReadUnit) -> list[str]:
    return [country.value for country in unit.actor.countries]
