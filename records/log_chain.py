"""Writing and reading the numbered entries of a session log. The only place that inserts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select, update

from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, NotFound, Unavailable
from records.chain import GENESIS, ChainEntry, JsonValue, link
from records.entry_kinds import SLOTS, EntryKind
from records.events import SESSION_ENTRY
from records.models import Session, SessionEntry
from records.session_views import LogEntry, log_entry

_ATTEMPTS = 5


async def append_entry(uow: UnitOfWork, session_id: str, kind: EntryKind, data: Mapping[str, JsonValue]) -> LogEntry:
    """Write the next entry; see ``append_entries``."""
    return (await append_entries(uow, session_id, [(kind, data)]))[0]


async def append_entries(
    uow: UnitOfWork, session_id: str, drafts: Sequence[tuple[EntryKind, Mapping[str, JsonValue]]]
) -> list[LogEntry]:
    """Write the next entries, in order. ``data`` must have exactly the keys of ``SLOTS[kind]`` (``ValueError``).

    The conditional update of ``last_seq`` decides who is next, so concurrent writers cannot fork the chain.
    Raises ``Conflict('session_sealed')``, ``NotFound('session_unknown')``.
    """
    for kind, data in drafts:
        if set(data) != set(SLOTS[kind]):
            raise ValueError(f"an entry {kind.value} holds {SLOTS[kind]}, not {tuple(data)}")
    await uow.flush()
    head_of = (
        select(Session.last_seq, Session.last_hash, Session.country, Session.seal_hash)
        .where(Session.id == session_id)
        .with_for_update()
    )
    for _ in range(_ATTEMPTS):
        head = (await uow.session.execute(head_of)).one_or_none()
        if head is None:
            raise NotFound("session_unknown")
        if head.seal_hash is not None:
            raise Conflict("session_sealed")
        entries: list[ChainEntry] = []
        previous, seq = head.last_hash or GENESIS, head.last_seq
        for kind, data in drafts:
            seq += 1
            entries.append(link(previous, seq, uow.now, kind.value, data))
            previous = entries[-1].hash
        moved = await uow.session.execute(
            update(Session)
            .where(Session.id == session_id, Session.last_seq == head.last_seq)
            .values(last_seq=seq, last_hash=previous)
            .execution_options(synchronize_session=False)
        )
        if not moved.rowcount:  # type: ignore[attr-defined]
            continue
        rows = [
            SessionEntry(
                session_id=session_id,
                country=head.country,
                seq=entry.seq,
                at=entry.at,
                kind=entry.kind,
                data=dict(data),
                prev_hash=entry.prev_hash,
                hash=entry.hash,
            )
            for entry, (_, data) in zip(entries, drafts, strict=True)
        ]
        uow.session.add_all(rows)
        await uow.flush()
        for row in rows:
            told = {"session_id": session_id, "seq": row.seq, "country": head.country}
            uow.emit(SESSION_ENTRY, told, country=head.country)
        return [log_entry(row) for row in rows]
    raise Unavailable("session_busy")


async def entries_of(unit: ReadUnit, session_id: str, last: int | None = None) -> list[SessionEntry]:
    """The entries of a log, or its ``last`` ones, in order."""
    wanted = select(SessionEntry).where(SessionEntry.session_id == session_id)
    if last is None:
        return list(await unit.session.scalars(wanted.order_by(SessionEntry.seq)))
    newest = await unit.session.scalars(wanted.order_by(SessionEntry.seq.desc()).limit(last))
    return list(newest)[::-1]
