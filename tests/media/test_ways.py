"""By which of a browser's addresses media goes: the best checked one, another one when the browser changes its network, a relay alone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aioice import Candidate, stun
from aioice import ice as aioice_ice
from aioice.ice import CandidatePair

from core.clock import SystemClock
from media import aiortc_ice, aiortc_seam
from media.aiortc_ice import CheckedSocket, Ice
from media.aiortc_seam import Certificates, Wire
from media.ice import IceConfig
from media.protocol import MediaWant
from media.similarity import Samples
from tests.media.page import BrowserPerson
from tests.media.rig import ANYWHERE, rig
from tests.media.test_chromium import chromium
from tests.media.test_ice import SECRET, coturn


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Time stands still for the ways, but for a moment at each look, until so many seconds pass."""
    now = 1000.0

    def passed(seconds: float) -> None:
        nonlocal now
        now += seconds

    def monotonic() -> float:
        passed(0.001)
        return now

    time: Any = SimpleNamespace(monotonic=monotonic)
    for module in (aiortc_ice, aiortc_seam):
        monkeypatch.setattr(module, "time", time)
    return passed


DIRECT, RELAYED, NEW = ("192.0.2.10", 5000), ("198.51.100.1", 6000), ("203.0.113.9", 7000)


class Ways:
    """A wire that believes in the ways that the test names, and what it was told to send to."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.ice: Ice = wire._ice
        found = self.ice._protocols[0]
        assert isinstance(found, CheckedSocket)
        self.socket = found

    @property
    def goes_to(self) -> tuple[str, int]:
        return self.wire._remote

    def pair(self, address: tuple[str, int], kind: str) -> CandidatePair:
        priority = {"host": 2_000_000_000, "srflx": 1_700_000_000, "relay": 1_000_000}[kind]
        pair = CandidatePair(self.socket, Candidate(kind, 1, "udp", priority, *address, kind))
        self.ice._check_list.append(pair)
        return pair

    def succeed(self, pair: CandidatePair) -> None:
        pair.nominated = True
        self.ice.check_state(pair, CandidatePair.State.SUCCEEDED)
        self.ice.check_complete(pair)

    def media(self, source: tuple[str, int], *, authentic: bool = True) -> None:
        """A packet from there, which the keys open or not."""
        self.wire.take_media = lambda data: self._open(authentic)  # type: ignore[method-assign]
        self.ice.take(b"\x80" + bytes(40), source, self.socket)

    def _open(self, authentic: bool) -> bool:
        if authentic:
            self.wire.deliver_rtp(bytes(20))
        return True


@asynccontextmanager
async def ways() -> AsyncIterator[Ways]:
    wire = Wire(replace(ANYWHERE.wire, interfaces=("127.0.0.1",)), Certificates())
    await wire.gather()
    wire._ice.remote_username, wire._ice.remote_password = "them", "their password of 22 characters"
    yield Ways(wire)
    await wire.close()


async def test_a_relay_that_answers_late_does_not_take_over() -> None:
    async with ways() as w:
        direct, relayed = w.pair(DIRECT, "host"), w.pair(RELAYED, "relay")
        w.succeed(direct)
        w.succeed(relayed)
        assert w.goes_to == DIRECT
        assert w.ice._nominated[1] is direct, "consent is asked where media goes"


async def test_a_direct_way_that_answers_late_takes_over_from_the_relay() -> None:
    async with ways() as w:
        w.succeed(w.pair(RELAYED, "relay"))
        assert w.goes_to == RELAYED
        w.succeed(w.pair(DIRECT, "host"))
        assert w.goes_to == DIRECT


async def test_media_follows_a_browser_that_changes_its_network(passes: Callable[[float], None]) -> None:
    async with ways() as w:
        w.succeed(w.pair(DIRECT, "host"))
        w.media(DIRECT)
        w.succeed(w.pair(RELAYED, "relay"))
        w.media(RELAYED)
        passes(aiortc_ice._ELSEWHERE)
        w.media(DIRECT)
        w.media(RELAYED)
        assert w.goes_to == DIRECT, "both carry: the better one stays"
        passes(aiortc_ice._ELSEWHERE)
        w.media(RELAYED, authentic=False)
        assert w.goes_to == DIRECT, "what the keys do not open moves nothing"
        w.media(RELAYED)
        assert w.goes_to == RELAYED
        passes(aiortc_ice._ELSEWHERE)
        for _ in range(2):
            w.media(NEW)
        assert w.goes_to == RELAYED, "an address that was never checked moves nothing"


async def test_after_silence_a_way_that_is_checked_newly_is_taken_at_once(passes: Callable[[float], None]) -> None:
    async with ways() as w:
        w.succeed(w.pair(DIRECT, "host"))
        w.media(DIRECT)
        passes(aiortc_ice._QUIET)
        w.succeed(w.pair(NEW, "srflx"))
        assert w.goes_to == NEW


async def test_a_way_that_the_browser_was_told_to_take_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ways are nominated, the first answers first and aioice calls off the other, by which the browser sends: found when one post
    of a briefing in thirty did not connect, its DTLS lying unread for 5 s or for ever."""
    monkeypatch.setattr(aioice_ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1", "127.0.0.2"])
    browser = aioice_ice.Connection(ice_controlling=False)
    await browser.gather_candidates()
    first, second = browser._protocols
    for protocol, seconds in ((first, 0.06), (second, 0.5)):
        _answer_late(protocol, seconds)
    followed, complete = asyncio.Event(), browser.check_complete

    def completed(pair: CandidatePair) -> None:
        complete(pair)
        if 1 in browser._nominated and browser._nominated[1].protocol is second:
            followed.set()

    monkeypatch.setattr(browser, "check_complete", completed)
    async with ways() as w:
        browser.remote_username, browser.remote_password = w.ice.local_username, w.ice.local_password
        w.ice.remote_username, w.ice.remote_password = browser.local_username, browser.local_password
        for ours, theirs in ((browser, w.ice), (w.ice, browser)):
            for candidate in theirs.local_candidates:
                await ours.add_remote_candidate(candidate)
            await ours.add_remote_candidate(None)
        async with asyncio.timeout(30):
            await asyncio.gather(browser.connect(), w.ice.connect())
        async with asyncio.timeout(30):
            await followed.wait()
            await browser.send(b"\x16a flight of DTLS")
            assert await w.ice.recv() == b"\x16a flight of DTLS"
    await browser.close()


def _answer_late(protocol: aioice_ice.StunProtocol, seconds: float) -> None:
    """Checks that come by this socket are answered after a while; its own checks go out at once."""
    send = protocol.send_stun

    def later(message: stun.Message, addr: tuple[str, int]) -> None:
        delay = seconds if message.message_class is stun.Class.RESPONSE else 0
        asyncio.get_running_loop().call_later(delay, send, message, addr)

    protocol.send_stun = later  # type: ignore[method-assign]


async def test_a_check_that_was_called_off_is_made_when_the_browser_uses_that_way() -> None:
    """aioice cancels the checks under way when the first succeeds; media by such a way was refused for ever."""
    async with ways() as w:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as browser:
            browser.bind(("127.0.0.1", 0))
            browser.setblocking(False)
            pair = w.pair(browser.getsockname(), "host")
            w.ice.check_start_task(pair)
            await asyncio.sleep(0)
            called_off = pair.task
            assert called_off is not None
            called_off.cancel()
            await asyncio.wait([called_off])
            assert pair.state is CandidatePair.State.IN_PROGRESS, "as aioice leaves it"
            request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
            request.attributes["PRIORITY"] = 1
            w.ice._remote_candidates.append(pair.remote_candidate)
            w.ice.check_incoming(request, browser.getsockname(), w.socket)
            assert pair.task is not called_off
            async with asyncio.timeout(30):
                for _ in range(2):
                    data = await asyncio.get_running_loop().sock_recv(browser, 2000)
                    check = stun.parse_message(data)
            assert "USE-CANDIDATE" in check.attributes


@pytest.mark.browser
@pytest.mark.timeout(180)
async def test_a_browser_behind_a_relay_alone(voices: dict[str, Samples], tmp_path: Path) -> None:
    """Networks that let nothing out but TURN, over UDP and over TCP, through a real coturn."""
    async with coturn(tmp_path) as port, rig(ANYWHERE) as r, chromium(voices["fa"], tmp_path) as browser:
        for transport in ("udp", "tcp"):
            config = IceConfig(
                SystemClock(), turn_urls=[f"turn:127.0.0.1:{port}?transport={transport}"], secret=SECRET, ttl=60
            )
            person = await BrowserPerson.open(browser, iceServers=config.servers("place_1"), iceTransportPolicy="relay")
            await r.client.open_room(transport)
            offer = await r.client.offer(transport, "me", want=MediaWant(send_video=False, echo=True))
            answer = await person.take(offer)
            await r.client.answer(transport, "me", offer.generation, offer.negotiation, answer)
            await person.until("f.state === 'connected' && f.in['2']?.packetsReceived > 50")
            mine = "f.mine[f.pairs.find((pair) => pair.id === f.selected)?.localCandidateId]"
            await person.until(f"{mine}?.candidateType === 'relay' && {mine}.relayProtocol === '{transport}'")
