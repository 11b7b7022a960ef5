"""Counting away from the loop: a bound that given-up questions cannot pass, equal questions once, and who leaves harms nobody."""

from __future__ import annotations

import asyncio
import threading

import pytest

from core.errors import TooMany
from scheduler.booking.counting import Counting


class Slow:
    """A count that takes until it is let go; notes how many ran beside each other."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Semaphore(0)
        self.running = self.most = self.times = 0
        self._lock = threading.Lock()

    def __call__(self) -> int:
        with self._lock:
            self.running += 1
            self.times += 1
            self.most = max(self.most, self.running)
        self.begun.release()
        assert self.go.wait(30)
        with self._lock:
            self.running -= 1
        return 7

    async def has_begun(self, times: int) -> None:
        for _ in range(times):
            assert await asyncio.to_thread(self.begun.acquire, timeout=30)


async def test_questions_that_are_given_up_never_count_beside_more_than_two() -> None:
    counting: Counting[int] = Counting(at_once=2, in_line=2)
    slow = Slow()
    asked = [asyncio.create_task(counting.of(number, slow)) for number in range(4)]
    await slow.has_begun(2)
    for task in asked:
        task.cancel()
    gone = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in gone)
    with pytest.raises(TooMany, match="slots_busy") as refused:
        await counting.of("another", slow)
    assert refused.value.params == {"retry_after": 5}
    slow.go.set()
    assert await counting.of(3, slow) == 7, "the line moves on, and an equal question gets the answer that is under way"
    async with asyncio.timeout(30):
        while len(counting):  # noqa: ASYNC110 - nobody tells when the last of the given-up ones is over
            await asyncio.sleep(0.01)
    assert slow.most == 2
    assert await counting.of("another", slow) == 7
    assert slow.times == 5


async def test_equal_questions_are_counted_once_and_one_that_leaves_takes_nothing_from_the_other() -> None:
    counting: Counting[int] = Counting(at_once=1, in_line=0)
    slow = Slow()
    first, second = (asyncio.create_task(counting.of("same", slow)) for _ in range(2))
    await slow.has_begun(1)
    first.cancel()
    slow.go.set()
    assert (await second, slow.times) == (7, 1)
    assert await counting.of("same", slow) == 7
    assert slow.times == 2, "an answer is not kept: what is free changes"


async def test_a_count_that_fails_is_told_and_takes_no_place_for_ever() -> None:
    counting: Counting[int] = Counting(at_once=1, in_line=0)

    def wrong() -> int:
        raise ValueError("wrong")

    for _ in range(2):
        with pytest.raises(ValueError, match="wrong"):
            await counting.of("x", wrong)
    assert len(counting) == 0
