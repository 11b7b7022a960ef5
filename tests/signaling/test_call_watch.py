"""The watch over running sessions and the sockets in them: telephones, a service that was away, two tabs, a house that is away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
from sqlalchemy import select
from starlette.websockets import WebSocketDisconnect, WebSocketState

from core.clock import ManualClock
from core.db.errors import DatabaseUnavailable
from core.errors import Conflict, NotFound, Unavailable
from core.events.memory_bus import InProcessBus
from records.lifecycle import EndReason, Outcome, SessionState
from records.referral_models import ReferralTask
from signaling import places
from signaling.auth.tokens import TokenKind, issue
from signaling.realtime.hub import Connection, Hub
from signaling.realtime.protocol import MediaStart, RoomPause, RoomSignal
from signaling.socket import TRY_AGAIN, Conversation
from tests.signaling.fallback.ladder import SYSTEM, Stage, staged
from tests.signaling.house import settings_for


@pytest.fixture
async def stage(sqlite_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Stage]:
    async with staged(settings_for(sqlite_url, tmp_path), clock) as made:
        yield made


class Wire:
    """As much of a WebSocket as a conversation uses."""

    application_state = WebSocketState.CONNECTED

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}
        self.sent: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self._said: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.changed = asyncio.Event()

    def say(self, **frame: Any) -> None:
        self._said.put_nowait(frame)

    def hang_up(self) -> None:
        self._said.put_nowait(None)

    async def receive_text(self) -> str:
        frame = await self._said.get()
        if frame is None:
            raise WebSocketDisconnect
        return json.dumps(frame)

    async def send_text(self, text: str) -> None:
        self.sent.append(json.loads(text))
        self.changed.set()

    async def send_json(self, frame: dict[str, Any]) -> None:
        await self.send_text(json.dumps(frame))

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    async def read(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while True:
                found = next((frame for frame in self.sent if frame["t"] == kind), None)
                if found is not None:
                    return found
                self.changed.clear()
                await self.changed.wait()


async def guest_grant(stage: Stage) -> str:
    """A grant of somebody without a sign-in."""
    async with stage.world.database.unit(SYSTEM) as uow:
        place = await places.invite(uow, stage.session_id, "applicant")
        token = await issue(uow, TokenKind.JOIN, session_id=stage.session_id, participant_id=place.id)
    return token.secret


def talk(stage: Stage, grant: str) -> tuple[Wire, asyncio.Task[None]]:
    wire = Wire()
    wire.say(t="hello", id="h", v=1, grant=grant)
    conversation = Conversation(wire, stage.services.live.socket)  # type: ignore[arg-type]
    return wire, asyncio.create_task(conversation.run())


async def test_two_people_on_the_telephone_are_not_abandoned(stage: Stage) -> None:
    for part in ("officer", "interpreter"):
        async with stage.world.database.unit(SYSTEM) as uow:
            await places.join_by_phone(uow, (await stage.place(part)).id, f"leg_{part}")
        await stage.lose(part)
    stage.clock.advance(16 * 60)
    await stage.services.live.watch.watch()
    assert (await stage.session()).state is SessionState.ACTIVE


async def test_a_session_with_nobody_in_it_is_ended_though_another_cannot_be(stage: Stage) -> None:
    for part in ("officer", "interpreter"):
        await stage.lose(part)
    stage.clock.advance(16 * 60)
    watch = stage.services.live.watch
    watch._abandoned = AsyncMock(return_value=["session_gone", stage.session_id])  # type: ignore[method-assign]
    await watch.watch()
    assert (await stage.session()).state is SessionState.SEALED


async def test_who_was_given_up_while_our_service_was_away_is_there_again(stage: Stage) -> None:
    """A database that is away for longer than a lease ends nobody's talk: the sockets stand."""
    watch = stage.services.live.watch
    held = [str((await stage.place(part)).connection_id) for part in ("officer", "interpreter")]
    stage.clock.advance(places.LEASE.total_seconds() + 5)
    await watch.watch()
    await watch.watch()
    assert {(await stage.place(part)).state for part in ("officer", "interpreter")} == {"lost"}
    assert (await stage.session()).state is SessionState.PAUSED

    await watch.touch(lambda: held)
    assert {(await stage.place(part)).state for part in ("officer", "interpreter")} == {"present"}
    assert (await stage.session()).state is SessionState.ACTIVE
    back = await stage.log("line_back")
    assert [entry["part"] for entry in back] == ["officer", "interpreter"]


