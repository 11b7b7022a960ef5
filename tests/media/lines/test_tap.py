"""A tap's end in the house, message by message: of whoever is out nothing is given, whatever was on its way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import cast

from media.lines.client import SpeechTap
from media.lines.protocol import Piece
from media.lines.stream import ClientStream

AT = datetime(2026, 11, 22, tzinfo=UTC)


def piece(peer_id: str) -> bytes:
    return Piece(peer_id, AT, b"\0\0" * 320).encode()


class Slow:
    """A connection whose other side had pieces in its hands when it answered."""

    close_reason = None

    def __init__(self) -> None:
        self.sound: Callable[[bytes], None] = lambda data: None
        self._words: asyncio.Queue[str] = asyncio.Queue()

    async def send(self, text: str) -> None:
        self.sound(piece("officer"))
        self._words.put_nowait(json.dumps({"allowed": json.loads(text)["allow"]}))
        await asyncio.sleep(0)
        for peer_id in ("officer", "applicant"):
            self.sound(piece(peer_id))

    async def __aiter__(self) -> AsyncIterator[str]:
        while True:
            yield await self._words.get()

    async def close(self) -> None: ...


async def test_nothing_is_given_of_whoever_is_out_although_it_came_after_the_answer() -> None:
    slow = Slow()
    tap = SpeechTap(cast(ClientStream, slow))
    for peer_id in ("officer", "applicant"):
        slow.sound(piece(peer_id))
    assert [one.peer_id for one in tap._queue] == ["officer", "applicant"], "as the ticket says"
    await tap.allow({"applicant"})
    slow.sound(piece("officer"))
    assert {one.peer_id for one in tap._queue} == {"applicant"}
    await tap.allow({"officer"})
    assert {one.peer_id for one in tap._queue} == {"officer"}, "who is in again is heard"
    tap._reader.cancel()
    await asyncio.gather(tap._reader, return_exceptions=True)
