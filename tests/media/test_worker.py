"""The media process: settings, commands and news over a bus, draining, and what happens when the bus or the loop stands still."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from core.clock import SystemClock
from core.errors import Invalid, Unavailable
from core.events.bus import EventBus, Message
from core.settings import MediaSettings
from media.client import RemoteMediaClient
from media.node import MediaNode
from media.protocol import (
    NODES_TOPIC,
    MediaWant,
    News,
    NodeStatus,
    OpenRoom,
    PeerLost,
    RoomClosed,
    address_of,
)
from media.similarity import Samples
from media.worker import node_options, run_worker
from tests.media.rig import ANYWHERE, rig

SETTINGS = MediaSettings.model_validate(
    {"node_id": "node-worker", "port_min": 42000, "port_max": 42099, "max_rooms": 5, "allow_loopback": True}
)


def test_capacity_follows_from_ports_and_rooms() -> None:
    assert node_options(SETTINGS).capacity == 30
    few = SETTINGS.model_copy(update={"port_max": 42019})
    assert node_options(few).capacity == 20
    wire = node_options(SETTINGS.model_copy(update={"advertised_address": "198.51.100.1", "interfaces": ["eth9"]})).wire
    assert (wire.low_port, wire.high_port, wire.advertised, wire.interfaces) == (
        42000,
        42099,
        "198.51.100.1",
        ("eth9",),
    )


async def test_a_worker_serves_announces_and_drains(bus: EventBus) -> None:
    heard: asyncio.Queue[NodeStatus] = asyncio.Queue()

    def take(message: Message) -> None:
        heard.put_nowait(NodeStatus.model_validate(message.body))

    async def until_status(draining: bool) -> NodeStatus:
        async with asyncio.timeout(30):
            while (status := await heard.get()).draining != draining:
                pass
            return status

    stop = asyncio.Event()
    async with bus.follow(NODES_TOPIC, take):
        worker = asyncio.create_task(run_worker(SETTINGS, bus, SystemClock(), stop))
        assert (await until_status(False)).node_id == "node-worker"
        client = RemoteMediaClient(bus, "node-worker")
        await client.open_room("ses")
        offer = await client.offer("ses", "p", want=MediaWant())
        ports = {int(row.split()[5]) for row in offer.sdp.splitlines() if row.startswith("a=candidate:")}
        assert ports <= set(range(42000, 42100))
        with pytest.raises(Invalid) as refused:
            await bus.request(address_of("node-worker"), {"do": "dance"}, timeout=45)
        assert refused.value.code == "command_invalid"
        stop.set()
        await until_status(True)
        with pytest.raises(Unavailable) as draining:
            await client.open_room("another")
        assert draining.value.code == "node_draining"
        assert not worker.done(), "a room is still there"
        await client.close("ses", None, "ended")
        async with asyncio.timeout(30):
            await worker
    with pytest.raises(Unavailable):
        await RemoteMediaClient(bus, "node-worker", timeout=0.3).open_room("ses")


async def test_news_that_the_bus_refuses_is_told_again_in_order() -> None:
    told: list[str] = []
    failures = 2

    async def emit(news: News) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise Unavailable("bus_unavailable")
        assert isinstance(news, RoomClosed)
        told.append(news.room_id)

    async with MediaNode(ANYWHERE, SystemClock(), emit) as node:
        for name in ("a", "b", "c"):
            await node.handle(OpenRoom(room_id=name))
    assert told == ["a", "b", "c"]


async def test_a_process_that_stood_still_takes_nobody_for_lost(voices: dict[str, Samples]) -> None:
    async with rig(replace(ANYWHERE, lost_after=3.0)) as r:
        await r.client.open_room("ses")
        robot = await r.join("ses", "a", voices["fa"])
        await asyncio.sleep(0.3)
        time.sleep(3.2)  # noqa: ASYNC251 - the point of the test
        await asyncio.sleep(1.5)
        assert not [news for news in r.news if isinstance(news, PeerLost)]
        assert robot.state == "connected"


async def test_the_way_through_queue_and_task_works_too(voices: dict[str, Samples]) -> None:
    async with rig(replace(ANYWHERE, wire=replace(ANYWHERE.wire, fast=False))) as r:
        await r.client.open_room("ses")
        a, b = await r.join("ses", "a", voices["fa"]), await r.join("ses", "b", voices["ar"])
        await a.until_heard("b", seconds=0.5, timeout=30)
        await b.until_heard("a", seconds=0.5, timeout=30)
