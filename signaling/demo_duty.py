"""The demo's on-call time of this week on timesheets (R-6), and an absence that a coordinator has entered for somebody."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from core.access import Actor
from scheduler.calendars.localtime import local_day
from scheduler.calendars.service import BlockInput
from scheduler.models import Interpreter
from scheduler.pool import regional
from scheduler.pool_life.duty import collect_duty
from signaling.bootstrap import Services

NIGHTS = ("I-0402", "I-0405", "I-0418")
"""On call two nights ago: their newest lines are confirmed by both sides, by the interpreter only, by nobody; all others by both."""
AWAY = "I-0403"
_ZONE = "Europe/Belgrade"
_MOST = 2_000


async def tell_duty(services: Services, now: datetime, coordinator: Actor) -> None:
    """Enter the nights, make their lines, let some of them be confirmed; enter the absence."""
    async with services.database.read(Actor.system()) as unit:
        rows = await unit.session.execute(
            select(Interpreter.code, Interpreter.id).where(Interpreter.code.in_((*NIGHTS, AWAY)))
        )
        people = {row.code: row.id for row in rows}
    today = local_day(now, _ZONE)
    first, last = today - timedelta(days=2), today - timedelta(days=1)
    night = BlockInput(f"{first.isoformat()}T22:00", f"{last.isoformat()}T06:00")
    for code in NIGHTS:
        async with services.database.unit(Actor.system()) as uow:
            await services.calendars.rules.add_window(uow, people[code], night, reachable_by=["app", "phone"])
    sheets = services.scheduler.pool_life.timesheets
    async with services.database.unit(Actor.system()) as uow:
        await collect_duty(uow)
        lines = [one for one in await sheets.lines(uow, limit=_MOST) if one["kind"] == "standby"]
        newest = {code: next(one["id"] for one in lines if one["interpreter_code"] == code) for code in NIGHTS}
        open_at_both, open_at_one = newest[NIGHTS[2]], newest[NIGHTS[1]]
        for one in lines:
            if one["id"] != open_at_both:
                await sheets.confirm(uow, one["id"], as_interpreter=True, minutes=one["minutes"])
    async with services.database.unit(coordinator) as uow:
        for one in lines:
            if one["country"] == "RS" and one["id"] not in (open_at_both, open_at_one):
                await sheets.confirm(uow, one["id"], as_interpreter=False, minutes=one["minutes"])
    away = BlockInput(
        f"{(today + timedelta(days=40)).isoformat()}T00:00", f"{(today + timedelta(days=43)).isoformat()}T00:00"
    )
    async with services.database.unit(regional(coordinator)) as uow:
        await services.absences.enter(uow, people[AWAY], away, kind="training", countries=frozenset({"RS"}))
