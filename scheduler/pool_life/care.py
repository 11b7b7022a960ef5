"""CareService: how heavy the week of an interpreter is, and the talk that is offered after hard work (S-17)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from sqlalchemy import select

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, NotFound
from records.lifecycle import EndReason
from records.models import Session
from records.procedures import Catalogue
from scheduler.models import Assignment, Booking, Interpreter
from scheduler.pool_life.models import Debrief, SessionRating
from scheduler.pool_life.quality import Side
from scheduler.pool_life.wellbeing import WEEK, Load, Week, Work, week

_DISTRESS = "hard_to_bear"


class WeekView(TypedDict):
    """Seven days of an interpreter."""

    minutes: int
    sessions: int
    distress: int
    exposure: int
    load: str


class TalkView(TypedDict):
    """A talk that was offered."""

    id: str
    interpreter_id: str
    interpreter_code: str
    offered_at: datetime
    cause: str
    wanted: bool | None
    answered_at: datetime | None
    held_at: datetime | None


class CareView(TypedDict):
    """What an interpreter reads about their own week."""

    week: WeekView
    talk: TalkView | None
    """The one that waits for an answer, or that is wanted and not yet held."""


class CareService:
    """Reads the load, offers talks, notes answers. What is said in a talk is nowhere in the product."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def weeks(self, unit: ReadUnit, interpreter_ids: Sequence[str]) -> dict[str, Week]:
        """The last seven days of each interpreter, over both countries."""
        async with unit.across_countries():
            rows = (
                await unit.session.execute(
                    select(
                        Assignment.interpreter_id,
                        Assignment.ended_at,
                        Assignment.active_min,
                        Booking.step_code,
                        Booking.session_id,
                        Session.reason,
                    )
                    .join(Booking, Booking.id == Assignment.booking_id)
                    .outerjoin(Session, Session.id == Booking.session_id)
                    .where(
                        Assignment.interpreter_id.in_(interpreter_ids),
                        Assignment.active_min > 0,
                        Assignment.ended_at > unit.now - WEEK,
                    )
                )
            ).all()
            marks = (
                await unit.session.execute(
                    select(SessionRating.interpreter_id, SessionRating.session_id, SessionRating.codes).where(
                        SessionRating.interpreter_id.in_(interpreter_ids),
                        SessionRating.side == Side.INTERPRETER,
                        SessionRating.at > unit.now - WEEK,
                    )
                )
            ).all()
        hard = {(row.interpreter_id, row.session_id) for row in marks if _DISTRESS in row.codes}
        work: dict[str, list[Work]] = {who: [] for who in interpreter_ids}
        for row in rows:
            stage = self._catalogue.step(row.step_code).stage
            # Ended because of distress is a sign of it for everybody who interpreted, whether or not they say so afterwards (S-17).
            marked = int((row.interpreter_id, row.session_id) in hard or row.reason == EndReason.DISTRESS)
            work[row.interpreter_id].append(Work(row.ended_at, stage, row.active_min, marked))
        return {who: week(done, unit.now) for who, done in work.items()}

    async def offer_talks(self, uow: UnitOfWork) -> int:
        """Offer a talk to everybody who had a hard week and was not asked in it; returns how many. A periodic job calls this."""
        people = (await uow.session.scalars(select(Interpreter.id).where(Interpreter.active.is_(True)))).all()
        asked = set(
            await uow.session.scalars(
                select(Debrief.interpreter_id).where(
                    (Debrief.offered_at > uow.now - WEEK) | Debrief.answered_at.is_(None)
                )
            )
        )
        found = 0
        for who, seen in (await self.weeks(uow, [one for one in people if one not in asked])).items():
            if not seen.offer_talk:
                continue
            cause = "distress" if seen.distress else "load"
            uow.session.add(Debrief(id=new_id("talk"), interpreter_id=who, offered_at=uow.now, cause=cause))
            found += 1
        await uow.flush()
        return found

    async def own(self, unit: ReadUnit, interpreter_id: str) -> CareView:
        """The week of one interpreter and the talk that is open."""
        seen = (await self.weeks(unit, [interpreter_id]))[interpreter_id]
        row = (
            await unit.session.execute(
                select(Debrief, Interpreter.code)
                .join(Interpreter, Interpreter.id == Debrief.interpreter_id)
                .where(
                    Debrief.interpreter_id == interpreter_id,
                    Debrief.held_at.is_(None),
                    Debrief.wanted.is_(None) | Debrief.wanted.is_(True),
                )
                .order_by(Debrief.offered_at.desc())
                .limit(1)
            )
        ).first()
        return CareView(week=week_view(seen), talk=_talk(row[0], row[1]) if row is not None else None)

    async def answer(self, uow: UnitOfWork, talk_id: str, interpreter_id: str, *, wanted: bool) -> None:
        """The interpreter wants the talk or not. Raises ``NotFound('talk_unknown')``, ``Conflict('talk_answered')``."""
        talk = await uow.session.get(Debrief, talk_id, with_for_update=True, populate_existing=True)
        if talk is None or talk.interpreter_id != interpreter_id:
            raise NotFound("talk_unknown")
        if talk.answered_at is not None:
            raise Conflict("talk_answered")
        talk.wanted, talk.answered_at = wanted, uow.now
        await uow.flush()

    async def held(self, uow: UnitOfWork, talk_id: str) -> None:
        """A wanted talk took place. Raises ``NotFound('talk_unknown')``, ``Conflict('talk_not_wanted')``."""
        talk = await uow.session.get(Debrief, talk_id, with_for_update=True, populate_existing=True)
        if talk is None:
            raise NotFound("talk_unknown")
        if not talk.wanted or talk.held_at is not None:
            raise Conflict("talk_not_wanted")
        talk.held_at = uow.now
        await uow.flush()

    async def country_of(self, unit: ReadUnit, talk_id: str) -> str:
        """The base country of the interpreter to whom a talk was offered. Raises ``NotFound('talk_unknown')``."""
        found: str | None = await unit.session.scalar(
            select(Interpreter.base_country)
            .join(Debrief, Debrief.interpreter_id == Interpreter.id)
            .where(Debrief.id == talk_id)
        )
        if found is None:
            raise NotFound("talk_unknown")
        return found

    async def waiting(self, unit: ReadUnit) -> list[TalkView]:
        """Talks that are wanted and not yet held, the oldest first."""
        rows = await unit.session.execute(
            select(Debrief, Interpreter.code)
            .join(Interpreter, Interpreter.id == Debrief.interpreter_id)
            .where(Debrief.wanted.is_(True), Debrief.held_at.is_(None))
            .order_by(Debrief.answered_at)
        )
        return [_talk(talk, code) for talk, code in rows]


def week_view(seen: Week) -> WeekView:
    """The week as it is shown."""
    return WeekView(
        minutes=seen.minutes,
        sessions=seen.sessions,
        distress=seen.distress,
        exposure=seen.exposure,
        load=Load(seen.load).value,
    )


def _talk(talk: Debrief, code: str) -> TalkView:
    return TalkView(
        id=talk.id,
        interpreter_id=talk.interpreter_id,
        interpreter_code=code,
        offered_at=talk.offered_at,
        cause=talk.cause,
        wanted=talk.wanted,
        answered_at=talk.answered_at,
        held_at=talk.held_at,
    )
