"""The feedback loops of one track, with a fake wire: no network, no codec."""

from __future__ import annotations

import asyncio
import time

import pytest

from media import forwarding, rtcp, rtp
from media.forwarding import Downlink, Listener, TrackForwarder
from media.protocol import Kind


class FakeWire:
    """Keeps what would have gone out."""

    def __init__(self) -> None:
        self.rtp: list[bytes] = []
        self.again: list[bytes] = []
        self.rtcp: list[rtcp.Item] = []
        self._came = asyncio.Event()

    def send_rtp(self, packet: bytes) -> bytes | None:
        self.rtp.append(packet)
        return b"protected" + packet

    def send_again(self, protected: bytes) -> None:
        self.again.append(protected)

    def send_rtcp(self, packet: bytes) -> None:
        self.rtcp += rtcp.parse(packet)
        self._came.set()

    async def until_sent(self, cls: type[rtcp.Item], count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.sent(cls)) < count:
                self._came.clear()
                await self._came.wait()

    def sent(self, cls: type[rtcp.Item]) -> list[rtcp.Item]:
        return [item for item in self.rtcp if isinstance(item, cls)]


def packet(seq: int, *, pt: int = rtp.VIDEO_PT, ssrc: int = 50, payload: bytes = b"\x10pic") -> bytes:
    return rtp.build(pt, seq, seq * 3000, ssrc, payload)


def track(kind: Kind = Kind.VIDEO) -> tuple[TrackForwarder, FakeWire]:
    wire = FakeWire()
    forwarder = TrackForwarder("speaker", kind, wire)
    forwarder.announce(50, 51)
    return forwarder, wire


def subscriber(forwarder: TrackForwarder) -> tuple[Downlink, FakeWire]:
    wire = FakeWire()
    downlink = Downlink(forwarder.kind, wire, Listener())
    forwarder.attach(downlink)
    return downlink, wire


async def test_only_the_ssrc_changes_on_the_way() -> None:
    forwarder, _ = track(Kind.AUDIO)
    one, two = subscriber(forwarder), subscriber(forwarder)
    data = packet(7, pt=rtp.AUDIO_PT)
    forwarder.take(data, 1.0)
    for downlink, wire in (one, two):
        assert wire.rtp == [data[:8] + downlink.ssrc.to_bytes(4, "big") + data[12:]]
    assert one[0].ssrc != two[0].ssrc
    forwarder.detach(one[0])
    forwarder.take(packet(8, pt=rtp.AUDIO_PT), 1.02)
    assert (len(one[1].rtp), len(two[1].rtp)) == (1, 2)


async def test_a_foreign_source_is_not_forwarded() -> None:
    forwarder, _ = track()
    _, wire = subscriber(forwarder)
    forwarder.take(packet(1, ssrc=99), 1.0)
    assert wire.rtp == []


async def test_muted_by_the_server() -> None:
    forwarder, _ = track()
    _, wire = subscriber(forwarder)
    forwarder.enabled = False
    forwarder.take(packet(1), 1.0)
    assert wire.rtp == []
    assert forwarder.flowing(1.5), "it still arrives here"


async def test_a_pause_is_no_loss_and_no_number_is_used_twice() -> None:
    forwarder, _ = track()
    downlink, wire = subscriber(forwarder)
    for seq in (65533, 65534):
        forwarder.take(packet(seq), 1.0)
    forwarder.detach(downlink)
    for seq in range(65535, 65535 + 30):
        forwarder.take(packet(seq & 0xFFFF), 1.1)
    forwarder.attach(downlink)
    for seq in (30, 28, 31, 31, 29):
        forwarder.take(packet(seq), 1.2)
    assert [rtp.sequence_number(data) for data in wire.rtp] == [32765, 32766, 32767, 32768]
    assert wire.rtp[-1][4:8] == packet(31)[4:8], "the clock runs on"
    downlink.resend((32767,), 2.0)
    assert wire.again == [b"protected" + wire.rtp[2]]
    forwarder.take(packet(20000), 2.0)
    assert rtp.sequence_number(wire.rtp[-1]) == 32769, "a source that jumps is carried on"
    for seq in range(20001, 20001 + 70000):
        forwarder.take(packet(seq & 0xFFFF), 3.0 + seq)
    assert len(wire.rtp) == 5 + 70000, "and nothing is lost when the numbers wrap"


