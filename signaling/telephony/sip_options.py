"""One SIP OPTIONS request (RFC 3261, 11), to learn whether a trunk answers. Not a client of anything more; the calls are the agent's."""

from __future__ import annotations

import asyncio
import re
import secrets
import ssl
from typing import Literal

DEFAULT_PORT = 5060
DEFAULT_TLS_PORT = 5061
_TRY_AGAIN_S = 0.5
"""An unanswered UDP request is sent again after this, then after twice as long each time (RFC 3261, T1)."""
_STATUS = re.compile(rb"SIP/2\.0 ([1-6][0-9]{2}) ")
Transport = Literal["udp", "tcp", "tls"]


def trunk_address(trunk: str, transport: Transport) -> tuple[str, int]:
    """Host and port of ``host`` or ``host:port``. Raises ``ValueError``."""
    host, _, port = trunk.partition(":")
    return host, int(port) if port else DEFAULT_TLS_PORT if transport == "tls" else DEFAULT_PORT


async def options(
    trunk: str, transport: Transport, user: str, *, tls: ssl.SSLContext | None = None, timeout: float = 4.0
) -> int:
    """Ask, and return the status of the first final answer; whichever it is, the trunk is there.

    Raises ``OSError`` (``ssl.SSLError`` among them), ``TimeoutError``, ``ValueError``.
    """
    host, port = trunk_address(trunk, transport)
    async with asyncio.timeout(timeout):
        if transport == "udp":
            return await _over_udp(host, port, user)
        return await _over_stream(host, port, user, transport, tls)


def _request(host: str, port: int, user: str, transport: Transport, own: tuple[str, int]) -> tuple[bytes, bytes]:
    """The request, and the Call-ID by which its answer is known."""
    call_id = secrets.token_hex(12)
    here = f"{own[0]}:{own[1]}"
    lines = (
        f"OPTIONS sip:{host}:{port} SIP/2.0",
        f"Via: SIP/2.0/{transport.upper()} {here};branch=z9hG4bK{secrets.token_hex(8)};rport",
        f"From: <sip:{user}@{own[0]}>;tag={secrets.token_hex(4)}",
        f"To: <sip:{host}:{port}>",
        f"Call-ID: {call_id}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:{user}@{here}>",
        "Max-Forwards: 70",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode(), call_id.encode()


def final_status(data: bytes, call_id: bytes) -> int | None:
    """The status of a final answer to the request with this Call-ID; none for anything else."""
    found = _STATUS.match(data)
    if found is None or call_id not in data or int(found[1]) < 200:
        return None
    return int(found[1])


async def _over_udp(host: str, port: int, user: str) -> int:
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[int] = loop.create_future()
    awaited = b""

    class Listener(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, _peer: object) -> None:
            status = final_status(data, awaited)
            if status is not None and not answered.done():
                answered.set_result(status)

        def error_received(self, error: Exception) -> None:
            if not answered.done():
                answered.set_exception(error)

    transport, _ = await loop.create_datagram_endpoint(Listener, remote_addr=(host, port))
    try:
        request, awaited = _request(host, port, user, "udp", transport.get_extra_info("sockname")[:2])
        wait = _TRY_AGAIN_S
        while True:
            transport.sendto(request)
            done, _ = await asyncio.wait({answered}, timeout=wait)
            if done:
                return answered.result()
            wait *= 2
    finally:
        transport.close()
        if answered.done() and not answered.cancelled():
            answered.exception()


async def _over_stream(host: str, port: int, user: str, transport: Transport, tls: ssl.SSLContext | None) -> int:
    reader, writer = await asyncio.open_connection(host, port, ssl=tls, server_hostname=host if tls else None)
    try:
        request, call_id = _request(host, port, user, transport, writer.get_extra_info("sockname")[:2])
        writer.write(request)
        await writer.drain()
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            status = final_status(head.lstrip(b"\r\n"), call_id)
            if status is not None:
                return status
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise ConnectionResetError("it closed the connection without an answer") from None
    finally:
        writer.close()
