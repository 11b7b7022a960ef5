"""Plans of assignment and repair: ask, watch, compare, pin, approve; and why somebody was not chosen."""

from __future__ import annotations

from typing import Annotated, TypedDict

from fastapi import APIRouter
from pydantic import Field

import scheduler.plans.reasons
from core.access import Country
from core.db.session import UnitOfWork
from records.chain import JsonValue
from scheduler.plans.choosing import CellPeople
from scheduler.plans.models import Plan
from scheduler.plans.runs import NAME
from scheduler.plans.service import MOST_SECONDS, SECONDS
from scheduler.plans.views import PlanHead, PlanList, PlanView, head
from signaling.api.routing import guarded_router
from signaling.api.shapes import In, InstantIn, Key
from signaling.api.shown import shown
from signaling.deps import Svc, Who
from signaling.facts import booking_facts
from signaling.policy import demand, may_dispatch_booking, may_plan_for

router: APIRouter = guarded_router("plans")
Leg = Annotated[int, Field(ge=1, le=2)]


class NewPlanBody(In):
    """Which appointments, and how long to search."""

    country: Country
    starts_at: InstantIn
    ends_at: InstantIn
    seconds: Annotated[int, Field(ge=1, le=MOST_SECONDS)] = SECONDS


class RepairBody(In):
    """Who drops out, and from when to when."""

    country: Country
    interpreter_ids: Annotated[list[Key], Field(min_length=1, max_length=40)]
    starts_at: InstantIn
    ends_at: InstantIn


class PinBody(In):
    """Which cell, and whether it is pinned."""

    booking_id: Key
    leg: Leg = 1
    pinned: bool


class ChoiceBody(In):
    """Who is to have a cell."""

    booking_id: Key
    leg: Leg = 1
    interpreter_id: Key


class Pinned(TypedDict):
    """A cell and its pin."""

    booking_id: str
    leg: int
    pinned: bool


class StaleCell(TypedDict):
    """A booking that was not bound."""

    booking_id: str
    reason: str


class ApprovedView(TypedDict):
    """What an approval did so far; call again while something remains."""

    bound: int
    stale: list[StaleCell]
    remaining: int


@router.get("/api/plans", response_model=shown(PlanList))
async def list_plans(who: Who, services: Svc) -> PlanList:
    """The latest plans of one's own countries."""
    async with services.database.read(who.actor) as unit:
        return await services.scheduler.plans.views.recent(unit)


@router.post("/api/plans", response_model=shown(PlanHead), status_code=201)
async def ask_for_plan(body: NewPlanBody, who: Who, services: Svc) -> PlanHead:
    """Ask for a plan; its search begins within seconds. Watch it with ``GET /api/plans/{plan_id}``."""
    demand(may_plan_for(who, body.country))
    async with services.database.unit(who.actor) as uow:
        plan = await services.scheduler.plans.service.ask(
            uow, body.country.value, body.starts_at, body.ends_at, seconds=body.seconds
        )
        services.audit.record(uow, "plan.asked", plan.id, country=plan.country, purpose="coordination", data={})
        shown_head = head(plan, {})
    services.jobs.wake(NAME)
    return shown_head


@router.post("/api/plans/repairs", response_model=shown(PlanList), status_code=201)
async def propose_repair(body: RepairBody, who: Who, services: Svc) -> PlanList:
    """Proposals for the agreed appointments of people who drop out: at most two."""
    demand(may_plan_for(who, body.country))
    async with services.database.unit(who.actor) as uow:
        plans = await services.scheduler.plans.repairs.propose(
            uow, body.country.value, body.interpreter_ids, body.starts_at, body.ends_at
        )
        for plan in plans:
            services.audit.record(
                uow, "plan.repair", plan.id, country=plan.country, purpose="coordination", data={"cells": plan.bookings}
            )
        return PlanList(items=[head(plan, {}) for plan in plans])


@router.get("/api/plans/{plan_id}", response_model=shown(PlanView))
async def read_plan(plan_id: Key, who: Who, services: Svc, against: Key | None = None) -> PlanView:
    """A plan beside another one: by default the version before it."""
    async with services.database.read(who.actor) as unit:
        demand(may_plan_for(who, (await services.scheduler.plans.service.get(unit, plan_id)).country))
        return await services.scheduler.plans.views.plan(unit, plan_id, against=against)


@router.post("/api/plans/{plan_id}/stop", response_model=shown(PlanHead))
async def stop_plan(plan_id: Key, who: Who, services: Svc) -> PlanHead:
    """End the search; the best plan so far is proposed."""
    async with services.database.unit(who.actor) as uow:
        plan = await services.scheduler.plans.service.stop(uow, plan_id)
        demand(may_plan_for(who, plan.country))
        return head(plan, {})


