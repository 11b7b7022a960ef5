"""How a media stream ends, message by message, over a socket that a test holds in its hand: no room, no sound."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from starlette.websockets import WebSocket

from core.clock import SystemClock
from media.lines.protocol import Codec, LineTicket
from signaling.telephony.port import LegWhy
from signaling.telephony.tickets import StreamTickets
from signaling.telephony.twilio_signature import TwilioSignature
from signaling.telephony.twilio_stream import TwilioStreams

LEG = "leg_1"
START: dict[str, Any] = {
    "event": "start", "sequenceNumber": "1", "streamSid": "MZ1",
    "start": {
        "callSid": "CA1", "customParameters": {"ticket": "t"},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    },
}  # fmt: skip


@dataclass
class Wire:
    """Twilio's end: what it said waits here until the server reads it; ``gone``: nothing can be sent to it any more."""

    said: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    gone: bool = False
    refused: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, message: dict[str, Any]) -> None:
        self.said.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    def close(self) -> None:
        self.said.put_nowait({"type": "websocket.disconnect", "code": 1000, "reason": ""})

    async def receive(self) -> dict[str, Any]:
        return await self.said.get()

    async def send(self, message: Any) -> None:
        if self.gone and message["type"] == "websocket.send":
            self.refused.set()
            raise OSError

    def socket(self) -> WebSocket:
        scope = {"type": "websocket", "path": "/telephony/media", "query_string": b"", "headers": []}
        return WebSocket(scope, self.receive, self.send)


class Room:
    """Desk, tickets and signature that let this one stream in, and a line that always has a frame to play."""

    def __init__(self) -> None:
        self.told: list[tuple[str, LegWhy | None]] = []
        self.closed_by: str | None = None

    def socket(self, _path: str, _query: str, _headers: object) -> None: ...

    async def redeem(self, _ticket: str, _call_id: str) -> str:
        return LEG

    async def join(self, _leg_id: str, _codec: Codec) -> LineTicket:
        return LineTicket(url="ws://nowhere", secret="secret")

    async def pressed(self, _leg_id: str, _digit: str) -> bool:
        return False

    async def stands(self, _leg_id: str) -> bool:
        return True

    async def line_lost(self, _leg_id: str) -> None:
        self.told.append(("line_lost", None))

    async def ended(self, _leg_id: str, why: LegWhy, _error: str | None = None) -> None:
        self.told.append(("ended", why))

    async def hang_up(self, _leg_id: str, why: LegWhy) -> None:
        self.told.append(("hung up by us", why))

    async def send(self, _g711: bytes) -> None: ...

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.001)
            yield b"\xff" * 160

    @asynccontextmanager
    async def line(self, _ticket: LineTicket) -> AsyncIterator[Room]:
        yield self


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ({"event": "stop", "sequenceNumber": "2", "streamSid": "MZ1"}, ("ended", LegWhy.HUNG_UP)),
        (None, ("line_lost", None)),
    ],
)
async def test_what_was_said_last_counts_though_nothing_can_be_sent_any_more(
    last: dict[str, Any] | None, told: tuple[str, LegWhy | None]
) -> None:
    """Somebody puts the receiver down: ``stop`` and the end of the socket come in one go, and our next frame finds it closed first."""
    wire, room = Wire(), Room()
    streams = TwilioStreams(
        cast(TwilioSignature, room), cast(StreamTickets, room), room, room.hang_up, room.line, SystemClock()
    )
    wire.said.put_nowait({"type": "websocket.connect"})
    wire.say({"event": "connected"})
    wire.say(START)
    serving = asyncio.create_task(streams.serve(wire.socket()))
    wire.gone = True
    await asyncio.wait_for(wire.refused.wait(), 30)
    if last is not None:
        wire.say(last)
    wire.close()
    await asyncio.wait_for(serving, 30)
    assert room.told == [told]
