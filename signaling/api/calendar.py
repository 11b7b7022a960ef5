"""Calendars: an interpreter's month, weekly hours, absences, on-call windows, connected calendars and private feed; leave and
holidays as coordinators keep them. Kinds and reasons of absences go to the person and the coordinators of their country only."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from core.access import Actor, Country, Role
from core.db.session import UnitOfWork
from core.errors import Forbidden, NotFound
from scheduler.calendars import holidays
from scheduler.calendars.feed import TEXTS
from scheduler.calendars.imports import Source
from scheduler.calendars.localtime import local_day
from scheduler.calendars.models import CalendarAbsence, CalendarImport
from scheduler.calendars.month import Month
from scheduler.calendars.service import BlockInput, ChangeInput, Entered
from scheduler.calendars.store import person, refresh, who_skips_holidays
from scheduler.calendars.week import RuleInput
from scheduler.plans.absences import Effect
from scheduler.pool import regional
from signaling.api.calendar_models import (
    AbsenceBody,
    AbsenceList,
    AbsenceMade,
    AbsenceOut,
    Calendar,
    ClashOut,
    DayOut,
    EffectOut,
    EnterAbsenceBody,
    EnteredOut,
    ExceptionBody,
    ExceptionOut,
    FeedLink,
    HolidayBody,
    HolidayList,
    HolidayOut,
    ImportBody,
    ImportOut,
    ImportResult,
    MonthOut,
    RuleOut,
    WeekBody,
    WeekOut,
    WindowBody,
    WindowOut,
)
from signaling.api.routing import guarded_router
from signaling.api.shapes import DayIn, Key
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.deps import Svc, Who, home_country
from signaling.doors import Limit
from signaling.facts import base_country
from signaling.policy import demand, may_change_interpreter, may_correct_holidays, may_read_interpreter

router: APIRouter = guarded_router("calendar")
MonthName = Annotated[str, Query(pattern=r"^\d{4}-\d{2}$")]
Year = Annotated[int, Query(ge=holidays.FIRST_YEAR, le=holidays.LAST_YEAR)]
_CALENDAR = "text/calendar; charset=utf-8"


@router.get("/api/calendar/month")
async def own_month(month: MonthName, who: Who, services: Svc) -> MonthOut:
    """The own month in whole weeks."""
    async with services.database.read(regional(who.actor)) as unit:
        return _month(await services.calendars.months.month(unit, _own(who), month))


@router.get("/api/calendar")
async def own_calendar(who: Who, services: Svc) -> Calendar:
    """What is stated, from today on."""
    calendars, own = services.calendars, _own(who)
    async with services.database.read(regional(who.actor)) as unit:
        me = await person(unit, own)
        today = local_day(unit.now, me.time_zone)
        fields = list(RuleOut.model_fields)
        return Calendar.model_validate(
            {
                "version": await calendars.rules.version(unit, own),
                "zone": me.time_zone,
                "today": today,
                "rules": [_fields(row, fields) for row in await calendars.rules.rules(unit, own)],
                "exceptions": [
                    _fields(row, list(ExceptionOut.model_fields))
                    for row in await calendars.rules.changes(unit, own, today)
                ],
                "absences": [_absence(services, row) for row in await calendars.rules.absences(unit, own, today)],
                "windows": [
                    _fields(row, list(WindowOut.model_fields))
                    for row in await calendars.rules.windows(unit, own, today)
                ],
                "imports": [_import(row) for row in await calendars.imports.of(unit, own)],
                "feed_made_at": await calendars.feeds.made_at(unit, own),
            }
        )


@router.put("/api/calendar/week")
async def set_week(body: WeekBody, who: Who, services: Svc) -> WeekOut:
    """Replace the weekly hours from a day on."""
    rules = [RuleInput(**one.model_dump()) for one in body.rules]
    async with services.database.unit(regional(who.actor)) as uow:
        version = await services.calendars.rules.set_week(
            uow,
            _own(who),
            rules,
            version=body.version,
            valid_from=body.valid_from,
            skip_holidays=body.skip_holidays,
        )
        _note(services, uow, who, "calendar.week_set")
    return WeekOut(version=version)


@router.post("/api/calendar/exceptions", status_code=201)
async def add_exception(body: ExceptionBody, who: Who, services: Svc) -> EnteredOut:
    """Enter a day that differs from the weekly hours."""
    async with services.database.unit(regional(who.actor)) as uow:
        made = await services.calendars.rules.add_change(uow, _own(who), ChangeInput(**body.model_dump()))
        _note(services, uow, who, "calendar.exception_added")
    return _entered(made)


@router.post("/api/calendar/absences", status_code=201)
async def add_absence(body: AbsenceBody, who: Who, services: Svc) -> EnteredOut:
    """Enter an own absence."""
    async with services.database.unit(regional(who.actor)) as uow:
        made = await services.absences.enter_own(uow, _own(who), _block(body), kind=body.kind, reason=body.reason)
        _note(services, uow, who, "calendar.absence_added")
    return _entered(made)


@router.post("/api/calendar/windows", status_code=201)
async def add_window(body: WindowBody, who: Who, services: Svc) -> EnteredOut:
    """Be on call once."""
    async with services.database.unit(regional(who.actor)) as uow:
        made = await services.calendars.rules.add_window(
            uow, _own(who), _block(body), report_in_min=body.report_in_min, reachable_by=body.reachable_by
        )
        _note(services, uow, who, "calendar.window_added")
    return _entered(made)


@router.post("/api/calendar/entries/{kind}/{entry_id}/remove", status_code=204)
async def remove_entry(kind: Literal["exception", "absence", "window"], entry_id: Key, who: Who, services: Svc) -> None:
    """Take back what was entered."""
    async with services.database.unit(regional(who.actor)) as uow:
        if kind == "absence":
            await services.absences.take_back(uow, _own(who), entry_id)
        else:
            await services.calendars.rules.remove(uow, _own(who), kind, entry_id)
        _note(services, uow, who, f"calendar.{kind}_removed")


@router.post("/api/calendar/imports", status_code=201)
async def add_import(body: ImportBody, who: Who, services: Svc) -> ImportOut:
    """Connect another calendar; its busy times count from the first reading on."""
    source = Source(body.url.get_secret_value(), body.username, body.password.get_secret_value())
    async with services.database.unit(regional(who.actor)) as uow:
        made = await services.calendars.imports.add(uow, _own(who), body.kind, source)
        _note(services, uow, who, "calendar.import_added")
        answer = _import(made)
    services.jobs.wake("calendars.imports")
    return answer


@router.post("/api/calendar/imports/{import_id}/read")
async def read_import(import_id: Key, who: Who, services: Svc) -> ImportResult:
    """Read a connected calendar now; what it gave is told by a code."""
    await services.limits.count(Limit.SIGN_IN, f"import:{_own(who)}")
    async with services.database.read(regional(who.actor)) as unit:
        if import_id not in {one.id for one in await services.calendars.imports.of(unit, _own(who))}:
            raise NotFound("entry_unknown")
    return ImportResult(result=await services.calendars.imports.read(services.database, import_id))


@router.post("/api/calendar/imports/{import_id}/remove", status_code=204)
async def remove_import(import_id: Key, who: Who, services: Svc) -> None:
    """Disconnect a calendar and forget its times."""
    async with services.database.unit(regional(who.actor)) as uow:
        await services.calendars.imports.remove(uow, _own(who), import_id)
        _note(services, uow, who, "calendar.import_removed")


@router.post("/api/calendar/feed", status_code=201)
async def make_feed(request: Request, who: Who, services: Svc) -> FeedLink:
    """A new private address; the one before stops working at once."""
    async with services.database.unit(regional(who.actor)) as uow:
        locale = services.texts.choose(request.headers.get("accept-language"))
        token = await services.calendars.feeds.issue(uow, _own(who), locale)
        _note(services, uow, who, "calendar.feed_made")
    return FeedLink(url=f"{services.settings.public_url}/feeds/{token}.ics")


@router.post("/api/calendar/feed/remove", status_code=204)
async def remove_feed(who: Who, services: Svc) -> None:
    """Stop the private address."""
    async with services.database.unit(regional(who.actor)) as uow:
        await services.calendars.feeds.revoke(uow, _own(who))
        _note(services, uow, who, "calendar.feed_removed")


@router.get("/feeds/{token}.ics", include_in_schema=False)
async def read_feed(token: Annotated[str, Field(max_length=100)], request: Request, services: Svc) -> Response:
    """The private feed of whoever holds its address."""
    feeds = services.calendars.feeds
    if not feeds.is_signed(token):
        await services.limits.count(Limit.SIGN_IN, f"feed:{request.client.host if request.client else 'unknown'}")
        raise NotFound("feed_unknown")
    async with services.database.read(Actor.system()) as unit:
        feed = await feeds.find(unit, token)
        await services.limits.count(Limit.SIGN_IN, f"feed:{feed.interpreter_id}")
        texts = {name: services.texts.text(name.replace("_", ".", 1), feed.locale) or "Tarjuman" for name in TEXTS}
        made = await feeds.render(unit, feed, texts)
    headers = {"ETag": made.etag, "Cache-Control": "private, no-cache", "X-Robots-Tag": "noindex"}
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if made.etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = 'inline; filename="tarjuman.ics"'
    return Response(made.body, media_type=_CALENDAR, headers=headers)


@router.get("/api/interpreters/{interpreter_id}/month")
async def month_of(interpreter_id: Key, month: MonthName, who: Who, services: Svc) -> MonthOut:
    """The month of somebody in the pool: leave without its reason."""
    demand(may_read_interpreter(who))
    async with services.database.read(who.actor) as unit:
        return _month(await services.calendars.months.month(unit, interpreter_id, month))


@router.get("/api/interpreters/{interpreter_id}/absences")
async def absences_of(interpreter_id: Key, who: Who, services: Svc) -> AbsenceList:
    """Absences of somebody of the own country, with kinds and reasons; looked at on the record."""
    async with services.database.unit(who.actor) as uow:
        country = await base_country(uow, interpreter_id)
        demand(may_change_interpreter(who, country))
        zone = (await person(uow, interpreter_id)).time_zone
        rows = await services.calendars.rules.absences(uow, interpreter_id, local_day(uow.now, zone))
        found = AbsenceList(items=[_absence(services, row) for row in rows])
        services.audit.record(uow, "calendar.absences_viewed", interpreter_id, country=country, purpose="coordination")
    return found


@router.post("/api/interpreters/{interpreter_id}/absences/effect")
async def absence_effect(interpreter_id: Key, body: EnterAbsenceBody, who: Who, services: Svc) -> EffectOut:
    """What would fall out, before an absence is entered."""
    async with services.database.read(regional(who.actor)) as unit:
        demand(may_change_interpreter(who, await base_country(unit, interpreter_id)))
        return _effect(await services.absences.effect(unit, interpreter_id, _block(body), _coordinated(who)))


@router.post("/api/interpreters/{interpreter_id}/absences", status_code=201)
async def enter_absence(interpreter_id: Key, body: EnterAbsenceBody, who: Who, services: Svc) -> AbsenceMade:
    """Enter the absence of somebody who cannot do it; repairs of what falls out are proposed at once."""
    async with services.database.unit(regional(who.actor)) as uow:
        country = await base_country(uow, interpreter_id)
        demand(may_change_interpreter(who, country))
        made = await services.absences.enter(
            uow, interpreter_id, _block(body), kind=body.kind, countries=_coordinated(who)
        )
        data = {"kind": body.kind, "work": len(made.effect.clashes) + made.effect.elsewhere}
        services.audit.record(
            uow, "calendar.absence_added", interpreter_id, country=country, purpose="coordination", data=data
        )
    return AbsenceMade(id=made.id, effect=_effect(made.effect), plans=list(made.plans))


@router.post("/api/interpreters/{interpreter_id}/absences/{entry_id}/remove", status_code=204)
async def take_back_absence(interpreter_id: Key, entry_id: Key, who: Who, services: Svc) -> None:
    """Take an absence back; its open proposals are put aside."""
    async with services.database.unit(regional(who.actor)) as uow:
        country = await base_country(uow, interpreter_id)
        demand(may_change_interpreter(who, country))
        await services.absences.take_back(uow, interpreter_id, entry_id)
        services.audit.record(uow, "calendar.absence_removed", interpreter_id, country=country, purpose="coordination")


@router.get("/api/holidays")
async def list_holidays(
    country: Country, year: Year, who: Who, services: Svc, category: Annotated[str, Query(max_length=20)] = "public"
) -> HolidayList:
    """Holidays of a country; ``category`` public, or a community that has days of its own."""
    async with services.database.read(who.actor) as unit:
        found = await holidays.holidays_of(unit, country.value, [year], category)
    return HolidayList(
        country=country,
        year=year,
        categories=list(holidays.categories(country.value)),
        items=[_holiday(one) for one in found],
    )


@router.put("/api/holidays/{country}/{day}", status_code=204)
async def correct_holiday(country: Country, day: DayIn, body: HolidayBody, who: Who, services: Svc) -> None:
    """Confirm, remove or add a holiday; hours that skip holidays follow at once."""
    demand(may_correct_holidays(who, country))
    async with services.database.unit(who.actor) as uow:
        await holidays.correct(uow, country.value, day, name=body.name, state=body.state)
        await _follow_holidays(services, uow, country, day, body.state)


@router.post("/api/holidays/{country}/{day}/reset", status_code=204)
async def reset_holiday(country: Country, day: DayIn, who: Who, services: Svc) -> None:
    """Go back to the published date."""
    demand(may_correct_holidays(who, country))
    async with services.database.unit(who.actor) as uow:
        await holidays.forget_correction(uow, country.value, day)
        await _follow_holidays(services, uow, country, day, "published")


async def _follow_holidays(services: Services, uow: UnitOfWork, country: Country, day: date, state: str) -> None:
    for interpreter_id in await who_skips_holidays(uow, country.value):
        await refresh(uow, interpreter_id, changed=False)
    services.audit.record(
        uow,
        "holiday.corrected",
        f"{country.value}:{day.isoformat()}",
        country=country.value,
        purpose="coordination",
        data={"state": state},
    )


def _own(who: Principal) -> str:
    """The own profile. Raises ``Forbidden('no_profile')`` for an account that no profile belongs to."""
    if who.interpreter_id is None:
        raise Forbidden("no_profile")
    return who.interpreter_id


def _note(services: Services, uow: UnitOfWork, who: Principal, action: str) -> None:
    services.audit.record(uow, action, _own(who), country=home_country(who).value, purpose="interpreting")


def _block(body: AbsenceBody | EnterAbsenceBody | WindowBody) -> BlockInput:
    return BlockInput(body.starts_local, body.ends_local)


def _entered(made: Entered) -> EnteredOut:
    return EnteredOut(id=made.id, clashes=made.clashes)


def _fields(row: object, names: list[str]) -> dict[str, object]:
    return {name: getattr(row, name) for name in names}


def _absence(services: Services, row: CalendarAbsence) -> AbsenceOut:
    found = _fields(row, ["id", "starts_local", "ends_local", "kind", "entered_by", "made_at"])
    return AbsenceOut.model_validate({**found, "reason": services.calendars.rules.reason(row)})


def _coordinated(who: Principal) -> frozenset[str]:
    """The countries whose bookings the asker may know."""
    return frozenset(country.value for country in who.countries_as(Role.COORDINATOR))


def _effect(found: Effect) -> EffectOut:
    return EffectOut(clashes=[ClashOut.model_validate(asdict(one)) for one in found.clashes], elsewhere=found.elsewhere)


def _import(row: CalendarImport) -> ImportOut:
    return ImportOut.model_validate(_fields(row, list(ImportOut.model_fields)))


def _holiday(one: holidays.Holiday) -> HolidayOut:
    return HolidayOut.model_validate(
        {"day": one.day, "names": dict(one.names), "state": one.state, "corrected": one.corrected}
    )


def _month(found: Month) -> MonthOut:
    days = [
        DayOut.model_validate({**day, "holiday": _holiday(day["holiday"]) if day["holiday"] is not None else None})
        for day in found["days"]
    ]
    return MonthOut.model_validate({**found, "days": days})
