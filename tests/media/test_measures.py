"""Loss, jitter, what is asked for again, signal grade and who speaks."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from media.protocol import Direction, Grade
from media.quality import Congestion, QualityMeter, SpeechMeter, VideoGate, score
from media.reception import Missing, Reception


def test_loss_since_the_last_report() -> None:
    reception = Reception(1, 48000)
    for number in range(200):
        if number % 10:
            reception.add((65500 + number) & 0xFFFF, number * 960, 100, number * 0.02)
    report = reception.report(4.0)
    assert 0.09 < report.lost < 0.11
    assert report.highest == 65500 + 199
    for number in range(200, 300):
        reception.add((65500 + number) & 0xFFFF, number * 960, 100, number * 0.02)
    later = reception.report(6.0)
    assert later.lost < 0.02
    assert later.total_lost == 19


def test_gap_is_told_once() -> None:
    reception = Reception(1, 90000)
    assert [reception.add(seq, 0, 1, 0.0) for seq in (65534, 65535, 2, 1, 0, 3)] == [0, 0, 2, 0, 0, 0]


def test_a_jump_is_a_restart_and_no_loss() -> None:
    reception = Reception(1, 48000)
    reception.add(1, 0, 1, 0.0)
    assert reception.add(30000, 0, 1, 0.02) == 0
    assert reception.report(1.0).lost == 0.0


def test_jitter_of_even_and_of_shaken_arrival() -> None:
    even, shaken = Reception(1, 48000), Reception(2, 48000)
    dice = random.Random(3)
    for number in range(500):
        even.add(number, number * 960, 1, number * 0.02)
        shaken.add(number, number * 960, 1, number * 0.02 + dice.uniform(0, 0.03))
    assert even.jitter_ms < 0.01
    assert 5 < shaken.jitter_ms < 20


def test_missing_is_asked_again_after_a_round_trip_and_given_up() -> None:
    missing = Missing()
    assert missing.gap(10, 2, now=0.0) == [8, 9]
    assert missing.due(0.05, rtt=0.1) == []
    assert missing.arrived(8)
    assert not missing.arrived(8)
    rounds = 0
    now = 0.0
    while missing:
        now += 0.11
        rounds += missing.due(now, rtt=0.1) == [9]
    assert rounds == 5, "six requests in all"


def test_grades() -> None:
    assert score(0.0, 20, 2) > 95
    assert score(0.05, 100, 10) > 60
    assert score(0.10, 300, 40) < 45
    meter = QualityMeter()
    assert not meter.update((0.0, 2), (0.0, 2), 30)
    changes = [meter.update((0.0, 2), (0.12, 30), 300) for _ in range(5)]
    assert changes.count(True) == 1
    assert (meter.grade, meter.direction) == (Grade.WEAK, Direction.DOWN)
    healing = [meter.update((0.0, 2), (0.0, 2), 30) for _ in range(10)]
    assert healing.count(True) == 1
    assert not healing[0], "better is believed slowly"
    assert meter.lost()
    assert not meter.lost()
    assert meter.grade is Grade.LOST


@given(st.floats(0, 1), st.floats(0, 5000), st.floats(0, 2000))
def test_score_is_bounded_and_falls_with_loss(loss: float, rtt: float, jitter: float) -> None:
    assert 0 <= score(loss, rtt, jitter) <= 100
    assert score(loss, rtt, jitter) <= score(loss / 2, rtt, jitter)


def test_speaking_needs_more_than_a_click_and_survives_a_breath() -> None:
    meter = SpeechMeter()
    now = 0.0
    assert not any(meter.level(20, 0.0) for _ in range(1))
    assert not any(meter.level(90, 0.02 * n) for n in range(10))
    changes = []
    for number in range(100):
        now = 1 + 0.02 * number
        changes.append(meter.level(30, now))
    assert changes.count(True) == 1
    assert meter.speaking
    for number in range(25):
        assert not meter.level(100, now + 0.02 * number), "half a second of breath"
    assert meter.speaking
    assert meter.tick(now + 0.8)
    assert not meter.speaking
    assert 1.8 < meter.speech_s < 2.1


def test_noise_between_the_thresholds_does_not_begin_but_carries_on() -> None:
    meter = SpeechMeter()
    for number in range(50):
        meter.level(46, 0.02 * number)
    assert not meter.speaking
    for number in range(5):
        meter.level(30, 1 + 0.02 * number)
    for number in range(100):
        meter.level(46, 1.1 + 0.02 * number)
    assert meter.speaking


def test_pictures_give_way_on_a_bad_line_and_come_back_ever_later() -> None:
    gate = VideoGate()
    assert not any(gate.update(0.15, float(now)) for now in range(60)), (
        "a lossy line that carries it keeps its pictures"
    )
    changes = [now for now in range(100, 160) if gate.update(0.3 if now < 105 else 0.0, float(now))]
    assert changes == [104, 112]
    again = [now for now in range(200, 260) if gate.update(0.3 if now < 205 else 0.0, float(now))]
    assert again == [204, 220]
    assert not gate.closed


def test_a_line_that_is_filled_up_runs_empty_first() -> None:
    line = Congestion()
    for second in range(5):
        line.update(0.08, float(second))
    assert line.carries(400_000, 380_000, 5.0) == 400_000
    assert line.carries(570_000, 380_000, 5.0) == 1_140_000, "the estimate is bounded by what is sent, not by the line"
    line.update(0.4, 5.0)
    assert line.late
    assert line.carries(400_000, 380_000, 5.0) == 240_000
    line.update(0.1, 6.0)
    assert line.carries(400_000, 200_000, 6.0) == 400_000, "not filled up again at once"
    assert line.carries(400_000, 200_000, 25.0) == 800_000
    for second in range(400):
        line.update(0.4, 100.0 + second)
    assert not line.late, "a longer way becomes the usual one"


def test_pictures_wait_as_long_as_the_sound_is_lost() -> None:
    gate = VideoGate()
    assert [now for now in range(60) if gate.update(0.3, float(now))] == [4]
    assert gate.closed
