"""Our own reading of UDP sockets: everything arrives, nothing is queued, closing is told once."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from media.sockets import UdpSocket, WireOptions, bind


class _Ear(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: list[tuple[bytes, Any]] = []
        self.enough = asyncio.Event()
        self.want = 1
        self.lost = asyncio.Event()
        self.errors: list[Exception] = []

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.heard.append((data, addr))
        if len(self.heard) >= self.want:
            self.enough.set()

    def error_received(self, exc: Exception) -> None:
        self.errors.append(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        assert not self.lost.is_set()
        self.lost.set()


def _pair() -> tuple[UdpSocket, _Ear, socket.socket]:
    ear = _Ear()
    udp = UdpSocket(bind("127.0.0.1", WireOptions()), ear)
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind(("127.0.0.1", 0))
    other.settimeout(5)
    return udp, ear, other


async def test_bursts_of_long_and_short_datagrams_all_arrive_in_order() -> None:
    udp, ear, other = _pair()
    sent = [bytes([number]) * (1200 if number % 3 else 80) for number in range(60)]
    ear.want = len(sent)
    for data in sent:
        other.sendto(data, udp.get_extra_info("sockname"))
    async with asyncio.timeout(30):
        await ear.enough.wait()
    assert [data for data, _ in ear.heard] == sent
    assert {addr for _, addr in ear.heard} == {other.getsockname()}
    udp.close()
    other.close()


async def test_sends_at_once_and_tells_errors_to_the_protocol() -> None:
    udp, ear, other = _pair()
    udp.sendto(b"hello", other.getsockname())
    assert other.recv(100) == b"hello"
    udp.sendto(bytes(70_000), other.getsockname())
    assert len(ear.errors) == 1, "too long for a datagram"
    udp.close()
    other.close()


async def test_closing_inside_the_callback_ends_the_reading_and_frees_the_port() -> None:
    udp, ear, other = _pair()
    port = udp.get_extra_info("sockname")
    received = ear.datagram_received

    def close_at_once(data: bytes, addr: Any) -> None:
        received(data, addr)
        udp.close()

    ear.datagram_received = close_at_once  # type: ignore[method-assign]
    for _ in range(3):
        other.sendto(bytes(1200), port)
    async with asyncio.timeout(30):
        await ear.lost.wait()
    assert len(ear.heard) == 1
    udp.sendto(b"nothing", other.getsockname())
    udp.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(port)
    other.close()
