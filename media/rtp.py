"""Pure helpers on the bytes of RTP packets (RFC 3550, RFC 8285): read, rewrite, unwrap. No state, no I/O, no objects per packet."""

from __future__ import annotations

from struct import Struct

AUDIO_PT = 111
"""Payload type of Opus. The server always offers, so payload types are the same on every connection."""
VIDEO_PT = 100
"""Payload type of VP8."""
RTX_PT = 101
"""Payload type of retransmitted VP8 (RFC 4588), offered only from browser to server."""
LEVEL_EXT = 2
"""Header extension id of the audio level (RFC 6464)."""
SEND_TIME_EXT = 3
"""Header extension id of abs-send-time."""
HEADER = 12
"""Bytes of the fixed header."""

_HEAD = Struct("!BBHII")
_U16 = Struct("!H")
_U32 = Struct("!I")


def is_rtcp(data: bytes) -> bool:
    """RTP and RTCP on one port (RFC 5761 section 4)."""
    return 192 <= data[1] <= 223


def payload_type(data: bytes) -> int:
    return data[1] & 0x7F


def sequence_number(data: bytes) -> int:
    return int(_U16.unpack_from(data, 2)[0])


def timestamp(data: bytes) -> int:
    return int(_U32.unpack_from(data, 4)[0])


def ssrc(data: bytes) -> int:
    return int(_U32.unpack_from(data, 8)[0])


def seq_delta(a: int, b: int) -> int:
    """How far sequence number ``a`` is ahead of ``b``, -32768..32767 (they wrap at 65536)."""
    return ((a - b + 0x8000) & 0xFFFF) - 0x8000


def payload_offset(data: bytes) -> int:
    """Where the payload begins; raises ``ValueError`` when the header is cut off."""
    offset = HEADER + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        if len(data) < offset + 4:
            raise ValueError("header cut off")
        offset += 4 + 4 * int(_U16.unpack_from(data, offset + 2)[0])
    if len(data) < offset:
        raise ValueError("header cut off")
    return offset


def payload_size(data: bytes) -> int:
    """Bytes of payload without padding; 0 for a packet that is only padding. Raises ``ValueError`` when malformed."""
    size = len(data) - payload_offset(data)
    if data[0] & 0x20 and size:
        size -= data[-1]
    if size < 0:
        raise ValueError("padding longer than the packet")
    return size


def extension_offset(data: bytes, ext_id: int) -> int:
    """Where the value of this one-byte or two-byte header extension begins, or 0 when the packet has none."""
    if not data[0] & 0x10:
        return 0
    at = HEADER + 4 * (data[0] & 0x0F)
    size = len(data)
    if size < at + 4:
        return 0
    profile, words = int(_U16.unpack_from(data, at)[0]), int(_U16.unpack_from(data, at + 2)[0])
    at += 4
    end = min(at + 4 * words, size)
    one_byte = profile == 0xBEDE
    if not one_byte and profile & 0xFFF0 != 0x1000:
        return 0
    while at < end:
        head = data[at]
        if head == 0:
            at += 1
        elif one_byte:
            length = (head & 0x0F) + 1
            if head >> 4 == ext_id:
                return at + 1 if at + 1 + length <= end else 0
            at += 1 + length
        else:
            if at + 2 > end:
                return 0
            length = data[at + 1]
            if head == ext_id:
                return at + 2 if length and at + 2 + length <= end else 0
            at += 2 + length
    return 0


def audio_level(data: bytes) -> int | None:
    """Loudness of the packet in -dBov: 0 is the loudest, 127 silence; none when the packet does not tell."""
    at = extension_offset(data, LEVEL_EXT)
    return data[at] & 0x7F if at else None


def send_time(data: bytes) -> int | None:
    """The packet's abs-send-time (24 bits), or none."""
    at = extension_offset(data, SEND_TIME_EXT)
    return int.from_bytes(data[at : at + 3], "big") if at else None


def abs_send_time(unix_time: float) -> bytes:
    """24 bits: seconds modulo 64 in 6.18 fixed point."""
    return (int(unix_time * 262144) & 0xFFFFFF).to_bytes(3, "big")


def with_send_time(data: bytes, value: bytes) -> bytes:
    """The packet with its abs-send-time replaced; the same packet when it carries none."""
    at = extension_offset(data, SEND_TIME_EXT)
    return data[:at] + value + data[at + 3 :] if at else data


def unwrap_rtx(data: bytes, media_ssrc: int) -> bytes | None:
    """The original video packet out of a retransmission (RFC 4588 section 4), or none when it only probes the line."""
    offset = payload_offset(data)
    size = payload_size(data)
    if size <= 2:
        return None
    head = bytes((data[0] & ~0x20, (data[1] & 0x80) | VIDEO_PT))
    original = data[offset : offset + 2]
    return b"".join(
        (head, original, data[4:8], _U32.pack(media_ssrc), data[HEADER:offset], data[offset + 2 : offset + size])
    )


def build(pt: int, seq: int, ts: int, source: int, payload: bytes, *, marker: bool = False) -> bytes:
    """A plain packet, for tests and load generators."""
    head = _HEAD.pack(0x80, (0x80 if marker else 0) | pt, seq & 0xFFFF, ts & 0xFFFFFFFF, source)
    return head + payload
