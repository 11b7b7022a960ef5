"""The sound process: a child of the media node that decodes, mixes and encodes, so that the node never has to.

``python -m media.lines.process <fd> <host> <port> <name>``. It ends when its node does, and may be killed at any moment:
the node starts another one and those on the telephone come in again."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import time
from contextlib import suppress
from typing import Any

import uvloop

from core.clock import SystemClock
from media.codecs import Codec
from media.lines.endpoint import Endpoint, Ticker, Ticket
from media.lines.opus import OpusError, library
from media.lines.pipe import PipeClosedError, PipeEnd, is_packet, read_copied, read_words, voice
from media.lines.studio import Studio

logger = logging.getLogger("media.lines")

_UPKEEP = 50
"""Ticks (one second) between two rounds of upkeep."""


class SoundProcess:
    """Pipe on one side, endpoint on the other, a clock between them."""

    def __init__(self, pipe: PipeEnd) -> None:
        self._pipe = pipe
        self._studio = Studio(SystemClock(), lambda *said: pipe.send_packet(voice(*said)))
        self._endpoint = Endpoint(self._studio, self._tell)
        self._over = asyncio.Event()

    async def run(self, host: str, port: int, name: str) -> None:
        """Until the node is gone. Raises ``OSError`` when the port is taken."""
        await self._endpoint.start(host, port, name)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pipe.sock, self._read)
        self._tell({"is": "ready", "url": self._endpoint.url})
        clock = asyncio.create_task(self._keep_time(), name="sound clock")
        over = asyncio.create_task(self._over.wait())
        await asyncio.wait((clock, over), return_when=asyncio.FIRST_COMPLETED)
        for task in (clock, over):
            task.cancel()
        loop.remove_reader(self._pipe.sock)
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._endpoint.close()

    async def _keep_time(self) -> None:
        ticker, count = Ticker(time.monotonic()), 0
        while True:
            await asyncio.sleep(ticker.wait(time.monotonic()))
            now = time.monotonic()
            for _ in range(ticker.due(now)):
                count += 1
                try:
                    self._studio.tick(now)
                except Exception:
                    logger.exception("20 ms of sound failed")
                if count % _UPKEEP == 0:
                    self._endpoint.expire(now)
                    self._endpoint.alive()

    def _tell(self, words: dict[str, Any]) -> None:
        try:
            self._pipe.send_words(words)
        except PipeClosedError:
            self._over.set()

    def _read(self) -> None:
        now = time.monotonic()
        try:
            for data in self._pipe.read():
                if is_packet(data):
                    self._studio.packet(*read_copied(data), now)
                else:
                    self._obey(read_words(data), now)
            self._pipe.flush()
        except PipeClosedError:
            self._over.set()
            asyncio.get_running_loop().remove_reader(self._pipe.sock)
        except Exception:
            logger.exception("a message of the node failed")

    def _obey(self, words: dict[str, Any], now: float) -> None:
        handle = int(words["handle"])
        match words["do"]:
            case "ticket":
                codec = Codec(words["codec"]) if words.get("codec") else None
                ticket = Ticket(
                    handle, words["room"], now + words["seconds"], words.get("peer", ""), codec,
                    tuple(words.get("allowed", ())),
                )  # fmt: skip
                self._endpoint.admit(words["digest"], ticket)
            case "voice":
                self._studio.add_voice(handle, words["room"], words["peer"])
            case "silent":
                self._studio.drop(handle)
            case "end":
                self._endpoint.end(handle, words["why"])
            case "allowed":
                self._endpoint.allowed(handle)
            case "loss":
                line = self._studio.lines.get(handle)
                if line is not None:
                    line.encoder.expect_loss(float(words["share"]))


def main() -> int:
    """Runs until the node's end of the pipe closes; 2 without libopus, 3 when the port is taken."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    fd, host, port, name = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    pipe = PipeEnd(socket.socket(fileno=fd))
    try:
        library()
    except OpusError as error:
        logger.error("%s", error)
        return 2
    try:
        uvloop.run(SoundProcess(pipe).run(host, port, name))
    except OSError as error:
        logger.error("lines endpoint: %s", error)
        return 3
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
