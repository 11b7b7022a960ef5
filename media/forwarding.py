"""Carries encoded packets from one publisher's track to many subscribers without decoding; only the SSRC changes on the way.

Also the feedback loops of one track: loss reports, retransmission both ways, key frames, rate limits, sender clocks."""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from media import rtcp, rtp
from media.protocol import Kind
from media.quality import Congestion
from media.reception import Missing, Reception

KEYFRAME_EVERY = 0.5
"""Seconds between two key frame requests to one publisher, at least."""
_RING = 512
"""Sent video packets kept per subscriber for retransmission (about three seconds at 1.5 Mbit/s)."""
_RESEND_PER_SECOND = 300
_NACK_TICK = 0.05
_RATE_FLOOR, _IDLE_RATE, _START_RATE = 120_000, 600_000, 450_000
_MOST = {Kind.AUDIO: 80_000, Kind.VIDEO: 750_000}
"""Bytes of one track that are passed on in one second."""
_FRESH = 10.0
"""Seconds for which a subscriber's report or estimate counts."""


class Sender(Protocol):
    """The part of a wire that sends."""

    def send_rtp(self, packet: bytes) -> bytes | None: ...

    def send_again(self, protected: bytes) -> None: ...

    def send_rtcp(self, packet: bytes) -> None: ...


class Estimate(Protocol):
    """What tells how much the way from a publisher to here carries."""

    def take(self, now: float, send_time: int, size: int) -> int | None: ...


class Listener:
    """What one subscriber's browser says about its whole downlink."""

    def __init__(self) -> None:
        self.congestion = Congestion()
        self.remb: int | None = None
        self.remb_at = 0.0
        self.video_bps = 0
        """Video that was sent to it in the last second."""

    def allows(self, bps: int, now: float) -> int:
        """Bits per second for a video of which ``bps`` were sent lately, by the browser's estimate (REMB) for all its videos."""
        if self.remb is None or now - self.remb_at > _FRESH or not self.video_bps:
            return _START_RATE
        share = min(1.0, bps / self.video_bps) if bps else 1.0
        return int(share * self.congestion.carries(self.remb, self.video_bps, now))


