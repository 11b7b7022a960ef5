"""Installations for scenarios: started, filled with people, stopped at the end; and robots who work in them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from media.robot import read_wav
from media.similarity import Samples
from signaling.rehearsal.client import Json, RefusedError, Socket, StaffClient
from signaling.rehearsal.participant import RobotParticipant
from tests import people
from tests.browser.conftest import running
from tests.services import Postgres, Redis
from tests.speech import wav
from tests.stack import Kind, Stack


@pytest.fixture(params=["single", "split"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    """One process with SQLite; four processes with PostgreSQL and Redis."""
    kind: Kind = request.param
    postgres: Postgres | None = request.getfixturevalue("postgres_server") if kind == "split" else None
    redis: Redis | None = request.getfixturevalue("redis_server") if kind == "split" else None
    yield from running(kind, tmp_path, postgres, redis)


@pytest.fixture(scope="module", params=["single", "split"])
def shared_stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The same, for all tests of a module that break nothing: starting takes longer than most of them."""
    kind: Kind = request.param
    postgres: Postgres | None = request.getfixturevalue("postgres_server") if kind == "split" else None
    redis: Redis | None = request.getfixturevalue("redis_server") if kind == "split" else None
    yield from running(kind, tmp_path_factory.mktemp(kind), postgres, redis)


