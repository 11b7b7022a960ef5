"""One contract for every way to reach a media node: in this process, over the in-process bus and over Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.clock import SystemClock
from core.errors import Conflict, Invalid, NotFound, Unavailable
from core.events.bus import Event, EventBus, Message
from media.client import LocalMediaClient, MediaClient, RemoteMediaClient
from media.node import MediaNode
from media.protocol import (
    NEWS_EVENTS,
    NODES_TOPIC,
    Kind,
    MediaWant,
    News,
    NodeStatus,
    OfferMade,
    PeerClosed,
    PeerConnected,
    PeerFlags,
    PeerHeard,
    RoomClosed,
    TrackPublished,
    news_from_event,
)
from media.robot import RobotPeer
from media.similarity import Samples
from media.worker import serving
from tests.media.rig import ANYWHERE, SENTENCES, speech

ROOM = "ses_contract"


class House:
    """A node on a bus, a client of the kind under test, and the news that a group of the rest of the house hears."""

    def __init__(self, client: MediaClient, node: MediaNode, bus: EventBus) -> None:
        self.client = client
        self.node = node
        self.bus = bus
        self.news: list[News] = []
        self._came = asyncio.Event()

    async def hear(self, event: Event) -> None:
        self.news.append(news_from_event(event))
        self._came.set()

    async def until_news(self, cls: type[News], peer_id: str | None = None) -> News:
        async with asyncio.timeout(30):
            while True:
                for news in self.news:
                    if isinstance(news, cls) and peer_id in (None, getattr(news, "peer_id", None)):
                        return news
                self._came.clear()
                await self._came.wait()


@pytest.fixture(scope="session")
def voices(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Samples]:
    folder = tmp_path_factory.mktemp("speech")
    return {name: speech(name, folder) for name in SENTENCES}


@pytest.fixture(params=["local", "remote"])
async def house(request: pytest.FixtureRequest, bus: EventBus) -> AsyncIterator[House]:
    async with serving(ANYWHERE, bus, SystemClock()) as node:
        client: MediaClient = (
            LocalMediaClient(node) if request.param == "local" else RemoteMediaClient(bus, ANYWHERE.node_id)
        )
        made = House(client, node, bus)
        async with bus.consume("calls", NEWS_EVENTS, made.hear):
            await client.open_room("warm-up")
            await client.close("warm-up", None, "heard")
            await made.until_news(RoomClosed)
            made.news.clear()
            yield made


async def test_open_room_twice_is_once(house: House) -> None:
    await house.client.open_room(ROOM)
    await house.client.open_room(ROOM)
    described = await house.client.describe(ROOM)
    assert (described.room_id, described.node_id, described.peers) == (ROOM, ANYWHERE.node_id, ())


async def test_unknown_things_have_codes(house: House) -> None:
    client = house.client
    with pytest.raises(NotFound) as room:
        await client.describe("nowhere")
    assert room.value.code == "room_unknown"
    with pytest.raises(NotFound) as offer:
        await client.offer("nowhere", "p", want=MediaWant())
    assert offer.value.code == "room_unknown"
    await client.open_room(ROOM)
    with pytest.raises(NotFound) as peer:
        await client.set_peer(ROOM, "nobody", PeerFlags())
    assert peer.value.code == "peer_unknown"
    with pytest.raises(NotFound):
        await client.answer(ROOM, "nobody", 1, 1, "v=0")
    await client.close(ROOM, "nobody", "left")
    await client.close("nowhere", None, "ended")


async def test_offers_count_generations_and_replace(house: House) -> None:
    client = house.client
    await client.open_room(ROOM)
    first = await client.offer(ROOM, "officer", want=MediaWant())
    second = await client.offer(ROOM, "officer", want=MediaWant())
    assert (first.generation, first.negotiation, second.generation, second.negotiation) == (1, 1, 2, 1)
    assert second.sdp.startswith("v=0\r\n")
    assert second.tracks == ()
    with pytest.raises(Conflict) as stale:
        await client.answer(ROOM, "officer", 1, 1, "v=0")
    assert stale.value.code == "stale_generation"
    with pytest.raises(Conflict):
        await client.candidate(ROOM, "officer", 1, "candidate:1 1 udp 1 192.0.2.1 1000 typ host", "0")


async def test_bad_answer_is_refused_and_may_be_mended(house: House, voices: dict[str, Samples]) -> None:
    client, robot = house.client, RobotPeer(voices["fa"])
    await client.open_room(ROOM)
    offer = await client.offer(ROOM, "officer", want=MediaWant(send_video=False))
    for wrong in ("", "hello", "v=0\r\n", offer.sdp, "v=0\r\nm=audio\r\n" * 50):
        with pytest.raises(Invalid) as refused:
            await client.answer(ROOM, "officer", offer.generation, offer.negotiation, wrong)
        assert refused.value.code == "sdp_invalid"
    with pytest.raises(Invalid):
        await client.candidate(ROOM, "officer", offer.generation, "candidate:x", "0")
    await client.answer(ROOM, "officer", offer.generation, offer.negotiation, await robot.take(offer))
    await house.until_news(PeerConnected, "officer")
    await robot.close()


async def test_a_call_and_its_news(house: House, voices: dict[str, Samples]) -> None:
    client = house.client
    await client.open_room(ROOM)
    robots = {"officer": RobotPeer(voices["fa"]), "interpreter": RobotPeer(voices["ar"])}
    for peer_id, robot in robots.items():
        offer = await client.offer(ROOM, peer_id, want=MediaWant(send_video=False))
        await client.answer(ROOM, peer_id, offer.generation, offer.negotiation, await robot.take(offer))
        await house.until_news(PeerConnected, peer_id)
        await house.until_news(PeerHeard, peer_id)
        await house.until_news(TrackPublished, peer_id)
    again = await house.until_news(OfferMade)
    assert isinstance(again, OfferMade)
    assert (again.offer.peer_id, again.offer.negotiation) == ("officer", 2)
    assert [(t.peer_id, t.kind) for t in again.offer.tracks] == [("interpreter", Kind.AUDIO)]
    answer = await robots["officer"].take(again.offer)
    await client.answer(ROOM, "officer", again.offer.generation, again.offer.negotiation, answer)
    await robots["officer"].until_heard("interpreter", seconds=0.5, timeout=30)
    await robots["interpreter"].until_heard("officer", seconds=0.5, timeout=30)

    flowing = {"officer": (True, True, False), "interpreter": (True, True, False)}
    found: dict[str, tuple[bool, bool, bool]] = {}
    async with asyncio.timeout(45):  # What flows is true of the last moments, and a busy machine may stand still.
        while found != flowing:
            await asyncio.sleep(0.05)
            described = await client.describe(ROOM)
            found = {p.peer_id: (p.connected, p.audio_flowing, p.video_flowing) for p in described.peers}
    await client.set_peer(ROOM, "officer", PeerFlags(audio=False))
    assert next(p for p in (await client.describe(ROOM)).peers if p.peer_id == "officer").flags.audio is False

    await client.close(ROOM, "interpreter", "left")
    closed = await house.until_news(PeerClosed, "interpreter")
    assert isinstance(closed, PeerClosed)
    assert closed.reason == "left"
    await client.close(ROOM, None, "ended")
    await house.until_news(RoomClosed)
    with pytest.raises(NotFound):
        await client.describe(ROOM)
    numbers = [news.seq for news in house.news]
    assert sorted(numbers) == list(range(1, len(numbers) + 1)), "every piece of news arrives exactly once"
    for robot in robots.values():
        await robot.close()


async def test_the_seventh_is_refused(house: House) -> None:
    await house.client.open_room(ROOM)
    for number in range(6):
        await house.client.offer(ROOM, f"p{number}", want=MediaWant())
    with pytest.raises(Conflict) as full:
        await house.client.offer(ROOM, "p6", want=MediaWant())
    assert full.value.code == "room_full"
    await house.client.offer(ROOM, "p0", want=MediaWant())


async def test_a_draining_node_takes_no_new_rooms(house: House) -> None:
    await house.client.open_room(ROOM)
    house.node.draining = True
    with pytest.raises(Unavailable) as draining:
        await house.client.open_room("another")
    assert draining.value.code == "node_draining"
    await house.client.open_room(ROOM)
    await house.client.offer(ROOM, "p", want=MediaWant())


async def test_the_node_announces_itself(house: House) -> None:
    heard: asyncio.Queue[NodeStatus] = asyncio.Queue()

    def take(message: Message) -> None:
        heard.put_nowait(NodeStatus.model_validate(message.body))

    async with house.bus.follow(NODES_TOPIC, take):
        await house.client.open_room(ROOM)
        async with asyncio.timeout(30):
            while True:
                status = await heard.get()
                if status.room_ids:
                    break
    assert (status.node_id, status.room_ids, status.rooms, status.draining) == (ANYWHERE.node_id, (ROOM,), 1, False)


async def test_nobody_answers_for_a_node_that_is_not_there(bus: EventBus) -> None:
    with pytest.raises(Unavailable):
        await RemoteMediaClient(bus, "no-such-node", timeout=0.3).open_room(ROOM)
