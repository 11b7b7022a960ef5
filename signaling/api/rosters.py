"""Rosters for coordinators; shifts, wishes and swaps for interpreters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, TypedDict

from fastapi import APIRouter, Query
from pydantic import Field

from core.access import Country
from core.db.session import UnitOfWork
from core.errors import Invalid
from scheduler.pool import regional
from scheduler.rosters.shifts import WISH_TIMES, hours_of
from scheduler.rosters.swaps import SwapView
from scheduler.rosters.view_shapes import ChangeView, RosterRow, RosterView, ShiftView, VersionView, WhyView, WishView
from scheduler.times import ZONES
from signaling.api.interpreter import own_profile
from signaling.api.routing import guarded_router
from signaling.api.shapes import Code, DayIn, In, Key
from signaling.api.shown import shown
from signaling.bootstrap import Services
from signaling.deps import Svc, Who
from signaling.policy import demand, may_see_board

router: APIRouter = guarded_router("rosters")

_LONGEST = timedelta(days=93)
Kind = Annotated[str, Field(min_length=1, max_length=24, pattern=r"^[A-Z]:[a-z]{2,8}$")]
Day = Annotated[int, Field(ge=0, le=62)]
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]


class RosterList(TypedDict):
    """Rosters, the latest period first."""

    items: Sequence[RosterRow]


class VersionList(TypedDict):
    """Versions, the newest first."""

    items: Sequence[VersionView]


class ChangeList(TypedDict):
    """What differs between two versions."""

    items: Sequence[ChangeView]


class WhyList(TypedDict):
    """Who may have a cell."""

    items: Sequence[WhyView]


class Published(TypedDict):
    """How many cells changed for people."""

    changes: int


class WishTime(TypedDict):
    """A kind of shift that a wish may name."""

    word: str
    start: int | None
    """Minutes after local midnight; none where the kind has several times."""
    end: int | None
    """Above 1440 on the next day."""


class OwnShifts(TypedDict):
    """Own shifts, own wishes with what they may name, and swaps that wait."""

    country: str
    zone: str
    """From where the reader works: by these clocks a day without a shift is told."""
    shifts: Sequence[ShiftView]
    wishes: Sequence[WishView]
    times: Sequence[WishTime]
    swaps: Sequence[SwapView]


class SwapList(TypedDict):
    """Swaps that wait."""

    items: Sequence[SwapView]


class SwapAnswer(TypedDict):
    """Where a swap stands."""

    state: str


class RosterBody(In):
    """A new period; it begins on a Monday."""

    country: Country
    starts_on: DayIn
    weeks: Annotated[int, Field(ge=1, le=4)] = 4


class CellMove(In):
    """A shift (or none) for a cell."""

    interpreter_id: Key
    day: Day
    kind: Kind | None


class CellsBody(In):
    """Changes by hand on top of ``version``, all or none."""

    version: Number
    moves: Annotated[tuple[CellMove, ...], Field(min_length=1, max_length=20)]


class PinBody(In):
    """Fix a cell, or let it go."""

    version: Number
    interpreter_id: Key
    day: Day
    pinned: bool


class SearchBody(In):
    """How long to search."""

    seconds: Annotated[int, Field(ge=5, le=900)]


class PublishBody(In):
    """Which version is to hold; with gaps only if somebody says so."""

    version: Number
    with_gaps: bool = False


class WishBody(In):
    """A wish for a day; ``work`` none takes it back."""

    day: DayIn
    work: bool | None
    time: Code | None = None


class DecisionBody(In):
    """A coordinator's word on a swap that costs cover."""

    agreed: bool


@router.get("/api/rosters", response_model=shown(RosterList))
async def list_rosters(who: Who, services: Svc) -> RosterList:
    """Rosters of the own countries."""
    async with services.database.read(who.actor) as unit:
        return RosterList(items=await services.rosters.views.list(unit))


@router.post("/api/rosters", status_code=201, response_model=shown(RosterView))
async def begin_roster(body: RosterBody, who: Who, services: Svc) -> RosterView:
    """An empty roster of one, two or four weeks, with people, leave and cover as they are now."""
    demand(may_see_board(who, body.country.value), refused="country_not_yours")
    async with services.database.unit(who.actor) as uow:
        made = await services.rosters.keeper.begin(uow, body.country.value, body.starts_on, body.weeks)
        _record(services, uow, "roster.begun", made, body.country.value)
        return await services.rosters.views.view(uow, made)


