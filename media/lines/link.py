"""The node's side of the sound process: starts it when it is first needed, starts it again when it dies, and never waits for it."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from typing import Any, Protocol

from core.errors import Unavailable
from media.lines.pipe import PipeClosedError, PipeEnd, copied, is_packets, pair, read_voices, read_words
from media.lines.words import SECRET_S
from media.protocol import Codec, LineTicket

logger = logging.getLogger(__name__)

_READY_S = 7.0
_AGAIN_S, _AGAIN_MOST_S = 0.2, 5.0
"""Seconds before a dead sound process is started again: the first time, and at most."""
_HANDLES = 2**32


@dataclass(frozen=True)
class LinesOptions:
    """Where the sound process listens, inside the house only."""

    host: str = "127.0.0.1"
    port: int = 0
    """0: any free one."""
    name: str = ""
    """Under which the web servers reach ``host``; empty: the host itself."""
    secret_s: float = SECRET_S


class LineSink(Protocol):
    """What hears of one telephone or tap; called synchronously, must not block."""

    def up(self) -> None:
        """It connected."""
        ...

    def sound(self, seq: int, ts: int, level: int, live: bool, payload: bytes) -> None: ...

    def alive(self) -> None: ...

    def allow(self, peer_ids: tuple[str, ...]) -> None:
        """A tap wants to hear these and nobody else."""
        ...

    def down(self, why: str) -> None:
        """It ended, or will never come."""
        ...


class SoundLink:
    """One sound process at a time, and what is known in it by handle. ``close`` ends it."""

    def __init__(self, options: LinesOptions) -> None:
        self.url = ""
        """Of the lines endpoint; empty while there is none."""
        self.pid: int | None = None
        self.copied = 0
        """Packets that were handed to the sound process."""
        self._options = options
        self._handles = count(1)
        self._sinks: dict[int, LineSink] = {}
        self._pipe: PipeEnd | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._closed = False
        self._hearing = False
        """While the sound process is heard; what is copied meanwhile goes out after it."""
        self.on_lost: Callable[[], None] = lambda: None
        """Called when a sound process ended and with it everything that it knew."""

    @property
    def dropped(self) -> int:
        """Packets that the sound process was too slow for, since it was started."""
        return self._pipe.dropped if self._pipe is not None else 0

    async def ready(self) -> None:
        """Starts the process unless it runs. Raises ``Unavailable('lines_unavailable')`` when it does not come up in time."""
        if self._keeper is None and not self._closed:
            self._keeper = asyncio.create_task(self._keep(), name="sound process")
        try:
            async with asyncio.timeout(_READY_S):
                await self._ready.wait()
        except TimeoutError as error:
            raise Unavailable("lines_unavailable") from error

    async def close(self) -> None:
        """Ends the process. Idempotent."""
        self._closed = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None

    # what rooms ask for

    def new_handle(self) -> int:
        """A number that no other thing of this node has."""
        return next(self._handles) % _HANDLES

    def line_ticket(self, handle: int, sink: LineSink, room_id: str, peer_id: str, codec: Codec) -> LineTicket:
        """For one telephone. Raises ``Unavailable('lines_unavailable')``, as does the next one."""
        return self._ticket(handle, sink, room_id, {"peer": peer_id, "codec": codec.value})

    def tap_ticket(self, handle: int, sink: LineSink, room_id: str, peer_ids: tuple[str, ...]) -> LineTicket:
        """For one tap."""
        return self._ticket(handle, sink, room_id, {"allowed": list(peer_ids)})

    def _ticket(self, handle: int, sink: LineSink, room_id: str, more: dict[str, Any]) -> LineTicket:
        if not self.url:
            raise Unavailable("lines_unavailable")
        secret = secrets.token_urlsafe(32)
        self._sinks[handle] = sink
        self.tell(
            "ticket", handle, digest=sha256(secret.encode()).hexdigest(), room=room_id,
            seconds=self._options.secret_s, **more,
        )  # fmt: skip
        return LineTicket(url=self.url, secret=secret)

    def forget(self, handle: int, why: str) -> None:
        """Ends a telephone or tap, for this reason."""
        if self._sinks.pop(handle, None) is not None:
            self.tell("end", handle, why=why)

    def tell(self, what: str, handle: int, **more: Any) -> None:
        """Words for the sound process; lost when there is none."""
        if self._pipe is not None:
            with suppress(PipeClosedError):
                self._pipe.send_words({"do": what, "handle": handle, **more})

    def copy(self, handle: int, seq: int, ts: int, payload: bytes) -> None:
        """A packet of somebody whose voice was told. Never blocks: what the process does not take is dropped.

        Those of one round of the loop go together, stamped with the time at which each came."""
        pipe = self._pipe
        if pipe is not None:
            self.copied += 1
            if pipe.put_packet(copied(handle, seq, ts, time.monotonic(), payload)) and not self._hearing:
                asyncio.get_running_loop().call_soon(pipe.flush)

    # the process

    async def _keep(self) -> None:
        pause = _AGAIN_S
        while True:
            begun = asyncio.get_running_loop().time()
            try:
                code = await self._run_once()
            except OSError as error:
                code = error.errno
            if asyncio.get_running_loop().time() - begun > 10 * _AGAIN_MOST_S:
                pause = _AGAIN_S
            logger.warning("sound process ended", extra={"code": code})
            await asyncio.sleep(pause)
            pause = min(_AGAIN_MOST_S, 2 * pause)

    async def _run_once(self) -> int | None:
        ours, theirs = pair()
        loop = asyncio.get_running_loop()
        pipe = PipeEnd(ours)
        child: asyncio.subprocess.Process | None = None
        options = self._options
        try:
            try:
                child = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "media.lines.process", str(theirs.fileno()), options.host, str(options.port),
                    options.name, pass_fds=(theirs.fileno(),), stdin=asyncio.subprocess.DEVNULL, env=_environment(),
                )  # fmt: skip
            finally:
                theirs.close()
            self.pid = child.pid
            self.attach(pipe)
            loop.add_reader(pipe.sock, self._read, pipe)
            return await child.wait()
        finally:
            self._lose(pipe)
            if child is not None and child.returncode is None:
                with suppress(ProcessLookupError):
                    child.terminate()
                await child.wait()

    def attach(self, pipe: PipeEnd) -> None:
        """Talks to what is at the other end from now on."""
        self._pipe = pipe

    def _lose(self, pipe: PipeEnd) -> None:
        asyncio.get_running_loop().remove_reader(pipe.sock)
        pipe.close()
        self._pipe, self.pid, self.url = None, None, ""
        self._ready.clear()
        sinks, self._sinks = self._sinks, {}
        for sink in sinks.values():
            sink.down("sound_lost")
        self.on_lost()

    def _read(self, pipe: PipeEnd) -> None:
        try:
            # One at a time: there is seldom a second one, and the loop comes back for it.
            self._hearing = True
            for data in pipe.read(1):
                self.hear(data)
            pipe.flush()
            pipe.send_waiting()
        except PipeClosedError:
            asyncio.get_running_loop().remove_reader(pipe.sock)
        except Exception:
            logger.exception("a message of the sound process failed")
        finally:
            self._hearing = False

    def hear(self, data: bytes) -> None:
        """One message of the sound process. Raises ``ValueError`` or ``struct.error`` for one that is none."""
        if not is_packets(data):
            self._hear_words(read_words(data))
            return
        sinks = self._sinks
        for handle, seq, ts, level, live, payload in read_voices(data):
            sink = sinks.get(handle)
            if sink is not None:
                sink.sound(seq, ts, level, live, payload)

    def _hear_words(self, words: dict[str, Any]) -> None:
        if words["is"] == "ready":
            self.url = str(words["url"])
            self._ready.set()
            return
        handle = int(words["handle"])
        sink = self._sinks.get(handle)
        if sink is None:
            return
        match words["is"]:
            case "up":
                sink.up()
            case "alive":
                sink.alive()
            case "allow":
                sink.allow(tuple(words["peers"]))
                self.tell("allowed", handle)
            case "down":
                del self._sinks[handle]
                sink.down(str(words["why"]))


def _environment() -> dict[str, str]:
    """Only what Python needs: no setting and no secret of ours."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH", "HOME") if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"}
