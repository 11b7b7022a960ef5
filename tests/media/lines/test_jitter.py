"""The jitter buffer: order, loss, lateness, pauses, clocks that differ; and whatever comes, time goes on evenly."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.lines.jitter import MOST_PACKETS, TICKS, JitterBuffer, Step, What

FRAME = 0.02


def payload(number: int) -> bytes:
    """A packet that tells its number; longer than one that announces a pause."""
    return number.to_bytes(4, "big")


def fresh(low: float = 0.04, high: float = 0.12) -> JitterBuffer:
    return JitterBuffer(lambda data: TICKS if data else 0, low=low, high=high)


def play(
    arrivals: list[tuple[float, int]], seconds: float, *, buffer: JitterBuffer | None = None, seq0: int = 65_530
) -> tuple[JitterBuffer, list[Step]]:
    """``arrivals`` are (time, number); everything that is pulled in ``seconds``, each 20 ms; too fresh a sound waits."""
    buffer = buffer or fresh()
    waiting = sorted(arrivals)
    steps = []
    for tick in range(int(seconds / FRAME)):
        now = tick * FRAME
        while waiting and waiting[0][0] <= now:
            at, number = waiting.pop(0)
            buffer.put((seq0 + number) & 0xFFFF, (2**32 - 9600 + TICKS * number) & 0xFFFFFFFF, payload(number), at)
        if buffer.surplus(now) > -0.012:
            steps.append(buffer.pull(now))
    return buffer, steps


def numbers(steps: list[Step]) -> list[int]:
    return [int.from_bytes(step.payload, "big") for step in steps if step.what is What.SOUND]


def test_an_even_stream_plays_evenly_after_the_least_delay() -> None:
    buffer, steps = play([(FRAME * n, n) for n in range(100)], 2.0)
    begin = next(i for i, step in enumerate(steps) if step.what is What.SOUND)
    assert begin in (2, 3), "40 ms"
    assert numbers(steps) == list(range(100 - begin))
    assert all(step.what is What.SOUND for step in steps[begin:])
    assert (buffer.late, buffer.lost, buffer.target) == (0, 0, 0.04)


def test_what_came_in_another_order_plays_in_order() -> None:
    shuffled = [(FRAME * (n ^ 1) + 0.001, n) for n in range(50)]
    _, steps = play(shuffled, 1.0)
    assert numbers(steps) == list(range(len(numbers(steps))))


def test_a_single_loss_is_repaired_from_the_packet_after_it() -> None:
    _, steps = play([(FRAME * n, n) for n in range(50) if n != 20], 1.0)
    lost = [step for step in steps if step.what is not What.SOUND][3 - 1 :]
    assert [step.what for step in lost] == [What.REPAIR]
    assert lost[0].payload == payload(21)


def test_of_a_longer_loss_the_last_one_is_repaired_and_the_others_are_guessed() -> None:
    _, steps = play([(FRAME * n, n) for n in range(50) if n not in (20, 21, 22)], 1.0)
    begin = numbers(steps).index(19) + next(i for i, s in enumerate(steps) if s.what is What.SOUND)
    assert [s.what for s in steps[begin + 1 : begin + 5]] == [What.CONCEAL, What.CONCEAL, What.REPAIR, What.SOUND]


def test_a_pause_that_the_sender_announced_is_quiet_and_not_a_loss() -> None:
    """Sequence numbers go on, time stamps jump (DTX)."""
    buffer = fresh()
    kinds = []
    for tick in range(60):
        now = tick * FRAME
        if tick < 20:
            buffer.put(tick, TICKS * tick, payload(tick), now)
        elif tick == 40:
            buffer.put(20, TICKS * 40, payload(40), now)
        elif tick > 40:
            buffer.put(tick - 20, TICKS * tick, payload(tick), now)
        kinds.append(buffer.pull(now).what)
    assert What.REPAIR not in kinds
    assert kinds.count(What.CONCEAL) <= 5, "it fades for 100 ms at most, since nobody knows at first"
    assert kinds[-10:] == [What.SOUND] * 10


def test_late_packets_make_the_delay_grow_up_to_its_bound_and_a_good_line_makes_it_shrink() -> None:
    rng = random.Random(4)
    rough = [(FRAME * n + rng.uniform(0, 0.09), n) for n in range(300)]

    buffer, steps = play(rough, 6.0)
    assert 0.08 < buffer.target <= 0.12
    assert len(numbers(steps)) > 0.97 * 290
    for tick in range(300, 900):
        buffer.put((65_530 + tick) & 0xFFFF, (2**32 - 9600 + TICKS * tick) & 0xFFFFFFFF, payload(tick), FRAME * tick)
        buffer.pull(FRAME * tick)
    assert buffer.target == 0.04


def test_a_stream_that_stood_still_begins_anew_without_the_delay_of_the_stall() -> None:
    """Half a second of nothing, then all at once: a conversation does not wait for it."""
    arrivals = [(FRAME * n if not 50 <= n < 75 else FRAME * 75, n) for n in range(200)]
    buffer, steps = play(arrivals, 4.0)
    last = numbers(steps)[-1]
    assert 199 - last <= 30
    now = 4.0
    while buffer.surplus(now) > 0.03:
        buffer.pull(now)
    assert len(buffer) <= 4


def test_another_place_on_the_time_line_is_a_new_stream() -> None:
    buffer = fresh()
    for n in range(20):
        buffer.put(n, TICKS * n, payload(n), FRAME * n)
        buffer.pull(FRAME * n)
    for n in range(20, 40):
        buffer.put(n + 9000, TICKS * n + 2_000_000_000, payload(n), FRAME * n)
    assert buffer.pull(0.9).payload == payload(21), "the first one might have been a stray"


@pytest.mark.parametrize("ppm", [-300, 300])
def test_a_sender_whose_clock_differs_is_followed(ppm: int) -> None:
    """Ten minutes at 300 ppm are 180 ms; ``surplus`` tells when to leave out or repeat."""
    buffer = fresh()
    sent, adjusted = 0, 0
    for tick in range(30_000):
        now = tick * FRAME
        while sent * FRAME * (1 + ppm / 1e6) <= now:
            buffer.put(sent & 0xFFFF, (TICKS * sent) & 0xFFFFFFFF, payload(sent), sent * FRAME * (1 + ppm / 1e6))
            sent += 1
        surplus = buffer.surplus(now)
        if surplus > 0.025:
            buffer.pull(now)
            adjusted += 1
        if surplus > -0.025:
            buffer.pull(now)
        else:
            adjusted += 1
    assert buffer.lost <= 3
    assert 3 <= adjusted <= 20
    assert len(buffer) <= 8


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 240)), max_size=200),
    st.integers(0, 65_535),
    st.integers(0, 2**32 - 1),
)
def test_whatever_comes_time_goes_on_and_nothing_grows(events: list[tuple[int, int]], seq0: int, ts0: int) -> None:
    """Any packets in any order: never more than the bound is kept, each is played at most once and in order, and every
    step fills a stretch of time that the decoder can fill."""
    buffer = fresh()
    waiting = sorted(events)
    played: list[int] = []
    for tick in range(320):
        while waiting and waiting[0][0] <= tick:
            number = waiting.pop(0)[1]
            buffer.put((seq0 + number) & 0xFFFF, (ts0 + TICKS * number) & 0xFFFFFFFF, payload(number), tick * FRAME)
            assert len(buffer) <= MOST_PACKETS
        step = buffer.pull(tick * FRAME)
        assert 0 < step.ticks <= TICKS
        assert step.ticks % 120 == 0
        assert (step.what in (What.SOUND, What.REPAIR)) == bool(step.payload)
        if step.what is What.SOUND:
            played.append(int.from_bytes(step.payload, "big"))
        assert 0.04 <= buffer.target <= 0.12
    assert len(set(played)) == len(played)
    assert played == sorted(played)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 65_535), st.integers(0, 2**32 - 1)), max_size=150))
def test_foreign_packets_do_no_harm(packets: list[tuple[bytes, int, int]]) -> None:
    from media.lines.ear import Ear

    ear = Ear.opus(8000)
    for tick, (data, seq, ts) in enumerate(packets):
        ear.put(seq, ts, data, tick * FRAME)
        frame = ear.frame(tick * FRAME)
        assert frame is None or len(frame) == 160
        assert len(ear.buffer) <= MOST_PACKETS
