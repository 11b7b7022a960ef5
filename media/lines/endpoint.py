"""The lines endpoint: a plain WebSocket server inside the house, to which telephones and taps connect with one-time secrets."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast
from weakref import WeakKeyDictionary

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from media.codecs import Codec
from media.lines.stream import MAX_MESSAGE, ServerStream, binary
from media.lines.studio import Line, Studio, Tap
from media.lines.words import BEAT, FRAME_S, LineEnd

logger = logging.getLogger(__name__)

_SEND_BUFFER = 8192
"""Bytes that the system keeps for a slow reader: half a second of G.711, not minutes."""
_MOST_TICKETS = 2000
_ALLOW_S = 2.0
_GOING_AWAY, _NORMAL = 1001, 1000
_BEAT_S = BEAT * FRAME_S


@dataclass(frozen=True)
class Ticket:
    """What a secret opens, until ``expires`` (monotonic)."""

    handle: int
    room: str
    expires: float
    peer: str = ""
    codec: Codec | None = None
    """None: a tap."""
    allowed: tuple[str, ...] = ()


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Endpoint:
    """Serves lines and taps of a studio. ``tell`` takes words for the node, ``catch_up`` reads those that the node said already,
    ``begun`` is called whenever a line or tap came."""

    def __init__(
        self,
        studio: Studio,
        tell: Callable[[dict[str, Any]], None],
        *,
        catch_up: Callable[[], None] = lambda: None,
        begun: Callable[[], None] = lambda: None,
    ) -> None:
        self._studio = studio
        self._tell = tell
        self._catch_up = catch_up
        self._begun = begun
        self._tickets: dict[str, Ticket] = {}
        self._redeemed: WeakKeyDictionary[ServerConnection, Ticket] = WeakKeyDictionary()
        self._sockets: dict[int, ServerStream] = {}
        self._allowing: dict[int, asyncio.Event] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._server: Server | None = None
        self.url = ""

    async def start(self, host: str, port: int, name: str) -> None:
        """Listens; ``name`` is under what others reach ``host``. Raises ``OSError``."""
        self._server = await serve(
            self._handle, host, port, process_request=self._check, compression=None, max_size=MAX_MESSAGE,
            max_queue=16, write_limit=2048, ping_interval=5, ping_timeout=10, close_timeout=1, open_timeout=5,
            server_header=None, create_connection=ServerStream,
        )  # fmt: skip
        bound = next(iter(self._server.sockets)).getsockname()[1]
        shown = name or host
        self.url = f"ws://[{shown}]:{bound}/line" if ":" in shown else f"ws://{shown}:{bound}/line"

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    # from the node

    def admit(self, secret_digest: str, ticket: Ticket) -> None:
        """A secret is good from now on."""
        if len(self._tickets) < _MOST_TICKETS:
            self._tickets[secret_digest] = ticket

    def expire(self, now: float) -> None:
        """Forgets secrets that nobody used in time."""
        for secret, ticket in list(self._tickets.items()):
            if ticket.expires <= now:
                del self._tickets[secret]
                self._tell({"is": "down", "handle": ticket.handle, "why": "expired"})

    def end(self, handle: int, why: str) -> None:
        """Closes a line or tap, or makes its ticket worthless."""
        self._tickets = {secret: ticket for secret, ticket in self._tickets.items() if ticket.handle != handle}
        self._studio.drop(handle)
        connection = self._sockets.pop(handle, None)
        if connection is not None:
            connection.read_by_itself()
            task = asyncio.create_task(connection.close(_NORMAL, why[:100]))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def allowed(self, handle: int) -> None:
        """The node copies only what the tap asked for last."""
        if handle in self._allowing:
            self._allowing[handle].set()

    def alive(self) -> None:
        """Once a second: lines on hold send no sound, but they stand."""
        for handle, line in self._studio.lines.items():
            if line.held:
                self._tell({"is": "alive", "handle": handle})

    def read(self, now: float) -> None:
        """What the telephones said since the last time."""
        for connection in list(self._sockets.values()):
            try:
                connection.read_now()
            except Exception:
                # One telephone's trouble must not stop the clock of all.
                logger.exception("what a telephone said failed")
                connection.read_by_itself()
        for line in self._studio.lines.values():
            if line.heard:
                line.take(bytes(line.heard), now)
                line.heard.clear()

    def write(self) -> None:
        """What the telephones are to hear now."""
        for line in self._studio.lines.values():
            line.outbox.hand_over()

    # connections

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Origin") is not None or request.path != "/line":
            return connection.respond(HTTPStatus.FORBIDDEN, "")
        self._catch_up()
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        ticket = self._tickets.pop(digest(secret), None) if kind == "Bearer" else None
        if ticket is None:
            return connection.respond(HTTPStatus.UNAUTHORIZED, "")
        if ticket.expires <= time.monotonic():
            self._tell({"is": "down", "handle": ticket.handle, "why": "expired"})
            return connection.respond(HTTPStatus.UNAUTHORIZED, "")
        self._redeemed[connection] = ticket
        return None

    async def _handle(self, connection: ServerConnection) -> None:
        ticket = self._redeemed.pop(connection)
        handle = ticket.handle
        stream = cast(ServerStream, connection)
        sock = connection.transport.get_extra_info("socket")
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._sockets[handle] = stream
        self._tell({"is": "up", "handle": handle})
        try:
            if ticket.codec is None:
                await self._serve_tap(stream, handle, Tap(ticket.room, ticket.allowed))
            else:
                await self._serve_line(stream, handle, Line(ticket.room, ticket.peer, ticket.codec))
        except ConnectionClosed:
            pass
        finally:
            self._studio.drop(handle)
            if self._sockets.pop(handle, None) is not None:
                self._tell({"is": "down", "handle": handle, "why": LineEnd.HUNG_UP})

    async def _serve_line(self, connection: ServerStream, handle: int, line: Line) -> None:
        async def words(said: dict[str, Any]) -> None:
            if isinstance(said.get("hold"), bool):
                line.hold(said["hold"])
                await connection.send(json.dumps({"held": line.held}))

        connection.sound = line.heard.extend
        line.outbox.to = lambda frames: connection.write(binary(b"".join(frames)))
        self._studio.add_line(handle, line)
        connection.read_by_hand()
        self._begun()
        await _read(connection, words)

    async def _serve_tap(self, connection: ServerStream, handle: int, tap: Tap) -> None:
        self._studio.add_tap(handle, tap)
        self._begun()

        async def words(said: dict[str, Any]) -> None:
            peers = said.get("allow")
            if not isinstance(peers, list) or not all(isinstance(peer, str) for peer in peers):
                return
            before = tap.allowed
            self._studio.allow(tap, before & frozenset(peers))
            done = self._allowing[handle] = asyncio.Event()
            try:
                self._tell({"is": "allow", "handle": handle, "peers": peers})
                async with asyncio.timeout(_ALLOW_S):
                    await done.wait()
                self._studio.allow(tap, peers)
                await connection.send(json.dumps({"allowed": peers}))
            except TimeoutError:
                logger.warning("the node did not confirm what a tap may hear")
            finally:
                del self._allowing[handle]

        async def write() -> None:
            while True:
                for piece in await tap.outbox.take_all():
                    # They may have said no while an earlier piece waited for a slow reader.
                    if piece.peer_id in tap.allowed:
                        await connection.send(piece.encode())

        writer = asyncio.create_task(write(), name="tap writer")
        try:
            await _read(connection, words)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)


async def _read(connection: ServerStream, words: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Reads words until the connection ends. Sound goes by another way, unless it was sent in fragments."""
    async for message in connection:
        if isinstance(message, bytes):
            if connection.sound is not None:
                connection.sound(message)
            continue
        try:
            said = json.loads(message)
        except ValueError:
            continue
        if isinstance(said, dict):
            await words(said)


class Ticker:
    """Beat after beat of ``BEAT`` frames, without drift; what was slept over is made up for, up to a bound (in frames)."""

    def __init__(self, start: float, *, most_behind: int = 3 * BEAT) -> None:
        self._next = start
        self._most = most_behind
        self.skipped = 0

    def due(self, now: float) -> int:
        """How many frames are to be made now."""
        behind = BEAT * (int((now - self._next) / _BEAT_S) + 1) if now >= self._next else 0
        if behind > self._most:
            self.skipped += behind - self._most
        self._next += behind * FRAME_S
        return min(behind, self._most)

    def wait(self, now: float) -> float:
        """Seconds until the next beat."""
        return max(0.0, self._next - now)
