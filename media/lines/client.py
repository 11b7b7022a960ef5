"""The two ends that the rest of the house holds: a telephone line into a room, and a tap of speech out of it.

Both talk to a node's lines endpoint inside the house. Queues are bounded: who does not read loses the oldest sound."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from core.errors import Unavailable
from media.lines.protocol import FRAME, LineEnd, LineTicket, Piece
from media.lines.stream import MAX_MESSAGE, ClientStream, masked

__all__ = ["PhoneLine", "SpeechTap"]

_OPEN_S = 5.0
_ANSWER_S = 3.0
_SEND_S = 0.5
_FRAMES_KEPT = 15
"""0.3 s of a telephone's sound. What the system kept while nobody read comes in one piece, and only its newest stays: a small buffer of
the system would hold the sound up after it, until the sender asks whether there is room again."""
_PIECES_KEPT = 3_000
"""A tap's reader may be busy for a while (five minutes of one speaker)."""
T = TypeVar("T")


class _End(ABC, Generic[T]):
    """What both kinds of connection have in common: one reader task, a bounded queue, answers, the reason at the end."""

    def __init__(self, connection: ClientStream, kept: int) -> None:
        self._connection = connection
        self._queue: deque[T] = deque(maxlen=kept)
        self._there = asyncio.Event()
        self._answers: dict[str, asyncio.Event] = {}
        self._asking = asyncio.Lock()
        self._closing = False
        self.dropped = 0
        """Frames or pieces that were lost here because nobody took them in time."""
        self.closed_by: str | None = None
        """Why it ended: a ``LineEnd`` or the reason that ``MediaClient.close`` was given; none while it stands."""
        connection.sound = self._take
        self._reader = asyncio.create_task(self._read(), name="line reader")

    @abstractmethod
    def _take(self, data: bytes) -> None:
        """One binary message of the other side."""

    def _put(self, item: T) -> None:
        self.dropped += len(self._queue) == self._queue.maxlen
        self._queue.append(item)
        self._there.set()

    async def _read(self) -> None:
        try:
            async for message in self._connection:
                if isinstance(message, bytes):
                    self._take(message)
                    continue
                for name in json.loads(message):
                    if name in self._answers:
                        self._answers[name].set()
        except (ConnectionClosed, ValueError):
            pass
        finally:
            if self.closed_by is None:
                reason = self._connection.close_reason
                self.closed_by = LineEnd.HUNG_UP if self._closing else reason or LineEnd.SOUND_LOST
            self._there.set()
            for answered in self._answers.values():
                answered.set()

    async def _ask(self, request: dict[str, Any], answer: str) -> None:
        async with self._asking:
            answered = self._answers[answer] = asyncio.Event()
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await self._connection.send(json.dumps(request))
                    await answered.wait()
            except (TimeoutError, ConnectionClosed) as error:
                raise Unavailable("line_closed") from error
            finally:
                del self._answers[answer]
        if self.closed_by is not None:
            raise Unavailable("line_closed")

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            while self._queue:
                yield self._queue.popleft()
            if self.closed_by is not None:
                return
            self._there.clear()
            await self._there.wait()

    async def close(self) -> None:
        """Ends it from this side. Idempotent."""
        self._closing = True
        await self._connection.close()
        await asyncio.gather(self._reader, return_exceptions=True)


class PhoneLine(_End[bytes]):
    """A telephone in a room: G.711 in, everybody else's sound out.

    ``async with PhoneLine.connect(ticket) as line``; iterating gives one frame of 160 bytes each 20 ms."""

    def __init__(self, connection: ClientStream) -> None:
        super().__init__(connection, _FRAMES_KEPT)

    @classmethod
    @asynccontextmanager
    async def connect(cls, ticket: LineTicket) -> AsyncIterator[PhoneLine]:
        """Redeems the ticket. Raises ``Unavailable('line_refused')`` for a wrong, used or old one, and
        ``Unavailable('lines_unavailable')`` when nobody answers."""
        connection = await _connected(ticket)
        line = cls(connection)
        try:
            yield line
        finally:
            await line.close()

    def _take(self, data: bytes) -> None:
        for at in range(0, len(data) - FRAME + 1, FRAME):
            self._put(data[at : at + FRAME])

    async def send(self, g711: bytes) -> None:
        """What the telephone said: any multiple of 160 bytes, in the ticket's codec; silently nothing after the end.

        Raises ``ValueError`` for another length. Waits at most a moment when the sound process does not read."""
        if not g711 or len(g711) % FRAME:
            raise ValueError("G.711 comes in frames of 160 bytes")
        if self.closed_by is not None or (len(g711) < MAX_MESSAGE and self._connection.write(masked(g711))):
            return
        try:
            async with asyncio.timeout(_SEND_S):
                await self._connection.send(g711)
        except (ConnectionClosed, TimeoutError):
            return

    async def hold(self, on: bool) -> None:
        """Stops, or starts again, the sound both ways; when it returns, nothing from before the hold is in the queue.

        Raises ``Unavailable('line_closed')``."""
        await self._ask({"hold": on}, "held")
        if on:
            self._queue.clear()


class SpeechTap(_End[Piece]):
    """Speech out of a room, by speaker: ``async with SpeechTap.connect(ticket) as tap: async for piece in tap``."""

    def __init__(self, connection: ClientStream) -> None:
        self._allowed: frozenset[str] | None = None
        """What was asked for last; none until then: as the ticket says."""
        super().__init__(connection, _PIECES_KEPT)

    @classmethod
    @asynccontextmanager
    async def connect(cls, ticket: LineTicket) -> AsyncIterator[SpeechTap]:
        """Redeems the ticket; errors as with ``PhoneLine.connect``."""
        tap = cls(await _connected(ticket))
        try:
            yield tap
        finally:
            await tap.close()

    def _take(self, data: bytes) -> None:
        piece = Piece.decode(data)
        # The other side may have had some in its hands already when it answered that it sends no more.
        if self._allowed is None or piece.peer_id in self._allowed:
            self._put(piece)

    async def allow(self, peer_ids: Collection[str]) -> None:
        """From now on the sound of these participants, and of nobody else, leaves the node; the whole set each time.

        Pieces of those who are out are gone at once, from the queue too. Raises ``Unavailable('line_closed')``."""
        self._allowed = frozenset(peer_ids)
        kept = [piece for piece in self._queue if piece.peer_id in self._allowed]
        self._queue.clear()
        self._queue.extend(kept)
        await self._ask({"allow": sorted(peer_ids)}, "allowed")


async def _connected(ticket: LineTicket) -> ClientStream:
    try:
        async with asyncio.timeout(_OPEN_S):
            connection = await connect(
                ticket.url, additional_headers={"Authorization": f"Bearer {ticket.secret}"}, compression=None,
                proxy=None, max_size=MAX_MESSAGE, ping_interval=5, ping_timeout=10, close_timeout=1,
                create_connection=ClientStream,
            )  # fmt: skip
            assert isinstance(connection, ClientStream)
            return connection
    except InvalidStatus as error:
        raise Unavailable("line_refused") from error
    except (OSError, TimeoutError, WebSocketException) as error:
        raise Unavailable("lines_unavailable") from error
