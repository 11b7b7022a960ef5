"""A bad line made of two sockets: datagrams between a stock client and the node are delayed, dropped or cut on the way."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class _End(asyncio.DatagramProtocol):
    def __init__(self, line: BadLine, outer: bool) -> None:
        self._line = line
        self._outer = outer
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._line.pass_on(data, addr, self._outer)


class BadLine:
    """Put ``line.redirect(offer)`` in front of a client: its packets go to us, ours to the node, and back."""

    def __init__(self, *, delay: float = 0.0, loss: float = 0.0, seed: int = 1) -> None:
        self.delay = delay
        self.loss = loss
        self.cut = False
        self.carried = 0
        self._dice = random.Random(seed)
        self._client: tuple[str, int] | None = None
        self._node: tuple[str, int] = ("", 0)
        self._outer = _End(self, outer=True)
        self._inner = _End(self, outer=False)

    async def open(self, host: str) -> None:
        loop = asyncio.get_running_loop()
        for end in (self._outer, self._inner):
            await loop.create_datagram_endpoint(lambda end=end: end, local_addr=(host, 0))  # type: ignore[misc]

    def redirect(self, sdp: str) -> str:
        """The offer with its first candidate replaced by our outer socket and no other candidates."""
        host, port = self._outer.transport.get_extra_info("sockname")[:2]
        rows, found = [], False
        for row in sdp.split("\r\n"):
            match = re.match(r"(a=candidate:\S+ 1 udp \d+) (\S+) (\d+)( typ host.*)", row)
            if match is None:
                rows.append(row)
            elif match[2] == host:
                self._node, found = (match[2], int(match[3])), True
                rows.append(f"{match[1]} {host} {port}{match[4]}")
        assert found, "the node offers no address on this host"
        return "\r\n".join(rows)

    def pass_on(self, data: bytes, addr: tuple[str, int], outer: bool) -> None:
        if outer:
            self._client = addr
        if self.cut or self._dice.random() < self.loss:
            return
        asyncio.get_running_loop().call_later(self.delay, self._deliver, data, outer)

    def _deliver(self, data: bytes, outer: bool) -> None:
        self.carried += 1
        if outer and not self._inner.transport.is_closing():
            self._inner.transport.sendto(data, self._node)
        elif self._client is not None and not self._outer.transport.is_closing():
            self._outer.transport.sendto(data, self._client)

    def close(self) -> None:
        for end in (self._outer, self._inner):
            end.transport.close()


@asynccontextmanager
async def bad_line(host: str, *, delay: float = 0.0, loss: float = 0.0) -> AsyncIterator[BadLine]:
    """An open line on this address of the machine."""
    line = BadLine(delay=delay, loss=loss)
    await line.open(host)
    try:
        yield line
    finally:
        line.close()
