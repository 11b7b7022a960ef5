"""One STUN Binding request (RFC 8489), to learn whether a STUN or TURN server can be reached. Not a client of anything more."""

from __future__ import annotations

import asyncio
import secrets
import ssl
import struct
from dataclasses import dataclass
from urllib.parse import parse_qs

_COOKIE = 0x2112A442
_REQUEST = 0x0001
_SUCCESS = 0x0101
_TRY_AGAIN = 0.5
"""Seconds after which an unanswered UDP request is sent again (RFC 8489, 6.2.1)."""


@dataclass(frozen=True)
class StunAddress:
    """A parsed ``stun:`` or ``turn:`` address (RFC 7064, RFC 7065)."""

    host: str
    port: int
    transport: str
    """udp, tcp or tls."""


def parse_address(url: str) -> StunAddress:
    """Raises ``ValueError`` for what is no such address."""
    scheme, _, rest = url.partition(":")
    if scheme not in {"stun", "stuns", "turn", "turns"}:
        raise ValueError(f"{url} is no STUN or TURN address")
    place, _, query = rest.partition("?")
    secure = scheme in {"stuns", "turns"}
    host, port = _split(place, 5349 if secure else 3478)
    transport = "tls" if secure else parse_qs(query).get("transport", ["udp"])[0]
    return StunAddress(host, port, transport)


async def binding(address: StunAddress, *, timeout: float = 3.0) -> None:
    """Send a Binding request and wait for its success answer. Raises ``OSError`` or ``TimeoutError``."""
    async with asyncio.timeout(timeout):
        if address.transport == "udp":
            await _over_udp(address)
        else:
            await _over_stream(address)


def _request() -> tuple[bytes, bytes]:
    transaction = secrets.token_bytes(12)
    return struct.pack("!HHI", _REQUEST, 0, _COOKIE) + transaction, transaction


def is_answer(data: bytes, transaction: bytes) -> bool:
    """Whether ``data`` is the success answer to the request with this transaction id."""
    if len(data) < 20:
        return False
    kind, _, cookie = struct.unpack("!HHI", data[:8])
    return kind == _SUCCESS and cookie == _COOKIE and data[8:20] == transaction


async def _over_udp(address: StunAddress) -> None:
    request, transaction = _request()
    answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    class Listener(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, _peer: object) -> None:
            if is_answer(data, transaction) and not answered.done():
                answered.set_result(None)

        def error_received(self, error: Exception) -> None:
            if not answered.done():
                answered.set_exception(error)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        Listener, remote_addr=(address.host, address.port)
    )
    try:
        while True:
            transport.sendto(request)
            done, _ = await asyncio.wait({answered}, timeout=_TRY_AGAIN)
            if done:
                answered.result()
                return
    finally:
        transport.close()


async def _over_stream(address: StunAddress) -> None:
    request, transaction = _request()
    context = ssl.create_default_context() if address.transport == "tls" else None
    reader, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
    try:
        writer.write(request)
        await writer.drain()
        if not is_answer(await reader.readexactly(20), transaction):
            raise OSError("the answer is no STUN")
    except asyncio.IncompleteReadError:
        raise OSError("the connection was closed without an answer") from None
    finally:
        writer.close()


def _split(place: str, default: int) -> tuple[str, int]:
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = place.partition(":")
    if not host:
        raise ValueError("a STUN address needs a host")
    return host, int(port) if port else default
