"""Reading the sound that the listening helper is given: WAV, PCM, 16 kHz, mono, 16 bit, 3 to 30 s. Pure; keeps nothing.

Strict on purpose: the page makes exactly this, and every other byte is refused before anything looks at it.
"""

from __future__ import annotations

import struct

from core.errors import Invalid

RATE = 16_000
SHORTEST_S, LONGEST_S = 3, 30
BYTES_MOST = 44 + RATE * 2 * LONGEST_S + 4096
"""Largest body: the longest sound, its head, and room for a few small chunks that recorders add."""
_HEAD = struct.Struct("<4sI4s")
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_PCM = 1


def pcm_of(body: bytes | memoryview) -> bytes:
    """The samples (s16le). Raises ``Invalid``: ``sound_malformed``, ``sound_format``, ``sound_too_short``, ``sound_too_long``."""
    whole = memoryview(body)
    if len(whole) > BYTES_MOST:
        raise Invalid("sound_too_long", {"seconds": LONGEST_S})
    if len(whole) < _HEAD.size:
        raise Invalid("sound_malformed")
    riff, _, wave = _HEAD.unpack_from(whole)
    if riff != b"RIFF" or wave != b"WAVE":
        raise Invalid("sound_malformed")
    known = False
    at = _HEAD.size
    while at + _CHUNK.size <= len(whole):
        name, size = _CHUNK.unpack_from(whole, at)
        at += _CHUNK.size
        if at + size > len(whole):
            raise Invalid("sound_malformed")
        if name == b"fmt ":
            known = _is_ours(whole[at : at + size])
        elif name == b"data":
            if not known:
                raise Invalid("sound_format")
            return _measured(bytes(whole[at : at + size]))
        at += size + size % 2
    raise Invalid("sound_malformed")


def _is_ours(chunk: memoryview) -> bool:
    if len(chunk) < _FORMAT.size:
        raise Invalid("sound_malformed")
    kind, channels, rate, per_second, block, bits = _FORMAT.unpack_from(chunk)
    if (kind, channels, rate, per_second, block, bits) != (_PCM, 1, RATE, RATE * 2, 2, 16):
        raise Invalid("sound_format")
    return True


def _measured(pcm: bytes) -> bytes:
    if len(pcm) % 2:
        raise Invalid("sound_malformed")
    seconds = len(pcm) / (RATE * 2)
    if seconds < SHORTEST_S:
        raise Invalid("sound_too_short", {"seconds": SHORTEST_S})
    if seconds > LONGEST_S:
        raise Invalid("sound_too_long", {"seconds": LONGEST_S})
    return pcm
