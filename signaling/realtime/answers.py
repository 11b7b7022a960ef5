"""Answers already given, by message id, so that a message that is sent again changes nothing twice.

Within a connection every answer is remembered. What was done in a room is also remembered for the place, over connections and processes:
a browser whose line broke before the answer came sends its message again on the next connection, which may lead elsewhere.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

from core.errors import Unavailable
from core.events.bus import EventBus, Position

log = logging.getLogger(__name__)
REMEMBERED = 256
"""Answers kept for repeated message ids."""


class Answers:
    """Of one connection, which may sit on a place."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._topic: str | None = None
        self._kept: OrderedDict[str, dict[str, Any]] = OrderedDict()

    async def sit(self, place_id: str) -> None:
        """The connection has taken a place: what was done on it counts. Raises ``Unavailable('bus_unavailable')``."""
        self._topic = f"answers:{place_id}"
        head = (await self._bus.read_after(self._topic, None)).head
        since = Position(head.epoch, max(0, head.seq - REMEMBERED))
        for message in (await self._bus.read_after(self._topic, since, limit=REMEMBERED)).messages:
            self._keep(message.body["frame"])

    def given(self, message_id: str) -> dict[str, Any] | None:
        """The answer to this message, if it was answered already."""
        return self._kept.get(message_id)

    async def note(self, frame: dict[str, Any], *, done: bool) -> None:
        """An answer (``re`` is the message's id) is about to be sent; ``done``: something was changed on the place."""
        self._keep(frame)
        if not done or self._topic is None:
            return
        try:
            await self._bus.append(self._topic, {"frame": frame}, dedupe_id=frame["re"])
        except Unavailable:
            log.info(
                "answer_not_kept", extra={"code": "bus_unavailable"}
            )  # this connection knows it, only the next one does not

    def _keep(self, frame: dict[str, Any]) -> None:
        self._kept[frame["re"]] = frame
        if len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
