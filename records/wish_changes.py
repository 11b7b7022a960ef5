"""Changes of a wish that must be met (M-3): asked for by the officer, approved or refused by a coordinator. Never by one alone.

The person's own word stands behind each: a recorded card, or another interpreter who had a session in this case. Until somebody
else has decided, the wish is in force as it was. Who may ask and decide is policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypedDict, cast

from sqlalchemy import ColumnElement, select

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Forbidden, Invalid, NotFound
from records.case_access import writable_case
from records.case_facts import INTERPRETED
from records.case_values import WISHES, one_of
from records.case_write import SexWishInput, put_wish
from records.events import CASE_CHANGED
from records.lifecycle import WISH_CHANGE, CaseState, WishChangeMove, WishChangeState
from records.models import Case, ProcedureStep, Session, WishChange

Field = Literal["interp_sex", "officer_sex"]
FIELDS: tuple[Field, ...] = ("interp_sex", "officer_sex")
CHANNELS = ("card", "interpreter")
REASONS = ("nobody_found", "person_changed_mind", "urgent")
REFUSALS = ("not_confirmed", "somebody_found", "ask_again", "not_urgent")


@dataclass(frozen=True)
class NewWishChange:
    """What the officer asks for."""

    field: Field
    wish: str
    must: bool
    channel: str
    """card or interpreter: how the person said so."""
    reason: str
    interpreter_code: str | None = None
    """Through whom, for ``interpreter``: somebody who had a session in this case."""


class WishChangeView(TypedDict):
    """One asking, and what became of it."""

    id: str
    case_id: str
    case_ref: str
    country: str
    field: str
    from_wish: str
    to_wish: str
    to_must: bool
    channel: str
    interpreter_code: str | None
    reason: str
    state: str
    asked_at: datetime
    asked_by: str
    decided_at: datetime | None
    decided_by: str | None
    refusal: str | None


class WishChanges:
    """Asks, approves, refuses, withdraws and lists."""

    async def ask(self, uow: UnitOfWork, case_id: str, new: NewWishChange) -> WishChangeView:
        """Ask for a wish that must be met to be changed; nothing changes yet.

        Raises ``NotFound('case_unknown')``, ``Forbidden('authority_not_yours')``, ``Invalid``: ``value_unknown`` (field),
        ``must_without_wish``, ``interpreter_not_of_case``; ``Conflict``: ``case_closed``, ``wish_not_must`` (nobody else is
        needed), ``wish_change_asked`` while one waits for its answer.
        """
        case = await writable_case(uow, case_id)
        if case.state in (CaseState.CLOSED, CaseState.LINKED):
            raise Conflict("case_closed")
        one_of("field", new.field, FIELDS)
        one_of("wish", new.wish, WISHES)
        one_of("channel", new.channel, CHANNELS)
        one_of("reason", new.reason, REASONS)
        if new.must and new.wish == "none":
            raise Invalid("must_without_wish", {"field": new.field})
        wish = str(getattr(case, new.field))
        if not getattr(case, f"{new.field}_must") or (wish == new.wish and new.must):
            raise Conflict("wish_not_must", {"field": new.field})
        code = await self._through(uow, case_id, new)
        waiting = await uow.session.scalar(
            select(WishChange.id).where(
                WishChange.case_id == case_id,
                WishChange.field == new.field,
                WishChange.state == WishChangeState.ASKED,
            )
        )
        if waiting is not None:
            raise Conflict("wish_change_asked")
        row = WishChange(
            id=new_id("wish"),
            country=case.country,
            case_id=case_id,
            field=new.field,
            from_wish=wish,
            to_wish=new.wish,
            to_must=new.must,
            channel=new.channel,
            interpreter_code=code,
            reason=new.reason,
            state=WishChangeState.ASKED,
            asked_at=uow.now,
            asked_by=uow.actor.id,
            asked_by_code=uow.actor.code,
        )
        uow.session.add(row)
        await uow.flush()
        _tell(uow, case)
        return _view(row, case.case_ref)

    async def decide(
        self, uow: UnitOfWork, change_id: str, *, approve: bool, refusal: str | None = None
    ) -> WishChangeView:
        """Approve (the wish is changed) or refuse with a reason (it stays as it was).

        Raises ``NotFound('wish_change_unknown')``, ``Forbidden('second_person_needed')`` for whoever asked,
        ``Invalid('value_unknown')``, ``Conflict``: ``move_not_allowed``, ``changed_meanwhile`` when the wish is another one now.
        """
        row, case = await self._locked(uow, change_id)
        if row.asked_by == uow.actor.id:
            raise Forbidden("second_person_needed")
        row.state = WISH_CHANGE.advance(row.state, WishChangeMove.APPROVE if approve else WishChangeMove.REFUSE)
        if approve:
            if case.state in (CaseState.CLOSED, CaseState.LINKED):
                raise Conflict("case_closed")
            field = cast(Field, row.field)
            if not getattr(case, f"{field}_must") or getattr(case, field) != row.from_wish:
                raise Conflict("changed_meanwhile", {"version": case.version})
            put_wish(case, field, SexWishInput(row.to_wish, row.to_must, asked=True), row.asked_at)
            case.changed_at = uow.now
        else:
            row.refusal = one_of("refusal", refusal or "", REFUSALS)
        row.decided_at, row.decided_by_code = uow.now, uow.actor.code
        await uow.flush()
        _tell(uow, case)
        return _view(row, case.case_ref)

    async def withdraw(self, uow: UnitOfWork, change_id: str) -> WishChangeView:
        """The desk that asked takes it back. Raises ``NotFound('wish_change_unknown')``, ``Conflict('move_not_allowed')``."""
        row, case = await self._locked(uow, change_id)
        row.state = WISH_CHANGE.advance(row.state, WishChangeMove.WITHDRAW)
        row.decided_at, row.decided_by_code = uow.now, uow.actor.code
        await uow.flush()
        _tell(uow, case)
        return _view(row, case.case_ref)

    async def case_of(self, unit: ReadUnit, change_id: str) -> str:
        """The case that it is about. Raises ``NotFound('wish_change_unknown')``."""
        found: str | None = await unit.session.scalar(select(WishChange.case_id).where(WishChange.id == change_id))
        if found is None:
            raise NotFound("wish_change_unknown")
        return found

    async def of_case(self, unit: ReadUnit, case_id: str) -> Sequence[WishChangeView]:
        """What was asked for in a case, the latest first."""
        return await self._list(unit, WishChange.case_id == case_id, latest_first=True)

    async def waiting(self, unit: ReadUnit, country: str) -> Sequence[WishChangeView]:
        """What waits for a coordinator of the country, the oldest first; all of it, as at most one waits per wish of a case."""
        return await self._list(unit, (WishChange.country == country) & (WishChange.state == WishChangeState.ASKED))

    async def _list(
        self, unit: ReadUnit, of: ColumnElement[bool], *, latest_first: bool = False
    ) -> list[WishChangeView]:
        order = (WishChange.asked_at, WishChange.id)
        wanted = select(WishChange, Case.case_ref).join(Case, Case.id == WishChange.case_id).where(of)
        rows = await unit.session.execute(
            wanted.order_by(*(column.desc() for column in order) if latest_first else order)
        )
        return [_view(row, case_ref) for row, case_ref in rows]

    async def _through(self, uow: UnitOfWork, case_id: str, new: NewWishChange) -> str | None:
        if new.channel != "interpreter":
            return None
        known = await uow.session.scalar(
            select(Session.id)
            .join(ProcedureStep, ProcedureStep.id == Session.step_id)
            .where(
                ProcedureStep.case_id == case_id,
                Session.interpreter_code == (new.interpreter_code or ""),
                Session.state.in_(INTERPRETED),
            )
            .limit(1)
        )
        if known is None:
            raise Invalid("interpreter_not_of_case")
        return new.interpreter_code

    async def _locked(self, uow: UnitOfWork, change_id: str) -> tuple[WishChange, Case]:
        """Asking and case, locked in the order case, asking, as everywhere."""
        case_id = await self.case_of(uow, change_id)
        case = await uow.session.get_one(Case, case_id, with_for_update=True, populate_existing=True)
        row = await uow.session.get_one(WishChange, change_id, with_for_update=True, populate_existing=True)
        return row, case


def _view(row: WishChange, case_ref: str) -> WishChangeView:
    return WishChangeView(
        id=row.id,
        case_id=row.case_id,
        case_ref=case_ref,
        country=row.country,
        field=row.field,
        from_wish=row.from_wish,
        to_wish=row.to_wish,
        to_must=row.to_must,
        channel=row.channel,
        interpreter_code=row.interpreter_code,
        reason=row.reason,
        state=row.state.value,
        asked_at=row.asked_at,
        asked_by=row.asked_by_code,
        decided_at=row.decided_at,
        decided_by=row.decided_by_code,
        refusal=row.refusal,
    )


def _tell(uow: UnitOfWork, case: Case) -> None:
    body = {"case_id": case.id, "country": case.country, "authority": case.authority}
    uow.emit(CASE_CHANGED, body, country=case.country)
