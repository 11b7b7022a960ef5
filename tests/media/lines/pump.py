"""A room, its sound process and their pipe in simulated time: the code of a node and of its child, without sockets, clocks and processes.

What is left out is only what waits: the loops, the WebSockets of the telephones, SRTP of the browsers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from struct import Struct
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.clock import ManualClock
from core.errors import Invalid
from media import rtp
from media.forwarding import Downlink, Listener, TrackForwarder
from media.lines import g711, link, peer
from media.lines import process as sound_process
from media.lines.ear import Ear
from media.lines.link import LinesOptions, SoundLink
from media.lines.opus import OpusEncoder
from media.lines.peer import LinePeer
from media.lines.pipe import PipeEnd, pair
from media.lines.process import SoundProcess
from media.lines.studio import Line, Tap
from media.lines.words import BEAT, Piece
from media.protocol import Codec, Kind, MediaWant, News, PeerFlags, PeerOffer
from media.quality import QualityMeter, Smoothed, VideoGate
from media.room import Room
from media.similarity import Samples

FRAME_S = 0.02
_HEAD = Struct("!BBHII")


class _Heard:
    """The wire towards one browser, for the voice of one participant."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []

    def send_rtp(self, packet: bytes) -> bytes | None:
        self.packets.append(packet)
        return packet

    def send_again(self, protected: bytes) -> None: ...

    def send_rtcp(self, packet: bytes) -> None: ...


class Browser:
    """A participant whose packets come and go 20 ms at a time; ``say`` what they say, ``heard`` what they hear of somebody."""

    def __init__(self, peer_id: str, generation: int, flags: PeerFlags, room: Room) -> None:
        self.peer_id, self.generation = peer_id, generation
        self.want = MediaWant(send_video=False, receive_video=False)
        self.opened_at = self.heard_at = 0.0
        self.connected = True
        self.quality, self.smoothed, self.gate = QualityMeter(), Smoothed(), VideoGate()
        self.uplink_bps = self.downlink_bps = 0
        self.rtt_ms: float | None = None
        track = TrackForwarder(peer_id, Kind.AUDIO, _Heard())
        track.announce(4711, None)
        track.on_first = lambda: room.peer_first_packet(self, Kind.AUDIO)
        self.published = {Kind.AUDIO: track}
        self.set_flags(flags)
        self._encoder = OpusEncoder(48_000, bitrate=32_000)
        self._words: Samples = np.zeros(0, np.float32)
        self._count = 0
        self._asked = False
        self._wires: dict[str, _Heard] = {}
        self._ears: dict[str, tuple[Ear, list[Samples]]] = {}

    def say(self, sound: Samples) -> None:
        """From the next frame on, at 48 kHz."""
        self._words = sound

    def speak(self, now: float) -> None:
        """The next packet; it tells pauses as silence, not as nothing."""
        frame, self._words = self._words[:960], self._words[960:]
        payload = self._encoder.encode(np.pad(frame, (0, 960 - len(frame))))
        head = _HEAD.pack(0x80, rtp.AUDIO_PT, self._count & 0xFFFF, 960 * self._count & 0xFFFFFFFF, 4711)
        self._count += 1
        self.heard_at = now
        self.published[Kind.AUDIO].take(head + payload, now)

    def listen(self, now: float) -> None:
        """The next 20 ms of everybody."""
        for peer_id, wire in self._wires.items():
            ear, sound = self._ears.setdefault(peer_id, (Ear.opus(48_000), []))
            for packet in wire.packets:
                at = rtp.payload_offset(packet)
                ear.put(rtp.sequence_number(packet), rtp.timestamp(packet), packet[at:], now)
            wire.packets.clear()
            frame = ear.frame(now)
            sound.append(np.zeros(960, np.float32) if frame is None else frame)

    def heard(self, peer_id: str, since: int = 0) -> Samples:
        """Of this participant, from this step on."""
        return np.concatenate(self._ears[peer_id][1][since:])

    def wish(self, sources: Iterable[TrackForwarder]) -> None:
        for source in sources:
            if source.peer_id not in self._wires:
                wire = self._wires[source.peer_id] = _Heard()
                source.attach(Downlink(Kind.AUDIO, wire, Listener()))

    def set_flags(self, flags: PeerFlags) -> None:
        self.published[Kind.AUDIO].enabled = flags.audio

    def next_offer(self) -> PeerOffer | None:
        """One, which nobody answers: its wires stand at once."""
        if self._asked:
            return None
        self._asked = True
        return PeerOffer(peer_id=self.peer_id, generation=self.generation, negotiation=1, sdp="", tracks=())

    def jitter_ms(self) -> tuple[float, float]:
        return 0.0, 0.0

    async def open(self) -> None: ...

    async def answer(self, negotiation: int, sdp: str) -> None:
        raise Invalid("sdp_invalid")

    async def candidate(self, text: str | None) -> None:
        raise Invalid("sdp_invalid")

    def tick(self, now: float) -> None: ...

    async def close(self, reason: str = "") -> None: ...


