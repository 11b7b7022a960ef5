"""The engines that ``bench_forwarding`` compares, each run in a process of its own on core 0: ours, aiortc's MediaRelay, and a bare
UDP forwarder that does nothing but receive and send (what this machine and Python take for that alone), without and with SRTP.

    python -m tests.bench.forwarding_engines ours 4

An engine writes JSON lines (offers, CPU times) and reads orders from its standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

import uvloop
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from pylibsrtp import Policy, Session

from core.clock import SystemClock
from media import rtp
from media.client import LocalMediaClient
from media.node import MediaNode, NodeOptions
from media.protocol import MediaWant, News, OfferMade, PeerOffer
from media.sockets import WireOptions

CONFIGURATION = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
PEERS = 3
"""People in a room."""


def say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def pin(core: int) -> None:
    """A core of one's own, ahead of everything else where the system allows it: what is measured is the engine, not its neighbours."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))


def measure(order: dict[str, Any]) -> bool:
    """Tells the CPU seconds of this process, all threads; false when it is to stop."""
    if order["do"] == "cpu":
        say({"cpu": time.process_time()})
    return bool(order["do"] != "stop")


async def lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=1 << 22)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def serve_ours(rooms: int, pictures: bool) -> None:
    """The media node of the product."""

    async def emit(news: News) -> None:
        if isinstance(news, OfferMade):
            tell(news.room_id, news.offer)

    def tell(room_id: str, offer: PeerOffer) -> None:
        say({"room": room_id, "peer": offer.peer_id, "n": offer.negotiation, "sdp": offer.sdp})

    options = NodeOptions(node_id="bench", capacity=1000, wire=WireOptions(allow_loopback=True, ipv6=False))
    async with MediaNode(options, SystemClock(), emit) as node:
        client = LocalMediaClient(node)
        for room in range(rooms):
            await client.open_room(f"r{room}")
            for peer in "abc":
                tell(f"r{room}", await client.offer(f"r{room}", f"{peer}{room}", want=MediaWant(send_video=pictures)))
        reader = await lines()
        while line := await reader.readline():
            order = json.loads(line)
            if "sdp" in order:
                await client.answer(order["room"], order["peer"], 1, order["n"], order["sdp"])
            elif not measure(order):
                return


async def serve_relay(rooms: int, pictures: bool) -> None:
    """What aiortc offers for this: decode, and encode anew for each subscriber."""
    relay = MediaRelay()
    kinds = ("audio", "video") if pictures else ("audio",)
    connections: dict[tuple[str, str], RTCPeerConnection] = {}
    for number in range(rooms):
        for letter in "abc":
            room, peer = f"r{number}", f"{letter}{number}"
            pc = connections[room, peer] = RTCPeerConnection(CONFIGURATION)
            for kind in kinds:
                for direction in ("recvonly", "sendonly", "sendonly"):
                    pc.addTransceiver(kind, direction=direction)
            await pc.setLocalDescription(await pc.createOffer())
            say({"room": room, "peer": peer, "n": 1, "sdp": pc.localDescription.sdp})
    free = {
        (*key, kind): [line.sender for line in pc.getTransceivers() if line.kind == kind][1:]
        for key, pc in connections.items()
        for kind in kinds
    }

    def publish(room: str, peer: str, track: Any) -> None:
        for other_room, other in connections:
            if other_room == room and other != peer:
                free[room, other, track.kind].pop(0).replaceTrack(relay.subscribe(track))

    for (room, peer), pc in connections.items():
        pc.on("track", lambda track, room=room, peer=peer: publish(room, peer, track))
    reader = await lines()
    while line := await reader.readline():
        order = json.loads(line)
        if "sdp" in order:
            await connections[order["room"], order["peer"]].setRemoteDescription(
                RTCSessionDescription(order["sdp"], "answer")
            )
        elif not measure(order):
            break
    await asyncio.gather(*(pc.close() for pc in connections.values()))


def free_socket() -> socket.socket:
    """Bound on loopback, not blocking."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    return sock


class Srtp:
    """One person's SRTP as a forwarder needs it: a packet opened for each that comes, one sealed for each that goes.

    The packets that are opened were sealed beforehand: what comes in over plain UDP only says when."""

    def __init__(self, number: int) -> None:
        self._seal, open_key = self._session(), os.urandom(30)
        self._open = self._session(open_key, Policy.SSRC_ANY_INBOUND)
        sealing = self._session(open_key)
        self._packets = iter([sealing.protect(rtp.build(111, n, 0, number + 1, bytes(80))) for n in range(2000)])

    @staticmethod
    def _session(key: bytes | None = None, way: int = Policy.SSRC_ANY_OUTBOUND) -> Session:
        profile = Policy.SRTP_PROFILE_AES128_CM_SHA1_80
        return Session(Policy(key=key or os.urandom(30), ssrc_type=way, srtp_profile=profile))

    def opened(self) -> bytes:
        return self._open.unprotect(next(self._packets))

    def sealed(self, data: bytes) -> bytes:
        return self._seal.protect(data)


async def serve_bare(rooms: int, pictures: bool, *, srtp: bool = False) -> None:
    """One socket per person; what comes in on it goes out to the other two. No ICE, no counting; encryption when asked for."""
    ours = [free_socket() for _ in range(PEERS * rooms)]
    say({"ports": [sock.getsockname()[1] for sock in ours]})
    reader = await lines()
    theirs = json.loads(await reader.readline())["ports"]
    loop = asyncio.get_running_loop()

    people = [Srtp(index) if srtp else None for index in range(len(ours))]

    def forward(index: int, others: list[int]) -> None:
        data, _ = ours[index].recvfrom(2048)
        own = people[index]
        if own is not None:
            own.opened()
        for other in others:
            theirs_srtp = people[other]
            if theirs_srtp is not None:
                theirs_srtp.sealed(data)
            ours[other].sendto(data, ("127.0.0.1", theirs[other]))

    for index, sock in enumerate(ours):
        first = index - index % PEERS
        others = [at for at in range(first, first + PEERS) if at != index]
        loop.add_reader(sock.fileno(), forward, index, others)
    while line := await reader.readline():
        if not measure(json.loads(line)):
            return


ENGINES: dict[str, Callable[[int, bool], Coroutine[Any, Any, None]]] = {
    "ours": serve_ours,
    "relay": serve_relay,
    "bare": serve_bare,
    "srtp": partial(serve_bare, srtp=True),
}

if __name__ == "__main__":
    pin(0)
    uvloop.run(ENGINES[sys.argv[1]](int(sys.argv[2]), sys.argv[3:] == ["1"]))
