"""One stream heard evenly: from packets in any order to exactly 20 ms, or a beat, of sound at a time. No sockets, no clock of its own."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from media.codecs import Codec
from media.lines import g711
from media.lines.jitter import TICKS, JitterBuffer, Step, What
from media.lines.opus import OpusDecoder, OpusError, Sound, duration
from media.lines.words import BEAT, FRAME_S

_QUIET = 0.004
"""Loudness (rms, about -48 dB) below which nobody hears that 20 ms are missing or too many."""
_OLD, _FAR_TOO_OLD = 0.025, 0.06
"""Seconds beyond the wanted delay from which 20 ms are left out: in a pause, and even in speech."""
_FRESH, _FAR_TOO_FRESH = -0.012, -0.02
"""The same for repeating 20 ms, sooner, since packets are lost otherwise."""
_READ_EVENLY = 0.004
"""Seconds by which the clock that reads may be late."""
_AHEAD_S = (BEAT - 1) * FRAME_S
"""From the first frame of a beat to its last."""


class Decoder(Protocol):
    """What turns payloads into sound."""

    def decode(self, packet: bytes) -> Sound: ...

    def recover(self, following: bytes, ticks: int) -> Sound: ...

    def conceal(self, ticks: int) -> Sound: ...


class G711Decoder:
    """A telephone's payloads; what is missing is the last sound, fading."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._last = np.zeros(160, np.float32)

    def decode(self, packet: bytes) -> Sound:
        self._last = g711.decode(self._codec, packet)
        return self._last

    def recover(self, following: bytes, ticks: int) -> Sound:
        return self.conceal(ticks)

    def conceal(self, ticks: int) -> Sound:
        count = ticks // 6
        self._last = self._last[::-1] * np.linspace(0.7, 0.2, len(self._last), dtype=np.float32)
        return np.resize(self._last, count)


def g711_ticks(payload: bytes) -> int:
    """Length of G.711 in ticks of 48 kHz."""
    return 6 * len(payload)


class Ear:
    """Packets in by ``put``, sound out by ``frame``; the delay follows the line (``JitterBuffer``)."""

    def __init__(self, rate: int, decoder: Decoder, buffer: JitterBuffer) -> None:
        self.buffer = buffer
        self.played = 0
        """Stretches that came as they were sent."""
        self.repaired = 0
        """Lost ones for which the next packet was there."""
        self.concealed = 0
        self.live = False
        """Whether anything of the last frame came over the line."""
        self._decoder = decoder
        self._rate = rate
        self._size = rate // 50
        self._beat = BEAT * self._size
        self._nothing = np.zeros(self._size, np.float32)
        self._per_tick = rate / 48_000
        self._rest: Sound | None = None
        """Sound that is decoded and not played yet, if there is any."""
        self._fade = np.linspace(0.0, 1.0, self._size, dtype=np.float32)

    @classmethod
    def opus(cls, rate: int, *, low: float = 0.04, high: float = 0.12) -> Ear:
        """For Opus, heard at ``rate``."""
        return cls(rate, OpusDecoder(rate), JitterBuffer(duration, low=low, high=high))

    @classmethod
    def telephone(cls, codec: Codec, *, low: float = 0.02, high: float = 0.12) -> Ear:
        """For G.711, heard at 8 kHz. It is read at each beat, so that lateness comes rounded up and needs no more room than itself."""
        return cls(8000, G711Decoder(codec), JitterBuffer(g711_ticks, low=low, high=high, margin=_READ_EVENLY))

    def put(self, seq: int, ts: int, payload: bytes, now: float) -> None:
        """See ``JitterBuffer.put``."""
        self.buffer.put(seq, ts, payload, now)

    def beat(self, now: float) -> Sound | None:
        """The next ``BEAT`` frames, of which ``now`` is the time of the last; none when the stream is paused in all of them.

        A packet that is as long, as telephones' are, is played as it is: cutting it up would cost more than decoding it."""
        self.live = False
        first, frames = now - _AHEAD_S, list[Sound | None]()
        if self._rest is None:
            step = self.buffer.pull(first)
            if step.what is What.QUIET and step.ticks >= TICKS:
                frames.append(None)
            else:
                sound = self._sound(step)
                if len(sound) == self._beat and _FRESH <= self.buffer.surplus(first) + _AHEAD_S <= _OLD:
                    return sound
                self._rest = sound
        frames += [self._frame(first + n * FRAME_S) for n in range(len(frames), BEAT)]
        if not any(frame is not None for frame in frames):
            return None
        return np.concatenate([self._nothing if frame is None else frame for frame in frames])

    def frame(self, now: float) -> Sound | None:
        """The next 20 ms; none while the stream is paused."""
        self.live = False
        return self._frame(now)

    def _frame(self, now: float) -> Sound | None:
        first = self._take(now)
        if first is None:
            return None
        beside = self.buffer.surplus(now)
        if self._rest is not None:
            beside += len(self._rest) / self._rate
        if _FRESH <= beside <= _OLD:
            return first
        quiet = float(np.dot(first, first)) < _QUIET * _QUIET * self._size
        if beside > (_OLD if quiet else _FAR_TOO_OLD):
            second = self._take(now)
            return first if second is None else first + (second - first) * self._fade
        if beside < (_FRESH if quiet else _FAR_TOO_FRESH):
            self._rest = first if self._rest is None else np.concatenate((first, self._rest))
        return first

    def _take(self, now: float) -> Sound | None:
        sound, size = self._rest, self._size
        while sound is None or len(sound) < size:
            step = self.buffer.pull(now)
            if sound is None:
                if step.what is What.QUIET and step.ticks >= TICKS:
                    return None
                sound = self._sound(step)
            else:
                sound = np.concatenate((sound, self._sound(step)))
        if len(sound) == size:
            self._rest = None
            return sound
        self._rest = sound[size:]
        return sound[:size]

    def _sound(self, step: Step) -> Sound:
        what = step.what
        try:
            if what is What.SOUND:
                self.played += 1
                self.live = True
                return self._decoder.decode(step.payload)
            if what is What.REPAIR:
                self.repaired += 1
                self.live = True
                return self._decoder.recover(step.payload, step.ticks)
            if what is What.CONCEAL:
                self.concealed += 1
                return self._decoder.conceal(step.ticks)
        except OpusError:
            self.concealed += 1
        return np.zeros(max(1, round(step.ticks * self._per_tick)), np.float32)
