"""Calls that stand in the background while ``bench_job`` measures: ``python -m tests.bench.standing_calls URL COUNT``.

Real sessions over the public interface, two people each, with ICE, DTLS and SRTP; but their Opus is prepared (60 ms packets, one side
talks at a time and the other sends comfort noise twice a second, as Opus does with DTX) and what they hear is counted, not decoded.
Says ``{"standing": n}`` after each call and stays until its standard input ends; then says how many packets were heard.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvloop
from aiortc import MediaStreamTrack, RTCSessionDescription
from av import AudioFrame, CodecContext, Packet

from media.protocol import PeerOffer
from media.robot import RATE, RobotPeer
from signaling.rehearsal.client import StaffClient
from signaling.rehearsal.participant import RobotParticipant
from tests import people
from tests.scenarios.conftest import House
from tests.stack import Stack

FRAME_S, SILENT_S, TURN_S = 0.06, 0.48, 4.0


def talk() -> list[bytes]:
    """Three seconds of a changing tone in packets of 60 ms, 24 kbit/s."""
    encoder: Any = CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = RATE, "mono", "s16", 24000
    encoder.options = {"frame_duration": "60", "application": "voip"}
    size = int(FRAME_S * RATE)
    packets: list[bytes] = []
    for number in range(50):
        at = np.arange(number * size, (number + 1) * size)
        tone = 6000 * np.sin(2 * np.pi * at * (180 + at / 720) / RATE)
        frame = AudioFrame.from_ndarray(tone.astype(np.int16).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, number * size, Fraction(1, RATE)
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets


class _Voice(MediaStreamTrack):
    """Prepared packets at their times; talks in every other turn."""

    kind = "audio"

    def __init__(self, packets: list[bytes], side: int) -> None:
        super().__init__()
        self._packets, self._side = packets, side
        self._began = self._at = time.monotonic()
        self._count = 0

    async def recv(self) -> Any:
        talks = int((self._at - self._began) / TURN_S) % 2 == self._side
        self._at += FRAME_S if talks else SILENT_S
        await asyncio.sleep(max(0.0, self._at - time.monotonic()))
        self._count += 1
        packet: Any = Packet(self._packets[self._count % len(self._packets)])
        packet.pts, packet.time_base = int((self._at - self._began) * RATE), Fraction(1, RATE)
        return packet


class LightPeer(RobotPeer):
    """A robot that neither encodes nor decodes."""

    def __init__(self, packets: list[bytes], side: int) -> None:
        super().__init__(np.zeros(1, np.float32))
        self.packets_heard = 0
        self._talk, self._side = packets, side

    async def take(self, offer: PeerOffer) -> str:
        if offer.generation != self.generation:
            await self._begin(offer.generation)
        pc = self._pc
        await pc.setRemoteDescription(RTCSessionDescription(offer.sdp, "offer"))
        for transceiver in pc.getTransceivers():
            if transceiver.mid == "0" and transceiver.sender.track is None:
                transceiver.sender.replaceTrack(_Voice(self._talk, self._side))
                transceiver.direction = "sendonly"
        await pc.setLocalDescription(await pc.createAnswer())
        pc.getTransceivers()[0].receiver.transport._handle_rtp_data = self._count
        self.tracks = offer.tracks
        self._changed.set()
        return str(pc.localDescription.sdp)

    async def _count(self, data: bytes, arrival_time_ms: int) -> None:
        self.packets_heard += 1


class Offices(House):
    """People in many offices: every ten of them share an address, since sign-ins are counted by address."""

    network = 1
    _signed_in = 0

    async def staff(self, person: people.Person, url: str | None = None) -> StaffClient:
        client = await self.exits.enter_async_context(StaffClient(url or self.stack.url))
        address = f"127.0.{self.network}.{1 + self._signed_in // 10}"
        self._signed_in += 1
        await client.http.aclose()
        client.http = httpx.AsyncClient(
            base_url=client.base_url, timeout=client.http.timeout, headers={"Origin": client.origin},
            transport=httpx.AsyncHTTPTransport(local_address=address),
        )  # fmt: skip
        await client.sign_in(person.code, person.password)
        return client


async def stand(house: House, officer: StaffClient, number: int, packets: list[bytes]) -> list[LightPeer]:
    """One more call, with the interpreter of that number."""
    interpreter, bell = await house.available(number)
    case = await house.case(officer)
    await house.ask(officer, case)
    session_id = (await house.accept(interpreter, bell))["session_id"]
    peers = []
    for side, who in enumerate((officer, interpreter)):
        join = await who.call("POST", f"/api/sessions/{session_id}/join")
        peer = LightPeer(packets, side)
        robot = RobotParticipant(await who.socket(grant=join["grant"]), join, peer)
        house.exits.push_async_callback(robot.close)
        await robot.come_back(robot.socket)
        peers.append(peer)
    async with asyncio.timeout(30):
        await asyncio.gather(*(peer.until_connected(timeout=30) for peer in peers))
    return peers


async def _serve(url: str, numbers: list[int]) -> None:
    stack = Stack("single", Path(), "", "", urls=[url])
    packets = talk()
    async with AsyncExitStack() as exits:
        house = Offices(stack, {}, exits)
        house.network = 2
        officer = await house.staff(people.OFFICER)
        peers: list[LightPeer] = []
        for number in numbers:
            peers += await stand(house, officer, number, packets)
            print(json.dumps({"standing": len(peers) // 2}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        connected = sum(peer.state == "connected" for peer in peers)
        heard = min(peer.packets_heard for peer in peers)
        print(json.dumps({"connected": connected, "heard": heard}), flush=True)


@asynccontextmanager
async def standing(url: str, numbers: list[int], *, timeout: float) -> AsyncIterator[None]:
    """Calls with these interpreters stand while the context is open, in a process of their own. Raises ``RuntimeError`` when
    they do not come up in time or were not all heard to the end."""
    command = [sys.executable, "-m", "tests.bench.standing_calls", url, json.dumps(numbers)]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    count = 0
    try:
        try:
            async with asyncio.timeout(timeout):
                while count < len(numbers):
                    line = await process.stdout.readline()
                    if not line:
                        break
                    count = json.loads(line)["standing"]
        except TimeoutError:
            pass
        if count < len(numbers):
            raise RuntimeError(f"{count} of {len(numbers)} calls stood after {timeout:.0f} s")
        yield
        process.stdin.close()
        async with asyncio.timeout(20):
            last = json.loads(await process.stdout.readline())
        if last["connected"] != 2 * len(numbers) or not last["heard"]:
            raise RuntimeError(f"calls were lost meanwhile: {last}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], json.loads(sys.argv[2])))
