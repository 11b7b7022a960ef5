"""Puts the services of pool life together, and names what has to be done from time to time."""

from __future__ import annotations

from dataclasses import dataclass

from core.access import Actor
from core.jobs import Job, Lease
from records.procedures import Catalogue
from scheduler.pool import PoolService
from scheduler.pool_life.care import CareService
from scheduler.pool_life.complaints import ComplaintService
from scheduler.pool_life.draws import DrawService
from scheduler.pool_life.duty import collect_duty
from scheduler.pool_life.members import MemberService
from scheduler.pool_life.papers import PaperViews
from scheduler.pool_life.ratings import RatingService
from scheduler.pool_life.reviews import ReviewService
from scheduler.pool_life.timesheets import TimesheetService


@dataclass(frozen=True)
class PoolLife:
    """From the application to the money."""

    members: MemberService
    papers: PaperViews
    ratings: RatingService
    reviews: ReviewService
    draws: DrawService
    complaints: ComplaintService
    care: CareService
    timesheets: TimesheetService

    @classmethod
    def build(cls, catalogue: Catalogue, pool: PoolService) -> PoolLife:
        """All of them over one pool."""
        members, ratings = MemberService(pool), RatingService()
        reviews = ReviewService(ratings)
        complaints = ComplaintService(members, reviews)
        return cls(
            members,
            PaperViews(members),
            ratings,
            reviews,
            DrawService(catalogue, reviews),
            complaints,
            CareService(catalogue),
            TimesheetService(),
        )

    def jobs(self) -> list[Job]:
        """Lines for finished work within a minute, for on-call time within five; talks are offered and reviews drawn within the hour."""

        async def collect(lease: Lease) -> None:
            async with lease.unit(Actor.system()) as uow:
                await self.timesheets.collect(uow)

        async def collect_on_call(lease: Lease) -> None:
            async with lease.unit(Actor.system()) as uow:
                await collect_duty(uow)

        async def offer_talks(lease: Lease) -> None:
            async with lease.unit(Actor.system()) as uow:
                await self.care.offer_talks(uow)

        async def draw(lease: Lease) -> None:
            async with lease.unit(Actor.system()) as uow:
                await self.draws.draw_due(uow)

        return [
            Job("pool.timesheets", every=60, run=collect),
            Job("pool.duty", every=300, run=collect_on_call),
            Job("pool.talks", every=3600, run=offer_talks),
            Job("pool.draw", every=3600, run=draw),
        ]
