"""Speech for the tests of media, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from media.similarity import Samples
from tests.media.rig import SENTENCES, speech


@pytest.fixture(scope="session")
def voices(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Samples]:
    """The sentences of ``rig.SENTENCES`` as sound at 48 kHz."""
    folder: Path = tmp_path_factory.mktemp("speech")
    return {name: speech(name, folder) for name in SENTENCES}
