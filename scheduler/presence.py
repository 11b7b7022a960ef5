"""Presence: whether an interpreter wants to be rung, and the lease that the heartbeats of the open page renew."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from sqlalchemy import select, update

from core.db.session import ReadUnit, UnitOfWork
from core.errors import Invalid, NotFound
from scheduler.models import Interpreter, Presence
from scheduler.need import Presence as PresenceState
from scheduler.news import tell_presence
from scheduler.offers import OfferService
from scheduler.times import PRESENCE_LEASE
from scheduler.workloads import presence_state, workloads

_WANTED = ("available", "away")


class PresenceView(TypedDict):
    """Availability as the interpreter's home shows it."""

    wanted: str
    state: str
    since: datetime


class PresenceService:
    """Wishes, heartbeats and leases."""

    def __init__(self, offers: OfferService) -> None:
        self._offers = offers

    async def set_wanted(self, uow: UnitOfWork, interpreter_id: str, *, wanted: str) -> PresenceView:
        """Switch availability; the oldest request that waits rings at once. Going away ends one's rings for now."""
        if wanted not in _WANTED:
            raise Invalid("value_unknown", {"field": "wanted"})
        row = await self._row(uow, interpreter_id)
        if row.wanted != wanted:
            row.wanted, row.since = wanted, uow.now
        row.seen_until = uow.now + PRESENCE_LEASE
        await uow.flush()
        await tell_presence(uow, [interpreter_id])
        if wanted == "away":
            await self._offers.drop_person(uow, interpreter_id)
        else:
            await self._offers.serve_waiting(uow, interpreter_id)
        return await self.view(uow, interpreter_id)

    async def heartbeat(self, uow: UnitOfWork, interpreter_id: str) -> None:
        """Renew the lease. Who comes back after a lapse is available again, if they still wish it, and is rung if needed."""
        row = await self._row(uow, interpreter_id)
        lapsed = row.seen_until is None or row.seen_until <= uow.now
        row.seen_until = uow.now + PRESENCE_LEASE
        await uow.flush()
        if lapsed and row.wanted == "available":
            row.since = uow.now
            await uow.flush()
            await tell_presence(uow, [interpreter_id])
            await self._offers.serve_waiting(uow, interpreter_id)

    async def sweep(self, uow: UnitOfWork) -> list[str]:
        """End the leases that ran out: those people are away now, and what rang there rings on. Returns their ids."""
        gone = (
            await uow.session.scalars(
                update(Presence)
                .where(Presence.seen_until <= uow.now)
                .values(seen_until=None)
                .returning(Presence.interpreter_id)
                .execution_options(synchronize_session=False)
            )
        ).all()
        await tell_presence(uow, gone)
        for interpreter_id in sorted(gone):
            await self._offers.drop_person(uow, interpreter_id)
        return sorted(gone)

    async def view(self, unit: ReadUnit, interpreter_id: str) -> PresenceView:
        """The wish and what it comes to now."""
        row = await unit.session.get(Presence, interpreter_id, populate_existing=True)
        load = (await workloads(unit, [interpreter_id], unit.now))[interpreter_id]
        if row is None:
            return PresenceView(wanted="away", state=PresenceState.AWAY.value, since=unit.now)
        state = presence_state(row.wanted, row.seen_until, load, unit.now)
        return PresenceView(wanted=row.wanted, state=state.value, since=row.since)

    async def _row(self, uow: UnitOfWork, interpreter_id: str) -> Presence:
        row = await uow.session.scalar(
            select(Presence)
            .where(Presence.interpreter_id == interpreter_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if row is None:
            if await uow.session.get(Interpreter, interpreter_id) is None:
                raise NotFound("interpreter_unknown")
            row = Presence(interpreter_id=interpreter_id, wanted="away", since=uow.now)
            uow.session.add(row)
            await uow.flush()
        return row
