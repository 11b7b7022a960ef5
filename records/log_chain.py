"""Writing and reading the numbered entries of a session log. The only place that inserts them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select, update

from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, NotFound, Unavailable
from records.chain import GENESIS, JsonValue, link
from records.entry_kinds import SLOTS, EntryKind
from records.events import SESSION_ENTRY
from records.models import Session, SessionEntry
from records.session_views import LogEntry, log_entry

_ATTEMPTS = 5


async def append_entry(uow: UnitOfWork, session_id: str, kind: EntryKind, data: Mapping[str, JsonValue]) -> LogEntry:
    """Write the next entry. ``data`` must have exactly the keys of ``SLOTS[kind]`` (``ValueError``).

    The conditional update of ``last_seq`` decides who is next, so concurrent writers cannot fork the chain.
    Raises ``Conflict('session_sealed')``, ``NotFound('session_unknown')``.
    """
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
        entry = link(head.last_hash or GENESIS, head.last_seq + 1, uow.now, kind.value, data)
        moved = await uow.session.execute(
            update(Session)
            .where(Session.id == session_id, Session.last_seq == head.last_seq)
            .values(last_seq=entry.seq, last_hash=entry.hash)
            .execution_options(synchronize_session=False)
        )
        if not moved.rowcount:  # type: ignore[attr-defined]
            continue
        row = SessionEntry(
            session_id=session_id,
            country=head.country,
            seq=entry.seq,
            at=entry.at,
            kind=entry.kind,
            data=dict(data),
            prev_hash=entry.prev_hash,
            hash=entry.hash,
        )
        uow.session.add(row)
        await uow.flush()
        uow.emit(
            SESSION_ENTRY, {"session_id": session_id, "seq": entry.seq, "country": head.country}, country=head.country
        )
        return log_entry(row)
    raise Unavailable("session_busy")


async def entries_of(unit: ReadUnit, session_id: str, last: int | None = None) -> list[SessionEntry]:
    """The entries of a log, or its ``last`` ones, in order."""
    wanted = select(SessionEntry).where(SessionEntry.session_id == session_id)
    if last is None:
        return list(await unit.session.scalars(wanted.order_by(SessionEntry.seq)))
    newest = await unit.session.scalars(wanted.order_by(SessionEntry.seq.desc()).limit(last))
    return list(newest)[::-1]