class Downlink:
    """One track on its way to one subscriber."""

    def __init__(self, kind: Kind, wire: Sender, listener: Listener) -> None:
        self.kind = kind
        self.ssrc = random.getrandbits(31) | 1
        self.listener = listener
        self._wire = wire
        self._source = self.ssrc.to_bytes(4, "big")
        self._ring: list[tuple[int, bytes] | None] | None = [None] * _RING if kind is Kind.VIDEO else None
        self._shift = 0
        self._floor = -1
        """Where the last pause ended; what is late from before it is dropped."""
        self._last_out = -1
        self._resync = True
        self._resend_window = 0.0
        self._resent = 0
        self._reports_sent: OrderedDict[int, float] = OrderedDict()
        self.packets = 0
        self.octets = 0
        self._octets_told = 0
        self.loss = 0.0
        self.jitter_ms = 0.0
        self.rtt: float | None = None
        self.told_at = 0.0

    def pause(self) -> None:
        """What is not sent from here on is no loss: the next packet follows the last one without a gap."""
        self._resync = True

    def send(self, head: bytes, tail: bytes, seq: int) -> None:
        """One packet, cut around its SSRC. No sequence number is ever used for two packets (it makes the SRTP nonce)."""
        if self._resync:
            self._resync = False
            # The first number is below 32,768: a receiver that misses the first packets could not know that they had wrapped, and
            # would decrypt nothing for ever (RFC 3711 section 3.3.1).
            self._shift = (seq - self._last_out - 1) & 0xFFFF if self._last_out >= 0 else seq & 0x8000
            self._floor = seq
        if self._shift:
            if self._floor >= 0:
                ahead = rtp.seq_delta(seq, self._floor)
                if ahead < 0:
                    return
                if ahead > _RING:
                    self._floor = -1
            seq = (seq - self._shift) & 0xFFFF
            head = head[:2] + seq.to_bytes(2, "big") + head[4:]
        protected = self._wire.send_rtp(head + self._source + tail)
        if protected is None:
            return
        self.packets += 1
        self.octets += len(tail)
        if self._last_out < 0 or rtp.seq_delta(seq, self._last_out) > 0:
            self._last_out = seq
        if self._ring is not None:
            self._ring[seq % _RING] = (seq, protected)

    def send_sender_report(self, report: rtcp.SenderReport, cname: str, now: float) -> None:
        """The publisher's clock under our SSRC, so that lips and voice stay together."""
        ours = rtcp.SenderReport(ssrc=self.ssrc, ntp=report.ntp, rtp=report.rtp)
        self._reports_sent[rtcp.ntp_middle(report.ntp)] = now
        while len(self._reports_sent) > 8:
            self._reports_sent.popitem(last=False)
        description = rtcp.source_description(self.ssrc, cname)
        self._wire.send_rtcp(rtcp.sender_report(ours, self.packets, self.octets) + description)

    def reported(self, report: rtcp.Report, now: float) -> None:
        """The subscriber tells how our packets arrive."""
        self.loss, self.told_at = report.lost, now
        self.jitter_ms = report.jitter / (48 if self.kind is Kind.AUDIO else 90)
        sent = self._reports_sent.get(report.lsr)
        if sent is not None and report.lsr:
            self.rtt = max(0.0, now - sent - report.dlsr / 65536)

    def resend(self, missing: tuple[int, ...], now: float) -> None:
        """Answers a NACK from the ring, within a bound per second."""
        if self._ring is None:
            return
        if now - self._resend_window > 1.0:
            self._resend_window, self._resent = now, 0
        for seq in missing:
            kept = self._ring[seq % _RING]
            if kept is not None and kept[0] == seq and self._resent < _RESEND_PER_SECOND:
                self._resent += 1
                self._wire.send_again(kept[1])

    def drain_octets(self) -> int:
        """Bytes sent since the last call."""
        sent, self._octets_told = self.octets - self._octets_told, self.octets
        return sent

    def fresh(self, now: float) -> bool:
        """Whether the subscriber reported lately."""
        return now - self.told_at < _FRESH


