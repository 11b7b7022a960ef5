"""Bounds of a call: one mode segment for one change, so many guests, so many topics, no lock kept, no defect hidden."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from core.clock import ManualClock
from core.errors import Conflict
from core.events.bus import Event
from core.events.memory_bus import InProcessBus
from signaling import admission
from signaling.auth.principal import Principal
from signaling.realtime.hub import Connection, Hub
from signaling.socket_io import read_text, write_text
from tests.signaling.fallback.ladder import Stage, staged
from tests.signaling.house import settings_for


@pytest.fixture
async def stage(database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Stage]:
    """A talk that runs, on either engine."""
    async with staged(settings_for(database_url, tmp_path), clock) as made:
        yield made


async def test_two_changes_at_once_make_one_mode_segment(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("officer", "interpreter"):
        await stage.change(part, video=False, has_video=False, video_why="sound_only")
    before = len(await stage.log("mode"))
    log, both = stage.services.session_log, asyncio.Barrier(2)
    read = log.entries

    async def slowly(*args: Any, **named: Any) -> Any:
        found = await read(*args, **named)
        try:
            async with asyncio.timeout(0.3):  # whoever holds the session goes on alone
                await both.wait()
        except (TimeoutError, asyncio.BrokenBarrierError):
            pass
        return found

    monkeypatch.setattr(log, "entries", slowly)
    await asyncio.gather(*(stage.services.calls.note_mode(stage.session_id, "") for _ in range(2)))
    monkeypatch.undo()
    assert [one["mode"] for one in (await stage.log("mode"))[before:]] == ["audio"]


async def test_a_session_takes_so_many_guests_and_no_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST_GUESTS", 3)
    monkeypatch.setattr(admission, "MOST_INVITED", 5)
    officer = cast(Principal, SimpleNamespace(user_id=(await stage.session()).officer_user_id))
    service = stage.services.admission
    made = await asyncio.gather(
        *(service.invite(officer, stage.session_id, "lawyer") for _ in range(6)), return_exceptions=True
    )
    refused = [one for one in made if isinstance(one, Conflict)]
    assert {(one.code, one.params["most"]) for one in refused} == {("too_many_guests", 3)}
    assert len(made) - len(refused) <= 3


async def test_one_connection_follows_so_many_topics_and_no_more(clock: ManualClock) -> None:
    hub, connection = Hub(InProcessBus(), clock), Connection("conn_1", topics=3)
    hub.add(connection)
    for number in (1, 2, 3, 3):
        await hub.follow(connection, f"booking:{number}", None)
    with pytest.raises(Conflict, match="too_many_topics"):
        await hub.follow(connection, "booking:4", None)
    await hub.unfollow(connection, "booking:1")
    await hub.follow(connection, "booking:4", None)
    await hub.remove(connection)


async def test_no_lock_is_kept_for_a_room_that_is_gone(stage: Stage) -> None:
    media = stage.services.calls._media
    for number in range(20):
        body = {
            "id": f"news_{number}", "room_id": f"room_{number}", "peer_id": "part_1", "node_id": "node_1", "seq": 1,
            "at": stage.clock.now().isoformat(), "generation": 1,
        }  # fmt: skip
        await media.on_event(Event("media.peer_back", "RS", body, f"news_{number}"))
    assert len(media._locks) == 0


@pytest.mark.parametrize(
    ("state", "words", "expected"),
    [
        (WebSocketState.DISCONNECTED, "Cannot call", WebSocketDisconnect),
        (WebSocketState.CONNECTED, "Unexpected ASGI message 'websocket.send'", WebSocketDisconnect),
        (WebSocketState.CONNECTED, "a defect of ours", RuntimeError),
    ],
)
async def test_a_browser_that_is_gone_is_told_from_a_defect(state: WebSocketState, words: str, expected: Any) -> None:
    async def fails(*_: Any) -> str:
        raise RuntimeError(words)

    line = cast(
        WebSocket,
        SimpleNamespace(
            receive_text=fails, send_text=fails, client_state=state, application_state=WebSocketState.CONNECTED
        ),
    )
    with pytest.raises(expected):
        await read_text(line)
    with pytest.raises(expected):
        await write_text(line, "x")
