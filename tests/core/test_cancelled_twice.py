"""A task that is cancelled twice in the middle of a statement leaves nothing behind that could wait for ever."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

from sqlalchemy import text

from core.access import Actor
from core.clock import SystemClock
from core.db.session import Database

LIMIT_S = 45.0


async def test_nothing_is_left_of_a_write_that_was_cancelled_twice(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    database = Database.open(f"sqlite+aiosqlite:///{path}", SystemClock())
    async with database.unit(Actor.system()) as uow:
        await uow.session.execute(text("CREATE TABLE things (id INTEGER)"))
    before = asyncio.all_tasks()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begun = asyncio.Event()

    async def write() -> None:
        begun.set()
        async with database.unit(Actor.system()) as uow:
            await uow.session.execute(text("INSERT INTO things VALUES (1)"))

    task = asyncio.create_task(write())
    await begun.wait()
    for _ in range(3):
        await asyncio.wait({task}, timeout=0.2)
        task.cancel()
    other.execute("ROLLBACK")
    other.close()
    async with asyncio.timeout(LIMIT_S):
        await asyncio.gather(task, return_exceptions=True)
        await database.close()
        left = asyncio.all_tasks() - before
        for one in left:
            one.cancel()
        await asyncio.gather(*left, return_exceptions=True)
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, LIMIT_S)
            assert not thread.is_alive()
