"""One clock for all processes: the database server's, followed by each process with its own clock and a measured difference.

Rounds, leases and deadlines are written by one process and judged by another; with clocks of their own a fast one would end rings
early. Where the database is a file there is one machine and nothing to follow.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from sqlalchemy import text

from core.access import Actor
from core.clock import Clock
from core.db.session import Database
from core.errors import AppError

log = logging.getLogger(__name__)

EVERY = 30.0
"""Seconds between two measurements."""
_SURE = timedelta(seconds=1)
"""A measurement whose answer took longer says too little."""
_WORTH_SAYING = timedelta(seconds=2)
_NOBODY = Actor.system(())


class ServerClock(Clock):
    """The time of the database server, as well as this process knows it."""

    def __init__(self, own: Clock) -> None:
        self._own = own
        self.difference = timedelta(0)
        """What is added to the own clock."""

    def now(self) -> datetime:
        """The present instant."""
        return self._own.now() + self.difference

    def monotonic(self) -> float:
        """Seconds of the own clock that never run backwards."""
        return self._own.monotonic()

    async def measure(self, database: Database) -> None:
        """Ask once; half of the way there and back is taken off. Trouble leaves the difference as it was."""
        if database.dialect != "postgresql":
            return
        try:
            async with database.read(_NOBODY) as unit:
                asked = self._own.now()
                theirs: datetime | None = await unit.session.scalar(text("SELECT clock_timestamp()"))
                took = self._own.now() - asked
        except AppError:
            return
        if theirs is None or took > _SURE:
            return
        difference = theirs - (asked + took / 2)
        if abs(difference - self.difference) > _WORTH_SAYING:
            log.warning("clock_differs_from_database", extra={"seconds": round(difference.total_seconds(), 1)})
        self.difference = difference

    async def follow(self, database: Database) -> None:
        """Measure again and again, until cancelled."""
        while True:
            await self.measure(database)
            await asyncio.sleep(EVERY)