async def test_a_socket_that_has_ended_is_not_brought_back(stage: Stage) -> None:
    connection = str((await stage.place("officer")).connection_id)
    await stage.lose("officer")
    held = [[connection], []]
    await stage.services.live.watch.touch(lambda: held.pop(0))
    assert (await stage.place("officer")).state == "lost"


async def test_a_database_that_is_away_puts_a_browser_off_and_does_not_refuse_it(stage: Stage) -> None:
    grant = await guest_grant(stage)
    stage.services.calls.enter = AsyncMock(side_effect=DatabaseUnavailable())  # type: ignore[method-assign]
    wire, task = talk(stage, grant)
    async with asyncio.timeout(30):
        await task
    assert wire.closed == (TRY_AGAIN, "database_unavailable"), "4403 would end the page for good"


async def test_a_bus_that_is_away_puts_a_browser_off_too(stage: Stage) -> None:
    grant = await guest_grant(stage)
    hub = stage.services.live.hub
    hub.follow = AsyncMock(side_effect=Unavailable("bus_unavailable"))  # type: ignore[method-assign]
    wire, task = talk(stage, grant)
    async with asyncio.timeout(30):
        await task
    assert wire.closed == (TRY_AGAIN, "bus_unavailable")


async def test_the_newest_tab_has_the_place_and_the_older_is_told(stage: Stage) -> None:
    grant = await guest_grant(stage)
    first, task = talk(stage, grant)
    welcome = await first.read("welcome")
    resume = {"connection": welcome["connection"], "secret": welcome["secret"]}
    second = Wire()
    second.say(t="hello", id="h", v=1, resume=resume)
    later = asyncio.create_task(Conversation(second, stage.services.live.socket).run())  # type: ignore[arg-type]
    await second.read("welcome")
    async with asyncio.timeout(30):
        await task
    assert first.closed == (4410, "replaced")
    assert (await stage.place("applicant")).state == "present", "the older one did not take the place with it"
    second.hang_up()
    async with asyncio.timeout(30):
        await later


async def test_a_signal_that_is_sent_again_after_the_line_broke_is_noted_once(stage: Stage) -> None:
    """The answer was lost with the line: the browser says the same again on its next connection."""
    first, task = talk(stage, await guest_grant(stage))
    welcome = await first.read("welcome")
    first.say(t="room.signal", id="m1", kind="repeat")
    answer = await first.read("reply")
    first.hang_up()
    async with asyncio.timeout(30):
        await task
    assert len(await stage.log("signal")) == 1

    second = Wire()
    second.say(t="hello", id="h", v=1, resume={"connection": welcome["connection"], "secret": welcome["secret"]})
    second.say(t="room.signal", id="m1", kind="repeat")
    task = asyncio.create_task(Conversation(second, stage.services.live.socket).run())  # type: ignore[arg-type]
    assert await second.read("reply") == answer
    assert len(await stage.log("signal")) == 1
    second.sent.clear()
    second.say(t="room.signal", id="m2", kind="repeat")
    assert (await second.read("reply"))["re"] == "m2"
    assert len(await stage.log("signal")) == 2
    second.hang_up()
    async with asyncio.timeout(30):
        await task


