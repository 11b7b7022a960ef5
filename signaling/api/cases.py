"""Cases and their steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from core.db.session import UnitOfWork
from core.errors import Conflict, NotFound
from records import case_write
from records.case_link import case_by_ref, links_of
from records.lifecycle import StepMove
from records.session_views import stamp
from records.sites import site_by_code
from records.stages import Stage
from scheduler.lifecycle import REMOVAL_CALL
from scheduler.pool import regional
from signaling.api.booking_models import Outlook
from signaling.api.case_models import (
    CaseChangesBody,
    CaseDetail,
    CasePage,
    GuardianBody,
    HeldBody,
    LanguageBody,
    LinkBody,
    NewCaseBody,
    NewStepBody,
    ReasonBody,
    RemovalBody,
    WishBody,
)
from signaling.api.routing import guarded_router
from signaling.api.shapes import Key, Language, PageNumber, PageSize
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.deps import IdempotencyKey, Svc, Who
from signaling.facts import case_facts
from signaling.policy import CaseFacts, CaseView, case_view, demand, may_change_case, may_open_case, may_read_case

router: APIRouter = guarded_router("cases")


@router.get("/api/cases")
async def list_cases(
    who: Who,
    services: Svc,
    q: Annotated[str | None, Query(max_length=40)] = None,
    state: Literal["open", "closed"] | None = None,
    language: Language | None = None,
    stage: Stage | None = None,
    page: PageNumber = 1,
    per: PageSize = 25,
) -> CasePage:
    """Cases of the own authority (interviewers) or country (coordinators), the latest changed first."""
    async with services.database.read(who.actor) as unit:
        found: dict[str, Any] = dict(
            await services.cases.list(
                unit,
                q=q,
                state=state,
                language=language,
                stage=None if stage is None else stage.value,
                page=page,
                per=per,
            )
        )
        links = await services.scheduler.booking_views.links(unit, [item["id"] for item in found["items"]])
    found["items"] = [{**item, **links[item["id"]]} for item in found["items"]]
    return CasePage.model_validate(found)


@router.post("/api/cases", status_code=201)
async def open_case(body: NewCaseBody, who: Who, services: Svc, key: IdempotencyKey = None) -> CaseDetail:
    """Open a case for the own authority."""
    new = case_write.NewCase(
        **{
            name: value
            for name, value in body.model_dump().items()
            if name not in {"languages", "interp_sex", "officer_sex"}
        },
        languages=_languages(body.languages),
        interp_sex=_wish(body.interp_sex),
        officer_sex=_wish(body.officer_sex),
    )
    async with services.database.unit(who.actor) as uow:
        authority = (await site_by_code(uow, body.site)).authority
        demand(may_open_case(who, body.country, authority), hidden="site_unknown")
        detail = dict(await services.cases.open(uow, new, idempotency_key=key))
        facts = CaseFacts(body.country, authority)
        _record(services, uow, "case.opened", str(detail["id"]), facts, {"emergency": body.emergency})
        return await detail_for(services, uow, who, facts, detail)


@router.get("/api/cases/{case_id}")
async def read_case(case_id: Key, who: Who, services: Svc) -> CaseDetail:
    """A case in full, as far as the role may see it. The look is noted in the audit trail."""
    async with services.database.unit(who.actor) as uow:
        facts = await case_facts(uow, case_id)
        demand(may_read_case(who, facts), hidden="case_unknown")
        detail = dict(await services.cases.get(uow, case_id))
        _record(services, uow, "case.viewed", case_id, facts, {"view": case_view(who, facts).value})
        return await detail_for(services, uow, who, facts, detail)


@router.patch("/api/cases/{case_id}")
async def change_case(case_id: Key, body: CaseChangesBody, who: Who, services: Svc) -> CaseDetail:
    """Change what was told about the person; 409 ``changed_meanwhile`` when somebody was faster."""
    changes: dict[str, Any] = {name: getattr(body, name) for name in sorted(body.model_fields_set - {"version"})}
    for name in ("interp_sex", "officer_sex"):
        if name in changes:
            changes[name] = _wish(changes[name]) or case_write.SexWishInput()
    if "languages" in changes:
        changes["languages"] = _languages(body.languages or [])
    if "guardian" in changes:
        changes["guardian"] = _guardian(body.guardian)
    if "removal" in changes:
        changes["removal"] = _removal(body.removal)
    if body.avoid is not None:
        changes["avoid"] = case_write.AvoidInput(**body.avoid.model_dump())
    kept = {name: value for name, value in changes.items() if value is not None or name in _CAN_BE_EMPTY}
    async with services.database.unit(regional(who.actor)) as uow:
        facts = await _writable(uow, who, case_id)
        before = await services.cases.get(uow, case_id) if "removal" in kept else None
        detail: dict[str, Any] = dict(
            await services.cases.update(
                uow,
                case_id,
                version=body.version,
                changes=case_write.CaseChanges(**kept),  # type: ignore[typeddict-item]
            )
        )
        await services.scheduler.bookings.case_changed(uow, case_id)
        data: dict[str, Any] = {"fields": sorted(kept)}
        if before is not None:
            # What hurries everybody is seen with what it was before (M-10).
            data |= {"from": _at(before["removal"]), "to": _at(detail["removal"])}
        if "avoid" in kept:
            # How many, never whom: the wishes are the matcher's alone (M-5).
            data["avoided"] = detail["avoided"]
        _record(services, uow, "case.changed", case_id, facts, data)
        return await detail_for(services, uow, who, facts, detail)


@router.post("/api/cases/{case_id}/steps")
async def plan_step(case_id: Key, body: NewStepBody, who: Who, services: Svc) -> CaseDetail:
    """Plan one more step."""
    async with services.database.unit(regional(who.actor)) as uow:
        facts = await _writable(uow, who, case_id)
        detail = dict(await services.cases.plan_step(uow, case_id, code=body.code))
        _record(services, uow, "case.step_planned", case_id, facts, {"step": body.code})
        return await detail_for(services, uow, who, facts, detail)


@router.post("/api/cases/{case_id}/steps/{step_id}/drop")
async def drop_step(case_id: Key, step_id: Key, body: ReasonBody, who: Who, services: Svc) -> CaseDetail:
    """A planned step is not needed any more."""
    return await _move_step(services, who, case_id, step_id, StepMove.DROP, body.reason)


@router.post("/api/cases/{case_id}/steps/{step_id}/postpone")
async def postpone_step(case_id: Key, step_id: Key, body: ReasonBody, who: Who, services: Svc) -> CaseDetail:
    """A scheduled step waits for a new date."""
    return await _move_step(services, who, case_id, step_id, StepMove.POSTPONE, body.reason)


@router.post("/api/cases/{case_id}/steps/{step_id}/held")
async def record_held(case_id: Key, step_id: Key, body: HeldBody, who: Who, services: Svc) -> CaseDetail:
    """A step was held outside the system: with an interpreter in person, or as an act without a talk."""
    async with services.database.unit(regional(who.actor)) as uow:
        facts = await _writable(uow, who, case_id)
        await _not_booked(services, uow, step_id)
        detail = dict(
            await services.cases.record_held(
                uow, case_id, step_id, how=body.how, held_at=body.held_at, version=body.version
            )
        )
        _record(services, uow, "step.held_elsewhere", case_id, facts, {"step_id": step_id, "how": body.how.value})
        return await detail_for(services, uow, who, facts, detail)


@router.post("/api/cases/{case_id}/confirm")
async def confirm_case(case_id: Key, who: Who, services: Svc) -> CaseDetail:
    """The person of a temporary case was registered: it becomes an ordinary one (M-1)."""
    async with services.database.unit(regional(who.actor)) as uow:
        facts = await _writable(uow, who, case_id)
        detail = dict(await services.cases.confirm(uow, case_id))
        await services.scheduler.bookings.case_changed(uow, case_id)
        _record(services, uow, "case.confirmed", case_id, facts, {})
        return await detail_for(services, uow, who, facts, detail)


@router.post("/api/cases/{case_id}/link")
async def link_case(case_id: Key, body: LinkBody, who: Who, services: Svc) -> CaseDetail:
    """The person of a temporary case has a case already: this one ends in it, and both show it (M-1)."""
    async with services.database.unit(regional(who.actor)) as uow:
        facts = await _writable(uow, who, case_id)
        target_id = await case_by_ref(uow, body.case_ref)
        target = await _writable(uow, who, target_id)
        detail = dict(await services.cases.link(uow, case_id, target_id))
        _record(services, uow, "case.linked", case_id, facts, {"to": target_id})
        _record(services, uow, "case.link_received", target_id, target, {"from": case_id})
        return await detail_for(services, uow, who, facts, detail)


@router.post("/api/cases/{case_id}/close")
async def close_case(case_id: Key, body: ReasonBody, who: Who, services: Svc) -> CaseDetail:
    """Close the case."""
    async with services.database.unit(regional(who.actor)) as uow:
        facts = await _writable(uow, who, case_id)
        detail = dict(await services.cases.close(uow, case_id, reason=body.reason))
        _record(services, uow, "case.closed", case_id, facts, {"reason": body.reason})
        return await detail_for(services, uow, who, facts, detail)


@router.get("/api/cases/{case_id}/steps/{step_id}/outlook")
async def outlook(
    case_id: Key,
    step_id: Key,
    who: Who,
    services: Svc,
    language: Annotated[str | None, Query(pattern=r"^[a-z]{3}$")] = None,
) -> Outlook:
    """Who could be found now, before asking: numbers only, small ones as "few"."""
    async with services.database.read(regional(who.actor)) as unit:
        facts = await case_facts(unit, case_id)
        demand(may_change_case(who, facts), hidden="case_unknown")
        detail = await services.cases.get(unit, case_id)
        if all(step["id"] != step_id for step in detail["steps"]):
            raise NotFound("step_unknown", {"step": step_id})
        found = await services.scheduler.board.outlook(
            unit, step_id=step_id, language=language, officer_language=who.officer_language
        )
        return Outlook.model_validate(found)


async def _move_step(
    services: Services, who: Principal, case_id: str, step_id: str, move: StepMove, reason: str
) -> CaseDetail:
    async with services.database.unit(regional(who.actor)) as uow:
        facts = await _writable(uow, who, case_id)
        await _not_booked(services, uow, step_id)
        detail = dict(await services.cases.move_step(uow, case_id, step_id, move=move, reason=reason))
        _record(services, uow, f"case.step_{_PAST[move]}", case_id, facts, {"step_id": step_id, "reason": reason})
        return await detail_for(services, uow, who, facts, detail)


_CAN_BE_EMPTY = frozenset({"guardian", "removal"})
_PAST = {StepMove.DROP: "dropped", StepMove.POSTPONE: "postponed"}


async def _not_booked(services: Services, uow: UnitOfWork, step_id: str) -> None:
    if await services.scheduler.bookings.open_for_step(uow, step_id) is not None:
        raise Conflict("booking_exists")


async def _writable(uow: UnitOfWork, who: Principal, case_id: str) -> CaseFacts:
    facts = await case_facts(uow, case_id)
    demand(may_change_case(who, facts), hidden="case_unknown")
    return facts


async def detail_for(
    services: Services, uow: UnitOfWork, who: Principal, facts: CaseFacts, detail: dict[str, Any]
) -> CaseDetail:
    """The case with its bookings and next action, without what the role must not see."""
    links = await services.scheduler.booking_views.links(uow, [detail["id"]])
    detail |= links[detail["id"]]
    detail |= await links_of(uow, detail["id"])
    if (removal := detail["removal"]) is not None:
        detail["removal"] = {**removal, "soon": removal["at"] - uow.now <= REMOVAL_CALL}
    spoken = [language["code"] for language in detail["languages"]]
    detail["acceptable"] = services.languages.needing_acceptance(spoken)
    detail["wish_changes"] = await services.wish_changes.of_case(uow, detail["id"])
    detail["referrals"] = await services.referrals.of_case(uow, detail["id"])
    detail["bookings"] = await services.scheduler.booking_views.list(uow, case_id=detail["id"], state="open")
    if case_view(who, facts) is CaseView.COORDINATION:
        detail |= _HIDDEN
        detail["referrals"] = [one for one in detail["referrals"] if one["overdue"]]
    return CaseDetail.model_validate(detail)


_HIDDEN: dict[str, Any] = {
    "literacy": None, "age_group": None, "uam": None, "guardian": None, "country_of_origin": None, "ext_ref": None, "needs": [],
}  # fmt: skip
"""What finding an interpreter does not need (domain 2.1: officer only)."""


def _record(
    services: Services, uow: UnitOfWork, action: str, case_id: str, facts: CaseFacts, data: dict[str, Any]
) -> None:
    services.audit.record(uow, action, case_id, country=facts.country, purpose="casework", data=data)


def _languages(given: list[LanguageBody]) -> list[case_write.NewLanguage]:
    return [case_write.NewLanguage(code=one.code, source=one.source, region_note=one.region_note) for one in given]


def _wish(given: WishBody | None) -> case_write.SexWishInput | None:
    return None if given is None else case_write.SexWishInput(wish=given.wish, must=given.must, asked=given.asked)


def _removal(given: RemovalBody | None) -> case_write.RemovalInput | None:
    return None if given is None else case_write.RemovalInput(at=given.at, zone=given.zone)


def _at(removal: Mapping[str, Any] | None) -> str | None:
    return None if removal is None else stamp(removal["at"])


def _guardian(given: GuardianBody | None) -> case_write.GuardianInput | None:
    if given is None:
        return None
    return case_write.GuardianInput(assigned=given.assigned, code=given.code, arrived_at=given.arrived_at)
