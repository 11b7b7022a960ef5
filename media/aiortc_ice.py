"""The part of the seam that touches aioice: one ICE connection with our own sockets, spoof guard, choice of way and consent check.

Nothing is patched globally. ``tests/media/test_seam.py`` fails first when names of aioice change.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import time
from collections import OrderedDict, deque
from typing import Any, Protocol

from aioice import Candidate
from aioice import stun as aioice_stun
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import CandidatePair, Connection, StunProtocol, candidate_pair_priority

from media.sockets import UdpSocket, WireOptions, bind, local_addresses

logger = logging.getLogger(__name__)

_HELD_SOURCES, _HELD_PACKETS = 8, 4
_MAX_PAIRS = 200
"""Candidate pairs of one connection; a browser that shows up from ever new ports gets no more."""
_QUEUE = 256
"""Datagrams that may wait for the DTLS handshake; more are dropped, as a network would."""
_ELSEWHERE = 1.0
"""Seconds for which media must have come from another checked address of the browser, and none from the present one, to go there."""
_QUIET = 2.0
"""Seconds without authentic media after which any way that is checked newly is taken."""


class IceOwner(Protocol):
    """The wire, as its ICE connection sees it."""

    secure_at: float
    stun_rtt: float | None

    def use(self, sock: socket.socket, remote: tuple[str, int]) -> None:
        """Send there from now on."""
        ...

    def note_heard(self) -> None:
        """Something authentic came."""
        ...

    def take_media(self, data: bytes) -> bool:
        """A datagram that looks like SRTP or SRTCP. False when there are no keys yet."""
        ...


class CheckedSocket(StunProtocol):
    """One socket. STUN goes to ICE; everything else only from sources that ICE has checked (ASVS 5.0, 17.2.6)."""

    receiver: Ice
    sock: socket.socket

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        if not data or isinstance(data, str):
            return
        if data[0] > 3:
            self.receiver.take(data, (addr[0], addr[1]), self)
            return
        try:
            super().datagram_received(data, addr)
        except Exception:
            logger.debug("malformed STUN dropped", exc_info=True)


class Ice(Connection):
    """ICE with our own sockets, spoof guard and consent check; controlling, since the server offers."""

    def __init__(self, options: WireOptions, wire: IceOwner) -> None:
        super().__init__(ice_controlling=True)
        self._options = options
        self._wire = wire
        self._trusted: set[tuple[str, int]] = set()
        self._held: OrderedDict[tuple[str, int], deque[bytes]] = OrderedDict()
        self._way: CandidatePair | None = None
        self._way_addr: tuple[str, int] | None = None
        self._elsewhere_since = 0.0
        """Since when media comes from another address than the one that we send to; 0 while it does not."""

    async def gather_candidates(self) -> None:
        if self._local_candidates_start:
            return
        self._local_candidates_start = True
        for address in local_addresses(self._options):
            try:
                sock = bind(address, self._options)
            except OSError:
                logger.warning("no UDP port free on an address of this machine")
                continue
            protocol = CheckedSocket(self)
            UdpSocket(sock, protocol)
            protocol.sock, port = sock, sock.getsockname()[1]
            preference = 65535 - 2 * len(self._protocols) - (0 if ":" in address else 1)
            protocol.local_candidate = Candidate(
                foundation=candidate_foundation("host", "udp", address)[:16],
                component=1,
                transport="udp",
                priority=candidate_priority(1, "host", preference),
                host=address,
                port=port,
                type="host",
            )
            self._protocols.append(protocol)
            self._local_candidates.append(protocol.local_candidate)
        self._local_candidates_end = True

    async def connect(self) -> None:
        """Each check nominates its way. When the first one succeeds aioice calls off those under way, but a browser may have followed
        one of them already: then its DTLS comes by a way that we never finished checking and do not read, until its next consent check
        (5 s) or, where that finds nothing to take up, for ever. So they are made again at once."""
        await super().connect()
        for pair in [pair for pair in self._check_list if pair.state is CandidatePair.State.IN_PROGRESS]:
            pair.task = None
            self.check_state(pair, CandidatePair.State.WAITING)
            self.check_start_task(pair)

    def take(self, data: bytes, addr: tuple[str, int], protocol: CheckedSocket) -> None:
        """A datagram that is not STUN."""
        if addr == self._way_addr:
            self._elsewhere_since = 0.0
            self._pass(data)
            return
        if addr in self._trusted or not self._options.guard:
            authentic = self._wire.secure_at
            self._pass(data)
            if self._wire.secure_at > authentic:
                self._came_elsewhere(addr, protocol)
            return
        held = self._held.get(addr)
        if held is None:
            while len(self._held) >= _HELD_SOURCES:
                self._held.popitem(last=False)
            held = self._held[addr] = deque(maxlen=_HELD_PACKETS)
        held.append(bytes(data))

    def _came_elsewhere(self, addr: tuple[str, int], protocol: CheckedSocket) -> None:
        """The browser sends by another way than we do; when it sends by that one only, its network has changed: we follow."""
        now = time.monotonic()
        if not self._elsewhere_since:
            self._elsewhere_since = now
        elif now - self._elsewhere_since > _ELSEWHERE:
            for pair in self._check_list:
                if pair.remote_addr == addr and pair.protocol is protocol:
                    self._go(pair)
                    return

    def _go(self, pair: CandidatePair) -> None:
        assert isinstance(pair.protocol, CheckedSocket)
        self._way, self._way_addr, self._elsewhere_since = pair, pair.remote_addr, 0.0
        self._nominated[pair.component] = pair
        self._wire.use(pair.protocol.sock, pair.remote_addr)

    def _pass(self, data: bytes) -> None:
        if self._options.fast and data[0] & 0xC0 == 0x80 and self._wire.take_media(data):
            return
        if self._queue.qsize() < _QUEUE:
            self._queue.put_nowait((data, 1))

    def data_received(self, data: bytes, component: int) -> None:
        """Called by aioice for what looked like STUN and was not: nothing that we want."""

    def request_received(self, message: Any, addr: tuple[str, int], protocol: StunProtocol) -> None:
        if "PRIORITY" not in message.attributes:
            return
        super().request_received(message, addr, protocol)

    def check_incoming(self, message: Any, addr: tuple[str, int], protocol: StunProtocol) -> None:
        self._wire.note_heard()
        known = [pair for pair in self._check_list if pair.remote_addr == addr]
        for pair in known:
            if pair.state is CandidatePair.State.IN_PROGRESS and pair.task is not None and pair.task.done():
                # aioice calls off the checks under way when the first one succeeds and never takes them up again; the browser may
                # well choose such a way, now or when its network changes, and what comes by an unchecked one is not read.
                pair.task, pair.state = None, CandidatePair.State.FAILED
        if known or len(self._check_list) < _MAX_PAIRS:
            super().check_incoming(message, addr, protocol)

    def check_state(self, pair: CandidatePair, state: CandidatePair.State) -> None:
        super().check_state(pair, state)
        if state is CandidatePair.State.SUCCEEDED and pair.remote_addr not in self._trusted:
            self._trusted.add(pair.remote_addr)
            for data in self._held.pop(pair.remote_addr, ()):
                self._pass(data)

    def check_complete(self, pair: CandidatePair) -> None:
        """aioice takes each way that succeeds later, which is the relay where there is one, and the browser follows whoever offered:
        so the way of the highest priority stays, until the browser itself uses another one."""
        super().check_complete(pair)
        if pair.state is not CandidatePair.State.SUCCEEDED or not pair.nominated:
            return
        secure_at = self._wire.secure_at
        quiet = secure_at > 0 and time.monotonic() - secure_at > _QUIET
        if self._way is None or quiet or self._better(pair, self._way):
            self._go(pair)
        else:
            self._nominated[pair.component] = self._way

    def _better(self, pair: CandidatePair, than: CandidatePair) -> bool:
        first, second = (
            candidate_pair_priority(one.local_candidate, one.remote_candidate, self.ice_controlling)
            for one in (pair, than)
        )
        return first > second

    async def query_consent(self) -> None:
        """RFC 7675 with time for slow paths: each check is sent three times within 3.5 s, and authenticated media counts too."""
        assert self.remote_password is not None
        key, granted = self.remote_password.encode(), time.monotonic()
        while True:
            await asyncio.sleep(self._options.consent_interval * (0.8 + 0.4 * random.random()))  # noqa: S311
            pair = self._nominated.get(1)
            if pair is not None:
                asked = time.monotonic()
                try:
                    request = self.build_request(pair, nominate=False)
                    await pair.protocol.request(request, pair.remote_addr, integrity_key=key, retransmissions=2)
                    granted = time.monotonic()
                    self._wire.note_heard()
                    self._wire.stun_rtt = granted - asked
                except aioice_stun.TransactionError:
                    pass
            granted = max(granted, self._wire.secure_at)
            if time.monotonic() - granted > self._options.consent_expiry:
                self._query_consent_task = None
                await self.close()
                return
