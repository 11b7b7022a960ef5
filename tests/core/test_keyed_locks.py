"""Locks by key: one at a time, and nothing is kept once nobody holds or waits."""

from __future__ import annotations

import asyncio

import pytest

from core.keyed_locks import KeyedLocks


async def test_one_at_a_time_for_a_key_and_nothing_is_left() -> None:
    locks, inside, most = KeyedLocks(), 0, 0

    async def work(key: str) -> None:
        nonlocal inside, most
        async with locks.of(key):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(work("room") for _ in range(20)))
    assert most == 1
    assert len(locks) == 0


async def test_one_that_fails_or_is_cancelled_while_it_waits_leaves_nothing_behind() -> None:
    locks = KeyedLocks()
    with pytest.raises(ValueError, match="no"):
        async with locks.of("room"):
            raise ValueError("no")
    async with locks.of("room"):

        async def wait() -> None:
            async with locks.of("room"):
                raise AssertionError("held by somebody else")

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with locks.of("other"):
            assert len(locks) == 2
    assert len(locks) == 0
