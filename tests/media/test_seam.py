"""The private parts of aiortc and aioice that we lean on. When a new version changes them, this file fails first."""

from __future__ import annotations

import inspect
import random
import socket
from collections.abc import Coroutine
from contextlib import ExitStack, suppress
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import pytest
from aioice import stun
from aioice.ice import CandidatePair, Connection, StunProtocol
from aiortc import RTCPeerConnection
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport

from media import aiortc_seam as seam
from media.aiortc_seam import Certificates, Wire, WireError
from media.sockets import WireOptions, local_addresses

LOOPBACK = WireOptions(allow_loopback=True, interfaces=("127.0.0.1",))


def test_versions_are_the_pinned_ones() -> None:
    assert {name: version(name) for name in seam.PINNED} == seam.PINNED


def test_names_of_aioice_that_we_use() -> None:
    connection = Connection(ice_controlling=True)
    for name in (
        "_local_candidates_start", "_local_candidates_end", "_local_candidates", "_protocols", "_nominated", "_queue",
        "_query_consent_task", "local_username", "local_password", "remote_candidates", "build_request",
    ):  # fmt: skip
        assert hasattr(connection, name), name
    for name in ("gather_candidates", "query_consent", "connect", "close", "add_remote_candidate", "recv", "send"):
        assert inspect.iscoroutinefunction(getattr(Connection, name)), name
    assert list(inspect.signature(Connection.check_state).parameters) == ["self", "pair", "state"]
    assert list(inspect.signature(Connection.check_complete).parameters) == ["self", "pair"]
    assert list(inspect.signature(Connection.check_incoming).parameters) == ["self", "message", "addr", "protocol"]
    assert list(inspect.signature(Connection.request_received).parameters) == ["self", "message", "addr", "protocol"]
    assert list(inspect.signature(Connection.data_received).parameters) == ["self", "data", "component"]
    assert list(inspect.signature(StunProtocol.datagram_received).parameters) == ["self", "data", "addr"]
    assert "retransmissions" in inspect.signature(StunProtocol.request).parameters
    assert CandidatePair.State.SUCCEEDED
    assert issubclass(stun.TransactionTimeout, stun.TransactionError)
    source = inspect.getsource(Connection)
    assert "self.query_consent()" in source, "connect() starts our consent check"
    assert source.count("self.check_complete(pair)") >= 3, "every check ends in check_complete"


async def test_names_of_aiortc_that_we_use() -> None:
    for name in ("_handle_rtp_data", "_handle_rtcp_data"):
        assert inspect.iscoroutinefunction(getattr(RTCDtlsTransport, name)), name
    assert list(inspect.signature(RTCDtlsTransport._handle_rtp_data).parameters) == ["self", "data", "arrival_time_ms"]
    assert list(inspect.signature(RTCDtlsTransport.__init__).parameters) == ["self", "transport", "certificates"]

    class Carrier:
        role = "controlling"

    dtls = RTCDtlsTransport(Carrier(), [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]
    for name in ("_rx_srtp", "_tx_srtp", "_set_role", "state", "_rtp_router"):
        assert hasattr(dtls, name), name
    source = inspect.getsource(RTCDtlsTransport)
    assert "self.transport._recv()" in source
    assert "self.transport._send(" in source


def test_stock_classes_stay_stock() -> None:
    for method in (StunProtocol.datagram_received, Connection.query_consent, RTCDtlsTransport._handle_rtp_data):
        assert method.__module__.startswith(("aioice", "aiortc"))
    assert RTCPeerConnection.__module__.startswith("aiortc")


def three_free_ports() -> int:
    """The first of three neighbours, below the ports that systems give to everybody else who asks for any."""
    while True:
        base = random.randrange(20_000, 32_000)
        with ExitStack() as probes, suppress(OSError):
            for port in range(base, base + 3):
                probe = probes.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                probe.bind(("127.0.0.1", port))
            return base


def at_once(work: Coroutine[Any, Any, bool]) -> bool:
    """What it gives, and it never waits for anything."""
    try:
        work.send(None)
    except StopIteration as done:
        return bool(done.value)
    work.close()
    pytest.fail("it waits")


async def test_ports_come_from_the_range_and_run_out_with_an_error() -> None:
    base = three_free_ports()
    options = replace(LOOPBACK, low_port=base, high_port=base + 2)
    wires = [Wire(options, Certificates()) for _ in range(4)]
    ports = set()
    for wire in wires[:3]:
        transport = await wire.gather()
        ports.add(int(transport.candidates[0].split()[5]))
    assert ports == {base, base + 1, base + 2}
    with pytest.raises(WireError):
        await wires[3].gather()
    await wires[0].close()
    again = Wire(options, Certificates())
    await again.gather()
    for wire in (*wires, again):
        await wire.close()


async def test_the_advertised_address_is_what_browsers_see() -> None:
    wire = Wire(replace(LOOPBACK, advertised="198.51.100.7"), Certificates())
    transport = await wire.gather()
    assert [c.split()[4] for c in transport.candidates] == ["198.51.100.7"]
    assert not any("127.0.0.1" in c for c in transport.candidates)
    await wire.close()


def test_interface_filter() -> None:
    assert local_addresses(LOOPBACK) == ["127.0.0.1"]
    assert local_addresses(WireOptions(allow_loopback=True, interfaces=("lo",), ipv6=False)) == ["127.0.0.1"]
    assert local_addresses(WireOptions(allow_loopback=True, interfaces=("127.0.0.0/8",))) == ["127.0.0.1"]
    assert local_addresses(WireOptions(interfaces=("127.0.0.1",))) == []
    assert local_addresses(WireOptions(interfaces=("no-such-interface",))) == []
    assert "127.0.0.1" not in local_addresses(WireOptions())


async def test_names_and_malformed_candidates_do_not_stall() -> None:
    wire = Wire(LOOPBACK, Certificates())
    await wire.gather()
    assert at_once(wire.add_candidate("1 1 udp 2113937151 0a1b2c3d-0000-4000-8000-000000000000.local 50000 typ host"))
    assert at_once(wire.add_candidate("1 1 tcp 2113937151 192.0.2.1 9 typ host tcptype active"))
    for bad in (
        "",
        "x",
        "1 1 udp x 192.0.2.1 5 typ host",
        "1 1 udp 1 256.1.1.1 5 typ host",
        "1 1 udp 1 ::1 0 typ host",
    ):
        assert not at_once(wire.add_candidate(bad)), bad
    await wire.close()
    await wire.close()


async def test_handlers_that_raise_do_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    wire = Wire(LOOPBACK, Certificates())

    def broken(data: bytes, now: float) -> None:
        raise RuntimeError("a defect of ours")

    wire.on_rtp = wire.on_rtcp = broken
    wire.deliver_rtp(b"x" * 20)
    wire.deliver_rtcp(b"x" * 20)
    assert caplog.text.count("handler failed") == 2
    await wire.close()
