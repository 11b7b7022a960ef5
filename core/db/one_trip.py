"""SQLite statements in one trip to the connection's thread: opening a cursor, running, reading and closing belong together.

aiosqlite asks its thread for each of the four, and waking a thread and the loop costs more than most of our statements. Results are
always read whole, so nothing here can be streamed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any


class OneTripCursor:
    """What SQLAlchemy uses of an aiosqlite cursor; holds a whole result and no open statement."""

    arraysize = 1

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> OneTripCursor:
        return self

    async def execute(self, operation: str, parameters: Sequence[Any] = ()) -> OneTripCursor:
        """Run one statement and read what it returns; raises what ``sqlite3`` raises."""
        return await self._trip(lambda cursor: cursor.execute(operation, parameters))

    async def executemany(self, operation: str, parameters: Sequence[Sequence[Any]]) -> OneTripCursor:
        """Run one statement for each of ``parameters``."""
        return await self._trip(lambda cursor: cursor.executemany(operation, parameters))

    async def fetchall(self) -> list[Any]:
        """The rows of the last statement, once."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Nothing is open."""

    async def _trip(self, work: Callable[[sqlite3.Cursor], object]) -> OneTripCursor:
        await self._connection._execute(self._run, work)
        return self

    def _run(self, work: Callable[[sqlite3.Cursor], object]) -> None:
        """In the connection's thread."""
        cursor = self._connection._conn.cursor()
        try:
            work(cursor)
            self.description = cursor.description
            self._rows = cursor.fetchall() if cursor.description else []
            self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()


def use_one_trip(connection: Any) -> None:
    """Let an aiosqlite connection hand out such cursors."""
    connection.cursor = lambda: OneTripCursor(connection)
