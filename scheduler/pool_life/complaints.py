"""ComplaintService: receives complaints about interpreting, keeps their deadline, and carries out what follows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from sqlalchemy import select

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid, NotFound
from records.models import Case, Session
from scheduler.models import CaseBar, Interpreter
from scheduler.pool_life.grievance import (
    COMPLAINT,
    DECIDE_WITHIN,
    ComplaintMove,
    ComplaintState,
    Ground,
    Measure,
    Source,
    deadline,
)
from scheduler.pool_life.members import MemberService
from scheduler.pool_life.membership import MemberMove, MemberStage
from scheduler.pool_life.models import Complaint
from scheduler.pool_life.quality import ReviewCause
from scheduler.pool_life.reviews import ReviewService
from scheduler.pool_life.served import served, the_one

_OPEN = (ComplaintState.RECEIVED, ComplaintState.EXAMINED)


class ComplaintView(TypedDict):
    """A complaint for coordinators; the officer sees their own without the interpreter's code."""

    id: str
    country: str
    session_id: str
    case_ref: str
    step_code: str
    interpreter_id: str
    interpreter_code: str
    source: str
    ground: str
    state: str
    moves: list[str]
    received_at: datetime
    decide_by: datetime
    deadline: str
    """in_time, soon, over; for those that are decided: decided."""
    decided_at: datetime | None
    measures: list[str]


class Advice(TypedDict):
    """An interview that should be held again with another interpreter."""

    session_id: str
    step_code: str
    decided_at: datetime


