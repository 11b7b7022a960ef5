"""The number pad: what one person shows is on every screen of the room until somebody clears it or shows something else.

The content goes over the bus and nowhere else: a number may be a birth date, which no record may hold (domain 2.1). The session
log says that a number was shown, of which kind and calendar and by which part, never which.
"""

from __future__ import annotations

from typing import Any

from core.access import Actor
from core.db.session import Database
from core.errors import Conflict
from core.events.bus import EventBus, Position
from records.entry_kinds import EntryKind
from records.lifecycle import SESSION_OVER
from records.models import Session
from records.session_log import SessionLog
from signaling.places import Place
from signaling.realtime.hub import Hub
from signaling.realtime.shown_numbers import SaidDate, ShownNumber

EVENT = "aids.number"
_LOOK_BACK = 8
"""Messages of the pad's own topic that are read to find the newest: two people may have pressed at once."""


class NumberPad:
    """Shows and clears numbers. Each has the number ``n`` of its log entry, so that the later one wins on every screen."""

    def __init__(self, database: Database, hub: Hub, bus: EventBus, session_log: SessionLog) -> None:
        self._database = database
        self._hub = hub
        self._bus = bus
        self._log = session_log

    async def show(self, place: Place, number: ShownNumber) -> dict[str, Any]:
        """Put a number before everybody. Raises ``Conflict('session_over')``."""
        async with self._database.unit(Actor.system()) as uow:
            session = await uow.session.get(Session, place.session_id)
            if session is None or session.state in SESSION_OVER:
                raise Conflict("session_over")
            calendar = number.calendar if isinstance(number, SaidDate) else None
            entry = await self._log.append(
                uow,
                place.session_id,
                EntryKind.NUMBER_SHOWN,
                {"number": number.kind, "calendar": calendar, "part": place.part},
            )
        said = number.model_dump(mode="json", exclude_none=True)
        await self._tell(place.session_id, {"n": entry["seq"], "by": place.id, "part": place.part, "number": said})
        return {"n": entry["seq"]}

    async def clear(self, place: Place, n: int) -> dict[str, Any]:
        """Take the number ``n`` away for everybody; nothing happens when a later one stands there."""
        shown = await self.current(place.session_id)
        if shown is not None and shown["n"] == n and shown["number"] is not None:
            await self._tell(place.session_id, {"n": n, "by": place.id, "part": place.part, "number": None})
        return {}

    async def current(self, session_id: str) -> dict[str, Any] | None:
        """What stands before everybody now, for a snapshot; none when nothing was ever shown or the bus has forgotten it."""
        head = (await self._bus.read_after(_topic(session_id), None)).head
        if head.seq == 0:
            return None
        start = Position(head.epoch, max(0, head.seq - _LOOK_BACK))
        found = (await self._bus.read_after(_topic(session_id), start, limit=_LOOK_BACK)).messages
        told: list[dict[str, Any]] = [dict(message.body["data"]) for message in found]
        return max(told, key=lambda one: (one["n"], one["number"] is None), default=None)

    async def _tell(self, session_id: str, data: dict[str, Any]) -> None:
        """First where snapshots look, then to the room: who comes in between sees it once or twice, never not at all."""
        await self._hub.tell(_topic(session_id), EVENT, data)
        await self._hub.tell(f"room:{session_id}", EVENT, data)


def _topic(session_id: str) -> str:
    return f"number:{session_id}"
