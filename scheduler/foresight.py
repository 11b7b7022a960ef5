"""Demand, cover, surge and what-if put together over one database: what ``signaling.bootstrap`` builds and runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from core.clock import Clock
from core.db.session import Database, ReadUnit
from core.jobs import Job
from scheduler.calendars.availability import Availability
from scheduler.calendars.holidays import holidays_of
from scheduler.demand.counts import DemandCounts
from scheduler.demand.forecasts import Forecasts
from scheduler.demand.jobs import DemandWork
from scheduler.demand.planned import DutySource
from scheduler.demand.service import CoverService
from scheduler.languages import LanguageTable
from scheduler.surge.states import SurgeStates
from scheduler.surge.watch import JOB as WATCH
from scheduler.surge.watch import SurgeWatch
from scheduler.whatif.runs import JOB as PLANS
from scheduler.whatif.runs import PlanRuns

WAKE_ON_NEWS = (WATCH, PLANS)
"""Jobs that look again soon after something was stored."""


@dataclass(frozen=True)
class Foresight:
    """What came, what will come, who is needed, and how hard it presses."""

    counts: DemandCounts
    forecasts: Forecasts
    cover: CoverService
    surge: SurgeStates
    watch: SurgeWatch
    plans: PlanRuns
    work: DemandWork

    @classmethod
    def build(
        cls, database: Database, clock: Clock, table: LanguageTable, *, duties: Sequence[DutySource] = ()
    ) -> Foresight:
        """All services; ``duties`` are asked before the calendars for who is planned (published rosters)."""
        counts = DemandCounts()
        forecasts = Forecasts(counts, days_off)
        surge = SurgeStates()
        return cls(
            counts=counts,
            forecasts=forecasts,
            cover=CoverService(table, forecasts, Availability(), duties),
            surge=surge,
            watch=SurgeWatch(database, surge, counts, forecasts, clock),
            plans=PlanRuns(database),
            work=DemandWork(database, counts, forecasts, clock),
        )

    def jobs(self) -> list[Job]:
        """For ``core.jobs.JobRunner``."""
        return [*self.work.jobs(), *self.watch.jobs(), *self.plans.jobs()]


async def days_off(unit: ReadUnit, country: str, first: date, last: date) -> set[date]:
    """Public holidays as corrected by coordinators."""
    found = await holidays_of(unit, country, range(first.year, last.year + 1))
    return {one.day for one in found if one.state != "removed" and first <= one.day <= last}
