"""A session on the ladder: services over one database with a manual clock, and a telephone that does what the test says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import select

from core.access import Actor
from core.clock import ManualClock, new_id
from core.db.session import Database, ReadUnit
from core.errors import Conflict
from core.events.bus import Event
from core.settings import Settings
from records.models import Session
from scheduler.languages import load_languages
from signaling import places
from signaling.bootstrap import Services, build
from signaling.fallback.models import FallbackCall
from signaling.fallback.services import Fallback
from signaling.places import Place
from signaling.realtime.protocol import RoomAgree, RoomGoOn, RoomMessage, RoomOpening, RoomPhone, RoomSoundOnly
from signaling.telephony.port import LEG_CHANGED, CallReason, LegId, LegWhy
from tests.scheduler.world import OFFICER, World, catalogue

SYSTEM = Actor.system()
_languages = cache(load_languages)


@dataclass
class Phone:
    """``PhoneLegs`` for tests: hands out one leg per place while one is under way, as the port promises."""

    database: Database
    configured: bool = True
    nobody: set[str] = field(default_factory=set)
    """User ids without a number."""
    refuses: str | None = None
    placed: list[tuple[str, CallReason]] = field(default_factory=list)
    legs: dict[LegId, tuple[str, str]] = field(default_factory=dict)
    """Legs under way: session and place."""
    ended: list[LegId] = field(default_factory=list)
    ended_why: LegWhy | None = None
    """Of the last one of them."""

    @property
    def numbers(self) -> Phone:
        return self

    async def ref_of_user(self, unit: ReadUnit, user_id: str) -> str | None:
        return await self.number_of(user_id)

    async def number_of(self, user_id: str) -> str | None:
        return None if user_id in self.nobody else f"num_{user_id}"

    async def call_out(self, session_id: str, place_id: str, number_ref: str, *, reason: CallReason) -> LegId:
        if self.refuses is not None:
            raise Conflict(self.refuses)
        for leg_id, (_, place) in self.legs.items():
            if place == place_id:
                return leg_id
        self.placed.append((place_id, reason))
        leg_id = new_id("leg")
        self.legs[leg_id] = (session_id, place_id)
        return leg_id

    async def hang_up(self, leg_id: LegId, *, why: LegWhy = LegWhy.CANCELLED) -> None:
        self.ended.append(leg_id)
        self.ended_why = why


@dataclass
class Stage:
    """One session with officer and interpreter in it."""

    services: Services
    world: World
    phone: Phone
    fallback: Fallback
    clock: ManualClock
    session_id: str

    async def place(self, part: str) -> Place:
        async with self.world.database.read(SYSTEM) as unit:
            return next(
                p for p in await places.of_session(unit, self.session_id) if p.part == part and p.state != "gone"
            )

    async def change(self, part: str, **values: Any) -> None:
        place = await self.place(part)
        async with self.world.database.unit(SYSTEM) as uow:
            await places.change(uow, place.id, **values)

    async def lose(self, part: str = "interpreter") -> None:
        """The socket is cut."""
        place = await self.place(part)
        await self.services.calls.cut(self.session_id, place.id, place.connection_id or "")

    async def sit(self, part: str) -> None:
        """Take the place by browser, heard at once."""
        place = await self.place(part)
        async with self.world.database.unit(SYSTEM) as uow:
            seat = await places.take(uow, place.id)
            session = await uow.session.get_one(Session, self.session_id)
            await self.services.calls._arrived(uow, session, seat)
            await places.change(uow, place.id, heard_at=uow.now, has_audio=True, media_lost_at=None)
        await self.services.calls.heard(self.session_id, place.id)

    async def guest(self) -> None:
        """The person sits at the tablet."""
        async with self.world.database.unit(SYSTEM) as uow:
            place = await places.invite(uow, self.session_id, "applicant")
            await places.take(uow, place.id)

    async def after(self, seconds: float) -> None:
        """Time passes, with the rounds that a server makes."""
        self.clock.advance(seconds)
        async with self.world.database.unit(SYSTEM) as uow:
            held = [place.connection_id or "" for place in await places.of_session(uow, self.session_id)]
            await places.touch(uow, held)
        await self.services.live.watch.watch()
        await self.fallback.round()

    async def leg(self, state: str, why: str | None = None, leg_id: str | None = None) -> None:
        """Telephony does what it does, and tells it."""
        leg_id = leg_id or next(iter(self.phone.legs))
        session_id, place_id = self.phone.legs[leg_id]
        async with self.world.database.unit(SYSTEM) as uow:
            if state == "in_room":
                await places.join_by_phone(uow, place_id, leg_id)
                await places.change(uow, place_id, video=False, heard_at=None)
            elif state == "ended":
                await places.end_phone(uow, place_id, leg_id)
        body = {"leg_id": leg_id, "session_id": session_id, "place_id": place_id, "state": state, "why": why}
        event = Event(LEG_CHANGED, "RS", body, new_id("event"))
        await self.fallback.news.on_event(event)
        if state == "ended":
            self.phone.legs.pop(leg_id)

    async def heard(self, part: str) -> None:
        """The node hears somebody."""
        place = await self.place(part)
        async with self.world.database.unit(SYSTEM) as uow:
            await places.first_sound(uow, place.id)
        await self.services.calls.heard(self.session_id, place.id)

    async def say(self, part: str, message: RoomMessage) -> dict[str, Any]:
        return await self.fallback.room.handle(await self.place(part), message)

    async def phone_word(self, by: str, do: str, target: str = "interpreter") -> None:
        await self.say(
            by,
            RoomPhone.model_validate({"t": "room.phone", "id": "1", "do": do, "place": (await self.place(target)).id}),
        )

    async def agree(self, by: str, *, yes: bool) -> None:
        await self.say(by, RoomAgree(t="room.agree", id="1", yes=yes))

    async def go_on(self, after: str) -> None:
        await self.say("officer", RoomGoOn.model_validate({"t": "room.go_on", "id": "1", "after": after}))

    async def sound_only(self, *, on: bool) -> None:
        await self.say("officer", RoomSoundOnly(t="room.sound_only", id="1", on=on))

    async def opening(self, by: str, **words: Any) -> dict[str, Any]:
        return await self.say(by, RoomOpening.model_validate({"t": "room.opening", "id": "1", **words}))

    async def view(self) -> dict[str, Any]:
        """The ladder as the room sees it."""
        ladder = self.services.calls.ladder
        assert ladder is not None
        async with self.world.database.read(SYSTEM) as unit:
            return await ladder.view(unit, await unit.session.get_one(Session, self.session_id))

    async def told(self) -> list[dict[str, Any]]:
        """What the room was told of the ladder."""
        events = await self.world.events("room.told")
        return [event.body["data"] for event in events if event.body["name"] == "fallback.changed"]

    async def log(self, *kinds: str) -> list[dict[str, Any]]:
        """The data of the entries of these kinds."""
        async with self.world.database.read(SYSTEM) as unit:
            entries = await self.world.log.entries(unit, self.session_id)
        return [{"kind": str(entry["kind"]), **entry["data"]} for entry in entries if entry["kind"] in kinds]

    async def calls(self) -> list[FallbackCall]:
        async with self.world.database.read(SYSTEM) as unit:
            query = (
                select(FallbackCall).where(FallbackCall.session_id == self.session_id).order_by(FallbackCall.made_at)
            )
            return list(await unit.session.scalars(query))

    async def session(self) -> Session:
        return await self.world.session(self.session_id)


@asynccontextmanager
async def staged(
    settings: Settings, clock: ManualClock, *, step: str = "RS-ID-10", as_step: str | None = None, mode: str = "open"
) -> AsyncIterator[Stage]:
    """A session of ``step`` in which officer and interpreter talk; ``as_step`` stands for one that other steps come before."""
    services = build(settings, clock=clock, catalogue=catalogue(), languages=_languages())
    world = await World(services.database, clock).begin()
    try:
        await world.interpreters(1)
        _, step_id = await world.case(step=step, actor=OFFICER)
        session_id = await world.talk(await world.request(step_id))
        async with services.database.unit(SYSTEM) as uow:
            session = await uow.session.get_one(Session, session_id)
            session.mode, session.step_code = mode, as_step or step
        phone = Phone(services.database)
        fallback = Fallback.build(services.database, services.catalogue, services.session_log, services.calls, phone)
        stage = Stage(services, world, phone, fallback, clock, session_id)
        for part in ("officer", "interpreter"):
            await stage.sit(part)
        yield stage
    finally:
        await services.close()
