"""Our RTCP against aiortc's, both ways."""

from __future__ import annotations

from aiortc import rtp as theirs
from hypothesis import given
from hypothesis import strategies as st

from media import rtcp

REPORT = rtcp.Report(ssrc=7, lost=0.25, total_lost=-3, highest=70000, jitter=99, lsr=0x12345678, dlsr=65536)


def test_receiver_report() -> None:
    data = rtcp.receiver_report(5, (REPORT,)) + rtcp.source_description(5, "tarjuman")
    report, description = theirs.RtcpPacket.parse(data)
    assert isinstance(report, theirs.RtcpRrPacket)
    (block,) = report.reports
    assert (block.ssrc, block.fraction_lost, block.packets_lost) == (7, 64, -3)
    assert (block.highest_sequence, block.jitter, block.lsr, block.dlsr) == (70000, 99, 0x12345678, 65536)
    assert isinstance(description, theirs.RtcpSdesPacket)
    assert description.chunks[0].items == [(1, b"tarjuman")]
    assert rtcp.parse(data) == [REPORT]


def test_sender_report() -> None:
    ours = rtcp.SenderReport(ssrc=9, ntp=(3_900_000_000 << 32) | 5, rtp=1234)
    (packet,) = theirs.RtcpPacket.parse(rtcp.sender_report(ours, 10, 2000))
    assert isinstance(packet, theirs.RtcpSrPacket)
    assert (packet.ssrc, packet.sender_info.ntp_timestamp, packet.sender_info.rtp_timestamp) == (9, ours.ntp, 1234)
    assert (packet.sender_info.packet_count, packet.sender_info.octet_count) == (10, 2000)
    assert rtcp.parse(bytes(packet)) == [ours]


@given(st.sets(st.integers(0, 60), min_size=1), st.integers(0, 65535))
def test_nack(offsets: set[int], base: int) -> None:
    missing = [(base + offset) & 0xFFFF for offset in sorted(offsets)]
    data = rtcp.nack(1, 2, missing)
    (packet,) = theirs.RtcpPacket.parse(data)
    assert isinstance(packet, theirs.RtcpRtpfbPacket)
    assert (packet.media_ssrc, [seq & 0xFFFF for seq in packet.lost]) == (2, missing)
    assert rtcp.parse(data) == [rtcp.Nack(2, tuple(missing))]


def test_keyframe_requests() -> None:
    (packet,) = theirs.RtcpPacket.parse(rtcp.picture_loss(1, 2))
    assert isinstance(packet, theirs.RtcpPsfbPacket)
    assert (packet.fmt, packet.media_ssrc) == (theirs.RTCP_PSFB_PLI, 2)
    assert rtcp.parse(rtcp.picture_loss(1, 2)) == [rtcp.KeyframeRequest(2)]
    fir = theirs.RtcpPsfbPacket(fmt=theirs.RTCP_PSFB_FIR, ssrc=1, media_ssrc=0, fci=bytes([0, 0, 0, 8, 1, 0, 0, 0]))
    assert rtcp.parse(bytes(fir)) == [rtcp.KeyframeRequest(8)]


@given(st.integers(0, 10_000_000))
def test_remb(bitrate: int) -> None:
    data = rtcp.remb(1, bitrate, (2, 3))
    (packet,) = theirs.RtcpPacket.parse(data)
    assert isinstance(packet, theirs.RtcpPsfbPacket)
    told, sources = theirs.unpack_remb_fci(packet.fci)
    assert sources == [2, 3]
    assert bitrate * 0.9999 - 1 <= told <= bitrate
    assert rtcp.parse(data) == [rtcp.Remb(told)]


def test_bye() -> None:
    assert rtcp.parse(bytes(theirs.RtcpByePacket(sources=[4, 5]))) == [rtcp.Bye((4, 5))]


@given(st.binary(max_size=120))
def test_any_bytes_are_read_without_harm(data: bytes) -> None:
    rtcp.parse(data)


@given(st.binary(min_size=4, max_size=80), st.sampled_from([200, 201, 203, 205, 206]), st.integers(0, 31))
def test_any_body_is_read_without_harm(body: bytes, kind: int, count: int) -> None:
    body = body[: len(body) // 4 * 4]
    rtcp.parse(bytes([0x80 | count, kind]) + (len(body) // 4).to_bytes(2, "big") + body)
