"""What the record says when a media node dies with the sound of a talk, and when nothing but a socket was away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from core.clock import ManualClock
from core.errors import Unavailable
from core.events.bus import Message, Position
from media.protocol import NODES_TOPIC, NodeStatus, to_json
from records.lifecycle import EndReason, Outcome, PauseReason, SessionState
from records.models import Session
from signaling import places
from tests.signaling.fallback.ladder import SYSTEM, Stage, staged
from tests.signaling.house import settings_for


@pytest.fixture
async def stage(sqlite_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Stage]:
    async with staged(settings_for(sqlite_url, tmp_path), clock) as made:
        async with made.services.database.unit(SYSTEM) as uow:
            session = await uow.session.get_one(Session, made.session_id)
            session.media_node = "node-a"
        announce(made, "node-a")
        yield made


def announce(stage: Stage, node: str) -> None:
    """The node says that it lives."""
    status = NodeStatus(
        node_id=node, at=stage.clock.now(), room_ids=(), rooms=1, peers=2, capacity=100, load=0.1, draining=False
    )
    stage.services.nodes.hear(Message(NODES_TOPIC, Position("e", 1), to_json(status)))


async def state(stage: Stage) -> tuple[SessionState, str | None]:
    session = await stage.session()
    return session.state, session.reason


async def test_a_dead_node_is_an_interruption_for_everybody_in_its_talks(stage: Stage) -> None:
    assert (await state(stage))[0] is SessionState.ACTIVE
    stage.clock.advance(3)
    await stage.services.live.media.note_dead_nodes()
    assert (await stage.place("officer")).media_lost_at is None, "a pause in its announcements is nothing yet"
    stage.clock.advance(9)
    await stage.services.live.media.note_dead_nodes()
    await stage.after(0)
    lost = await stage.log("line_lost")
    assert sorted(entry["part"] for entry in lost) == ["interpreter", "officer"]
    begun = (await stage.place("officer")).media_lost_at
    assert begun is not None
    assert (stage.clock.now() - begun).total_seconds() == pytest.approx(12)
    assert (await state(stage))[0] is SessionState.PAUSED
    stage.clock.advance(8)
    for part in ("officer", "interpreter"):
        await stage.services.calls.reached(stage.session_id, (await stage.place(part)).id)
    assert [entry["seconds"] for entry in await stage.log("line_back")] == [20, 20]
    assert (await state(stage))[0] is SessionState.ACTIVE


async def test_whoever_does_not_come_over_to_another_node_is_lost_with_the_old_one(stage: Stage) -> None:
    media = stage.services.live.media
    stage.clock.advance(6)
    announce(stage, "node-b")
    client = AsyncMock()
    client.offer.return_value.tracks = ()
    stage.services.nodes.attach("node-b", client)
    stage.services.live.hub.send_frame = AsyncMock()  # type: ignore[method-assign]
    officer = await stage.place("officer")
    want: Any = AsyncMock()
    want.want.model_dump = dict
    await media.start(stage.session_id, officer.id, want)
    await stage.services.calls.reached(stage.session_id, officer.id)
    assert (await stage.session()).media_node == "node-b"
    stage.clock.advance(5)
    await stage.after(0)
    assert [entry["part"] for entry in await stage.log("line_lost")] == ["interpreter"]


async def test_a_bus_that_is_away_takes_no_node_for_dead(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    client = AsyncMock()
    client.describe.side_effect = Unavailable("bus_unavailable")
    monkeypatch.setattr(stage.services.nodes, "client", lambda _node: client)
    stage.clock.advance(60)
    await stage.services.live.media.note_dead_nodes()
    assert client.describe.await_count == 1
    assert (await stage.place("officer")).media_lost_at is None


async def test_a_process_that_has_just_begun_to_listen_takes_no_node_for_dead(stage: Stage) -> None:
    nodes = stage.services.nodes
    nodes._last.clear()
    nodes._known.clear()
    nodes._began = stage.clock.monotonic()
    stage.clock.advance(2)
    await stage.services.live.media.note_dead_nodes()
    assert (await stage.place("officer")).media_lost_at is None


@pytest.mark.parametrize("flows", [True, False])
async def test_a_talk_goes_on_when_only_a_socket_was_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, flows: bool
) -> None:
    place = await stage.place("interpreter")
    async with stage.services.database.unit(SYSTEM) as uow:
        seat = await places.take(uow, place.id)
    await stage.lose("interpreter")
    await stage.after(15)
    assert await state(stage) == (SessionState.PAUSED, PauseReason.INTERPRETER_LOST)
    monkeypatch.setattr(stage.services.live.media, "hears", AsyncMock(return_value=flows))
    await stage.services.calls.come_back(seat.place.connection_id or "", seat.secret)
    assert len(await stage.log("line_back")) == 1
    assert (await state(stage))[0] is (SessionState.ACTIVE if flows else SessionState.PAUSED)


async def test_a_talk_goes_on_when_the_node_heard_somebody_before_their_socket_was_back(stage: Stage) -> None:
    place = await stage.place("interpreter")
    async with stage.services.database.unit(SYSTEM) as uow:
        seat = await places.take(uow, place.id)
        await places.change(uow, place.id, media_lost_at=uow.now)
    await stage.after(15)
    await stage.lose("interpreter")
    stage.clock.advance(3)
    await stage.services.calls.reached(stage.session_id, place.id)
    assert await state(stage) == (SessionState.PAUSED, PauseReason.INTERPRETER_LOST)
    assert await stage.log("line_back") == [], "their socket is away"
    await stage.services.calls.come_back(seat.place.connection_id or "", seat.secret)
    assert (await state(stage))[0] is SessionState.ACTIVE
    (lost,), (back,) = await stage.log("line_lost"), await stage.log("line_back")
    assert (back["from"], back["seconds"]) == (lost["from"], 18)
    assert (await stage.place("interpreter")).loss_logged_at is None, "the next loss is written too"


@pytest.mark.parametrize(("cut", "sound", "socket"), [(5, 8, 13), (2, 20, 15), (14, 16, 17), (5, 8, 9)])
async def test_a_loss_of_sound_and_socket_is_one_loss_with_its_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, cut: int, sound: int, socket: int
) -> None:
    """Seconds after the sound went: the socket is cut, the sound is back, the socket is back, in either order."""
    place = await stage.place("interpreter")
    async with stage.services.database.unit(SYSTEM) as uow:
        seat = await places.take(uow, place.id)
        await places.change(uow, place.id, media_lost_at=uow.now)
    calls, begun = stage.services.calls, stage.clock.monotonic()
    monkeypatch.setattr(stage.services.live.media, "hears", AsyncMock(return_value=sound < socket))
    for second in range(1, 21):
        await stage.after(1)
        if second == cut:
            await stage.lose("interpreter")
        if second == sound:
            await calls.reached(stage.session_id, place.id)
        if second == socket:
            await calls.come_back(seat.place.connection_id or "", seat.secret)
    assert stage.clock.monotonic() - begun == 20
    whole = max(sound, socket)
    assert [entry["seconds"] for entry in await stage.log("line_back")] == ([whole] if whole > 10 else [])
    assert [entry["kind"] for entry in await stage.log("line_lost", "line_back")] == (
        ["line_lost", "line_back"] if whole > 10 else []
    )
    assert (await state(stage))[0] is SessionState.ACTIVE


async def test_who_is_away_until_the_end_is_no_interruption_without_an_end(stage: Stage) -> None:
    await stage.lose("interpreter")
    await stage.after(30)
    await stage.services.calls.close(stage.session_id, Outcome.STOPPED, EndReason.FINISHED, by="officer")
    async with stage.services.database.read(SYSTEM) as unit:
        record = await stage.services.session_log.record(unit, stage.session_id)
    (loss,) = record["interruptions"]
    assert (loss["to"], loss["seconds"]) == (record["ended_at"], 30)


async def test_a_gap_that_several_processes_find_at_their_start_is_written_once(stage: Stage) -> None:
    stage.clock.advance(15)
    for _ in range(2):
        await stage.services.live.watch.note_gap()
    assert [entry["seconds"] for entry in await stage.log("service_gap")] == [15]
    # Of the gap only what is no interruption yet counts as interpreted (S-11).
    session = await stage.session()
    assert session.state is SessionState.PAUSED
    assert (stage.clock.now() - session.state_since).total_seconds() == pytest.approx(5)
