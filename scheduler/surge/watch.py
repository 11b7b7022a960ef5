"""Reads how hard each country is pressed, hands the reading to the states and has the reserve called in: a leased job, soon after news."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from core.access import Actor
from core.clock import Clock
from core.db.session import Database, ReadUnit
from core.jobs import Job, Lease
from scheduler.demand.counts import DemandCounts
from scheduler.demand.forecasts import Forecasts
from scheduler.demand.slots import ZONES
from scheduler.lifecycle import BookingState, Priority
from scheduler.models import Booking
from scheduler.surge.call_in import CallInReserve
from scheduler.surge.rule import WINDOW, Reading
from scheduler.surge.states import SurgeStates

JOB = "surge.watch"
_EVERY = 30.0
_AT_MOST_EVERY = timedelta(seconds=5)
"""News wake the job; more often than this it does not look."""
_WAITING = (BookingState.REQUESTED, BookingState.OFFERING, BookingState.UNFILLED)


class SurgeWatch:
    """Looks at all countries."""

    def __init__(
        self, database: Database, states: SurgeStates, counts: DemandCounts, forecasts: Forecasts, clock: Clock
    ) -> None:
        self._database = database
        self._states = states
        self._counts = counts
        self._forecasts = forecasts
        self._clock = clock
        self._looked_at: datetime | None = None
        self.reserve: CallInReserve | None = None
        """Calls in who is on call while the state asks for it; set where the ring's services are put together."""

    def jobs(self) -> list[Job]:
        """For ``core.jobs.JobRunner``; wake ``surge.watch`` on news."""
        return [Job(JOB, every=_EVERY, run=self._run)]

    async def read(self, unit: ReadUnit, country: str, multiplier: float) -> Reading:
        """What can be seen now: arrivals of two hours against the forecast times ``multiplier``, the longest wait of P1."""
        begin = unit.now - WINDOW
        forecast = await self._forecasts.latest(unit, country)
        urgent = await unit.session.scalar(
            select(func.min(Booking.requested_at)).where(
                Booking.country == country,
                Booking.kind == "now",
                Booking.priority == Priority.P1,
                Booking.state.in_(_WAITING),
            )
        )
        return Reading(
            at=unit.now,
            arrivals=await self._counts.arrived(unit, country, start=begin, end=unit.now),
            expected=0.0 if forecast is None else forecast.expected(begin, unit.now) * multiplier,
            urgent_wait=None if urgent is None else unit.now - urgent,
        )

    async def look(self, country: str, lease: Lease | None = None) -> None:
        """One reading of one country, stored and followed."""
        system = Actor.system()
        async with lease.unit(system) if lease is not None else self._database.unit(system) as uow:
            before = await self._states.current(uow, country)
            now = await self._states.take(uow, country, await self.read(uow, country, before.multiplier))
            if self.reserve is not None:
                await self.reserve.follow(uow, now)

    async def _run(self, lease: Lease) -> None:
        now = self._clock.now()
        if self._looked_at is not None and now - self._looked_at < _AT_MOST_EVERY:
            return
        self._looked_at = now
        for country in ZONES:
            await self.look(country, lease)
