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
from scheduler.pool_life.served import Served, served, the_one

OPEN_FOR = timedelta(days=7)
"""After this time nobody remembers a session well enough to rate it."""


class OwnQuality(TypedDict):
    """What an interpreter may read about their own number: where it comes from, never who said what."""

    points: int
    officers: int
    people: int
    reviews: int


class Given(TypedDict):
    """Who of those who interpreted a session was rated by which sides."""

    code: str
    sides: list[str]


class RatingService:
    """Takes ratings and keeps the number."""

    async def rate(
        self,
        uow: UnitOfWork,
        session_id: str,
        side: Side,
        answer: Answer,
        codes: Sequence[str] = (),
        *,
        interpreter_id: str | None = None,
        code: str | None = None,
    ) -> None:
        """Note an answer of one side. The caller has checked that the actor is that side of the session.

        Of several who interpreted, officers name the one whom they mean (``code``), interpreters answer for themselves
        (``interpreter_id``); the person's face is for all who spoke with the person.
        Raises ``NotFound('session_unknown')``, ``Conflict('session_running' | 'rating_closed' | 'already_rated')``,
        ``Invalid('value_unknown')`` for a code that is not in the closed list of the side, ``Invalid('interpreter_needed')``."""
        session = await uow.session.get(Session, session_id)
        if session is None:
            raise NotFound("session_unknown")
        if session.state not in (SessionState.ENDED, SessionState.SEALED) or session.ended_at is None:
            raise Conflict("session_running")
        if uow.now - session.ended_at > OPEN_FOR:
            raise Conflict("rating_closed")
        if any(code not in CODES[side] for code in codes):
            raise Invalid("value_unknown", {"field": "codes"})
        people = await served(uow, session_id)
        for one in _meant(people, side, interpreter_id, code):
            uow.session.add(
                SessionRating(
                    id=new_id("rating"),
                    country=session.country,
                    session_id=session_id,
                    interpreter_id=one.interpreter_id,
                    side=side,
                    answer=answer,
                    codes=sorted(set(codes)),
                    at=uow.now,
                )
            )
            await uow.flush()
            await self.refresh(uow, one.interpreter_id)

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

    async def given(self, unit: ReadUnit, session_id: str, *, interpreter_id: str | None = None) -> list[Given]:
        """Which sides have rated whom in a session, in the order in which they came; for an interpreter the own row only."""
        people = await served(unit, session_id)
        rows = await unit.session.execute(
            select(SessionRating.interpreter_id, SessionRating.side).where(SessionRating.session_id == session_id)
        )
        said = [(row.interpreter_id, row.side.value) for row in rows]
        return [
            Given(code=one.code, sides=sorted(side for who, side in said if who == one.interpreter_id))
            for one in people
            if interpreter_id in (None, one.interpreter_id)
        ]

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


def _meant(people: Sequence[Served], side: Side, interpreter_id: str | None, code: str | None) -> Sequence[Served]:
    """Whom an answer is about."""
    if side is not Side.PERSON:
        return [the_one(people, interpreter_id=interpreter_id, code=code)]
    spoke = [one for one in people if one.with_person]
    if not spoke:
        raise NotFound("session_unknown")
    return spoke
