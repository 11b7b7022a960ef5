"""DrawService: once a week, when it is over, talks are drawn for review. The draw is kept with its seed; nobody can repeat it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypedDict

from sqlalchemy import select

from core.access import Country
from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict
from records.audit import AuditTrail
from records.procedures import Catalogue
from scheduler.calendars.localtime import day_start, local_day
from scheduler.models import Assignment, Booking, Interpreter
from scheduler.pool_life.models import ReviewDraw
from scheduler.pool_life.quality import ReviewCause
from scheduler.pool_life.reviews import ReviewService
from scheduler.pool_life.sampling import Talk, by_language, drawn, frame_hash, sample_rates
from scheduler.times import ZONES

_SHOWN = 6
_WEEK = timedelta(days=7)


class PickView(TypedDict):
    """One talk that was drawn: whose work, in which language and at which stage. Never which case."""

    interpreter_id: str
    interpreter_code: str
    language: str
    stage: str
    review_id: str | None
    """None: a review of this person was asked for already, and covers it."""


class DrawView(TypedDict):
    """One draw with everything that is needed to draw again."""

    week: date
    """Its Monday."""
    drawn_at: datetime
    drawn_by: str
    seed: str
    frame_hash: str
    talks: dict[str, int]
    """From how many it was drawn, by language."""
    rates: dict[str, int]
    """Percent, by the same languages."""
    picks: list[PickView]


def fresh_seed() -> str:
    """Made by the machine's own randomness, after the week is over: nobody can know it before."""
    return secrets.token_hex(16)


class DrawService:
    """Draws, and shows what was drawn."""

    def __init__(self, catalogue: Catalogue, reviews: ReviewService, *, seed: Callable[[], str] = fresh_seed) -> None:
        self._catalogue, self._reviews, self._seed = catalogue, reviews, seed
        self._audit = AuditTrail()

    async def draw_due(self, uow: UnitOfWork) -> int:
        """Draw from the last whole week of each country that was not drawn from yet; returns how many talks. A timed job calls this."""
        count = 0
        for country in Country:
            today = local_day(uow.now, ZONES[country.value])
            week = today - timedelta(days=today.weekday()) - _WEEK
            known = select(ReviewDraw.id).where(ReviewDraw.country == country.value, ReviewDraw.week == week)
            if await uow.session.scalar(known) is None:
                count += await self._draw(uow, country.value, week)
        return count

    async def _draw(self, uow: UnitOfWork, country: str, week: date) -> int:
        talks = await self.talks(uow, country, week)
        rates, seed = sample_rates()[country], self._seed()
        chosen = drawn(talks, rates, seed)
        picks: list[dict[str, Any]] = []
        for talk in chosen:
            try:
                review = await self._reviews.ask(
                    uow, talk.interpreter_id, country=country, method="mock", cause=ReviewCause.SAMPLE
                )
            except Conflict:
                review = None
            picks.append(
                {
                    "talk": talk.id,
                    "interpreter_id": talk.interpreter_id,
                    "language": talk.language,
                    "stage": talk.stage.value,
                    "review_id": review,
                }
            )
        counted = by_language(talks)
        row = ReviewDraw(
            id=new_id("draw"),
            country=country,
            week=week,
            drawn_at=uow.now,
            drawn_by=uow.actor.code or uow.actor.id,
            seed=seed,
            frame_hash=frame_hash(talks),
            talks=counted,
            rates={language: rates.of(language) for language in counted},
            picks=picks,
        )
        uow.session.add(row)
        self._audit.record(
            uow,
            "review.drawn",
            row.id,
            country=country,
            purpose="quality",
            data={
                "week": week.isoformat(),
                "seed": seed,
                "frame": row.frame_hash,
                "drawn": [one["talk"] for one in picks],
            },
        )
        await uow.flush()
        return len(picks)

    async def talks(self, unit: ReadUnit, country: str, week: date) -> list[Talk]:
        """Every interpreter's part in every talk of a country that ended in the week; group briefings are not interpreting of a person."""
        zone = ZONES[country]
        rows = await unit.session.execute(
            select(Assignment.id, Assignment.interpreter_id, Booking.language, Booking.step_code)
            .join(Booking, Booking.id == Assignment.booking_id)
            .where(
                Booking.country == country,
                Booking.briefing_id.is_(None),
                Assignment.active_min > 0,
                Assignment.ended_at >= day_start(week, zone),
                Assignment.ended_at < day_start(week + _WEEK, zone),
            )
        )
        return [
            Talk(row.id, row.interpreter_id, row.language, self._catalogue.step(row.step_code).stage) for row in rows
        ]

    async def list(self, unit: ReadUnit) -> Sequence[DrawView]:
        """The latest draws of the reader's countries."""
        rows = (
            await unit.session.scalars(
                select(ReviewDraw).order_by(ReviewDraw.week.desc(), ReviewDraw.country).limit(_SHOWN)
            )
        ).all()
        ids = {pick["interpreter_id"] for row in rows for pick in row.picks}
        named = await unit.session.execute(
            select(Interpreter.id, Interpreter.code).where(Interpreter.id.in_(sorted(ids)))
        )
        codes = {row.id: row.code for row in named}
        return [
            DrawView(
                week=row.week,
                drawn_at=row.drawn_at,
                drawn_by=row.drawn_by,
                seed=row.seed,
                frame_hash=row.frame_hash,
                talks=dict(row.talks),
                rates=dict(row.rates),
                picks=[
                    PickView(
                        interpreter_id=pick["interpreter_id"],
                        interpreter_code=codes.get(pick["interpreter_id"], ""),
                        language=pick["language"],
                        stage=pick["stage"],
                        review_id=pick["review_id"],
                    )
                    for pick in row.picks
                ],
            )
            for row in rows
        ]
