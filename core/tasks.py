"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any


async def end(tasks: Iterable[asyncio.Task[Any]], *, patience: float = 1.0) -> None:
    """Cancel ``tasks`` and wait until all have ended, whatever their outcome.

    A cancellation can be swallowed by a library (seen with redis-py 8.1 when the loop was late), so it is repeated after
    ``patience`` seconds. The calling task itself is left out. When the caller is cancelled meanwhile, nothing is left behind either:
    the cancellation goes on once all have ended.
    """
    pending = {task for task in tasks if not task.done()} - {asyncio.current_task()}
    cancelled = False
    while pending:
        for task in pending:
            task.cancel()
        try:
            await asyncio.wait(pending, timeout=patience)
        except asyncio.CancelledError:
            cancelled = True
        for task in pending:
            if task.done() and not task.cancelled():
                task.exception()
        pending = {task for task in pending if not task.done()}
    if cancelled:
        raise asyncio.CancelledError
