"""What a session does to its case: schedules and moves the step, notes the confirmed language. Called by the session log only."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import lazyload

from core.db.session import UnitOfWork
from core.errors import NotFound
from records.events import CASE_CHANGED
from records.lifecycle import StepMove, StepState, advance
from records.models import Case, CaseLanguage, ProcedureStep


async def schedule_step(uow: UnitOfWork, step_id: str) -> ProcedureStep:
    """The step becomes SCHEDULED, if it is not yet. Raises ``NotFound('step_unknown')``, ``Conflict('move_not_allowed')``."""
    step = await _locked(uow, step_id)
    if step.state is not StepState.SCHEDULED:
        step.state = advance(step.state, StepMove.SCHEDULE)
        step.reason = None
        await _tell(uow, step.case_id)
    return step


async def move_step(uow: UnitOfWork, step_id: str, move: StepMove, reason: str | None) -> None:
    """Hold or postpone a SCHEDULED step; one that was dropped meanwhile stays dropped."""
    step = await _locked(uow, step_id)
    if step.state is not StepState.SCHEDULED:
        return
    step.state = advance(step.state, move)
    step.held_at = uow.now if move is StepMove.HOLD else None
    step.reason = reason
    await _tell(uow, step.case_id)


async def confirm_language_in_case(uow: UnitOfWork, case_id: str, code: str) -> None:
    """The confirmed variety becomes the first language of the case."""
    case = await uow.session.get_one(Case, case_id, with_for_update=True, populate_existing=True)
    known = {language.code: language for language in case.languages}
    first = known.get(code) or CaseLanguage(case_id=case_id, country=case.country, code=code, region_note=None)
    first.source, first.confirmed_at = "interpreter_confirmed", uow.now
    others = [language for language in case.languages if language.code != code]
    for rank, language in enumerate([first, *others], start=1):
        language.rank = rank
    if code not in known:
        case.languages.append(first)
    await _tell(uow, case_id)


async def _locked(uow: UnitOfWork, step_id: str) -> ProcedureStep:
    step = await uow.session.scalar(
        select(ProcedureStep)
        .where(ProcedureStep.id == step_id)
        .options(lazyload(ProcedureStep.sessions))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if step is None:
        raise NotFound("step_unknown")
    return step


async def _tell(uow: UnitOfWork, case_id: str) -> None:
    case = (await uow.session.execute(select(Case.country, Case.authority).where(Case.id == case_id))).one()
    # Not through the object: the version of the case is for changes of its content.
    await uow.session.execute(
        update(Case).where(Case.id == case_id).values(changed_at=uow.now).execution_options(synchronize_session=False)
    )
    body = {"case_id": case_id, "country": case.country, "authority": case.authority}
    uow.emit(CASE_CHANGED, body, country=case.country)
