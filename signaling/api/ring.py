"""The ring: ladders of the countries, targets of interpreters, one's own turns, and browsers that may be woken."""

from __future__ import annotations

from typing import Annotated, TypedDict

from fastapi import APIRouter
from pydantic import Field

from core.access import Country
from core.errors import Forbidden, Invalid
from core.notify import Means
from scheduler.pool import regional
from scheduler.ring.ledger import LedgerView, MonthView
from scheduler.ring.policy import LadderPolicy
from signaling.api.routing import guarded_router
from signaling.api.shapes import In, Key, Out
from signaling.api.shown import shown
from signaling.deps import Svc, Who, home_country
from signaling.facts import base_country
from signaling.policy import demand, may_change_interpreter, may_keep_ladder

router: APIRouter = guarded_router("ring")
_BASE64 = r"^[A-Za-z0-9_-]+={0,2}$"


class PushKeys(In):
    """The browser's keys (Push API)."""

    p256dh: Annotated[str, Field(min_length=80, max_length=120, pattern=_BASE64)]
    auth: Annotated[str, Field(min_length=20, max_length=40, pattern=_BASE64)]


class SubscriptionBody(In):
    """A push subscription as the browser gives it."""

    endpoint: Annotated[str, Field(min_length=10, max_length=1000)]
    keys: PushKeys


class EndpointBody(In):
    """Which browser."""

    endpoint: Annotated[str, Field(min_length=10, max_length=1000)]


class LadderBody(In):
    """A new ladder over the version that was read; 0 is the shipped one."""

    version: Annotated[int, Field(ge=0)]
    policy: LadderPolicy


class TargetBody(In):
    """Minutes agreed for a month; none: the country's usual ones."""

    target_min: Annotated[int, Field(ge=60, le=14_400)] | None


class PushState(TypedDict):
    """Whether this installation can wake browsers, and how many of one's own are known."""

    public_key: str | None
    devices: int


class LadderOut(Out):
    """What counts in a country now."""

    version: int
    policy: LadderPolicy
    means: dict[str, bool]
    """Which means beyond the open page are configured in this installation."""


@router.get("/api/push", response_model=shown(PushState))
async def push_state(who: Who, services: Svc) -> PushState:
    """The key to subscribe with; none where Web Push is not configured."""
    async with services.database.read(regional(who.actor)) as unit:
        devices = await services.scheduler.reach.devices(unit, who.interpreter_id or "")
    return PushState(public_key=services.scheduler.reach.ports.push.public_key, devices=devices)


@router.post("/api/push/subscriptions", response_model=shown(PushState))
async def subscribe(body: SubscriptionBody, who: Who, services: Svc) -> PushState:
    """Wake this browser when there is a call and no page is open."""
    if who.interpreter_id is None:
        raise Forbidden("no_profile")
    reach = services.scheduler.reach
    async with services.database.unit(regional(who.actor)) as uow:
        await reach.subscribe(
            uow, who.interpreter_id, endpoint=body.endpoint, p256dh=body.keys.p256dh, auth=body.keys.auth
        )
        services.audit.record(
            uow, "push.subscribed", who.interpreter_id, country=home_country(who).value, purpose="interpreting", data={}
        )
        devices = await reach.devices(uow, who.interpreter_id)
    return PushState(public_key=reach.ports.push.public_key, devices=devices)


@router.post("/api/push/forget", status_code=204)
async def forget(body: EndpointBody, who: Who, services: Svc) -> None:
    """Wake this browser no more."""
    if who.interpreter_id is None:
        raise Forbidden("no_profile")
    async with services.database.unit(regional(who.actor)) as uow:
        await services.scheduler.reach.unsubscribe(uow, who.interpreter_id, body.endpoint)


@router.get("/api/interpreter/turns", response_model=shown(LedgerView))
async def own_turns(who: Who, services: Svc) -> LedgerView:
    """The own minutes against the target, and why one was rung or not this week."""
    if who.interpreter_id is None:
        raise Forbidden("no_profile")
    async with services.database.read(regional(who.actor)) as unit:
        country = await base_country(unit, who.interpreter_id)
        return await services.scheduler.ledger.of(unit, who.interpreter_id, country)


@router.get("/api/ring/ladders/{country}")
async def read_ladder(country: Country, who: Who, services: Svc) -> LadderOut:
    """The ladder of a country. For its coordinators and administrators."""
    demand(may_keep_ladder(who, country.value))
    async with services.database.read(who.actor) as unit:
        policy, version = await services.scheduler.policies.versioned(unit, country.value)
    ports = services.scheduler.reach.ports
    means = {way.value: ports.configured(way) for way in Means if way is not Means.APP}
    return LadderOut(version=version, policy=policy, means=means)


@router.put("/api/ring/ladders/{country}")
async def change_ladder(country: Country, body: LadderBody, who: Who, services: Svc) -> LadderOut:
    """Change the ladder; searches that run keep the one with which they began."""
    demand(may_keep_ladder(who, country.value))
    if body.policy.country is not country:
        raise Invalid("country_wrong", {"field": "country"})
    async with services.database.unit(who.actor) as uow:
        before, _ = await services.scheduler.policies.versioned(uow, country.value)
        await services.scheduler.policies.change(uow, body.policy, version=body.version)
        old, new = before.model_dump(mode="json"), body.policy.model_dump(mode="json")
        data = {"changed": sorted(name for name in new if old[name] != new[name])}
        services.audit.record(
            uow, "ladder.changed", country.value, country=country.value, purpose="coordination", data=data
        )
    return await read_ladder(country, who, services)


@router.get("/api/ring/targets/{interpreter_id}", response_model=shown(MonthView))
async def read_target(interpreter_id: Key, who: Who, services: Svc) -> MonthView:
    """The minutes of an interpreter's month and the target, for coordinators where the interpreter works."""
    async with services.database.read(who.actor) as unit:
        country = await base_country(unit, interpreter_id)
        demand(may_change_interpreter(who, country))
        return await services.scheduler.ledger.month(unit, interpreter_id, country)


@router.put("/api/ring/targets/{interpreter_id}", status_code=204)
async def set_target(interpreter_id: Key, body: TargetBody, who: Who, services: Svc) -> None:
    """Set the minutes that are agreed with an interpreter for a month. For coordinators where the interpreter works."""
    async with services.database.unit(who.actor) as uow:
        country = await base_country(uow, interpreter_id)
        demand(may_change_interpreter(who, country))
        await services.scheduler.ledger.set_target(uow, interpreter_id, body.target_min)
        services.audit.record(
            uow,
            "interpreter.target_set",
            interpreter_id,
            country=country,
            purpose="coordination",
            data={"target_min": body.target_min},
        )
