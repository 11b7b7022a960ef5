"""Where the sound of rooms with telephones and taps comes together, a beat at a time: decode, align, mix, encode. No sockets.

Everything that others say arrives as copies of their Opus packets, that of other telephones too, so that one gate in the node
(muting, consent) holds for all."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import numpy as np

from core.clock import Clock
from media.codecs import Codec
from media.lines import g711
from media.lines.ear import Ear
from media.lines.jitter import TICKS
from media.lines.level import LevelControl
from media.lines.opus import OpusEncoder, Sound
from media.lines.words import BEAT, FRAME, FRAME_S, TAP_RATE, Piece

_PHONE_RATE = 8000
_OUTBOX_BEATS = 15 // BEAT
"""A slow telephone is at most 0.3 s behind."""
_OUTBOX_PIECES = 1500
_PIECE_FRAMES = 5
_PEAK = 0.95
_TAP_LOW, _TAP_HIGH = 0.06, 0.2
"""Seconds: a tap may wait longer for late packets than a conversation."""
T = TypeVar("T")
EmitVoice = Callable[[int, int, int, int, bool, bytes], object]
"""Gets handle, sequence number, time stamp, level, live, payload of each packet (``BEAT`` frames) that a telephone says."""


class Outbox(Generic[T]):
    """What waits for a slow reader: bounded, the oldest goes first. Taken by ``to`` when it is handed over, or by who waits for it."""

    def __init__(self, most: int) -> None:
        self.dropped = 0
        self.to: Callable[[list[T]], bool] | None = None
        """Takes all that waits; False when it cannot yet."""
        self._items: deque[T] = deque(maxlen=most)
        self._there = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        self.dropped += len(self._items) == self._items.maxlen
        self._items.append(item)
        self._there.set()

    def hand_over(self) -> None:
        """All that waits, to ``to``."""
        if self._items and self.to is not None and self.to(list(self._items)):
            self._items.clear()

    async def take_all(self) -> list[T]:
        """All that waits, at least one."""
        while not self._items:
            self._there.clear()
            await self._there.wait()
        return self.drain()

    def drain(self) -> list[T]:
        """All that waits now."""
        items = list(self._items)
        self._items.clear()
        return items

    def keep(self, wanted: Callable[[T], bool]) -> None:
        """Throws away the rest."""
        kept = [item for item in self._items if wanted(item)]
        self._items.clear()
        self._items.extend(kept)


class Voice:
    """Somebody who is heard in a room, by the copies of their packets."""

    def __init__(self, room: str, peer: str) -> None:
        self.room = room
        self.peer = peer
        self.for_lines: Ear | None = None
        """None unless a telephone other than its own stands in the room."""
        self.for_taps: Ear | None = None
        """None unless a tap may hear it."""
        self.level = LevelControl(_PHONE_RATE)


class Line:
    """One telephone."""

    def __init__(self, room: str, peer: str, codec: Codec) -> None:
        self.room = room
        self.peer = peer
        self.codec = codec
        self.outbox: Outbox[bytes] = Outbox(_OUTBOX_BEATS)
        self.ear = Ear.telephone(codec)
        self.level = LevelControl(_PHONE_RATE)
        self.encoder = OpusEncoder(_PHONE_RATE)
        self.held = False
        self.heard = bytearray()
        """What came from the telephone since the last beat."""
        self.seq = random.getrandbits(15)
        self.ts = random.getrandbits(31)
        self._packets = self._frames = 0

    def take(self, data: bytes, now: float) -> None:
        """What the telephone said since the last beat. Frames count as said one after the other; the last ``BEAT`` as having come evenly,
        since waiting for the beat is no lateness of the line. They go in packets of a beat, the last one whole."""
        if self.held:
            return
        begin, frames = 0, len(data) // FRAME
        while begin < frames:
            size = (frames - begin - 1) % BEAT + 1
            came = now - min(frames - begin - 1, BEAT - 1) * FRAME_S
            packet = data[begin * FRAME : (begin + size) * FRAME]
            self.ear.put(self._packets & 0xFFFF, TICKS * self._frames & 0xFFFFFFFF, packet, came)
            self._packets += 1
            self._frames += size
            begin += size

    def hold(self, on: bool) -> None:
        """Nothing in, nothing out."""
        self.held = on
        self.outbox.drain()
        if on:
            self.ear = Ear.telephone(self.codec)
            self._packets = self._frames = 0


class Tap:
    """One listener to speech, by speaker."""

    def __init__(self, room: str, allowed: Iterable[str]) -> None:
        self.room = room
        self.allowed = frozenset(allowed)
        self.outbox: Outbox[Piece] = Outbox(_OUTBOX_PIECES)
        self._open: dict[str, tuple[datetime, list[bytes]]] = {}

    def allow(self, peers: Iterable[str]) -> None:
        """Only these from now on; what waits of others is thrown away."""
        self.allowed = frozenset(peers)
        self.outbox.keep(lambda piece: piece.peer_id in self.allowed)
        self._open = {peer: begun for peer, begun in self._open.items() if peer in self.allowed}

    def hear(self, peer: str, at: datetime, pcm: bytes | None) -> None:
        """20 ms of a speaker, or none while they pause."""
        if peer not in self.allowed:
            return
        if pcm is not None:
            self._open.setdefault(peer, (at, []))[1].append(pcm)
        begun = self._open.get(peer)
        if begun is not None and (pcm is None or len(begun[1]) >= _PIECE_FRAMES):
            del self._open[peer]
            self.outbox.put(Piece(peer, begun[0], b"".join(begun[1])))


class Studio:
    """All voices, telephones and taps of one node, by the node's handles."""

    def __init__(self, clock: Clock, emit: EmitVoice) -> None:
        self.voices: dict[int, Voice] = {}
        self.lines: dict[int, Line] = {}
        self.taps: dict[int, Tap] = {}
        self._clock = clock
        self._emit = emit
        self._nothing = np.zeros(BEAT * FRAME, np.float32)

    def add_voice(self, handle: int, room: str, peer: str) -> None:
        self.voices[handle] = Voice(room, peer)
        self._match()

    def add_line(self, handle: int, line: Line) -> None:
        self.lines[handle] = line
        self._match()

    def add_tap(self, handle: int, tap: Tap) -> None:
        self.taps[handle] = tap
        self._match()

    def allow(self, tap: Tap, peers: Iterable[str]) -> None:
        """See ``Tap.allow``."""
        tap.allow(peers)
        self._match()

    def drop(self, handle: int) -> None:
        """Forgets a voice, a telephone or a tap."""
        self.voices.pop(handle, None)
        self.lines.pop(handle, None)
        self.taps.pop(handle, None)
        self._match()

    @property
    def busy(self) -> bool:
        """Whether anybody is there for whom time has to go on."""
        return bool(self.lines or self.taps)

    def _match(self) -> None:
        """Who is listened to: nothing of others is kept or decoded."""
        for voice in self.voices.values():
            if not any(line.room == voice.room and line.peer != voice.peer for line in self.lines.values()):
                voice.for_lines = None
            elif voice.for_lines is None:
                voice.for_lines = Ear.opus(_PHONE_RATE)
            if not any(tap.room == voice.room and voice.peer in tap.allowed for tap in self.taps.values()):
                voice.for_taps = None
            elif voice.for_taps is None:
                voice.for_taps = Ear.opus(TAP_RATE, low=_TAP_LOW, high=_TAP_HIGH)

    def packet(self, handle: int, seq: int, ts: int, payload: bytes, at: float) -> None:
        """A copy of somebody's packet, which came at ``at``."""
        voice = self.voices.get(handle)
        if voice is None:
            return
        if voice.for_lines is not None:
            voice.for_lines.put(seq, ts, payload, at)
        if voice.for_taps is not None:
            voice.for_taps.put(seq, ts, payload, at)

    def beat(self, now: float) -> None:
        """The next ``BEAT`` frames of everything; ``now`` is the time of the last."""
        self._play_to_lines(now)
        for handle, line in self.lines.items():
            if not line.held:
                self._say(handle, line, now)
        if self.taps:
            for ago in range(BEAT - 1, -1, -1):
                self._play_to_taps(now, ago * FRAME_S)

    def _play_to_lines(self, now: float) -> None:
        heard: dict[str, list[tuple[str, Sound]]] = {}
        for voice in self.voices.values():
            sound = voice.for_lines.beat(now) if voice.for_lines is not None else None
            if sound is not None:
                heard.setdefault(voice.room, []).append((voice.peer, voice.level.apply(sound)))
        for line in self.lines.values():
            if not line.held:
                others = [sound for peer, sound in heard.get(line.room, ()) if peer != line.peer]
                line.outbox.put(self._mixed(line.codec, others))

    @staticmethod
    def _mixed(codec: Codec, sounds: list[Sound]) -> bytes:
        if not sounds:
            return g711.silence(codec, BEAT * FRAME)
        if len(sounds) == 1:
            return g711.encode_within(codec, sounds[0])
        mix: Sound = sounds[0] + sounds[1]
        for sound in sounds[2:]:
            mix += sound
        peak = float(np.abs(mix).max())
        return g711.encode_within(codec, mix * np.float32(_PEAK / peak) if peak > _PEAK else mix)

    def _say(self, handle: int, line: Line, now: float) -> None:
        sound = line.ear.beat(now)
        if sound is None:
            live, sound, level = False, self._nothing, 127
        else:
            live, sound = line.ear.live, line.level.apply(sound)
            level = max(0, min(127, round(-line.level.level_db)))
        self._emit(handle, line.seq, line.ts, level, live, line.encoder.encode(sound))
        line.seq, line.ts = (line.seq + 1) & 0xFFFF, (line.ts + BEAT * TICKS) & 0xFFFFFFFF

    def _play_to_taps(self, now: float, ago: float) -> None:
        at = self._clock.now() - timedelta(seconds=FRAME_S + ago)
        for voice in self.voices.values():
            if voice.for_taps is None:
                continue
            frame = voice.for_taps.frame(now - ago)
            pcm = None if frame is None else (np.clip(frame, -1, 1) * np.float32(32767)).astype("<i2").tobytes()
            for tap in self.taps.values():
                if tap.room == voice.room:
                    tap.hear(voice.peer, at, pcm)
