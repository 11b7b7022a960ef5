"""Draft captions: delay after an utterance, CPU per minute of speech, and the same speech by two other ways of cutting (about 3 minutes).

SYNTHETIC: espeak-ng says English (two voices), as if by telephone nowhere: full band, no noise, no overlap. The model is the packaged
multilingual base, int8, one thread. Delays are what a screen waits after the last voiced frame: hang + queue + inference, in a real
worker process fed in real time. The two other ways run in this process on prepared sound, on CPU seconds: pieces of a fixed length,
and a simple LocalAgreement-2 of our own (words that two passes in a row agree on). WER is against the text that was spoken.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass

import jiwer
import numpy as np

from core.clock import SystemClock
from media.speech import worker
from media.speech.endpointer import FRAME_BYTES, FRAME_MS, RATE, Endpointer, Utterance
from media.speech.guards import Drop
from media.speech.models import ModelDirectories
from media.speech.port import TranscriptionEngine
from media.speech.workers import Heard, SpeechWorkers, command
from tests.bench.figures import Better, Figure, percentile
from tests.media.speech.clips import say, silence
from tests.media.speech.weights import base

SENTENCES = (
    "The morning train leaves the station at nine and the office opens its doors at ten.",
    "We waited two hours in the rain before somebody came to the gate.",
    "My brother and I walked through the forest for three days.",
    "Please tell me again where you slept on the second night.",
)
PAUSE_S = 1.0
PIECE_S = 3.0
"""Length of the naive pieces."""
STEP_S = 2.0
"""A LocalAgreement pass each two seconds."""
PIECE_MS = 100
"""Sound goes to the worker in pieces of this length, in real time."""


@dataclass(frozen=True)
class Talk:
    """Sound of one speaker, where each sentence ends (ms), and what was said."""

    pcm: bytes
    ends: tuple[int, ...]
    text: str
    spoken_s: float
    """Without the pauses."""


def talk(voice: str) -> Talk:
    """The sentences with pauses."""
    pcm, ends, spoken = silence(0.5), [], 0.0
    for sentence in SENTENCES:
        said = _trimmed(say(voice, sentence))
        pcm += said
        spoken += len(said) / 32000
        ends.append(len(pcm) // 32)
        pcm += silence(PAUSE_S)
    return Talk(pcm, tuple(ends), " ".join(SENTENCES), spoken)


def _trimmed(pcm: bytes) -> bytes:
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2")) > 300)
    return pcm[2 * int(loud[0]) : 2 * int(loud[-1])]


@dataclass
class Outcome:
    """What one way gave."""

    texts: list[str]
    cpu_s: float
    delays: list[float]
    dropped: int = 0

    def wer(self, said: str) -> float:
        """Word error rate over everything."""
        return float(jiwer.wer(_words(said), _words(" ".join(self.texts)) or "-"))


def _words(text: str) -> str:
    return " ".join(re.findall(r"[a-z]+", text.lower()))


async def live(talks: list[Talk]) -> Outcome:
    """Sessions at once, each speaking its talk in real time into one worker process."""
    house = SpeechWorkers(command(ModelDirectories(base()), compute_type="int8", beam=1))
    clock = SystemClock()
    found = Outcome([], 0.0, [])
    try:
        # A question loads the model; it is no part of what is measured.
        await house.detect(talks[0].pcm[: 32000 * 12], 0.5)
        begun = clock.monotonic()
        expected = sum(len(each.ends) for each in talks)
        done = asyncio.Event()

        def heard(one: Talk) -> None:
            def take(what: Heard) -> None:
                now = (clock.monotonic() - begun) * 1000
                if what.text is None:
                    found.dropped += 1
                else:
                    found.texts.append(what.text)
                    found.cpu_s += what.cpu_s
                    end = min(one.ends, key=lambda at: abs(at - what.to_ms))
                    found.delays.append((now - end) / 1000)
                if len(found.texts) + found.dropped >= expected:
                    done.set()

            house.open(f"c{id(one)}", f"r{id(one)}", ("eng",), take)

        for one in talks:
            heard(one)
        step = PIECE_MS * 32
        for at in range(0, max(len(each.pcm) for each in talks), step):
            for one in talks:
                if at < len(one.pcm):
                    house.hear(f"c{id(one)}", at // 32, one.pcm[at : at + step])
            await asyncio.sleep(max(0.0, begun + (at + step) / 32000 - clock.monotonic()))
        try:
            async with asyncio.timeout(20):
                await done.wait()
        except TimeoutError:
            found.dropped = max(found.dropped, expected - len(found.texts))
    finally:
        await house.aclose()
    return found


def by_voice(engine: TranscriptionEngine, one: Talk) -> Outcome:
    """Our way, on CPU seconds: what the worker does, without waiting."""
    voice, endpointer, found = worker.silero(), Endpointer(), Outcome([], 0.0, [])
    frames = [one.pcm[at : at + FRAME_BYTES] for at in range(0, len(one.pcm) - FRAME_BYTES + 1, FRAME_BYTES)]
    for number, frame in enumerate(frames):
        before = time.process_time()
        said = endpointer.feed(frame, voice.probability(frame), number * FRAME_MS)
        found.cpu_s += time.process_time() - before
        if said is not None:
            _add(engine, said, found, known_ms=(number + 1) * FRAME_MS, ends=one.ends)
    return found


def by_length(engine: TranscriptionEngine, one: Talk) -> Outcome:
    """Naive: a piece each three seconds, wherever words may be."""
    found = Outcome([], 0.0, [])
    step = int(PIECE_S * 2 * RATE)
    for at in range(0, len(one.pcm), step):
        piece = one.pcm[at : at + step]
        said = Utterance(at // 32, (at + len(piece)) // 32, piece, len(piece) // 32)
        _add(engine, said, found, known_ms=said.to_ms, ends=one.ends)
    return found


def by_agreement(engine: TranscriptionEngine, one: Talk) -> Outcome:
    """LocalAgreement-2: each two seconds everything since the last end is heard anew; what two passes agree on is shown."""
    found = Outcome([], 0.0, [])
    step, window = int(STEP_S * 2 * RATE), b""
    before: list[str] = []
    shown: list[str] = []
    for at in range(0, len(one.pcm), step):
        window += one.pcm[at : at + step]
        start = time.process_time()
        text = engine.transcribe(Utterance(0, len(window) // 32, window, len(window) // 32), "en")
        spent = time.process_time() - start
        found.cpu_s += spent
        words = [] if isinstance(text, Drop) else text.split()
        agreed = []
        for one_word, other in zip(before, words, strict=False):
            if _words(one_word) != _words(other):
                break
            agreed.append(other)
        now = (at + step) / 32
        found.delays += [
            (now - end) / 1000 + spent
            for end in one.ends
            if now - STEP_S * 1000 <= end < now and len(agreed) > len(shown)
        ]
        shown, before = max(shown, agreed, key=len), words
        if len(window) > 24 * 2 * RATE:
            found.texts.append(" ".join(words))
            window, before, shown = b"", [], []
    found.texts.append(" ".join(before))
    return found


def _add(engine: TranscriptionEngine, said: Utterance, found: Outcome, *, known_ms: int, ends: tuple[int, ...]) -> None:
    before = time.process_time()
    text = engine.transcribe(said, "en")
    spent = time.process_time() - before
    found.cpu_s += spent
    if not isinstance(text, Drop):
        found.texts.append(text)
        inside = [end for end in ends if said.from_ms < end <= said.to_ms + 400]
        found.delays += [(known_ms - end) / 1000 + spent for end in inside]


def _figures(name: str, found: Outcome, seconds: float, said: str) -> list[Figure]:
    minute = 60 / seconds
    return [
        Figure(f"{name}: delay p50", percentile(found.delays, 50), "s"),
        Figure(f"{name}: delay p95", percentile(found.delays, 95), "s"),
        Figure(f"{name}: CPU per speaking minute", found.cpu_s * minute, "s"),
        Figure(f"{name}: WER", found.wer(said), "", note="synthetic English"),
    ]


async def run() -> list[Figure]:
    """The figures; synthetic speech throughout."""
    first, second = talk("en-us"), talk("en-gb")
    seconds = first.spoken_s
    engine = worker.whisper(ModelDirectories(base()), compute_type="int8", beam=1)
    ours, naive, agreement = by_voice(engine, first), by_length(engine, first), by_agreement(engine, first)
    one = await live([first])
    two = await live([first, second])
    return [
        *_figures("by voice, CPU time", ours, seconds, first.text),
        *_figures("fixed 3 s, CPU time", naive, seconds, first.text),
        *_figures("LocalAgreement-2, CPU time", agreement, seconds, first.text),
        *_figures("live, 1 session", one, seconds, first.text),
        *_figures("live, 2 sessions", two, seconds + second.spoken_s, f"{first.text} {second.text}")[:3],
        Figure("live, 1 session: captions dropped", one.dropped, "", note="a loaded machine drops and says so"),
        Figure("live, 2 sessions: captions dropped", two.dropped, ""),
        Figure(
            "CPU saved against LocalAgreement-2", agreement.cpu_s / max(ours.cpu_s, 1e-9), "x", Better.HIGHER, limit=2.0
        ),
        Figure("WER against fixed pieces", ours.wer(first.text) / max(naive.wer(first.text), 1e-9), "x", limit=1.0),
    ]
