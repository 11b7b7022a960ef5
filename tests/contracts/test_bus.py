"""What every bus promises, asked of each: numbered topics, events for groups, requests. Then what only Redis can do wrong."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import redis.asyncio

from core.errors import AppError, Conflict, TooMany, Unavailable
from core.events import delivery
from core.events.bus import Event, EventBus, Json, Message, Position
from core.events.redis_bus import RedisBus
from tests.services import Redis

LIMIT = 45.0
AT_ONCE = 30
"""As many as there are connections: on a busy machine the last of hundreds would wait too long for one."""


class Heard:
    """A follower that remembers."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._changed = asyncio.Event()

    def __call__(self, message: Message) -> None:
        self.messages.append(message)
        self._changed.set()

    @property
    def numbers(self) -> list[int]:
        return [message.body["n"] for message in self.messages]

    async def until(self, count: int, limit: float = LIMIT) -> None:
        """Wait until ``count`` messages were heard."""
        async with asyncio.timeout(limit):
            while len(self.messages) < count:
                self._changed.clear()
                await self._changed.wait()


def event(number: int, name: str = "booking.assigned") -> Event:
    return Event(name, "RS", {"n": number}, f"evt-{number}")


async def settled(condition: Callable[[], bool], limit: float = LIMIT) -> None:
    """Wait until ``condition`` holds."""
    async with asyncio.timeout(limit):
        while not condition():  # noqa: ASYNC110 - the condition is about state inside of other tasks
            await asyncio.sleep(0.01)


# --- topics ----------------------------------------------------------------------------------------------------------


async def test_messages_are_numbered_and_replayed(bus: EventBus) -> None:
    start = (await bus.read_after("room:1", None)).head
    places = [await bus.append("room:1", {"n": n}) for n in range(5)]
    assert [place.seq for place in places] == [start.seq + n for n in range(1, 6)]
    assert {place.epoch for place in places} == {start.epoch}
    replay = await bus.read_after("room:1", places[1])
    assert [m.body["n"] for m in replay.messages] == [2, 3, 4]
    assert [m.position for m in replay.messages] == places[2:]
    assert replay.head == places[-1]
    assert not replay.gap


async def test_everything_after_an_early_head_is_replayed(bus: EventBus) -> None:
    start = (await bus.read_after("room:1", None)).head
    for n in range(3):
        await bus.append("room:1", {"n": n})
    replay = await bus.read_after("room:1", start)
    assert [m.body["n"] for m in replay.messages] == [0, 1, 2]
    assert not replay.gap


async def test_without_a_position_only_the_head_is_given(bus: EventBus) -> None:
    place = await bus.append("room:1", {"n": 1})
    replay = await bus.read_after("room:1", None)
    assert (list(replay.messages), replay.head, replay.gap) == ([], place, False)


async def test_replay_is_limited_and_can_be_continued(bus: EventBus) -> None:
    start = (await bus.read_after("room:1", None)).head
    for n in range(7):
        await bus.append("room:1", {"n": n})
    first = await bus.read_after("room:1", start, limit=4)
    second = await bus.read_after("room:1", first.messages[-1].position, limit=4)
    assert [m.body["n"] for m in (*first.messages, *second.messages)] == list(range(7))


@pytest.mark.parametrize("epoch", ["another", "1", "9999999999999999999999999", "-1", ""])
async def test_a_foreign_epoch_is_a_gap(bus: EventBus, epoch: str) -> None:
    place = await bus.append("room:1", {"n": 1})
    replay = await bus.read_after("room:1", Position(epoch, 1))
    assert (list(replay.messages), replay.head, replay.gap) == ([], place, True)


async def test_a_position_from_the_future_is_a_gap(bus: EventBus) -> None:
    place = await bus.append("room:1", {"n": 1})
    assert (await bus.read_after("room:1", Position(place.epoch, place.seq + 5))).gap


