"""Losses of somebody's line in the session log (S-11): each that is written has its end in the log, or the entry that says why not.

Whoever leaves, is replaced, or is away when the session ends has no ``line_back``: ``left``, ``replaced``, ``recused`` or ``ended``
tells it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from core.db.session import UnitOfWork
from records.chain import JsonValue
from records.entry_kinds import EntryKind
from records.models import Session
from records.session_log import SessionLog
from records.session_views import parse_stamp
from signaling import places
from signaling.places import Place
from signaling.realtime.protocol import instant

LOG_AFTER = timedelta(seconds=10)
"""Only losses longer than this are written into the log (S-11)."""


class LineLog:
    """Writes that a line was lost and is back. ``before`` is always the place as it was while it was lost."""

    def __init__(self, session_log: SessionLog) -> None:
        self._log = session_log

    async def lost(self, uow: UnitOfWork, session_id: str, before: Place, lost_from: datetime) -> None:
        """A loss that still lasts."""
        data = {"part": before.part, "code": before.code, "from": instant(lost_from)}
        await places.change(uow, before.id, loss_logged_at=uow.now, heard_at=None)
        await self._log.append(uow, session_id, EntryKind.LINE_LOST, data)

    async def socket_back(self, uow: UnitOfWork, session: Session, before: Place, lost_from: datetime) -> bool:
        """The socket of somebody who was lost stands again. True when a long loss is over with it: where the node does not hear them
        yet, it goes on until it does."""
        long = uow.now - lost_from > LOG_AFTER
        if long and not (before.heard_at is not None and before.heard_at > lost_from):
            # Not heard since: the first sound is news again.
            await places.change(uow, before.id, heard_at=None)
        if before.media_lost_at is not None and before.phone_leg_id is None:
            await places.change(uow, before.id, media_lost_at=lost_from)
            return False
        await self.back(uow, session, before, lost_from)
        return long

    async def back(self, uow: UnitOfWork, session: Session, before: Place, lost_from: datetime) -> None:
        """Nothing of somebody is away any more. What stands in the log as lost is back, however short the last piece of the loss was;
        a loss of more than 10 s that nobody has written yet is written with its end."""
        facts: dict[str, JsonValue] = {"part": before.part, "code": before.code, "from": instant(lost_from)}
        if before.loss_logged_at is not None:
            # Both lines say the same beginning.
            facts["from"] = await self._open_since(uow, session.id, before) or facts["from"]
        elif uow.now - lost_from > LOG_AFTER:
            await self._log.append(uow, session.id, EntryKind.LINE_LOST, facts)
        else:
            return
        await places.change(uow, before.id, loss_logged_at=None)
        seconds = int((uow.now - parse_stamp(str(facts["from"]))).total_seconds())
        await self._log.append(uow, session.id, EntryKind.LINE_BACK, {**facts, "seconds": seconds})

    async def _open_since(self, uow: UnitOfWork, session_id: str, before: Place) -> str | None:
        for entry in reversed(await self._log.entries(uow, session_id)):
            data = entry["data"]
            if entry["kind"] == EntryKind.LINE_LOST and (data["part"], data["code"]) == (before.part, before.code):
                return str(data["from"])
        return None
