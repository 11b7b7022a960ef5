"""The sound process: a child of the media node that decodes, mixes and encodes, so that the node never has to.

``python -m media.lines.process <fd> <host> <port> <name>``. It ends when its node does, and may be killed at any moment:
the node starts another one and those on the telephone come in again."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
import time
from contextlib import suppress
from typing import Any

import uvloop

from core.clock import Clock, SystemClock
from media.codecs import Codec
from media.lines.endpoint import Endpoint, Ticker, Ticket
from media.lines.opus import OpusError, library
from media.lines.pipe import PipeClosedError, PipeEnd, is_packets, read_copied, read_words, voice
from media.lines.studio import Studio
from media.lines.words import BEAT, FRAME_S

logger = logging.getLogger("media.lines")

_UPKEEP_S = 1.0
_GARBAGE = 20_000
"""Objects between two looks for garbage: hardly any of ours is in circles."""
_EARLY_S = 0.0006
"""uvloop's timers count whole milliseconds and may come half a one too soon."""


class SoundProcess:
    """Pipe on one side, endpoint on the other, a clock between them.

    While somebody is on a telephone or taps, the clock is the only thing that wakes the process: each 40 ms it reads the pipe and all
    sockets, makes the sound and sends it. To be woken costs more than the sound of several telephones."""

    def __init__(self, pipe: PipeEnd, clock: Clock) -> None:
        self._pipe = pipe
        self.studio = Studio(clock, lambda *said: pipe.put_packet(voice(*said)))
        self._endpoint = Endpoint(self.studio, self._tell, catch_up=self._catch_up, begun=self._begin)
        self._over = asyncio.Event()
        self._ticker: Ticker | None = None
        """While the clock runs."""

    async def run(self, host: str, port: int, name: str) -> None:
        """Until the node is gone. Raises ``OSError`` when the port is taken."""
        await self._endpoint.start(host, port, name)
        asyncio.get_running_loop().add_reader(self._pipe.sock, self._catch_up)
        self._tell({"is": "ready", "url": self._endpoint.url})
        upkeep = asyncio.create_task(self._keep_up(), name="sound upkeep")
        await self._over.wait()
        upkeep.cancel()
        asyncio.get_running_loop().remove_reader(self._pipe.sock)
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._endpoint.close()

    async def _keep_up(self) -> None:
        while True:
            await asyncio.sleep(_UPKEEP_S)
            self.upkeep(time.monotonic())

    def upkeep(self, now: float) -> None:
        """Once a second: tickets that are too old, lines that stand on hold."""
        self._endpoint.expire(now)
        self._endpoint.alive()

    # the clock

    def _begin(self) -> None:
        """From now on the clock reads."""
        if self._ticker is None:
            asyncio.get_running_loop().remove_reader(self._pipe.sock)
            self._ticker = Ticker(time.monotonic())
            self._beat(self._ticker)

    def _beat(self, ticker: Ticker) -> None:
        now = time.monotonic()
        due = ticker.due(now)
        if due:
            self.step(now, due)
        loop = asyncio.get_running_loop()
        if self._over.is_set():
            return
        if self.studio.busy:
            loop.call_later(ticker.wait(time.monotonic()) + _EARLY_S, self._beat, ticker)
            return
        self._ticker = None
        loop.add_reader(self._pipe.sock, self._catch_up)

    def step(self, now: float, ticks: int = BEAT) -> None:
        """What came, and the next beats (``ticks`` in frames), each as if it had been made in its time."""
        self._read(now)
        self._endpoint.read(now)
        for ago in range(ticks - BEAT, -1, -BEAT):
            try:
                self.studio.beat(now - ago * FRAME_S)
            except Exception:
                logger.exception("a beat of sound failed")
        self._endpoint.write()
        self._pipe.flush()

    # the node

    def _tell(self, words: dict[str, Any]) -> None:
        try:
            self._pipe.send_words(words)
        except PipeClosedError:
            self._over.set()

    def _catch_up(self) -> None:
        self._read(time.monotonic())

    def _read(self, now: float) -> None:
        try:
            for data in self._pipe.read():
                try:
                    self._hear(data, now)
                except Exception:
                    logger.exception("a message of the node failed")
            self._pipe.send_waiting()
        except PipeClosedError:
            self._over.set()
            asyncio.get_running_loop().remove_reader(self._pipe.sock)

    def _hear(self, data: bytes, now: float) -> None:
        if is_packets(data):
            for handle, seq, ts, at, payload in read_copied(data):
                self.studio.packet(handle, seq, ts, payload, at)
        else:
            self._obey(read_words(data), now)

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
                self.studio.add_voice(handle, words["room"], words["peer"])
            case "silent":
                self.studio.drop(handle)
            case "end":
                self._endpoint.end(handle, words["why"])
            case "allowed":
                self._endpoint.allowed(handle)
            case "loss":
                line = self.studio.lines.get(handle)
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
        gc.freeze()
        gc.set_threshold(_GARBAGE)
        uvloop.run(SoundProcess(pipe, SystemClock()).run(host, port, name))
    except OSError as error:
        logger.error("lines endpoint: %s", error)
        return 3
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
