"""Puts the ladder together: rules, rounds, telephony's news and the people's words. Holds no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from core.db.session import Database
from core.jobs import Job, Lease
from records.procedures import Catalogue
from records.session_log import SessionLog
from signaling.call_watch import WATCH_EVERY_S
from signaling.calls import CallService
from signaling.fallback.legs import LadderNews
from signaling.fallback.opening import Openings
from signaling.fallback.reading import Numbers, Reading
from signaling.fallback.room import LadderRoom
from signaling.fallback.service import LadderService
from signaling.fallback.viewing import Viewing
from signaling.telephony.port import LEG_CHANGED, PhoneLegs

HEARD = (LEG_CHANGED,)
"""Events of the outbox that ``news`` hears."""


class Telephones(PhoneLegs, Protocol):
    """Legs, with the book of numbers that they know."""

    @property
    def numbers(self) -> Numbers:
        """Whose telephone is on file."""
        ...


@dataclass(frozen=True)
class Fallback:
    """The step-down ladder of running sessions."""

    service: LadderService
    room: LadderRoom
    news: LadderNews
    openings: Openings

    @classmethod
    def build(
        cls, database: Database, catalogue: Catalogue, session_log: SessionLog, calls: CallService, phone: Telephones
    ) -> Fallback:
        """Wire it, and put it into ``calls``."""
        reading = Reading(catalogue, session_log, phone, phone.numbers)
        viewing = Viewing(reading)
        service = LadderService(database, session_log, reading, viewing, phone)
        openings = Openings(database, session_log, service)
        room = LadderRoom(database, session_log, reading, service, calls, phone, openings)
        calls.ladder = viewing
        return cls(service, room, LadderNews(database, service, calls), openings)

    def jobs(self) -> list[Job]:
        """What one process at a time does for all, as often as the watch of calls."""

        async def rounds(_: Lease) -> None:
            await self.round()

        return [Job("fallback.rounds", WATCH_EVERY_S, rounds)]

    async def round(self) -> None:
        """One look at the sessions in trouble and at the questions that wait."""
        await self.service.round()
        await self.openings.round()
