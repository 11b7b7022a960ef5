"""Linking a temporary case to the case of the same person that goes on (M-1: within 24 h), and showing the link on both."""

from __future__ import annotations

from typing import TypedDict

from sqlalchemy import select

from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid, NotFound
from records.case_access import writable_case
from records.case_ref import parse_case_ref
from records.lifecycle import CaseMove, CaseState, StepMove, StepState, advance
from records.models import Case
from records.referrals import move_open

LINKED = "case_linked"
"""Why the open steps of a linked case are dropped: they are planned where the file goes on."""


class LinkedCase(TypedDict):
    """The other case of a link."""

    id: str
    case_ref: str


class CaseLinks(TypedDict):
    """Both sides of the links of a case."""

    linked_to: LinkedCase | None
    linked_from: list[LinkedCase]


async def case_by_ref(unit: ReadUnit, case_ref: str) -> str:
    """The id behind a reference as people type it. Raises ``Invalid`` ``case_ref_...`` or ``NotFound('case_unknown')``."""
    ref = str(parse_case_ref(case_ref))
    found: str | None = await unit.session.scalar(select(Case.id).where(Case.case_ref == ref))
    if found is None:
        raise NotFound("case_unknown")
    return found


async def link_cases(uow: UnitOfWork, case_id: str, target_id: str) -> tuple[Case, Case]:
    """Close the temporary case into ``target_id``; returns both. Its sessions stay where they were held.

    The caller has checked that the actor may change both. Raises ``Invalid('case_itself')``, ``Conflict``:
    ``move_not_allowed`` unless the case is temporary, ``case_not_linkable`` unless the target is an open, registered case of
    the same authority, ``step_scheduled`` while an interpreter is booked for the temporary case.
    """
    if case_id == target_id:
        raise Invalid("case_itself")
    # In one order for everybody, so that two links the other way round do not wait for each other.
    held = {one: await writable_case(uow, one) for one in sorted((case_id, target_id))}
    case, target = held[case_id], held[target_id]
    state = advance(case.state, CaseMove.LINK)
    if target.state is not CaseState.OPEN or (target.country, target.authority) != (case.country, case.authority):
        raise Conflict("case_not_linkable")
    if any(step.state is StepState.SCHEDULED for step in case.steps):
        raise Conflict("step_scheduled")
    for step in case.steps:
        if step.state in (StepState.PLANNED, StepState.POSTPONED):
            step.state, step.reason = advance(step.state, StepMove.DROP), LINKED
    await move_open(uow, case, target)
    case.state, case.linked_to, case.link_by, case.closed_at = state, target.id, None, uow.now
    for changed in (case, target):
        changed.changed_at = uow.now
    await uow.flush()
    return case, target


async def links_of(unit: ReadUnit, case_id: str) -> CaseLinks:
    """What the pages of both cases show of the link."""
    to = select(Case.linked_to).where(Case.id == case_id).scalar_subquery()
    rows = await unit.session.execute(
        select(Case.id, Case.case_ref, Case.linked_to)
        .where((Case.linked_to == case_id) | (Case.id == to))
        .order_by(Case.opened_at)
    )
    there: CaseLinks = {"linked_to": None, "linked_from": []}
    for row in rows:
        other = LinkedCase(id=row.id, case_ref=row.case_ref)
        if row.linked_to == case_id:
            there["linked_from"].append(other)
        else:
            there["linked_to"] = other
    return there
