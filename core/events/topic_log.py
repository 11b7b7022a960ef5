"""The in-process topic log: a bounded, numbered list of messages that remembers recent deduplication ids."""

from __future__ import annotations

import uuid
from collections import OrderedDict, deque

from core.events.bus import Json, Message, Position, Replay

MAX_MESSAGES = 2000
"""How many messages a log keeps; older ones are forgotten and a reader behind them gets a gap."""
MAX_DEDUPE = 4000
"""How many deduplication ids a log remembers."""


class TopicLog:
    """The log of one topic."""

    def __init__(self, topic: str, max_messages: int = MAX_MESSAGES) -> None:
        self._topic = topic
        self._epoch = uuid.uuid4().hex[:16]
        self._messages: deque[Message] = deque(maxlen=max_messages)
        self._seq = 0
        self._dedupe: OrderedDict[str, Position] = OrderedDict()

    @property
    def head(self) -> Position:
        """The position of the newest message."""
        return Position(self._epoch, self._seq)

    def append(self, body: Json, dedupe_id: str | None) -> tuple[Message | None, Position]:
        """The new message and its position, or none and the first position when ``dedupe_id`` was seen before."""
        if dedupe_id is not None and dedupe_id in self._dedupe:
            return None, self._dedupe[dedupe_id]
        self._seq += 1
        message = Message(self._topic, self.head, body)
        self._messages.append(message)
        if dedupe_id is not None:
            self._dedupe[dedupe_id] = message.position
            if len(self._dedupe) > MAX_DEDUPE:
                self._dedupe.popitem(last=False)
        return message, message.position

    def read_after(self, position: Position | None, limit: int) -> Replay:
        """See ``EventBus.read_after``."""
        if position is None:
            return Replay((), self.head, gap=False)
        if position.epoch != self._epoch or position.seq > self._seq:
            return Replay((), self.head, gap=True)
        oldest = self._messages[0].position.seq if self._messages else self._seq + 1
        if position.seq + 1 < oldest:
            return Replay((), self.head, gap=True)
        found = [message for message in self._messages if message.position.seq > position.seq]
        return Replay(tuple(found[:limit]), self.head, gap=False)
