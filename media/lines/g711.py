"""G.711 as telephones speak it: PCMU and PCMA from and to sound at 8 kHz (ITU-T G.711), by tables. Pure.

Two table look-ups take a quarter of what a round through a codec context takes; a test holds both tables against FFmpeg's."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from media.codecs import Codec

Sound = NDArray[np.float32]
_BIAS = 33
_SCALE, _TOP = np.float32(32768), np.float32(32767)


@cache
def _levels(codec: Codec) -> NDArray[np.int16]:
    """What each of the 256 codes means, as 16-bit samples."""
    code = np.arange(256)
    if codec is Codec.PCMU:
        bits = code ^ 0xFF
        size = ((((bits & 0x0F) << 1) + _BIAS) << ((bits >> 4) & 7)) - _BIAS
        values = np.where(bits & 0x80, -size, size) * 4
    else:
        bits = code ^ 0x55
        step, part = (bits >> 4) & 7, bits & 0x0F
        size = np.where(step == 0, (part << 4) + 8, ((part << 4) + 0x108) << np.maximum(step - 1, 0))
        values = np.where(bits & 0x80, size, -size)
    return values.astype(np.int16)


@cache
def _sounds(codec: Codec) -> Sound:
    return (_levels(codec) / 32768).astype(np.float32)


@cache
def _codes(codec: Codec) -> NDArray[np.uint8]:
    """The nearest code for each 16-bit sample, by the sample's bits as an unsigned number."""
    levels = _levels(codec).astype(np.int32)
    order = np.argsort(levels, kind="stable")
    borders = (levels[order][1:] + levels[order][:-1]) / 2
    samples = np.arange(65_536).astype(np.uint16).view(np.int16)
    return order[np.searchsorted(borders, samples)].astype(np.uint8)


def decode(codec: Codec, data: bytes) -> Sound:
    """One sample in -1..1 for each byte."""
    return _sounds(codec).take(np.frombuffer(data, np.uint8))


def encode(codec: Codec, sound: Sound) -> bytes:
    """One byte for each sample; what is louder than full scale is cut."""
    scaled = sound * _SCALE
    np.minimum(scaled, _TOP, out=scaled)
    np.maximum(scaled, -_SCALE, out=scaled)
    samples: NDArray[np.int16] = scaled.astype(np.int16)
    return _codes(codec).take(samples.view(np.uint16)).tobytes()


def encode_within(codec: Codec, sound: Sound) -> bytes:
    """As ``encode``, in half the time, for sound that is known not to be louder than full scale (-1 to 1, 1 left out)."""
    samples = np.empty(len(sound), np.int16)
    np.multiply(sound, _SCALE, out=samples, casting="unsafe")
    return _codes(codec).take(samples.view(np.uint16)).tobytes()


def to_pcm(codec: Codec, data: bytes) -> bytes:
    """The same as signed 16 bit in native byte order."""
    return _levels(codec).take(np.frombuffer(data, np.uint8)).tobytes()


def from_pcm(codec: Codec, pcm: bytes) -> bytes:
    """The other way."""
    return _codes(codec).take(np.frombuffer(pcm, np.uint16)).tobytes()


@cache
def silence(codec: Codec, count: int) -> bytes:
    """``count`` samples of nothing."""
    return encode(codec, np.zeros(count, np.float32))
