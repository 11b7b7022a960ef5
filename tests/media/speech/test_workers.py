"""Workers: sound in, text out; a queue that drops captions first and says so; a killed worker is started again and said too."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest

from media.speech.backlog import Backlog, Caption, Question
from media.speech.endpointer import Utterance
from media.speech.identify import Unavailable, Unsure, identify
from media.speech.workers import Heard, SpeechWorkers
from tests.media.speech.clips import pcm, silence


def tone(seconds: float) -> bytes:
    return pcm(0.4 * np.sin(np.arange(int(seconds * 16_000)) * 0.3))


@asynccontextmanager
async def workers(slow: float = 0.0, count: int = 1) -> AsyncIterator[SpeechWorkers]:
    house = SpeechWorkers([sys.executable, "-m", "tests.media.speech.fake_worker", str(slow)], count)
    try:
        yield house
    finally:
        await house.aclose()


class Inbox:
    """What a channel was told."""

    def __init__(self) -> None:
        self.all: list[Heard] = []
        self._change = asyncio.Event()

    def __call__(self, heard: Heard) -> None:
        self.all.append(heard)
        self._change.set()

    async def until(self, enough: Callable[[list[Heard]], object], seconds: float = 45) -> None:
        async with asyncio.timeout(seconds):
            while not enough(self.all):
                self._change.clear()
                await self._change.wait()


async def started(house: SpeechWorkers) -> None:
    """Sound said before a worker runs is lost by design; a question is not."""
    await house.detect(tone(1), 0.1)


def utterance(length_ms: int) -> Utterance:
    return Utterance(0, length_ms, b"", length_ms)


def test_the_backlog_drops_the_oldest_caption_and_answers_questions_first() -> None:
    backlog = Backlog(captions=2, ms=20_000, questions=1)
    first, second, third = (Caption("a", "eng", utterance(1000 + n)) for n in range(3))
    assert backlog.put(first) == []
    assert backlog.put(second) == []
    assert backlog.put(third) == [first]
    assert backlog.ask(Question(1, b""))
    assert not backlog.ask(Question(2, b""))
    assert backlog.take() == Question(1, b"")
    backlog.forget("a")
    long = Caption("b", "eng", utterance(12_000))
    assert backlog.put(long) == []
    assert backlog.put(Caption("c", "eng", utterance(11_000))) == [long]
    backlog.close()
    assert backlog.take() == Caption("c", "eng", utterance(11_000))
    assert backlog.take() is None


async def test_utterances_come_back_with_time_and_language() -> None:
    async with workers() as house:
        person, interpreter = Inbox(), Inbox()
        await started(house)
        house.open("p", "room", ("apc",), person)
        house.open("i", "room", ("apc", "srp"), interpreter)
        house.hear("p", 10_000, silence(0.5) + tone(2) + silence(1.2))
        house.hear("i", 13_700, tone(2))
        await person.until(bool)
        # Nothing more comes of the interpreter (the microphone was closed): the utterance ends by itself.
        await interpreter.until(bool)
    assert person.all[0].text is not None
    assert person.all[0].text.startswith("ar ")
    assert person.all[0].from_ms == pytest.approx(10_500, abs=250)
    assert person.all[0].language == "apc"
    assert interpreter.all[0].language == "srp"
    assert interpreter.all[0].text is not None
    assert interpreter.all[0].text.startswith("sr ")


async def test_the_sound_decides_between_two_languages_of_a_shared_microphone() -> None:
    """The engine here hears Arabic in everything (0.6; Farsi 0.3, English 0.1)."""
    clear, close, unknown = Inbox(), Inbox(), Inbox()
    async with workers() as house:
        await started(house)
        house.open("a", "room", ("apc", "srp"), clear, by_sound=True)
        house.open("b", "room", ("apc", "pes"), close, by_sound=True)
        house.open("c", "room", ("kmr", "srp"), unknown, by_sound=True)
        for name in ("a", "b", "c"):
            house.hear(name, 0, tone(2) + silence(1))
        for inbox in (clear, close, unknown):
            await inbox.until(len)
    assert (clear.all[0].language, clear.all[0].missing) == ("apc", None)
    assert (clear.all[0].text or "").startswith("ar "), "written down in the language that was heard"
    assert (close.all[0].text, close.all[0].missing) == (None, "unclear")
    assert (unknown.all[0].text, unknown.all[0].missing) == (None, "no_model")


async def test_a_closed_channel_is_silent_at_once() -> None:
    async with workers(slow=0.3) as house:
        inbox, other = Inbox(), Inbox()
        await started(house)
        house.open("p", "room", ("eng",), inbox)
        house.open("q", "room", ("eng",), other)
        for start in (0, 4000, 8000):
            house.hear("p", start, tone(2) + silence(1))
        house.close("p")
        house.hear("q", 0, tone(2) + silence(1))
        await other.until(bool)
    assert inbox.all == []


async def test_under_load_captions_are_dropped_oldest_first_and_it_is_said() -> None:
    async with workers(slow=0.5) as house:
        inbox = Inbox()
        await started(house)
        house.open("p", "room", ("eng",), inbox)
        for number in range(14):
            house.hear("p", number * 2000, tone(1.2) + silence(0.8))
        await inbox.until(lambda heard: sum(each.missing == "too_slow" for each in heard) >= 6)
        answer = await identify(house, tone(12), ["apc", "pes"])
        assert answer.ranked[0][0] == "apc"
        await inbox.until(lambda heard: len(heard) == 14)
    dropped = [each.from_ms for each in inbox.all if each.missing == "too_slow"]
    said = [each.from_ms for each in inbox.all if each.text is not None]
    assert dropped == sorted(dropped)
    assert max(said) > max(dropped), "the newest are kept"


async def test_a_killed_worker_comes_back_and_says_what_is_missing() -> None:
    async with workers() as house:
        inbox = Inbox()
        await started(house)
        house.open("p", "room", ("eng",), inbox)
        house.hear("p", 0, tone(3))
        [pid] = house.pids
        os.kill(pid, signal.SIGKILL)
        await inbox.until(bool)
        assert inbox.all[0].missing == "lost"
        assert (inbox.all[0].from_ms, inbox.all[0].to_ms) == (0, 3000)
        await _sound_until_heard(house, inbox, lambda heard: any(each.text for each in heard))
        assert house.pids != [pid]


async def test_a_question_to_a_killed_worker_is_answered() -> None:
    async with workers() as house:
        waiting = asyncio.create_task(house.detect(silence(20) + tone(1), 0.1))
        with pytest.raises(Unavailable, match="lost"):
            await _kill_when_running(house, waiting)


async def _kill_when_running(house: SpeechWorkers, waiting: asyncio.Task[object]) -> None:
    async with asyncio.timeout(30):
        while not house.pids:  # noqa: ASYNC110 - a process of the system tells nobody
            await asyncio.sleep(0.02)
    os.kill(house.pids[0], signal.SIGKILL)
    await waiting


async def _sound_until_heard(house: SpeechWorkers, inbox: Inbox, enough: Callable[[list[Heard]], object]) -> None:
    """The speaker goes on while the worker starts."""
    async with asyncio.timeout(30):
        at = 10_000
        while not enough(inbox.all):
            house.hear("p", at, tone(1.5) + silence(0.6))
            at += 2100
            await asyncio.sleep(0.2)


async def test_the_language_helper_needs_voice() -> None:
    async with workers() as house:
        short = await identify(house, tone(3) + silence(20), ["apc", "pes"])
        assert short.unsure is Unsure.TOO_SHORT
        assert short.voiced_seconds == pytest.approx(3, abs=0.1)
        assert short.ranked == ()
