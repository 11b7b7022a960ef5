"""How a talk ends for those who are in it: what they are told, and what an end does while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.clock import ManualClock
from core.events.bus import Event, Message
from records.lifecycle import EndReason, Outcome
from signaling.call_media import room_topic
from signaling.realtime.news import ROOM_TOLD
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
