"""How long something waited, whatever the machine did meanwhile: for limits in seconds that a busy machine must not break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_BEAT_S = 0.005


class Pace:
    """``waited``: seconds in which the loop had nothing to do but wait. On a machine with time that is the time that passed; a process
    that gets no processor, or is at work, does not count on. Not for what another process takes."""

    def __init__(self) -> None:
        self.waited = 0.0

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_S)
            self.waited += _BEAT_S


@asynccontextmanager
async def pace() -> AsyncIterator[Pace]:
    """Counts while it is open."""
    made = Pace()
    beating = asyncio.create_task(made._beat(), name="pace")
    try:
        yield made
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
