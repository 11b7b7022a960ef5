"""Checks the sealed session logs of the actor's countries, one after the other: is each the log that was sealed?

For auditors and operators; the check of a single record stands in its view (``session_views.chain_view``).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from sqlalchemy import ColumnElement, func, select

from core.db.session import ReadUnit
from records.models import Case, Session, SessionEntry
from records.session_views import chain_view

_PIECE = 50
"""Logs that are read and checked together."""


@dataclass(frozen=True)
class LogWish:
    """Which sealed logs; empty: all of the actor's countries."""

    country: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """By the time of the seal; the first instant that is not wanted any more."""


class CheckedLog(TypedDict):
    """A sealed log and whether it is whole."""

    id: str
    case_ref: str | None
    """None for a group briefing."""
    step_code: str
    country: str
    state: str
    sealed_at: datetime
    entries: int
    ok: bool
    broken_at: int | None
    """The first entry that is wrong."""


async def count_logs(unit: ReadUnit, wish: LogWish) -> int:
    """How many sealed logs there are."""
    return int(await unit.session.scalar(select(func.count(Session.id)).where(*_wanted(wish))) or 0)


async def checked_logs(unit: ReadUnit, wish: LogWish, *, offset: int = 0, limit: int) -> list[CheckedLog]:
    """Sealed logs, the newest first, each checked."""
    rows = await unit.session.scalars(
        select(Session)
        .where(*_wanted(wish))
        .order_by(Session.sealed_at.desc(), Session.id.desc())
        .offset(offset)
        .limit(limit)
    )
    return [log async for log in _checked(unit, rows.all())]


async def _checked(unit: ReadUnit, sessions: Sequence[Session]) -> AsyncIterator[CheckedLog]:
    for start in range(0, len(sessions), _PIECE):
        piece = sessions[start : start + _PIECE]
        ids = [one.id for one in piece]
        refs = {
            row.id: row.case_ref
            for row in await unit.session.execute(
                select(Session.id, Case.case_ref).join(Case, Case.id == Session.case_id).where(Session.id.in_(ids))
            )
        }
        entries: dict[str, list[SessionEntry]] = defaultdict(list)
        for entry in await unit.session.scalars(
            select(SessionEntry)
            .where(SessionEntry.session_id.in_(ids))
            .order_by(SessionEntry.session_id, SessionEntry.seq)
        ):
            entries[entry.session_id].append(entry)
        # Hashing takes its time; other requests go on meanwhile.
        chains = await asyncio.to_thread(lambda: [chain_view(one, entries[one.id]) for one in piece])  # noqa: B023
        for one, chain in zip(piece, chains, strict=True):
            assert one.sealed_at is not None
            yield CheckedLog(
                id=one.id,
                case_ref=refs.get(one.id),
                step_code=one.step_code,
                country=one.country,
                state=one.state.value,
                sealed_at=one.sealed_at,
                entries=len(entries[one.id]),
                ok=chain["ok"],
                broken_at=chain["broken_at"],
            )
        for rows in entries.values():
            for entry in rows:
                unit.session.expunge(entry)


def _wanted(wish: LogWish) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Session.seal_hash.is_not(None), Session.sealed_at.is_not(None)]
    if wish.country is not None:
        found.append(Session.country == wish.country)
    if wish.since is not None:
        found.append(Session.sealed_at >= wish.since)
    if wish.until is not None:
        found.append(Session.sealed_at < wish.until)
    return found
