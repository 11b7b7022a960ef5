"""Utterances begin with voice, end with silence, are cut when long, and a short one waits for more."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.speech.endpointer import FRAME_BYTES, FRAME_MS, Endpointer, Policy, Utterance

POLICY = Policy()
SOUND = b"\1" * FRAME_BYTES


def run(pattern: list[tuple[float, int]], policy: Policy = POLICY) -> list[Utterance]:
    """Feed (probability, milliseconds) stretches."""
    endpointer = Endpointer(policy)
    found, at = [], 0
    for probability, length in pattern:
        for _ in range(length // FRAME_MS):
            done = endpointer.feed(SOUND, probability, at)
            at += FRAME_MS
            if done is not None:
                found.append(done)
    last = endpointer.flush()
    return [*found, last] if last is not None else found


def test_silence_and_a_click_are_no_utterance() -> None:
    assert run([(0.0, 5000), (0.9, 64), (0.0, 5000)]) == []


def test_an_utterance_has_its_lead_and_a_short_tail() -> None:
    [said] = run([(0.0, 3200), (0.9, 2560), (0.0, 3200)])
    assert 3200 - said.from_ms == pytest.approx(POLICY.lead_ms, abs=FRAME_MS)
    assert said.to_ms - 5760 == pytest.approx(POLICY.tail_ms, abs=FRAME_MS)
    assert len(said.pcm) == (said.to_ms - said.from_ms) // FRAME_MS * FRAME_BYTES
    assert said.voiced_ms == 2560


def test_it_ends_after_the_hang_and_sooner_when_long() -> None:
    def delay(voice: int) -> int:
        endpointer, at = Endpointer(), 0
        for _ in range(voice // FRAME_MS):
            endpointer.feed(SOUND, 0.9, at)
            at += FRAME_MS
        silent = 0
        while endpointer.feed(SOUND, 0.0, at) is None:
            at += FRAME_MS
            silent += FRAME_MS
        return silent + FRAME_MS

    assert delay(2560) == POLICY.hang_ms
    assert delay(6400) == POLICY.hang_long_ms
    assert delay(640) == POLICY.merge_wait_ms


def test_short_ones_are_merged_and_long_pauses_part() -> None:
    assert len(run([(0.9, 640), (0.0, 800), (0.9, 640), (0.0, 2000)])) == 1
    assert len(run([(0.9, 2560), (0.0, 800), (0.9, 2560), (0.0, 2000)])) == 2


def test_a_long_turn_is_cut_at_its_quietest_place_and_nothing_is_lost() -> None:
    said = run([(0.9, 11_008), (0.4, 96), (0.9, 8000), (0.0, 2000)])
    assert [each.is_cut for each in said] == [True, False]
    assert said[0].to_ms == said[1].from_ms
    assert said[0].to_ms == pytest.approx(11_008 + 96, abs=FRAME_MS)
    assert sum(each.voiced_ms for each in said) == 11_008 + 96 + 8000


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.4, 0.6, 0.95]), st.integers(32, 6000)), max_size=12))
def test_utterances_never_overlap_nor_exceed_the_cut(pattern: list[tuple[float, int]]) -> None:
    said = run(pattern)
    for one, next_one in pairwise(said):
        assert one.to_ms <= next_one.from_ms
    assert all(each.to_ms - each.from_ms <= POLICY.cut_ms for each in said)
    assert all(each.voiced_ms >= POLICY.voice_least_ms for each in said)
