"""What waits for somebody's decision: changes of a wish that must be met (M-3), police steps across the border (T-3), concerns (S-10)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from core.access import Role
from core.db.session import UnitOfWork
from records.case_access import own_authority
from records.wish_changes import NewWishChange
from scheduler.pool import regional
from signaling.api.booking_models import BookingView
from signaling.api.bookings import change_booking
from signaling.api.case_models import (
    CaseDetail,
    PoliceBody,
    Referral,
    ReferralBody,
    ReferralList,
    WishChange,
    WishChangeBody,
    WishChangeList,
    WishDecisionBody,
)
from signaling.api.cases import detail_for
from signaling.api.routing import guarded_router
from signaling.api.shapes import Key
from signaling.bootstrap import Services
from signaling.deps import Svc, Who
from signaling.facts import case_facts
from signaling.policy import BookingFacts, CaseFacts, demand, may_change_case, may_dispatch_booking

router: APIRouter = guarded_router("cases")


@router.post("/api/cases/{case_id}/wish-changes", status_code=201)
async def ask_wish_change(case_id: Key, body: WishChangeBody, who: Who, services: Svc) -> CaseDetail:
    """The person now agrees otherwise: asked of a coordinator. Until somebody else has decided, the wish stands as it was."""
    async with services.database.unit(regional(who.actor)) as uow:
        facts = await case_facts(uow, case_id)
        demand(may_change_case(who, facts), hidden="case_unknown")
        made = await services.wish_changes.ask(uow, case_id, NewWishChange(**body.model_dump()))
        data = {"change": made["id"], "field": made["field"], "channel": made["channel"], "reason": made["reason"]}
        _record(services, uow, "case.wish_change_asked", case_id, facts, data)
        return await detail_for(services, uow, who, facts, dict(await services.cases.get(uow, case_id)))


@router.get("/api/wish-changes")
async def list_wish_changes(who: Who, services: Svc) -> WishChangeList:
    """What waits for a decision in the countries that one coordinates, the oldest first."""
    items: list[Any] = []
    async with services.database.read(who.actor) as unit:
        for country in sorted(who.countries_as(Role.COORDINATOR)):
            items += await services.wish_changes.waiting(unit, country)
    return WishChangeList(items=[WishChange.model_validate(item) for item in items])


@router.post("/api/wish-changes/{change_id}/decide", status_code=204)
async def decide_wish_change(change_id: Key, body: WishDecisionBody, who: Who, services: Svc) -> None:
    """Approve, and the search goes on with the new wish; or refuse with a reason. For coordinators of the country."""
    async with services.database.unit(regional(who.actor)) as uow:
        case_id = await services.wish_changes.case_of(uow, change_id)
        facts = await case_facts(uow, case_id)
        demand(
            may_dispatch_booking(who, BookingFacts(facts.country, facts.authority, "")), hidden="wish_change_unknown"
        )
        done = await services.wish_changes.decide(uow, change_id, approve=body.approve, refusal=body.refusal)
        if body.approve:
            await services.scheduler.bookings.case_changed(uow, case_id)
        data = {"change": change_id, "field": done["field"], "refusal": done["refusal"], "asked_by": done["asked_by"]}
        _record(services, uow, f"case.wish_change_{done['state']}", case_id, facts, data)


@router.post("/api/wish-changes/{change_id}/withdraw", status_code=204)
async def withdraw_wish_change(change_id: Key, who: Who, services: Svc) -> None:
    """The desk takes its asking back."""
    async with services.database.unit(who.actor) as uow:
        case_id = await services.wish_changes.case_of(uow, change_id)
        facts = await case_facts(uow, case_id)
        demand(may_change_case(who, facts), hidden="wish_change_unknown")
        done = await services.wish_changes.withdraw(uow, change_id)
        _record(
            services, uow, "case.wish_change_withdrawn", case_id, facts, {"change": change_id, "field": done["field"]}
        )


@router.get("/api/referrals")
async def list_referrals(who: Who, services: Svc) -> ReferralList:
    """Concerns that nobody has closed: all of the own authority; for coordinators those of the country whose time is over."""
    found: dict[str, Any] = {}
    async with services.database.read(who.actor) as unit:
        own = await own_authority(unit)
        for country in sorted(who.countries_as(Role.INTERVIEWER)) if own is not None else ():
            mine = await services.referrals.open_in(unit, country=country.value, authority=own)
            found |= {one["id"]: one for one in mine}
        for country in sorted(who.countries_as(Role.COORDINATOR)):
            late = await services.referrals.open_in(unit, country=country.value)
            found |= {one["id"]: one for one in late if one["overdue"]}
    return ReferralList(items=[Referral.model_validate(item) for item in found.values()])


@router.post("/api/referrals/{referral_id}/close")
async def close_referral(referral_id: Key, body: ReferralBody, who: Who, services: Svc) -> CaseDetail:
    """Somebody looked after it; the case loses the need with the last one. For interviewers of the case's authority."""
    async with services.database.unit(who.actor) as uow:
        case_id = await services.referrals.case_of(uow, referral_id)
        facts = await case_facts(uow, case_id)
        demand(may_change_case(who, facts), hidden="referral_unknown")
        await services.referrals.close(uow, referral_id, outcome=body.outcome)
        data = {"referral": referral_id, "outcome": body.outcome}
        _record(services, uow, "case.referral_closed", case_id, facts, data)
        return await detail_for(services, uow, who, facts, dict(await services.cases.get(uow, case_id)))


@router.post("/api/bookings/{booking_id}/police")
async def approve_police(booking_id: Key, body: PoliceBody, who: Who, services: Svc) -> BookingView:
    """Let interpreters of the other country do a police step, under the reference of the approval (T-3). For coordinators."""
    return await change_booking(
        services,
        who,
        booking_id,
        may_dispatch_booking,
        "booking.police_approved" if body.reference else "booking.police_approval_withdrawn",
        lambda uow: services.scheduler.bookings.approve_police(uow, booking_id, reference=body.reference),
        {"reference": body.reference},
    )


def _record(
    services: Services, uow: UnitOfWork, action: str, case_id: str, facts: CaseFacts, data: dict[str, Any]
) -> None:
    services.audit.record(uow, action, case_id, country=facts.country, purpose="casework", data=data)
