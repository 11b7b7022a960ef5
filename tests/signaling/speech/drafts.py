"""A talk in progress with a draft that can be asked for, a tap that tests fill, and workers that tests let speak."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from core.access import Actor
from core.clock import ManualClock
from core.crypto import FieldCipher, KeyRing
from core.db.session import Database
from core.events.memory_bus import InProcessBus
from core.i18n import Catalogues
from media.lines.protocol import Piece
from media.speech.workers import Heard, OnHeard, SpeechWorkers
from records.lifecycle import EndReason, Outcome, PauseReason
from records.models import SessionEntry, SessionParticipant
from scheduler.languages import load_languages
from signaling import places
from signaling.bootstrap import catalogue_folder
from signaling.speech.drafts import DraftService
from signaling.speech.export import ExportTexts
from signaling.speech.lines import DraftLines
from signaling.speech.listening import Listeners
from signaling.speech.models import COUNTRY_SWITCH, SpeechLine
from signaling.speech.states import Answer
from signaling.speech.switches import SpeechSwitches
from signaling.speech.views import Line
from tests.scheduler.world import STEP, SYSTEM, World, catalogue


def export_texts() -> ExportTexts:
    """The real catalogues."""
    folder = catalogue_folder()
    return ExportTexts(Catalogues.read(folder / "speech"), Catalogues.read(folder), load_languages())


class FakeTap:
    """Gives what tests put in, and only of those who are allowed, as the node does."""

    def __init__(self) -> None:
        self.allowed: frozenset[str] = frozenset()
        self.changed = asyncio.Event()
        self._pieces: asyncio.Queue[Piece] = asyncio.Queue()

    async def __aiter__(self) -> AsyncIterator[Piece]:
        while True:
            yield await self._pieces.get()

    async def allow(self, peer_ids: Collection[str]) -> None:
        self.allowed = frozenset(peer_ids)
        self.changed.set()

    async def until(self, wanted: set[str]) -> None:
        """Wait until exactly these may be heard."""
        async with asyncio.timeout(30):
            while self.allowed != wanted:
                self.changed.clear()
                await self.changed.wait()


class FakeWorkers(SpeechWorkers):
    """No process: remembers open channels and says what tests make it say."""

    def __init__(self) -> None:
        super().__init__([], 0)
        self.by_sound = False
        self.opened: dict[str, tuple[str, tuple[str, ...], OnHeard]] = {}
        self.change = asyncio.Event()

    def open(
        self, channel: str, room: str, languages: tuple[str, ...], on_heard: OnHeard, *, by_sound: bool = False
    ) -> None:
        self.opened[channel] = (room, languages, on_heard)
        self.by_sound = by_sound
        self.change.set()

    def close(self, channel: str) -> None:
        self.opened.pop(channel, None)
        self.change.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.opened) != count:
                self.change.clear()
                await self.change.wait()

    def say(self, languages: tuple[str, ...], heard: Heard) -> None:
        """The channel with these languages said something."""
        [found] = [on_heard for _, spoken, on_heard in self.opened.values() if spoken == languages]
        found(heard)


class Talk:
    """A session in progress with an officer, an interpreter and the person; drafts are allowed."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.database = database
        self.clock = clock
        self.world = World(database, clock)
        self.bus = InProcessBus()
        self.switches = SpeechSwitches(catalogue())
        cipher = FieldCipher(KeyRing.new())
        self.lines = DraftLines(database, cipher)
        self.drafts = DraftService(
            database, self.world.log, self.switches, self.lines, cipher, export_texts(), has_model=True
        )
        self.tap = FakeTap()
        self.workers = FakeWorkers()
        self.session_id = ""
        self.booking_id = ""
        self.places: dict[str, str] = {}

    async def begin(self, *, switched: bool = True) -> Talk:
        await self.world.begin()
        await self.world.interpreters(1)
        self.booking_id = await self.world.request()
        self.session_id = await self.world.talk(self.booking_id)
        await self.guest("applicant")
        async with self.database.unit(SYSTEM) as uow:
            for place in await places.of_session(uow, self.session_id):
                self.places[place.part] = place.id
            if switched:
                for code in (COUNTRY_SWITCH, STEP):
                    await self.switches.turn(uow, "RS", code, on=True, by="user_c")
        return self

    async def guest(self, part: str) -> str:
        """Somebody comes in by a link."""
        async with self.database.unit(SYSTEM) as uow:
            place = await places.invite(uow, self.session_id, part)
            row = await uow.session.get(SessionParticipant, place.id)
            assert row is not None
            row.state, row.since, row.seen_at, row.connection_id = "present", uow.now, uow.now, f"conn_{part}"
            self.places[part] = place.id
        await self.told()
        return place.id

    async def leave(self, part: str) -> None:
        async with self.database.unit(SYSTEM) as uow:
            await places.leave(uow, self.places[part])
        await self.told()

    async def told(self) -> None:
        """The room's topic says that something happened."""
        await self.bus.append(f"room:{self.session_id}", {"name": "x", "data": {}})

    async def by_phone(self, part: str) -> None:
        """Somebody takes part by telephone alone."""
        async with self.database.unit(SYSTEM) as uow:
            row = await uow.session.get(SessionParticipant, self.places[part])
            assert row is not None
            row.state, row.phone_leg_id, row.connection_id = "lost", "leg_1", None
        await self.told()

    async def place(self, part: str) -> places.Place:
        async with self.database.read(SYSTEM) as unit:
            return await places.get(unit, self.places[part])

    async def note(self, whom: str, *, agrees: bool, by: str = "interpreter") -> Answer:
        """What somebody without a screen answered, noted by officer or interpreter."""
        return await self.drafts.note(self.session_id, whom, agrees=agrees, by=await self.place(by))

    async def agree(self, *parts: str) -> None:
        for part in parts:
            await self.drafts.answer(self.places[part], agrees=True)

    async def run(self) -> None:
        """Ask, and everybody agrees."""
        await self.drafts.ask(self.session_id)
        await self.agree("interpreter", "applicant")

    async def say(
        self, part: str, language: str, text: str | None, at: int, missing: str | None = None, *, shared: bool = False
    ) -> bool:
        start, place = self.clock.now() + timedelta(seconds=at), self.places[part]
        return await self.lines.add(
            self.session_id, place, language, start, start + timedelta(seconds=2), text, missing, shared=shared
        )

    async def pause(self) -> None:
        async with self.database.unit(SYSTEM) as uow:
            await self.world.log.pause(uow, self.session_id, reason=PauseReason.BREAK)
        await self.told()

    async def resume(self) -> None:
        async with self.database.unit(SYSTEM) as uow:
            await self.world.log.resume(uow, self.session_id)
        await self.told()

    async def end(self) -> None:
        async with self.database.unit(SYSTEM) as uow:
            await self.world.services.conduct.finish(
                uow, self.session_id, outcome=Outcome.COMPLETED, reason=EndReason.FINISHED, by="officer"
            )
            await self.world.log.seal(uow, self.session_id)

    async def all_lines(self) -> list[Line]:
        async with self.database.read(SYSTEM) as unit:
            return await self.lines.all(unit, self.session_id)

    async def raw(self) -> list[SpeechLine]:
        async with self.database.read(SYSTEM) as unit:
            return list(await unit.session.scalars(select(SpeechLine)))

    async def entries(self, kind: str) -> list[dict[str, Any]]:
        async with self.database.read(Actor.system()) as unit:
            rows = await unit.session.scalars(
                select(SessionEntry)
                .where(SessionEntry.session_id == self.session_id, SessionEntry.kind == kind)
                .order_by(SessionEntry.seq)
            )
            return [row.data for row in rows]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        @asynccontextmanager
        async def open_tap(_: str) -> AsyncIterator[FakeTap]:
            yield self.tap

        house = Listeners(self.database, self.bus, self.drafts, self.lines, self.workers, open_tap)
        async with house.running():
            yield
