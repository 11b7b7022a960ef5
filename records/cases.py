"""CaseService: the access gate to cases. Opens them, plans and moves their steps, closes them, lists and shows them.

Keeps the record minimal and pseudonymous (domain 2.1). What happens in a session is the session log's work.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from core.access import Country
from core.clock import new_id
from core.crypto import FieldCipher
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Forbidden, Invalid, NotFound
from records.case_access import own_authority, readable_case, visible, writable_case
from records.case_facts import StepFacts, step_facts
from records.case_link import link_cases
from records.case_ref import new_case_ref
from records.case_values import CLOSE_REASONS, DROP_REASONS, POSTPONE_REASONS, one_of
from records.case_views import CaseDetail, CasePage, case_detail, case_summary
from records.case_write import (
    CaseChanges,
    NewCase,
    apply_changes,
    file_number,
    put_languages,
    put_values,
    put_wish,
)
from records.events import CASE_CHANGED
from records.lifecycle import CaseMove, CaseState, HeldHow, StepMove, StepState, advance
from records.models import Case, CaseLanguage, ProcedureStep
from records.procedure_schema import Interpretation
from records.procedures import Catalogue
from records.referrals import NEED, refuse_open
from records.sites import site_by_code

LINK_WITHIN = timedelta(hours=24)
"""A case of an unregistered person must be confirmed or closed within this time (M-1)."""
_REF_ATTEMPTS = 8
_DONE = frozenset({StepState.HELD, StepState.DROPPED})


class CaseService:
    """Cases and their steps."""

    def __init__(
        self,
        catalogue: Catalogue,
        cipher: FieldCipher | None = None,
        is_language: Callable[[str], bool] = lambda _code: True,
    ) -> None:
        """``is_language`` knows the languages of the pool's taxonomy, which lies above this package."""
        self._catalogue = catalogue
        self._cipher = cipher
        self._is_language = is_language
        self.history: Callable[[ReadUnit, StepFacts], Awaitable[StepFacts]] | None = None
        """Completes the facts of a step with what the queue alone knows of the case; put in where its services are built."""

    async def open(self, uow: UnitOfWork, new: NewCase, *, idempotency_key: str | None = None) -> CaseDetail:
        """Open a case with its first step planned. The same key of the same actor gives the first case again.

        Raises ``Invalid`` for values outside the closed lists, forbidden data and a step of another country,
        ``Forbidden('authority_not_yours')`` for a site of another authority.
        """
        key = f"{uow.actor.id}:{idempotency_key}" if idempotency_key else None
        if key is not None:
            known = await uow.session.scalar(select(Case).where(Case.idempotency_key == key))
            if known is not None:
                return self._detail(known, uow.now, known.authority)
        site = await site_by_code(uow, new.site)
        if site.country != new.country:
            raise Invalid("site_unknown", {"site": new.site[:32]})
        if not uow.actor.is_system and site.authority != await own_authority(uow):
            raise Forbidden("authority_not_yours")
        case = Case(
            id=new_id("case"),
            case_ref=await self._free_ref(uow, new.country),
            country=new.country,
            site=site.code,
            authority=site.authority,
            state=CaseState.TEMPORARY if new.emergency else CaseState.OPEN,
            link_by=uow.now + LINK_WITHIN if new.emergency else None,
            opened_by=uow.actor.id,
            opened_at=uow.now,
            changed_at=uow.now,
            avoid=[],
            idempotency_key=key,
            version=1,
        )
        put_values(case, new, uow.now)
        put_wish(case, "interp_sex", new.interp_sex, uow.now)
        put_wish(case, "officer_sex", new.officer_sex, uow.now)
        put_languages(case, new.languages, uow.now, self._is_language)
        case.ext_ref_sealed = self._seal(case.id, file_number(new.ext_ref, uow.now))
        self._add_step(case, new.first_step, uow.now)
        uow.session.add(case)
        await uow.flush()
        self._tell(uow, case)
        return self._detail(case, uow.now, case.authority)

    async def list(
        self,
        unit: ReadUnit,
        *,
        q: str | None = None,
        state: str | None = None,
        language: str | None = None,
        stage: str | None = None,
        page: int = 1,
        per: int = 25,
    ) -> CasePage:
        """Cases that the actor may see, the latest changed first.

        ``q`` is any piece of a case reference as people type it; ``state`` open or closed; ``language`` any of the
        person's; ``stage`` has a step of that stage that is not done.
        """
        wanted = select(Case).where(await visible(unit))
        if q and (piece := _ref_piece(q)):
            wanted = wanted.where(func.replace(Case.case_ref, "-", "").contains(piece, autoescape=True))
        closed = Case.state.in_([CaseState.CLOSED, CaseState.LINKED])
        if state is not None:
            wanted = wanted.where(closed if state == "closed" else ~closed)
        if language is not None:
            spoken = select(CaseLanguage.case_id).where(CaseLanguage.code == language)
            wanted = wanted.where(Case.id.in_(spoken))
        if stage is not None:
            codes = [step.code for step in self._catalogue.steps() if step.stage.value == stage]
            open_steps = select(ProcedureStep.case_id).where(
                ProcedureStep.code.in_(codes), ProcedureStep.state.not_in(list(_DONE))
            )
            wanted = wanted.where(Case.id.in_(open_steps))
        total = await unit.session.scalar(select(func.count()).select_from(wanted.subquery()))
        without_sessions = selectinload(Case.steps).lazyload(ProcedureStep.sessions)
        rows = await unit.session.scalars(
            wanted.order_by(Case.changed_at.desc(), Case.id)
            .offset((page - 1) * per)
            .limit(per)
            .options(without_sessions)
        )
        return CasePage(
            items=[case_summary(self._catalogue, row) for row in rows], total=int(total or 0), page=page, per=per
        )

    async def get(self, unit: ReadUnit, case_id: str) -> CaseDetail:
        """The case in full; the authority's own file number only for the own authority. Raises ``NotFound('case_unknown')``."""
        case = await readable_case(unit, case_id)
        own = case.authority if unit.actor.is_system else await own_authority(unit)
        return self._detail(case, unit.now, own)

    async def update(self, uow: UnitOfWork, case_id: str, *, version: int, changes: CaseChanges) -> CaseDetail:
        """Change what was told about the person.

        Raises ``Conflict``: ``changed_meanwhile`` unless ``version`` is the newest, ``referral_open`` where the need for a
        specialist would be taken out while a concern waits to be looked after (S-10).
        """
        case = await self._open_case(uow, case_id)
        if case.version != version:
            raise Conflict("changed_meanwhile", {"version": case.version})
        if NEED not in changes.get("needs", [NEED]):
            await refuse_open(uow, case_id)
        apply_changes(case, changes, uow.now, self._is_language, by=uow.actor.code)
        return await self._changed(uow, case)

    async def plan_step(self, uow: UnitOfWork, case_id: str, *, code: str, beside_open: bool = False) -> CaseDetail:
        """Plan one more step. Raises ``Conflict('step_exists')`` while one of this code is not done.

        ``beside_open`` allows that: a series has a step for each of its appointments.
        """
        case = await self._open_case(uow, case_id)
        if not beside_open and any(step.code == code and step.state not in _DONE for step in case.steps):
            raise Conflict("step_exists", {"step": code})
        self._add_step(case, code, uow.now)
        return await self._changed(uow, case)

    async def move_step(
        self, uow: UnitOfWork, case_id: str, step_id: str, *, move: StepMove, reason: str
    ) -> CaseDetail:
        """Drop or postpone a step. Raises ``Invalid('value_unknown')`` for a reason that is not in the list.

        The caller makes sure that no booking of it is open (``BookingService.open_for_step``).
        """
        case = await self._open_case(uow, case_id)
        step = _step_of(case, step_id)
        if move not in (StepMove.DROP, StepMove.POSTPONE):
            raise ValueError(f"{move.value} is not asked for by a person")
        step.state = advance(step.state, move)
        step.reason = one_of("reason", reason, DROP_REASONS if move is StepMove.DROP else POSTPONE_REASONS)
        return await self._changed(uow, case)

    async def record_held(
        self,
        uow: UnitOfWork,
        case_id: str,
        step_id: str,
        *,
        how: HeldHow,
        held_at: datetime | None = None,
        version: int | None = None,
    ) -> CaseDetail:
        """Note that a step was held outside the system, so that the steps that wait for it can go on.

        ``held_at`` is when it was held (none: now); legal time limits run from then. Raises ``Invalid``:
        ``held_needs_interpreter`` for an act without a talk where interpretation is mandatory (M-14), ``held_in_future``,
        ``held_before_case``;
        ``Conflict``: ``changed_meanwhile`` unless ``version`` is the newest, ``move_not_allowed`` unless the step is
        planned or postponed. The caller makes sure that no booking of it is open, as for ``move_step``.
        """
        case = await self._open_case(uow, case_id)
        if version is not None and case.version != version:
            raise Conflict("changed_meanwhile", {"version": case.version})
        step = _step_of(case, step_id)
        need = self._catalogue.step(step.code).interpretation.value
        if how is HeldHow.NO_TALK and need is Interpretation.MANDATORY:
            raise Invalid("held_needs_interpreter", {"step": step.code})
        when = uow.now if held_at is None else held_at
        if when > uow.now:
            raise Invalid("held_in_future")
        if when < case.opened_at:
            raise Invalid("held_before_case")
        step.state, step.held_at = advance(step.state, StepMove.RECORD), when
        step.reason = how.value
        return await self._changed(uow, case)

    async def close(self, uow: UnitOfWork, case_id: str, *, reason: str) -> CaseDetail:
        """Close the case; steps that are only planned or postponed are dropped.

        Raises ``Conflict``: ``step_scheduled``, ``referral_open`` while a concern waits to be looked after (S-10).
        """
        case = await self._open_case(uow, case_id)
        one_of("reason", reason, CLOSE_REASONS)
        await refuse_open(uow, case_id)
        if any(step.state is StepState.SCHEDULED for step in case.steps):
            raise Conflict("step_scheduled")
        for step in case.steps:
            if step.state not in _DONE:
                step.state, step.reason = advance(step.state, StepMove.DROP), reason
        case.state, case.closed_at = advance(case.state, CaseMove.CLOSE), uow.now
        case.avoid = []  # kept no longer than the case is open (domain 2.7)
        return await self._changed(uow, case)

    async def confirm(self, uow: UnitOfWork, case_id: str) -> CaseDetail:
        """The person of a temporary case was registered: it becomes an ordinary one (M-1)."""
        case = await self._open_case(uow, case_id)
        case.state, case.link_by = advance(case.state, CaseMove.CONFIRM), None
        return await self._changed(uow, case)

    async def link(self, uow: UnitOfWork, case_id: str, target_id: str) -> CaseDetail:
        """The person of a temporary case has a case already: this one ends in it (M-1). Raises as ``link_cases``."""
        case, target = await link_cases(uow, case_id, target_id)
        self._tell(uow, target)
        self._tell(uow, case)
        return self._detail(case, uow.now, case.authority)

    async def step_for_booking(self, uow: UnitOfWork, step_id: str, *, safety_only: bool = False) -> StepFacts:
        """What the queue needs to look for an interpreter for this step: the only gate from the queue to cases.

        Raises ``NotFound('step_unknown')``, ``Forbidden('authority_not_yours')``, ``Conflict``: ``case_closed``,
        ``step_done``, ``step_locked`` (gate).
        """
        row = await uow.session.get(ProcedureStep, step_id)
        if row is None:
            raise NotFound("step_unknown", {"step": step_id})
        case = await self._open_case(uow, row.case_id)
        facts = await self._facts(uow, case, row, safety_only=safety_only)
        if row.state in _DONE:
            raise Conflict("step_done", {"step": row.code})
        if facts.locked_by is not None:
            raise Conflict("step_locked", {"gate": facts.locked_by})
        return facts

    async def step_facts(self, unit: ReadUnit, step_id: str, *, safety_only: bool = False) -> StepFacts:
        """The same facts as they are now, gates told and not enforced; for matching again. Raises ``NotFound('step_unknown')``."""
        of_step = select(ProcedureStep.case_id).where(ProcedureStep.id == step_id).scalar_subquery()
        case = await unit.session.scalar(
            select(Case).where(Case.id == of_step).execution_options(populate_existing=True)
        )
        row = None if case is None else next((step for step in case.steps if step.id == step_id), None)
        if case is None or row is None:
            raise NotFound("step_unknown", {"step": step_id})
        return await self._facts(unit, case, row, safety_only=safety_only)

    async def overdue(self, unit: ReadUnit, *, after: datetime) -> Sequence[Case]:
        """Temporary cases whose time to be linked ran out since ``after``."""
        rows = await unit.session.scalars(
            select(Case).where(Case.state == CaseState.TEMPORARY, Case.link_by > after, Case.link_by <= unit.now)
        )
        return rows.all()

    async def _facts(self, unit: ReadUnit, case: Case, row: ProcedureStep, *, safety_only: bool) -> StepFacts:
        facts = step_facts(self._catalogue, case, row, unit.now, safety_only=safety_only)
        return facts if self.history is None else await self.history(unit, facts)

    async def _open_case(self, uow: UnitOfWork, case_id: str) -> Case:
        case = await writable_case(uow, case_id)
        if case.state in (CaseState.CLOSED, CaseState.LINKED):
            raise Conflict("case_closed")
        return case

    async def _free_ref(self, uow: UnitOfWork, country: str) -> str:
        for _ in range(_REF_ATTEMPTS):
            ref = new_case_ref(Country(country), uow.now.year)
            if await uow.session.scalar(select(Case.id).where(Case.case_ref == ref)) is None:
                return ref
        raise Conflict("case_ref_taken")

    def _add_step(self, case: Case, code: str, now: datetime) -> None:
        step = self._catalogue.step(code)
        if step.country != case.country:
            raise Invalid("step_of_other_country", {"step": code})
        seq = max((row.seq for row in case.steps), default=0) + 1
        row = ProcedureStep(id=new_id("step"), country=case.country, code=code, seq=seq, planned_at=now)
        row.state, row.sessions = StepState.PLANNED, []
        case.steps.append(row)

    async def _changed(self, uow: UnitOfWork, case: Case) -> CaseDetail:
        case.changed_at = uow.now
        await uow.flush()
        self._tell(uow, case)
        return self._detail(case, uow.now, case.authority)

    def _seal(self, case_id: str, ext_ref: str | None) -> bytes | None:
        if not ext_ref:
            return None
        if self._cipher is None:
            raise Invalid("ext_ref_not_possible")
        return self._cipher.seal(ext_ref, table="cases", column="ext_ref", row=case_id)

    def _detail(self, case: Case, now: datetime, own: str | None) -> CaseDetail:
        ext_ref = None
        if case.ext_ref_sealed is not None and self._cipher is not None and own == case.authority:
            ext_ref = self._cipher.open(case.ext_ref_sealed, table="cases", column="ext_ref", row=case.id)
        return case_detail(self._catalogue, case, now, ext_ref)

    def _tell(self, uow: UnitOfWork, case: Case) -> None:
        body = {"case_id": case.id, "country": case.country, "authority": case.authority}
        uow.emit(CASE_CHANGED, body, country=case.country)


def _step_of(case: Case, step_id: str) -> ProcedureStep:
    step = next((step for step in case.steps if step.id == step_id), None)
    if step is None:
        raise NotFound("step_unknown", {"step": step_id})
    return step


def _ref_piece(text: str) -> str:
    """A typed piece of a reference in stored form: no separators, capitals, look-alikes read as digits after the country."""
    piece = "".join(char for char in text.upper() if char.isalnum())
    head = piece[:2] if piece[:2] in Country.__members__ else ""
    return head + piece[len(head) :].translate(str.maketrans("OILU", "011V"))
