"""Puts the services of plans together."""

from __future__ import annotations

from dataclasses import dataclass

from core.jobs import Job
from records.procedures import Catalogue
from scheduler.assignments import Assignments
from scheduler.bookings import BookingService
from scheduler.closing import Closing
from scheduler.languages import LanguageTable
from scheduler.plans.approval import Approval
from scheduler.plans.choosing import Choosing
from scheduler.plans.repairs import Repairs
from scheduler.plans.runs import PlanRuns
from scheduler.plans.service import PlanService
from scheduler.plans.source import Source
from scheduler.plans.views import PlanViews
from scheduler.rounds import Rounds


@dataclass(frozen=True)
class Plans:
    """Everything about plans."""

    service: PlanService
    runs: PlanRuns
    approval: Approval
    repairs: Repairs
    choosing: Choosing
    views: PlanViews

    @classmethod
    def build(
        cls,
        catalogue: Catalogue,
        table: LanguageTable,
        bookings: BookingService,
        assignments: Assignments,
        rounds: Rounds,
        closing: Closing,
    ) -> Plans:
        """All services over those that bind."""
        source, service = Source(catalogue, table), PlanService()
        return cls(
            service=service,
            runs=PlanRuns(source, service),
            approval=Approval(service, bookings, assignments, rounds, closing),
            repairs=Repairs(source, service),
            choosing=Choosing(service, source, assignments),
            views=PlanViews(service),
        )

    def jobs(self) -> list[Job]:
        """Timed work."""
        return self.runs.jobs()