async def test_connections_whose_place_is_gone_are_ended() -> None:
    hub = Hub(InProcessBus(), ManualClock())
    mine, replaced, gone = (Connection(name) for name in ("c1", "c2", "c3"))
    for connection, place in ((mine, "p1"), (replaced, "p2"), (gone, "p3")):
        connection.open({"t": "welcome"})
        connection.place_id = place
        hub.add(connection)
    assert sorted(hub.place_ids()) == ["p1", "p2", "p3"]
    hub.keep({"p1": "c1", "p2": "c9", "p3": None})
    assert not gone.closing.done(), "an answer to the one who steps back may still be under way"
    hub.keep({"p1": "c1", "p2": "c9", "p3": None})
    assert not mine.closing.done()
    assert replaced.closing.result() == (4410, "replaced")
    assert gone.closing.result() == (4403, "place_gone")


async def test_whoever_was_replaced_is_out_of_the_room(stage: Stage) -> None:
    """The officer's button replaces by the booking, which knows no room: sound, picture and words end all the same."""
    interpreter = await stage.place("interpreter")
    session = await stage.session()
    async with stage.world.database.unit(SYSTEM) as uow:
        await stage.services.scheduler.conduct.replace(uow, session.booking_id)
    dropped = AsyncMock(return_value=0)
    stage.services.live.media.drop = dropped  # type: ignore[method-assign]
    for _ in range(2):
        await stage.services.live.watch.watch()
    dropped.assert_awaited_once_with(stage.session_id, interpreter.id, "withdrawn")
    told = [event.body for event in await stage.world.events("room.told")]
    assert [body.get("place_id") for body in told if body["name"] == "participant.changed"][-1:] == [interpreter.id]

    start = MediaStart.model_validate({"t": "media.start", "id": "1", "want": {}})
    with pytest.raises(NotFound, match="participant_unknown"):
        await stage.services.live.media.start(stage.session_id, interpreter.id, start)
    with pytest.raises(NotFound, match="participant_unknown"):
        await stage.services.live.socket.room.handle(interpreter, RoomPause(t="room.pause", id="1"))


async def test_after_the_end_no_page_opens_the_room_again(stage: Stage) -> None:
    officer = await stage.place("officer")
    await stage.services.calls.close(stage.session_id, Outcome.COMPLETED, EndReason.FINISHED, by="officer")
    start = MediaStart.model_validate({"t": "media.start", "id": "1", "want": {}})
    with pytest.raises(Conflict, match="session_over"):
        await stage.services.live.media.start(stage.session_id, officer.id, start)


async def test_a_concern_stands_in_the_database_before_it_is_confirmed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task, and the news for the officer, in one transaction: nobody listens just now, and the bus may be away."""
    bus_away = AsyncMock(side_effect=Unavailable("bus_unavailable"))
    monkeypatch.setattr(stage.services.live.hub, "tell", bus_away)
    place, session = await stage.place("interpreter"), await stage.session()
    room = stage.services.live.socket.room
    await room.handle(place, RoomSignal(t="room.signal", id="m1", kind="concern"))
    async with stage.services.database.read(SYSTEM) as unit:
        found = await unit.session.scalar(select(ReferralTask).where(ReferralTask.session_id == stage.session_id))
    assert found is not None
    assert found.raised_by_part == "interpreter"
    (told,) = [one.body for one in await stage.world.events("room.told") if one.body["name"] == "signal.raised"]
    assert told["topic"] == f"user:{session.officer_user_id}"
    assert (told["data"]["kind"], told["data"]["session_id"]) == ("concern", stage.session_id)

    def refused(*_: Any, **__: Any) -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr("signaling.call_room.raise_concern", AsyncMock(side_effect=refused))
    before = len(await stage.world.events("room.told"))
    with pytest.raises(Unavailable, match="database_unavailable"):
        await room.handle(place, RoomSignal(t="room.signal", id="m2", kind="concern"))
    assert len(await stage.world.events("room.told")) == before, "nothing is told that is not held"
