"""From facts to news: each event of the outbox is told on the topics of those whom it concerns, read anew from the database.

Events say only *that* something changed; the view is made here, so that news which overtake each other end in the truth.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Any, Protocol

from core.access import Actor
from core.clock import Clock
from core.db.session import Database, ReadUnit
from core.errors import NotFound
from core.events.bus import Event, EventBus
from records.events import SESSION_CHANGED, SESSION_ENTRY
from scheduler.events import (
    ASSIGNMENT_CHANGED,
    BOOKING_CHANGED,
    CALENDAR_CHANGED,
    OFFER_ENDED,
    OFFER_SENT,
    PRESENCE_CHANGED,
    ROSTER_CHANGED,
    SWAP_CHANGED,
)
from scheduler.surge.states import SURGE_CHANGED
from scheduler.whatif.runs import RUN_CHANGED
from signaling.auth.logins import REVOKED_EVENT
from signaling.realtime.hub import SIGNED_OUT
from signaling.realtime.protocol import event_body
from signaling.realtime.views_json import as_json

log = logging.getLogger(__name__)
ROOM_TOLD = "room.told"
"""A room's own news: ``{session_id, name, at, data | place_id, topic?}`` (see ``signaling.calls``)."""
NEWS_NAMES = (
    BOOKING_CHANGED, OFFER_SENT, OFFER_ENDED, ASSIGNMENT_CHANGED, PRESENCE_CHANGED, SESSION_CHANGED, SESSION_ENTRY, ROOM_TOLD,
    REVOKED_EVENT, SURGE_CHANGED, RUN_CHANGED, ROSTER_CHANGED, SWAP_CHANGED, CALENDAR_CHANGED,
)  # fmt: skip
View = Mapping[str, Any]


class Views(Protocol):
    """What the news need to read; each raises ``NotFound`` for what is not there."""

    async def booking(self, unit: ReadUnit, booking_id: str) -> View:
        """A booking as its officer sees it."""
        ...

    async def offer(self, unit: ReadUnit, offer_id: str) -> View:
        """An offer as its interpreter sees it."""
        ...

    async def assignment(self, unit: ReadUnit, assignment_id: str) -> View:
        """An assignment as its interpreter sees it."""
        ...

    async def presence(self, unit: ReadUnit, interpreter_id: str) -> View:
        """An interpreter's availability."""
        ...

    async def board(self, unit: ReadUnit, booking_id: str) -> View:
        """``{lane, card, numbers}`` of a booking on the board."""
        ...

    async def participant(self, unit: ReadUnit, place_id: str) -> View:
        """A participant of a room."""
        ...

    async def entry(self, unit: ReadUnit, session_id: str, seq: int) -> View:
        """One entry of a session log."""
        ...


class News:
    """Hears the outbox (group ``news``: one process tells each event, all processes deliver it)."""

    def __init__(self, database: Database, bus: EventBus, clock: Clock, views: Views) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._views = views

    async def on_event(self, event: Event) -> None:
        """Tell one fact. A thing that is gone meanwhile is told no more."""
        try:
            await self._tell_event(event)
        except NotFound as gone:
            log.info("news_outdated", extra={"event": event.name, "code": gone.code})

    async def _tell_event(self, event: Event) -> None:
        body = event.body
        match event.name:
            case "booking.changed":
                await self._booking(event)
            case "offer.sent":
                await self._personal(event, self._views.offer, body["offer_id"])
            case "offer.ended":
                data = {key: body[key] for key in ("offer_id", "state", "reason")}
                if body["user_id"] is not None:
                    await self._tell(event, f"user:{body['user_id']}", event.name, data)
                await self._booking(event)
            case "assignment.changed":
                await self._personal(event, self._views.assignment, body["assignment_id"])
            case "presence.changed":
                await self._personal(event, self._views.presence, body["interpreter_id"])
            case "session.changed":
                keys = ("state", "at", "reason", "interpreting_s")
                await self._tell(event, f"room:{body['session_id']}", event.name, {key: body[key] for key in keys})
                await self._board(event)
            case "session.entry":
                entry = await self._read(self._views.entry, body["session_id"], int(body["seq"]))
                await self._tell(event, f"room:{body['session_id']}", "log.appended", entry)
            case "login.revoked":
                await self._tell(event, f"user:{body['user_id']}", SIGNED_OUT, {"login_id": body.get("login_id")})
            case "surge.changed" | "surge.run" | "roster.changed" | "swap.changed" | "calendar.changed":
                await self._tell(event, f"board:{event.country}", event.name, body)
                # Drafts are no news for interpreters, and whose shift it was is nobody's on that topic.
                if event.name == "swap.changed" or (
                    event.name == "roster.changed" and body["published"] == body["version"]
                ):
                    await self._tell(event, f"shifts:{event.country}", "shifts.changed", {})
            case "room.told":
                await self._room(event)
            case _:
                log.warning("news_unknown", extra={"event": event.name})

    async def _booking(self, event: Event) -> None:
        booking_id = event.body["booking_id"]
        view = await self._read(self._views.booking, booking_id)
        await self._tell(event, f"booking:{booking_id}", "booking.changed", view)
        requester = event.body.get("requested_by")
        if requester:
            await self._tell(event, f"user:{requester}", "booking.changed", view)
            if view["state"] == "assigned" and view["session_id"]:
                ready = {"session_id": view["session_id"], "booking_id": booking_id}
                await self._tell(event, f"user:{requester}", "session.ready", ready)
        await self._board(event)

    async def _board(self, event: Event) -> None:
        booking_id = event.body["booking_id"]
        found = await self._read(self._views.board, booking_id)
        await self._tell(event, f"board:{event.country}", "board.changed", {**found, "booking_id": booking_id})

    async def _personal(self, event: Event, read: Any, subject: str) -> None:
        user_id = event.body["user_id"]
        if user_id is not None:
            await self._tell(event, f"user:{user_id}", event.name, await self._read(read, subject))

    async def _room(self, event: Event) -> None:
        body = event.body
        name, data = body["name"], body.get("data")
        if data is None:
            data = await self._read(self._views.participant, body["place_id"])
            if data["state"] == "left":
                name, data = "participant.left", {"id": data["id"], "reason": data["reason"]}
        await self._tell(event, body.get("topic") or f"room:{body['session_id']}", name, data)

    async def _read(self, read: Any, *subject: Any) -> View:
        async with self._database.read(Actor.system()) as unit:
            found: Awaitable[View] = read(unit, *subject)
            return await found

    async def _tell(self, event: Event, topic: str, name: str, data: View) -> None:
        at: datetime = self._clock.now()
        await self._bus.append(topic, event_body(name, at, as_json(data)), dedupe_id=f"{event.id}.{name}")
