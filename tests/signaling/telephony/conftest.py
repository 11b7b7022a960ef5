"""A running server whose carrier is the stand-in, with people, numbers and a case."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.access import Actor
from core.clock import ManualClock
from core.errors import Unavailable
from core.settings_sections import TelephonySettings
from records.models import SessionParticipant
from signaling import places
from signaling.telephony.models import PhoneLeg
from signaling.telephony.port import CallReason
from tests.signaling.house import open_house, settings_for
from tests.signaling.telephony.stand_in import ACCOUNT, PUBLIC, TOKEN, Call, Stand, open_stand, served
from tests.signaling.world import World, make_world

OWN_RS, OWN_MK = "+381118000111", "+38928000111"
THEIR_NUMBER = "+381631234577"


@dataclass
class Exchange:
    """The world and its telephone network."""

    world: World
    stand: Stand

    @property
    def telephony(self) -> Any:
        return self.world.house.services.telephony

    async def numbers(self) -> None:
        """The interpreter of Serbia has a telephone, which is confirmed."""
        coordinator = await self.world.browser("C-RS")
        path = f"/api/interpreters/{self.world.interpreters['I-RS']}/phone"
        answer = await coordinator.put(path, {"number": "+381 63 / 123 45 77"})
        assert answer.status_code == 200, answer.text
        await self.confirmed(interpreter_id=self.world.interpreters["I-RS"])

    async def confirmed(self, **owner: str) -> None:
        """As after the call for it."""
        async with self.world.house.services.database.unit(Actor.system()) as uow:
            view = await self.telephony.numbers.view(uow, **owner)
            assert await self.telephony.numbers.confirm(uow, view.id)

    async def session(self, **case: Any) -> tuple[str, str]:
        """A session with officer and interpreter bound: its id and the interpreter's place."""
        await self.world.available("I-RS")
        booking = await self.world.book(await self.world.open_case(**case))
        session_id = (await self.world.accept(booking["id"]))["session_id"]
        return session_id, await self.place(session_id, "interpreter")

    async def place(self, session_id: str, part: str) -> str:
        async with self.world.house.services.database.read(Actor.system()) as unit:
            seat = next(one for one in await places.of_session(unit, session_id) if one.part == part)
        return seat.id

    async def officer_here(self, session_id: str) -> None:
        """The officer sits in the room."""
        async with self.world.house.services.database.unit(Actor.system()) as uow:
            place_id = await self.place(session_id, "officer")
            await places.take(uow, place_id)
            # Nobody renews the lease of a browser that is not there.
            await places.change(uow, place_id, seen_at=uow.now + timedelta(hours=1))

    async def sound(self, session_id: str) -> None:
        """The sound process of the room's node is there: on a busy machine it takes longer to start than a call waits for it."""
        async with asyncio.timeout(60):
            while True:
                with suppress(Unavailable):
                    _, client = await self.world.house.services.live.media.placement.ensure(session_id)
                    await client.open_tap(session_id, ())
                    return
                await asyncio.sleep(0.2)

    async def ref(self) -> str:
        found = await self.telephony.legs.number_of(self.world.users["I-RS"])
        assert found is not None
        return str(found)

    async def called(self, session_id: str, place_id: str) -> tuple[str, Call]:
        """The interpreter is called into the session."""
        leg_id = await self.telephony.legs.call_out(session_id, place_id, await self.ref(), reason=CallReason.LOST_LINK)
        return str(leg_id), await self.stand.next_call()

    async def leg(self, leg_id: str) -> PhoneLeg:
        async with self.world.house.services.database.read(Actor.system()) as unit:
            row = await unit.session.get(PhoneLeg, leg_id)
        assert row is not None
        return row

    async def legs(self) -> list[PhoneLeg]:
        async with self.world.house.services.database.read(Actor.system()) as unit:
            return list(await unit.session.scalars(select(PhoneLeg).order_by(PhoneLeg.id)))

    async def seat(self, place_id: str) -> SessionParticipant:
        async with self.world.house.services.database.read(Actor.system()) as unit:
            row = await unit.session.get(SessionParticipant, place_id)
        assert row is not None
        return row

    async def log(self, session_id: str) -> list[dict[str, Any]]:
        services = self.world.house.services
        async with services.database.read(Actor.system()) as unit:
            return [dict(entry) for entry in await services.session_log.entries(unit, session_id)]


def phone_settings(stand: Stand, **more: Any) -> TelephonySettings:
    """The stand-in's account."""
    values: dict[str, Any] = {
        "provider": "twilio", "account_sid": ACCOUNT, "auth_token": TOKEN, "numbers": [f"RS={OWN_RS}", f"MK={OWN_MK}"],
        "public_url": PUBLIC, "api_base": stand.base, "calls_per_second": 20, "cost": ["RS=EUR 0.152"],
    }  # fmt: skip
    return TelephonySettings.model_validate(values | more)


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with open_stand() as opened:
        yield opened


@pytest.fixture
def phone_extras() -> dict[str, Any]:
    """Settings of telephony beyond the usual; a module or test may say others."""
    return {}


@pytest.fixture
async def exchange(
    stand: Stand, sqlite_url: str, tmp_path: Path, clock: ManualClock, phone_extras: dict[str, Any]
) -> AsyncIterator[Exchange]:
    settings = settings_for(sqlite_url, tmp_path, telephony=phone_settings(stand, **phone_extras))
    async with open_house(settings, clock) as house, served(house.app) as port:
        stand.proxied = f"127.0.0.1:{port}"
        made = Exchange(await make_world(house), stand)
        await made.numbers()
        yield made
