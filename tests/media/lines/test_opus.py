"""libopus by ctypes: both ways at each rate, in-band FEC really holds the lost frame, foreign bytes are refused."""

from __future__ import annotations

import numpy as np
import pytest

from media.lines.opus import OpusDecoder, OpusEncoder, OpusError, duration, library
from media.similarity import Samples, compare


def encoded(sound: Samples, rate: int, *, loss: float = 0.0) -> list[bytes]:
    encoder, size = OpusEncoder(rate), rate // 50
    encoder.expect_loss(loss)
    return [encoder.encode(np.ascontiguousarray(sound[at : at + size])) for at in range(0, len(sound) - size, size)]


def test_it_is_found_and_comes_with_pyav() -> None:
    assert b"libopus" in library().opus_get_version_string()
    assert "av.libs" in str(library()._name) or "dylibs" in str(library()._name), "no system package is needed"


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_speech_goes_through_at_each_rate(narrow: dict[str, Samples], rate: int) -> None:
    packets = encoded(narrow["officer"], 8000)
    assert {duration(packet) for packet in packets} == {960}
    decoder = OpusDecoder(rate)
    heard = np.concatenate([decoder.decode(packet) for packet in packets])
    assert len(heard) == len(packets) * rate // 50
    if rate == 8000:
        assert compare(narrow["officer"], heard, 8000).similarity > 0.9


def test_a_lost_frame_is_in_the_next_packet(narrow: dict[str, Samples]) -> None:
    """With FEC the spectrum of a lost frame is much nearer to what it was than a guess is."""
    packets = encoded(narrow["officer"], 8000, loss=0.02)
    whole, with_fec, guessed = OpusDecoder(8000), OpusDecoder(8000), OpusDecoder(8000)
    wrong_fec = wrong_guess = 0.0
    for at, packet in enumerate(packets[:-1]):
        right = whole.decode(packet)
        if at % 10 == 5:
            recovered, guess = with_fec.recover(packets[at + 1], 960), guessed.conceal(960)
            if float(np.sqrt((right**2).mean())) > 0.02:
                spectrum = np.abs(np.fft.rfft(right))
                wrong_fec += float(np.linalg.norm(np.abs(np.fft.rfft(recovered)) - spectrum))
                wrong_guess += float(np.linalg.norm(np.abs(np.fft.rfft(guess)) - spectrum))
        else:
            with_fec.decode(packet)
            guessed.decode(packet)
    assert wrong_fec < 0.7 * wrong_guess


def test_what_is_no_opus_is_refused() -> None:
    decoder = OpusDecoder(8000)
    with pytest.raises(OpusError):
        decoder.decode(b"\xff\xff\xff")
    assert duration(b"") == 0
    assert duration(b"\x03") == 0, "a frame count is missing"
    assert duration(b"\x1b\x3f") == 0, "longer than 120 ms"
    with pytest.raises(ValueError):
        OpusEncoder(8000).encode(np.zeros(100, np.float32))
    assert len(decoder.conceal(960)) == 160
