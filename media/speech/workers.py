"""The server's side of the speech workers: started when first needed, given sound, restarted when they die. Loads no model.

Nothing here ever waits for a worker: sound that a worker does not take is dropped, and the channel is told what is missing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.tasks import end
from media.speech import wire
from media.speech.identify import Detection, Unavailable
from media.speech.models import ModelDirectories

log = logging.getLogger(__name__)
PIPE_MOST = 1 << 20
"""Bytes that wait for a worker that does not read (33 s of one channel); more is dropped."""
DETECT_WITHIN_S = 30.0
RESTART_AFTER_S = (0.2, 1.0, 5.0, 20.0)
"""Waits before a worker is started again; the last one for all later times, the first again after ``STEADY_S``."""
STEADY_S = 60.0
HELD_MS = 60_000
"""A worker never holds older sound than this: what is missing when it dies is not more."""
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Heard:
    """A text, or the news that there will be none. Instants in milliseconds of the caller's time line."""

    from_ms: int
    to_ms: int
    language: str
    text: str | None
    missing: str | None
    """``too_slow`` (load), ``lost`` (the worker died), ``no_model``, ``unclear``; none when there is a text."""
    cpu_s: float = 0.0


OnHeard = Callable[[Heard], None]


@dataclass
class _Channel:
    room: str
    languages: tuple[str, ...]
    on_heard: OnHeard
    by_sound: bool = False
    first_ms: int | None = None
    last_ms: int = 0
    dropped_ms: int | None = None
    dropped_why: str = ""


def command(directories: ModelDirectories, *, compute_type: str, beam: int) -> list[str]:
    """What starts the real worker."""
    own = {name: str(path) for name, path in (directories.own or {}).items()}
    default = str(directories.default) if directories.default is not None else None
    settings = {"default": default, "own": own, "compute_type": compute_type, "beam": beam}
    return [sys.executable, "-m", "media.speech.worker", json.dumps(settings)]


class SpeechWorkers:
    """Some worker processes. Rooms go to the one with the fewest channels. From one event loop."""

    def __init__(self, argv: list[str], count: int = 1) -> None:
        self._workers = [_Worker(argv, number) for number in range(count)]
        self._of_room: dict[str, _Worker] = {}

    def open(
        self, channel: str, room: str, languages: tuple[str, ...], on_heard: OnHeard, *, by_sound: bool = False
    ) -> None:
        """Begin a channel: whose sound it is and which languages they speak (one, or an interpreter's two).

        ``by_sound``: turns do not tell in this room (two people share a microphone), so that of two languages the sound decides.
        """
        worker = self._of_room.get(room) or min(self._workers, key=lambda each: len(each.channels))
        self._of_room[room] = worker
        worker.open(channel, _Channel(room, languages, on_heard, by_sound))

    def hear(self, channel: str, at_ms: int, pcm16k: bytes) -> None:
        """Sound of a channel, 16 kHz mono s16le; never blocks."""
        for worker in self._workers:
            if channel in worker.channels:
                worker.hear(channel, at_ms, pcm16k)

    def close(self, channel: str) -> None:
        """End a channel at once; texts on their way are thrown away, sound that waits too."""
        for worker in self._workers:
            gone = worker.close(channel)
            if gone is not None and not any(each.room == gone.room for each in worker.channels.values()):
                self._of_room.pop(gone.room, None)

    async def detect(self, pcm16k: bytes, least_seconds: float) -> Detection:
        """See ``media.speech.identify.Detector``."""
        return await min(self._workers, key=lambda each: len(each.channels)).detect(pcm16k, least_seconds)

    def warm(self) -> None:
        """Start the workers now: loading a model takes a second or two that nobody should lose of a talk."""
        for worker in self._workers:
            worker.warm()

    @property
    def pids(self) -> list[int]:
        """Process ids of the living workers."""
        return [worker.process.pid for worker in self._workers if worker.process is not None]

    async def aclose(self) -> None:
        """End all workers."""
        for worker in self._workers:
            await worker.aclose()


