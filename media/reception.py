"""Pure bookkeeping about one incoming RTP source: loss, jitter, rate, and which video packets to ask for again."""

from __future__ import annotations

from collections import OrderedDict

from media.rtcp import Report
from media.rtp import seq_delta

_NACK_TRIES = 6
_NACK_SPAN = 400
"""A gap wider than this is a restart, not a loss."""
_SEEN = (1 << 512) - 1
"""How many sequence numbers back a repeated packet is known as one."""


class Reception:
    """Statistics of RFC 3550 section 6.4 and appendix A for one source; ``clock`` in ticks per second."""

    def __init__(self, ssrc: int, clock: int) -> None:
        self.ssrc = ssrc
        self._clock = clock
        self._base = 0
        self._highest = -1
        """Extended (it does not wrap)."""
        self._received = 0
        self._expected_before = 0
        self._received_before = 0
        self._jitter = 0.0
        self._last: tuple[float, int] | None = None
        self._seen = 0
        self.restarts = 0
        """How often the source jumped to other sequence numbers."""
        self.octets = 0
        self.last_at: float | None = None
        self._lsr = 0
        self._lsr_at = 0.0

    def add(self, seq: int, ts: int, size: int, now: float) -> int:
        """Counts a packet; gives how many packets are missing just before it (0 for late ones), -1 for a repeated one."""
        self.octets += size
        self.last_at = now
        if self._highest < 0:
            self._base = self._highest = seq
            self._received = self._seen = 1
            self._last = (now, ts)
            return 0
        delta = seq_delta(seq, self._highest & 0xFFFF)
        if delta > _NACK_SPAN or delta < -_NACK_SPAN:
            self._restart(seq, ts, now)
            return 0
        if delta <= 0:
            return 0 if self.mark(seq) else -1
        self._received += 1
        self._highest += delta
        self._seen = ((self._seen << delta) | 1) & _SEEN
        if self._last is not None and self._last[1] != ts:
            ticks = ((ts - self._last[1] + 0x80000000) & 0xFFFFFFFF) - 0x80000000
            transit = abs((now - self._last[0]) * self._clock - ticks)
            if transit < 5 * self._clock:
                self._jitter += (transit - self._jitter) / 16
            self._last = (now, ts)
        return delta - 1

    def mark(self, seq: int) -> bool:
        """A late packet came, in whatever way. False when it was there already."""
        back = 1 << -seq_delta(seq, self._highest & 0xFFFF)
        if self._seen & back:
            return False
        self._seen |= back
        self._received += 1
        return True

    def _restart(self, seq: int, ts: int, now: float) -> None:
        self._base = self._highest = seq
        self._received, self._expected_before, self._received_before, self._seen = 1, 0, 0, 1
        self.restarts += 1
        self._last = (now, ts)

    def sender_reported(self, ntp_middle: int, now: float) -> None:
        """A sender report of this source arrived; needed so that the sender learns its round trip."""
        self._lsr, self._lsr_at = ntp_middle, now

    @property
    def jitter_ms(self) -> float:
        return 1000 * self._jitter / self._clock

    def report(self, now: float) -> Report:
        """The report block since the last call. Loss below zero (repeats) counts as none."""
        expected = self._highest - self._base + 1 if self._highest >= 0 else 0
        expected_now, received_now = expected - self._expected_before, self._received - self._received_before
        self._expected_before, self._received_before = expected, self._received
        lost = max(0, expected_now - received_now)
        return Report(
            ssrc=self.ssrc,
            lost=lost / expected_now if expected_now > 0 else 0.0,
            total_lost=expected - self._received,
            highest=max(0, self._highest),
            jitter=int(self._jitter),
            lsr=self._lsr,
            dlsr=int((now - self._lsr_at) * 65536) if self._lsr else 0,
        )


class Missing:
    """Packets of a video source that are to be asked for again: at once, then once a round trip, a few times."""

    def __init__(self) -> None:
        self._wanted: OrderedDict[int, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._wanted)

    def gap(self, seq: int, count: int, now: float) -> list[int]:
        """``count`` packets before ``seq`` are missing: the list to ask for now, in order."""
        new = [(seq - back) & 0xFFFF for back in range(count, 0, -1)]
        for lost in new:
            self._wanted[lost] = (1, now)
        while len(self._wanted) > _NACK_SPAN:
            self._wanted.popitem(last=False)
        return new

    def arrived(self, seq: int) -> bool:
        """True when this packet was being waited for."""
        return self._wanted.pop(seq, None) is not None

    def due(self, now: float, rtt: float) -> list[int]:
        """Those not come since they were asked for ``rtt`` seconds ago; gives up after a few tries."""
        again: list[int] = []
        for seq, (tries, asked) in list(self._wanted.items()):
            if now - asked < rtt:
                continue
            if tries >= _NACK_TRIES:
                del self._wanted[seq]
            else:
                self._wanted[seq] = (tries + 1, now)
                again.append(seq)
        return again
