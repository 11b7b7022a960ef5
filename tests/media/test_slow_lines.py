"""Lines with a long way: 300 ms each way must not end a healthy call, and silence must still end a dead one."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from aioice.ice import Connection

from media import aiortc_ice
from media.protocol import MediaWant, PeerConnected, PeerHeard, PeerLost
from media.robot import RobotPeer
from media.similarity import Samples
from tests.media.pace import pace
from tests.media.rig import ANYWHERE, Rig, rig
from tests.media.test_calls import routable, without_candidates
from tests.media.udp import BadLine, bad_line

HASTY = replace(ANYWHERE, wire=replace(ANYWHERE.wire, consent_interval=0.5, consent_expiry=4.0), lost_after=3.0)
"""Consent that runs ten times faster, so that what takes half a minute shows within seconds. Who is not heard for 3 s is lost: a node
that stood still for 2.5 s itself, as on a busy machine, judges nobody."""


STOCK_CONSENT = Connection.query_consent


@pytest.fixture(autouse=True)
def patient_robots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Robots are stock and would end these calls themselves; only the node's own check is under test."""

    async def never(connection: Connection) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Connection, "query_consent", never)


async def join_over(r: Rig, line: BadLine, sound: Samples) -> RobotPeer:
    """A robot behind this line, connected and heard."""
    offer = await r.client.offer("ses", "far", want=MediaWant(send_video=False))
    robot = r.robots["ses", "far"] = RobotPeer(sound)
    answer = await robot.take(offer.model_copy(update={"sdp": line.redirect(offer.sdp)}))
    await r.client.answer("ses", "far", offer.generation, offer.negotiation, without_candidates(answer))
    await robot.until_connected(timeout=30)
    await r.until_news(PeerHeard, peer_id="far", timeout=30)
    return robot


async def host_of(r: Rig) -> str:
    await r.client.open_room("probe")
    host = routable((await r.client.offer("probe", "p", want=MediaWant())).sdp)
    await r.client.close("probe", None, "probed")
    return host


async def stays(r: Rig, seconds: float) -> bool:
    """Whether the far one stays connected that long."""
    try:
        await r.until_news(PeerLost, peer_id="far", timeout=seconds)
    except TimeoutError:
        return True
    return False


async def test_six_hundred_milliseconds_of_round_trip(voices: dict[str, Samples]) -> None:
    async with rig(HASTY) as r:
        await r.client.open_room("ses")
        async with bad_line(await host_of(r), delay=0.3) as line:
            robot = await join_over(r, line, voices["fa"])
            assert await stays(r, 8.0), "twice the time after which consent expires"
            async with asyncio.timeout(45):
                # A machine that stands still is part of the way.
                while not 550 < ((await r.client.describe("ses")).peers[0].numbers.rtt_ms or 0) < 1500:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
            await robot.close()


async def test_the_stock_check_would_have_ended_that_call(
    voices: dict[str, Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aiortc_ice.Ice, "query_consent", STOCK_CONSENT)
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.5)
    async with rig(HASTY) as r:
        await r.client.open_room("ses")
        async with bad_line(await host_of(r), delay=0.3) as line:
            robot = await join_over(r, line, voices["fa"])
            assert not await stays(r, 15.0), "if this fails, the test above proves nothing"
            await robot.close()


async def test_a_dead_browser_is_freed_when_consent_expires(voices: dict[str, Samples]) -> None:
    async with rig(HASTY) as r:
        await r.client.open_room("ses")
        async with bad_line(await host_of(r)) as line:
            robot = await join_over(r, line, voices["fa"])
            await asyncio.sleep(0.5)
            line.cut, began = True, time.monotonic()
            async with pace() as taken:
                assert (await r.until_news(PeerLost, peer_id="far", timeout=45)).reason == "silent"
                async with asyncio.timeout(45):
                    while r.node.peers:  # noqa: ASYNC110 - the node tells no news of this
                        await asyncio.sleep(0.1)
            assert time.monotonic() - began > 3.5
            assert taken.waited < 12
            await robot.close()


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_six_hundred_milliseconds_with_the_real_times(voices: dict[str, Samples]) -> None:
    async with rig(replace(ANYWHERE, lost_after=5.0)) as r:
        await r.client.open_room("ses")
        async with bad_line(await host_of(r), delay=0.3) as line:
            robot = await join_over(r, line, voices["fa"])
            assert await stays(r, 42.0), "the stock check ends such a call after 31 seconds"
            assert isinstance(await r.until_news(PeerConnected, peer_id="far"), PeerConnected)
            await robot.close()


async def test_loss_is_reported_and_graded(voices: dict[str, Samples]) -> None:
    async with rig() as r:
        await r.client.open_room("ses")
        await r.join("ses", "near", voices["ar"])
        async with bad_line(await host_of(r), loss=0.15) as line:
            robot = await join_over(r, line, voices["fa"])

            async def numbers() -> tuple[float, float]:
                far = next(p for p in (await r.client.describe("ses")).peers if p.peer_id == "far")
                return far.numbers.uplink_loss, far.numbers.downlink_loss

            async with asyncio.timeout(45):
                while min(await numbers()) < 0.08:  # noqa: ASYNC110 - numbers are told when asked
                    await asyncio.sleep(0.2)
            up, down = await numbers()
            assert 0.05 < up < 0.30
            assert 0.05 < down < 0.35
            await robot.close()
