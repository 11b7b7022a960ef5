"""The rows of a session: making, locking, moving them, its places, and telling about it. Used by the session log alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import NotFound
from records.chain import GENESIS
from records.events import SESSION_CHANGED
from records.lifecycle import SessionMove, SessionState, advance
from records.models import Session, SessionParticipant
from records.session_plan import SessionPlan, put_interpreter
from records.session_views import interpreting_ms, stamp


@dataclass(frozen=True)
class Served:
    """What a session serves: a step of a case, or (both ids none) a group briefing."""

    case_id: str | None
    step_id: str | None
    step_code: str
    country: str


def new_session(plan: SessionPlan, served: Served, now: datetime) -> Session:
    """A session PLANNED, with its interpreter."""
    session = Session(
        id=new_id("session"),
        case_id=served.case_id,
        step_id=served.step_id,
        step_code=served.step_code,
        country=served.country,
        booking_id=plan.booking_id,
        state=SessionState.PLANNED,
        mode=plan.mode,
        planned_at=now,
        state_since=now,
        starts_at=plan.starts_at,
        join_opens_at=plan.join_opens_at,
        join_by=plan.join_by,
        language_declared=plan.language,
        officer_language=plan.officer_language,
        officer_user_id=plan.officer_user_id,
        officer_code=plan.officer_code,
        site=plan.site,
        sex_pref=plan.sex_wish,
        sex_pref_must=plan.sex_must,
        interpreting_ms=0,
        speaking_ms=0,
        last_seq=0,
        last_hash=GENESIS,
    )
    put_interpreter(session, plan.interpreter)
    return session


async def locked_session(uow: UnitOfWork, session_id: str) -> Session:
    """The session under its row lock, read anew. Raises ``NotFound('session_unknown')``."""
    session = await uow.session.scalar(
        select(Session).where(Session.id == session_id).with_for_update().execution_options(populate_existing=True)
    )
    if session is None:
        raise NotFound("session_unknown")
    return session


def move_session(session: Session, move: SessionMove, now: datetime) -> None:
    """The next state by the table; raises ``Conflict('move_not_allowed')``."""
    session.state = advance(session.state, move)
    session.state_since = now


def add_place(uow: UnitOfWork, session: Session, part: str, code: str, user_id: str | None) -> None:
    """A place for a member of staff."""
    uow.session.add(
        SessionParticipant(
            id=new_id("part"), session_id=session.id, country=session.country, part=part, code=code, user_id=user_id
        )
    )


async def vacate_interpreter(uow: UnitOfWork, session_id: str, *, only: str | None = None) -> None:
    """Interpreters who have (or had) a place may not come back into it: all, or ``only`` the one with that code."""
    places = update(SessionParticipant).where(
        SessionParticipant.session_id == session_id, SessionParticipant.part == "interpreter"
    )
    if only is not None:
        places = places.where(SessionParticipant.code == only)
    await uow.session.execute(
        places.values(
            state="gone", since=uow.now, connection_id=None, resume_hash=None, has_audio=False, has_video=False
        ).execution_options(synchronize_session=False)
    )


async def vacated_interpreter(unit: ReadUnit, session_id: str) -> str | None:
    """Code of the interpreter who lost the place last."""
    found: str | None = await unit.session.scalar(
        select(SessionParticipant.code)
        .where(
            SessionParticipant.session_id == session_id,
            SessionParticipant.part == "interpreter",
            SessionParticipant.state == "gone",
        )
        .order_by(SessionParticipant.since.desc())
        .limit(1)
    )
    return found


async def interpreters_of(unit: ReadUnit, session_id: str, *, outside: bool = False) -> list[str]:
    """Codes of the interpreters who have a place and have not lost it, in the order in which they got it.

    ``outside``: only those who are not in the room; a line that is being mended counts as in it.
    """
    states = ["invited", "left"] if outside else ["invited", "left", "present", "lost"]
    rows = await unit.session.scalars(
        select(SessionParticipant.code)
        .where(
            SessionParticipant.session_id == session_id,
            SessionParticipant.part == "interpreter",
            SessionParticipant.state.in_(states),
        )
        .order_by(SessionParticipant.id)
    )
    return [code for code in rows if code is not None]


def tell_session(uow: UnitOfWork, session: Session) -> None:
    """``session.changed``."""
    body = {
        "session_id": session.id,
        "case_id": session.case_id,
        "booking_id": session.booking_id,
        "country": session.country,
        "state": session.state.value,
        "at": stamp(session.state_since),
        "reason": session.reason,
        "interpreting_s": interpreting_ms(session, uow.now) // 1000,
        "officer_user_id": session.officer_user_id,
        "interpreter_id": session.interpreter_id,
    }
    uow.emit(SESSION_CHANGED, body, country=session.country)