@router.post("/api/plans/{plan_id}/reject", response_model=shown(PlanHead))
async def reject_plan(plan_id: Key, who: Who, services: Svc) -> PlanHead:
    """Put a proposal aside."""
    async with services.database.unit(who.actor) as uow:
        plan: Plan = await services.scheduler.plans.service.reject(uow, plan_id)
        demand(may_plan_for(who, plan.country))
        services.audit.record(uow, "plan.rejected", plan.id, country=plan.country, purpose="coordination", data={})
        return head(plan, {})


@router.post("/api/plans/{plan_id}/pins", response_model=shown(Pinned))
async def pin_cell(plan_id: Key, body: PinBody, who: Who, services: Svc) -> Pinned:
    """Pin a cell, so that later plans keep it, or lift the pin."""
    async with services.database.unit(who.actor) as uow:
        cell = await services.scheduler.plans.service.pin(uow, plan_id, body.booking_id, body.leg, pinned=body.pinned)
        demand(may_plan_for(who, cell.country))
        return Pinned(booking_id=cell.booking_id, leg=cell.leg, pinned=cell.pinned)


@router.get("/api/plans/{plan_id}/people", response_model=shown(CellPeople))
async def cell_people(plan_id: Key, booking_id: Key, who: Who, services: Svc, leg: Leg = 1) -> CellPeople:
    """Who could have this cell beside the rest of the plan, and which rule forbids it to the others. The look is noted."""
    async with services.database.unit(who.actor) as uow:
        plan = await services.scheduler.plans.service.get(uow, plan_id)
        demand(may_plan_for(who, plan.country))
        services.audit.record(uow, "plan.people_viewed", plan.id, country=plan.country, purpose="coordination", data={})
    async with services.database.read(who.actor) as unit:
        return await services.scheduler.plans.choosing.people(unit, plan_id, booking_id, leg)


@router.post("/api/plans/{plan_id}/choices", response_model=shown(Pinned))
async def choose_person(plan_id: Key, body: ChoiceBody, who: Who, services: Svc) -> Pinned:
    """Give a cell of a proposed plan to somebody else and pin it; the plan is checked again. 409 ``not_eligible`` names the rule."""
    async with services.database.read(who.actor) as unit:
        country = (await services.scheduler.plans.service.get(unit, plan_id)).country
        demand(may_plan_for(who, country))
    data: dict[str, JsonValue] = {"booking": body.booking_id, "leg": body.leg}

    def note(uow: UnitOfWork) -> None:
        services.audit.record(uow, "plan.person_chosen", plan_id, country=country, purpose="coordination", data=data)

    await services.scheduler.plans.choosing.choose(
        services.database, who.actor, plan_id, body.booking_id, body.leg, body.interpreter_id, note=note
    )
    return Pinned(booking_id=body.booking_id, leg=body.leg, pinned=True)


@router.post("/api/plans/{plan_id}/approve", response_model=shown(ApprovedView))
async def approve_plan(plan_id: Key, who: Who, services: Svc) -> ApprovedView:
    """Bind the plan; every rule is checked again. While something remains, call again."""
    async with services.database.unit(who.actor) as uow:
        plan = await services.scheduler.plans.service.get(uow, plan_id)
        demand(may_plan_for(who, plan.country))
        services.audit.record(
            uow,
            "plan.approved",
            plan.id,
            country=plan.country,
            purpose="coordination",
            data={"bookings": plan.bookings},
        )
    done = await services.scheduler.plans.approval.approve(services.database, who.actor, plan_id)
    stale = [StaleCell(booking_id=booking_id, reason=reason) for booking_id, reason in done.stale]
    return ApprovedView(bound=done.bound, stale=stale, remaining=done.remaining)


@router.get("/api/bookings/{booking_id}/why-not/{interpreter_id}", response_model=shown(scheduler.plans.reasons.WhyNot))
async def why_not(
    booking_id: Key, interpreter_id: Key, who: Who, services: Svc, plan_id: Key | None = None, leg: Leg = 1
) -> scheduler.plans.reasons.WhyNot:
    """Why not this person? Every rule that forbids it, with numbers; empty if nothing does."""
    async with services.database.read(who.actor) as unit:
        demand(may_dispatch_booking(who, await booking_facts(unit, booking_id)), hidden="booking_unknown")
        return await services.scheduler.plans.choosing.why_not(
            unit, booking_id, interpreter_id, leg=leg, plan_id=plan_id
        )