class TrackForwarder:
    """One published track: takes the publisher's packets and hands each to every downlink at once.

    ``on_first`` is called with the first packet, ``on_level`` with each audio level (-dBov) while the track is let through."""

    def __init__(
        self, peer_id: str, kind: Kind, wire: Sender, *, cap_bps: int = 1_500_000, estimate: Estimate | None = None
    ) -> None:
        self.peer_id = peer_id
        self.kind = kind
        self.enabled = True
        self.ssrc: int | None = None
        self.rtx_ssrc: int | None = None
        self.downlinks: list[Downlink] = []
        self.on_first: Callable[[], None] = lambda: None
        self.on_level: Callable[[int, float], None] | None = None
        self.tap: Callable[[bytes], None] | None = None
        """Gets a copy of each packet that is let through, while somebody without a browser may hear it."""
        self.loss = 0.0
        """Of the last report interval, on the way from the publisher to here."""
        self.bps = 0
        """Bits per second that came from the publisher lately."""
        self.uplink: int | None = None
        """Bits per second that the way from the publisher carries, as far as is known."""
        self.reception: Reception | None = None
        self.congestion = Congestion()
        """Of the publisher's line."""
        self._estimate = estimate
        self._octets = (0, time.monotonic())
        self._budget, self._budget_at = _MOST[kind], 0.0
        self._wire = wire
        self._cap = cap_bps
        self._source = b""
        self._missing = Missing()
        self._rtt = 0.1
        self._nack_timer: asyncio.TimerHandle | None = None
        self._keyframe_timer: asyncio.TimerHandle | None = None
        self._keyframe_at = 0.0
        self._ours = random.getrandbits(31) | 1
        self.keyframe_requests = 0

    def announce(self, ssrc: int, rtx_ssrc: int | None) -> None:
        """The publisher's answer names its sources."""
        self.ssrc, self.rtx_ssrc = ssrc, rtx_ssrc
        self._source = ssrc.to_bytes(4, "big")
        self.reception = Reception(ssrc, 48000 if self.kind is Kind.AUDIO else 90000)

    # packets

    def take(self, data: bytes, now: float) -> None:
        """A decrypted packet of the main payload type."""
        if data[8:12] != self._source:
            if self.ssrc is not None:
                return
            self.announce(rtp.ssrc(data), None)
        reception = self.reception
        assert reception is not None
        seq = rtp.sequence_number(data)
        first = reception.last_at is None
        restarts = reception.restarts
        gap = reception.add(seq, rtp.timestamp(data), len(data), now)
        if first:
            self.on_first()
        if gap < 0:
            return
        if reception.restarts != restarts:
            self._missing = Missing()
            self.pause()
        if self.kind is Kind.VIDEO:
            self._measure(data, now)
            self._missing.arrived(seq)
            if gap:
                self._ask_again(self._missing.gap(seq, gap, now))
        if self.enabled and self._within_budget(len(data), now):
            self._forward(data, seq, now)

    def _measure(self, data: bytes, now: float) -> None:
        sent = None if self._estimate is None else rtp.send_time(data)
        if self._estimate is None or sent is None:
            return
        found = self._estimate.take(now, sent, len(data))
        if found is not None:
            falls, self.uplink = self.uplink is None or found < 0.97 * self.uplink, found
            if falls:
                self._grant()

    def _within_budget(self, size: int, now: float) -> bool:
        """False for what a publisher sends beyond all that was agreed: it would only hurt the others' lines."""
        if now - self._budget_at >= 1.0:
            self._budget_at, self._budget = now, _MOST[self.kind]
        self._budget -= size
        return self._budget > 0

    def pause(self) -> None:
        """The stream is interrupted for every subscriber."""
        for downlink in self.downlinks:
            downlink.pause()

    def take_rtx(self, data: bytes) -> None:
        """A retransmission or a probe; only packets that were really missing go on."""
        if self.reception is None or self.rtx_ssrc is None or rtp.ssrc(data) != self.rtx_ssrc:
            return
        packet = rtp.unwrap_rtx(data, self.reception.ssrc)
        if packet is None or not self._missing.arrived(rtp.sequence_number(packet)):
            return
        if not self.reception.mark(rtp.sequence_number(packet)):
            return
        self.reception.octets += len(packet)
        if self.enabled:
            self._forward(packet, rtp.sequence_number(packet), time.monotonic())

    def _forward(self, data: bytes, seq: int, now: float) -> None:
        if self.on_level is not None:
            level = rtp.audio_level(data)
            if level is not None:
                self.on_level(level, now)
        if self.tap is not None:
            self.tap(data)
        if not self.downlinks:
            return
        if self.kind is Kind.VIDEO:
            data = rtp.with_send_time(data, rtp.abs_send_time(time.time()))
        head, tail = data[:8], data[12:]
        for downlink in self.downlinks:
            downlink.send(head, tail, seq)

    # towards the publisher

    def _ask_again(self, missing: list[int]) -> None:
        assert self.reception is not None
        self._wire.send_rtcp(self._report_head() + rtcp.nack(self._ours, self.reception.ssrc, missing))
        if self._nack_timer is None:
            self._nack_timer = asyncio.get_running_loop().call_later(_NACK_TICK, self._nack_tick)

    def _nack_tick(self) -> None:
        self._nack_timer = None
        again = self._missing.due(time.monotonic(), max(_NACK_TICK, self._rtt))
        if again:
            self._ask_again(again)
        elif self._missing:
            self._nack_timer = asyncio.get_running_loop().call_later(_NACK_TICK, self._nack_tick)

    def request_keyframe(self) -> None:
        """Asks the publisher for a key frame, now or as soon as the throttle allows; never forgotten."""
        if self.kind is not Kind.VIDEO or self.reception is None or self._keyframe_timer is not None:
            return
        wait = self._keyframe_at + KEYFRAME_EVERY - time.monotonic()
        if wait > 0:
            self._keyframe_timer = asyncio.get_running_loop().call_later(wait, self._send_keyframe_request)
        else:
            self._send_keyframe_request()

    def _send_keyframe_request(self) -> None:
        self._keyframe_timer = None
        if self.reception is None:
            return
        self._keyframe_at = time.monotonic()
        self.keyframe_requests += 1
        self._wire.send_rtcp(self._report_head() + rtcp.picture_loss(self._ours, self.reception.ssrc))

    def _report_head(self) -> bytes:
        return rtcp.receiver_report(self._ours, ()) + rtcp.source_description(self._ours, "tarjuman")

    def report(self, now: float, rtt: float | None) -> None:
        """Once a second: how the track arrives, with the worst subscriber's loss (so that Opus sends FEC), and how much
        video the subscribers' lines carry."""
        if rtt is not None:
            self._rtt = min(1.0, rtt)
        reception = self.reception
        if reception is None or reception.last_at is None:
            return
        own = reception.report(now)
        self.bps = int(8 * (reception.octets - self._octets[0]) / max(0.001, now - self._octets[1]))
        self._octets = (reception.octets, now)
        self.loss = own.lost
        worst = max((d.loss for d in self.downlinks if d.fresh(now)), default=0.0)
        told = rtcp.Report(
            ssrc=own.ssrc, lost=max(own.lost, worst), total_lost=own.total_lost, highest=own.highest,
            jitter=own.jitter, lsr=own.lsr, dlsr=own.dlsr,
        )  # fmt: skip
        packet = rtcp.receiver_report(self._ours, (told,)) + rtcp.source_description(self._ours, "tarjuman")
        if self.kind is Kind.VIDEO:
            packet += rtcp.remb(self._ours, self.rate(), (own.ssrc,))
        self._wire.send_rtcp(packet)

    def rate(self) -> int:
        """Bits per second that the publisher may send: what its own line carries, and the narrowest line of those who watch."""
        now = time.monotonic()
        most = min((d.listener.allows(self.bps, now) for d in self.downlinks), default=_IDLE_RATE)
        own = self._cap if self.uplink is None else self.congestion.carries(self.uplink, self.bps, now)
        return max(_RATE_FLOOR, min(most, self._cap, own))

    def _grant(self) -> None:
        if self.reception is not None:
            self._wire.send_rtcp(self._report_head() + rtcp.remb(self._ours, self.rate(), (self.reception.ssrc,)))

    def sender_reported(self, report: rtcp.SenderReport, now: float) -> None:
        """The publisher's clock: noted for its round trip, passed on to every subscriber."""
        if self.reception is None or report.ssrc != self.reception.ssrc:
            return
        self.reception.sender_reported(rtcp.ntp_middle(report.ntp), now)
        for downlink in self.downlinks:
            downlink.send_sender_report(report, self.peer_id, now)

    # subscribers

    def attach(self, downlink: Downlink) -> None:
        """From now on this subscriber gets the track; video begins with a key frame."""
        if downlink not in self.downlinks:
            self.downlinks = [*self.downlinks, downlink]
            if self.kind is Kind.VIDEO:
                self._grant()
            self.request_keyframe()

    def detach(self, downlink: Downlink) -> None:
        """No longer. Idempotent."""
        if downlink in self.downlinks:
            downlink.pause()
            self.downlinks = [d for d in self.downlinks if d is not downlink]

    def flowing(self, now: float) -> bool:
        """Whether packets came within the last one and a half seconds."""
        return self.reception is not None and self.reception.last_at is not None and now - self.reception.last_at < 1.5

    def close(self) -> None:
        """Ends the timers."""
        self.downlinks, self.tap = [], None
        for timer in (self._nack_timer, self._keyframe_timer):
            if timer is not None:
                timer.cancel()
