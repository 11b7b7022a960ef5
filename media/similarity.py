"""Pure comparison of what was said with what was heard: level, delay and a similarity that survives a speech codec. Numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
_HOP_S, _FRAME_S = 0.01, 0.025
_BANDS, _LOW_HZ, _HIGH_HZ = 24, 150.0, 6000.0
_FLOOR_DB = 50.0
"""What lies this far under the loudest frame is silence; codecs may do with it what they like."""


@dataclass(frozen=True)
class Comparison:
    """``similarity`` is a correlation of mel spectra, -1..1: above 0.8 for the same speech through Opus, below 0.5 for other
    speech. ``delay_s`` says where the shorter sound begins in the longer one. Levels in dBFS of the voiced part."""

    similarity: float
    delay_s: float
    said_dbfs: float
    heard_dbfs: float


def level_dbfs(sound: Samples) -> float:
    """Root mean square of the frames within 30 dB of the loudest, in dB to full scale (1.0); -120 for silence."""
    size = 480
    frames = sound[: len(sound) // size * size].reshape(-1, size).astype(np.float64)
    if not len(frames):
        return -120.0
    power = (frames**2).mean(axis=1)
    if power.max() <= 1e-12:
        return -120.0
    return float(10 * np.log10(power[power >= power.max() / 1000].mean()))


def compare(said: Samples, heard: Samples, rate: int, *, looped: bool = False) -> Comparison:
    """Finds ``said`` in ``heard``; with ``looped`` the speaker repeated himself without end and ``heard`` is any stretch of it.

    Both mono, floats in -1..1, ``rate`` samples per second. Too short a sound (under half a second) gives similarity 0."""
    levels = level_dbfs(said), level_dbfs(heard)
    if min(len(said), len(heard)) < rate // 2 or min(levels) <= -100:
        return Comparison(0.0, 0.0, *levels)
    if looped:
        short, long = heard, np.tile(said, len(heard) // len(said) + 2)
    else:
        short, long = said, heard
        if len(long) < len(short):
            long = np.concatenate([long, np.zeros(len(short) - len(long), np.float32)])
    lag, score = _find(_spectra(short, rate), _spectra(long, rate))
    return Comparison(round(score, 3), _refine(short, long, lag, rate), *levels)


def _spectra(sound: Samples, rate: int) -> NDArray[np.float64]:
    """Log energies in mel bands, one column each 10 ms, floor-limited."""
    frame, hop = int(rate * _FRAME_S), int(rate * _HOP_S)
    count = max(1, (len(sound) - frame) // hop + 1)
    padded = np.pad(sound, (0, max(0, frame - len(sound))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, frame)[::hop][:count]
    power = np.abs(np.fft.rfft(windows * np.hanning(frame), axis=1)) ** 2
    bands = np.log10(power @ _mel(frame, rate) + 1e-12).T * 10
    limited: NDArray[np.float64] = np.maximum(bands, bands.max() - _FLOOR_DB)
    return limited


def _mel(frame: int, rate: int) -> NDArray[np.float64]:
    def to_mel(hz: float) -> float:
        return float(2595 * np.log10(1 + hz / 700))

    edges = 700 * (10 ** (np.linspace(to_mel(_LOW_HZ), to_mel(_HIGH_HZ), _BANDS + 2) / 2595) - 1)
    hz = np.fft.rfftfreq(frame, 1 / rate)[:, None]
    low, mid, high = edges[:-2], edges[1:-1], edges[2:]
    weights: NDArray[np.float64] = np.clip(np.minimum((hz - low) / (mid - low), (high - hz) / (high - mid)), 0, None)
    return weights


def _find(short: NDArray[np.float64], long: NDArray[np.float64]) -> tuple[int, float]:
    """The column of ``long`` where ``short`` fits best, and the normalised correlation there."""
    length = short.shape[1]
    short = short - short.mean(axis=1, keepdims=True)
    long = long - long.mean(axis=1, keepdims=True)
    size = 1 << (long.shape[1] + length).bit_length()
    product = np.fft.irfft(np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size)), size).sum(axis=0)
    places = long.shape[1] - length + 1
    energy = np.concatenate([[0.0], np.cumsum((long**2).sum(axis=0))])
    around: Any = energy[length : length + places] - energy[:places]
    scores = product[:places] / np.sqrt(np.maximum(around * (short**2).sum(), 1e-9))
    best = int(scores.argmax())
    return best, float(scores[best])


def _refine(short: Samples, long: Samples, lag: int, rate: int) -> float:
    """Delay in seconds, by the waveforms within 20 ms around the place that the spectra gave."""
    hop, reach = int(rate * _HOP_S), int(rate * 0.02)
    first = max(0, lag * hop - reach)
    take = min(len(short), 2 * rate, len(long) - first)
    if take < rate // 4:
        return lag * _HOP_S
    piece, part = short[:take].astype(np.float64), long[first : first + take + 2 * reach].astype(np.float64)
    size = 1 << (len(part) + take).bit_length()
    product = np.fft.irfft(np.fft.rfft(part, size) * np.conj(np.fft.rfft(piece, size)), size)
    places = max(1, len(part) - take + 1)
    return round((first + int(np.abs(product[:places]).argmax())) / rate, 4)
