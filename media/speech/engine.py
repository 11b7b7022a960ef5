"""faster-whisper (CTranslate2) behind the port. Known to the worker process only; never goes to the internet.

One thread: a second brings little on busy cores, and a process per core is what scales. Temperature 0 without fallback:
a draft is either heard or left out.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from faster_whisper import WhisperModel

from media.speech.endpointer import RATE, Utterance
from media.speech.guards import Drop, judge, token_cap
from media.speech.identify import USED_MOST_S, Detection
from media.speech.models import ModelDirectories, ModelError, check
from media.speech.port import NoModelError


class WhisperEngine:
    """Models are checked and loaded when their language is first needed, each directory once."""

    def __init__(self, directories: ModelDirectories, *, compute_type: str = "int8", beam: int = 1) -> None:
        self._directories = directories
        self._compute_type = compute_type
        self._beam = beam
        self._loaded: dict[Path, WhisperModel | None] = {}

    def preload(self) -> None:
        """Load the default now instead of in the first sentence."""
        if self._directories.default is not None:
            self._model(self._directories.default)

    def transcribe(self, utterance: Utterance, language: str) -> str | Drop:
        """One pass, language forced, voice gate once more, nothing of earlier text."""
        directory = self._directories.directory(language)
        if directory is None:
            raise NoModelError
        segments, _ = self._model(directory).transcribe(
            _samples(utterance.pcm),
            language=language,
            beam_size=self._beam,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            vad_filter=True,
            vad_parameters={"min_silence_duration_ms": 1000, "speech_pad_ms": 200},
            max_new_tokens=token_cap(utterance),
        )
        text = " ".join(segment.text.strip() for segment in segments).strip()
        return judge(text, language, utterance) or text

    def detect(self, pcm16k: bytes) -> Detection:
        """One encoder pass with the default model."""
        if self._directories.default is None:
            raise NoModelError
        sound = _samples(pcm16k)[: int(USED_MOST_S * RATE)]
        _, _, probabilities = self._model(self._directories.default).detect_language(audio=sound)
        return Detection(dict(probabilities), len(sound) / RATE)

    def _model(self, directory: Path) -> WhisperModel:
        if directory not in self._loaded:
            self._loaded[directory] = None
            try:
                check(directory)
            except (ModelError, OSError):
                raise NoModelError from None
            self._loaded[directory] = WhisperModel(
                str(directory),
                device="cpu",
                compute_type=self._compute_type,
                cpu_threads=1,
                num_workers=1,
                local_files_only=True,
            )
        model = self._loaded[directory]
        if model is None:
            raise NoModelError
        return model


def _samples(pcm: bytes) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768)
