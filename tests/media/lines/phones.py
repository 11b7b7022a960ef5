"""Telephones for tests of lines: they speak in real time, keep what they hear, and hang up at the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np

from media.lines import g711
from media.lines.client import PhoneLine
from media.lines.protocol import FRAME, FRAME_S, LineTicket
from media.protocol import Codec
from media.similarity import Samples


class Phone:
    """One telephone on a line; says silence until ``say``."""

    def __init__(self, line: PhoneLine, codec: Codec) -> None:
        self.line = line
        self.codec = codec
        self.frames: list[bytes] = []
        self._words = b""
        self._at = 0
        self._again = False
        self._silent = asyncio.Event()
        self.over = asyncio.Event()
        """The line has ended."""

    def say(self, sound: Samples, *, again: bool = False) -> None:
        """From the next frame on, once or again and again."""
        data = g711.encode(self.codec, sound)
        self._words, self._at, self._again = data[: len(data) // FRAME * FRAME], 0, again
        self._silent.clear()

    async def said(self, *, timeout: float = 60) -> None:
        """Waits until all was said."""
        async with asyncio.timeout(timeout):
            await self._silent.wait()

    async def talk(self) -> None:
        """20 ms after 20 ms."""
        upcoming = time.monotonic()
        while self.line.closed_by is None:
            if self._again and self._at >= len(self._words):
                self._at = 0
            frame = self._words[self._at : self._at + FRAME]
            self._at += FRAME
            if not frame:
                self._silent.set()
            await self.line.send(frame or g711.silence(self.codec, FRAME))
            upcoming += FRAME_S
            await asyncio.sleep(max(0.0, upcoming - time.monotonic()))

    async def listen(self) -> None:
        async for frame in self.line:
            self.frames.append(frame)
        self.over.set()

    def heard(self, since: int = 0) -> Samples:
        """What came from this frame on, at 8 kHz."""
        return (
            g711.decode(self.codec, b"".join(self.frames[since:])) if self.frames[since:] else np.zeros(0, np.float32)
        )


@asynccontextmanager
async def calling(ticket: LineTicket, codec: Codec = Codec.PCMU) -> AsyncIterator[Phone]:
    """A telephone on the line of this ticket."""
    async with PhoneLine.connect(ticket) as line:
        phone = Phone(line, codec)
        tasks = [asyncio.create_task(phone.talk()), asyncio.create_task(phone.listen())]
        try:
            yield phone
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
