"""A node with robots around it, and what tests of media ask again and again."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from core.clock import SystemClock
from media.client import LocalMediaClient, MediaClient
from media.node import MediaNode, NodeOptions
from media.protocol import MediaWant, News, OfferMade, PeerOffer, RoomDescription
from media.robot import RobotPeer, read_wav
from media.similarity import Samples
from media.sockets import WireOptions

N = TypeVar("N", bound=News)
SENTENCES = {
    "fa": ("fa", "سلام، نام من مریم است. من از کابل آمده‌ام و می‌خواهم با یک مترجم صحبت کنم."),
    "ar": ("ar", "مرحبا، اسمي أحمد وأنا من حلب. أريد أن أتحدث عن طلبي في هذه المقابلة."),
    "fa2": ("fa", "امروز هوا خیلی خوب است و ما در دفتر پلیس منتظر شما هستیم."),
}
OPTIONS = NodeOptions(node_id="node-test", wire=WireOptions(allow_loopback=True, interfaces=("127.0.0.1",)))
"""Loopback only, so that tests run on a machine without any network."""
ANYWHERE = replace(OPTIONS, wire=WireOptions(allow_loopback=True, ipv6=False))
"""All addresses: stock aiortc clients have no loopback candidates, and checks from other addresses reach these."""


def speech(name: str, folder: Path) -> Samples:
    """A spoken sentence at 48 kHz, by espeak-ng."""
    if shutil.which("espeak-ng") is None:
        pytest.fail("espeak-ng is missing; tests/install_system.sh installs it")
    voice, text = SENTENCES[name]
    path = folder / f"{name}.wav"
    if not path.exists():
        subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", str(path), text], check=True)
    return read_wav(path)


class Rig:
    """A node and its robots. Robots answer the server's later offers by themselves."""

    def __init__(self) -> None:
        self.node: MediaNode
        self.client: MediaClient
        self.robots: dict[tuple[str, str], RobotPeer] = {}
        self.news: list[News] = []
        self.refused: list[Exception] = []
        self._came = asyncio.Event()
        self._answers: set[asyncio.Task[None]] = set()

    async def hear(self, news: News) -> None:
        """The node's ``emit``."""
        self.news.append(news)
        self._came.set()
        if isinstance(news, OfferMade) and (news.room_id, news.offer.peer_id) in self.robots:
            task = asyncio.create_task(self.answer(news.room_id, news.offer))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

    async def answer(self, room_id: str, offer: PeerOffer) -> None:
        """Lets the robot answer one offer; refusals are kept in ``refused``."""
        robot = self.robots.get((room_id, offer.peer_id))
        if robot is None or (robot.generation and offer.generation < robot.generation):
            return
        try:
            sdp = await robot.take(offer)
            await self.client.answer(room_id, offer.peer_id, offer.generation, offer.negotiation, sdp)
        except Exception as error:
            self.refused.append(error)

    async def join(
        self, room_id: str, peer_id: str, sound: Samples, *, video: bool = False, want: MediaWant | None = None
    ) -> RobotPeer:
        """A robot joins, or joins again with a new connection, and is connected."""
        robot = self.robots.setdefault((room_id, peer_id), RobotPeer(sound, video=video, keep_s=180))
        offer = await self.client.offer(room_id, peer_id, want=want or MediaWant(send_video=video))
        sdp = await robot.take(offer)
        await self.client.answer(room_id, peer_id, offer.generation, offer.negotiation, sdp)
        await robot.until_connected(timeout=30)
        return robot

    async def until(self, what: Callable[[], bool], *, timeout: float = 30) -> None:
        """Waits until it is true, looking after each piece of news."""
        async with asyncio.timeout(timeout):
            while not what():
                self._came.clear()
                await self._came.wait()

    async def until_news(self, cls: type[N], *, after: int = 0, timeout: float = 30, **match: object) -> N:
        """The first news of this sort from the index ``after`` on whose fields are as given."""

        def find() -> N | None:
            for news in self.news[after:]:
                if isinstance(news, cls) and all(getattr(news, name) == value for name, value in match.items()):
                    return news
            return None

        await self.until(lambda: find() is not None, timeout=timeout)
        found = find()
        assert found is not None
        return found

    async def until_described(self, room_id: str, condition: Callable[[RoomDescription], bool]) -> RoomDescription:
        """The room, once it is described so: what flows and how well is true of the last moments, and a busy machine may stand still."""
        async with asyncio.timeout(45):
            while not condition(described := await self.client.describe(room_id)):  # noqa: ASYNC110 - told when asked
                await asyncio.sleep(0.1)
        return described

    async def close(self) -> None:
        for task in self._answers:
            task.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)
        for robot in self.robots.values():
            await robot.close()


@asynccontextmanager
async def rig(options: NodeOptions = ANYWHERE) -> AsyncIterator[Rig]:
    """A running node in this process."""
    made = Rig()
    async with MediaNode(options, SystemClock(), made.hear) as node:
        made.node, made.client = node, LocalMediaClient(node)
        try:
            yield made
        finally:
            await made.close()
