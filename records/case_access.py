"""Which cases an actor may touch, as far as the rows decide it: interviewers only those of their own authority.

The roles themselves are checked by the policies of signaling before a service is called.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select, true

from core.access import Country, Role
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Forbidden, NotFound
from records.models import Case
from records.sites import authority_of

_WIDE = (Role.COORDINATOR, Role.AUDITOR)


async def own_authority(unit: ReadUnit) -> str | None:
    """The authority of the actor's site."""
    return await authority_of(unit, unit.actor.site)


async def visible(unit: ReadUnit) -> ColumnElement[bool]:
    """The WHERE clause of the cases that the actor may see."""
    if unit.actor.is_system:
        return true()
    authority = await own_authority(unit)
    wide = [country.value for country in Country if any(unit.actor.has(role, country) for role in _WIDE)]
    return or_(Case.authority == authority, Case.country.in_(wide))


async def readable_case(unit: ReadUnit, case_id: str) -> Case:
    """The case, read anew. Raises ``NotFound('case_unknown')``, for cases of another authority too."""
    case = await unit.session.scalar(
        select(Case).where(Case.id == case_id, await visible(unit)).execution_options(populate_existing=True)
    )
    if case is None:
        raise NotFound("case_unknown")
    return case


async def writable_case(uow: UnitOfWork, case_id: str) -> Case:
    """The case under its row lock. Raises ``NotFound('case_unknown')``, ``Forbidden('authority_not_yours')``."""
    case = await uow.session.scalar(
        select(Case)
        .where(Case.id == case_id, await visible(uow))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if case is None:
        raise NotFound("case_unknown")
    if not uow.actor.is_system and case.authority != await own_authority(uow):
        raise Forbidden("authority_not_yours")
    return case
