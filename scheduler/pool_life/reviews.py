"""ReviewService: who is due for a second linguist's look, asking for one, and its result with the error typology."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict

from sqlalchemy import func, select

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid, NotFound
from records.models import Session
from scheduler.models import Assignment, Interpreter
from scheduler.pool_life.models import QualityReview, SessionRating
from scheduler.pool_life.quality import Answer, FoundError, ReviewCause, ReviewFacts, Side, review_due, review_result
from scheduler.pool_life.ratings import RatingService
from scheduler.pool_life.served import interpreters_of_session

DONE_WITHIN = timedelta(days=14)
METHODS = ("observed", "mock")
_NO_OBSERVER = "ASY-50"
"""The asylum interview has no observer (S-19)."""


class ReviewView(TypedDict):
    """A review that was asked for or is done."""

    id: str
    interpreter_id: str
    interpreter_code: str
    country: str
    session_id: str | None
    cause: str | None
    method: str
    asked_at: datetime
    due_at: datetime
    done_at: datetime | None
    reviewer_code: str | None
    minutes: int | None
    errors: list[dict[str, Any]]
    points: float | None
    answer: str | None
    repeat: bool | None
    read_at: datetime | None


class DueView(TypedDict):
    """Somebody whose work should be looked at."""

    interpreter_id: str
    interpreter_code: str
    cause: str
    last_review_at: datetime | None


class ReviewService:
    """Sampled review of interpreting. There are no recordings to listen to: a review is an announced observation or a mock
    interview, and says which."""

    def __init__(self, ratings: RatingService) -> None:
        self._ratings = ratings

    async def ask(
        self,
        uow: UnitOfWork,
        interpreter_id: str,
        *,
        country: str,
        method: str,
        cause: ReviewCause | None = None,
        session_id: str | None = None,
    ) -> str:
        """Ask for a review within fourteen days; returns its id. One open review at a time for an interpreter and country.

        Raises ``Invalid('value_unknown')``, ``NotFound``, ``Conflict('review_open')``, ``Conflict('observer_not_allowed')``
        for the asylum interview (S-19)."""
        if method not in METHODS or (session_id is not None and method != "observed"):
            raise Invalid("value_unknown", {"field": "method"})
        person = await uow.session.get(Interpreter, interpreter_id, with_for_update=True)
        if person is None:
            raise NotFound("interpreter_unknown")
        if session_id is not None:
            session = await uow.session.get(Session, session_id)
            if session is None or interpreter_id not in await interpreters_of_session(uow, session_id):
                raise NotFound("session_unknown")
            if session.step_code.endswith(_NO_OBSERVER):
                raise Conflict("observer_not_allowed")
        running = await uow.session.scalar(
            select(QualityReview.id).where(
                QualityReview.interpreter_id == interpreter_id, QualityReview.done_at.is_(None)
            )
        )
        if running is not None:
            raise Conflict("review_open")
        review = QualityReview(
            id=new_id("review"),
            country=country,
            interpreter_id=interpreter_id,
            session_id=session_id,
            cause=cause,
            method=method,
            asked_at=uow.now,
            due_at=uow.now + DONE_WITHIN,
            errors=[],
        )
        uow.session.add(review)
        await uow.flush()
        return review.id

    async def finish(
        self, uow: UnitOfWork, review_id: str, *, minutes: int, errors: Sequence[FoundError]
    ) -> ReviewView:
        """Put in the result. Raises ``NotFound('review_unknown')``, ``Conflict('review_done')``, ``Invalid('value_unknown')``."""
        review = await uow.session.get(QualityReview, review_id, with_for_update=True, populate_existing=True)
        if review is None:
            raise NotFound("review_unknown")
        if review.done_at is not None:
            raise Conflict("review_done")
        if not 1 <= minutes <= 480 or any(not 1 <= error.count <= 999 for error in errors):
            raise Invalid("value_unknown", {"field": "minutes"})
        result = review_result(errors, minutes)
        review.done_at, review.reviewer_code, review.minutes = uow.now, uow.actor.code, minutes
        review.errors = [
            {"kind": error.kind.value, "severity": error.severity.value, "count": error.count} for error in errors
        ]
        review.points_tenths, review.answer, review.repeat = (
            round(result.points_per_10_min * 10),
            result.answer,
            result.repeat,
        )
        await uow.flush()
        await self._ratings.refresh(uow, review.interpreter_id)
        code = await uow.session.scalar(select(Interpreter.code).where(Interpreter.id == review.interpreter_id))
        return _view(review, code or "")

    async def read(self, uow: UnitOfWork, review_id: str, interpreter_id: str) -> None:
        """The interpreter has read the result. Raises ``NotFound('review_unknown')`` for somebody else's."""
        review = await uow.session.get(QualityReview, review_id)
        if review is None or review.interpreter_id != interpreter_id or review.done_at is None:
            raise NotFound("review_unknown")
        review.read_at = review.read_at or uow.now
        await uow.flush()

    async def list(
        self, unit: ReadUnit, *, interpreter_id: str | None = None, open_only: bool = False, limit: int = 100
    ) -> Sequence[ReviewView]:
        """All reviews that wait, the most urgent first, then the newest that are done, ``limit`` of them."""
        wanted = select(QualityReview, Interpreter.code).join(
            Interpreter, Interpreter.id == QualityReview.interpreter_id
        )
        if interpreter_id is not None:
            wanted = wanted.where(QualityReview.interpreter_id == interpreter_id)
        waiting = wanted.where(QualityReview.done_at.is_(None)).order_by(QualityReview.due_at, QualityReview.id)
        rows = list(await unit.session.execute(waiting))
        if not open_only:
            done = wanted.where(QualityReview.done_at.is_not(None)).order_by(QualityReview.done_at.desc())
            rows += await unit.session.execute(done.limit(limit))
        return [_view(review, code) for review, code in rows]

    async def due(self, unit: ReadUnit) -> Sequence[DueView]:
        """Active interpreters whose work should be looked at and for whom no review is open."""
        people = (
            await unit.session.execute(
                select(Interpreter.id, Interpreter.code, Interpreter.level, Interpreter.joined_pool_at).where(
                    Interpreter.active.is_(True), Interpreter.level != "L0"
                )
            )
        ).all()
        async with unit.across_countries():
            reviews = (
                await unit.session.execute(
                    select(
                        QualityReview.interpreter_id,
                        func.max(QualityReview.done_at).label("last"),
                        func.coalesce(func.sum(QualityReview.minutes), 0).label("minutes"),
                        func.count().filter(QualityReview.done_at.is_(None)).label("open"),
                    ).group_by(QualityReview.interpreter_id)
                )
            ).all()
            work = (
                await unit.session.execute(
                    select(Assignment.interpreter_id, Assignment.ended_at, Assignment.active_min).where(
                        Assignment.active_min > 0, Assignment.ended_at > unit.now - timedelta(days=365)
                    )
                )
            ).all()
            unhappy = (
                await unit.session.execute(
                    select(SessionRating.interpreter_id, func.count().label("poor"))
                    .where(
                        SessionRating.answer == Answer.POOR,
                        SessionRating.side != Side.INTERPRETER,
                        SessionRating.at > unit.now - timedelta(days=30),
                    )
                    .group_by(SessionRating.interpreter_id)
                )
            ).all()
        known = {row.interpreter_id: row for row in reviews}
        poor = {row.interpreter_id: int(row.poor) for row in unhappy}
        found: list[DueView] = []
        for person in people:
            row = known.get(person.id)
            if row is not None and row.open:
                continue
            last: datetime | None = row.last if row is not None else None
            since = last or person.joined_pool_at
            minutes = sum(
                line.active_min for line in work if line.interpreter_id == person.id and line.ended_at > since
            )
            facts = ReviewFacts(
                level=person.level,
                joined_at=person.joined_pool_at,
                last_review_at=last,
                reviewed_minutes=int(row.minutes) if row is not None else 0,
                minutes_since_review=minutes,
                poor_last_30_days=poor.get(person.id, 0),
            )
            cause = review_due(facts, unit.now)
            if cause is not None:
                found.append(
                    DueView(
                        interpreter_id=person.id,
                        interpreter_code=person.code,
                        cause=cause.value,
                        last_review_at=last,
                    )
                )
        return found


def _view(review: QualityReview, code: str) -> ReviewView:
    return ReviewView(
        id=review.id,
        interpreter_id=review.interpreter_id,
        interpreter_code=code,
        country=review.country,
        session_id=review.session_id,
        cause=review.cause.value if review.cause else None,
        method=review.method,
        asked_at=review.asked_at,
        due_at=review.due_at,
        done_at=review.done_at,
        reviewer_code=review.reviewer_code,
        minutes=review.minutes,
        errors=[dict(error) for error in review.errors],
        points=review.points_tenths / 10 if review.points_tenths is not None else None,
        answer=review.answer.value if review.answer else None,
        repeat=review.repeat,
        read_at=review.read_at,
    )
