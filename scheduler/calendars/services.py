"""Puts the calendars together, and their work by the clock: rolling the half year on, reading foreign calendars."""

from __future__ import annotations

from dataclasses import dataclass

from core.access import Actor
from core.crypto import FieldCipher
from core.jobs import Job, Lease
from scheduler.calendars.feed import CalendarFeeds
from scheduler.calendars.imports import CalendarImports
from scheduler.calendars.month import MonthViews
from scheduler.calendars.outbound import Outbound
from scheduler.calendars.service import CalendarService
from scheduler.calendars.store import outdated, refresh

_SYSTEM = Actor.system()
_IN_ONE_GO = 20


@dataclass(frozen=True)
class Calendars:
    """Everything about calendars but ``Availability``, which needs no key and belongs to the scheduler's services."""

    rules: CalendarService
    feeds: CalendarFeeds
    imports: CalendarImports
    months: MonthViews

    @classmethod
    def build(cls, cipher: FieldCipher, outbound: Outbound | None = None) -> Calendars:
        """All services over one key ring."""
        return cls(CalendarService(cipher), CalendarFeeds(cipher), CalendarImports(cipher, outbound), MonthViews())

    def jobs(self) -> list[Job]:
        """The timed work, each job in one process at a time."""
        return [
            Job("calendars.roll", every=1800, run=self._roll),
            Job("calendars.imports", every=60, run=self._read_imports, ttl=30),
        ]

    async def _roll(self, lease: Lease) -> None:
        while True:
            async with lease.database.read(_SYSTEM) as unit:
                ids = await outdated(unit, _IN_ONE_GO)
            for interpreter_id in ids:
                async with lease.unit(_SYSTEM) as uow:
                    await refresh(uow, interpreter_id, changed=False)
            if len(ids) < _IN_ONE_GO:
                return

    async def _read_imports(self, lease: Lease) -> None:
        while await self.imports.read_due(lease, most=_IN_ONE_GO) == _IN_ONE_GO:
            pass
