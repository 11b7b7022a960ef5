"""One participant's single peer connection: its m-lines, its negotiations (the server always offers) and its traffic by kind.

Does not know rooms: the room says which tracks to carry (``wish``) and hears through the ``PeerObserver`` what happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass

from core.errors import Conflict, Invalid
from media import rtcp, rtp
from media.aiortc_seam import UplinkEstimate, Wire, WireError
from media.forwarding import Downlink, Listener, TrackForwarder
from media.participant import PeerObserver
from media.protocol import Kind, MediaWant, PeerFlags, PeerOffer, TrackInfo
from media.quality import QualityMeter, Smoothed, VideoGate
from media.sdp import Answer, AnswerLine, LocalTransport, OfferLine, read_answer, write_offer


@dataclass
class _Slot:
    """An m-line on which we send; it stays for ever and is used again for somebody else."""

    mid: str
    kind: Kind
    source: TrackForwarder | None = None
    downlink: Downlink | None = None
    accepted: bool = False


def _own_loss(slot: _Slot) -> float:
    """What is lost on the way down. A subscriber's report also holds what never reached us: that is the far line's, not theirs."""
    down = 0.0 if slot.downlink is None else slot.downlink.loss
    return max(0.0, down - (0.0 if slot.source is None else slot.source.loss))


class BrowserPeer:
    """A connection to one browser. Life: ``open``, first ``next_offer``, ``answer``, connected, more offers, ``close``."""

    def __init__(
        self, peer_id: str, generation: int, want: MediaWant, flags: PeerFlags, wire: Wire, observer: PeerObserver,
        *, connect_timeout: float = 15.0, video_cap_bps: int = 1_500_000,
    ) -> None:  # fmt: skip
        self.peer_id = peer_id
        self.generation = generation
        self.want = want
        self.flags = flags
        self.closed = False
        self.opened_at = time.monotonic()
        self.published: dict[Kind, TrackForwarder] = {}
        self.quality = QualityMeter()
        self.smoothed = Smoothed()
        self.gate = VideoGate()
        self.uplink_bps = 0
        self.downlink_bps = 0
        self._wire = wire
        self._observer = observer
        self._connect_timeout = connect_timeout
        self._cap = video_cap_bps
        self._listener = Listener()
        self._slots: list[_Slot] = []
        self._transport: LocalTransport | None = None
        self._remote: Answer | None = None
        self._connect_task: asyncio.Task[None] | None = None
        self._offered: tuple[OfferLine, ...] = ()
        self._negotiation = 0
        self._awaiting = False
        self._dirty = True
        self._session = int(time.time() * 1000)
        self._ticked_at = time.monotonic()
        for kind in self._publishes():
            self.published[kind] = self._new_forwarder(kind)
        wire.on_rtp = self._on_rtp
        wire.on_rtcp = self._on_rtcp
        self._was_connected = False
        wire.on_closed = self._fail

    def _publishes(self) -> tuple[Kind, ...]:
        wanted = ((Kind.AUDIO, self.want.send_audio), (Kind.VIDEO, self.want.send_video))
        return tuple(kind for kind, yes in wanted if yes)

    def _new_forwarder(self, kind: Kind) -> TrackForwarder:
        estimate = UplinkEstimate() if kind is Kind.VIDEO else None
        forwarder = TrackForwarder(self.peer_id, kind, self._wire, cap_bps=self._cap, estimate=estimate)
        forwarder.enabled = self.flags.audio if kind is Kind.AUDIO else self.flags.video
        forwarder.congestion = self._listener.congestion
        forwarder.on_first = lambda: self._observer.peer_first_packet(self, kind)
        if kind is Kind.AUDIO:
            forwarder.on_level = lambda level, now: self._observer.peer_audio_level(self, level, now)
        return forwarder

    @property
    def connected(self) -> bool:
        return self._wire.connected

    @property
    def heard_at(self) -> float:
        """Monotonic time of the last authentic packet of any sort."""
        return self._wire.heard_at

    async def open(self) -> None:
        """Binds sockets. Raises ``WireError``."""
        self._transport = await self._wire.gather()

    # negotiation

    def wish(self, sources: Iterable[TrackForwarder]) -> None:
        """Which tracks of others this participant is to receive. Free m-lines are used again, never removed."""
        wants = {Kind.AUDIO: self.want.receive_audio, Kind.VIDEO: self.want.receive_video}
        wanted = [source for source in sources if wants[source.kind]]
        for slot in self._slots:
            if slot.source is not None and slot.source not in wanted:
                self._empty(slot)
                self._dirty = True
        have = {id(slot.source) for slot in self._slots}
        for source in wanted:
            if id(source) in have:
                continue
            slot = next((s for s in self._slots if s.source is None and s.kind is source.kind), None) or self._add_slot(
                source.kind
            )
            slot.source, slot.downlink = source, Downlink(source.kind, self._wire, self._listener)
            self._dirty = True

    def _add_slot(self, kind: Kind) -> _Slot:
        slot = _Slot(str(2 + len(self._slots)), kind)
        self._slots.append(slot)
        return slot

    def _empty(self, slot: _Slot) -> None:
        if slot.source is not None and slot.downlink is not None:
            slot.source.detach(slot.downlink)
        slot.source, slot.downlink, slot.accepted = None, None, False

    def next_offer(self) -> PeerOffer | None:
        """A new offer when something changed and no answer is outstanding; otherwise none (it comes after the answer)."""
        if not self._dirty or self._awaiting or self.closed or self._transport is None:
            return None
        self._dirty, self._awaiting = False, True
        self._negotiation += 1
        up = self._publishes()
        lines = [
            OfferLine(mid, kind, "recvonly" if kind in up else "inactive")
            for mid, kind in (("0", Kind.AUDIO), ("1", Kind.VIDEO))
        ]
        for slot in self._slots:
            if slot.source is None or slot.downlink is None:
                lines.append(OfferLine(slot.mid, slot.kind, "inactive"))
            else:
                stream = slot.source.peer_id
                lines.append(OfferLine(slot.mid, slot.kind, "sendonly", slot.downlink.ssrc, stream))
        self._offered = tuple(lines)
        sdp = write_offer(self._transport, lines, session=self._session, version=self._negotiation, cname="tarjuman")
        tracks = tuple(
            TrackInfo(mid=slot.mid, peer_id=slot.source.peer_id, kind=slot.kind) for slot in self._slots if slot.source
        )
        return PeerOffer(
            peer_id=self.peer_id, generation=self.generation, negotiation=self._negotiation, sdp=sdp, tracks=tracks
        )

    async def answer(self, negotiation: int, sdp: str) -> None:
        """The browser's answer. Raises ``Invalid('sdp_invalid')`` and goes on waiting, or ``Conflict('stale_generation')``."""
        if not self._awaiting or negotiation != self._negotiation:
            raise Conflict("stale_generation", {"negotiation": self._negotiation})
        answer = read_answer(sdp, self._offered)
        if self._remote is not None and (answer.ufrag, answer.pwd) != (self._remote.ufrag, self._remote.pwd):
            raise Invalid("sdp_invalid", {"part": "ice_restart"})
        self._awaiting = False
        first, self._remote = self._remote is None, answer
        self._apply_uplinks(answer.lines[:2])
        self._apply_downlinks(answer.lines[2:])
        for candidate in answer.candidates:
            await self._wire.add_candidate(candidate)
        if first and not self.closed:
            self._connect_task = asyncio.create_task(self._connect(answer), name=f"connect {self.peer_id}")

    def _apply_uplinks(self, lines: tuple[AnswerLine, ...]) -> None:
        changed = False
        for line in lines:
            forwarder = self.published.get(line.kind)
            if forwarder is None or not line.sends or line.ssrc is None:
                continue
            if forwarder.ssrc is not None and forwarder.ssrc != line.ssrc:
                forwarder.close()
                forwarder = self.published[line.kind] = self._new_forwarder(line.kind)
                changed = True
            if forwarder.ssrc is None:
                forwarder.announce(line.ssrc, line.rtx_ssrc)
        if changed:
            self._observer.peer_sources_changed(self)

    def _apply_downlinks(self, lines: tuple[AnswerLine, ...]) -> None:
        offered = {line.mid: line.ssrc for line in self._offered}
        for line in lines:
            slot = self._slots[int(line.mid) - 2]
            current = slot.downlink is not None and slot.downlink.ssrc == offered.get(line.mid)
            slot.accepted = current and line.receives
        self._flow()

    def _flow(self) -> None:
        """Starts what is accepted and allowed, stops the rest."""
        for slot in self._slots:
            if slot.source is None or slot.downlink is None:
                continue
            allowed = slot.kind is Kind.AUDIO or (self.flags.receive_video and not self.gate.closed)
            if self.connected and slot.accepted and allowed:
                slot.source.attach(slot.downlink)
            else:
                slot.source.detach(slot.downlink)

    async def candidate(self, text: str | None) -> None:
        """One more candidate of the browser. Raises ``Invalid('sdp_invalid')``."""
        if not text:
            return
        if len(text) > 1000 or not await self._wire.add_candidate(text.removeprefix("a=").removeprefix("candidate:")):
            raise Invalid("sdp_invalid", {"part": "candidate"})

    async def _connect(self, answer: Answer) -> None:
        try:
            await self._wire.connect(answer, timeout=self._connect_timeout)
        except WireError:
            self._fail()
            return
        if self.connected:
            self._was_connected = True
            self._flow()
            self._observer.peer_connected(self)

    def _fail(self) -> None:
        if not self.closed:
            self._observer.peer_failed(self, "failed" if self._was_connected else "never_connected")

    # traffic

    def _on_rtp(self, data: bytes, now: float) -> None:
        if len(data) <= rtp.HEADER:
            return
        kind = data[1] & 0x7F
        if kind == rtp.AUDIO_PT:
            forwarder = self.published.get(Kind.AUDIO)
            if forwarder is not None:
                forwarder.take(data, now)
            return
        forwarder = self.published.get(Kind.VIDEO)
        if forwarder is None:
            return
        if kind == rtp.VIDEO_PT:
            forwarder.take(data, now)
        elif kind == rtp.RTX_PT:
            forwarder.take_rtx(data)

    def _on_rtcp(self, data: bytes, now: float) -> None:
        for item in rtcp.parse(data):
            if isinstance(item, rtcp.Report):
                if (slot := self._sending(item.ssrc)) and slot.downlink:
                    slot.downlink.reported(item, now)
            elif isinstance(item, rtcp.SenderReport):
                for forwarder in self.published.values():
                    forwarder.sender_reported(item, now)
            elif isinstance(item, rtcp.Nack):
                if (slot := self._sending(item.ssrc)) and slot.downlink:
                    slot.downlink.resend(item.missing, now)
            elif isinstance(item, rtcp.KeyframeRequest):
                if (slot := self._sending(item.ssrc)) and slot.source:
                    slot.source.request_keyframe()
            elif isinstance(item, rtcp.Remb):
                self._listener.remb, self._listener.remb_at = item.bitrate, now

    def _sending(self, ssrc: int) -> _Slot | None:
        for slot in self._slots:
            if slot.downlink is not None and slot.downlink.ssrc == ssrc:
                return slot
        return None

    # upkeep

    def set_flags(self, flags: PeerFlags) -> None:
        """What passes from and to this participant, from now on."""
        self.flags = flags
        for kind, forwarder in self.published.items():
            enabled = flags.audio if kind is Kind.AUDIO else flags.video
            if enabled and not forwarder.enabled:
                forwarder.enabled = True
                forwarder.request_keyframe()
            elif forwarder.enabled and not enabled:
                forwarder.pause()
            forwarder.enabled = enabled
        self._flow()

    @property
    def rtt_ms(self) -> float | None:
        """Round trip: from the subscribers' reports where there are any, else from ICE checks."""
        now = time.monotonic()
        downs = [s.downlink for s in self._slots if s.downlink is not None and s.downlink.fresh(now)]
        rtt = min((d.rtt for d in downs if d.rtt is not None), default=self._wire.stun_rtt)
        return None if rtt is None else 1000 * rtt

    def jitter_ms(self) -> tuple[float, float]:
        """Of the sound on its way up, and of the worst track on its way down."""
        audio = self.published.get(Kind.AUDIO)
        up = audio.reception.jitter_ms if audio is not None and audio.reception is not None else 0.0
        return up, max((s.downlink.jitter_ms for s in self._slots if s.downlink is not None), default=0.0)

    def tick(self, now: float) -> None:
        """Once a second: reports to the browser, numbers for people."""
        if not self.connected:
            return
        rtt_ms = self.rtt_ms
        if rtt_ms is not None:
            self._listener.congestion.update(rtt_ms / 1000, now)
        for forwarder in self.published.values():
            forwarder.report(now, None if rtt_ms is None else rtt_ms / 1000)
        self.smoothed.up(max((f.loss for f in self.published.values()), default=0.0))
        downs = [s.downlink for s in self._slots if s.downlink is not None]
        self.smoothed.down(
            max((_own_loss(s) for s in self._slots if s.downlink is not None and s.downlink.fresh(now)), default=0.0)
        )
        if self.gate.update(self.smoothed.downlink_loss, now):
            self._flow()
        seconds = max(0.001, now - self._ticked_at)
        self._ticked_at = now
        self.uplink_bps = sum(f.bps for f in self.published.values())
        rates = {kind: sum(d.drain_octets() for d in downs if d.kind is kind) * 8 / seconds for kind in Kind}
        self.downlink_bps = int(sum(rates.values()))
        self._listener.video_bps = int(rates[Kind.VIDEO])

    async def close(self, reason: str = "") -> None:
        """Ends the connection and frees its sockets, tasks and timers. Idempotent."""
        if self.closed:
            return
        self.closed = True
        for slot in self._slots:
            self._empty(slot)
        for forwarder in self.published.values():
            forwarder.close()
        if self._connect_task is not None:
            self._connect_task.cancel()
            await asyncio.gather(self._connect_task, return_exceptions=True)
        await self._wire.close()