@pytest.fixture(scope="module")
def shared_single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One process with SQLite for all tests of a module that break nothing."""
    yield from running("single", tmp_path_factory.mktemp("single"), None, None)


@pytest.fixture
def single(tmp_path: Path) -> Iterator[Stack]:
    """One process with SQLite."""
    yield from running("single", tmp_path, None, None)


@pytest.fixture
def split(postgres_server: Postgres, redis_server: Redis, tmp_path: Path) -> Iterator[Stack]:
    """Four processes with PostgreSQL and Redis."""
    yield from running("split", tmp_path, postgres_server, redis_server)


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Samples]:
    """What officer, interpreter and applicant say."""
    folder = tmp_path_factory.mktemp("speech")
    return {part: read_wav(wav(folder, part)) for part in ("officer", "interpreter", "applicant")}


@dataclass
class House:
    """People at work in a running installation, over its public interface only."""

    stack: Stack
    speech: dict[str, Samples]
    exits: AsyncExitStack = field(default_factory=AsyncExitStack)
    shared: bool = False
    """Whether other tests use the installation too."""

    async def staff(self, person: people.Person, url: str | None = None) -> StaffClient:
        """Somebody signs in."""
        client = await self.exits.enter_async_context(StaffClient(url or self.stack.url))
        await client.sign_in(person.code, person.password)
        return client

    async def available(self, number: int, url: str | None = None) -> tuple[StaffClient, Socket]:
        """An interpreter whose page is open and who can be rung."""
        client = await self.staff(people.interpreter(number), url)
        bell = await self.exits.enter_async_context(await client.socket())
        await client.call("PUT", "/api/interpreter/presence", {"wanted": "available"})
        return client, bell

    async def case(self, officer: StaffClient, *, language: str = "pes", **facts: Any) -> Json:
        """A new case at its first step."""
        body = {
            "country": "RS", "site": "RS-PRESEVO", "languages": [{"code": language, "source": "self_declared"}],
            "literacy": "unknown", "age_group": "18-64", "uam": "no", "needs": [], "track": "regular",
            "interp_sex": {"wish": "none", "must": False, "asked": True}, "first_step": "RS-ID-10", **facts,
        }  # fmt: skip
        made: Json = await officer.call("POST", "/api/cases", body)
        return made

    async def ask(self, officer: StaffClient, case: Json, **more: Any) -> Json:
        """Interpreter now."""
        body = {"case_id": case["id"], "step_id": case["current_step_id"], "kind": "now", "language": "pes", **more}
        made: Json = await officer.call("POST", "/api/bookings", body)
        if self.shared:
            self.exits.push_async_callback(self._give_up, officer, made["id"])
        return made

    async def _give_up(self, officer: StaffClient, booking_id: str) -> None:
        """Leave nothing that rings or runs behind for the next test in this installation."""
        for path, body in (("cancel", {"reason": "not_needed"}), ("end", {"outcome": "completed"})):
            booking = await officer.call("GET", f"/api/bookings/{booking_id}")
            what = f"sessions/{booking['session_id']}" if path == "end" else f"bookings/{booking_id}"
            with suppress(RefusedError):
                await officer.call("POST", f"/api/{what}/{path}", body)

    async def accept(self, interpreter: StaffClient, bell: Socket, booking_id: str | None = None) -> Json:
        """Wait for the ring and accept it."""
        offer = await bell.event("offer.sent", lambda data: data["id"] not in self.taken)
        self.taken.add(offer["data"]["id"])
        body = {"round": offer["data"]["round"], "no_conflict": True}
        accepted: Json = await interpreter.call("POST", f"/api/offers/{offer['data']['id']}/accept", body)
        return accepted

    taken: set[str] = field(default_factory=set)

    async def sit(self, who: StaffClient, session_id: str, part: str) -> RobotParticipant:
        """Join with sound."""
        join = await who.call("POST", f"/api/sessions/{session_id}/join")
        robot = await RobotParticipant.enter(await who.socket(grant=join["grant"]), join, self.speech[part])
        self.exits.push_async_callback(robot.close)
        return robot

    async def call(self, number: int = 1) -> Call:
        """From nothing to a running call of officer and interpreter."""
        officer = await self.staff(people.OFFICER)
        interpreter, bell = await self.available(number)
        case = await self.case(officer)
        booking = await self.ask(officer, case)
        session_id = (await self.accept(interpreter, bell))["session_id"]
        desk = await self.sit(officer, session_id, "officer")
        booth = await self.sit(interpreter, session_id, "interpreter")
        await desk.socket.event("session.changed", lambda data: data["state"] == "active", timeout=30)
        return Call(officer, interpreter, bell, case, booking, session_id, desk, booth)


@dataclass
class Call:
    """A running call."""

    officer: StaffClient
    interpreter: StaffClient
    bell: Socket
    case: Json
    booking: Json
    session_id: str
    desk: RobotParticipant
    booth: RobotParticipant

    async def record(self) -> Json:
        """The session as its officer reads it."""
        found: Json = await self.officer.call("GET", f"/api/sessions/{self.session_id}")
        return found

    async def end(self) -> Json:
        """End it and read the record."""
        await self.officer.call("POST", f"/api/sessions/{self.session_id}/end", {"outcome": "completed"})
        return await self.record()


@pytest.fixture
async def house(stack: Stack, speech: dict[str, Samples]) -> AsyncIterator[House]:
    """People in both kinds of installation."""
    made = House(stack, speech)
    async with made.exits:
        yield made


@pytest.fixture
async def shared_house(shared_stack: Stack, speech: dict[str, Samples]) -> AsyncIterator[House]:
    """People in both kinds of installation, which other tests of the module use too."""
    made = House(shared_stack, speech, shared=True)
    async with made.exits:
        yield made


@pytest.fixture
async def shared_one(shared_single: Stack, speech: dict[str, Samples]) -> AsyncIterator[House]:
    """People in the embedded installation, which other tests of the module use too."""
    made = House(shared_single, speech, shared=True)
    async with made.exits:
        yield made


@pytest.fixture
async def one_house(single: Stack, speech: dict[str, Samples]) -> AsyncIterator[House]:
    """People in the embedded installation."""
    made = House(single, speech)
    async with made.exits:
        yield made


@pytest.fixture
async def split_house(split: Stack, speech: dict[str, Samples]) -> AsyncIterator[House]:
    """People in the installation of several processes."""
    made = House(split, speech)
    async with made.exits:
        yield made
