"""Which voices of one room are copied to the sound process: those that a telephone or a tap may hear, and no byte of others."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from media import rtp
from media.forwarding import TrackForwarder
from media.lines.link import SoundLink
from media.lines.words import LineEnd
from media.protocol import Kind, LineTicket


class _Tap:
    """One tap as the node knows it."""

    def __init__(self, copies: Copies, peer_ids: Iterable[str]) -> None:
        self.allowed = frozenset(peer_ids)
        self.connected = False
        self._copies = copies

    def up(self) -> None:
        self.connected = True
        self._copies.renew()

    def sound(self, seq: int, ts: int, level: int, live: bool, payload: bytes) -> None:
        """Taps say nothing."""

    def alive(self) -> None:
        """Taps cannot be held."""

    def allow(self, peer_ids: tuple[str, ...]) -> None:
        self.allowed = frozenset(peer_ids)
        self._copies.renew()

    def down(self, why: str) -> None:
        self._copies.ended(self)


class Copies:
    """The taps of one room, and the forwarders whose packets are copied."""

    def __init__(self, room_id: str, link: SoundLink) -> None:
        self._room_id = room_id
        self._link = link
        self._taps: dict[_Tap, int] = {}
        self._copied: dict[TrackForwarder, int] = {}
        self._tracks: tuple[TrackForwarder, ...] = ()
        self._lines: frozenset[str] = frozenset()

    def open_tap(self, peer_ids: tuple[str, ...]) -> LineTicket:
        """Raises ``Unavailable('lines_unavailable')``. Nothing is copied before the tap connects."""
        tap, handle = _Tap(self, peer_ids), self._link.new_handle()
        ticket = self._link.tap_ticket(handle, tap, self._room_id, peer_ids)
        self._taps[tap] = handle
        return ticket

    def ended(self, tap: _Tap) -> None:
        """A tap went away by itself."""
        self._taps.pop(tap, None)
        self.renew()

    def match(self, tracks: Iterable[TrackForwarder], lines: Collection[str]) -> None:
        """Who publishes now, and which participants are on a telephone that stands."""
        self._tracks = tuple(track for track in tracks if track.kind is Kind.AUDIO)
        self._lines = frozenset(lines)
        self.renew()

    def renew(self) -> None:
        """Copies what is wanted now, and nothing else."""
        tapped = {peer for tap in self._taps if tap.connected for peer in tap.allowed}
        wanted = {t for t in self._tracks if t.peer_id in tapped or self._lines - {t.peer_id}}
        for track in [track for track in self._copied if track not in wanted]:
            track.tap = None
            self._link.tell("silent", self._copied.pop(track))
        for track in wanted:
            if track not in self._copied:
                self._begin(track)

    def _begin(self, track: TrackForwarder) -> None:
        handle = self._copied[track] = self._link.new_handle()
        self._link.tell("voice", handle, room=self._room_id, peer=track.peer_id)

        def copy(data: bytes) -> None:
            begin, size = rtp.payload_offset(data), rtp.payload_size(data)
            if size:
                payload = data[begin : begin + size]
                self._link.copy(handle, rtp.sequence_number(data), rtp.timestamp(data), payload)

        track.tap = copy

    def lost(self) -> None:
        """The sound process ended: a new one knows nothing."""
        for track in self._copied:
            track.tap = None
        self._copied.clear()
        self._taps.clear()
        self.renew()

    def close(self, why: str = LineEnd.ROOM_CLOSED) -> None:
        """The room is over."""
        taps, self._taps = self._taps, {}
        for handle in taps.values():
            self._link.forget(handle, why)
        self.match((), ())
