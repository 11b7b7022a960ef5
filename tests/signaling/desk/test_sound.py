"""What the listening helper takes as sound, and what it refuses."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from signaling.desk.sound import BYTES_MOST, LONGEST_S, RATE, SHORTEST_S, pcm_of


def wav(
    pcm: bytes, *, rate: int = RATE, channels: int = 1, bits: int = 16, kind: int = 1, before: bytes = b""
) -> bytes:
    """A WAV file; ``before``: further chunks ahead of the samples."""
    block = channels * bits // 8
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, channels, rate, rate * block, block, bits)
    body = b"WAVE" + head + before + struct.pack("<4sI", b"data", len(pcm)) + pcm
    return struct.pack("<4sI", b"RIFF", len(body)) + body


SILENCE = b"\0\0" * RATE * SHORTEST_S


def code_of(body: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        pcm_of(body)
    return refused.value.code


def test_the_samples_come_out_as_they_were() -> None:
    samples = bytes(range(256)) * (RATE * 2 * 10 // 256)
    assert pcm_of(wav(samples)) == samples
    assert pcm_of(wav(samples, before=struct.pack("<4sI", b"LIST", 3) + b"abc\0")) == samples


@pytest.mark.parametrize("seconds", [SHORTEST_S, LONGEST_S])
def test_the_limits_themselves_are_taken(seconds: int) -> None:
    assert len(pcm_of(wav(b"\0\0" * RATE * seconds))) == RATE * 2 * seconds


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "sound_malformed"),
        (b"RIFF", "sound_malformed"),
        (b"OggS" + b"\0" * 100_000, "sound_malformed"),
        (wav(SILENCE)[:-1], "sound_malformed"),
        (wav(SILENCE + b"\0"), "sound_malformed"),
        (wav(SILENCE, rate=48_000), "sound_format"),
        (wav(SILENCE, channels=2), "sound_format"),
        (wav(SILENCE, bits=8), "sound_format"),
        (wav(SILENCE, kind=3), "sound_format"),
        (wav(SILENCE[:-2]), "sound_too_short"),
        (wav(b"\0\0" * (RATE * LONGEST_S + 1)), "sound_too_long"),
        (b"\0" * (BYTES_MOST + 1), "sound_too_long"),
        (struct.pack("<4sI4s4sI", b"RIFF", 0, b"WAVE", b"data", 4) + b"abcd", "sound_format"),
        (struct.pack("<4sI4s4sI", b"RIFF", 0, b"WAVE", b"data", 0xFFFFFFFF), "sound_malformed"),
    ],
)
def test_everything_else_is_refused(body: bytes, code: str) -> None:
    assert code_of(body) == code


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 60), st.booleans())
def test_no_bytes_break_it(noise: bytes, at: int, framed: bool) -> None:
    """Whatever comes is either sound within the limits or a refusal in words."""
    good = wav(SILENCE)
    body = good[:at] + noise + good[at + len(noise) :] if framed else noise
    try:
        pcm = pcm_of(body)
    except Invalid:
        return
    assert SHORTEST_S * RATE * 2 <= len(pcm) <= LONGEST_S * RATE * 2
