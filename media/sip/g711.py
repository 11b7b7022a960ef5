"""A-law to linear sound and back (ITU-T G.711) by table: what the SIP stack takes against what a line carries. Pure.

Going down to 8 kHz is the sound process's work; here both sides have 8 kHz, so two look-ups a frame are all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from media.lines.protocol import FRAME

PCM_FRAME = 2 * FRAME
"""Bytes of signed 16 bit in 20 ms."""


def _decoding() -> NDArray[np.int16]:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent = (code >> 4) & 7
    mantissa = code & 0x0F
    size = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, size, -size).astype(np.int16)


def _encoding(decoding: NDArray[np.int16]) -> NDArray[np.uint8]:
    """The nearest code of each of the 65536 samples, in the order of ``uint16``."""
    order = np.argsort(decoding, kind="stable")
    values = decoding[order].astype(np.int32)
    borders = (values[1:] + values[:-1]) / 2
    samples = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    return order[np.searchsorted(borders, samples, side="right")].astype(np.uint8)


_DECODING = _decoding()
_ENCODING = _encoding(_DECODING)


def to_pcm(alaw: bytes) -> bytes:
    """Signed 16 bit, native byte order; two bytes for each byte."""
    return _DECODING[np.frombuffer(alaw, np.uint8)].tobytes()


def to_alaw(pcm: bytes) -> bytes:
    """One byte for each sample of signed 16 bit, native byte order."""
    return _ENCODING[np.frombuffer(pcm, np.uint16)].tobytes()
