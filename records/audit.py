"""The audit trail: who read or changed what, when and for which purpose, hash-chained per country.

Entries are collected during a unit of work and written as the last thing before its commit, so that the lock on the end of
the chain is held shortly and after all others. Not a debug log: nothing personal, no contents.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import ColumnElement, Row, event, func, or_, select, text
from sqlalchemy.orm import Session as OrmSession

from core.access import Actor
from core.db.session import ReadUnit, UnitOfWork
from records.audit_kinds import AREAS, AuditKind, told
from records.chain import GENESIS, Break, ChainEntry, JsonValue, Seal, link, verify
from records.models import AuditEntry

_PENDING = "audit_pending"
_PAGE = 50
_PIECE = 1000
"""Entries that are checked together; a trail may be too long for the memory."""


_COLUMNS = (
    AuditEntry.country, AuditEntry.seq, AuditEntry.at, AuditEntry.actor, AuditEntry.actor_code, AuditEntry.action, AuditEntry.subject,
    AuditEntry.purpose, AuditEntry.data, AuditEntry.prev_hash, AuditEntry.hash,
)  # fmt: skip


@dataclass(frozen=True)
class _Pending:
    country: str
    at: datetime
    actor: Actor
    action: str
    subject: str
    purpose: str
    data: Mapping[str, JsonValue]


@dataclass(frozen=True)
class AuditWish:
    """What an auditor looks for; empty: everything in the actor's countries."""

    subjects: Collection[str] = ()
    actor: str | None = None
    """A user id or a staff code."""
    kind: AuditKind | None = None
    country: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """The first instant that is not wanted any more."""


class AuditLine(TypedDict):
    """One audit entry as the auditor sees it (``audit_kinds.told``)."""

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
        self, unit: ReadUnit, wish: AuditWish = AuditWish(), *, page: int = 1, per: int = _PAGE
    ) -> AuditPage:
        """Entries of the actor's countries, newest first."""
        wanted = _wanted(unit, wish)
        total = await self.count(unit, wish)
        # Within one country the numbers tell the order, and their index gives it without sorting.
        one = wish.country is not None or len(_countries(unit)) == 1
        newest = (
            [AuditEntry.country.desc(), AuditEntry.seq.desc()]
            if one
            else [AuditEntry.at.desc(), AuditEntry.country, AuditEntry.seq.desc()]
        )
        rows = await unit.session.scalars(
            select(AuditEntry).where(*wanted).order_by(*newest).offset((page - 1) * per).limit(per)
        )
        return AuditPage(items=[_line(row) for row in rows], total=total, page=page, per=per)

    async def count(self, unit: ReadUnit, wish: AuditWish) -> int:
        """How many entries there are of what is looked for."""
        found = await unit.session.scalar(select(func.count(AuditEntry.seq)).where(*_wanted(unit, wish)))
        return int(found or 0)

    async def verify_chain(self, unit: ReadUnit, *, country: str) -> Break | None:
        """The first broken entry of a country's trail, or none when it is whole."""
        done = Seal(0, GENESIS)
        while True:
            rows = await unit.session.execute(
                select(*_COLUMNS)
                .where(AuditEntry.country == str(country), AuditEntry.seq > done.count)
                .order_by(AuditEntry.seq)
                .limit(_PIECE)
            )
            piece = [ChainEntry(r.seq, r.at, r.action, _content(r), r.prev_hash, r.hash) for r in rows]
            if not piece:
                return None
            broken = await asyncio.to_thread(verify, piece, after=done)
            if broken is not None:
                return broken
            done = Seal(piece[-1].seq, piece[-1].hash)


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


def _wanted(unit: ReadUnit, wish: AuditWish) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [AuditEntry.country.in_(_countries(unit))]
    if wish.country is not None:
        found.append(AuditEntry.country == str(wish.country))
    if wish.subjects:
        found.append(AuditEntry.subject.in_(wish.subjects))
    if wish.actor:
        found.append((AuditEntry.actor == wish.actor) | (AuditEntry.actor_code == wish.actor))
    if wish.kind is not None:
        found.append(or_(*[AuditEntry.action.like(f"{area}.%") for area in sorted(AREAS[wish.kind])]))
    if wish.since is not None:
        found.append(AuditEntry.at >= wish.since)
    if wish.until is not None:
        found.append(AuditEntry.at < wish.until)
    return found


def _content(row: AuditEntry | Row[Any]) -> dict[str, JsonValue]:
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
        data=told(row.action, row.data),
        hash=row.hash,
    )


def _countries(unit: ReadUnit) -> list[str]:
    return [country.value for country in unit.actor.countries]
