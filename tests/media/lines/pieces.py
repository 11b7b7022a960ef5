"""Holds what was heard against what was said piece by piece, so that a lost half or a second voice over it is seen. Pure.

In simulated time (``right``) short pieces are held to what G.711 leaves of them. In real time a starved machine tears the sound, but each
time elsewhere, and a fault of ours comes back in the same place: there (``until_heard``) each longer piece has to come through once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from media.similarity import Comparison, Samples, compare, level_dbfs

SHORT_S, LONG_S = 0.6, 2.0
LEAST, MEDIAN = 0.65, 0.85
"""Of short pieces: G.711 alone leaves 0.8 and 0.95, with a second voice 10 dB under the first 0.6 and 0.8, of a lost piece 0. Another
sentence has 0.34 in the median, but up to 0.80 in a single piece: one alone proves nothing."""
THROUGH, WHOLE = 0.6, 0.35
"""Of long ones, and of a whole, in real time. Measured on the tests' three sentences through the whole way of the sound. Pieces of 2 s from
each tenth of a second on: right speech 0.91 at least (median 0.98), another sentence 0.50 at most (median 0.27, one in twenty over
0.43), noise 0.07 at most, silence 0; right speech of which a starved machine tore out a tenth in gaps of 100 ms 0.65 at least, a fifth in
gaps of 20 ms 0.62. A whole: right 0.94 at least, another sentence 0.22 at most, 0.25 where a speaker repeats himself and 8 s are heard
(0.38 of 4 s); a robot at load 21 left 0.43."""
ATTEMPTS = 8
"""They add up piece by piece. A quiet machine needs one."""
_ALL = -1
_VOICED_DB = 20.0
"""What lies further under the loudest piece is a pause and proves nothing."""
Pieces = dict[int, float]
"""How much alike each piece is, by its beginning in what was said (samples); the whole under ``_ALL``."""
Heard = dict[str, tuple[Comparison, Pieces]]
"""By listener: the whole and its pieces."""


def alike(
    said: Samples, heard: Samples, rate: int, *, piece_s: float = SHORT_S, since: float = 0.0
) -> tuple[Comparison, Pieces]:
    """The whole, and its voiced pieces from ``since`` (seconds) on; each is looked for half a piece around its place, since
    stretches of 20 ms are left out or repeated on the way."""
    whole = compare(said, heard, rate)
    size = int(piece_s * rate)
    levels = {at: level_dbfs(said[at : at + size]) for at in range(int(since * rate), len(said) - size + 1, size)}
    found = {}
    for at, level in levels.items():
        if level > max(levels.values()) - _VOICED_DB:
            begin = max(0, round(whole.delay_s * rate) + at - size // 2)
            found[at] = compare(said[at : at + size], heard[begin : begin + 2 * size], rate).similarity
    return whole, found


def alike_whole(said: Samples, heard: Samples, rate: int, *, looped: bool = False) -> tuple[Comparison, Pieces]:
    """In one piece: for what a robot says or hears, who shares a starved process with the test and leaves gaps of his own."""
    whole = compare(said, heard, rate, looped=looped)
    return whole, {_ALL: whole.similarity}


def right(found: Pieces) -> bool:
    """Whether all was heard, and nothing over it."""
    return bool(found) and min(found.values()) >= LEAST and float(np.median(list(found.values()))) >= MEDIAN


async def until_heard(attempt: Callable[[], Awaitable[Heard]]) -> list[Comparison]:
    """Says it again until each piece came through once to everybody; the comparisons of the last attempt. Fails after a few."""
    best: dict[str, Pieces] = {}
    for _ in range(ATTEMPTS):
        found = await attempt()
        for who, (_, one) in found.items():
            known = best.setdefault(who, {})
            for at, likeness in one.items():
                known[at] = max(likeness, known.get(at, 0.0))
        if all(
            known and all(one >= (WHOLE if at == _ALL else THROUGH) for at, one in known.items())
            for known in best.values()
        ):
            return [whole for whole, _ in found.values()]
    pytest.fail(f"not what was said: {best}")
