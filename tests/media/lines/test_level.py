"""Level alignment: loud and soft voices meet, noise in pauses is not pumped up, nothing goes over full scale."""

from __future__ import annotations

import numpy as np
import pytest

from media.lines.level import TARGET_DB, LevelControl
from media.similarity import Samples, level_dbfs


def applied(control: LevelControl, sound: Samples) -> Samples:
    frames = [control.apply(np.ascontiguousarray(sound[at : at + 320])) for at in range(0, len(sound) - 320, 320)]
    return np.concatenate(frames)


@pytest.mark.parametrize("said_db", [-36, -28, -20, -12])
@pytest.mark.parametrize("who", ["officer", "applicant"])
def test_every_voice_comes_to_the_common_loudness(narrow: dict[str, Samples], who: str, said_db: int) -> None:
    voice = np.tile(narrow[who], 2)
    voice = (voice * 10 ** ((said_db - level_dbfs(voice)) / 20)).astype(np.float32)
    heard = applied(LevelControl(8000), voice)
    assert abs(level_dbfs(heard[len(heard) // 2 :]) - TARGET_DB) < 3.0
    assert np.abs(heard).max() <= 0.91


def test_pauses_are_not_pumped_up(narrow: dict[str, Samples]) -> None:
    """A soft voice on a noisy line, then ten seconds of the noise alone: the gain stays where the voice left it."""
    rng = np.random.default_rng(2)
    noise = (10 ** (-62 / 20) * rng.standard_normal(80_000)).astype(np.float32)
    control = LevelControl(8000)
    voice = (narrow["officer"] * 10 ** ((-34 - level_dbfs(narrow["officer"])) / 20)).astype(np.float32)
    applied(control, voice + noise[: len(voice)])
    before = control.gain_db
    heard = applied(control, noise)
    assert abs(control.gain_db - before) < 1.0
    assert level_dbfs(heard[40_000:]) < -40
    fresh = LevelControl(8000)
    applied(fresh, noise)
    assert fresh.gain_db == pytest.approx(0, abs=0.5), "noise alone is no voice"


def test_a_shout_after_a_whisper_is_limited_at_once() -> None:
    whisper = (0.01 * np.sin(np.arange(16_000) * 0.3)).astype(np.float32)
    control = LevelControl(8000)
    applied(control, whisper * (np.arange(16_000) // 1600 % 2))
    shout = (0.99 * np.sin(np.arange(8000) * 0.3)).astype(np.float32)
    assert np.abs(applied(control, shout)).max() <= 0.901
