"""Reading and locking the rows of a draft. No rules."""

from __future__ import annotations

from sqlalchemy import delete, or_, select

from core.db.session import ReadUnit, UnitOfWork
from core.errors import NotFound
from records.lifecycle import SESSION_OVER
from records.models import Session
from records.session_rows import locked_session
from signaling import places
from signaling.calls import tell_room
from signaling.places import IN_ROOM, Place
from signaling.speech.models import SpeechBeside, SpeechConsent, SpeechDraft, SpeechLine
from signaling.speech.states import Seated

CHANGED = "speech.changed"
"""News of a room: something about its draft changed; holds no text. ``{version}``."""


async def draft_of(unit: ReadUnit, session_id: str) -> SpeechDraft | None:
    """The draft as it is now, or none."""
    return await unit.session.get(SpeechDraft, session_id, populate_existing=True)


async def locked_draft(uow: UnitOfWork, session_id: str) -> SpeechDraft:
    """The draft under its lock. Who also writes the session's log locks the session first. Raises ``NotFound('draft_unknown')``."""
    draft = await uow.session.get(
        SpeechDraft, session_id, populate_existing=True, with_for_update=uow.dialect == "postgresql"
    )
    if draft is None:
        raise NotFound("draft_unknown")
    return draft


async def running_session(uow: UnitOfWork, session_id: str) -> Session:
    """The session under its lock. Raises ``NotFound('session_unknown')`` also for one that is over."""
    session = await locked_session(uow, session_id)
    if session.state in SESSION_OVER:
        raise NotFound("session_unknown")
    return session


async def consents(unit: ReadUnit, session_id: str) -> dict[str, SpeechConsent]:
    """The answers by place."""
    rows = await unit.session.scalars(
        select(SpeechConsent).where(SpeechConsent.session_id == session_id).execution_options(populate_existing=True)
    )
    return {row.place_id: row for row in rows}


async def people(unit: ReadUnit, session_id: str) -> list[Place]:
    """Who is in the room now, lost lines included."""
    return [place for place in await places.of_session(unit, session_id) if place.state in IN_ROOM]


async def beside(unit: ReadUnit, session_id: str) -> dict[str, SpeechBeside]:
    """The answers of those who sit beside the officer, by part."""
    rows = await unit.session.scalars(
        select(SpeechBeside)
        .where(SpeechBeside.session_id == session_id)
        .order_by(SpeechBeside.part)
        .execution_options(populate_existing=True)
    )
    return {row.part: row for row in rows}


async def seated(unit: ReadUnit, session_id: str) -> list[Seated]:
    """The same with their answers, and those beside the officer. Who came in on a device of their own answers there."""
    answers = await consents(unit, session_id)
    found = [
        Seated(place.id, answers[place.id].answer if place.id in answers else None, place.part)
        for place in await people(unit, session_id)
    ]
    present = {person.part for person in found}
    near = await beside(unit, session_id)
    return found + [Seated(None, row.answer, part) for part, row in near.items() if part not in present]


def tell(uow: UnitOfWork, session: Session, draft: SpeechDraft) -> None:
    """Count the change and tell the room; no text goes over the bus."""
    draft.version += 1
    tell_room(uow, session, CHANGED, {"version": draft.version})


async def wipe(
    uow: UnitOfWork, draft: SpeechDraft, place_ids: list[str] | None = None, *, shared: bool = False
) -> None:
    """Delete lines, of some people (``shared``: also all of shared microphones) or all; who knows an older version must forget
    what they have. Call ``tell`` after it."""
    gone = delete(SpeechLine).where(SpeechLine.session_id == draft.session_id)
    if place_ids is not None:
        theirs = SpeechLine.place_id.in_(place_ids)
        gone = gone.where(or_(theirs, SpeechLine.shared) if shared else theirs)
    await uow.session.execute(gone.execution_options(synchronize_session=False))
    draft.wiped_version = draft.version + 1
