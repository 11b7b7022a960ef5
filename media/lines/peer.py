"""A participant without a browser: a telephone, which speaks through the sound process and hears through it. Otherwise like anybody."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from datetime import datetime
from struct import Struct

from core.clock import Clock
from core.errors import Invalid
from media import rtcp, rtp
from media.forwarding import TrackForwarder
from media.lines.link import SoundLink
from media.lines.words import LineEnd
from media.participant import PeerObserver
from media.protocol import Codec, Kind, LineTicket, MediaWant, PeerFlags, PeerOffer
from media.quality import QualityMeter, Smoothed, VideoGate

_HEAD = Struct("!BBHIIHHBBH")
_WITH_EXTENSION = 0x90
_ONE_BYTE = 0xBEDE
_FORGET = 0.95
"""What is left each second of a loss that is over."""
_NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970 (RFC 5905)."""


class _NoWire:
    """A telephone takes no RTP and no RTCP."""

    def send_rtp(self, packet: bytes) -> bytes | None:
        return None

    def send_again(self, protected: bytes) -> None:
        return

    def send_rtcp(self, packet: bytes) -> None:
        return


class LinePeer:
    """One telephone in a room. Publishes 20 ms of Opus at a time under an SSRC of its own, with its loudness in the header."""

    def __init__(
        self, peer_id: str, generation: int, flags: PeerFlags, room_id: str, link: SoundLink, observer: PeerObserver,
        clock: Clock,
    ) -> None:  # fmt: skip
        self.peer_id = peer_id
        self.generation = generation
        self.want = MediaWant(send_video=False, receive_video=False)
        self.opened_at = self.heard_at = time.monotonic()
        self.connected = False
        self.closed = False
        self.quality = QualityMeter()
        self.smoothed = Smoothed()
        self.gate = VideoGate()
        self.uplink_bps = 0
        self.downlink_bps = 0
        self.rtt_ms: float | None = None
        self.handle = link.new_handle()
        self._room_id = room_id
        self._link = link
        self._observer = observer
        self._clock = clock
        self._source = random.getrandbits(31) | 1
        self._heard = self._expected = 0
        self._last: tuple[int, datetime] | None = None
        self._loss = 0.0
        track = TrackForwarder(peer_id, Kind.AUDIO, _NoWire())
        track.announce(self._source, None)
        track.on_first = lambda: observer.peer_first_packet(self, Kind.AUDIO)
        track.on_level = lambda level, now: observer.peer_audio_level(self, level, now)
        self.published: dict[Kind, TrackForwarder] = {Kind.AUDIO: track}
        self.set_flags(flags)

    def ticket(self, codec: Codec) -> LineTicket:
        """For the telephone to connect once. Raises ``Unavailable('lines_unavailable')``."""
        return self._link.line_ticket(self.handle, self, self._room_id, self.peer_id, codec)

    # what the sound process tells

    def up(self) -> None:
        self.connected, self.heard_at = True, time.monotonic()
        self._observer.peer_connected(self)

    def sound(self, seq: int, ts: int, level: int, live: bool, payload: bytes) -> None:
        now = time.monotonic()
        self._expected += 1
        if live:
            self._heard += 1
            self.heard_at = now
        self._last = ts, self._clock.now()
        head = _HEAD.pack(
            _WITH_EXTENSION, rtp.AUDIO_PT, seq, ts, self._source, _ONE_BYTE, 1, rtp.LEVEL_EXT << 4, level, 0
        )
        self.published[Kind.AUDIO].take(head + payload, now)

    def alive(self) -> None:
        self.heard_at = time.monotonic()

    def allow(self, peer_ids: tuple[str, ...]) -> None:
        """Only taps ask for this."""

    def down(self, why: str) -> None:
        was, self.connected = self.connected, False
        if not self.closed:
            self._observer.peer_failed(self, "failed" if was else "never_connected")

    # what the room asks for

    def jitter_ms(self) -> tuple[float, float]:
        return 0.0, 0.0

    async def open(self) -> None:
        """Nothing to bind: the ticket comes from ``ticket``."""

    def wish(self, sources: Iterable[TrackForwarder]) -> None:
        """A telephone hears the mix of all others."""

    def next_offer(self) -> PeerOffer | None:
        return None

    async def answer(self, negotiation: int, sdp: str) -> None:
        """Raises ``Invalid('sdp_invalid')``: a telephone was offered nothing."""
        raise Invalid("sdp_invalid", {"part": "line"})

    async def candidate(self, text: str | None) -> None:
        """Raises ``Invalid('sdp_invalid')``."""
        raise Invalid("sdp_invalid", {"part": "line"})

    def set_flags(self, flags: PeerFlags) -> None:
        """Whether its voice passes."""
        track = self.published[Kind.AUDIO]
        if track.enabled and not flags.audio:
            track.pause()
        track.enabled = flags.audio

    def tick(self, now: float) -> None:
        """Once a second: numbers for people, a sender report for the listeners, their losses for the encoder."""
        track = self.published[Kind.AUDIO]
        track.report(now, None)
        self.uplink_bps = track.bps
        expected, heard = self._expected, self._heard
        self._expected = self._heard = 0
        self.smoothed.up(1 - heard / expected if expected else 0.0)
        self._protect(max((d.loss for d in track.downlinks if d.fresh(now)), default=0.0))
        if self._last is not None:
            ts, at = self._last
            ntp = int((at.timestamp() + _NTP_EPOCH) * 2**32) & 0xFFFF_FFFF_FFFF_FFFF
            track.sender_reported(rtcp.SenderReport(ssrc=self._source, ntp=ntp, rtp=ts), now)

    def _protect(self, loss: float) -> None:
        """Tells the encoder what its listeners lose: more at once, less slowly."""
        before, self._loss = self._loss, max(loss, self._loss * _FORGET)
        if round(before, 2) != round(self._loss, 2):
            self._link.tell("loss", self.handle, share=round(self._loss, 2))

    async def close(self, reason: str = "") -> None:
        """Ends the telephone's line. Idempotent."""
        if self.closed:
            return
        self.closed, self.connected = True, False
        self.published[Kind.AUDIO].close()
        self._link.forget(self.handle, reason or LineEnd.REPLACED)
