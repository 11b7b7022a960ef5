"""What a room knows of a participant's connection, be it a browser's or a telephone's, and who hears what happens on it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from media.forwarding import TrackForwarder
from media.protocol import Kind, MediaWant, PeerFlags, PeerOffer
from media.quality import QualityMeter, Smoothed, SpeechMeter, VideoGate


class Connection(Protocol):
    """One participant's connection with its generation; a new one takes its place when they come again."""

    peer_id: str
    generation: int
    want: MediaWant
    opened_at: float
    published: dict[Kind, TrackForwarder]
    quality: QualityMeter
    smoothed: Smoothed
    gate: VideoGate
    uplink_bps: int
    downlink_bps: int

    @property
    def connected(self) -> bool: ...

    @property
    def heard_at(self) -> float:
        """Monotonic time of the last sign of life."""
        ...

    @property
    def rtt_ms(self) -> float | None: ...

    def jitter_ms(self) -> tuple[float, float]:
        """Up and down."""
        ...

    async def open(self) -> None: ...

    def wish(self, sources: Iterable[TrackForwarder]) -> None:
        """Which tracks of others this participant is to receive."""
        ...

    def next_offer(self) -> PeerOffer | None:
        """A new offer when one is needed now; a telephone never needs one."""
        ...

    async def answer(self, negotiation: int, sdp: str) -> None: ...

    async def candidate(self, text: str | None) -> None: ...

    def set_flags(self, flags: PeerFlags) -> None: ...

    def tick(self, now: float) -> None: ...

    async def close(self, reason: str = "") -> None: ...


class PeerObserver(Protocol):
    """Who hears what happens on a connection; called synchronously, must not block."""

    def peer_connected(self, peer: Connection) -> None: ...

    def peer_failed(self, peer: Connection, reason: str) -> None:
        """``never_connected`` or ``failed``; may be told twice."""
        ...

    def peer_first_packet(self, peer: Connection, kind: Kind) -> None: ...

    def peer_audio_level(self, peer: Connection, level: int, now: float) -> None: ...

    def peer_sources_changed(self, peer: Connection) -> None:
        """The publisher's sources are other ones now: subscribers need fresh m-line contents."""
        ...


@dataclass
class Seat:
    """A participant's place, which outlives connections."""

    peer_id: str
    joined_at: datetime
    peer: Connection | None = None
    generation: int = 0
    flags: PeerFlags = field(default_factory=PeerFlags)
    speech: SpeechMeter = field(default_factory=SpeechMeter)
    heard_at: datetime | None = None
    last_rtp: float | None = None
    """Monotonic time of the last media packet, over all connections."""
    lost: bool = False
    gone_at: float | None = None
    """Monotonic time since when there has been no connection."""
    flowing: set[Kind] = field(default_factory=set)

    def last_rtp_at(self, now: datetime) -> datetime | None:
        """When the last media packet came, by the clock that says ``now``; None before the first."""
        return None if self.last_rtp is None else now - timedelta(seconds=time.monotonic() - self.last_rtp)
