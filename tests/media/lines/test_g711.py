"""The G.711 tables against FFmpeg's codecs, code by code and sample by sample."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import pytest

from media.lines import g711
from media.protocol import Codec

NAMES: dict[Codec, Any] = {Codec.PCMU: "pcm_mulaw", Codec.PCMA: "pcm_alaw"}


def context(codec: Codec, mode: str) -> Any:
    create: Any = av.CodecContext.create
    made = create(NAMES[codec], mode)
    made.sample_rate, made.layout = 8000, "mono"
    if mode == "w":
        made.format = "s16"
    made.open()
    return made


@pytest.mark.parametrize("codec", Codec)
def test_every_code_means_what_ffmpeg_says(codec: Codec) -> None:
    codes = bytes(range(256))
    frames = context(codec, "r").decode(av.Packet(codes))
    theirs = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
    ours = np.round(g711.decode(codec, codes) * 32768).astype(np.int16)
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("codec", Codec)
def test_every_sample_goes_to_the_nearest_code(codec: Codec) -> None:
    """Never farther from the sample than FFmpeg's (which leaves out the lowest two bits)."""
    samples = np.arange(-32768, 32768).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = 8000
    theirs = b"".join(bytes(packet) for packet in context(codec, "w").encode(frame))
    ours = g711.encode(codec, (samples / np.float32(32768)).astype(np.float32))
    levels = g711.decode(codec, bytes(range(256)))
    exact = samples / 32768
    off_ours = np.abs(levels[np.frombuffer(ours, np.uint8)] - exact)
    off_theirs = np.abs(levels[np.frombuffer(theirs, np.uint8)] - exact)
    assert np.all(off_ours <= off_theirs)


@pytest.mark.parametrize("codec", Codec)
def test_there_and_back_is_the_same(codec: Codec) -> None:
    """All codes but mu-law's second zero."""
    codes = bytes(set(range(256)) - {0x7F})
    assert np.array_equal(g711.decode(codec, g711.encode(codec, g711.decode(codec, codes))), g711.decode(codec, codes))


@pytest.mark.parametrize("codec", Codec)
def test_silence_is_silent_and_what_is_too_loud_is_cut(codec: Codec) -> None:
    assert np.abs(g711.decode(codec, g711.silence(codec, 160))).max() < 0.0005
    loud = g711.decode(codec, g711.encode(codec, np.array([3.0, -3.0], np.float32)))
    assert loud[0] > 0.95
    assert loud[1] < -0.95
