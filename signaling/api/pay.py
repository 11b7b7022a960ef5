"""Minutes and money: both sides confirm the minutes, coordinators settle, set rates, export and note payment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypedDict

from fastapi import APIRouter, Query
from pydantic import Field

from core.access import Country
from core.errors import Invalid
from scheduler.pool import regional
from scheduler.pool_life import batches
from scheduler.pool_life.batches import BatchView
from scheduler.pool_life.lines import LineView
from scheduler.pool_life.pay import Currency, LineKind, LineState
from scheduler.pool_life.timesheets import AgeingView, RateView
from signaling.api.interpreter import own_profile
from signaling.api.routing import guarded_router
from signaling.api.shapes import Code, In, InstantIn, Key
from signaling.api.shown import shown
from signaling.deps import Svc, Who
from signaling.policy import demand, may_confirm_line, may_see_board

router: APIRouter = guarded_router("pay")

_MONTH = timedelta(days=32)
Minutes = Annotated[int, Field(ge=0, le=1440)]


class LineList(TypedDict):
    """Lines of a timesheet, the newest first."""

    items: Sequence[LineView]


class PayPage(TypedDict):
    """What a coordinator has to see to: lines that are not paid, how old the unpaid money is, the rates."""

    lines: Sequence[LineView]
    ageing: list[AgeingView]
    rates: list[RateView]
    batches: list[BatchView]
    """What accounting was given and has not paid."""


class ExportView(TypedDict):
    """A file for accounting."""

    batch: str
    lines: int
    content: str


class PaidView(TypedDict):
    """How many lines are paid now."""

    lines: int


class MinutesBody(In):
    """How many minutes it was."""

    minutes: Minutes


class RateBody(In):
    """What an hour costs."""

    country: Country
    engagement: Code
    kind: LineKind
    currency: Currency
    minor_per_hour: Annotated[int, Field(ge=0, le=100_000_000)]
    valid_from: InstantIn


class ExportBody(In):
    """Whose confirmed lines are taken."""

    country: Country


@router.get("/api/interpreter/minutes", response_model=shown(LineList))
async def own_minutes(
    who: Who, services: Svc, start: Annotated[InstantIn, Query(alias="from")], to: InstantIn
) -> LineList:
    """The own lines of at most a month, from both countries."""
    if not start < to <= start + _MONTH:
        raise Invalid("time_order")
    async with services.database.read(regional(who.actor)) as unit:
        lines = await services.scheduler.pool_life.timesheets.lines(
            unit, interpreter_id=own_profile(who), since=_utc(start), until=_utc(to)
        )
    return LineList(items=lines)


@router.get("/api/minutes", response_model=shown(LineList))
async def desk_minutes(who: Who, services: Svc) -> LineList:
    """Lines of the own bookings that wait for the officer's word."""
    async with services.database.read(who.actor) as unit:
        return LineList(items=await services.scheduler.pool_life.timesheets.unanswered(unit, who.user_id))


@router.post("/api/minutes/{line_id}/confirm", status_code=204)
async def confirm(line_id: Key, body: MinutesBody, who: Who, services: Svc) -> None:
    """One side says how many minutes it was; the same day, if both can."""
    actor = regional(who.actor) if who.interpreter_id else who.actor
    async with services.database.unit(actor) as uow:
        country, interpreter_id, officer = await services.scheduler.pool_life.timesheets.line_facts(uow, line_id)
        demand(may_confirm_line(who, interpreter_id, officer, country), hidden="line_unknown")
        as_interpreter = who.interpreter_id == interpreter_id
        await services.scheduler.pool_life.timesheets.confirm(
            uow, line_id, as_interpreter=as_interpreter, minutes=body.minutes
        )
        services.audit.record(
            uow, "line.confirmed", line_id, country=country, purpose="pay", data={"minutes": body.minutes}
        )


@router.get("/api/pay", response_model=shown(PayPage))
async def read_pay(
    who: Who,
    services: Svc,
    state: LineState | None = None,
    start: Annotated[InstantIn | None, Query(alias="from")] = None,
) -> PayPage:
    """Lines of the own countries, the age of unpaid money, and the rates."""
    house = services.scheduler.pool_life.timesheets
    async with services.database.read(who.actor) as unit:
        since = _utc(start) if start else None
        return PayPage(
            lines=await house.lines(unit, state=state, since=since),
            ageing=await house.ageing(unit),
            rates=await house.rates(unit),
            batches=await batches.waiting(unit),
        )


@router.post("/api/pay/lines/{line_id}/settle", status_code=204)
async def settle(line_id: Key, body: MinutesBody, who: Who, services: Svc) -> None:
    """Decide a line on which both sides differ, or that one left open."""
    async with services.database.unit(who.actor) as uow:
        country, _, _ = await services.scheduler.pool_life.timesheets.line_facts(uow, line_id)
        demand(may_see_board(who, country), refused="country_not_yours")
        await services.scheduler.pool_life.timesheets.settle(uow, line_id, minutes=body.minutes)
        services.audit.record(
            uow, "line.settled", line_id, country=country, purpose="pay", data={"minutes": body.minutes}
        )


@router.post("/api/pay/rates", status_code=204)
async def set_rate(body: RateBody, who: Who, services: Svc) -> None:
    """Set what an hour costs from a day on."""
    demand(may_see_board(who, body.country.value), refused="country_not_yours")
    async with services.database.unit(who.actor) as uow:
        await services.scheduler.pool_life.timesheets.set_rate(
            uow,
            country=body.country.value,
            engagement=body.engagement,
            kind=body.kind,
            currency=body.currency,
            minor_per_hour=body.minor_per_hour,
            valid_from=_utc(body.valid_from),
        )
        data = {"kind": body.kind.value, "currency": body.currency.value, "minor_per_hour": body.minor_per_hour}
        services.audit.record(uow, "rate.set", body.engagement, country=body.country.value, purpose="pay", data=data)


@router.post("/api/pay/export", response_model=shown(ExportView))
async def export(body: ExportBody, who: Who, services: Svc) -> ExportView:
    """Take the confirmed lines of a country for accounting: codes, minutes and amounts."""
    demand(may_see_board(who, body.country.value), refused="country_not_yours")
    async with services.database.unit(who.actor) as uow:
        made = await services.scheduler.pool_life.timesheets.export(uow, body.country.value)
        services.audit.record(
            uow, "pay.exported", made.batch, country=body.country.value, purpose="pay", data={"lines": made.lines}
        )
    return ExportView(batch=made.batch, lines=made.lines, content=made.content)


@router.get("/api/pay/batches/{batch}", response_model=shown(ExportView))
async def read_batch(batch: Key, who: Who, services: Svc) -> ExportView:
    """The file of a batch once more, as it was taken."""
    async with services.database.unit(who.actor) as uow:
        country, lines, content = await batches.again(uow, batch)
        demand(may_see_board(who, country), refused="country_not_yours")
        services.audit.record(uow, "pay.read", batch, country=country, purpose="pay", data={"lines": lines})
    return ExportView(batch=batch, lines=lines, content=content)


@router.post("/api/pay/batches/{batch}/paid", response_model=shown(PaidView))
async def note_paid(batch: Key, who: Who, services: Svc) -> PaidView:
    """Accounting has paid what was exported under this number."""
    async with services.database.unit(who.actor) as uow:
        lines, country = await services.scheduler.pool_life.timesheets.paid(uow, batch)
        demand(may_see_board(who, country), refused="country_not_yours")
        services.audit.record(uow, "pay.paid", batch, country=country, purpose="pay", data={"lines": lines})
    return PaidView(lines=lines)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)
