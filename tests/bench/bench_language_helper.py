"""The listening helper: CPU of one answer, how often the first candidate is right, and whether *sure* is sure (about 2 minutes).

SYNTHETIC: espeak-ng speaks interview-like texts, full band and as if by telephone (300 to 3,400 Hz, 8 kHz). This is weak evidence for
people's voices, and none for Pashto, for Dari beside Farsi, or for any dialect: there is no voice for them. The model is the packaged
multilingual base, int8, as a speech worker uses it: pauses are cut out before. Three sets:

- *chosen on*: two texts in two voices of each of four languages; ``identify.HEARD_LEAST`` was set on these, a third text of each, and
  twelve texts outside of the candidates in a voice that is not used here;
- *held out*: other texts, other voices, other speeds of the same languages, of which none had a part in setting it;
- *outside*: languages that are no candidates (Kurmanji, Hindi, Punjabi, Azerbaijani, Bengali), of which none can be right.

Compared with the same model over all languages that it knows, which is what most products do.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.signal import resample_poly

from media.speech import worker
from media.speech.endpointer import FRAME_BYTES
from media.speech.identify import VOICED_LEAST_S, Detection, rank
from media.speech.languages import token
from media.speech.listening import VOICED_AT
from media.speech.models import ModelDirectories
from media.speech.port import TranscriptionEngine
from signaling.desk.helper import CANDIDATES
from tests.bench.figures import Better, Figure, percentile
from tests.bench.language_helper_texts import CHOSEN_ON, HELD_OUT, OUTSIDE
from tests.media.speech.clips import pcm, say
from tests.media.speech.weights import base

VOICES = (("m3", 130), ("f2", 130))
"""Variant and words a minute."""
OTHER_VOICES = (("m7", 120), ("f1", 145))
_ESPEAK = {"ara": "ar", "pes": "fa", "urd": "ur", "tur": "tr"}


@dataclass(frozen=True)
class Clip:
    """One clip and what is really spoken in it; no language for one that is no candidate."""

    language: str | None
    pcm: bytes


def chosen_on() -> list[Clip]:
    """Two texts in two voices of each language, 8 to 20 s each."""
    return _said(CHOSEN_ON, VOICES)


def held_out() -> list[Clip]:
    """The same languages, nothing else in common."""
    return _said(HELD_OUT, OTHER_VOICES)


def outside() -> list[Clip]:
    """What no candidate is."""
    return [Clip(None, say(f"{name}+f1", text, 145)) for name, texts in OUTSIDE.items() for text in texts]


def _said(texts: Mapping[str, tuple[str, ...]], voices: tuple[tuple[str, int], ...]) -> list[Clip]:
    return [
        Clip(code, say(f"{_ESPEAK[code]}+{variant}", text, speed))
        for code, each in texts.items()
        for text in each
        for variant, speed in voices
    ]


def voiced(sound: bytes) -> bytes:
    """What a worker gives to the model."""
    voice = worker.silero()
    frames = [sound[at : at + FRAME_BYTES] for at in range(0, len(sound) - FRAME_BYTES + 1, FRAME_BYTES)]
    return b"".join(frame for frame in frames if voice.probability(frame) >= VOICED_AT)


def by_phone(sound: bytes) -> bytes:
    """The same as a telephone brings it."""
    samples = np.frombuffer(sound, "<i2").astype(np.float64) / 32768
    narrow = resample_poly(resample_poly(samples, 1, 2), 2, 1)
    spectrum = np.fft.rfft(narrow)
    hertz = np.fft.rfftfreq(len(narrow), 1 / 16_000)
    spectrum[(hertz < 300) | (hertz > 3400)] = 0
    return pcm(np.fft.irfft(spectrum, len(narrow)))


@dataclass
class Score:
    """How it went over some clips."""

    first: int = 0
    within_three: int = 0
    sure: int = 0
    sure_and_wrong: int = 0
    everything: int = 0
    """Right at the first place when all languages of the model compete."""
    of: int = 0


def count(score: Score, clip: Clip, found: Detection) -> None:
    """Add one answer."""
    answer = rank(found, CANDIDATES)
    order = [code for code, _ in answer.ranked]
    score.of += 1
    right = bool(order) and order[0] == clip.language
    score.first += right
    score.within_three += clip.language in order[:3]
    score.sure += answer.unsure is None
    score.sure_and_wrong += answer.unsure is None and not right
    if found.probabilities and clip.language is not None:
        score.everything += max(found.probabilities, key=lambda one: found.probabilities[one]) == token(clip.language)


def run() -> list[Figure]:
    """The figures."""
    engine = worker.whisper(ModelDirectories(base()), compute_type="int8", beam=1)
    sets = {"chosen on": chosen_on(), "held out": held_out(), "outside": outside()}
    engine.detect(sets["outside"][0].pcm)  # The first answer loads the model, which is no part of what is measured.
    figures = []
    for name, made in sets.items():
        figures += _figures(f"{name}, full band", engine, made)
        figures += _figures(f"{name}, by telephone", engine, [Clip(one.language, by_phone(one.pcm)) for one in made])
    return figures


def _figures(name: str, engine: TranscriptionEngine, made: list[Clip]) -> list[Figure]:
    score, waits = Score(), []
    before = time.process_time()
    for clip in made:
        asked = time.perf_counter()
        heard = voiced(clip.pcm)
        seconds = len(heard) / 32000
        count(score, clip, engine.detect(heard) if seconds >= VOICED_LEAST_S else Detection({}, seconds))
        waits.append(time.perf_counter() - asked)
    cpu = time.process_time() - before
    few = f"of {score.of} synthetic clips, espeak-ng"
    sure = [
        Figure(f"{name}: called itself sure", score.sure, "", note=few),
        Figure(f"{name}: sure and wrong", score.sure_and_wrong, "", limit=0, note=few),
    ]
    if all(clip.language is None for clip in made):
        return sure
    return [
        Figure(f"{name}: CPU for an answer", cpu / score.of, "s"),
        Figure(f"{name}: answer p50", percentile(waits, 50), "s"),
        Figure(f"{name}: answer p95", percentile(waits, 95), "s"),
        Figure(f"{name}: first is right", score.first / score.of, "", Better.HIGHER, note=few),
        Figure(f"{name}: among the first three", score.within_three / score.of, "", Better.HIGHER),
        Figure(f"{name}: first is right, all languages", score.everything / score.of, "", Better.HIGHER),
        *sure,
    ]
