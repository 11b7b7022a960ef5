"""Tasks end for certain, even when something swallows their cancellation."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from core.tasks import end


async def test_a_swallowed_cancellation_is_repeated() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while swallowed < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1

    async def quick() -> None:
        await asyncio.Event().wait()

    tasks = [asyncio.create_task(stubborn()), asyncio.create_task(quick())]
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await end(tasks, patience=0.05)
    assert all(task.done() for task in tasks)
    assert swallowed == 3


async def test_failures_and_ended_tasks_are_no_trouble() -> None:
    async def failing() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        raise ValueError

    done = asyncio.create_task(asyncio.sleep(0))
    await done
    task = asyncio.create_task(failing())
    await asyncio.sleep(0)
    current = asyncio.current_task()
    assert current is not None
    await end([done, task, current])
    assert isinstance(task.exception(), ValueError)


async def test_a_caller_who_is_cancelled_leaves_nothing_behind() -> None:
    asked = 0
    goes_on = asyncio.Event()

    async def slow_to_end() -> None:
        nonlocal asked
        while not goes_on.is_set():
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                asked += 1
                if asked == 2:
                    goes_on.set()

    inner = asyncio.create_task(slow_to_end())
    await asyncio.sleep(0)
    outer = asyncio.create_task(end([inner], patience=30))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asked == 1
    outer.cancel()
    async with asyncio.timeout(30):
        with suppress(asyncio.CancelledError):
            await outer
    assert inner.done()
    assert outer.cancelled()
