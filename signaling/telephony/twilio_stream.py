"""Twilio's bidirectional Media Stream: its socket ends here and its sound goes on into the line of the room.

Messages are JSON; sound is base64 mu-law, 8 kHz, in pieces of 20 ms; sequence numbers are strings. Twilio buffers what we send:
marks tell how far it has played, and a buffer that grows is cleared, so that nobody hears seconds-old words.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from core.clock import Clock
from core.errors import AppError, Forbidden
from media.lines.protocol import FRAME, Codec, LineEnd, LineTicket
from signaling.telephony.port import LegId, LegWhy
from signaling.telephony.tickets import StreamTickets
from signaling.telephony.twilio_signature import TwilioSignature

log = logging.getLogger(__name__)
MARK_EVERY = 25
"""Frames between two marks: half a second."""
FULL = 100
"""Frames that Twilio has not played yet (2 s): then its buffer is cleared."""
MAX_MESSAGE = 32_768
KEY_PAUSE_S = 0.4
"""A key that is held down is one key."""


class Line(Protocol):
    """What is used of ``media.lines.client.PhoneLine``."""

    closed_by: str | None

    async def send(self, g711: bytes) -> None: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class StreamDesk(Protocol):
    """What is used of ``telephony.desk.Desk``."""

    async def join(self, leg_id: LegId, codec: Codec) -> LineTicket: ...

    async def pressed(self, leg_id: LegId, digit: str) -> bool: ...

    async def line_lost(self, leg_id: LegId) -> None: ...

    async def stands(self, leg_id: LegId) -> bool: ...

    async def ended(self, leg_id: LegId, why: LegWhy, error: str | None = None) -> None: ...


Connect = Callable[[LineTicket], AbstractAsyncContextManager[Line]]


@dataclass(frozen=True)
class StreamLimits:
    """Seconds after which something is wrong."""

    start: float = 10.0
    silent: float = 10.0
    """Twilio sends a piece every 20 ms, also of silence: nothing for so long is a dead stream."""
    unplayed: float = 5.0
    """A mark that does not come back for so long: Twilio reads or plays nothing any more."""
    send: float = 3.0


class _Over(Exception):  # noqa: N818 - not an error: how a stream ends
    def __init__(self, why: LegWhy | None) -> None:
        self.why = why
        """Why the call ends with it; none: the call goes on and asks what to do."""


class _Unsent(Exception):  # noqa: N818 - not an error: the other end is gone, and reading tells how
    """Nothing can be sent any more."""


class TwilioStreams:
    """Serves the sockets of all calls of this process."""

    def __init__(
        self,
        signature: TwilioSignature,
        tickets: StreamTickets,
        desk: StreamDesk,
        hang_up: Callable[[LegId, LegWhy], Any],
        connect: Connect,
        clock: Clock,
        limits: StreamLimits | None = None,
    ) -> None:
        self._signature = signature
        self._tickets = tickets
        self._desk = desk
        self._hang_up = hang_up
        self._connect = connect
        self._clock = clock
        self._limits = limits or StreamLimits()
        self._newest: dict[LegId, object] = {}
        """The stream of a leg that counts: an older one that is noticed late must not put it on hold."""

    async def serve(self, websocket: WebSocket) -> None:
        """One stream from upgrade to close. An unsigned upgrade is refused with 403 and learns nothing."""
        try:
            self._signature.socket(websocket.url.path, websocket.url.query, websocket.headers)
        except Forbidden:
            log.warning("stream_signature_wrong")
            await websocket.close(4403)
            return
        await websocket.accept()
        try:
            async with asyncio.timeout(self._limits.start):
                start = await _started(websocket)
                leg_id = await self._tickets.redeem(_ticket(start), str(start["start"]["callSid"]))
        except (TimeoutError, WebSocketDisconnect, AppError, KeyError, TypeError, ValueError):
            log.warning("stream_refused")
            await _close(websocket, 4401)
            return
        await self._joined(websocket, leg_id, str(start["streamSid"]))

    async def _joined(self, websocket: WebSocket, leg_id: LegId, stream_sid: str) -> None:
        why: LegWhy | None = None
        mine = self._newest[leg_id] = object()
        try:
            ticket = await self._desk.join(leg_id, Codec.PCMU)
            async with self._connect(ticket) as line:
                why = await _Talk(websocket, line, self._desk, leg_id, stream_sid, self._clock, self._limits).run()
        except AppError as error:
            # The call asks next what to do: it waits, comes in again, or is told that the session is over.
            log.info("line_not_open", extra={"code": error.code})
        newest = self._newest.get(leg_id) is mine
        if newest:
            del self._newest[leg_id]
        if why is LegWhy.HUNG_UP:
            await self._desk.ended(leg_id, why)
        elif why is None and newest:
            await self._desk.line_lost(leg_id)
        elif why is LegWhy.STALLED:
            await self._hang_up(leg_id, why)
        await _close(websocket, 1000)


class _Talk:
    """Sound both ways while it lasts."""

    def __init__(
        self,
        websocket: WebSocket,
        line: Line,
        desk: StreamDesk,
        leg_id: LegId,
        stream_sid: str,
        clock: Clock,
        limits: StreamLimits,
    ) -> None:
        self._websocket = websocket
        self._line = line
        self._desk = desk
        self._leg_id = leg_id
        self._stream_sid = stream_sid
        self._clock = clock
        self._limits = limits
        self._sequence = 0
        self._rest = b""
        self._sent = 0
        self._marks: dict[int, float] = {}
        self._cleared_to = 0
        self._heard_at = clock.monotonic()
        self._key_at = self._heard_at - KEY_PAUSE_S

    async def run(self) -> LegWhy | None:
        """Until one side ends: why the call ends with it, none when the call goes on."""
        why: LegWhy | None = None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._in())
                group.create_task(self._out())
                group.create_task(self._watch())
        except* _Over as over:
            found = [end.why for end in over.exceptions if isinstance(end, _Over)]
            why = next((one for one in found if one is not None), None)
        except* (WebSocketDisconnect, RuntimeError):
            log.info("stream_cut")
        return why

    async def _in(self) -> None:
        while True:
            message = await _receive(self._websocket)
            self._heard_at = self._clock.monotonic()
            number = _number(message.get("sequenceNumber"))
            if number is not None:
                if number <= self._sequence:
                    continue
                self._sequence = number
            match message.get("event"):
                case "media":
                    await self._hear(message.get("media"))
                case "dtmf":
                    await self._key(message.get("dtmf"))
                case "mark":
                    self._played(message.get("mark"))
                case "stop":
                    raise _Over(LegWhy.HUNG_UP)
                case _:
                    pass

    async def _hear(self, media: Any) -> None:
        if not isinstance(media, dict) or media.get("track", "inbound") != "inbound":
            return
        try:
            sound = self._rest + base64.b64decode(str(media.get("payload", "")), validate=True)
        except (binascii.Error, ValueError):
            return
        whole = len(sound) - len(sound) % FRAME
        self._rest = sound[whole:]
        if whole:
            await self._line.send(sound[:whole])

    async def _key(self, dtmf: Any) -> None:
        now = self._clock.monotonic()
        digit = str(dtmf.get("digit", "")) if isinstance(dtmf, dict) else ""
        if len(digit) != 1 or now - self._key_at < KEY_PAUSE_S:
            return
        self._key_at = now
        if await self._desk.pressed(self._leg_id, digit):
            raise _Over(LegWhy.LEFT)

    def _played(self, mark: Any) -> None:
        name = _number(mark.get("name")) if isinstance(mark, dict) else None
        if name is not None:
            self._marks = {sent: at for sent, at in self._marks.items() if sent > name}

    async def _out(self) -> None:
        try:
            await self._play()
        except _Unsent:
            return

    async def _play(self) -> None:
        async for frame in self._line:
            payload = base64.b64encode(frame).decode("ascii")
            await self._send({"event": "media", "streamSid": self._stream_sid, "media": {"payload": payload}})
            self._sent += 1
            if self._sent % MARK_EVERY:
                continue
            oldest = min(self._marks, default=self._sent)
            if self._sent - oldest >= FULL and oldest > self._cleared_to:
                # Marks that were cleared come back at once; those are not waited for twice.
                self._cleared_to = self._sent
                await self._send({"event": "clear", "streamSid": self._stream_sid})
            self._marks[self._sent] = self._clock.monotonic()
            await self._send({"event": "mark", "streamSid": self._stream_sid, "mark": {"name": str(self._sent)}})
        raise _Over(LegWhy.REPLACED if self._line.closed_by == LineEnd.REPLACED else None)

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(self._limits.send):
                await self._websocket.send_text(json.dumps(message, separators=(",", ":")))
        except TimeoutError:
            raise _Over(LegWhy.STALLED) from None
        except (WebSocketDisconnect, RuntimeError):
            # It is closed, and what Twilio said before that may not be read yet: a `stop` there means that they hung up.
            raise _Unsent from None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(min(self._limits.silent, self._limits.unplayed) / 4)
            if not await self._desk.stands(self._leg_id):
                # Ended on our side, and the carrier did not hear of it: nobody must be listening on.
                raise _Over(LegWhy.LEFT)
            now = self._clock.monotonic()
            if now - self._heard_at > self._limits.silent:
                raise _Over(LegWhy.STALLED)
            if self._marks and now - min(self._marks.values()) > self._limits.unplayed:
                raise _Over(LegWhy.STALLED)


async def _started(websocket: WebSocket) -> dict[str, Any]:
    """The message ``start``; anything but ``connected`` before it is refused. Raises ``ValueError``, ``KeyError``."""
    first = await _receive(websocket)
    if first.get("event") == "connected":
        first = await _receive(websocket)
    form = first["start"]["mediaFormat"]
    if first.get("event") != "start" or (form["encoding"], int(form["sampleRate"])) != ("audio/x-mulaw", 8000):
        raise ValueError("no stream of mu-law")
    return first


def _ticket(start: dict[str, Any]) -> str:
    return str(start["start"]["customParameters"]["ticket"])


async def _receive(websocket: WebSocket) -> dict[str, Any]:
    """The next message that is JSON; others count for nothing. What came before the socket closed is read also when sending failed
    already: ``receive_text`` would refuse that. Raises ``WebSocketDisconnect``."""
    while True:
        received = await websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received["code"], received.get("reason"))
        text = received.get("text") or ""
        if len(text) > MAX_MESSAGE:
            continue
        try:
            message = json.loads(text)
        except ValueError:
            continue
        if isinstance(message, dict):
            return message


def _number(text: Any) -> int | None:
    """Twilio writes its numbers as strings."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 16 else None


async def _close(websocket: WebSocket, code: int) -> None:
    if websocket.application_state is WebSocketState.CONNECTED:
        try:
            await websocket.close(code)
        except (RuntimeError, WebSocketDisconnect):
            return
