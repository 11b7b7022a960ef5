"""The hub: numbered news reach each connection in order and once, across replays, slow readers and many topics."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from core.clock import ManualClock
from core.events.bus import Position
from core.events.memory_bus import InProcessBus
from signaling.realtime.hub import QUEUE, REPLAY_MOST, Connection, Hub, frame_topic

TOPIC = "room:s1"


@pytest.fixture
async def hub() -> Any:
    clock = ManualClock()
    bus = InProcessBus()
    made = Hub(bus, clock)
    yield made
    await made.close()
    await bus.close()


def opened(name: str) -> Connection:
    connection = Connection(name)
    connection.open({"t": "welcome"})
    return connection


def frames(connection: Connection) -> list[dict[str, Any]]:
    got = []
    while not connection.queue.empty():
        got.append(json.loads(connection.queue.get_nowait()))
    return got


def numbers(connection: Connection) -> list[int]:
    return [frame["seq"] for frame in frames(connection) if frame["t"] == "event"]


async def test_everybody_hears_everything_once_in_order(hub: Hub) -> None:
    listeners = [opened(f"c{i}") for i in range(5)]
    await asyncio.gather(*(hub.follow(one, TOPIC, None) for one in listeners))
    for number in range(50):
        await hub.tell(TOPIC, "speaking", {"n": number})
    for one in listeners:
        assert numbers(one) == list(range(1, 51))


async def test_what_came_while_away_is_replayed_and_nothing_twice(hub: Hub) -> None:
    first = opened("a")
    await hub.follow(first, TOPIC, None)
    for number in range(3):
        await hub.tell(TOPIC, "speaking", {"n": number})
    seen = frames(first)[-1]
    await hub.remove(first)
    for number in range(3, 7):
        await hub.tell(TOPIC, "speaking", {"n": number})

    again = opened("a")
    head, complete = await hub.follow(again, TOPIC, Position(seen["epoch"], seen["seq"]))
    await hub.tell(TOPIC, "speaking", {"n": 7})

    assert complete
    assert head.seq == 7
    assert numbers(again) == [4, 5, 6, 7, 8]


async def test_a_long_absence_gets_a_snapshot_instead_of_a_flood(hub: Hub) -> None:
    head, _ = await hub.follow(opened("first"), TOPIC, None)
    for number in range(REPLAY_MOST + 1):
        await hub.tell(TOPIC, "speaking", {"n": number})
    again = opened("again")
    now, complete = await hub.follow(again, TOPIC, head)
    await hub.tell(TOPIC, "speaking", {"n": 0})
    assert not complete
    assert numbers(again) == [now.seq + 1]
    assert not again.closing.done()


async def test_a_place_in_a_lost_log_asks_for_a_snapshot(hub: Hub) -> None:
    await hub.tell(TOPIC, "speaking", {"n": 1})
    connection = opened("a")
    head, complete = await hub.follow(connection, TOPIC, Position("another-epoch", 12))
    assert not complete
    await hub.tell(TOPIC, "speaking", {"n": 2})
    assert numbers(connection) == [head.seq + 1]


async def test_news_told_while_the_replay_is_read_keeps_its_place(hub: Hub) -> None:
    """Followers who join in the middle of a storm see a run without gaps or doubles."""
    await hub.tell(TOPIC, "speaking", {"n": 0})
    start = opened("start")
    head, _ = await hub.follow(start, TOPIC, None)

    async def storm() -> None:
        for number in range(200):
            await hub.tell(TOPIC, "speaking", {"n": number})
            await asyncio.sleep(0)

    storming = asyncio.create_task(storm())
    joined = []
    for index in range(10):
        await asyncio.sleep(0)
        one = opened(f"late{index}")
        await hub.follow(one, TOPIC, head)
        joined.append(one)
    await storming
    for one in joined:
        assert numbers(one) == list(range(head.seq + 1, head.seq + 201))


async def test_a_browser_that_never_reads_is_closed_and_nobody_waits_for_it(hub: Hub) -> None:
    slow, quick = opened("slow"), opened("quick")
    await hub.follow(slow, TOPIC, None)
    await hub.follow(quick, TOPIC, None)
    got: list[int] = []
    for number in range(QUEUE + 10):
        await hub.tell(TOPIC, "speaking", {"n": number})
        got += numbers(quick)
    assert slow.closing.done()
    assert slow.closing.result() == (4409, "too_slow")
    assert got == list(range(1, QUEUE + 11))
    assert not quick.closing.done()


async def test_the_welcome_is_the_first_frame(hub: Hub) -> None:
    connection = Connection("a")
    await hub.follow(connection, TOPIC, None)
    await hub.tell(TOPIC, "speaking", {"n": 1})
    connection.open({"t": "welcome"})
    assert [frame["t"] for frame in frames(connection)] == ["welcome", "event"]


async def test_log_entries_keep_their_number_and_lose_their_content_for_others(hub: Hub) -> None:
    officer, interpreter = opened("officer"), opened("interpreter")
    interpreter.redacted = True
    for one in (officer, interpreter):
        await hub.follow(one, TOPIC, None)
    await hub.tell(TOPIC, "log.appended", {"seq": 1, "kind": "arrived"})
    await hub.tell(TOPIC, "speaking", {"id": "x", "on": True})
    assert [f.get("name") for f in frames(officer)[1:]] == ["log.appended", "speaking"]
    hidden, after = frames(interpreter)[1:]
    assert (hidden["name"], hidden["data"], hidden["seq"]) == ("hidden", {}, 1)
    assert after["seq"] == 2


async def test_frames_reach_only_the_one_they_are_for(hub: Hub) -> None:
    mine, other = opened("mine"), opened("other")
    await hub.follow(mine, frame_topic("p1"), None)
    await hub.follow(other, frame_topic("p2"), None)
    await hub.send_frame("p1", {"t": "media.offer", "sdp": "v=0"}, dedupe_id="n1")
    await hub.send_frame("p1", {"t": "media.offer", "sdp": "v=0"}, dedupe_id="n1")
    assert [frame["t"] for frame in frames(mine)] == ["welcome", "media.offer"]
    assert [frame["t"] for frame in frames(other)] == ["welcome"]


async def test_the_last_to_leave_ends_the_subscription(hub: Hub) -> None:
    first, second = opened("a"), opened("b")
    await hub.follow(first, TOPIC, None)
    await hub.follow(second, TOPIC, None)
    await hub.remove(first)
    await hub.tell(TOPIC, "speaking", {})
    assert numbers(second) == [1]
    await hub.remove(second)
    await hub.tell(TOPIC, "speaking", {})
    assert numbers(second) == []
    assert numbers(first) == []


async def test_a_second_tab_replaces_the_first(hub: Hub) -> None:
    first, second = opened("same"), opened("same")
    hub.add(first)
    hub.add(second)
    assert first.closing.result() == (4410, "replaced")
    await hub.remove(first)
    assert hub.count == 1


async def test_a_sign_in_that_is_taken_back_ends_its_sockets_only(hub: Hub) -> None:
    mine, other = opened("mine"), opened("other")
    mine.login_id, other.login_id = "first", "second"
    for one in (mine, other):
        await hub.follow(one, "user:u1", None)
    await hub.tell("user:u1", "signed_out", {"login_id": "first"})
    assert mine.closing.result() == (4401, "signed_out")
    assert frames(mine)[-1]["name"] == "signed_out"
    assert not other.closing.done()
    assert frames(other)[-1]["name"] == "hidden"
    await hub.tell("user:u1", "signed_out", {"login_id": None})
    assert other.closing.done()
