"""A-law against signed 16 bit sound at 8 kHz: what a line carries against what the SIP stack takes. Pure; the tables are those of lines."""

from __future__ import annotations

from media.lines import g711
from media.lines.protocol import FRAME, Codec

CODEC = Codec.PCMA
"""What our lines carry: the law of European telephone networks, so that nothing is lost between trunk and line."""
PCM_FRAME = 2 * FRAME
"""Bytes of signed 16 bit in 20 ms."""


def to_pcm(alaw: bytes) -> bytes:
    """Signed 16 bit, native byte order; two bytes for each byte."""
    return g711.to_pcm(CODEC, alaw)


def to_alaw(pcm: bytes) -> bytes:
    """One byte for each sample of signed 16 bit, native byte order."""
    return g711.from_pcm(CODEC, pcm)
