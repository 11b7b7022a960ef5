"""Sound for speech tests: espeak-ng sentences at 16 kHz, silence, noise. All synthetic; voices of espeak are hard for Whisper."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

from tests.services import missing
from tests.speech import read

RATE = 16_000
ENGLISH = (
    "The train from the border station leaves at nine in the morning. "
    "We waited two hours in the rain before the office opened its doors."
)
ARABIC = "مرحبا. نعم، أفهم المترجم جيدا. أنا من سوريا وأريد أن أطلب اللجوء. وصلت إلى الحدود قبل ثلاثة أيام مع أخي."
FARSI = "سلام. من سه روز پیش با برادرم به مرز رسیدم. ما در راه خیلی خسته شدیم و شب در جنگل خوابیدیم."


@cache
def say(voice: str, text: str, speed: int = 140) -> bytes:
    """16 kHz mono s16le of a sentence."""
    program = shutil.which("espeak-ng")
    if program is None:
        missing("espeak-ng")
        raise AssertionError
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run([program, "-v", voice, "-s", str(speed), "-w", str(path), text], check=True, timeout=20)
        samples, rate = read(path)
    samples = resample_poly(samples, RATE, rate)
    return pcm(0.5 * samples / np.max(np.abs(samples)))


def pcm(samples: npt.NDArray[np.floating]) -> bytes:
    """s16le of samples between -1 and 1."""
    return bytes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def silence(seconds: float) -> bytes:
    """Nothing."""
    return bytes(2 * int(seconds * RATE))


def noise(seconds: float, level: float = 0.05) -> bytes:
    """Wind: brown noise, always the same."""
    steps = np.random.default_rng(7).normal(size=int(seconds * RATE))
    brown = np.cumsum(steps)
    brown -= np.convolve(brown, np.ones(800) / 800, mode="same")
    return pcm(level * brown / np.max(np.abs(brown)))
