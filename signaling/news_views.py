"""The views that news carry (``signaling.realtime.news.Views``), made from the services that routes use too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.db.session import ReadUnit
from core.errors import NotFound
from records.session_log import SessionLog
from scheduler.services import SchedulerServices
from signaling import places
from signaling.realtime.rooms import participant
from signaling.room_legs import relay_legs


class NewsViews:
    """Reads one thing at a time, as those see it whom the news concern."""

    def __init__(self, scheduler: SchedulerServices, session_log: SessionLog) -> None:
        self._scheduler = scheduler
        self._log = session_log

    async def booking(self, unit: ReadUnit, booking_id: str) -> Mapping[str, Any]:
        """A booking as its officer sees it."""
        booking = await self._scheduler.bookings.get(unit, booking_id)
        return await self._scheduler.booking_views.view(unit, booking)

    async def offer(self, unit: ReadUnit, offer_id: str) -> Mapping[str, Any]:
        """An offer as its interpreter sees it."""
        return await self._scheduler.interpreter_views.offer(unit, offer_id)

    async def assignment(self, unit: ReadUnit, assignment_id: str) -> Mapping[str, Any]:
        """An assignment as its interpreter sees it."""
        return await self._scheduler.interpreter_views.assignment(unit, assignment_id)

    async def presence(self, unit: ReadUnit, interpreter_id: str) -> Mapping[str, Any]:
        """An interpreter's availability."""
        return await self._scheduler.presence.view(unit, interpreter_id)

    async def board(self, unit: ReadUnit, booking_id: str) -> Mapping[str, Any]:
        """``{lane, card, numbers}`` of a booking on the board."""
        return await self._scheduler.board.card(unit, await self._scheduler.bookings.get(unit, booking_id))

    async def participant(self, unit: ReadUnit, place_id: str) -> Mapping[str, Any]:
        """A participant of a room."""
        place = await places.get(unit, place_id)
        relay = (await relay_legs(unit, place.session_id, [place])).get(place.id)
        return participant(place, relay, over=await places.session_over(unit, place))

    async def entry(self, unit: ReadUnit, session_id: str, seq: int) -> Mapping[str, Any]:
        """One entry of a session log. Raises ``NotFound('entry_unknown')``."""
        for entry in reversed(await self._log.entries(unit, session_id)):
            if entry["seq"] == seq:
                return dict(entry)
        raise NotFound("entry_unknown")
