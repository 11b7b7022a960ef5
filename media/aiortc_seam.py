"""With ``aiortc_ice`` the only file that touches private parts of aiortc: one encrypted wire to one browser, nothing above it.

Only the transport layer is taken from them (ICE, DTLS, SRTP keys); descriptions, RTP and RTCP are our own. Nothing is patched
globally: a stock ``RTCPeerConnection`` in the same process stays stock. ``tests/media/test_seam.py`` fails first when names change.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import pylibsrtp
from aioice import Candidate
from aiortc.rate import RemoteBitrateEstimator
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

from media.aiortc_ice import Ice
from media.rtp import is_rtcp
from media.sdp import Answer, LocalTransport
from media.sockets import WireOptions

logger = logging.getLogger(__name__)

PINNED = {"aiortc": "1.16.0", "aioice": "0.13.0"}
_FOUND = {name: version(name) for name in PINNED}
if _FOUND != PINNED:
    raise ImportError(f"the media seam is written for {PINNED}, found {_FOUND}")

_CERTIFICATE_DAYS = 1.0
_PICTURES_PAUSED = 2.0
"""Seconds without a packet after which what was known of the way is old."""


class _Carrier:
    """What ``RTCDtlsTransport`` needs of an ICE transport."""

    def __init__(self, ice: Ice) -> None:
        self._recv = ice.recv
        self._send = ice.send
        self.role = "controlling"


class _Dtls(RTCDtlsTransport):
    """DTLS and SRTP keys; decrypted packets go to the wire as bytes."""

    def __init__(self, carrier: Any, certificates: list[RTCCertificate], wire: Wire) -> None:
        super().__init__(carrier, certificates)
        self._wire = wire

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        self._wire.deliver_rtp(data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self._wire.deliver_rtcp(data)


@dataclass
class Certificates:
    """One DTLS certificate per node, made anew each day (making one costs about 5 ms)."""

    _current: RTCCertificate | None = None
    _made_at: float = field(default=0.0)

    def current(self) -> list[RTCCertificate]:
        now = time.monotonic()
        if self._current is None or now - self._made_at > _CERTIFICATE_DAYS * 86400:
            self._current, self._made_at = RTCCertificate.generateCertificate(), now
        return [self._current]


class UplinkEstimate:
    """How much the way from a browser to here carries, from how its packets bunch up (draft-ietf-rmcat-gcc-02, the receiver's half)."""

    def __init__(self) -> None:
        self._estimator = RemoteBitrateEstimator()
        self._last = 0.0

    def take(self, now: float, send_time: int, size: int) -> int | None:
        """One packet; ``now`` monotonic seconds. Bits per second when there is a new estimate."""
        if now - self._last > _PICTURES_PAUSED:
            self._estimator = RemoteBitrateEstimator()
        self._last = now
        try:
            found = self._estimator.add(int(1000 * now), send_time, size, 1)
        except Exception:
            # Send times are what a browser claims; nonsense costs it its estimate, not its picture.
            logger.debug("no estimate", exc_info=True)
            self._estimator, found = RemoteBitrateEstimator(), None
        return None if found is None else found[0]


class WireError(Exception):
    """ICE or DTLS did not come up, or not in time."""


class Wire:
    """One encrypted transport to one browser: opens, connects, sends and delivers RTP and RTCP bytes.

    ``on_rtp`` and ``on_rtcp`` get decrypted packets; what they raise is logged and never harms the connection.
    ``on_closed`` is called once when a connected wire ends for whatever reason, also by ``close``."""

    def __init__(self, options: WireOptions, certificates: Certificates) -> None:
        self._options = options
        self._ice = Ice(options, self)
        self._dtls = _Dtls(_Carrier(self._ice), certificates.current(), self)
        self._sock: socket.socket | None = None
        self._remote: tuple[str, int] = ("", 0)
        self._closed = False
        self.connected = False
        self.heard_at = time.monotonic()
        """When anything authentic came in last (monotonic)."""
        self.secure_at = 0.0
        """When the last authenticated media packet came in (monotonic)."""
        self.stun_rtt: float | None = None
        self.on_rtp: Callable[[bytes, float], None] = lambda data, now: None
        self.on_rtcp: Callable[[bytes, float], None] = lambda data, now: None
        self.on_closed: Callable[[], None] = lambda: None
        self._dtls.on("statechange", self._state_changed)

    async def gather(self) -> LocalTransport:
        """Binds the sockets. Raises ``WireError`` when no address or port is free."""
        await self._ice.gather_candidates()
        if not self._ice.local_candidates:
            raise WireError("no local address")
        prints = tuple((f.algorithm, f.value) for f in self._dtls.getLocalParameters().fingerprints)
        return LocalTransport(
            ufrag=self._ice.local_username,
            pwd=self._ice.local_password,
            fingerprints=tuple(p for p in prints if p[0] == "sha-256"),
            candidates=tuple(dict.fromkeys(self._candidate_text(c) for c in self._ice.local_candidates)),
        )

    def _candidate_text(self, candidate: Candidate) -> str:
        text: str = candidate.to_sdp()
        advertised = self._options.advertised
        if advertised and (":" in advertised) == (":" in candidate.host):
            text = text.replace(f" {candidate.host} ", f" {advertised} ", 1)
        return text

    async def connect(self, answer: Answer, *, timeout: float) -> None:
        """ICE and DTLS with what the browser answered. Raises ``WireError``; the wire is then to be closed."""
        self._ice.remote_username, self._ice.remote_password = answer.ufrag, answer.pwd
        self._dtls._set_role("server" if answer.active else "client")
        prints = [RTCDtlsFingerprint(algorithm=algorithm, value=value) for algorithm, value in answer.fingerprints]
        try:
            async with asyncio.timeout(timeout):
                await self._ice.connect()
                await self._dtls.start(RTCDtlsParameters(fingerprints=prints))
        except (ConnectionError, TimeoutError) as error:
            raise WireError(type(error).__name__) from error
        if self._dtls.state != "connected":
            raise WireError("dtls")
        self.note_heard()
        self.connected = not self._closed

    async def add_candidate(self, text: str) -> bool:
        """A remote candidate as in SDP without ``candidate:``. Names (mDNS) and TCP are left out: the browser's own
        checks reach us. False when it is malformed."""
        try:
            candidate = Candidate.from_sdp(text)
            if candidate.host.endswith(".local") or candidate.transport.lower() != "udp":
                return True
            ipaddress.ip_address(candidate.host)
            if candidate.component != 1 or not 0 < candidate.port < 65536:
                return candidate.component == 2
            if len(self._ice.remote_candidates) < 40:
                await self._ice.add_remote_candidate(candidate)
        except ValueError:
            return False
        return True

    def send_rtp(self, packet: bytes) -> bytes | None:
        """Encrypts and sends at once; gives the encrypted packet (for ``send_again``), or none when it could not be sent.

        Goes to the socket itself: what the system cannot take now is dropped as on any network, never queued."""
        if self._sock is None or not self.connected:
            return None
        try:
            protected: bytes = self._dtls._tx_srtp.protect(packet)
            self._sock.sendto(protected, self._remote)
        except (pylibsrtp.Error, OSError):
            return None
        return protected

    def send_again(self, protected: bytes) -> None:
        """Sends an encrypted packet once more (the answer to a NACK)."""
        if self._sock is not None and self.connected:
            with suppress(OSError):
                self._sock.sendto(protected, self._remote)

    def send_rtcp(self, packet: bytes) -> None:
        """Encrypts and sends at once; silently nothing when not connected."""
        if self._sock is not None and self.connected:
            with suppress(pylibsrtp.Error, OSError):
                self._sock.sendto(self._dtls._tx_srtp.protect_rtcp(packet), self._remote)

    async def close(self) -> None:
        """Says good-bye (DTLS close_notify) and frees the sockets. Idempotent."""
        already, self._closed = self._closed, True
        if already:
            return
        try:
            await self._dtls.stop()
        except Exception:
            logger.debug("DTLS stop failed", exc_info=True)
        await self._ice.close()
        self._ended()

    # called from the transport below

    def use(self, sock: socket.socket, remote: tuple[str, int]) -> None:
        self._sock, self._remote = sock, remote

    def note_heard(self) -> None:
        self.heard_at = time.monotonic()

    def take_media(self, data: bytes) -> bool:
        """The fast way: False when there are no keys yet."""
        srtp = self._dtls._rx_srtp
        if srtp is None or len(data) < 12:
            return False
        try:
            if is_rtcp(data):
                self.deliver_rtcp(srtp.unprotect_rtcp(data))
            else:
                self.deliver_rtp(srtp.unprotect(data))
        except pylibsrtp.Error:
            pass
        return True

    def deliver_rtp(self, data: bytes) -> None:
        now = self.heard_at = self.secure_at = time.monotonic()
        try:
            self.on_rtp(data, now)
        except Exception:
            logger.exception("RTP handler failed")

    def deliver_rtcp(self, data: bytes) -> None:
        now = self.heard_at = self.secure_at = time.monotonic()
        try:
            self.on_rtcp(data, now)
        except Exception:
            logger.exception("RTCP handler failed")

    def _state_changed(self) -> None:
        if self._dtls.state in ("closed", "failed"):
            self._ended()

    def _ended(self) -> None:
        self.connected = False
        self._sock = None
        on_closed, self.on_closed = self.on_closed, lambda: None
        on_closed()


def adopt_sources(stock: Any, offer: str) -> None:
    """For robots: a stock ``RTCPeerConnection`` learns the new SSRCs of m-lines that are used again (it reads them only once)."""
    mid = ""
    receivers = {str(t.mid): t.receiver for t in stock.getTransceivers()}
    for row in offer.splitlines():
        if row.startswith("a=mid:"):
            mid = row[6:]
        elif row.startswith("a=ssrc:") and mid in receivers:
            router = receivers[mid].transport._rtp_router
            if receivers[mid] in router.receivers:
                router.ssrc_table[int(row[7:].split(" ", 1)[0])] = receivers[mid]
