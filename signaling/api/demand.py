"""Forecast and cover: who is needed when, where the plan falls short, and who could close a gap."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from core.access import Country
from scheduler.demand.slots import SLOT, slot_start
from scheduler.pool import regional
from signaling.api.routing import guarded_router
from signaling.api.shapes import Instant, InstantIn, Language, Out
from signaling.deps import Svc, Who
from signaling.policy import demand, may_plan_for

router: APIRouter = guarded_router("demand")
_HOURS = 360


class CoverRow(Out):
    """One line of the grid; the lists have one value per half-hour."""

    key: str
    languages: list[str]
    kind: Literal["reachable", "on_call"]
    core: bool
    """A core language: a woman at all times (R-3)."""
    report_in: int
    expected: list[float]
    high: list[float]
    needed: list[int]
    planned: list[int]
    on_call: list[int]
    women: list[int]
    short: list[int]
    why: list[str]
    """minimum, forecast, shared, woman; several joined by a space."""


class ForecastScore(Out):
    """How a model did on weeks that it had not seen."""

    model: str
    weeks: int
    total_loss: float
    language_loss: float
    total_held: float
    language_held: float


class ForecastFacts(Out):
    """Where the expected numbers come from."""

    model: Literal["level1", "level2", "seasonal_naive"]
    made_at: Instant
    scores: list[ForecastScore]
    level2_installed: bool


class Home(Out):
    """People of one country who may work for the country of the grid (R-5)."""

    country: Country
    people: int
    open: bool
    """The own country, or one whose gate is open now (T-2)."""


class Cover(Out):
    """The coverage grid of a span."""

    country: Country
    zone: str
    starts: list[Instant]
    rows: list[CoverRow]
    forecast: ForecastFacts | None
    multiplier: float
    plan: Literal["roster", "calendar"]
    gaps: int
    apart: int
    together: int
    homes: list[Home]


class Refused(Out):
    """One rule that forbids it."""

    rule: str
    code: str
    params: dict[str, Any]


class Fill(Out):
    """Somebody who speaks the languages of a gap."""

    interpreter_id: str
    code: str
    country: Country
    woman: bool
    fits: bool
    refusals: list[Refused]


class Fills(Out):
    """Who might close a gap, the best first."""

    items: list[Fill]


@router.get("/api/demand/cover")
async def read_cover(
    who: Who,
    services: Svc,
    country: Country,
    start: Annotated[InstantIn | None, Query(alias="from")] = None,
    hours: Annotated[int, Query(ge=1, le=_HOURS)] = 24,
) -> Cover:
    """Needed, planned and missing people per language and half-hour, from ``from`` (now, if not given) on."""
    demand(may_plan_for(who, country))
    foresight = services.foresight
    async with services.database.read(regional(who.actor)) as unit:
        begin = slot_start(start or unit.now)
        surge = await foresight.surge.current(unit, country)
        grid = await foresight.cover.grid(
            unit, country, start=begin, end=begin + timedelta(hours=hours), multiplier=surge.multiplier
        )
    return Cover.model_validate(grid)


@router.get("/api/demand/fill")
async def read_fill(
    who: Who,
    services: Svc,
    country: Country,
    key: Language,
    at: InstantIn,
    minutes: Annotated[int, Query(ge=30, le=720)] = 60,
) -> Fills:
    """Who could close the gap of a line at that time, and which rules keep the others from it."""
    demand(may_plan_for(who, country))
    begin = slot_start(at)
    async with services.database.read(regional(who.actor)) as unit:
        until = begin + max(SLOT, timedelta(minutes=minutes))
        found = await services.foresight.cover.fill(unit, country, key=key, at=begin, until=until)
    return Fills(items=[Fill.model_validate(one) for one in found])