@router.get("/api/rosters/{roster_id}", response_model=shown(RosterView))
async def read_roster(roster_id: Key, who: Who, services: Svc, version: Number | None = None) -> RosterView:
    """The grid with people, cells, gaps and what the search is doing."""
    async with services.database.read(who.actor) as unit:
        return await services.rosters.views.view(unit, roster_id, version)


@router.get("/api/rosters/{roster_id}/versions", response_model=shown(VersionList))
async def list_versions(roster_id: Key, who: Who, services: Svc) -> VersionList:
    """All versions."""
    async with services.database.read(who.actor) as unit:
        await services.rosters.keeper.read(unit, roster_id)
        return VersionList(items=await services.rosters.views.versions(unit, roster_id))


@router.get("/api/rosters/{roster_id}/diff", response_model=shown(ChangeList))
async def diff_roster(roster_id: Key, before: Number, after: Number, who: Who, services: Svc) -> ChangeList:
    """What differs between two versions."""
    async with services.database.read(who.actor) as unit:
        return ChangeList(items=await services.rosters.views.diff(unit, roster_id, before, after))


@router.get("/api/rosters/{roster_id}/why", response_model=shown(WhyList))
async def why(roster_id: Key, day: Annotated[int, Query(ge=0, le=62)], kind: Kind, who: Who, services: Svc) -> WhyList:
    """Who could take a shift on a day, and which rule forbids it to the others."""
    async with services.database.read(who.actor) as unit:
        return WhyList(items=await services.rosters.views.why(unit, roster_id, day, kind))


@router.post("/api/rosters/{roster_id}/cells", response_model=shown(RosterView))
async def change_cells(roster_id: Key, body: CellsBody, who: Who, services: Svc) -> RosterView:
    """Change cells by hand; 409 ``roster_rule`` names the rule that forbids it."""
    async with services.database.unit(who.actor) as uow:
        moves = [(move.interpreter_id, move.day, move.kind) for move in body.moves]
        held = await services.rosters.keeper.change(uow, roster_id, version=body.version, moves=moves)
        _record(services, uow, "roster.changed", roster_id, held.row.country)
        return await services.rosters.views.view(uow, roster_id)


@router.post("/api/rosters/{roster_id}/pins", response_model=shown(RosterView))
async def pin_cell(roster_id: Key, body: PinBody, who: Who, services: Svc) -> RosterView:
    """Fix a cell for searches, or let it go."""
    async with services.database.unit(who.actor) as uow:
        cell = (body.interpreter_id, body.day)
        await services.rosters.keeper.pin(uow, roster_id, version=body.version, cell=cell, pinned=body.pinned)
        return await services.rosters.views.view(uow, roster_id)


@router.post("/api/rosters/{roster_id}/refresh", response_model=shown(RosterView))
async def refresh_roster(roster_id: Key, who: Who, services: Svc) -> RosterView:
    """Read people, leave, papers and demand anew."""
    async with services.database.unit(who.actor) as uow:
        held = await services.rosters.keeper.refresh(uow, roster_id)
        _record(services, uow, "roster.refreshed", roster_id, held.row.country)
        return await services.rosters.views.view(uow, roster_id)


@router.post("/api/rosters/{roster_id}/search", status_code=202, response_model=shown(RosterView))
async def begin_search(roster_id: Key, body: SearchBody, who: Who, services: Svc) -> RosterView:
    """Search for a better roster; better ones appear as new versions while it runs."""
    async with services.database.unit(who.actor) as uow:
        await services.rosters.searches.begin(uow, roster_id, body.seconds)
        return await services.rosters.views.view(uow, roster_id)


@router.post("/api/rosters/{roster_id}/stop", status_code=204)
async def stop_search(roster_id: Key, who: Who, services: Svc) -> None:
    """Stop searching; what was found stays."""
    async with services.database.unit(who.actor) as uow:
        await services.rosters.keeper.read(uow, roster_id)
        await services.rosters.searches.stop(uow, roster_id)


@router.post("/api/rosters/{roster_id}/publish", response_model=shown(Published))
async def publish_roster(roster_id: Key, body: PublishBody, who: Who, services: Svc) -> Published:
    """Make a version hold; 409 ``roster_gaps`` unless gaps are accepted."""
    async with services.database.unit(who.actor) as uow:
        changes = await services.rosters.keeper.publish(uow, roster_id, version=body.version, with_gaps=body.with_gaps)
        held = await services.rosters.keeper.read(uow, roster_id)
        data = {"version": body.version, "changes": len(changes), "gaps": held.version.gaps}
        services.audit.record(
            uow, "roster.published", roster_id, country=held.row.country, purpose="coordination", data=data
        )
    return Published(changes=len(changes))


