"""The demo's calendars: weekly hours, nights on call, leave and single duties, so that somebody is always there for the core languages.

Part of the pool states nothing on purpose: such people can be asked for any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select

from core.access import Actor
from scheduler.calendars.localtime import local_day
from scheduler.calendars.service import RESERVE, STAND_BY, BlockInput, ChangeInput
from scheduler.calendars.week import RuleInput
from scheduler.models import Interpreter
from signaling.bootstrap import Services

_ZONE = "Europe/Belgrade"
_EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
_WORKWEEK = (0, 1, 2, 3, 4)
_MIDWEEK_ON = (2, 3, 4, 5, 6)
_WEEKEND_ON = (5, 6, 0, 1, 2)


def _desk(days: Sequence[int], from_time: str, to_time: str) -> list[RuleInput]:
    return [RuleInput("desk", day, from_time, to_time) for day in days]


def _on_call(days: Sequence[int], from_time: str, to_time: str, minutes: int = STAND_BY) -> list[RuleInput]:
    means = ("app", "sms", "phone") if minutes == STAND_BY else ("sms", "phone")
    return [RuleInput("on_call", day, from_time, to_time, minutes, means) for day in days]


WEEKS: dict[str, list[RuleInput]] = {
    # Arabic: mornings and days, afternoons, and every night on call.
    "I-0401": _desk(_WORKWEEK, "06:00", "14:00"),
    "I-0402": [*_desk(_WORKWEEK, "08:00", "16:00"), *_on_call((1, 3), "22:00", "06:00")],
    "I-0403": _desk(_MIDWEEK_ON, "14:00", "22:00"),
    "I-0404": _desk(_WEEKEND_ON, "14:00", "22:00"),
    "I-0405": _on_call(_EVERY_DAY, "22:00", "06:00"),
    # Farsi and Dari.
    "I-0410": _desk(_WORKWEEK, "08:00", "16:00"),
    "I-0411": _desk(_MIDWEEK_ON, "14:00", "22:00"),
    "I-0412": _on_call(_EVERY_DAY, "22:00", "06:00"),
    "I-0413": _desk(_WEEKEND_ON, "06:00", "14:00"),
    # Pashto.
    "I-0415": _desk(_WORKWEEK, "06:00", "14:00"),
    "I-0416": _desk(_MIDWEEK_ON, "14:00", "22:00"),
    "I-0417": [*_desk(_WORKWEEK, "08:00", "16:00"), *_on_call((5,), "08:00", "20:00")],
    "I-0418": _on_call(_EVERY_DAY, "22:00", "06:00"),
    # North Macedonia.
    "I-0501": _desk(_WORKWEEK, "08:00", "16:00"),
    "I-0502": _on_call(_EVERY_DAY, "16:00", "08:00"),
    "I-0504": [*_desk(_WORKWEEK, "08:00", "16:00"), *_on_call((0, 2), "20:00", "06:00")],
    "I-0505": _desk(_WEEKEND_ON, "12:00", "20:00"),
    # The reserve for a surge.
    "I-0406": _on_call(_EVERY_DAY, "06:00", "22:00", RESERVE),
    "I-0419": _on_call(_EVERY_DAY, "06:00", "22:00", RESERVE),
    "I-0420": _on_call(_EVERY_DAY, "06:00", "22:00"),
}
"""Weekly hours by pool code; who is missing has stated none."""
LINKED = ("I-0402", "I-0417", "I-0504")
"""Interpreters with a sign-in link: their months show a little of everything."""


async def tell_calendars(services: Services, now: datetime) -> None:
    """Enter the calendars of the pool as it is; codes that are not in it are passed over."""
    rules = services.calendars.rules
    async with services.database.read(Actor.system()) as unit:
        rows = await unit.session.execute(select(Interpreter.code, Interpreter.id).where(Interpreter.code.in_(WEEKS)))
        interpreters = {row.code: row.id for row in rows}
    today = local_day(now, _ZONE)
    for code, week in WEEKS.items():
        who = interpreters.get(code)
        if who is None:
            continue
        async with services.database.unit(Actor.system()) as uow:
            await rules.set_week(uow, who, week, version=0, skip_holidays=code in LINKED)
    for code in LINKED:
        who = interpreters.get(code)
        if who is None:
            continue
        monday = today + timedelta(days=14 - today.weekday())
        async with services.database.unit(Actor.system()) as uow:
            shorter = ChangeInput("changed", "desk", monday + timedelta(days=1), from_time="12:00", to_time="16:00")
            await rules.add_change(uow, who, shorter)
            weekend = ChangeInput("extra", "desk", monday - timedelta(days=2), from_time="10:00", to_time="13:00")
            await rules.add_change(uow, who, weekend)
            away = BlockInput(_midnight(monday + timedelta(days=3)), _midnight(monday + timedelta(days=5)))
            await rules.add_absence(uow, who, away, kind="holiday", reason="Family visit")
            night = monday + timedelta(days=6)
            duty = BlockInput(f"{night.isoformat()}T20:00", f"{(night + timedelta(days=1)).isoformat()}T06:00")
            await rules.add_window(uow, who, duty, report_in_min=STAND_BY, reachable_by=["app", "phone"])


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00"
