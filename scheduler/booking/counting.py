"""Counting that takes seconds, away from the server's loop: a few at once, a short line behind them, equal questions once.

Whoever asked may have left the page: what has begun is counted to its end, because a thread cannot be stopped, so that only a bound
keeps given-up questions from taking the processor from rings and calls. What is counted is not known here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from core.errors import TooMany

AT_ONCE = 2
"""Counts at the same time in one process."""
IN_LINE = 6
"""Counts that wait behind them; the next is told to come again."""
COME_AGAIN_S = 5

T = TypeVar("T")


class Counting(Generic[T]):
    """One per process; has threads of its own, so that nothing else waits for what is counted here."""

    def __init__(self, *, at_once: int = AT_ONCE, in_line: int = IN_LINE) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="counting")
        self._most = at_once + in_line
        self._under_way: dict[Hashable, asyncio.Future[T]] = {}

    def __len__(self) -> int:
        """How many are counted or wait for it."""
        return len(self._under_way)

    async def of(self, question: Hashable, count: Callable[[], T]) -> T:
        """The answer of ``count``; an equal ``question`` that is under way is answered together with the first one.

        Giving up takes the asker out and nobody else. Raises what ``count`` raises, ``TooMany('slots_busy')`` (retry_after).
        """
        running = self._under_way.get(question)
        if running is None:
            if len(self._under_way) >= self._most:
                raise TooMany("slots_busy", {"retry_after": COME_AGAIN_S})
            running = asyncio.get_running_loop().run_in_executor(self._threads, count)
            self._under_way[question] = running
            running.add_done_callback(lambda done: self._forget(question, done))
        return await asyncio.shield(running)

    def _forget(self, question: Hashable, done: asyncio.Future[T]) -> None:
        self._under_way.pop(question, None)
        if not done.cancelled():
            done.exception()  # looked at: whoever asked may be gone