async def test_keyframe_requests_are_throttled_and_never_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "KEYFRAME_EVERY", 0.1)
    forwarder, wire = track()
    for _ in range(50):
        forwarder.request_keyframe()
    assert forwarder.keyframe_requests == 1
    await wire.until_sent(rtcp.KeyframeRequest, 2)
    await asyncio.sleep(0.15)
    assert forwarder.keyframe_requests == 2
    assert wire.sent(rtcp.KeyframeRequest) == [rtcp.KeyframeRequest(50)] * 2
    forwarder.close()


async def test_a_new_subscriber_gets_a_keyframe_asked() -> None:
    forwarder, wire = track()
    subscriber(forwarder)
    assert wire.sent(rtcp.KeyframeRequest) == [rtcp.KeyframeRequest(50)]


async def test_loss_on_the_way_down_is_repaired_from_the_ring() -> None:
    forwarder, _ = track()
    downlink, wire = subscriber(forwarder)
    for seq in range(65530, 65540):
        forwarder.take(packet(seq & 0xFFFF), 1.0)
    downlink.resend((32767, 32770, 7232), 2.0)
    assert wire.again == [b"protected" + wire.rtp[5], b"protected" + wire.rtp[8]]
    downlink.resend(tuple([32770] * 1000), 2.1)
    assert len(wire.again) <= 300, "bounded per second"


async def test_loss_on_the_way_up_is_asked_for_until_it_comes() -> None:
    forwarder, wire = track()
    _, out = subscriber(forwarder)
    now = time.monotonic()
    for seq in (1, 2, 5):
        forwarder.take(packet(seq), now)
    assert wire.sent(rtcp.Nack) == [rtcp.Nack(50, (3, 4))]
    forwarder.take(packet(3), now)
    await wire.until_sent(rtcp.Nack, 2)
    assert wire.sent(rtcp.Nack)[1] == rtcp.Nack(50, (4,))
    original = packet(4)
    forwarder.take_rtx(rtp.build(rtp.RTX_PT, 900, 12000, 51, original[2:4] + original[12:]))
    assert rtp.sequence_number(out.rtp[-1]) == 4
    assert out.rtp[-1][12:] == original[12:]
    forwarder.take_rtx(rtp.build(rtp.RTX_PT, 901, 12000, 51, original[2:4] + original[12:]))
    forwarder.take_rtx(rtp.build(rtp.RTX_PT, 902, 12000, 51, b""))
    assert len(out.rtp) == 5, "repeats and probes go nowhere"
    asked = len(wire.sent(rtcp.Nack))
    await asyncio.sleep(0.3)
    assert len(wire.sent(rtcp.Nack)) == asked, "nothing is missing any more"
    forwarder.close()


async def test_audio_is_never_asked_for_again() -> None:
    forwarder, wire = track(Kind.AUDIO)
    for seq in (1, 9):
        forwarder.take(packet(seq, pt=rtp.AUDIO_PT), 1.0)
    assert wire.sent(rtcp.Nack) == []


async def test_the_publisher_hears_of_the_worst_loss() -> None:
    forwarder, wire = track(Kind.AUDIO)
    near, far = subscriber(forwarder)[0], subscriber(forwarder)[0]
    for seq in range(100):
        if seq % 20:
            forwarder.take(packet(seq, pt=rtp.AUDIO_PT), 1.0)
    near.reported(rtcp.Report(near.ssrc, 0.01, 0, 0, 0, 0, 0), 2.0)
    far.reported(rtcp.Report(far.ssrc, 0.125, 0, 0, 0, 0, 0), 2.0)
    forwarder.report(2.0, None)
    (report,) = wire.sent(rtcp.Report)
    assert isinstance(report, rtcp.Report)
    assert report.lost == 0.125
    assert 0.03 < forwarder.loss < 0.06, "its own loss is kept apart"
    forwarder.take(packet(100, pt=rtp.AUDIO_PT), 20.0)
    forwarder.report(20.0, None)
    last = wire.sent(rtcp.Report)[-1]
    assert isinstance(last, rtcp.Report)
    assert last.lost < 0.125, "an old report counts no more"


async def test_a_narrow_line_squeezes_video_and_a_wide_one_does_not() -> None:
    forwarder, _ = track()
    assert forwarder.rate() == 600_000, "nobody watches"
    wide, narrow = subscriber(forwarder)[0], subscriber(forwarder)[0]
    assert forwarder.rate() == 450_000, "nobody knows yet what the lines carry"
    forwarder.bps = 800_000
    for downlink, estimate in ((wide, 5_000_000), (narrow, 400_000)):
        downlink.listener.video_bps = 800_000
        downlink.listener.remb, downlink.listener.remb_at = estimate, time.monotonic()
    assert forwarder.rate() == 400_000
    narrow.listener.remb = 900_000
    assert forwarder.rate() == 900_000, "never above what the narrowest carries, even when it carries all that is sent"
    forwarder.uplink = 500_000
    assert forwarder.rate() == 500_000, "nor above what the publisher's own line carries"
    narrow.listener.remb = 1
    assert forwarder.rate() == 120_000
    narrow.listener.remb_at -= 60
    assert forwarder.rate() == 450_000