@router.post("/api/rosters/{roster_id}/drop", status_code=204)
async def drop_roster(roster_id: Key, who: Who, services: Svc) -> None:
    """Throw a draft away."""
    async with services.database.unit(who.actor) as uow:
        held = await services.rosters.keeper.read(uow, roster_id)
        await services.rosters.keeper.drop(uow, roster_id)
        _record(services, uow, "roster.dropped", roster_id, held.row.country)


@router.get("/api/swaps", response_model=shown(SwapList))
async def list_swaps(who: Who, services: Svc) -> SwapList:
    """Swaps of the own countries that wait."""
    async with services.database.read(who.actor) as unit:
        return SwapList(items=await services.rosters.swaps.open(unit))


@router.post("/api/swaps/{swap_id}/decide", status_code=204)
async def decide_swap(swap_id: Key, body: DecisionBody, who: Who, services: Svc) -> None:
    """Agree to a swap that costs cover, or not."""
    async with services.database.unit(who.actor) as uow:
        country = await services.rosters.swaps.country_of(uow, swap_id)
        demand(may_see_board(who, country), refused="country_not_yours")
        await services.rosters.swaps.decide(uow, swap_id, agreed=body.agreed)
        _record(services, uow, "swap.decided", swap_id, country)


@router.get("/api/interpreter/shifts", response_model=shown(OwnShifts))
async def own_shifts(who: Who, services: Svc, start: Annotated[DayIn, Query(alias="from")], to: DayIn) -> OwnShifts:
    """Own shifts and wishes of at most a quarter, and swaps with whether they could be taken."""
    if not start <= to <= start + _LONGEST:
        raise Invalid("time_order")
    interpreter_id, views = own_profile(who), services.rosters.views
    async with services.database.read(regional(who.actor)) as unit:
        home = await views.home(unit, interpreter_id)
        return OwnShifts(
            country=home,
            zone=ZONES[home],
            shifts=await views.shifts(unit, interpreter_id, start, to),
            wishes=await views.wishes(unit, interpreter_id, start, to),
            times=[_wish_time(word) for word in WISH_TIMES],
            swaps=await services.rosters.swaps.open(unit, interpreter_id=interpreter_id),
        )


def _wish_time(word: str) -> WishTime:
    hours = hours_of(word)
    return WishTime(word=word, start=hours[0] if hours else None, end=hours[1] if hours else None)


@router.put("/api/interpreter/wishes", status_code=204)
async def set_wish(body: WishBody, who: Who, services: Svc) -> None:
    """Wish to be free or to work on a day, or (``time``) not to work or to work one kind of shift."""
    async with services.database.unit(who.actor) as uow:
        await services.rosters.views.wish(uow, own_profile(who), body.day, work=body.work, time=body.time)


@router.post("/api/shifts/{shift_id}/offer", status_code=204)
async def offer_shift(shift_id: Key, who: Who, services: Svc) -> None:
    """Offer an own shift to colleagues."""
    async with services.database.unit(regional(who.actor)) as uow:
        await services.rosters.swaps.ask(uow, shift_id, own_profile(who))


@router.post("/api/swaps/{swap_id}/take", response_model=shown(SwapAnswer))
async def take_swap(swap_id: Key, who: Who, services: Svc) -> SwapAnswer:
    """Take a colleague's shift; done at once, or a coordinator decides when cover is lost."""
    async with services.database.unit(regional(who.actor)) as uow:
        state = await services.rosters.swaps.take(uow, swap_id, own_profile(who))
        _record(services, uow, "swap.taken", swap_id, await services.rosters.swaps.country_of(uow, swap_id))
    return SwapAnswer(state=state.value)


@router.post("/api/swaps/{swap_id}/withdraw", status_code=204)
async def withdraw_swap(swap_id: Key, who: Who, services: Svc) -> None:
    """Keep the own shift after all."""
    async with services.database.unit(regional(who.actor)) as uow:
        await services.rosters.swaps.withdraw(uow, swap_id, own_profile(who))


def _record(services: Services, uow: UnitOfWork, action: str, subject: str, country: str) -> None:
    services.audit.record(uow, action, subject, country=country, purpose="coordination")
