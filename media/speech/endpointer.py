"""Where an utterance begins and ends, from the probability of voice of each 32 ms. Pure: the model is somewhere else.

A call of the transcriber costs the same for one second as for thirty, so short utterances wait longer for a continuation,
and nobody waits longer than a long turn's cut.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

RATE = 16_000
FRAME_SAMPLES = 512
FRAME_BYTES = 2 * FRAME_SAMPLES
FRAME_MS = FRAME_SAMPLES * 1000 // RATE


@dataclass(frozen=True)
class Policy:
    """Times in milliseconds."""

    begin_at: float = 0.5
    """Probability from which a frame is voice; ...."""
    go_on_at: float = 0.35
    """... and the lower one that is enough inside an utterance."""
    begin_ms: int = 96
    """So much voice in a row begins an utterance: a click does not."""
    lead_ms: int = 192
    """Kept before the beginning: the first consonant is quiet."""
    tail_ms: int = 160
    """Kept after the end."""
    hang_ms: int = 512
    """Silence that ends an utterance ..."""
    hang_long_ms: int = 320
    """... and one that is long already: its text is waited for."""
    long_ms: int = 4_000
    merge_below_ms: int = 1_000
    """An utterance with less voice than this waits ``merge_wait_ms`` for more: one call instead of two."""
    merge_wait_ms: int = 1_024
    cut_ms: int = 12_000
    """The longest utterance; it is cut at its quietest place in the last ``cut_search_ms``."""
    cut_search_ms: int = 2_000
    voice_least_ms: int = 192
    """With less voice than this it was a noise."""


@dataclass(frozen=True)
class Utterance:
    """Sound of one speaker without a long pause: 16 kHz mono s16le, instants in milliseconds of the caller's time line."""

    from_ms: int
    to_ms: int
    pcm: bytes
    voiced_ms: int
    is_cut: bool = False
    """The speaker went on: the rest follows at once."""


@dataclass(frozen=True)
class _Frame:
    at_ms: int
    pcm: bytes
    probability: float


class Endpointer:
    """One channel. Feed frames in order; an utterance comes out when it is over."""

    def __init__(self, policy: Policy | None = None) -> None:
        self._policy = policy or Policy()
        self._before: deque[_Frame] = deque(maxlen=max(1, self._policy.lead_ms // FRAME_MS))
        self._frames: list[_Frame] = []
        self._voice_ms = 0
        self._silence_ms = 0
        self._run: list[_Frame] = []

    @property
    def speaking(self) -> bool:
        """Whether an utterance is open."""
        return bool(self._frames)

    def feed(self, pcm: bytes, probability: float, at_ms: int) -> Utterance | None:
        """One frame of ``FRAME_BYTES`` that begins at ``at_ms``."""
        frame = _Frame(at_ms, pcm, probability)
        if not self._frames:
            self._wait_for_voice(frame)
            return None
        policy = self._policy
        self._frames.append(frame)
        if probability >= policy.go_on_at:
            self._voice_ms += FRAME_MS
            self._silence_ms = 0
        else:
            self._silence_ms += FRAME_MS
        if self._silence_ms >= self._hang():
            return self.flush()
        if len(self._frames) * FRAME_MS >= policy.cut_ms:
            return self._cut()
        return None

    def flush(self) -> Utterance | None:
        """End what is open, now; none if it was silence or a noise."""
        frames, voice = self._frames, self._voice_ms
        keep = len(frames) - max(0, self._silence_ms - self._policy.tail_ms) // FRAME_MS
        self.reset()
        return self._utterance(frames[:keep], voice, is_cut=False)

    def reset(self) -> None:
        """Forget everything, the sound included."""
        self._frames, self._run = [], []
        self._before.clear()
        self._voice_ms = self._silence_ms = 0

    def _wait_for_voice(self, frame: _Frame) -> None:
        if frame.probability < self._policy.begin_at:
            self._before.extend(self._run)
            self._run = []
            self._before.append(frame)
            return
        self._run.append(frame)
        if len(self._run) * FRAME_MS >= self._policy.begin_ms:
            self._frames = [*self._before, *self._run]
            self._voice_ms = len(self._run) * FRAME_MS
            self._silence_ms = 0
            self._before.clear()
            self._run = []

    def _hang(self) -> int:
        policy = self._policy
        if self._voice_ms < policy.merge_below_ms:
            return policy.merge_wait_ms
        return policy.hang_long_ms if len(self._frames) * FRAME_MS >= policy.long_ms else policy.hang_ms

    def _cut(self) -> Utterance | None:
        policy, frames = self._policy, self._frames
        first = len(frames) - policy.cut_search_ms // FRAME_MS
        # The last of the quietest: what follows is begun anew with as little as possible.
        quietest = min(range(first, len(frames)), key=lambda index: (frames[index].probability, -index))
        done, rest = frames[: quietest + 1], frames[quietest + 1 :]
        voice = _voice_ms(done, policy)
        self._frames = rest
        self._voice_ms = _voice_ms(rest, policy)
        self._silence_ms = 0 if self._voice_ms else len(rest) * FRAME_MS
        return self._utterance(done, voice, is_cut=True)

    def _utterance(self, frames: list[_Frame], voice: int, *, is_cut: bool) -> Utterance | None:
        if not frames or voice < self._policy.voice_least_ms:
            return None
        pcm = b"".join(frame.pcm for frame in frames)
        return Utterance(frames[0].at_ms, frames[-1].at_ms + FRAME_MS, pcm, voice, is_cut)


def _voice_ms(frames: list[_Frame], policy: Policy) -> int:
    return sum(FRAME_MS for frame in frames if frame.probability >= policy.go_on_at)
