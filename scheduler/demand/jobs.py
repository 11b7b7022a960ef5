"""The periodic work of demand: counting what came, and a new forecast in the small hours of each country."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from core.access import Actor
from core.clock import Clock
from core.db.session import Database
from core.jobs import Job, Lease
from scheduler.demand.counts import DemandCounts
from scheduler.demand.forecasts import Forecasts
from scheduler.demand.slots import ZONES

_AT_HOUR = 2
"""Local hour from which the night's forecast is made."""
_STALE = timedelta(hours=26)


class DemandWork:
    """Counts and forecasts for all countries."""

    def __init__(self, database: Database, counts: DemandCounts, forecasts: Forecasts, clock: Clock) -> None:
        self._database = database
        self._counts = counts
        self._forecasts = forecasts
        self._clock = clock

    def jobs(self) -> list[Job]:
        """For ``core.jobs.JobRunner``."""
        return [Job("demand.count", every=60, run=self._count), Job("demand.forecast", every=600, run=self._forecast)]

    async def _count(self, lease: Lease) -> None:
        for country in ZONES:
            while True:
                async with lease.unit(Actor.system()) as uow:
                    if not await self._counts.count(uow, country):
                        break

    async def _forecast(self, _: Lease) -> None:
        for country in ZONES:
            if await self._is_due(country):
                await self._forecasts.make(self._database, country)

    async def _is_due(self, country: str) -> bool:
        """At once where there is none, then each night; two processes that make one do no harm."""
        now = self._clock.now()
        async with self._database.read(Actor.system()) as unit:
            latest = await self._forecasts.latest(unit, country)
        if latest is None or now - latest.made_at > _STALE:
            return True
        zone = ZoneInfo(ZONES[country])
        today = now.astimezone(zone)
        return today.hour >= _AT_HOUR and latest.made_at.astimezone(zone).date() < today.date()
