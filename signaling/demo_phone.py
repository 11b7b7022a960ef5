"""Telephones in the demo: numbers of interpreters and an officer, two people who can be called by telephone only, and the log of a talk
that went on by telephone. All numbers are from the range that the British regulator keeps for fiction (Ofcom, +44 7700 900000 to 900999).

No carrier is configured in the demo, and its screens say so: nobody is ever called.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from sqlalchemy import select

from core.access import Actor
from records.entry_kinds import EntryKind
from records.session_views import stamp
from scheduler.calendars.localtime import local_day
from scheduler.calendars.service import BlockInput
from scheduler.models import Interpreter
from signaling.bootstrap import Services
from signaling.fallback.states import Why
from signaling.medium import Medium, ModeWhy
from signaling.telephony.port import CallReason, LegWhy

WITHOUT = frozenset({"I-0403", "I-0421", "I-0508"})
"""Interpreters of whom no number is on file."""
BY_PHONE_ONLY = ("I-0407", "I-0423")
"""On call at home without a computer: neither page nor text messages reach them."""
OFFICER = "O-1183"
_FICTION = "+44 7700 900"
_ZONE = "Europe/Belgrade"
_RUNG_AFTER_S = 20
_LIFTED_AFTER_S = 12
_BY_PHONE_S = 240


async def tell_phones(services: Services, now: datetime, officers: dict[str, tuple[Actor, str]]) -> None:
    """Coordinators have entered the numbers of their pool, the officer the own one, all confirmed; two people are on call by telephone
    only."""
    numbers, windows = services.telephony.numbers, services.calendars.rules
    coordinators = {"RS": officers["C-07"][0], "MK": officers["C-31"][0]}
    async with services.database.read(Actor.system()) as unit:
        found = await unit.session.execute(
            select(Interpreter.code, Interpreter.id, Interpreter.base_country).order_by(Interpreter.code)
        )
        pool = [(row.code, row.id, row.base_country) for row in found]
    for place, (code, interpreter_id, country) in enumerate(pool, start=100):
        if code in WITHOUT:
            continue
        async with services.database.unit(coordinators[country]) as uow:
            view = await numbers.put(uow, f"{_FICTION}{place}", interpreter_id=interpreter_id)
            await numbers.confirm(uow, view.id)
            services.audit.record(uow, "phone.entered", interpreter_id, country=country, purpose="coordination")
    officer = officers[OFFICER][0]
    async with services.database.unit(officer) as uow:
        view = await numbers.put(uow, f"{_FICTION}099", user_id=officer.id)
        await numbers.confirm(uow, view.id)
    today = local_day(now, _ZONE)
    for code, interpreter_id, _ in pool:
        if code in BY_PHONE_ONLY:
            async with services.database.unit(Actor.system()) as uow:
                await windows.add_window(uow, interpreter_id, _night(today), report_in_min=30, reachable_by=("phone",))


async def tell_phone_talk(services: Services, session_id: str, code: str, wait: Callable[[float], None]) -> None:
    """The interpreter's line is lost, their telephone rings, they go on by it, and come back to their page: as the log of it stands.

    ``wait`` moves the clock of the story by seconds.
    """
    who: dict[str, str | int] = {"part": "interpreter", "code": code}

    async def note(kind: EntryKind, **data: str | int) -> None:
        async with services.database.unit(Actor.system()) as uow:
            await services.session_log.append(uow, session_id, kind, data)

    lost = {**who, "from": stamp(services.clock.now())}
    wait(_RUNG_AFTER_S)
    await note(EntryKind.LINE_LOST, **lost)
    await note(EntryKind.PHONE_CALL, **who, event="rung", reason=Why.LINE_LOST.value)
    wait(_LIFTED_AFTER_S)
    await note(EntryKind.PHONE_CALL, **who, event="joined", reason=CallReason.LOST_LINK.value)
    await note(EntryKind.LINE_BACK, **lost, seconds=_RUNG_AFTER_S + _LIFTED_AFTER_S)
    await note(EntryKind.MODE, mode=Medium.PHONE.value, reason=ModeWhy.LINE_LOST.value)
    wait(_BY_PHONE_S)
    await note(EntryKind.MODE, mode=Medium.VIDEO.value, reason=ModeWhy.BACK_TO_VIDEO.value)
    await note(EntryKind.PHONE_CALL, **who, event="ended", reason=LegWhy.REPLACED.value)


def _night(day: date) -> BlockInput:
    """From the evening of this day to the next morning."""
    return BlockInput(f"{day}T18:00", f"{day + timedelta(days=1)}T08:00")
