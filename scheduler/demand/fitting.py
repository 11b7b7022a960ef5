"""The computing of a forecast: fit all models, score them on held-out weeks, keep the better one; in a child process or a thread.

``python -m scheduler.demand.fitting`` reads one ``ToFit`` as JSON and answers with one ``Made``. A child of its own, because a
regression holds the interpreter for seconds in which a server must forward sound.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypedDict

from pydantic import BaseModel, ConfigDict

from scheduler.demand import glm
from scheduler.demand.forecast import Level1, Model, SeasonalNaive, shares_json
from scheduler.demand.score import OWN_MODELS, Fit, best, score
from scheduler.demand.series import Grid, series_of

AHEAD = timedelta(weeks=4)
"""How far a level-2 forecast is written down; the other models have no end."""
TIME_LIMIT = 180.0
_NICER = 10


class ToFit(BaseModel):
    """Counts of a span with what the calendar says of it and of the weeks after it."""

    model_config = ConfigDict(frozen=True)

    zone: str
    start: datetime
    end: datetime
    rows: list[tuple[datetime, str, int]]
    """Start of the half-hour, language, arrivals."""
    free: list[int]
    """Public holidays as ordinals."""
    scheduled: list[tuple[datetime, float]]
    level2: bool = True


class Made(TypedDict):
    """The chosen model, ready to be stored, and the scores of all."""

    model: str
    fitted: dict[str, Any]
    scores: list[dict[str, Any]]


Fitting = Callable[[ToFit], Awaitable[Made]]


class FittingFailedError(Exception):
    """The child ended without an answer, or took too long."""


def fit(data: ToFit) -> Made:
    """The better model by its score. Plain computation."""
    scheduled = dict(data.scheduled)
    grid = Grid.of(data.start, data.end, data.zone, holidays=data.free, scheduled=scheduled)
    series = series_of(grid, data.rows)
    models: dict[Model, Fit] = dict(OWN_MODELS)
    if data.level2 and glm.available():
        models[Model.LEVEL2] = glm.Level2.fit
    scores = score(series, models) if series.languages else []
    chosen = best(scores)
    fitted: dict[str, Any]
    if chosen is Model.LEVEL2:
        ahead = Grid.of(data.end, data.end + AHEAD, data.zone, holidays=data.free, scheduled=scheduled)
        level2 = glm.Level2.fit(series)
        fitted = {
            "kind": "table",
            "start": data.end.isoformat(),
            "total": [round(float(value), 4) for value in level2.tell(ahead).total],
            "shares": shares_json(level2.shares),
            "total_spread": level2.total_spread,
            "language_spread": level2.language_spread,
        }
    elif chosen is Model.SEASONAL_NAIVE:
        fitted = {"kind": "naive", **SeasonalNaive.fit(series).as_json()}
    else:
        fitted = {"kind": "level1", **Level1.fit(series).as_json()}
    return Made(model=chosen.value, fitted=fitted, scores=[one.as_json() for one in scores])


async def in_thread(data: ToFit) -> Made:
    """In a thread of this process, without level 2: for tests and small tools."""
    return await asyncio.to_thread(fit, data.model_copy(update={"level2": False}))


async def in_child(data: ToFit) -> Made:
    """In a child process. Raises ``FittingFailedError``."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "scheduler.demand.fitting",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        told, _ = await asyncio.wait_for(child.communicate(data.model_dump_json().encode()), TIME_LIMIT)
        made: Made = json.loads(told)
        return made
    except (TimeoutError, ValueError) as error:
        raise FittingFailedError from error
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()


def main() -> None:
    """One forecast from stdin to stdout."""
    os.nice(_NICER)
    sys.stdout.write(json.dumps(fit(ToFit.model_validate_json(sys.stdin.read()))))


if __name__ == "__main__":
    main()
