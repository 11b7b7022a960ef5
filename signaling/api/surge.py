"""Surge: the state of a country, what a coordinator sets by hand, and what-if plans."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from core.access import Country
from core.db.session import ReadUnit
from scheduler.surge.rule import SurgeState, Switch
from scheduler.surge.states import ByHand
from scheduler.whatif.plan import PlanInput, PlanResult
from scheduler.whatif.runs import RunView
from scheduler.whatif.scenarios import load_scenarios
from signaling.api.routing import guarded_router
from signaling.api.shapes import In, Instant, Key, Out
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.deps import Svc, Who
from signaling.policy import demand, may_plan_for

router: APIRouter = guarded_router("surge")
_STORY = timedelta(days=30)
State = Literal["green", "amber", "red"]


class SurgeReading(Out):
    """What was seen last."""

    arrivals: int
    expected: float
    ratio: float | None
    urgent_wait_s: int | None


class SurgeNow(Out):
    """How a country stands."""

    country: Country
    state: State
    since: Instant | None
    multiplier: float
    switches: dict[str, bool]
    by_hand: list[str]
    held_until: Instant | None
    reading: SurgeReading | None
    read_at: Instant | None
    calm_since: Instant | None


class SurgeChange(Out):
    """One change of the last 30 days."""

    at: Instant
    before: State
    after: State
    by_hand: bool
    actor_code: str
    reason: str
    multiplier: float
    switches: dict[str, bool]
    reading: dict[str, Any]


class SurgeAnswer(Out):
    """State, story, and hours in each state in the last 30 days (I-17)."""

    now: SurgeNow
    story: list[SurgeChange]
    hours: dict[str, float]


class SurgeBody(In):
    """What a coordinator sets; what is not given stays."""

    country: Country
    reason: str = Field(min_length=3, max_length=400)
    state: State | None = None
    hold_hours: float | None = Field(default=None, gt=0, le=24)
    release: bool = False
    multiplier: float | None = Field(default=None, ge=0.1, le=100)
    switches: dict[Switch, bool | None] | None = None


class ScenarioView(Out):
    """A ready scenario."""

    key: str
    country: Country
    total: int
    days: int
    sources: list[str]
    mix_of: str
    assumed_rise: float
    plan: PlanInput


class SurgePlanBody(In):
    """A plan to be run."""

    title: Annotated[str, Field(min_length=1, max_length=80)]
    plan: PlanInput


class SurgePlan(Out):
    """A plan and, once it has run, its answer."""

    id: str
    country: Country
    title: str
    made_at: Instant
    made_by: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    progress: float
    asked: PlanInput
    found: PlanResult | None
    error: str | None
    ended_at: Instant | None


class SurgePlanLine(Out):
    """A plan in the list."""

    id: str
    country: Country
    title: str
    made_at: Instant
    made_by: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    progress: float


class Scenarios(Out):
    """The ready scenarios."""

    items: list[ScenarioView]


class SurgePlans(Out):
    """The latest plans."""

    items: list[SurgePlanLine]


@router.get("/api/surge")
async def read_surge(who: Who, services: Svc, country: Country) -> SurgeAnswer:
    """The state of a country with its story."""
    demand(may_plan_for(who, country))
    async with services.database.read(who.actor) as unit:
        return await _answer(services, unit, country)


@router.post("/api/surge")
async def set_surge(body: SurgeBody, who: Who, services: Svc) -> SurgeAnswer:
    """Set state, multiplier or switches by hand, with a reason."""
    demand(may_plan_for(who, body.country))
    wish = ByHand(
        reason=body.reason,
        state=None if body.state is None else SurgeState(body.state),
        hold=None if body.hold_hours is None else timedelta(hours=body.hold_hours),
        release=body.release,
        multiplier=body.multiplier,
        switches=body.switches,
    )
    async with services.database.unit(who.actor) as uow:
        await services.foresight.surge.set_by_hand(uow, body.country, wish)
        return await _answer(services, uow, body.country)


@router.get("/api/surge/scenarios")
async def read_scenarios(_: Who) -> Scenarios:
    """Documented surges as plans."""
    items = [
        ScenarioView(
            key=one.key,
            country=Country(one.plan.country),
            total=one.total,
            days=len(one.plan.persons),
            sources=list(one.sources),
            mix_of=one.mix_of,
            assumed_rise=one.assumed_rise,
            plan=one.plan,
        )
        for one in load_scenarios().values()
    ]
    return Scenarios(items=items)


@router.get("/api/surge/plans")
async def read_plans(who: Who, services: Svc, country: Country) -> SurgePlans:
    """The latest plans of a country, newest first."""
    demand(may_plan_for(who, country))
    async with services.database.read(who.actor) as unit:
        runs = await services.foresight.plans.latest(unit, country)
    fields = SurgePlanLine.model_fields
    lines = [{name: value for name, value in one.items() if name in fields} for one in runs]
    return SurgePlans(items=[SurgePlanLine.model_validate(line) for line in lines])


@router.post("/api/surge/plans", status_code=201)
async def ask_plan(body: SurgePlanBody, who: Who, services: Svc) -> SurgePlan:
    """Ask for a plan; it is worked off in the background."""
    demand(may_plan_for(who, body.plan.country))
    async with services.database.unit(who.actor) as uow:
        services.audit.record(
            uow, "surge.plan_asked", body.plan.country, country=body.plan.country, purpose="coordination"
        )
        return _view(await services.foresight.plans.ask(uow, body.plan, title=body.title))


@router.get("/api/surge/plans/{run_id}")
async def read_plan(run_id: Key, who: Who, services: Svc) -> SurgePlan:
    """One plan with its answer."""
    return _view(await _own(services, who, run_id))


@router.post("/api/surge/plans/{run_id}/cancel")
async def cancel_plan(run_id: Key, who: Who, services: Svc) -> SurgePlan:
    """Stop a plan that waits or runs."""
    await _own(services, who, run_id)
    async with services.database.unit(who.actor) as uow:
        return _view(await services.foresight.plans.cancel(uow, run_id))


async def _own(services: Services, who: Principal, run_id: str) -> RunView:
    async with services.database.read(who.actor) as unit:
        found = await services.foresight.plans.get(unit, run_id)
    demand(may_plan_for(who, found["country"]), hidden="plan_unknown", refused="not_allowed")
    return found


async def _answer(services: Services, unit: ReadUnit, country: Country) -> SurgeAnswer:
    surge = services.foresight.surge
    begin = unit.now - _STORY
    hours = await surge.hours_in_state(unit, country, start=begin, end=unit.now)
    return SurgeAnswer(
        now=SurgeNow.model_validate(await surge.view(unit, country)),
        story=[SurgeChange.model_validate(one) for one in await surge.story(unit, country, since=begin)],
        hours={state.value: round(value, 1) for state, value in hours.items()},
    )


def _view(run: RunView) -> SurgePlan:
    return SurgePlan.model_validate(run)
