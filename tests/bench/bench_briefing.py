"""A group briefing with as many posts as one may have: how soon each hears, how much of what is said reaches them, what it costs.

Robots over the public interface of one running process (SQLite, bus and media node inside), all on this machine. They neither encode
nor decode (``tests.bench.standing_calls``): their Opus is prepared, and what they hear is counted by its source.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import psutil
import uvloop

from scheduler.briefings.posts import MOST_POSTS
from signaling.rehearsal.client import Json, Socket, StaffClient
from signaling.rehearsal.participant import RobotParticipant
from tests import people
from tests.bench.figures import Better, Figure, percentile
from tests.bench.standing_calls import LightPeer, Offices, talk
from tests.stack import Stack

LISTEN_S = 16.0
"""Four turns of the two who speak."""
LEAST_HEARD = 0.95
SET_UP_LIMIT_S = 200.0


class Listener(LightPeer):
    """A light robot that counts what it hears by source."""

    def __init__(self, packets: list[bytes], side: int) -> None:
        super().__init__(packets, side)
        self.by_source: Counter[bytes] = Counter()

    async def _count(self, data: bytes, arrival_time_ms: int) -> None:
        source = data[8:12]
        if source not in self.by_source:
            self._changed.set()
        self.by_source[source] += 1


async def _sit(house: Offices, socket: Socket, join: Json, peer: LightPeer) -> None:
    robot = RobotParticipant(socket, join, peer)
    house.exits.push_async_callback(robot.close)
    await robot.come_back(socket)
    await peer.until_connected(timeout=60)


async def _post(house: Offices, client: StaffClient, token: str, packets: list[bytes]) -> tuple[Listener, float]:
    """Open the link of a post; returns its robot and the seconds until it hears both who speak."""
    begun = time.monotonic()
    found = await client.call("POST", "/api/listen", {"token": token})
    socket = await Socket.open(house.stack.url, client.origin, httpx.Cookies(), {"grant": found["join"]["grant"]})
    peer = Listener(packets, 0)
    await _sit(house, socket, found["join"], peer)
    await peer.until(lambda: len(peer.by_source) >= 2, timeout=60)
    return peer, time.monotonic() - begun


async def _measure(stack: Stack, number: int) -> list[Figure]:
    packets = talk()
    async with AsyncExitStack() as exits, asyncio.timeout(SET_UP_LIMIT_S + LISTEN_S):
        house = Offices(stack, {}, exits)
        coordinator, leader = await house.staff(people.COORDINATOR), await house.staff(people.OFFICER)
        interpreter, bell = await house.available(number)
        switches = {"country": "RS", "reason": "three buses", "switches": {"group_briefing": True}}
        await coordinator.call("POST", "/api/surge", switches)
        wanted = {"step_code": "RS-ID-10", "language": "pes", "posts": ["RS-PRESEVO"] * MOST_POSTS}
        briefing = await leader.call("POST", "/api/briefings", wanted)
        tokens = []
        for post in briefing["posts"]:
            made = await leader.call("POST", f"/api/briefings/{briefing['id']}/posts/{post['id']}/link")
            tokens.append(made["url"].partition("#")[2])
        session_id = (await house.accept(interpreter, bell))["session_id"]
        speakers = []
        for side, (who, path) in enumerate(
            ((leader, f"/api/briefings/{briefing['id']}/join"), (interpreter, f"/api/sessions/{session_id}/join"))
        ):
            join = await who.call("POST", path)
            speakers.append(Listener(packets, side))
            await _sit(house, await who.socket(grant=join["grant"]), join, speakers[-1])
        guest = await exits.enter_async_context(StaffClient(stack.url))
        program = stack.programs["signaling-1"].process
        assert program is not None
        server = psutil.Process(program.pid)
        idle = await _cost(server, 5.0)
        posts, waits = [], []
        for token in tokens:
            peer, seconds = await _post(house, guest, token, packets)
            posts.append(peer)
            waits.append(seconds)
        before = [peer.by_source.total() for peer in (*posts, *speakers)]
        busy = await _cost(server, LISTEN_S)
        heard = [peer.by_source.total() - then for peer, then in zip((*posts, *speakers), before, strict=True)]
        # Each who speaks hears the other: together they heard all that was said.
        said = heard[-1] + heard[-2]
        await leader.call("POST", f"/api/briefings/{briefing['id']}/end")
    note = f"{MOST_POSTS} posts, two who speak in turns; robots on the same cores"
    least = min(heard[:-2]) / said
    return [
        Figure("briefing: link opened to both heard, p50", percentile(waits, 50), "s", note=note),
        Figure("briefing: link opened to both heard, p95", percentile(waits, 95), "s", note=note),
        Figure("briefing: heard by the worst post", least, "of what was said", Better.HIGHER, LEAST_HEARD, note),
        Figure("briefing: server", 100 * busy, "% of a core", note=f"{note}; {100 * idle:.0f} % before the posts came"),
    ]


async def _cost(server: psutil.Process, seconds: float) -> float:
    """Which part of a core the server used."""
    used, begun = sum(server.cpu_times()[:2]), time.monotonic()
    await asyncio.sleep(seconds)
    return (sum(server.cpu_times()[:2]) - used) / (time.monotonic() - begun)


def run() -> list[Figure]:
    """Start an installation, let the robots work, stop it."""
    with tempfile.TemporaryDirectory() as name:
        stack = Stack.make("single", Path(name))
        stack.run("migrate")
        people.fill(stack.database_url, interpreters=1)
        stack.start()
        try:
            return uvloop.run(_measure(stack, 1))
        finally:
            stack.stop()
