"""The demo's appointments: one in a free slot, one held, a weekly series, a relay that waits for the coordinator's word,
and two that stand in the waiting list."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.access import Actor
from records.case_write import NewCase, NewLanguage, SexWishInput
from scheduler.booking.appointments import SlotsAsked
from scheduler.booking.series import Frequency, NewSeries, SeriesRule
from scheduler.booking.slots import Slot
from scheduler.bookings import NewBooking
from scheduler.pool import regional
from signaling.bootstrap import Services

BOOKED_AHEAD = 6
"""Cases that are opened here."""
APPOINTMENTS = 9
"""Appointments that are asked for here: one at a free time, one held, a series of four, a relay, a team and one that wait."""
_ZONE = "Europe/Belgrade"


async def tell_bookings(services: Services, now: datetime, officers: dict[str, tuple[Actor, str]]) -> None:
    """Book through the real services, in slots that the calendars leave free."""
    asylum, language = officers["O-2040"]
    tell = _Teller(services, now, asylum, language)
    await tell.slot("apc", minutes=45)
    await tell.hold("arb", minutes=30)
    await tell.series("pes", minutes=30)
    await tell.waits("som", way="team")
    await tell.waits("som", way="direct")
    border, language = officers["O-3071"]
    await _Teller(services, now, border, language).relay("fra", step="MK-VUL-10")


class _Teller:
    """One officer's bookings."""

    def __init__(self, services: Services, now: datetime, officer: Actor, officer_language: str) -> None:
        self._services = services
        self._now = now
        self._officer = officer
        self._officer_language = officer_language

    async def slot(self, language: str, *, minutes: int) -> None:
        """An appointment in the first free slot of tomorrow."""
        new = await self._wanted(language, minutes)
        if new is not None:
            async with self._services.database.unit(regional(self._officer)) as uow:
                await self._services.scheduler.appointments.book(uow, new)

    async def hold(self, language: str, *, minutes: int) -> None:
        """A slot that is held for the rest of the day."""
        new = await self._wanted(language, minutes)
        if new is not None:
            async with self._services.database.unit(regional(self._officer)) as uow:
                await self._services.scheduler.appointments.hold(uow, new, span=timedelta(hours=8))

    async def series(self, language: str, *, minutes: int) -> None:
        """Four weeks at the same local time, as far as they are free."""
        new = await self._wanted(language, minutes)
        if new is None or new.starts_at is None:
            return
        local = new.starts_at.astimezone(ZoneInfo(_ZONE))
        rule = SeriesRule(local.date(), time(local.hour, local.minute), _ZONE, Frequency.WEEKLY, count=4)
        async with self._services.database.unit(regional(self._officer)) as uow:
            await self._services.scheduler.series.book(uow, NewSeries(new, rule, all_or_none=False))

    async def waits(self, language: str, *, way: str) -> None:
        """A talk on a Sunday evening, when nobody who speaks the language has working hours: it stands in the waiting list."""
        step_id = await self._case(language, "RS-ASY-10")
        starts_at = self._local(timedelta(days=7), hour=18, weekdays=(6,))
        new = NewBooking(step_id, "appointment", language, self._officer_language, starts_at, 90, way=way)
        async with self._services.database.unit(regional(self._officer)) as uow:
            await self._services.scheduler.bookings.request(uow, new)

    async def relay(self, language: str, *, step: str) -> None:
        """A talk beyond registration for which nobody connects the two languages: a coordinator decides."""
        step_id = await self._case(language, step)
        starts_at = self._local(timedelta(hours=20), hour=10, weekdays=range(5))
        new = NewBooking(step_id, "appointment", language, self._officer_language, starts_at, 30, way="relay")
        async with self._services.database.unit(regional(self._officer)) as uow:
            await self._services.scheduler.appointments.book(uow, new)

    def _local(self, ahead: timedelta, *, hour: int, weekdays: Container[int]) -> datetime:
        """The first such hour in the countries' time on one of these weekdays, not sooner than ``ahead``."""
        first = (self._now + ahead).astimezone(ZoneInfo(_ZONE))
        hours = (datetime.combine(first.date() + timedelta(days=n), time(hour), first.tzinfo) for n in range(8))
        return next(at for at in hours if at >= first and at.weekday() in weekdays).astimezone(UTC)

    async def _wanted(self, language: str, minutes: int) -> NewBooking | None:
        """A case and its first sure slot in the next two weeks; none if the calendars leave none."""
        step_id = await self._case(language, "RS-ASY-10")
        asked = SlotsAsked(step_id, language, self._officer_language, minutes)
        start = self._now + timedelta(days=1)
        async with self._services.database.read(regional(self._officer)) as unit:
            found = await self._services.scheduler.appointments.slots(unit, asked, start, start + timedelta(days=14))
        at = _by_day(found)
        new = NewBooking(step_id, "appointment", language, self._officer_language, minutes=minutes)
        return None if at is None else replace(new, starts_at=at)

    async def _case(self, language: str, step: str) -> str:
        new = NewCase(
            country=(self._officer.site or "")[:2],
            site=str(self._officer.site),
            age_group="18-64",
            first_step=step,
            languages=[NewLanguage(language, "self_declared")],
            interp_sex=SexWishInput(asked=True),
        )
        async with self._services.database.unit(self._officer) as uow:
            made = await self._services.cases.open(uow, new)
        return made["steps"][0]["id"]


def _by_day(found: list[Slot]) -> datetime | None:
    """The first sure slot between nine and three, local time."""
    for slot in found:
        if slot.sure and 9 <= slot.starts_at.astimezone(ZoneInfo(_ZONE)).hour < 15:
            return slot.starts_at
    return None
