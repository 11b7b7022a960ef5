"""Whether this process is fit to serve: short checks with time limits, for load balancers and for ``tarjuman doctor``."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from core.clock import Clock, SystemClock, new_id
from core.db.session import Database
from core.errors import Unavailable
from core.events.bus import EventBus, Message

log = logging.getLogger(__name__)
CHECK_LIMIT = 3.0
"""Seconds that one check may take."""
MAX_CLOCK_DIFFERENCE = 2.0
"""Seconds by which our clock and the database's may differ; leases and join windows are counted in seconds."""
LAG_LIMIT = 1.0
"""Seconds by which the loop may be late before the process counts as stuck."""
_LAG_EVERY = 0.25
CANARY_TOPIC = "canary"


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    name: str
    ok: bool
    detail: str = ""
    """A code for what is wrong."""
    seconds: float = 0.0


class LoopLag:
    """How late the event loop is: a timer that notices when it is woken too late."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._expected = clock.monotonic()
        self.worst = 0.0
        """Of the last measurement, seconds."""

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            self._expected = self._clock.monotonic() + _LAG_EVERY
            await asyncio.sleep(_LAG_EVERY)
            self.worst = max(0.0, self._clock.monotonic() - self._expected)

    def now(self) -> float:
        """Seconds that the loop is late now."""
        return max(self.worst, self._clock.monotonic() - self._expected, 0.0)


async def run_check(name: str, check: Callable[[], Awaitable[None]]) -> Check:
    """Run one check under the time limit; an exception is its failure."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(CHECK_LIMIT):
            await check()
    except TimeoutError:
        return Check(name, ok=False, detail="no_answer", seconds=time.perf_counter() - started)
    except Unavailable as error:
        return Check(name, ok=False, detail=error.code, seconds=time.perf_counter() - started)
    except Exception as error:
        log.warning("check_failed", extra={"check": name}, exc_info=True)
        return Check(name, ok=False, detail=type(error).__name__, seconds=time.perf_counter() - started)
    return Check(name, ok=True, seconds=time.perf_counter() - started)


async def check_bus(bus: EventBus) -> None:
    """A canary flies through a topic log and is heard by its follower; raises ``Unavailable('canary_lost')`` otherwise."""
    token = new_id("canary")
    heard = asyncio.Event()

    def listen(message: Message) -> None:
        if message.body.get("token") == token:
            heard.set()

    async with bus.follow(CANARY_TOPIC, listen):
        await bus.append(CANARY_TOPIC, {"token": token})
        try:
            await asyncio.wait_for(heard.wait(), CHECK_LIMIT / 2)
        except TimeoutError:
            raise Unavailable("canary_lost") from None


async def clock_difference(database: Database) -> float:
    """Seconds by which our clock is ahead of the database's (negative: behind); 0.0 on SQLite, which has no other clock."""
    if database.dialect != "postgresql":
        return 0.0
    async with database.engine.connect() as connection:
        before = SystemClock().now()
        theirs: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
        after = SystemClock().now()
    return ((before - theirs) + (after - theirs)).total_seconds() / 2


async def check_clock(database: Database) -> None:
    """Raises ``Unavailable('clock_differs')``."""
    if abs(await clock_difference(database)) > MAX_CLOCK_DIFFERENCE:
        raise Unavailable("clock_differs")
