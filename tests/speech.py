"""Real speech for tests: espeak-ng says sentences in Arabic, Farsi, Pashto-like and Serbian voices, as 48 kHz WAV files."""

from __future__ import annotations

import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

from tests.services import missing

RATE = 48_000
SENTENCES: dict[str, tuple[str, str]] = {
    "officer": ("sr", "Добар дан. Помоћи ће нам преводилац. Да ли добро разумете преводиоца? Одакле долазите?"),
    "interpreter": ("fa", "سلام. من مترجم هستم. هر چه شما می‌گویید و هر چه من می‌گویم ترجمه می‌کنم."),
    "applicant": ("ar", "مرحبا. نعم، أفهم المترجم جيدا. أنا من سوريا وأريد أن أطلب اللجوء."),
}
"""Voice and text by part."""


def wav(folder: Path, part: str) -> Path:
    """A WAV file (48 kHz, mono, 16 bit) with the sentence of ``part``; made once per folder."""
    path = folder / f"{part}.wav"
    if path.exists():
        return path
    program = shutil.which("espeak-ng")
    if program is None:
        missing("espeak-ng")
        raise AssertionError
    voice, text = SENTENCES[part]
    raw = folder / f"{part}.raw.wav"
    subprocess.run([program, "-v", voice, "-s", "150", "-w", str(raw), text], check=True, timeout=20)
    samples, rate = read(raw)
    samples = resample_poly(samples, RATE, rate)
    samples = np.concatenate([np.zeros(RATE // 5), 0.5 * samples / np.max(np.abs(samples)), np.zeros(RATE // 5)])
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def read(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """Samples of a mono 16-bit WAV between -1 and 1, and the rate."""
    with wave.open(str(path), "rb") as source:
        data = np.frombuffer(source.readframes(source.getnframes()), dtype="<i2")
        return (data / np.float32(32768)).astype(np.float32), source.getframerate()