class ComplaintService:
    """Who may bring and decide a complaint is policy."""

    def __init__(self, members: MemberService, reviews: ReviewService) -> None:
        self._members = members
        self._reviews = reviews

    async def file(
        self,
        uow: UnitOfWork,
        session_id: str,
        *,
        source: Source,
        ground: Ground,
        interpreter_id: str | None = None,
        code: str | None = None,
    ) -> str:
        """Receive a complaint about one of those who interpreted (``interpreter_id`` or ``code``, where there were several); returns
        its id. That person does not serve this case any more from now on (M-6), unless the complaint is about the conditions.

        Raises ``NotFound('session_unknown')``, ``Invalid('interpreter_needed')``, ``Conflict``: ``complaint_open`` while one of the
        same side about the same person and session runs, ``briefing_has_no_case``."""
        session = await uow.session.get(Session, session_id, with_for_update=True)
        if session is None:
            raise NotFound("session_unknown")
        about = await self._about(uow, session, interpreter_id, code)
        if session.case_id is None:
            raise Conflict("briefing_has_no_case")
        running = await uow.session.scalar(
            select(Complaint.id).where(
                Complaint.session_id == session_id,
                Complaint.interpreter_id == about,
                Complaint.source == source,
                Complaint.state.in_(_OPEN),
            )
        )
        if running is not None:
            raise Conflict("complaint_open")
        complaint = Complaint(
            id=new_id("complaint"),
            country=session.country,
            session_id=session_id,
            case_id=session.case_id,
            interpreter_id=about,
            source=source,
            ground=ground,
            state=ComplaintState.RECEIVED,
            received_at=uow.now,
            decide_by=uow.now + DECIDE_WITHIN,
            measures=[],
            filed_by=uow.actor.id,
        )
        uow.session.add(complaint)
        if ground is not Ground.CONDITIONS:
            await self._bar(uow, session, about)
        await uow.flush()
        return complaint.id

    async def move(
        self, uow: UnitOfWork, complaint_id: str, move: ComplaintMove, measures: Sequence[Measure] = ()
    ) -> None:
        """Examine, decide or withdraw. An upheld complaint needs at least one measure, other moves have none.

        Raises ``NotFound('complaint_unknown')``, ``Conflict('move_not_allowed')``, ``Invalid('measure_needed')``."""
        complaint = await uow.session.get(Complaint, complaint_id, with_for_update=True, populate_existing=True)
        if complaint is None:
            raise NotFound("complaint_unknown")
        if (move is ComplaintMove.UPHOLD) != bool(measures):
            raise Invalid("measure_needed")
        complaint.state = COMPLAINT.advance(complaint.state, move)
        if complaint.state not in _OPEN:
            complaint.decided_at, complaint.decided_by = uow.now, uow.actor.id
        complaint.measures = sorted({measure.value for measure in measures})
        await uow.flush()
        await self._carry_out(uow, complaint)

    async def country_of(self, unit: ReadUnit, complaint_id: str) -> str:
        """Whose complaint it is. Raises ``NotFound('complaint_unknown')``."""
        found: str | None = await unit.session.scalar(select(Complaint.country).where(Complaint.id == complaint_id))
        if found is None:
            raise NotFound("complaint_unknown")
        return found

    async def case_of(self, unit: ReadUnit, complaint_id: str) -> str:
        """In which case it was made. Raises ``NotFound('complaint_unknown')``."""
        found: str | None = await unit.session.scalar(select(Complaint.case_id).where(Complaint.id == complaint_id))
        if found is None:
            raise NotFound("complaint_unknown")
        return found

    async def list(
        self, unit: ReadUnit, *, interpreter_id: str | None = None, open_only: bool = False, limit: int = 100
    ) -> Sequence[ComplaintView]:
        """Complaints of the actor's countries: all that run, by deadline, then the newest that are decided, ``limit`` of them."""
        wanted = (
            select(Complaint, Interpreter.code, Case.case_ref, Session.step_code)
            .join(Interpreter, Interpreter.id == Complaint.interpreter_id)
            .join(Case, Case.id == Complaint.case_id)
            .join(Session, Session.id == Complaint.session_id)
        )
        if interpreter_id is not None:
            wanted = wanted.where(Complaint.interpreter_id == interpreter_id)
        running = wanted.where(Complaint.state.in_(_OPEN)).order_by(Complaint.decide_by, Complaint.id)
        rows = list(await unit.session.execute(running))
        if not open_only:
            decided = wanted.where(Complaint.state.not_in(_OPEN)).order_by(Complaint.decided_at.desc())
            rows += await unit.session.execute(decided.limit(limit))
        return [
            ComplaintView(
                id=row.id,
                country=row.country,
                session_id=row.session_id,
                case_ref=case_ref,
                step_code=step_code,
                interpreter_id=row.interpreter_id,
                interpreter_code=code,
                source=row.source.value,
                ground=row.ground.value,
                state=row.state.value,
                moves=sorted(move.value for move in COMPLAINT.moves_from(row.state)),
                received_at=row.received_at,
                decide_by=row.decide_by,
                deadline=deadline(row.decide_by, unit.now).value if row.state in _OPEN else "decided",
                decided_at=row.decided_at,
                measures=list(row.measures),
            )
            for row, code, case_ref, step_code in rows
        ]

    async def advice(self, unit: ReadUnit, case_id: str) -> Sequence[Advice]:
        """Interviews of a case that should be held again, after an upheld complaint; shown on the case page."""
        rows = await unit.session.execute(
            select(Complaint.session_id, Complaint.decided_at, Complaint.measures, Session.step_code)
            .join(Session, Session.id == Complaint.session_id)
            .where(Complaint.case_id == case_id, Complaint.state == ComplaintState.UPHELD)
            .order_by(Complaint.decided_at)
        )
        return [
            Advice(session_id=row.session_id, step_code=row.step_code, decided_at=row.decided_at)
            for row in rows
            if Measure.REINTERVIEW.value in row.measures
        ]

    async def _about(self, uow: UnitOfWork, session: Session, interpreter_id: str | None, code: str | None) -> str:
        """Whom the complaint is about; where nobody came, whoever had agreed to."""
        people = await served(uow, session.id)
        if not people and session.interpreter_id is not None and interpreter_id in (None, session.interpreter_id):
            return session.interpreter_id
        return the_one(people, interpreter_id=interpreter_id, code=code).interpreter_id

    async def _bar(self, uow: UnitOfWork, session: Session, interpreter_id: str) -> None:
        if await uow.session.get(CaseBar, (session.case_id, interpreter_id)) is None:
            uow.session.add(
                CaseBar(
                    country=session.country,
                    case_id=session.case_id,
                    interpreter_id=interpreter_id,
                    code="complaint",
                    at=uow.now,
                )
            )

    async def _carry_out(self, uow: UnitOfWork, complaint: Complaint) -> None:
        if Measure.SUSPENSION.value in complaint.measures:
            view = await self._members.view(uow, complaint.interpreter_id)
            if view["stage"] == MemberStage.ACTIVE.value:
                await self._members.move(uow, complaint.interpreter_id, MemberMove.SUSPEND, "complaint")
        if Measure.REVIEW.value in complaint.measures:
            open_reviews = await self._reviews.list(uow, interpreter_id=complaint.interpreter_id, open_only=True)
            if not open_reviews:
                await self._reviews.ask(
                    uow,
                    complaint.interpreter_id,
                    country=complaint.country,
                    method="mock",
                    cause=ReviewCause.ANSWERS,
                )
