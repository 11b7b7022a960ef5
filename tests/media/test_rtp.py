"""Reading and rewriting RTP bytes, checked against aiortc's own packet class."""

from __future__ import annotations

import pytest
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensionsMap, RtpPacket, wrap_rtx
from hypothesis import given
from hypothesis import strategies as st

from media import rtp


def _map() -> HeaderExtensionsMap:
    known = HeaderExtensionsMap()
    known.configure(
        RTCRtpParameters(
            headerExtensions=[
                RTCRtpHeaderExtensionParameters(id=rtp.LEVEL_EXT, uri="urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
                RTCRtpHeaderExtensionParameters(
                    id=rtp.SEND_TIME_EXT, uri="http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
                ),
            ]
        )
    )
    return known


def _packet(*, level: int | None = None, send_time: int | None = None, payload: bytes = b"voice") -> RtpPacket:
    packet = RtpPacket(
        payload_type=rtp.AUDIO_PT, marker=1, sequence_number=65535, timestamp=4_000_000_000, ssrc=0xFFEEDDCC
    )
    packet.payload = payload
    if level is not None:
        packet.extensions.audio_level = (True, level)
    packet.extensions.abs_send_time = send_time
    return packet


def test_fields() -> None:
    data = _packet(level=33).serialize(_map())
    assert (rtp.payload_type(data), rtp.sequence_number(data), rtp.timestamp(data), rtp.ssrc(data)) == (
        rtp.AUDIO_PT, 65535, 4_000_000_000, 0xFFEEDDCC,
    )  # fmt: skip
    assert data[rtp.payload_offset(data) :] == b"voice"
    assert rtp.payload_size(data) == 5


@pytest.mark.parametrize("level", [0, 1, 63, 127])
def test_audio_level(level: int) -> None:
    assert rtp.audio_level(_packet(level=level).serialize(_map())) == level


def test_no_audio_level() -> None:
    assert rtp.audio_level(_packet().serialize(_map())) is None
    assert rtp.audio_level(_packet(send_time=5).serialize(_map())) is None


def test_send_time_is_replaced_and_nothing_else() -> None:
    before = _packet(level=20, send_time=0x010203).serialize(_map())
    after = RtpPacket.parse(rtp.with_send_time(before, rtp.abs_send_time(63.5)), _map())
    assert after.extensions.abs_send_time == int(63.5 * 262144) & 0xFFFFFF
    assert after.extensions.audio_level == (True, 20)
    assert after.payload == b"voice"
    plain = _packet().serialize(_map())
    assert rtp.with_send_time(plain, b"abc") == plain


def test_two_byte_extensions() -> None:
    head = rtp.build(rtp.AUDIO_PT, 1, 2, 3, b"")
    extension = bytes.fromhex("1000 0002 0501aa 0201 9c 0000".replace(" ", ""))
    data = bytes([head[0] | 0x10]) + head[1:] + extension + b"payload"
    assert rtp.audio_level(data) == 0x1C
    assert data[rtp.payload_offset(data) :] == b"payload"


@pytest.mark.parametrize(("a", "b", "delta"), [(1, 0, 1), (0, 65535, 1), (65535, 0, -1), (5, 5, 0), (32767, 0, 32767)])
def test_sequence_numbers_wrap(a: int, b: int, delta: int) -> None:
    assert rtp.seq_delta(a, b) == delta


def test_rtx_gives_the_original_back() -> None:
    original = RtpPacket(payload_type=rtp.VIDEO_PT, marker=1, sequence_number=777, timestamp=90, ssrc=42)
    original.payload = b"picture"
    wrapped = wrap_rtx(original, payload_type=rtp.RTX_PT, sequence_number=9, ssrc=43).serialize(_map())
    unwrapped = rtp.unwrap_rtx(wrapped, 42)
    assert unwrapped is not None
    assert unwrapped == original.serialize(_map())


def test_probes_are_dropped() -> None:
    probe = rtp.build(rtp.RTX_PT, 1, 2, 43, bytes(255 - 1) + b"\xff")
    probe = bytes([probe[0] | 0x20]) + probe[1:]
    assert rtp.unwrap_rtx(probe, 42) is None
    assert rtp.payload_size(probe) == 0


@given(st.binary(min_size=12, max_size=60))
def test_any_bytes_raise_value_error_at_most(data: bytes) -> None:
    rtp.audio_level(data)
    rtp.with_send_time(data, b"abc")
    for read in (rtp.payload_offset, rtp.payload_size, lambda d: rtp.unwrap_rtx(d, 1)):
        try:
            read(data)
        except ValueError:
            continue
