"""The judge of what telephones hear: faults that a likeness of the whole lets pass are seen, those of a starved clock are not."""

from __future__ import annotations

import numpy as np
import pytest

from media.lines import g711
from media.protocol import Codec
from media.similarity import Samples, compare
from tests.media.lines.pieces import alike, right


def by_telephone(sound: Samples) -> Samples:
    """A moment later, and as G.711 leaves it."""
    late = np.concatenate((np.zeros(800, np.float32), sound, np.zeros(4000, np.float32)))
    return g711.decode(Codec.PCMU, g711.encode(Codec.PCMU, late.astype(np.float32)))


@pytest.fixture
def faults(narrow: dict[str, Samples]) -> dict[str, Samples]:
    """What the interpreter said, damaged."""
    said = narrow["interpreter"]
    other = np.resize(narrow["officer"], len(said))
    half, gap = said.copy(), said.copy()
    half[len(half) // 2 :] = 0
    gap[8000:13_000] = 0
    frames = said[: len(said) // 160 * 160].reshape(-1, 160)
    torn = (frames * (np.arange(len(frames)) % 2)[:, None]).reshape(-1)
    return {
        "half": half,
        "gap": gap,
        "both": said + 0.5 * other,
        "over": said + 0.32 * other,
        "torn": torn,
        "other": other,
    }


def test_what_is_wrong_is_seen(narrow: dict[str, Samples], faults: dict[str, Samples]) -> None:
    said = narrow["interpreter"]
    for name, sound in faults.items():
        whole, found = alike(said, by_telephone(sound), 8000)
        assert not right(found), (name, whole, found)
    passed = {name for name, sound in faults.items() if compare(said, by_telephone(sound), 8000).similarity > 0.4}
    assert passed == {"half", "gap", "both", "over", "torn"}, "what the likeness of the whole let pass before"


def test_what_came_as_it_was_said_is_right(narrow: dict[str, Samples]) -> None:
    said = narrow["interpreter"]
    assert right(alike(said, by_telephone(said), 8000)[1])
    rng = np.random.default_rng(1)
    frames = list(said[: len(said) // 160 * 160].reshape(-1, 160))
    for place in sorted(rng.choice(len(frames), 6, replace=False), reverse=True):
        frames[place : place + 1] = [] if place % 2 else [frames[place]] * 2
    evened = np.concatenate(frames)
    assert right(alike(said, by_telephone(evened), 8000)[1]), "20 ms left out or repeated, as the buffer does it"
