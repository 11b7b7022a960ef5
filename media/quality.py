"""Pure judgement of what people hear and see: signal grade with smoothing, and who speaks. No clocks, no packets."""

from __future__ import annotations

from dataclasses import dataclass

from media.protocol import Direction, Grade, PeerNumbers

_AUDIO_LOSS_WEIGHT = 8 / 1.5
"""Points per per cent of lost Opus packets with in-band FEC (LiveKit's scorer)."""
_FALL, _RISE = 0.7, 0.4
"""Share of the way that the smoothed score goes towards a worse or better one each time."""
_WEAK_BELOW, _GOOD_FROM = 60.0, 65.0


def score(loss: float, rtt_ms: float | None, jitter_ms: float) -> float:
    """0 (unusable) to 100: the delay and loss terms of LiveKit's ``scorer.go`` for Opus with FEC.

    ``loss`` is a fraction. Delay d = rtt/2 + 2*jitter costs d/40 points up to 160 ms and (d-120)/10 above."""
    delay = (rtt_ms or 0.0) / 2 + 2 * jitter_ms
    points = 100.0 - (delay / 40 if delay <= 160 else (delay - 120) / 10)
    return max(0.0, min(100.0, points - 100 * loss * _AUDIO_LOSS_WEIGHT))


@dataclass
class QualityMeter:
    """The grade of one person's connection over time; falls fast, rises slowly, does not flicker at the border."""

    grade: Grade = Grade.GOOD
    direction: Direction = Direction.UP
    score: float = 100.0

    def update(self, up: tuple[float, float], down: tuple[float, float], rtt_ms: float | None) -> bool:
        """``up`` and ``down`` are (loss, jitter in ms). True when the grade changed."""
        scores = {Direction.UP: score(up[0], rtt_ms, up[1]), Direction.DOWN: score(down[0], rtt_ms, down[1])}
        worst = min(scores, key=lambda direction: scores[direction])
        target = scores[worst]
        self.direction = worst
        self.score += (target - self.score) * (_FALL if target < self.score else _RISE)
        border = _WEAK_BELOW if self.grade is Grade.GOOD else _GOOD_FROM
        return self._set(Grade.GOOD if self.score >= border else Grade.WEAK)

    def lost(self) -> bool:
        """Nothing is heard any more. True when the grade changed."""
        self.score = 0.0
        return self._set(Grade.LOST)

    def _set(self, grade: Grade) -> bool:
        changed, self.grade = grade is not self.grade, grade
        return changed


@dataclass
class SpeechMeter:
    """Who speaks, from audio levels in -dBov (RFC 6464): on after a few loud packets, off after a pause."""

    on_level: int = 42
    """At least this loud (-dBov, so smaller is louder) to begin to speak."""
    off_level: int = 50
    """As loud as this goes on speaking."""
    on_after: int = 3
    """Loud packets (20 ms each) among the last five that make a voice."""
    off_after: float = 0.7
    """Seconds without voice that end it."""
    speaking: bool = False
    speech_s: float = 0.0
    """Time with a voice, the closing pause left out."""
    _recent: int = 0
    _last: float | None = None

    def level(self, level: int, now: float) -> bool:
        """One packet's level. True when ``speaking`` changed."""
        loud = level <= (self.off_level if self.speaking else self.on_level)
        self._recent = ((self._recent << 1) | loud) & 0b11111
        if loud:
            if self.speaking and self._last is not None:
                self.speech_s += min(now - self._last, self.off_after)
            self._last = now
        if not self.speaking and self._recent.bit_count() >= self.on_after:
            self.speaking = True
            return True
        return self.tick(now)

    def tick(self, now: float) -> bool:
        """Time passes, packets or not. True when ``speaking`` changed."""
        if self._last is None or now - self._last <= self.off_after:
            return False
        return self.stop()

    def stop(self) -> bool:
        """Muted or gone. True when ``speaking`` changed."""
        changed, self.speaking, self._recent = self.speaking, False, 0
        return changed


@dataclass
class VideoGate:
    """Sound first: holds pictures back from a line that loses a fifth of everything, and tries again after a while."""

    closed: bool = False
    _bad_since: float | None = None
    _opens_at: float = 0.0
    _wait: float = 8.0

    def update(self, loss: float, now: float) -> bool:
        """``loss`` on the way down as a fraction. True when the gate opened or closed."""
        if self.closed:
            if now < self._opens_at or loss > 0.05:
                return False
            self.closed, self._bad_since = False, None
            return True
        if loss < 0.2:
            self._bad_since = None
        elif self._bad_since is None:
            self._bad_since = now
        elif now - self._bad_since >= 4.0:
            self.closed, self._opens_at = True, now + self._wait
            self._wait = min(60.0, 2 * self._wait)
            return True
        return False


@dataclass
class Congestion:
    """Whether a line is being filled up: its round trip has grown by a quarter of a second. Estimates that look at how packets bunch
    up do not see a buffer that stays full, and the voices wait in it."""

    late: bool = False
    _base: float | None = None
    _late_at: float | None = None

    def update(self, rtt: float, now: float) -> None:
        """A round trip, in seconds; once a second. The shortest one counts, and grows old slowly, since ways change."""
        self._base = rtt if self._base is None else min(rtt, self._base + 0.001)
        self.late = rtt > self._base + 0.25
        if self.late:
            self._late_at = now

    def carries(self, estimate: int, sent: int, now: float) -> int:
        """Bits per second of pictures that may go where ``sent`` went, on a line of which this is the estimate.

        The estimate itself: a line that was given more as soon as it carried the last rate would be filled up again and again. Less
        while it is filled up, so that it runs empty. More where the estimate is bounded by what is sent (browsers never guess more
        than one and a half times that) and not by the line."""
        if self.late:
            return int(0.6 * estimate)
        calm = self._late_at is None or now - self._late_at > 15.0
        return 2 * estimate if calm and estimate > 1.4 * sent else estimate


@dataclass
class Smoothed:
    """Numbers of the last few seconds: each new one counts a third."""

    uplink_loss: float = 0.0
    downlink_loss: float = 0.0

    def up(self, loss: float) -> None:
        self.uplink_loss += (loss - self.uplink_loss) / 3

    def down(self, loss: float) -> None:
        self.downlink_loss += (loss - self.downlink_loss) / 3

    def numbers(self, *, jitter_ms: float, rtt_ms: float | None, uplink_bps: int, downlink_bps: int) -> PeerNumbers:
        """As told to the rest of the house."""
        return PeerNumbers(
            uplink_loss=round(self.uplink_loss, 4),
            downlink_loss=round(self.downlink_loss, 4),
            jitter_ms=round(jitter_ms, 1),
            rtt_ms=None if rtt_ms is None else round(rtt_ms, 1),
            uplink_bps=uplink_bps,
            downlink_bps=downlink_bps,
        )