class _Worker:
    def __init__(self, argv: list[str], number: int) -> None:
        self._argv = argv
        self._number = number
        self.channels: dict[str, _Channel] = {}
        self.process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._questions: dict[int, asyncio.Future[Detection]] = {}
        self._asked = 0
        self._unsent: list[bytes] = []

    def open(self, name: str, channel: _Channel) -> None:
        self.channels[name] = channel
        self._send(_open(name, channel))

    def hear(self, name: str, at_ms: int, pcm: bytes) -> None:
        channel = self.channels[name]
        sent = self._send({"do": "sound", "channel": name, "at": at_ms}, pcm, optional=True)
        if channel.first_ms is None:
            channel.first_ms = at_ms
        channel.last_ms = at_ms + len(pcm) // 32
        if not sent and channel.dropped_ms is None:
            channel.dropped_ms, channel.dropped_why = at_ms, "lost" if self.process is None else "too_slow"
        elif sent and channel.dropped_ms is not None:
            self._tell_missing(channel, channel.dropped_ms, at_ms, channel.dropped_why)
            channel.dropped_ms = None

    def close(self, name: str) -> _Channel | None:
        channel = self.channels.pop(name, None)
        if channel is not None:
            self._send({"do": "close", "channel": name})
        return channel

    async def detect(self, pcm: bytes, least_seconds: float) -> Detection:
        self._asked += 1
        number = self._asked
        answer: asyncio.Future[Detection] = asyncio.get_running_loop().create_future()
        self._questions[number] = answer
        try:
            if not self._send({"do": "detect", "id": number, "least": least_seconds}, pcm):
                raise Unavailable("busy")
            async with asyncio.timeout(DETECT_WITHIN_S):
                return await answer
        except TimeoutError:
            raise Unavailable("busy") from None
        finally:
            self._questions.pop(number, None)

    def warm(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"speech-worker-{self._number}")

    async def aclose(self) -> None:
        if self._task is not None:
            await end([self._task])
            self._task = None

    def _send(self, head: dict[str, Any], body: bytes = b"", *, optional: bool = False) -> bool:
        """Put a frame into the pipe; False when the pipe is full. What is said before the process runs waits for it."""
        self.warm()
        pipe = self.process.stdin if self.process is not None else None
        frame = wire.pack(head, body)
        if pipe is None or pipe.is_closing():
            # Channels are opened anew at the start; questions wait, sound does not.
            if head["do"] == "detect":
                self._unsent.append(frame)
            return bool(head["do"] != "sound")
        if (optional or head["do"] == "detect") and pipe.transport.get_write_buffer_size() + len(
            frame
        ) > PIPE_MOST + len(body):
            return False
        pipe.write(frame)
        return True

    async def _run(self) -> None:
        """Keep the process alive while somebody needs it."""
        tried = 0
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await self._live()
            self._lost()
            tried = 0 if loop.time() - began > STEADY_S else tried + 1
            if not self.channels and not self._questions:
                return
            wait = RESTART_AFTER_S[min(tried - 1, len(RESTART_AFTER_S) - 1)] if tried else RESTART_AFTER_S[0]
            log.warning("speech_worker_lost", extra={"worker": self._number, "again_after_s": wait})
            await asyncio.sleep(wait)

    async def _live(self) -> None:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
        process = await asyncio.create_subprocess_exec(
            *self._argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.transport.set_write_buffer_limits(high=PIPE_MOST)
        try:
            for name, channel in self.channels.items():
                process.stdin.write(wire.pack(_open(name, channel)))
            for frame in self._unsent:
                process.stdin.write(frame)
            self._unsent.clear()
            self.process = process
            while (said := await wire.read_async(process.stdout)) is not None:
                self._on_said(said[0])
        except (wire.WireError, ConnectionError, OSError):
            log.warning("speech_worker_broken", extra={"worker": self._number})
        finally:
            self.process = None
            process.stdin.close()
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _on_said(self, said: dict[str, Any]) -> None:
        question = self._questions.get(said.get("id", 0))
        channel = self.channels.get(said.get("channel", ""))
        match said["say"]:
            case "detected" if question is not None and not question.done():
                question.set_result(Detection(said["probabilities"], said["seconds"]))
            case "refused" if question is not None and not question.done():
                question.set_exception(Unavailable(said["why"]))
            case "text" if channel is not None:
                channel.first_ms = max(channel.first_ms or 0, said["to"])
                channel.on_heard(Heard(said["from"], said["to"], said["language"], said["text"], None, said["cpu"]))
            case "missing" if channel is not None:
                channel.first_ms = max(channel.first_ms or 0, said["to"])
                self._tell_missing(channel, said["from"], said["to"], said["why"], said["language"])

    def _lost(self) -> None:
        """The process died: what it had heard and not said is missing."""
        for question in self._questions.values():
            if not question.done():
                question.set_exception(Unavailable("lost"))
        for channel in self.channels.values():
            if channel.first_ms is not None and channel.last_ms > channel.first_ms:
                self._tell_missing(channel, max(channel.first_ms, channel.last_ms - HELD_MS), channel.last_ms, "lost")
            channel.first_ms = channel.dropped_ms = None

    @staticmethod
    def _tell_missing(channel: _Channel, from_ms: int, to_ms: int, why: str, language: str | None = None) -> None:
        channel.on_heard(Heard(from_ms, to_ms, language or channel.languages[-1], None, why))


def _open(name: str, channel: _Channel) -> dict[str, Any]:
    languages = list(channel.languages)
    return {"do": "open", "channel": name, "room": channel.room, "languages": languages, "by_sound": channel.by_sound}