async def test_two_videos_share_what_a_line_carries() -> None:
    forwarder, _ = track()
    (downlink, _) = subscriber(forwarder)
    forwarder.bps = 100_000
    downlink.listener.video_bps = 400_000
    downlink.listener.remb, downlink.listener.remb_at = 480_000, time.monotonic()
    assert forwarder.rate() == 120_000
    forwarder.bps = 300_000
    assert forwarder.rate() == 360_000


async def test_an_estimate_of_the_publishers_line_that_falls_is_told_at_once() -> None:
    class Guess:
        def __init__(self) -> None:
            self.next: int | None = None

        def take(self, now: float, send_time: int, size: int) -> int | None:
            return self.next

    guess, wire = Guess(), FakeWire()
    forwarder = TrackForwarder("speaker", Kind.VIDEO, wire, estimate=guess)
    forwarder.announce(50, 51)
    subscriber(forwarder)
    head = packet(1, payload=b"")
    stamped = (
        bytes([head[0] | 0x10]) + head[1:] + bytes.fromhex("bede0001") + bytes([rtp.SEND_TIME_EXT << 4 | 2, 1, 2, 3])
    )
    told = len(wire.sent(rtcp.Remb))
    for number, (found, more) in enumerate(((400_000, 1), (None, 0), (410_000, 0), (300_000, 1))):
        guess.next = found
        forwarder.take(stamped[:2] + number.to_bytes(2, "big") + stamped[4:] + b"pic", 1.0)
        assert len(wire.sent(rtcp.Remb)) == (told := told + more)
    last = wire.sent(rtcp.Remb)[-1]
    assert isinstance(last, rtcp.Remb)
    assert 299_000 < last.bitrate <= 450_000


async def test_clock_of_the_publisher_and_round_trip() -> None:
    forwarder, wire = track(Kind.AUDIO)
    downlink, out = subscriber(forwarder)
    forwarder.take(packet(1, pt=rtp.AUDIO_PT), 9.9)
    ntp = (3_900_000_000 << 32) | (1 << 31)
    forwarder.sender_reported(rtcp.SenderReport(50, ntp, 4711), 10.0)
    assert out.sent(rtcp.SenderReport) == [rtcp.SenderReport(downlink.ssrc, ntp, 4711)]
    middle = rtcp.ntp_middle(ntp)
    downlink.reported(rtcp.Report(downlink.ssrc, 0, 0, 0, 480, middle, 65536), 11.25)
    assert downlink.rtt == pytest.approx(0.25)
    assert downlink.jitter_ms == 10
    forwarder.report(10.5, None)
    (report,) = wire.sent(rtcp.Report)
    assert isinstance(report, rtcp.Report)
    assert (report.lsr, report.dlsr) == (middle, 32768)
    forwarder.sender_reported(rtcp.SenderReport(999, ntp, 1), 11.0)
    assert len(out.sent(rtcp.SenderReport)) == 1


async def test_levels_are_read_only_while_let_through() -> None:
    forwarder, _ = track(Kind.AUDIO)
    levels: list[int] = []
    forwarder.on_level = lambda level, now: levels.append(level)
    head = rtp.build(rtp.AUDIO_PT, 1, 2, 50, b"")
    loud = bytes([head[0] | 0x10]) + head[1:] + bytes.fromhex("bede0001") + bytes([rtp.LEVEL_EXT << 4, 0x80 | 12, 0, 0])
    forwarder.take(loud + b"voice", 1.0)
    forwarder.enabled = False
    forwarder.take(loud + b"voice", 1.1)
    assert levels == [12]


async def test_a_flood_is_not_passed_on() -> None:
    forwarder, _ = track(Kind.AUDIO)
    _, wire = subscriber(forwarder)
    for seq in range(3000):
        forwarder.take(packet(seq, pt=rtp.AUDIO_PT, payload=bytes(1000)), 5.0 + seq / 3000)
    assert len(wire.rtp) < 82
    forwarder.take(packet(3000, pt=rtp.AUDIO_PT), 6.1)
    assert rtp.sequence_number(wire.rtp[-1]) == 3000, "and goes on when it ends"
