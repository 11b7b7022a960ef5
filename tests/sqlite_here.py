"""SQLite statements run in the loop's thread in tests of what lies above the database: handing each to the thread of its connection
and its answer back costs three times what the statement costs.

What has to wait for another connection, a begin that finds the file locked, waits in the connection's thread as in the product, so a
loop never waits for itself. Other tasks get their turn before each statement, as they do in the product. Tests of the database itself
and of races (``tests/core``, ``tests/contracts``) use threads throughout.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aiosqlite

from core.db.one_trip import OneTripCursor

_TESTS = Path(__file__).resolve().parent
_ABOVE = tuple(_TESTS / package for package in ("records", "scheduler", "signaling"))
_in_thread, _statement = aiosqlite.Connection._execute, OneTripCursor.execute
_here = False


def install() -> None:
    """Let the connections of this process do so where ``use`` says it."""
    aiosqlite.Connection._execute = _execute  # type: ignore[method-assign,assignment]
    OneTripCursor.execute = _begin_or_execute  # type: ignore[method-assign]


def use(test: Path) -> None:
    """From now on statements run where tests of the file ``test`` want them."""
    global _here
    _here = any(test.is_relative_to(folder) for folder in _ABOVE)


async def _execute(self: aiosqlite.Connection, work: Callable[..., Any], *args: Any, **more: Any) -> Any:
    database = self._connection
    if not _here or not self._running or database is None or not database.in_transaction:
        return await _in_thread(self, work, *args, **more)  # type: ignore[no-untyped-call]
    await asyncio.sleep(0)
    return work(*args, **more)


async def _begin_or_execute(self: OneTripCursor, operation: str, parameters: Sequence[Any] = ()) -> OneTripCursor:
    if _here and operation.startswith("BEGIN"):
        await asyncio.sleep(0)
        if _has_begun(self._connection._conn, operation):
            return self
    return await _statement(self, operation, parameters)


def _has_begun(database: sqlite3.Connection, operation: str) -> bool:
    """Whether the transaction could begin at once."""
    (patience,) = database.execute("PRAGMA busy_timeout").fetchone()
    database.execute("PRAGMA busy_timeout=0")
    try:
        database.execute(operation)
    except sqlite3.OperationalError:
        return False
    finally:
        database.execute(f"PRAGMA busy_timeout={patience}")
    return True
