"""A small lines endpoint without a room, for tests of telephones: it speaks as the sound process does and keeps what it hears."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from media.lines.protocol import FRAME
from media.sip.g711 import to_alaw, to_pcm

SECRET = "once"


class FakeLines:
    """One frame of 20 ms each 20 ms to every line; ``heard`` is what came, as signed 16 bit at 8 kHz."""

    def __init__(self) -> None:
        self.url = ""
        self.heard: list[bytes] = []
        self.echo = False
        """True: what comes goes back at once, and nothing else is said."""
        self.repeated = b""
        """Said again and again while there is nothing else to say."""
        self._say = b""
        self._sockets: set[ServerConnection] = set()

    @classmethod
    @asynccontextmanager
    async def listening(cls) -> AsyncIterator[FakeLines]:
        lines = cls()
        async with serve(lines._serve, "127.0.0.1", 0, process_request=lines._admit, compression=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            lines.url = f"ws://127.0.0.1:{port}/line"
            clock = asyncio.create_task(lines._clock())
            try:
                yield lines
            finally:
                clock.cancel()

    def say(self, pcm: bytes) -> None:
        self._say += pcm

    async def end(self, reason: str) -> None:
        for socket in list(self._sockets):
            await socket.close(4000, reason)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Authorization") == f"Bearer {SECRET}":
            return None
        return connection.respond(HTTPStatus.FORBIDDEN, "")

    async def _serve(self, socket: ServerConnection) -> None:
        self._sockets.add(socket)
        try:
            async for message in socket:
                if isinstance(message, bytes):
                    if self.echo:
                        await socket.send(message)
                    self.heard += [to_pcm(message[at : at + FRAME]) for at in range(0, len(message), FRAME)]
                else:
                    await socket.send(json.dumps({"held": json.loads(message)["hold"]}))
        finally:
            self._sockets.discard(socket)

    async def _clock(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))
            self._say = self._say or self.repeated
            frame, self._say = self._say[: 2 * FRAME], self._say[2 * FRAME :]
            for socket in () if self.echo else list(self._sockets):
                try:
                    await socket.send(to_alaw(frame.ljust(2 * FRAME, b"\0")))
                except ConnectionClosed:
                    continue
