"""Appointments that come again: booking them by a rule, reading them, and giving up what is left of a series."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from core.db.session import UnitOfWork
from scheduler.booking.series import Frequency, NewSeries, SeriesRule
from scheduler.bookings import NewBooking
from scheduler.legs import Way, relay_minutes
from scheduler.models import BookingSeries
from scheduler.pool import regional
from signaling.api.appointments import NoticeOut, notice_out, own_step
from signaling.api.booking_models import BookingView, CancelBody, Minutes, WayWord
from signaling.api.routing import guarded_router
from signaling.api.shapes import Code, DayIn, In, Instant, Key, Language, Out, Params
from signaling.bootstrap import Services
from signaling.deps import IdempotencyKey, Svc, Who
from signaling.facts import case_facts
from signaling.policy import CaseFacts, demand, may_change_case

router: APIRouter = guarded_router("bookings")


class SeriesBody(In):
    """Appointments that come again, in local time."""

    case_id: Key
    step_id: Key
    language: Language
    minutes: Minutes | None = None
    way: WayWord = "direct"
    first: DayIn
    at: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    zone: Annotated[str, Field(max_length=40)]
    frequency: Literal["daily", "weekly", "monthly"]
    interval: Annotated[int, Field(ge=1, le=12)] = 1
    weekdays: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(max_length=7)] = Field(default_factory=list)
    count: Annotated[int, Field(ge=1, le=52)] | None = None
    until: DayIn | None = None
    exceptions: Annotated[list[DayIn], Field(max_length=52)] = Field(default_factory=list)
    all_or_none: bool = True


class FailedOut(Out):
    """A date that could not be booked."""

    occurrence: str
    starts_at: Instant | None
    code: Code
    params: Params


class AheadOut(Out):
    """A date of a series that can still be given up, and what that would mean now."""

    booking_id: str
    starts_at: Instant
    notice: NoticeOut


class AheadList(Out):
    """What is left of a series."""

    items: list[AheadOut]


class SeriesOut(Out):
    """A series with its bookings and what failed."""

    id: str
    rule: dict[str, Any]
    minutes: int
    bookings: list[BookingView]
    failed: list[FailedOut]


@router.post("/api/series", status_code=201)
async def book_series(body: SeriesBody, who: Who, services: Svc, key: IdempotencyKey = None) -> SeriesOut:
    """Book appointments that come again; each date is a booking of its own. All or none, or a report of what failed."""
    new = NewSeries(
        booking=NewBooking(
            step_id=body.step_id,
            kind="appointment",
            language=body.language,
            officer_language=who.officer_language,
            minutes=body.minutes,
            way=body.way,
        ),
        rule=SeriesRule(
            first=body.first,
            at=time.fromisoformat(body.at),
            zone=body.zone,
            frequency=Frequency(body.frequency),
            interval=body.interval,
            weekdays=tuple(body.weekdays),
            count=body.count,
            until=body.until,
            exceptions=frozenset(body.exceptions),
        ),
        all_or_none=body.all_or_none,
    )
    async with services.database.unit(regional(who.actor)) as uow:
        demand(may_change_case(who, await case_facts(uow, body.case_id)), hidden="case_unknown")
        await own_step(uow, body.case_id, body.step_id)
        series = await services.scheduler.series.book(uow, new, idempotency_key=key)
        services.audit.record(uow, "series.booked", series.id, country=series.country, purpose="casework")
        return await _series(services, uow, series)


@router.get("/api/series/{series_id}")
async def read_series(series_id: Key, who: Who, services: Svc) -> SeriesOut:
    """A series with its bookings."""
    async with services.database.unit(who.actor) as uow:
        series = await services.scheduler.series.get(uow, series_id)
        facts: CaseFacts = await case_facts(uow, series.case_id)
        demand(may_change_case(who, facts), hidden="series_unknown")
        return await _series(services, uow, series)


@router.get("/api/series/{series_id}/ahead")
async def read_ahead(series_id: Key, who: Who, services: Svc) -> AheadList:
    """The dates that would be given up with the whole series, each with its own class of notice."""
    async with services.database.read(who.actor) as unit:
        series = await services.scheduler.series.get(unit, series_id)
        demand(may_change_case(who, await case_facts(unit, series.case_id)), hidden="series_unknown")
        found = await services.scheduler.series.ahead(unit, series_id)
    return AheadList(
        items=[AheadOut(booking_id=row.id, starts_at=row.starts_at, notice=notice_out(one)) for row, one in found]
    )


@router.post("/api/series/{series_id}/cancel")
async def cancel_series(series_id: Key, body: CancelBody, who: Who, services: Svc) -> SeriesOut:
    """Give up every date that has not begun; each has the class of notice of its own time."""
    async with services.database.unit(regional(who.actor)) as uow:
        series = await services.scheduler.series.get(uow, series_id)
        demand(may_change_case(who, await case_facts(uow, series.case_id)), hidden="series_unknown")
        given_up = await services.scheduler.series.cancel(uow, series_id, reason=body.reason)
        data = {"reason": body.reason, "dates": len(given_up)}
        services.audit.record(uow, "series.cancelled", series.id, country=series.country, purpose="casework", data=data)
        return await _series(services, uow, series)


async def _series(services: Services, uow: UnitOfWork, series: BookingSeries) -> SeriesOut:
    rows = await services.scheduler.series.bookings(uow, series.id)
    views = await services.scheduler.booking_views.views(uow, rows)
    failed = [
        FailedOut(
            occurrence=one["occurrence"],
            starts_at=datetime.fromisoformat(one["starts_at"]) if one["starts_at"] else None,
            code=one["code"],
            params=one["params"],
        )
        for one in series.failed
    ]
    return SeriesOut(
        id=series.id,
        rule=series.rule,
        minutes=relay_minutes(series.minutes) if rows and rows[0].way == Way.RELAY else series.minutes,
        bookings=[BookingView.model_validate(view) for view in views],
        failed=failed,
    )
