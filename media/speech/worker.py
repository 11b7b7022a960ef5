"""The speech worker process: ``python -m media.speech.worker '<json>'``. Sound in by stdin, text out by stdout, nothing anywhere else.

One thread listens (voice, utterances), one transcribes. When its input closes, the process ends: it cannot outlive its server.
"""

from __future__ import annotations

import json
import os
import queue
import resource
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from media.speech import wire
from media.speech.backlog import Backlog, Caption, Question
from media.speech.guards import Drop
from media.speech.identify import one_of
from media.speech.languages import token
from media.speech.listening import Ears, NewVoice, missing
from media.speech.models import ModelDirectories
from media.speech.port import NoModelError, TranscriptionEngine, VoiceDetector

PIECES_MOST = 2000
"""Pieces that wait for the ears (about 40 s of one channel); then the pipe is not read, and the server drops sound."""
NICE = 5
"""Calls come first."""


def serve(make_engine: Callable[[], TranscriptionEngine], new_voice: NewVoice) -> None:
    """Until stdin closes. Libraries that print go to stderr: stdout belongs to the frames."""
    # What this process holds is what people said: when it dies, nothing of that is put on a disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    lock = threading.Lock()

    def say(message: dict[str, object]) -> None:
        with lock, suppress(BrokenPipeError, ValueError):
            out.write(wire.pack(message))
            out.flush()

    backlog = Backlog()
    pieces: queue.Queue[tuple[dict[str, Any], bytes] | None] = queue.Queue(PIECES_MOST)
    reader = threading.Thread(target=_read, args=(sys.stdin.buffer, pieces), name="pipe", daemon=True)
    ears = threading.Thread(
        target=_listen, args=(pieces, Ears(new_voice, backlog, say), backlog), name="ears", daemon=True
    )
    reader.start()
    ears.start()
    engine = make_engine()
    say({"say": "ready"})
    _transcribe(engine, backlog, say)


def _read(source: BinaryIO, pieces: queue.Queue[tuple[dict[str, Any], bytes] | None]) -> None:
    try:
        while (frame := wire.read(source)) is not None:
            pieces.put(frame)
    except wire.WireError:
        pass
    finally:
        # Nobody wants the rest: an inference in the other thread must not keep the process.
        os._exit(0)


def _listen(pieces: queue.Queue[tuple[dict[str, Any], bytes] | None], ears: Ears, backlog: Backlog) -> None:
    try:
        while True:
            try:
                frame = pieces.get(timeout=0.2)
            except queue.Empty:
                ears.wait(time.monotonic())
                continue
            if frame is None:
                return
            _obey(frame[0], frame[1], ears)
            ears.wait(time.monotonic())
    finally:
        backlog.close()


def _obey(head: dict[str, Any], body: bytes, ears: Ears) -> None:
    match head["do"]:
        case "open":
            ears.open(head["channel"], head["room"], tuple(head["languages"]), by_sound=head.get("by_sound", False))
        case "sound":
            ears.hear(head["channel"], head["at"], body, time.monotonic())
        case "close":
            ears.close(head["channel"])
        case "detect":
            ears.ask(head["id"], body, head["least"])


def _transcribe(engine: TranscriptionEngine, backlog: Backlog, say: Callable[[dict[str, object]], None]) -> None:
    while (work := backlog.take()) is not None:
        if isinstance(work, Question):
            _detect(engine, work, say)
        else:
            _caption(engine, work, say)


def _detect(engine: TranscriptionEngine, question: Question, say: Callable[[dict[str, object]], None]) -> None:
    try:
        heard = engine.detect(question.pcm)
    except NoModelError:
        say({"say": "refused", "id": question.id, "why": "no_model"})
        return
    say(
        {
            "say": "detected",
            "id": question.id,
            "probabilities": dict(heard.probabilities),
            "seconds": heard.voiced_seconds,
        }
    )


def _caption(engine: TranscriptionEngine, caption: Caption, say: Callable[[dict[str, object]], None]) -> None:
    before = time.process_time()  # The engine computes in threads of its own.
    try:
        if caption.between:
            if any(token(code) is None for code in caption.between):
                raise NoModelError
            chosen = one_of(engine.detect(caption.utterance.pcm), caption.between)
            if chosen is None:
                say(missing(caption, "unclear"))
                return
            caption = replace(caption, language=chosen)
        language = token(caption.language)
        if language is None:
            raise NoModelError
        text = engine.transcribe(caption.utterance, language)
    except NoModelError:
        say(missing(caption, "no_model"))
        return
    if isinstance(text, Drop):
        if text is not Drop.NOTHING:
            say(missing(caption, "unclear"))
        return
    say(
        {
            "say": "text",
            "channel": caption.channel,
            "from": caption.utterance.from_ms,
            "to": caption.utterance.to_ms,
            "language": caption.language,
            "text": text,
            "cpu": time.process_time() - before,
        }
    )


def main() -> None:
    """From the command line of the parent."""
    settings = json.loads(sys.argv[1])
    os.nice(NICE)
    directories = ModelDirectories(
        Path(settings["default"]) if settings["default"] else None,
        {name: Path(path) for name, path in settings["own"].items()},
    )

    def make_engine() -> TranscriptionEngine:
        return whisper(directories, compute_type=settings["compute_type"], beam=settings["beam"])

    serve(make_engine, silero)


def whisper(directories: ModelDirectories, *, compute_type: str, beam: int) -> TranscriptionEngine:
    """The real engine, with its default model loaded. Blocking for a second or two."""
    from media.speech.engine import WhisperEngine

    engine = WhisperEngine(directories, compute_type=compute_type, beam=beam)
    with suppress(NoModelError):
        engine.preload()
    return engine


def silero() -> VoiceDetector:
    """The real voice gate."""
    from media.speech.vad import SileroVoice

    return SileroVoice()


if __name__ == "__main__":
    main()
