"""One telephone call inside the agent: its clock of 20 ms, the prompt that plays, the line into a room. No SIP here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from core.errors import AppError
from core.tasks import end
from media.lines.client import PhoneLine
from media.lines.protocol import FRAME_S, LineTicket
from media.sip.g711 import PCM_FRAME, to_alaw, to_pcm
from media.sip.protocol import Joined, LineEnded, Played
from media.sip.protocol import News as SipNews

logger = logging.getLogger(__name__)

_AHEAD = 2 * PCM_FRAME
"""Bytes that wait at the stack while a prompt plays."""
_MOST = 5 * PCM_FRAME
"""Bytes of the room's sound that may wait at the stack; what is beyond is dropped, so that two clocks cannot add delay."""
_LATE_S = 0.2
"""A clock that is later than this begins anew instead of catching up."""
_STALLED_S = 0.1
"""A room from which no frame came for so long keeps no time any more."""


class Wire(Protocol):
    """The sound of a call at the stack; none of these waits."""

    def read(self) -> bytes: ...
    def write(self, pcm: bytes) -> None: ...
    def waiting(self) -> int: ...
    def flush(self) -> None: ...


class Leg:
    """From the moment that sound flows until ``close``. ``tell`` takes news and must not wait.

    The room's frames are its clock while they come, two each 40 ms: the telephone's are sent in the same breath. To wake the process a
    second time for them costs as much again. Before, on hold and while a prompt plays it keeps time by itself."""

    def __init__(self, call_id: str, wire: Wire, tell: Callable[[SipNews], None]) -> None:
        self._call_id = call_id
        self._wire = wire
        self._tell = tell
        self._prompt: memoryview | None = None
        self._line: PhoneLine | None = None
        self._held = False
        self._rest = b""
        self._due = asyncio.get_running_loop().time()
        """When the clock has to beat by itself."""
        self._clock = asyncio.create_task(self._tick(), name="sip leg clock")
        self._joining: asyncio.Task[None] | None = None
        self.dropped = 0
        """Frames of the room that were dropped because the stack was behind."""

    def play(self, pcm: bytes) -> None:
        """In place of what plays now, and of the room's sound; empty: only stop."""
        self._wire.flush()
        self._prompt = memoryview(pcm) if pcm else None
        # The clock may be asleep for longer than a prompt can wait.
        self._clock.cancel()
        self._due = asyncio.get_running_loop().time()
        self._clock = asyncio.create_task(self._tick(), name="sip leg clock")

    def join(self, ticket: LineTicket) -> None:
        """Leave an older line, redeem this ticket. ``Joined`` or ``LineEnded`` follows."""
        before, self._joining = self._joining, asyncio.create_task(self._joined(ticket, self._joining), name="sip line")
        if before is not None:
            before.cancel()

    async def hold(self, on: bool) -> None:
        """No sound between call and room, or again."""
        self._held = on
        line = self._line
        if line is not None:
            try:
                await line.hold(on)
            except AppError:
                return

    async def close(self) -> None:
        """Ends the line and the clock."""
        await end([task for task in (self._clock, self._joining) if task is not None])

    async def _joined(self, ticket: LineTicket, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.gather(before, return_exceptions=True)
        why = ""
        try:
            async with PhoneLine.connect(ticket) as line:
                if self._held:
                    await line.hold(True)
                self._line = line
                self._tell(Joined(call_id=self._call_id))
                async for frame in line:
                    self._to_phone(frame)
                    if self._prompt is None and not self._held:
                        self._due = asyncio.get_running_loop().time() + _STALLED_S
                        await self._from_phone()
                why = line.closed_by or ""
        except AppError as error:
            why = error.code
        finally:
            self._line = None
        self._tell(LineEnded(call_id=self._call_id, why=why))

    def _to_phone(self, frame: bytes) -> None:
        if self._prompt is not None or self._held:
            return
        waiting = self._wire.waiting()
        if waiting >= _MOST:
            self.dropped += 1
            return
        pcm = to_pcm(frame)
        # A frame of silence first whenever the stack ran dry: its clock and the node's are never the same.
        self._wire.write(pcm if waiting else bytes(PCM_FRAME) + pcm)

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(max(0.0, self._due - loop.time()))
            late = loop.time() - self._due
            if late < 0:
                continue
            self._due += FRAME_S if late < _LATE_S else FRAME_S + late
            self._prompt_on()
            await self._from_phone()

    async def _from_phone(self) -> None:
        sound = self._rest + self._wire.read()
        whole = len(sound) - len(sound) % PCM_FRAME
        self._rest = sound[whole:]
        line = self._line
        if line is not None and not self._held and whole:
            await line.send(to_alaw(sound[:whole]))

    def _prompt_on(self) -> None:
        while self._prompt is not None and self._wire.waiting() < _AHEAD:
            if not self._prompt:
                self._prompt = None
                self._tell(Played(call_id=self._call_id))
                return
            self._wire.write(bytes(self._prompt[:PCM_FRAME]))
            self._prompt = self._prompt[PCM_FRAME:]
