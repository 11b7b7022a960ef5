"""Watches running sessions: renews the leases of people here, finds those who vanished, writes long losses into the log.

Every process renews its own people; the rest runs in one process at a time (``core.jobs``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from core.access import Actor
from core.db.session import Database, UnitOfWork
from records.chain import JsonValue
from records.entry_kinds import EntryKind
from records.lifecycle import EndReason, Outcome, PauseReason, SessionState
from records.models import Session
from records.session_log import SessionLog
from records.session_rows import locked_session
from signaling import places
from signaling.calls import CallService, tell_place
from signaling.line_log import LOG_AFTER
from signaling.places import Place
from signaling.realtime.protocol import instant
from signaling.realtime.rooms import INTERPRETER, OFFICER

log = logging.getLogger(__name__)
TOUCH_EVERY_S = 5.0
WATCH_EVERY_S = 2.0
ABANDONED_AFTER = timedelta(minutes=15)
"""A session in which nobody has been for so long is ended by the system: nobody is there to do it."""
GAP_AFTER = timedelta(seconds=8)
"""When even the renewals of everybody's lease stopped for so long, it was our own service that was away."""


class CallWatch:
    """Keeps the record true when sockets, processes and people vanish."""

    def __init__(self, database: Database, session_log: SessionLog, calls: CallService) -> None:
        self._database = database
        self._log = session_log
        self._calls = calls

    async def touch(self, connection_ids: Callable[[], Sequence[str]]) -> None:
        """Renew the leases of the people whose sockets this process holds. Whoever was given up for lost although their socket
        stands, because the database or this process was away for longer than a lease, is there again."""
        held = connection_ids()
        if not held:
            return
        async with self._database.unit(Actor.system()) as uow:
            await places.touch(uow, held)
            given_up = await places.given_up(uow, held)
        for place in given_up:
            # A socket that has ended is no longer held when its place becomes lost: asked again, after the row was read.
            if place.connection_id in connection_ids():
                await self._calls.stayed(place)

    async def holders(self, place_ids: Sequence[str]) -> dict[str, str | None]:
        """Which connection each place belongs to now (none: to nobody who was in it before)."""
        async with self._database.read(Actor.system()) as unit:
            return await places.holders(unit, place_ids)

    async def note_gap(self) -> None:
        """After a start: sessions whose people all lack a sign of life for some seconds were without service; say so in their log."""
        async with self._database.unit(Actor.system()) as uow:
            running = (SessionState.WAITING.value, SessionState.ACTIVE.value, SessionState.PAUSED.value)
            sessions = await uow.session.scalars(select(Session).where(Session.state.in_(running)).order_by(Session.id))
            for session in sessions.all():
                seated = [p for p in await places.of_session(uow, session.id) if p.state == "present"]
                seen = [p.seen_at for p in seated if p.seen_at is not None]
                if seen and uow.now - max(seen) > GAP_AFTER:
                    seconds = int((uow.now - max(seen)).total_seconds())
                    data: dict[str, JsonValue] = {"from": instant(max(seen)), "seconds": seconds}
                    await locked_session(uow, session.id)
                    lately = await self._log.entries(uow, session.id, last=20)
                    if (EntryKind.SERVICE_GAP, data["from"]) not in [
                        (e["kind"], e["data"].get("from")) for e in lately
                    ]:
                        # Several processes that start together find the same gap.
                        await self._log.append(uow, session.id, EntryKind.SERVICE_GAP, data)
                    by_browser = [p for p in seated if p.part in (OFFICER, INTERPRETER) and p.phone_leg_id is None]
                    if session.state is SessionState.ACTIVE and by_browser and uow.now - max(seen) > LOG_AFTER:
                        # It goes on as soon as both are heard again; what lies between is nobody's interpreting.
                        since = max(seen) + LOG_AFTER
                        await self._log.pause(uow, session.id, reason=PauseReason.CONNECTION_LOST, since=since)

    async def watch(self) -> None:
        """One round: expired leases become lost, long losses are written and pause the session, empty sessions end."""
        async with self._database.unit(Actor.system()) as uow:
            for place in await places.expired(uow):
                await self._expire(uow, place)
            for place in await places.lost_before(uow, uow.now - LOG_AFTER):
                await self._log_loss(uow, place)
            abandoned = await self._abandoned(uow, uow.now - ABANDONED_AFTER)
            withdrawn = await places.withdrawn(uow)
        for place in withdrawn:
            try:
                await self._calls.turn_out(place)
            except Exception:
                log.exception("withdrawn_place_stays", extra={"session_id": place.session_id})
        for session_id in abandoned:
            try:
                await self._calls.close(session_id, Outcome.STOPPED, EndReason.ABANDONED, by="system")
            except Exception:
                # One session's trouble is not that of the others.
                log.exception("abandoned_session_stays", extra={"session_id": session_id})

    async def _expire(self, uow: UnitOfWork, place: Place) -> None:
        if not await places.lose(uow, place.id, place.connection_id or "", since=place.seen_at):
            return
        session = await uow.session.get(Session, place.session_id)
        if session is not None:
            tell_place(uow, session, place.id)

    async def _log_loss(self, uow: UnitOfWork, place: Place) -> None:
        session = await uow.session.get(Session, place.session_id)
        lost_from = place.lost_from
        if session is None or lost_from is None or place.loss_logged_at is not None:
            return
        await self._calls.lines.lost(uow, session.id, place, lost_from)
        if session.state is SessionState.ACTIVE and place.part in (OFFICER, INTERPRETER):
            lost = PauseReason.INTERPRETER_LOST if place.part == INTERPRETER else PauseReason.CONNECTION_LOST
            # Not from this round on: after a gap of our own service it comes late, and nobody was heard meanwhile.
            await self._log.pause(uow, session.id, reason=lost, since=lost_from + LOG_AFTER)

    async def _abandoned(self, uow: UnitOfWork, before: datetime) -> list[str]:
        found = []
        running = (SessionState.ACTIVE.value, SessionState.PAUSED.value)
        for session in await uow.session.scalars(select(Session).where(Session.state.in_(running))):
            seated = await places.of_session(uow, session.id)
            here = [p for p in seated if p.here]
            latest = max((p.since for p in seated if p.since is not None), default=session.state_since)
            if not here and max(latest, session.state_since) < before:
                found.append(session.id)
        return found
