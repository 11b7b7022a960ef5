"""Brings voices to a common loudness: slowly, only by what is speech, and never over full scale. Pure, a beat (40 ms) at a time."""

from __future__ import annotations

import math

import numpy as np

from media.lines.opus import Sound
from media.lines.words import BEAT

TARGET_DB = -20.0
"""Loudness of speech (rms over active speech, dB below full scale) that every voice is brought to."""
MOST_UP_DB, MOST_DOWN_DB = 18.0, 15.0
_CEILING = 0.9
_SPEECH_OVER_FLOOR_DB, _SPEECH_DB = 10.0, -50.0
_MEMORY = 50 // BEAT
"""Beats of speech (one second) that the loudness is taken from."""
_FAST, _FAST_DB, _UP_DB, _DOWN_DB = 40 // BEAT, 0.6 * BEAT, 0.06 * BEAT, 0.15 * BEAT
"""The first 0.8 s of speech move the gain by 30 dB/s at most, what comes later by 3 up and 7.5 down."""
_FLOOR_DOWN, _FLOOR_UP_DB = 1 - 0.7**BEAT, 0.02 * BEAT
"""How fast the noise floor follows: by a share of the difference down, by 1 dB/s up."""
_FADE_S = 0.005
_most, _least = np.maximum.reduce, np.minimum.reduce
"""Past numpy's methods, which take as long again for so little sound."""


class LevelControl:
    """One voice. ``apply`` gives its sound at the common loudness."""

    def __init__(self, rate: int) -> None:
        self.gain_db = 0.0
        self.speech = False
        """Whether the last beat was speech."""
        self.level_db = -120.0
        """Loudness of the last beat after the gain, or before it when it was no speech."""
        self._floor_db = -60.0
        self._power = 0.0
        self._beats = 0
        self._gain = 1.0
        self._fade = np.zeros(BEAT * rate // 50, np.float32)
        """How much of the gain before is still there."""
        size = int(rate * _FADE_S)
        self._fade[:size] = np.linspace(1.0, 0.0, size, dtype=np.float32)

    def apply(self, beat: Sound) -> Sound:
        """A new beat, never over full scale."""
        power = float(np.dot(beat, beat)) / len(beat)
        db = 10 * math.log10(power + 1e-12)
        self._listen(power, db)
        gain: float = 10 ** (self.gain_db / 20)
        peak = max(float(_most(beat)), -float(_least(beat)))
        if peak * gain > _CEILING:
            gain = _CEILING / peak
        out: Sound
        if gain == self._gain:
            out = beat * gain
        else:
            out = self._fade * (self._gain - gain)
            out += gain
            out *= beat
            if peak * self._gain > _CEILING:
                np.clip(out, -_CEILING, _CEILING, out)
        self._gain = gain
        self.level_db = db + 20 * math.log10(gain) if self.speech else db
        return out

    def _listen(self, power: float, db: float) -> None:
        if db < self._floor_db:
            self._floor_db = max(-75.0, self._floor_db + _FLOOR_DOWN * (db - self._floor_db))
        else:
            self._floor_db = min(-40.0, self._floor_db + _FLOOR_UP_DB)
        self.speech = db > max(_SPEECH_DB, self._floor_db + _SPEECH_OVER_FLOOR_DB)
        if not self.speech:
            return
        self._beats += 1
        self._power += (power - self._power) / min(self._beats, _MEMORY)
        wanted = max(-MOST_DOWN_DB, min(MOST_UP_DB, TARGET_DB - 10 * math.log10(self._power + 1e-12)))
        fast = self._beats <= _FAST
        up, down = (_FAST_DB, _FAST_DB) if fast else (_UP_DB, _DOWN_DB)
        self.gain_db += max(-down, min(up, wanted - self.gain_db))
