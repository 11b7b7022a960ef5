"""Referral tasks (S-10): a concern raised in a talk, or a talk ended because of distress, that an officer must close in time.

Nothing that was said is kept, not even of which kind it was: the case gets the need SPECIALIST_REFERRAL_OPEN while a task is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypedDict

from sqlalchemy import ColumnElement, select, update

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, NotFound
from records.case_access import writable_case
from records.case_values import one_of
from records.events import CASE_CHANGED
from records.lifecycle import REFERRAL, CaseState, ReferralMove, ReferralState
from records.models import Case, Session
from records.referral_models import ReferralTask

CLOSE_WITHIN = timedelta(hours=24)
"""Policy: a concern is looked after within a day; then the coordinators of the country are told."""
OUTCOMES = ("referred", "already_known", "person_declined", "not_needed")
"""What became of it, coarse on purpose: to whom somebody was referred would say which group they belong to (domain 2.3)."""
NEED = "SPECIALIST_REFERRAL_OPEN"
_BATCH = 200


class ReferralView(TypedDict):
    """A task, open or closed."""

    id: str
    case_id: str
    case_ref: str
    country: str
    raised_at: datetime
    raised_by_part: str
    due_at: datetime
    overdue: bool
    state: str
    outcome: str | None
    closed_at: datetime | None
    closed_by: str | None


class Referrals:
    """Closes and lists tasks; ``raise_concern`` makes them. Who may close one is policy: an interviewer of the case's authority."""

    async def close(self, uow: UnitOfWork, referral_id: str, *, outcome: str) -> ReferralView:
        """Note what became of a task; with the last one the case loses the need.

        Raises ``NotFound('referral_unknown')``, ``Forbidden('authority_not_yours')``, ``Invalid('value_unknown')`` (outcome),
        ``Conflict('move_not_allowed')`` for one that is closed.
        """
        case = await writable_case(uow, await self.case_of(uow, referral_id))
        task = await uow.session.get_one(ReferralTask, referral_id, with_for_update=True, populate_existing=True)
        task.state = REFERRAL.advance(task.state, ReferralMove.CLOSE)
        task.outcome = one_of("outcome", outcome, OUTCOMES)
        task.closed_at, task.closed_by_code = uow.now, uow.actor.code
        await uow.flush()
        if not await has_open(uow, case.id):
            case.needs = [need for need in case.needs if need != NEED]
        case.changed_at = uow.now
        await uow.flush()
        _tell(uow, case)
        return _view(task, case.case_ref, uow.now)

    async def case_of(self, unit: ReadUnit, referral_id: str) -> str:
        """The case that it is about. Raises ``NotFound('referral_unknown')``."""
        found: str | None = await unit.session.scalar(
            select(ReferralTask.case_id).where(ReferralTask.id == referral_id)
        )
        if found is None:
            raise NotFound("referral_unknown")
        return found

    async def of_case(self, unit: ReadUnit, case_id: str) -> Sequence[ReferralView]:
        """The tasks of a case, the latest first."""
        return await self._list(unit, ReferralTask.case_id == case_id, latest_first=True)

    async def open_in(self, unit: ReadUnit, *, country: str, authority: str | None = None) -> Sequence[ReferralView]:
        """What is open in a country, or at one authority of it: all of it, what is due first before the rest."""
        of = ReferralTask.country == country
        if authority is not None:
            of = of & (ReferralTask.authority == authority)
        return await self._list(unit, of & (ReferralTask.state == ReferralState.OPEN))

    async def overdue(self, unit: ReadUnit) -> Sequence[str]:
        """Open tasks whose time is over and of which no coordinator was told yet."""
        wanted = select(ReferralTask.id).where(
            ReferralTask.state == ReferralState.OPEN,
            ReferralTask.due_at <= unit.now,
            ReferralTask.overdue_told_at.is_(None),
        )
        return (await unit.session.scalars(wanted.order_by(ReferralTask.due_at, ReferralTask.id).limit(_BATCH))).all()

    async def tell_overdue(self, uow: UnitOfWork, referral_id: str) -> None:
        """Its time is over: screens and boards are told once. It stays open until somebody closes it."""
        task = await uow.session.get(ReferralTask, referral_id, with_for_update=True, populate_existing=True)
        if task is None or task.state is not ReferralState.OPEN or task.overdue_told_at is not None:
            return
        task.overdue_told_at = uow.now
        await uow.flush()
        _tell(uow, await uow.session.get_one(Case, task.case_id))

    async def _list(self, unit: ReadUnit, of: ColumnElement[bool], *, latest_first: bool = False) -> list[ReferralView]:
        wanted = select(ReferralTask, Case.case_ref).join(Case, Case.id == ReferralTask.case_id).where(of)
        order = ReferralTask.raised_at.desc() if latest_first else ReferralTask.due_at
        rows = await unit.session.execute(wanted.order_by(order, ReferralTask.id))
        return [_view(task, case_ref, unit.now) for task, case_ref in rows]


