"""Speech for the tests of lines, made once, at 48 and at 8 kHz."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from media.similarity import Samples
from tests.speech import SENTENCES, read, wav


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Samples]:
    """By part of ``tests.speech.SENTENCES``: mono, 48 kHz."""
    folder: Path = tmp_path_factory.mktemp("lines")
    return {part: read(wav(folder, part))[0] for part in SENTENCES}


@pytest.fixture(scope="session")
def narrow(speech: dict[str, Samples]) -> dict[str, Samples]:
    """The same at 8 kHz, as a telephone hears it."""
    return {part: resample_poly(sound, 1, 6).astype(np.float32) for part, sound in speech.items()}