async def test_a_reader_behind_the_kept_log_gets_a_gap(bus: EventBus) -> None:
    start = await bus.append("room:1", {"n": 0})

    async def talk(speaker: int) -> None:
        for n in range(1 + speaker, 2600, AT_ONCE):
            await bus.append("room:1", {"n": n})

    await asyncio.gather(*(talk(speaker) for speaker in range(AT_ONCE)))
    replay = await bus.read_after("room:1", start)
    assert replay.gap
    assert not replay.messages


async def test_the_same_dedupe_id_is_told_once(bus: EventBus) -> None:
    heard = Heard()
    async with bus.follow("room:1", heard):
        places = await asyncio.gather(*(bus.append("room:1", {"n": n}, dedupe_id="click-1") for n in range(10)))
        assert len(set(places)) == 1
        last = await bus.append("room:1", {"n": 99}, dedupe_id="click-2")
        await heard.until(2)
    assert last.seq == places[0].seq + 1
    assert len(heard.messages) == 2
    again = await bus.append("room:2", {"n": 1}, dedupe_id="click-1")
    assert (await bus.read_after("room:2", None)).head == again, "ids are per topic"


async def test_followers_hear_in_order_under_concurrency(bus: EventBus) -> None:
    first, second = Heard(), Heard()

    async def talk(speaker: int) -> None:
        for n in range(speaker, 300, AT_ONCE):
            await bus.append("room:1", {"n": n})

    async with bus.follow("room:1", first), bus.follow("room:1", second):
        await asyncio.gather(*(talk(speaker) for speaker in range(AT_ONCE)))
        await first.until(300)
        await second.until(300)
    seqs = [m.position.seq for m in first.messages]
    assert seqs == sorted(seqs)
    assert len(set(seqs)) == 300
    assert [m.position for m in second.messages] == [m.position for m in first.messages]
    assert sorted(first.numbers) == list(range(300))


async def test_concurrent_first_followers_all_hear(bus: EventBus) -> None:
    """The trap: many tasks subscribing first at the same moment left most subscriptions dead, without any error."""
    heard = {(room, seat): Heard() for room in range(20) for seat in range(4)}
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(bus.follow(f"room:{r}", h)) for (r, _), h in heard.items()))
        for room in range(20):
            for n in range(3):
                await bus.append(f"room:{room}", {"n": n})
        await asyncio.gather(*(h.until(3) for h in heard.values()))
    assert all(h.numbers == [0, 1, 2] for h in heard.values())


async def test_nothing_is_missed_after_entering(bus: EventBus) -> None:
    """A person joins while others talk: snapshot position and live messages meet without a hole or a double."""
    stop = asyncio.Event()

    async def talk() -> int:
        n = 0
        while not stop.is_set():
            await bus.append("room:1", {"n": n})
            n += 1
            await asyncio.sleep(0)
        return n

    talking = asyncio.create_task(talk())
    stories: list[list[int]] = []
    for _ in range(5):
        heard = Heard()
        async with bus.follow("room:1", heard):
            head = (await bus.read_after("room:1", None)).head
            await settled(lambda heard=heard, head=head: any(m.position.seq > head.seq + 5 for m in heard.messages))  # type: ignore[misc]
        stories.append([m.position.seq for m in heard.messages])
        assert stories[-1][0] <= head.seq + 1
    stop.set()
    await talking
    assert all(story == list(range(story[0], story[0] + len(story))) for story in stories)


async def test_leaving_and_coming_back(bus: EventBus) -> None:
    for n in range(10):
        heard = Heard()
        async with bus.follow("room:1", heard):
            await bus.append("room:1", {"n": n})
            await heard.until(1)
        assert heard.numbers == [n]
    gone = heard
    await bus.append("room:1", {"n": 99})
    assert gone.numbers == [9]


async def test_a_failing_follower_harms_nobody(bus: EventBus) -> None:
    def broken(_message: Message) -> None:
        raise ValueError("defect")

    heard = Heard()
    async with bus.follow("room:1", broken), bus.follow("room:1", heard):
        await bus.append("room:1", {"n": 1})
        await bus.append("room:1", {"n": 2})
        await heard.until(2)
    assert heard.numbers == [1, 2]


