"""Sound before pictures on a mobile line with deep buffers, in reckoned time: a line that is too narrow for the pictures that are sent,
the estimate that the far end makes of it, and our rules for what may be sent. Nothing sleeps and nothing is sent."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from media.aiortc_seam import UplinkEstimate
from media.forwarding import Listener

WAY = 0.03
"""Seconds of the way itself, without waiting."""
CAMERA = 700_000
"""The most that our client's camera sends."""


@dataclass
class Line:
    """So many bits per second, and room for two seconds of what waits."""

    bps: int
    buffer: float = 2.0
    _free: float = 0.0

    def carry(self, at: float, size: int) -> float | None:
        """When it arrives; none when the buffer is full."""
        begin = max(at, self._free)
        if begin - at > self.buffer:
            return None
        self._free = begin + 8 * size / self.bps
        return self._free + WAY


@dataclass
class Talk:
    """Two voices and one picture over one line."""

    line: Line
    waits: list[float] = field(default_factory=list)
    """How long each piece of sound was on its way."""
    rates: list[int] = field(default_factory=list)
    lost: int = 0

    def run(self, seconds: int) -> None:
        listener, far_end = Listener(), UplinkEstimate()
        rate, bits = 300_000, 0
        arriving: list[tuple[float, float, int]] = []
        for second in range(seconds):
            for step in range(50):
                now = 1.0 + second + step / 50
                for _ in range(2):
                    arrived = self.line.carry(now, 160)
                    self.waits.append(self.line.buffer if arrived is None else arrived - now)
                    self.lost += arrived is None
                if step % 2 == 0:
                    size = rate / 25 / 8
                    pieces = max(1, round(size / 1000))
                    for piece in range(pieces):
                        sent, size_of_one = now + piece / 2000, int(size / pieces) + 60
                        bits += 8 * size_of_one
                        reached = self.line.carry(sent, size_of_one)
                        if reached is not None:
                            arriving.append((reached, sent, size_of_one))
                while arriving and arriving[0][0] <= now:
                    reached, sent, size_of_one = arriving.pop(0)
                    found = far_end.take(reached, int(sent * 262144) & 0xFFFFFF, size_of_one)
                    if found is not None:
                        listener.remb, listener.remb_at = found, now
            listener.video_bps, sent_bps, bits = bits, bits, 0
            listener.congestion.update(WAY + self.waits[-1], now)
            rate = max(120_000, min(CAMERA, listener.allows(sent_bps, now)))
            self.rates.append(rate)


@pytest.mark.parametrize("bps", [400_000, 600_000])
def test_voices_do_not_wait_behind_pictures(bps: int) -> None:
    talk = Talk(Line(bps))
    talk.run(60)
    settled = sorted(talk.waits[20 * 100 :])
    assert settled[len(settled) // 2] < 0.15
    assert settled[int(0.95 * len(settled))] < 0.4
    assert talk.lost == 0
    assert min(talk.rates) >= 120_000
    assert sum(talk.rates[20:]) / 40 > 0.4 * (bps - 128_000), "and the pictures go on"


def test_a_wide_line_carries_what_the_camera_gives() -> None:
    talk = Talk(Line(3_000_000))
    talk.run(30)
    assert min(talk.rates[15:]) == CAMERA
