"""A worker process as the real one, with an engine that says how long the utterance was and may be slow: for queues and kills."""

from __future__ import annotations

import sys
import time

import numpy as np

from media.speech.endpointer import Utterance
from media.speech.guards import Drop
from media.speech.identify import Detection
from media.speech.worker import serve


class Loud:
    """Voice is what is loud."""

    def probability(self, frame: bytes) -> float:
        return float(np.abs(np.frombuffer(frame, dtype="<i2")).max() > 3000)


class Engine:
    """Takes a fixed time; says how long the utterance was, or always the same."""

    def __init__(self, seconds: float, says: str | None = None) -> None:
        self._seconds = seconds
        self._says = says

    def transcribe(self, utterance: Utterance, language: str) -> str | Drop:
        time.sleep(self._seconds)
        return self._says or f"{language} {utterance.voiced_ms}"

    def detect(self, pcm16k: bytes) -> Detection:
        return Detection({"ar": 0.6, "fa": 0.3, "en": 0.1}, len(pcm16k) / 32000)


if __name__ == "__main__":
    serve(lambda: Engine(float(sys.argv[1]), *sys.argv[2:3]), Loud)
