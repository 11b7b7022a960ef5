"""RatingService: what officer, interpreter and person said after a session, and the number that the matcher reads (M-8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TypedDict

from sqlalchemy import select, update

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid, NotFound
from records.lifecycle import SessionState
from records.models import Session
from scheduler.models import Interpreter
from scheduler.pool_life.models import QualityReview, SessionRating
from scheduler.pool_life.quality import CODES, WINDOW, Answer, Quality, Said, Side, quality

OPEN_FOR = timedelta(days=7)
"""After this time nobody remembers a session well enough to rate it."""


class OwnQuality(TypedDict):
    """What an interpreter may read about their own number: where it comes from, never who said what."""

    points: int
    officers: int
    people: int
    reviews: int


class RatingService:
    """Takes ratings and keeps the number."""

    async def rate(
        self, uow: UnitOfWork, session_id: str, side: Side, answer: Answer, codes: Sequence[str] = ()
    ) -> None:
        """Note an answer of one side. The caller has checked that the actor is that side of the session.

        Raises ``NotFound('session_unknown')``, ``Conflict('session_running' | 'rating_closed' | 'already_rated')``,
        ``Invalid('value_unknown')`` for a code that is not in the closed list of the side."""
        session = await uow.session.get(Session, session_id)
        if session is None or session.interpreter_id is None:
            raise NotFound("session_unknown")
        if session.state not in (SessionState.ENDED, SessionState.SEALED) or session.ended_at is None:
            raise Conflict("session_running")
        if uow.now - session.ended_at > OPEN_FOR:
            raise Conflict("rating_closed")
        if any(code not in CODES[side] for code in codes):
            raise Invalid("value_unknown", {"field": "codes"})
        uow.session.add(
            SessionRating(
                id=new_id("rating"),
                country=session.country,
                session_id=session_id,
                interpreter_id=session.interpreter_id,
                side=side,
                answer=answer,
                codes=sorted(set(codes)),
                at=uow.now,
            )
        )
        await uow.flush()
        await self.refresh(uow, session.interpreter_id)

    async def refresh(self, uow: UnitOfWork, interpreter_id: str) -> Quality:
        """Compute the number again from a year of ratings and reviews, and put it where the matcher reads it."""
        found = quality(await self.said(uow, interpreter_id), uow.now)
        await uow.session.execute(
            update(Interpreter)
            .where(Interpreter.id == interpreter_id)
            .values(quality=found.points)
            .execution_options(synchronize_session=False)
        )
        return found

    async def own(self, unit: ReadUnit, interpreter_id: str) -> OwnQuality:
        """The number and how many answers it rests on."""
        found = quality(await self.said(unit, interpreter_id), unit.now)
        return OwnQuality(points=found.points, officers=found.officers, people=found.people, reviews=found.reviews)

    async def given(self, unit: ReadUnit, session_id: str) -> set[str]:
        """Which sides have rated a session."""
        rows = await unit.session.scalars(select(SessionRating.side).where(SessionRating.session_id == session_id))
        return {side.value for side in rows}

    async def said(self, unit: ReadUnit, interpreter_id: str) -> list[Said]:
        """What was said about an interpreter in both countries within a year: answers, sides and times only."""
        start = unit.now - WINDOW
        async with unit.across_countries():
            ratings = (
                await unit.session.execute(
                    select(SessionRating.answer, SessionRating.side, SessionRating.at).where(
                        SessionRating.interpreter_id == interpreter_id, SessionRating.at > start
                    )
                )
            ).all()
            reviews = (
                await unit.session.execute(
                    select(QualityReview.answer, QualityReview.done_at).where(
                        QualityReview.interpreter_id == interpreter_id, QualityReview.done_at > start
                    )
                )
            ).all()
        return [Said(row.answer, row.side, row.at) for row in ratings] + [
            Said(row.answer, None, row.done_at) for row in reviews if row.answer is not None
        ]
