"""The comparison that rehearsals trust: high for the same speech after Opus, low for other speech, silence and noise."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from av import AudioFrame, CodecContext

from media.similarity import Samples, compare, level_dbfs

RATE = 48000


def through_opus(sound: Samples, bitrate: int) -> Samples:
    """Encoded and decoded by libopus in 20 ms frames."""
    encoder, decoder = CodecContext.create("libopus", "w"), CodecContext.create("libopus", "r")
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = RATE, "mono", "s16", bitrate
    encoder.time_base = Fraction(1, RATE)
    heard: list[Samples] = []
    ints = (sound * 32767).astype(np.int16)
    for at in range(0, len(ints) - 959, 960):
        frame = AudioFrame.from_ndarray(ints[at : at + 960].reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
        for packet in encoder.encode(frame):
            for out in decoder.decode(packet):
                data = out.to_ndarray()
                scale = 1.0 if data.dtype.kind == "f" else 1 / 32768
                mono = (
                    data.mean(axis=0)
                    if out.format.is_planar
                    else data.reshape(-1, len(out.layout.channels)).mean(axis=1)
                )
                heard.append((mono * scale).astype(np.float32))
    return np.concatenate(heard).astype(np.float32)


@pytest.mark.parametrize("bitrate", [12000, 32000])
def test_same_speech_after_opus(voices: dict[str, Samples], bitrate: int) -> None:
    result = compare(voices["fa"], through_opus(voices["fa"], bitrate), RATE)
    assert result.similarity > 0.85
    assert abs(result.heard_dbfs - result.said_dbfs) < 2
    assert abs(result.delay_s) < 0.03


def test_delay_is_found_to_the_millisecond(voices: dict[str, Samples]) -> None:
    heard = np.concatenate([np.zeros(int(0.4567 * RATE), np.float32), voices["fa"]])
    assert compare(voices["fa"], heard, RATE).delay_s == pytest.approx(0.4567, abs=0.001)


def test_a_stretch_of_a_loop(voices: dict[str, Samples]) -> None:
    loop = np.tile(voices["fa"], 3)
    at = int(4.321 * RATE)
    result = compare(voices["fa"], loop[at : at + 6 * RATE], RATE, looped=True)
    assert result.similarity > 0.97
    assert result.delay_s == pytest.approx(4.321, abs=0.001)


def test_other_speech_is_other_speech(voices: dict[str, Samples]) -> None:
    for other in ("ar", "fa2"):
        assert compare(voices["fa"], voices[other], RATE).similarity < 0.5
        assert compare(voices["fa"], voices[other], RATE, looped=True).similarity < 0.5


def test_quiet_is_the_same_speech_and_the_level_says_so(voices: dict[str, Samples]) -> None:
    result = compare(voices["fa"], voices["fa"] * np.float32(0.1), RATE)
    assert result.similarity > 0.95
    assert result.said_dbfs - result.heard_dbfs == pytest.approx(20, abs=0.5)


def test_silence_noise_and_too_little(voices: dict[str, Samples]) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 8 * RATE).astype(np.float32)
    assert compare(voices["fa"], noise, RATE).similarity < 0.3
    assert compare(voices["fa"], np.zeros(5 * RATE, np.float32), RATE).similarity == 0
    assert compare(voices["fa"], voices["fa"][:1000], RATE).similarity == 0
    assert level_dbfs(np.zeros(0, np.float32)) == -120


def test_half_lost_is_noticed(voices: dict[str, Samples]) -> None:
    broken = voices["fa"].copy()
    for at in range(0, len(broken), RATE):
        broken[at : at + RATE // 2] = 0
    assert compare(voices["fa"], broken, RATE).similarity < 0.8
