"""How a talk ends for those who are in it: what they are told, and what an end does while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from core.clock import ManualClock
from core.db.errors import DatabaseUnavailable
from core.errors import Unavailable
from core.events.bus import Event, Message
from records.lifecycle import EndReason, Outcome, SessionState
from signaling.call_media import room_topic
from signaling.realtime.news import ROOM_TOLD
from signaling.realtime.protocol import RoomEnd
from signaling.realtime.rooms import participant
from tests.signaling.fallback.ladder import Stage, staged
from tests.signaling.house import settings_for


@pytest.fixture
async def stage(sqlite_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Stage]:
    async with staged(settings_for(sqlite_url, tmp_path), clock) as made:
        yield made


async def told_of(stage: Stage) -> list[dict[str, Any]]:
    """What the room is told by the newest ``room.told`` about somebody's place, and by a look at it."""
    heard: asyncio.Queue[Message] = asyncio.Queue()
    services = stage.services
    place = await stage.place("interpreter")
    async with services.bus.follow(room_topic(stage.session_id), heard.put_nowait):
        body = {"session_id": stage.session_id, "name": "participant.changed", "at": "", "place_id": place.id}
        await services.live.news.on_event(Event(ROOM_TOLD, "RS", body, "evt_1"))
        await services.live.media._tell_now(place.id)
        async with asyncio.timeout(30):
            return [(await heard.get()).body["data"] for _ in range(2)]


async def test_whoever_is_out_is_told_the_end_with_it(stage: Stage) -> None:
    """News that overtake each other: that somebody is out may be told before the end of the session is."""
    await stage.services.calls.close(stage.session_id, Outcome.COMPLETED, EndReason.FINISHED, by="officer")
    assert [data["reason"] for data in await told_of(stage)] == ["ended", "ended"]


async def test_whoever_leaves_is_told_that_they_left(stage: Stage) -> None:
    place = await stage.place("interpreter")
    assert ["reason" in data for data in await told_of(stage)] == [False, False], "they are there"
    await stage.services.calls.leave(stage.session_id, place.id, place.connection_id)
    assert [data["reason"] for data in await told_of(stage)] == ["left", "left"]
    given_up = participant(replace(await stage.place("interpreter"), state="gone"))
    assert given_up["reason"] == "withdrawn"


async def test_an_end_while_the_database_is_busy_is_refused_soon_and_the_talk_goes_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attempt waits for seconds itself: six of them kept the officer waiting for a minute, without sound."""
    tried: list[float] = []
    dropped = AsyncMock()

    async def busy(*_: Any, **__: Any) -> None:
        tried.append(stage.clock.monotonic())
        stage.clock.advance(5)
        raise DatabaseUnavailable

    monkeypatch.setattr(stage.services.live.media, "drop", dropped)
    end = RoomEnd(t="room.end", id="1", outcome="completed")
    officer, room = await stage.place("officer"), stage.services.live.socket.room
    with monkeypatch.context() as away:
        away.setattr(stage.services.scheduler.conduct, "finish", busy)
        with pytest.raises(Unavailable, match="database_unavailable"):
            await room.handle(officer, end)
    assert len(tried) == 1
    dropped.assert_not_awaited()
    assert (await stage.session()).state is SessionState.ACTIVE

    await room.handle(officer, end)
    assert (await stage.session()).state is SessionState.SEALED
    dropped.assert_awaited_once_with(stage.session_id, None, "session_ended")
