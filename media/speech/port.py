"""What turns speech into text: the port. An engine is replaced by another class here, not by settings inside one."""

from __future__ import annotations

from typing import Protocol

from media.speech.endpointer import Utterance
from media.speech.guards import Drop
from media.speech.identify import Detection


class NoModelError(Exception):
    """This language has no model that may be loaded."""


class TranscriptionEngine(Protocol):
    """Lives in a worker process; all calls block and come from one thread."""

    def transcribe(self, utterance: Utterance, language: str) -> str | Drop:
        """The text of an utterance in this language (token), or why there is none. Raises :class:`NoModelError`."""
        ...

    def detect(self, pcm16k: bytes) -> Detection:
        """Probability of each language over up to 30 s of voice (silence is already cut out). Raises :class:`NoModelError`."""
        ...


class VoiceDetector(Protocol):
    """Probability of voice, frame by frame; one per channel, for it remembers."""

    def probability(self, frame: bytes) -> float:
        """Of one frame of ``endpointer.FRAME_BYTES``."""
        ...
