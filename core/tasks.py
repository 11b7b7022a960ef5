"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any


async def end(tasks: Iterable[asyncio.Task[Any]], *, patience: float = 1.0) -> None:
    """Cancel ``tasks`` and wait until all have ended, whatever their outcome.

    A cancellation can be swallowed by a library (seen with redis-py 8.1 when the loop was late), so it is repeated after
    ``patience`` seconds. The calling task itself is left out.
    """
    pending = {task for task in tasks if not task.done()} - {asyncio.current_task()}
    while pending:
        for task in pending:
            task.cancel()
        done, pending = await asyncio.wait(pending, timeout=patience)
        for task in done:
            if not task.cancelled():
                task.exception()