async def test_bodies_are_copies_of_json(bus: EventBus) -> None:
    body: dict[str, Any] = {"n": 1, "name": "عربي", "list": [1, None, True, 2.5]}
    heard = Heard()
    async with bus.follow("room:1", heard):
        await bus.append("room:1", body)
        body["n"] = 2
        await heard.until(1)
    assert heard.messages[0].body == {"n": 1, "name": "عربي", "list": [1, None, True, 2.5]}
    with pytest.raises(TypeError):
        await bus.append("room:1", {"when": object()})


# --- events ----------------------------------------------------------------------------------------------------------


async def test_each_group_handles_each_event_once(bus: EventBus) -> None:
    handled: Counter[tuple[str, int]] = Counter()

    def handler(group: str) -> Callable[[Event], Awaitable[None]]:
        async def handle(happened: Event) -> None:
            await asyncio.sleep(0)
            handled[group, happened.body["n"]] += 1

        return handle

    names = ["booking.assigned"]
    async with (
        bus.consume("calls", names, handler("calls")),
        bus.consume("calls", names, handler("calls")),
        bus.consume("mail", names, handler("mail")),
    ):
        for n in range(50):
            await bus.publish(event(n))
        await bus.publish(event(1000, "case.opened"))
        await settled(lambda: len(handled) == 100)
    assert set(handled.values()) == {1}


async def test_a_failed_event_is_tried_again(bus: EventBus) -> None:
    attempts: list[int] = []
    done = asyncio.Event()

    async def handle(happened: Event) -> None:
        attempts.append(happened.body["n"])
        if len(attempts) < 4:
            raise RuntimeError("not yet")
        done.set()

    async with bus.consume("calls", ["booking.assigned"], handle):
        await bus.publish(event(7))
        await asyncio.wait_for(done.wait(), LIMIT)
    assert attempts == [7, 7, 7, 7]


