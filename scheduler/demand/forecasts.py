"""Makes forecasts, keeps them with their scores, and reads the latest one: the one place where models and database meet.

Fitting is seconds of plain computation and runs in a child process (``fitting``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import delete, select

from core.access import Actor
from core.clock import new_id
from core.db.session import Database, ReadUnit, UnitOfWork
from scheduler.demand.counts import DemandCounts
from scheduler.demand.fitting import AHEAD, Fitting, Made, ToFit, in_child
from scheduler.demand.forecast import (
    LEAST_WEEKS,
    Fitted,
    Level1,
    Model,
    SeasonalNaive,
    Shares,
    Told,
    shares_from_json,
    told,
)
from scheduler.demand.models import DemandForecast
from scheduler.demand.series import Grid
from scheduler.demand.slots import SLOT, ZONES, local_day, slot_start

LOOK_BACK = timedelta(weeks=17)
_KEEP = 60
HolidayDays = Callable[[ReadUnit, str, date, date], Awaitable[set[date]]]


@dataclass(frozen=True)
class Table:
    """A forecast written down half-hour by half-hour: what level 2 leaves behind, so that reading it needs no extra."""

    start: datetime
    total: tuple[float, ...]
    shares: Shares
    total_spread: float
    language_spread: float

    def tell(self, grid: Grid) -> Told:
        """As written; half-hours outside take the nearest week inside."""
        week = 336
        numbers = []
        for at in grid.starts:
            number = (at - self.start) // SLOT
            while number >= len(self.total):
                number -= week
            numbers.append(max(number, number % week))
        return told(np.array(self.total)[numbers], self.shares, self.total_spread, self.language_spread)


@dataclass(frozen=True)
class Forecast:
    """The latest forecast of a country."""

    country: str
    made_at: datetime
    model: Model
    fitted: Fitted
    scores: tuple[Mapping[str, Any], ...]

    def tell(self, start: datetime, end: datetime) -> tuple[Grid, Told]:
        """Means and quantiles for the half-hours of [start, end)."""
        grid = Grid.of(start, end, ZONES[self.country])
        return grid, self.fitted.tell(grid)

    def expected(self, start: datetime, end: datetime) -> float:
        """Requests in all languages in [start, end), with a part of the half-hours at both ends."""
        grid, found = self.tell(slot_start(start), end)
        share = np.array([max(0.0, (min(end, at + SLOT) - max(start, at)) / SLOT) for at in grid.starts])
        return float((found.total * share).sum())


class Forecasts:
    """Forecasts of all countries."""

    def __init__(self, counts: DemandCounts, holidays: HolidayDays | None = None, fit: Fitting = in_child) -> None:
        self._counts = counts
        self._holidays = holidays
        self._fit = fit

    async def make(self, database: Database, country: str) -> str | None:
        """Fit, score and store; returns the id, or none while fewer than two whole weeks are counted.

        Raises ``fitting.FittingFailedError``.
        """
        system = Actor.system()
        async with database.read(system) as unit:
            data = await self._read(unit, country)
        if data is None:
            return None
        made = await self._fit(data)
        async with database.unit(system) as uow:
            return await self._store(uow, country, made)

    async def latest(self, unit: ReadUnit, country: str) -> Forecast | None:
        """The newest one; none before the first."""
        row = await unit.session.scalar(
            select(DemandForecast)
            .where(DemandForecast.country == country)
            .order_by(DemandForecast.made_at.desc(), DemandForecast.id.desc())
            .limit(1)
        )
        if row is None:
            return None
        return Forecast(country, row.made_at, Model(row.model), _read(row.fitted), tuple(row.scores))

    async def _read(self, unit: ReadUnit, country: str) -> ToFit | None:
        span = await self._counts.span(unit, country)
        if span is None:
            return None
        end = span.counted_until
        start = max(span.counted_from, end - LOOK_BACK)
        if end - start < timedelta(weeks=LEAST_WEEKS):
            return None
        days: set[date] = set()
        if self._holidays is not None:
            zone = ZONES[country]
            days = await self._holidays(unit, country, local_day(start, zone), local_day(end + AHEAD, zone))
        scheduled = await self._counts.scheduled_ahead(unit, country, start=end, end=end + AHEAD)
        rows = await self._counts.read(unit, country, start=start, end=end)
        for row in rows:
            if row.scheduled:
                scheduled[row.starts_at] = scheduled.get(row.starts_at, 0.0) + row.scheduled
        return ToFit(
            zone=ZONES[country],
            start=start,
            end=end,
            rows=[(row.starts_at, row.language, row.arrivals) for row in rows if row.arrivals],
            free=sorted(day.toordinal() for day in days),
            scheduled=sorted(scheduled.items()),
        )

    async def _store(self, uow: UnitOfWork, country: str, made: Made) -> str:
        row = DemandForecast(
            id=new_id("forecast"),
            country=country,
            made_at=uow.now,
            model=Model(made["model"]).value,
            fitted=made["fitted"],
            scores=made["scores"],
        )
        uow.session.add(row)
        await uow.flush()
        kept = (
            select(DemandForecast.id)
            .where(DemandForecast.country == country)
            .order_by(DemandForecast.made_at.desc(), DemandForecast.id.desc())
            .limit(_KEEP)
        )
        ids = list(await uow.session.scalars(kept))
        await uow.session.execute(
            delete(DemandForecast)
            .where(DemandForecast.country == country, DemandForecast.id.not_in(ids))
            .execution_options(synchronize_session=False)
        )
        return row.id


def _read(stored: Mapping[str, Any]) -> Fitted:
    if stored["kind"] == "table":
        return Table(
            start=datetime.fromisoformat(stored["start"]),
            total=tuple(stored["total"]),
            shares=shares_from_json(stored["shares"]),
            total_spread=float(stored["total_spread"]),
            language_spread=float(stored["language_spread"]),
        )
    return SeasonalNaive.from_json(stored) if stored["kind"] == "naive" else Level1.from_json(stored)