class Telephone:
    """A telephone whose line stands; ``frames`` is what it heard."""

    def __init__(self, line: Line, handle: int) -> None:
        self.line, self.handle = line, handle
        self.frames: list[bytes] = []
        self._words = b""

    def say(self, sound: Samples) -> None:
        """From the next frame on, at 8 kHz."""
        data = g711.encode(self.line.codec, sound)
        self._words = data[: len(data) // 160 * 160]

    def speak(self, now: float) -> None:
        frame, self._words = self._words[:160], self._words[160:]
        self.line.take(frame or g711.silence(self.line.codec, 160), now)

    def heard(self, since: int = 0) -> Samples:
        """From this step on."""
        return g711.decode(self.line.codec, b"".join(self.frames[since:]))


class Pump:
    """``step`` moves everything by 20 ms. Needs a running loop, which does nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.steps = 1000.0, 0
        self.news: list[News] = []
        self._clock = ManualClock()
        time: Any = SimpleNamespace(monotonic=lambda: self.now)
        for module in (link, peer, sound_process):
            monkeypatch.setattr(module, "time", time)
        ours, theirs = pair()
        self._ours = PipeEnd(ours)
        self.link = SoundLink(LinesOptions())
        self.link.attach(self._ours)
        self.link.url = "simulated"
        self.sound = SoundProcess(PipeEnd(theirs), self._clock)
        self.room = Room("ses", "node", self._clock, self.news.append, self.link, lost_after=1.2)
        self.browsers: list[Browser] = []
        self.phones: list[Telephone] = []
        self.taps: list[Tap] = []
        self.pieces: list[Piece] = []

    async def browser(self, peer_id: str) -> Browser:
        """Joins, and publishes from the next step on."""
        made: list[Browser] = []

        def make(generation: int, flags: PeerFlags) -> Browser:
            made.append(Browser(peer_id, generation, flags, self.room))
            return made[0]

        await self.room.join(peer_id, make)
        self.browsers += made
        return made[0]

    async def phone(self, peer_id: str, codec: Codec) -> Telephone:
        """Its line stands from the next step on."""
        await self.room.join_line(peer_id, codec)
        connection = self.room.peer(peer_id, 1)
        assert isinstance(connection, LinePeer)
        telephone = Telephone(Line("ses", peer_id, codec), connection.handle)
        self.sound.studio.add_line(connection.handle, telephone.line)
        connection.up()
        self.phones.append(telephone)
        return telephone

    def tap(self, *peer_ids: str) -> Tap:
        """A tap that is connected from now on and may hear these; ``pieces`` is what it heard."""
        self.room.copies.open_tap(peer_ids)
        sink, handle = next(reversed(self.room.copies._taps.items()))
        tap = Tap("ses", peer_ids)
        self.sound.studio.add_tap(handle, tap)
        sink.up()
        self.taps.append(tap)
        return tap

    def allow(self, tap: Tap, *peer_ids: str) -> None:
        """As the endpoint does it: out at once, in when the node has said yes."""
        sink = list(self.room.copies._taps)[self.taps.index(tap)]
        self.sound.studio.allow(tap, tap.allowed & frozenset(peer_ids))
        sink.allow(peer_ids)
        self.sound.studio.allow(tap, peer_ids)

    def heard_by_taps(self, peer_id: str) -> Samples:
        """Of this participant so far, at 16 kHz."""
        pcm = b"".join(piece.pcm for piece in self.pieces if piece.peer_id == peer_id)
        return (np.frombuffer(pcm, "<i2") / 32768).astype(np.float32)

    def step(self) -> None:
        """The next 20 ms: who speaks is heard at once, the sound process works, the node passes on."""
        self.now += FRAME_S
        self.steps += 1
        self._clock.advance(FRAME_S)
        for browser in self.browsers:
            browser.speak(self.now)
        for phone in self.phones:
            phone.speak(self.now)
        self._ours.flush()
        if self.steps % BEAT == 0:
            self.sound.step(self.now)
        for phone in self.phones:
            heard = b"".join(phone.line.outbox.drain())
            phone.frames += [heard[at : at + 160] for at in range(0, len(heard), 160)]
        for tap in self.taps:
            self.pieces += tap.outbox.drain()
        for data in self._ours.read():
            self.link.hear(data)
        for browser in self.browsers:
            browser.listen(self.now)
        if self.steps % 50 == 0:
            self.room.tick(self.now)
            self.sound.upkeep(self.now)

    def run(self, seconds: float) -> None:
        """Whole beats."""
        for _ in range(BEAT * math.ceil(round(seconds / FRAME_S, 6) / BEAT)):
            self.step()

    def close(self) -> None:
        self._ours.close()
