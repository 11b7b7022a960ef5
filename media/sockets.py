"""Which UDP sockets a connection opens on this machine (addresses, interface filter, port range) and how they are read.
No protocol runs here."""

from __future__ import annotations

import asyncio
import ipaddress
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ifaddr

_SOCKET_BUFFER = 1 << 20
_DATAGRAM = 2048
"""Bytes of the largest datagram that is read whole; SRTP packets stay below 1500."""
_BURST = 8
"""Datagrams that are read from one socket before the others have their turn."""
_LONG = 600
"""Bytes from which a datagram is likely to be part of a picture, so that another one is already waiting."""


@dataclass(frozen=True)
class WireOptions:
    """How wires open sockets and keep consent. Times in seconds."""

    low_port: int = 0
    """First UDP port of the node's range; 0 lets the system choose."""
    high_port: int = 0
    advertised: str | None = None
    """Public address to tell browsers instead of the host's own (1:1 NAT)."""
    interfaces: tuple[str, ...] = ()
    """Names of interfaces, addresses or networks to bind; empty means all."""
    allow_loopback: bool = False
    ipv6: bool = True
    guard: bool = True
    """Refuse datagrams that are not STUN from a source that has not passed an ICE check. Never turn off except to prove it."""
    fast: bool = True
    """Media goes from the socket callback straight to the forwarder instead of through queue and task."""
    consent_interval: float = 5.0
    consent_expiry: float = 30.0


def local_addresses(options: WireOptions) -> list[str]:
    """Addresses of this machine to bind, in stable order, after the interface filter."""
    found: list[str] = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            scoped = not isinstance(ip.ip, str) and ip.ip[2] != 0
            address = ipaddress.ip_address(text)
            if scoped or (address.version == 6 and not options.ipv6):
                continue
            if address.is_loopback and not options.allow_loopback:
                continue
            if options.interfaces and not _selected(adapter.nice_name, address, options.interfaces):
                continue
            found.append(text)
    return found


def _selected(name: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address, wanted: Sequence[str]) -> bool:
    for item in wanted:
        if item == name:
            return True
        try:
            if address in ipaddress.ip_network(item, strict=False):
                return True
        except ValueError:
            continue
    return False


def bind(address: str, options: WireOptions) -> socket.socket:
    """A UDP socket on a free port of the range; raises ``OSError`` when none is free."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BUFFER)
        if not options.low_port:
            sock.bind((address, 0))
            return sock
        ports = range(options.low_port, options.high_port + 1)
        start = random.randrange(len(ports))  # noqa: S311 - spreads load, hides nothing
        for offset in range(len(ports)):
            try:
                sock.bind((address, ports[(start + offset) % len(ports)]))
                return sock
            except OSError:
                continue
        raise OSError("no free port in the range")
    except BaseException:
        sock.close()
        raise


class UdpSocket(asyncio.DatagramTransport):
    """A bound socket on the running loop. Each datagram goes to the protocol within the loop's own callback.

    The loop's own datagram transport asks the system once more after every datagram whether there is another, into a buffer of
    256 kB; with one small packet in 20 ms that is half of the cost of a packet. What cannot be sent at once is dropped."""

    def __init__(self, sock: socket.socket, protocol: asyncio.DatagramProtocol) -> None:
        super().__init__({"socket": sock, "sockname": sock.getsockname()})
        self._sock = sock
        self._protocol = protocol
        self._closing = False
        self._loop = asyncio.get_running_loop()
        protocol.connection_made(self)
        self._loop.add_reader(sock.fileno(), self._readable)

    def _readable(self) -> None:
        for _ in range(_BURST):
            try:
                data, source = self._sock.recvfrom(_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:
                self._protocol.error_received(error)
                return
            self._protocol.datagram_received(data, source)
            if len(data) < _LONG or self._closing:
                return

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Sends at once or not at all, as any network may."""
        if self._closing or addr is None:
            return
        try:
            self._sock.sendto(data, addr)
        except BlockingIOError:
            return
        except OSError as error:
            self._protocol.error_received(error)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Frees the port now; the protocol hears of it in the loop's next round. Idempotent."""
        if self._closing:
            return
        self._closing = True
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()
        self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()
