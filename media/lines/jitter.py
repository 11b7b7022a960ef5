"""Puts packets of one stream in order and says, 20 ms after 20 ms, what to play: sound, a repair, a guess or nothing. Pure.

The delay follows the jitter of the line between two bounds. It never grows beyond them for long and the buffer never beyond its
size: what comes too late for its place is left out, since a telephone conversation cannot wait for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

TICKS = 960
"""Of the 48 kHz clock (RFC 7587) in 20 ms."""
_RATE = 48_000
MOST_PACKETS = 64
_JUMP = 5 * _RATE
"""Another place on the time line than this far around is a new stream."""
_DRY = 5
"""Guesses in a row (100 ms) before the stream counts as paused."""
_WINDOW = 3.0
_KEPT = 150
_MARGIN = 0.015
"""Seconds, for what is later than nearly all."""
_ALMOST_ALL = 0.97
_SETTLE = 10
_DTX = 2
"""Bytes of a packet that announces a pause (RFC 6716 section 2.1.9)."""


class What(StrEnum):
    """How a stretch of time is to be filled."""

    SOUND = "sound"
    """Decode the payload."""
    REPAIR = "repair"
    """Lost; the payload is the packet after it, which may hold a copy (in-band FEC)."""
    CONCEAL = "conceal"
    """Lost without a trace, or late: guess."""
    QUIET = "quiet"
    """Nothing is being said: silence."""


class Step(NamedTuple):
    """What to do for the next ``ticks`` of time (at 48 kHz)."""

    what: What
    ticks: int
    payload: bytes = b""


class _Packet(NamedTuple):
    seq: int
    ticks: int
    payload: bytes


class JitterBuffer:
    """One stream. Times are monotonic seconds; ``length`` tells how many ticks a payload lasts (0: it is malformed)."""

    def __init__(
        self, length: Callable[[bytes], int], *, low: float = 0.04, high: float = 0.12, margin: float = _MARGIN
    ) -> None:
        self.margin = margin
        self.low = low
        self.high = high
        self.target = low
        """Seconds between the earliest possible arrival of a packet and its playing."""
        self.late = 0
        self.lost = 0
        """Stretches that had to be repaired or guessed."""
        self._length = length
        self._packets: dict[int, _Packet] = {}
        self._position: int | None = None
        self._floor: int | None = None
        self._last_seq: int | None = None
        self._top: tuple[int, int] | None = None
        self._elsewhere: int | None = None
        self._dry = 0
        self._paused = True
        self._forget()

    def __len__(self) -> int:
        return len(self._packets)

    def _forget(self) -> None:
        """What is known of the line's delay."""
        self._base = 0.0
        """The least delay of the last few seconds: arrival less place on the time line."""
        self._best: float | None = None
        self._best_before: float | None = None
        self._best_since = 0.0
        self._above: deque[float] = deque(maxlen=_KEPT)
        self._unsettled = 0

    def put(self, seq: int, ts: int, payload: bytes, now: float) -> None:
        """A packet came, with its 16-bit sequence number and 32-bit time stamp; at any time, in any order, any number of times."""
        ticks = self._length(payload)
        if not ticks:
            return
        if self._top is None:
            self._top = (seq, ts)
        seq = self._top[0] + ((seq - self._top[0] + 0x8000) & 0xFFFF) - 0x8000
        ts = self._top[1] + ((ts - self._top[1] + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        if abs(ts - self._top[1]) > _JUMP:
            # A single stray packet does not end a stream (RFC 3550 appendix A.1).
            before, self._elsewhere = self._elsewhere, ts
            if before is None or not 0 < ts - before <= _RATE:
                return
            self._restart()
        if ts >= self._top[1] or not self._packets:
            self._top = (seq, ts)
        self._measure(now - ts / _RATE, now)
        if self._floor is not None and ts + ticks <= self._floor:
            self.late += 1
            return
        if ts in self._packets:
            return
        self._packets[ts] = _Packet(seq, ticks, payload)
        while len(self._packets) > MOST_PACKETS:
            first = min(self._packets)
            del self._packets[first]
            self._position = self._floor = min(self._packets)

    def _restart(self) -> None:
        self._packets.clear()
        self._position = self._floor = self._last_seq = self._elsewhere = None
        self._paused = True
        self._forget()

    def _measure(self, transit: float, now: float) -> None:
        if self._best is None:
            self._best, self._best_since = transit, now
        elif now - self._best_since > _WINDOW:
            self._best_before, self._best, self._best_since = self._best, transit, now
        elif transit < self._best:
            self._best = transit
        self._base = self._best if self._best_before is None else min(self._best, self._best_before)
        self._above.append(transit - self._base)
        self._unsettled += 1
        if self._unsettled >= _SETTLE or transit - self._base > self.target:
            self._unsettled = 0
            ordered = sorted(self._above)
            needed = ordered[int(_ALMOST_ALL * (len(ordered) - 1))] + self.margin
            self.target = max(self.low, min(self.high, needed))

    def surplus(self, now: float) -> float:
        """Seconds by which what is played now is older than it needs to be; negative when it is too fresh to be safe."""
        if self._position is None or not self._above:
            return 0.0
        return now - self._base - self._position / _RATE - self.target

    def pull(self, now: float) -> Step:
        """What to play next. Time moves on by the step's ticks, except when the stream is paused."""
        if self._position is None and not self._begin(now):
            return Step(What.QUIET, TICKS)
        assert self._position is not None
        if not self._packets:
            return self._run_dry()
        self._dry = 0
        first = min(self._packets)
        packet = self._packets[first]
        if first <= self._position:
            del self._packets[first]
            self._last_seq = packet.seq
            self._paused = len(packet.payload) <= _DTX
            self._move(max(1, first + packet.ticks - self._position))
            return Step(What.SOUND, packet.ticks, packet.payload)
        gap = first - self._position
        if self._last_seq is None or packet.seq == self._last_seq + 1:
            return self._fill(What.QUIET, min(gap, TICKS))
        self.lost += 1
        if gap <= packet.ticks:
            return self._fill(What.REPAIR, gap, packet.payload)
        return self._fill(What.CONCEAL, min(gap - packet.ticks, TICKS))

    def _begin(self, now: float) -> bool:
        if not self._packets:
            return False
        first = min(self._packets)
        if now < self._base + first / _RATE + self.target - 0.01:
            return False
        self._position = self._floor = first
        self._last_seq, self._dry = self._packets[first].seq - 1, 0
        return True

    def _run_dry(self) -> Step:
        self._dry += 1
        if self._paused or self._dry > _DRY:
            if not self._paused:
                self._forget()
                self._paused = True
            self._position = None
            return Step(What.QUIET, TICKS)
        self.lost += 1
        return self._fill(What.CONCEAL, TICKS)

    def _fill(self, what: What, ticks: int, payload: bytes = b"") -> Step:
        self._move(ticks)
        return Step(what, ticks, payload)

    def _move(self, ticks: int) -> None:
        assert self._position is not None
        self._position += ticks
        self._floor = self._position
