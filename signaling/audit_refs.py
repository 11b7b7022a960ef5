"""Between the ids of the audit trail and what people call a thing: the reference of a case, the code of a member of staff."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Select, select

from core.db.session import ReadUnit
from core.errors import Invalid
from records.case_ref import parse_case_ref
from records.models import Case, Session
from scheduler.models import Assignment, Booking, BookingSeries, Interpreter, Offer
from signaling.auth.models import User

_NAMES: Mapping[str, Select[str, str]] = {
    "case": select(Case.id, Case.case_ref),
    "session": select(Session.id, Case.case_ref).join(Case, Case.id == Session.case_id),
    "booking": select(Booking.id, Booking.case_ref),
    "series": select(BookingSeries.id, Case.case_ref).join(Case, Case.id == BookingSeries.case_id),
    "offer": select(Offer.id, Booking.case_ref).join(Booking, Booking.id == Offer.booking_id),
    "assignment": select(Assignment.id, Booking.case_ref).join(Booking, Booking.id == Assignment.booking_id),
    "interpreter": select(Interpreter.id, Interpreter.code),
    "user": select(User.id, User.code),
}
"""Id and name, by what an id begins with. Things of another country are not found: the country filter stands below."""
_PIECE = 500


async def names_of(unit: ReadUnit, subjects: Collection[str]) -> dict[str, str]:
    """What these ids are called; ids of other kinds, and of things that are gone, are left out."""
    found: dict[str, str] = {}
    for prefix, statement in _NAMES.items():
        ids = sorted({one for one in subjects if one.startswith(f"{prefix}_")})
        key = statement.selected_columns[0]
        for start in range(0, len(ids), _PIECE):
            rows = await unit.session.execute(statement.where(key.in_(ids[start : start + _PIECE])))
            found |= {row[0]: row[1] for row in rows if row[1]}
    return found


async def ids_of(unit: ReadUnit, name: str) -> list[str]:
    """The ids that ``name`` stands for: a case with its sessions and bookings, a person with account and profile, or the id itself."""
    name = name.strip()
    try:
        case_id = await unit.session.scalar(select(Case.id).where(Case.case_ref == str(parse_case_ref(name))))
    except Invalid:
        return [name, *await _people(unit, name)]
    return [name] if case_id is None else [case_id, *await _belonging(unit, case_id)]


async def _people(unit: ReadUnit, code: str) -> list[str]:
    found: list[str] = []
    for table in (User, Interpreter):
        found += await unit.session.scalars(select(table.id).where(table.code == code))
    return found


async def _belonging(unit: ReadUnit, case_id: str) -> list[str]:
    found: list[str] = []
    for statement in (
        select(Session.id).where(Session.case_id == case_id),
        select(Booking.id).where(Booking.case_id == case_id),
        select(BookingSeries.id).where(BookingSeries.case_id == case_id),
        select(Offer.id).join(Booking, Booking.id == Offer.booking_id).where(Booking.case_id == case_id),
        select(Assignment.id).join(Booking, Booking.id == Assignment.booking_id).where(Booking.case_id == case_id),
    ):
        found += await unit.session.scalars(statement)
    return found
