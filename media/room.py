"""One room on this node: who has a seat, whose tracks go to whom, and the news about them. No sockets, no bus."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from core.clock import Clock
from core.errors import Conflict, NotFound, Unavailable
from media.forwarding import TrackForwarder
from media.lines.copies import Copies
from media.lines.link import SoundLink
from media.lines.peer import LinePeer
from media.participant import Connection, Seat
from media.protocol import (
    MAX_PEERS,
    Codec,
    Grade,
    Kind,
    LineTicket,
    News,
    OfferMade,
    PeerBack,
    PeerClosed,
    PeerConnected,
    PeerDescription,
    PeerFlags,
    PeerHeard,
    PeerLost,
    PeerNumbers,
    PeerOffer,
    QualityChanged,
    RoomClosed,
    RoomDescription,
    SpeakingChanged,
    TrackEnded,
    TrackPublished,
)

_NEVER = 40.0
"""Seconds after which an offer that led to no connection is given up."""
_GIVEN_UP = 20.0
"""Seconds without a connection after which a place goes to somebody new when the room is full."""
_TRACK_GONE = 3.0
"""Seconds without a packet after which a track of a connected person counts as ended."""
C = TypeVar("C", bound=Connection)


class Room:
    """A few seats, more in a group briefing. All methods run in the node's loop; news goes to ``tell`` in order."""

    def __init__(
        self, room_id: str, node_id: str, clock: Clock, tell: Callable[[News], None], link: SoundLink,
        *, lost_after: float = 5.0, seats: int = MAX_PEERS,
    ) -> None:  # fmt: skip
        self.room_id = room_id
        self.opened_at = clock.now()
        self.empty_since: float | None = time.monotonic()
        """Since when nobody has had a connection; those who never said goodbye keep no room open."""
        self._node_id = node_id
        self._clock = clock
        self._tell = tell
        self._lost_after = lost_after
        self._most = seats
        self._seats: dict[str, Seat] = {}
        self._seq = 0
        self._closed = False
        self._left_speech_s = 0.0
        self._ended: list[Connection] = []
        self._link = link
        self.copies = Copies(room_id, link)

    @property
    def size(self) -> int:
        """Participants with a connection."""
        return sum(seat.peer is not None for seat in self._seats.values())

    def _news(self, cls: type[News], **what: Any) -> None:
        self._seq += 1
        self._tell(cls(room_id=self.room_id, node_id=self._node_id, at=self._clock.now(), seq=self._seq, **what))

    def _seat(self, peer_id: str) -> Seat:
        seat = self._seats.get(peer_id)
        if seat is None:
            raise NotFound("peer_unknown")
        return seat

    def holds(self, peer_id: str) -> bool:
        """Whether this participant has a connection now, which a new one would replace."""
        seat = self._seats.get(peer_id)
        return seat is not None and seat.peer is not None

    def peer(self, peer_id: str, generation: int) -> Connection:
        """The connection with this number; raises ``peer_unknown`` or ``stale_generation``."""
        seat = self._seat(peer_id)
        if seat.peer is None or seat.generation != generation:
            raise Conflict("stale_generation", {"generation": seat.generation})
        return seat.peer

    async def join(self, peer_id: str, make: Callable[[int, PeerFlags], Connection]) -> PeerOffer:
        """A new connection in place of any older one of this participant, and its first offer.

        ``make`` builds it from generation and flags. Raises ``room_full``; when another join of the same participant
        overtakes this one, ``stale_generation``."""
        peer = await self._sit(peer_id, make)
        peer.wish(self._sources_for(self._seats[peer_id]))
        offer = peer.next_offer()
        assert offer is not None
        self.sync()
        return offer

    async def join_line(self, peer_id: str, codec: Codec) -> LineTicket:
        """A telephone in place of any older connection of this participant; errors as with ``join``, and ``lines_unavailable``."""

        def make(generation: int, flags: PeerFlags) -> LinePeer:
            return LinePeer(peer_id, generation, flags, self.room_id, self._link, self, self._clock)

        peer = await self._sit(peer_id, make)
        self.sync()
        try:
            return peer.ticket(codec)
        except Unavailable:
            self.peer_failed(peer, "never_connected")
            raise

    async def _sit(self, peer_id: str, make: Callable[[int, PeerFlags], C]) -> C:
        if self._closed:
            raise NotFound("room_unknown")
        seat = self._seats.get(peer_id)
        if seat is None:
            if len(self._seats) >= self._most and not self._vacate():
                raise Conflict("room_full", {"most": self._most})
            seat = self._seats[peer_id] = Seat(peer_id, self._clock.now())
        self.empty_since = seat.gone_at = None
        seat.generation += 1
        older, peer = seat.peer, make(seat.generation, seat.flags)
        seat.peer = peer
        if older is not None:
            self._track_ends(seat)
            await older.close()
        try:
            # Whoever was overtaken meanwhile, or left, must bind nothing: nobody would ever close it.
            if seat.peer is peer:
                await peer.open()
        except BaseException:
            if seat.peer is peer:
                self._stand_up(seat)
            await peer.close()
            raise
        if seat.peer is not peer:
            await peer.close()
            raise Conflict("stale_generation", {"generation": seat.generation})
        return peer

    def _vacate(self) -> bool:
        """Gives up the place of whoever has been without a connection longest: a tablet that died never says goodbye."""
        now = time.monotonic()
        gone = [s for s in self._seats.values() if s.gone_at is not None and now - s.gone_at > _GIVEN_UP]
        if not gone:
            return False
        seat = self._seats.pop(min(gone, key=lambda one: one.gone_at or 0.0).peer_id)
        self._left_speech_s += seat.speech.speech_s
        self._news(PeerClosed, peer_id=seat.peer_id, generation=seat.generation, reason="given_up")
        return True

    def _stand_up(self, seat: Seat) -> None:
        seat.peer, seat.gone_at = None, time.monotonic()
        if not self.size:
            self.empty_since = seat.gone_at

    def _sources_for(self, listener: Seat) -> list[TrackForwarder]:
        return [
            source
            for seat in self._seats.values()
            if seat.peer is not None and (seat is not listener or seat.peer.want.echo)
            for source in seat.peer.published.values()
        ]

    def sync(self) -> None:
        """Brings every connection's m-lines in line with who is here; tells the offers that this takes."""
        for seat in self._seats.values():
            if seat.peer is None:
                continue
            seat.peer.wish(self._sources_for(seat))
            offer = seat.peer.next_offer()
            if offer is not None:
                self._news(OfferMade, offer=offer)
        self._match_copies()

    def _match_copies(self) -> None:
        peers = [seat.peer for seat in self._seats.values() if seat.peer is not None]
        lines = [peer.peer_id for peer in peers if isinstance(peer, LinePeer) and peer.connected]
        self.copies.match((track for peer in peers for track in peer.published.values()), lines)

    async def answer(self, peer_id: str, generation: int, negotiation: int, sdp: str) -> None:
        """See ``MediaClient.answer``."""
        await self.peer(peer_id, generation).answer(negotiation, sdp)
        self.sync()

    def set_flags(self, peer_id: str, flags: PeerFlags) -> None:
        """See ``MediaClient.set_peer``."""
        seat = self._seat(peer_id)
        seat.flags = flags
        if seat.peer is not None:
            seat.peer.set_flags(flags)
        if not flags.audio:
            self._quiet(seat)

    async def leave(self, peer_id: str, reason: str) -> None:
        """The seat is given up. Nothing when there is none."""
        seat = self._seats.pop(peer_id, None)
        if seat is None:
            return
        peer = seat.peer
        self._track_ends(seat)
        self._left_speech_s += seat.speech.speech_s
        self._stand_up(seat)
        if peer is not None:
            await peer.close(reason)
        self._news(PeerClosed, peer_id=peer_id, generation=seat.generation, reason=reason)
        self.sync()

    async def close(self, reason: str) -> None:
        """Everybody leaves; the room is over."""
        self._closed = True
        seats, self._seats = list(self._seats.values()), {}
        peers = [*self._ended, *(seat.peer for seat in seats if seat.peer is not None)]
        for seat in seats:
            seat.peer = None
        for peer in peers:
            await peer.close(reason)
        self.copies.close()
        self._ended = []
        self._news(RoomClosed, reason=reason)

    def describe(self) -> RoomDescription:
        """See ``MediaClient.describe``."""
        now = time.monotonic()
        return RoomDescription(
            room_id=self.room_id,
            node_id=self._node_id,
            opened_at=self.opened_at,
            peers=tuple(self._describe(seat, now) for seat in self._seats.values()),
            left_speech_ms=int(1000 * self._left_speech_s),
        )

    def _describe(self, seat: Seat, now: float) -> PeerDescription:
        peer = seat.peer
        connected = peer is not None and peer.connected and not seat.lost
        published = peer.published if peer is not None else {}
        flowing = {kind for kind, track in published.items() if track.enabled and track.flowing(now)}
        return PeerDescription(
            peer_id=seat.peer_id,
            generation=seat.generation,
            connected=connected,
            joined_at=seat.joined_at,
            heard_at=seat.heard_at,
            speaking=seat.speech.speaking,
            speech_ms=int(1000 * seat.speech.speech_s),
            audio_flowing=Kind.AUDIO in flowing,
            video_flowing=Kind.VIDEO in flowing,
            video_held=peer is not None and peer.gate.closed,
            flags=seat.flags,
            grade=peer.quality.grade if connected and peer is not None else Grade.LOST,
            numbers=_numbers(peer) if peer is not None else PeerNumbers(),
        )

    # what connections tell

    def peer_connected(self, peer: Connection) -> None:
        """ICE and DTLS stand."""
        seat = self._current(peer)
        if seat is not None:
            self._news(PeerConnected, peer_id=peer.peer_id, generation=peer.generation)
            self._came_back(seat, peer)
            self._match_copies()

    def peer_failed(self, peer: Connection, reason: str) -> None:
        """The connection is over; the seat stays."""
        seat = self._current(peer)
        if seat is None:
            return
        self._stand_up(seat)
        self._ended.append(peer)
        self._track_ends(seat)
        self._lose(seat, "never_connected" if reason == "never_connected" else "failed")
        self.sync()

    def peer_first_packet(self, peer: Connection, kind: Kind) -> None:
        """The first packet of a track."""
        seat = self._current(peer)
        if seat is None:
            return
        self._track_flows(seat, kind)
        if kind is Kind.AUDIO:
            seat.heard_at = seat.heard_at or self._clock.now()
            self._news(PeerHeard, peer_id=peer.peer_id, generation=peer.generation)

    def peer_audio_level(self, peer: Connection, level: int, now: float) -> None:
        """The loudness of one packet."""
        seat = self._current(peer)
        if seat is not None and seat.speech.level(level, now):
            self._news(SpeakingChanged, peer_id=seat.peer_id, on=seat.speech.speaking)

    def peer_sources_changed(self, peer: Connection) -> None:
        """Others need fresh m-line contents."""
        self.sync()

    def _current(self, peer: Connection) -> Seat | None:
        seat = self._seats.get(peer.peer_id)
        return seat if seat is not None and seat.peer is peer else None

    # once a second

    def tick(self, now: float, *, judge: bool = True) -> list[Connection]:
        """Reports, losses, grades, pauses. Gives connections that have ended and want closing.

        Without ``judge`` nobody is taken for lost: this process itself stood still and has not read its sockets yet."""
        for seat in list(self._seats.values()):
            peer = seat.peer
            if seat.speech.tick(now):
                self._news(SpeakingChanged, peer_id=seat.peer_id, on=False)
            if peer is None:
                continue
            if not peer.connected:
                if now - peer.opened_at > _NEVER:
                    self.peer_failed(peer, "never_connected")
                continue
            peer.tick(now)
            silent = now - peer.heard_at > self._lost_after
            if silent and seat.lost:
                continue  # nor for back, before anything is heard
            if silent and judge:
                self._lose(seat, "silent")
            else:
                self._came_back(seat, peer)
                self._watch_tracks(seat, peer, now)
                self._grade(seat, peer)
        ended, self._ended = self._ended, []
        return ended

    def _watch_tracks(self, seat: Seat, peer: Connection, now: float) -> None:
        for kind, track in peer.published.items():
            last = track.reception.last_at if track.reception is not None else None
            if last is None:
                continue
            seat.last_rtp = max(seat.last_rtp or 0.0, last)
            if now - last < _TRACK_GONE:
                self._track_flows(seat, kind)
            elif kind in seat.flowing:
                seat.flowing.discard(kind)
                self._news(TrackEnded, peer_id=seat.peer_id, kind=kind)

    def _grade(self, seat: Seat, peer: Connection) -> None:
        up, down = peer.jitter_ms()
        if peer.quality.update((peer.smoothed.uplink_loss, up), (peer.smoothed.downlink_loss, down), peer.rtt_ms):
            self._tell_grade(seat, peer)

    def _tell_grade(self, seat: Seat, peer: Connection) -> None:
        meter = peer.quality
        self._news(
            QualityChanged, peer_id=seat.peer_id, grade=meter.grade, direction=meter.direction,
            score=round(meter.score), numbers=_numbers(peer),
        )  # fmt: skip

    def _track_flows(self, seat: Seat, kind: Kind) -> None:
        if kind not in seat.flowing:
            seat.flowing.add(kind)
            self._news(TrackPublished, peer_id=seat.peer_id, kind=kind)

    def _track_ends(self, seat: Seat) -> None:
        for kind in sorted(seat.flowing):
            self._news(TrackEnded, peer_id=seat.peer_id, kind=kind)
        seat.flowing.clear()
        self._quiet(seat)

    def _quiet(self, seat: Seat) -> None:
        if seat.speech.stop():
            self._news(SpeakingChanged, peer_id=seat.peer_id, on=False)

    def _lose(self, seat: Seat, reason: Literal["silent", "failed", "never_connected"]) -> None:
        if not seat.lost:
            seat.lost = True
            at = seat.last_rtp_at(self._clock.now())
            self._news(PeerLost, peer_id=seat.peer_id, generation=seat.generation, reason=reason, last_rtp_at=at)
            if seat.peer is not None and seat.peer.quality.lost():
                self._tell_grade(seat, seat.peer)

    def _came_back(self, seat: Seat, peer: Connection) -> None:
        if seat.lost:
            seat.lost = False
            self._news(PeerBack, peer_id=seat.peer_id, generation=peer.generation)


def _numbers(peer: Connection) -> PeerNumbers:
    return peer.smoothed.numbers(
        jitter_ms=max(peer.jitter_ms()), rtt_ms=peer.rtt_ms, uplink_bps=peer.uplink_bps, downlink_bps=peer.downlink_bps
    )
