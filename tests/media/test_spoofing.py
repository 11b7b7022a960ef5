"""One spoofed UDP packet must not break a call: datagrams that are not STUN count only from sources that ICE has checked."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import pytest
from aiortc.rtcdtlstransport import SRTP_PROFILES, RTCCertificate
from OpenSSL import SSL

from media.protocol import MediaWant, PeerOffer
from media.robot import RobotPeer
from media.similarity import Samples
from tests.media.rig import ANYWHERE, Rig, rig

CALLS = 4


def client_hello() -> bytes:
    """A valid first flight of a DTLS client that has nothing to do with the call."""
    context = RTCCertificate.generateCertificate()._create_ssl_context(srtp_profiles=SRTP_PROFILES)
    connection = SSL.Connection(context)
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    return connection.bio_read(2000)


def attack(offer: PeerOffer, hello: bytes) -> int:
    """The hello to each media port that the offer names, from a foreign port. Gives the number of ports."""
    ports = {
        (row.split()[4], int(row.split()[5]))
        for row in offer.sdp.splitlines()
        if row.startswith("a=candidate:") and ":" not in row.split()[4]
    }
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
        for address in ports:
            attacker.sendto(hello, address)
    return len(ports)


async def attacked_call(r: Rig, number: int, sound: Samples, patience: float = 30) -> bool:
    """Whether a call connects when the attack comes before ICE completes."""
    room, peer = f"ses_{number}", f"place_{number}"
    await r.client.open_room(room)
    offer = await r.client.offer(room, peer, want=MediaWant(send_video=False))
    assert attack(offer, client_hello()) >= 1
    robot = r.robots[room, peer] = RobotPeer(sound)
    answer = await robot.take(offer)
    attack(offer, client_hello())
    await r.client.answer(room, peer, offer.generation, offer.negotiation, answer)
    try:
        await robot.until_connected(timeout=patience)
        await robot.until(lambda: robot.state == "connected", timeout=30)
        await asyncio.sleep(0)
    except TimeoutError:
        return False
    described = await r.client.describe(room)
    return described.peers[0].connected


async def test_attacked_calls_connect(voices: dict[str, Samples]) -> None:
    async with rig() as r:
        outcome = await asyncio.gather(*(attacked_call(r, number, voices["fa"]) for number in range(CALLS)))
        assert outcome == [True] * CALLS


async def test_the_attack_works_where_the_guard_is_missing(voices: dict[str, Samples]) -> None:
    unguarded = replace(ANYWHERE, connect_timeout=3.0, wire=replace(ANYWHERE.wire, guard=False))
    async with rig(unguarded) as r:
        outcome = await asyncio.gather(*(attacked_call(r, number, voices["fa"], 4) for number in range(CALLS)))
        assert outcome == [False] * CALLS, "if this fails, the test above proves nothing"


async def test_a_genuine_hello_that_outruns_the_check_is_kept_and_replayed() -> None:
    """The browser's first flight may arrive before its own ICE check is answered; it must not cost a second."""
    from aioice import Candidate
    from aioice.ice import CandidatePair

    from media.aiortc_ice import CheckedSocket
    from media.aiortc_seam import Certificates, Wire

    wire = Wire(replace(ANYWHERE.wire, interfaces=("127.0.0.1",)), Certificates())
    await wire.gather()
    ice = wire._ice
    protocol = ice._protocols[0]
    assert isinstance(protocol, CheckedSocket)
    hello, source = client_hello(), ("127.0.0.1", 50000)
    for number in range(20):
        protocol.datagram_received(b"\x16spoofed%d" % number, ("127.0.0.1", 1000 + number % 3))
    protocol.datagram_received(hello, source)
    assert ice._queue.qsize() == 0
    pair = CandidatePair(protocol, Candidate("1", 1, "udp", 1, *source, "host"))
    ice.check_state(pair, CandidatePair.State.SUCCEEDED)
    assert ice._queue.get_nowait() == (hello, 1)
    assert ice._queue.empty(), "the spoofed ones are not replayed"
    protocol.datagram_received(b"\x16more", source)
    assert ice._queue.get_nowait() == (b"\x16more", 1)
    await wire.close()


async def test_the_store_for_early_packets_is_bounded() -> None:
    from media.aiortc_ice import CheckedSocket
    from media.aiortc_seam import Certificates, Wire

    wire = Wire(replace(ANYWHERE.wire, interfaces=("127.0.0.1",)), Certificates())
    await wire.gather()
    protocol = wire._ice._protocols[0]
    assert isinstance(protocol, CheckedSocket)
    for number in range(5000):
        wire._ice.take(b"\x16" + bytes(1000), ("192.0.2.1", number % 700), protocol)
    assert sum(len(held) for held in wire._ice._held.values()) <= 32
    for _ in range(5000):
        wire._ice._trusted.add(("192.0.2.9", 9))
        wire._ice.take(b"\x16" + bytes(1000), ("192.0.2.9", 9), protocol)
    assert wire._ice._queue.qsize() <= 256
    await wire.close()