async def raise_concern(uow: UnitOfWork, session_id: str, *, part: str) -> bool:
    """A concern was raised in this talk. One task per talk: the second signal of the same talk changes nothing while it is open,
    and opens it again afterwards. False for a briefing, which has no case, and for a case that is over.
    """
    session = await uow.session.get(Session, session_id)
    if session is None or session.case_id is None:
        return False
    case = await uow.session.get_one(Case, session.case_id, with_for_update=True, populate_existing=True)
    if case.state is CaseState.LINKED and case.linked_to is not None:
        case = await uow.session.get_one(Case, case.linked_to, with_for_update=True, populate_existing=True)
    if case.state in (CaseState.CLOSED, CaseState.LINKED):
        return False
    task = await uow.session.scalar(select(ReferralTask).where(ReferralTask.session_id == session_id))
    if task is not None and task.state is ReferralState.OPEN:
        return True
    if task is None:
        task = ReferralTask(id=new_id("referral"), country=case.country, session_id=session_id)
        uow.session.add(task)
    else:
        task.state = REFERRAL.advance(task.state, ReferralMove.REOPEN)
    task.case_id, task.authority, task.raised_by_part = case.id, case.authority, part
    task.raised_at, task.due_at = uow.now, uow.now + CLOSE_WITHIN
    task.overdue_told_at = task.outcome = task.closed_at = task.closed_by_code = None
    case.needs = list(dict.fromkeys([*case.needs, NEED]))
    case.changed_at = uow.now
    await uow.flush()
    _tell(uow, case)
    return True


async def has_open(unit: ReadUnit, case_id: str) -> bool:
    """Whether a task of the case is open."""
    wanted = select(ReferralTask.id).where(ReferralTask.case_id == case_id, ReferralTask.state == ReferralState.OPEN)
    return await unit.session.scalar(wanted.limit(1)) is not None


async def refuse_open(unit: ReadUnit, case_id: str) -> None:
    """Raises ``Conflict('referral_open')``: a case is not closed while somebody still has to be looked after."""
    if await has_open(unit, case_id):
        raise Conflict("referral_open")


async def move_open(uow: UnitOfWork, case: Case, target: Case) -> None:
    """The open tasks of a temporary case go on in the case of the same person (M-1)."""
    if not await has_open(uow, case.id):
        return
    await uow.session.execute(
        update(ReferralTask)
        .where(ReferralTask.case_id == case.id, ReferralTask.state == ReferralState.OPEN)
        .values(case_id=target.id)
        .execution_options(synchronize_session=False)
    )
    target.needs = list(dict.fromkeys([*target.needs, NEED]))
    case.needs = [need for need in case.needs if need != NEED]


def _view(task: ReferralTask, case_ref: str, now: datetime) -> ReferralView:
    return ReferralView(
        id=task.id,
        case_id=task.case_id,
        case_ref=case_ref,
        country=task.country,
        raised_at=task.raised_at,
        raised_by_part=task.raised_by_part,
        due_at=task.due_at,
        overdue=task.state is ReferralState.OPEN and task.due_at <= now,
        state=task.state.value,
        outcome=task.outcome,
        closed_at=task.closed_at,
        closed_by=task.closed_by_code,
    )


def _tell(uow: UnitOfWork, case: Case) -> None:
    body = {"case_id": case.id, "country": case.country, "authority": case.authority}
    uow.emit(CASE_CHANGED, body, country=case.country)