async def test_a_hopeless_event_is_set_aside(bus: EventBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.events.memory_bus.MAX_ATTEMPTS", 3)
    monkeypatch.setattr("core.events.redis_events.MAX_ATTEMPTS", 3)
    attempts: Counter[int] = Counter()

    async def handle(happened: Event) -> None:
        attempts[happened.body["n"]] += 1
        if happened.body["n"] == 1:
            raise RuntimeError("never")

    async with bus.consume("calls", ["booking.assigned"], handle):
        await bus.publish(event(1))
        await bus.publish(event(2))
        await settled(lambda: attempts[1] == 3 and attempts[2] == 1)
        await bus.publish(event(3))
        await settled(lambda: attempts[3] == 1)
    assert attempts == {1: 3, 2: 1, 3: 1}


async def test_a_slow_handler_blocks_nobody(bus: EventBus) -> None:
    release, reached = asyncio.Event(), asyncio.Event()
    quick: list[int] = []

    async def slow(_happened: Event) -> None:
        reached.set()
        await release.wait()

    async def fast(happened: Event) -> None:
        quick.append(happened.body["n"])

    heard = Heard()
    async with (
        bus.consume("slow", ["booking.assigned"], slow),
        bus.consume("fast", ["booking.assigned"], fast),
        bus.follow("room:1", heard),
    ):
        for n in range(3):
            await bus.publish(event(n))
        await asyncio.wait_for(reached.wait(), LIMIT)
        await bus.append("room:1", {"n": 5})
        await heard.until(1)
        await settled(lambda: sorted(quick) == [0, 1, 2])
        release.set()


async def test_what_was_in_hand_is_handled_by_the_next_member(bus: EventBus) -> None:
    began = asyncio.Event()
    handled: list[int] = []

    async def stuck(_happened: Event) -> None:
        began.set()
        await asyncio.Event().wait()

    async def handle(happened: Event) -> None:
        handled.append(happened.body["n"])

    async with bus.consume("calls", ["booking.assigned"], stuck):
        await bus.publish(event(1))
        await asyncio.wait_for(began.wait(), LIMIT)
    await bus.publish(event(2))
    async with bus.consume("calls", ["booking.assigned"], handle):
        await settled(lambda: sorted(handled) == [1, 2])


async def test_many_names_in_one_group(bus: EventBus) -> None:
    names = [f"thing.{n}" for n in range(20)]
    handled: list[str] = []

    async def handle(happened: Event) -> None:
        handled.append(happened.name)

    async with bus.consume("calls", names, handle):
        for n, name in enumerate(names):
            await bus.publish(event(n, name))
        await settled(lambda: sorted(handled) == sorted(names))


# --- requests --------------------------------------------------------------------------------------------------------


async def test_a_request_is_answered(bus: EventBus) -> None:
    async def double(body: Json) -> Json:
        return {"n": body["n"] * 2}

    async with bus.serve("media.node-1", double):
        assert await bus.request("media.node-1", {"n": 21}, timeout=LIMIT) == {"n": 42}


async def test_fifty_requests_at_once(bus: EventBus) -> None:
    release = asyncio.Event()
    inside = 0

    async def answer(body: Json) -> Json:
        nonlocal inside
        inside += 1
        if inside == 50:
            release.set()
        await release.wait()
        return {"n": body["n"]}

    async with bus.serve("media.node-1", answer):
        answers = await asyncio.gather(*(bus.request("media.node-1", {"n": n}, timeout=LIMIT) for n in range(50)))
    assert [a["n"] for a in answers] == list(range(50))


async def test_coded_errors_cross(bus: EventBus) -> None:
    async def refuse(body: Json) -> Json:
        if body["kind"] == "conflict":
            raise Conflict("room_full", {"seats": 6})
        if body["kind"] == "many":
            raise TooMany("slow_down", {"retry_after": 3})
        raise ValueError("secret detail")

    async with bus.serve("media.node-1", refuse):
        with pytest.raises(Conflict) as conflict:
            await bus.request("media.node-1", {"kind": "conflict"}, timeout=LIMIT)
        with pytest.raises(TooMany):
            await bus.request("media.node-1", {"kind": "many"}, timeout=LIMIT)
        with pytest.raises(AppError) as defect:
            await bus.request("media.node-1", {"kind": "defect"}, timeout=LIMIT)
    assert (conflict.value.code, conflict.value.params) == ("room_full", {"seats": 6})
    assert (defect.value.code, defect.value.status) == ("internal", 500)


async def test_nobody_serves(bus: EventBus) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(Unavailable) as refused:
        await bus.request("media.nobody", {}, timeout=LIMIT)
    assert refused.value.code == "no_answer"
    assert loop.time() - began < LIMIT / 2, "known at once, not after the time limit"


async def test_no_answer_in_time(bus: EventBus) -> None:
    async def never(_body: Json) -> Json:
        await asyncio.Event().wait()
        return {}

    async with bus.serve("media.node-1", never):
        with pytest.raises(Unavailable) as refused:
            await bus.request("media.node-1", {}, timeout=0.2)
    assert refused.value.code == "no_answer"


async def test_an_address_is_free_after_serving(bus: EventBus) -> None:
    async def one(_body: Json) -> Json:
        return {"by": 1}

    async def two(_body: Json) -> Json:
        return {"by": 2}

    async with bus.serve("media.node-1", one):
        assert await bus.request("media.node-1", {}, timeout=LIMIT) == {"by": 1}
    with pytest.raises(Unavailable):
        await bus.request("media.node-1", {}, timeout=1)
    async with bus.serve("media.node-1", two):
        assert await bus.request("media.node-1", {}, timeout=LIMIT) == {"by": 2}


async def test_a_closed_bus_says_so(bus: EventBus) -> None:
    await bus.close()
    await bus.close()
    with pytest.raises(Unavailable) as refused:
        await bus.append("room:1", {"n": 1})
    assert refused.value.code == "bus_unavailable"


def test_every_family_of_errors_comes_back() -> None:
    for family in delivery._FAMILIES:
        error = delivery.error_from_json(delivery.error_to_json(family("code", {"a": 1})))
        assert type(error) is family
        assert (error.code, error.params) == ("code", {"a": 1})


# --- Redis alone: what happens when it is cut off, killed or lost --------------------------------------------------------


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    """A Redis that this test may kill."""
    server = Redis.own()
    yield server
    server.stop()


@pytest.fixture
async def two(own_redis: Redis) -> AsyncIterator[tuple[RedisBus, RedisBus]]:
    """Two processes' buses on one Redis."""
    one, other = (RedisBus(own_redis.url, first_wait=0.01, claim_after=1.5) for _ in range(2))
    yield one, other
    await one.close()
    await other.close()


async def cut(admin: redis.asyncio.Redis, kind: str) -> None:
    """Close all connections of one kind, but not our own."""
    await admin.client_kill_filter(_type=kind, skipme=True)


@pytest.mark.services
async def test_cut_connections_lose_and_double_nothing(own_redis: Redis, two: tuple[RedisBus, RedisBus]) -> None:
    speaker, listener = two
    rooms = {f"room:{n}": Heard() for n in range(5)}
    admin = redis.asyncio.Redis.from_url(own_redis.url, protocol=2)
    async with AsyncExitStack() as stack:
        for room, heard in rooms.items():
            await stack.enter_async_context(listener.follow(room, heard))
        for n in range(200):
            for room in rooms:
                await speaker.append(room, {"n": n})
            if n % 20 == 10:
                await cut(admin, "pubsub")
            if n % 50 == 25:
                await cut(admin, "normal")
        for heard in rooms.values():
            await heard.until(200)
    await admin.aclose()
    assert all(heard.numbers == list(range(200)) for heard in rooms.values())


@pytest.mark.services
async def test_a_killed_redis_comes_back_with_its_log(own_redis: Redis, two: tuple[RedisBus, RedisBus]) -> None:
    speaker, listener = two
    heard = Heard()
    accepted: list[int] = []
    async with listener.follow("room:1", heard):
        place = await speaker.append("room:1", {"n": 0})
        accepted.append(0)
        await heard.until(1)
        for n in range(1, 121):
            if n in (40, 80):
                own_redis.kill()
                own_redis.resume()
            while True:
                try:
                    await speaker.append("room:1", {"n": n}, dedupe_id=f"m{n}")
                    break
                except Unavailable:
                    await asyncio.sleep(0.05)
            accepted.append(n)
        await heard.until(121)
    assert heard.numbers == accepted
    replay = await listener.read_after("room:1", place)
    assert not replay.gap
    assert [m.body["n"] for m in replay.messages] == list(range(1, 121))
    assert len({m.position.epoch for m in replay.messages}) == 3, "each life of Redis has its own numbers"


@pytest.mark.services
async def test_a_lost_redis_is_a_gap_and_life_goes_on(own_redis: Redis, two: tuple[RedisBus, RedisBus]) -> None:
    speaker, listener = two
    heard = Heard()
    handled: list[int] = []

    async def handle(happened: Event) -> None:
        handled.append(happened.body["n"])

    async with listener.follow("room:1", heard), listener.consume("calls", ["booking.assigned"], handle):
        place = await speaker.append("room:1", {"n": 1})
        await speaker.publish(event(1))
        await heard.until(1)
        await settled(lambda: handled == [1])
        own_redis.kill()
        own_redis.lose()
        own_redis.resume()
        replay = await speaker.read_after("room:1", place)
        assert replay.gap
        assert replay.head.epoch != place.epoch
        await speaker.append("room:1", {"n": 2})
        await speaker.publish(event(2))
        await heard.until(2)
        await settled(lambda: 2 in handled)
    assert heard.numbers == [1, 2]


@pytest.mark.services
async def test_unavailable_while_redis_is_away(own_redis: Redis, two: tuple[RedisBus, RedisBus]) -> None:
    bus, _ = two
    await bus.append("room:1", {"n": 1})
    own_redis.kill()
    for attempt in (
        bus.append("room:1", {"n": 2}),
        bus.publish(event(1)),
        bus.request("x", {}, timeout=20),
        bus.ping(),
    ):
        with pytest.raises(Unavailable) as refused:
            await asyncio.wait_for(attempt, 30)
        assert refused.value.code == "bus_unavailable"
    own_redis.resume()
    await settled_append(bus)


async def settled_append(bus: RedisBus) -> None:
    """Redis is back: appending works again."""
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                await bus.append("room:1", {"n": 3})
                return
            except Unavailable:
                await asyncio.sleep(0.05)


@pytest.mark.services
async def test_a_dead_member_is_taken_over(own_redis: Redis, two: tuple[RedisBus, RedisBus]) -> None:
    """A member that took an event and was killed: its entry is claimed although nobody acknowledged it."""
    bus, _ = two
    handled: list[int] = []

    async def handle(happened: Event) -> None:
        handled.append(happened.body["n"])

    async with bus.consume("calls", ["booking.assigned"], handle):
        pass
    await bus.publish(event(1))
    dead = redis.asyncio.Redis.from_url(own_redis.url, protocol=2)
    taken = await dead.xreadgroup("calls", "dead-process", {"tarjuman:events:booking.assigned": ">"})
    assert taken
    await dead.aclose()
    async with bus.consume("calls", ["booking.assigned"], handle):
        await settled(lambda: handled == [1])


@pytest.mark.services
async def test_a_slow_but_living_member_keeps_its_event(own_redis: Redis) -> None:
    one, other = (RedisBus(own_redis.url, first_wait=0.01, claim_after=6.0) for _ in range(2))
    admin = redis.asyncio.Redis.from_url(own_redis.url, protocol=2)
    began, release = asyncio.Event(), asyncio.Event()
    handled: list[str] = []

    def handler(name: str) -> Callable[[Event], Awaitable[None]]:
        async def handle(_happened: Event) -> None:
            handled.append(name)
            began.set()
            await release.wait()

        return handle

    async with one.consume("calls", ["booking.assigned"], handler("one")):
        await one.publish(event(1))
        await asyncio.wait_for(began.wait(), LIMIT)
        async with other.consume("calls", ["booking.assigned"], handler("other")):
            # It shows that it lives again and again, long before the span is over after which a silent member loses what it holds.
            signs, idle = 0, 0
            async with asyncio.timeout(LIMIT):
                while signs < 2:
                    (held,) = await admin.xpending_range("tarjuman:events:booking.assigned", "calls", "-", "+", 10)
                    before, idle = idle, int(held["time_since_delivered"])
                    signs += idle < before
                    assert idle < 6000
                    await asyncio.sleep(0.02)
            assert handled == ["one"]
            release.set()
    await admin.aclose()
    for bus in (one, other):
        await bus.close()


@pytest.mark.services
async def test_the_same_event_published_twice_is_handled_once(two: tuple[RedisBus, RedisBus]) -> None:
    one, other = two
    handled: list[int] = []

    async def handle(happened: Event) -> None:
        handled.append(happened.body["n"])

    async with one.consume("calls", ["booking.assigned"], handle):
        await one.publish(event(1))
        await other.publish(event(1))
        await one.publish(event(2))
        await settled(lambda: 2 in handled)
    assert sorted(handled) == [1, 2]


@pytest.mark.services
async def test_requests_cross_processes(two: tuple[RedisBus, RedisBus]) -> None:
    one, other = two

    async def handle(body: Json) -> Json:
        return {"n": body["n"] + 1}

    async with other.serve("media.node-2", handle):
        answers = await asyncio.gather(*(one.request("media.node-2", {"n": n}, timeout=LIMIT) for n in range(50)))
    assert [a["n"] for a in answers] == list(range(1, 51))
