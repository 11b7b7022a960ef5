"""Who interpreted a session: one person, two of a relay or a team, and whoever was replaced in the middle of it. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from core.db.session import ReadUnit
from core.errors import Invalid, NotFound
from records.entry_kinds import EntryKind
from records.models import Session, SessionEntry, SessionParticipant
from scheduler.legs import Way
from scheduler.models import Assignment, Booking, Interpreter

_PART, _GONE = "interpreter", "gone"


@dataclass(frozen=True)
class Served:
    """An interpreter who was in the room."""

    interpreter_id: str
    code: str
    with_person: bool
    """Speaks with the person: everybody but the officer's side of a relay."""


async def interpreters_of_session(unit: ReadUnit, session_id: str) -> frozenset[str]:
    """Interpreters who have a place in a session, or lost it after they had been in the room."""
    rows = (
        await unit.session.execute(
            select(Interpreter.id, Interpreter.code, SessionParticipant.state)
            .join(SessionParticipant, SessionParticipant.code == Interpreter.code)
            .where(SessionParticipant.session_id == session_id, SessionParticipant.part == _PART)
        )
    ).all()
    came = await _arrived(unit, session_id) if any(row.state == _GONE for row in rows) else []
    return frozenset(row.id for row in rows if row.state != _GONE or row.code in came)


async def served(unit: ReadUnit, session_id: str) -> Sequence[Served]:
    """Who was in the room as an interpreter, in the order in which they came; a place alone is not enough."""
    came = await _arrived(unit, session_id)
    if not came:
        return []
    rows = await unit.session.execute(
        select(Interpreter.id, Interpreter.code, Booking.way, Assignment.leg)
        .join(Assignment, Assignment.interpreter_id == Interpreter.id)
        .join(Booking, Booking.id == Assignment.booking_id)
        .join(Session, Session.booking_id == Booking.id)
        .where(Session.id == session_id, Interpreter.code.in_(came))
        .order_by(Assignment.made_at, Assignment.id)
    )
    found = {row.code: Served(row.id, row.code, with_person=row.way != Way.RELAY.value or row.leg == 1) for row in rows}
    return [found[code] for code in came if code in found]


def the_one(people: Sequence[Served], *, interpreter_id: str | None = None, code: str | None = None) -> Served:
    """Whom an answer or a complaint is about: the one who is named, or the only one there was.

    Raises ``NotFound('session_unknown')`` for somebody who was not there (or nobody was), ``Invalid('interpreter_needed')`` while
    several were and none is named.
    """
    wanted = [one for one in people if interpreter_id in (None, one.interpreter_id) and code in (None, one.code)]
    if not wanted:
        raise NotFound("session_unknown")
    if len(wanted) > 1:
        raise Invalid("interpreter_needed", {"count": len(wanted)})
    return wanted[0]


async def _arrived(unit: ReadUnit, session_id: str) -> list[str]:
    """Codes of the interpreters of whom the log says that they came, each once, in order."""
    rows = await unit.session.scalars(
        select(SessionEntry.data)
        .where(SessionEntry.session_id == session_id, SessionEntry.kind == EntryKind.ARRIVED.value)
        .order_by(SessionEntry.seq)
    )
    codes = [data.get("code") for data in rows if data.get("part") == _PART]
    return list(dict.fromkeys(code for code in codes if isinstance(code, str)))
