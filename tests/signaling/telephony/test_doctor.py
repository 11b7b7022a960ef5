"""What the doctor says about telephones: the carrier, whether it answers, what is missing; never a number or a secret."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from core.settings import Settings
from core.settings_sections import SipSettings, TelephonySettings
from signaling.findings import Finding, Grade
from signaling.telephony import doctor
from signaling.telephony.sip_options import final_status, options, trunk_address
from tests.media.sip.test_secure import Authority
from tests.services import free_port
from tests.signaling.house import settings_for
from tests.signaling.telephony.conftest import OWN_RS, Exchange, phone_settings
from tests.signaling.telephony.stand_in import ACCOUNT, TOKEN, Refusal, Stand


async def said(settings: Settings) -> list[Finding]:
    return [finding async for finding in doctor.telephony(settings)]


def of(grade: Grade, findings: list[Finding]) -> str:
    return "\n".join(finding.sentence for finding in findings if finding.grade is grade)


def with_twilio(folder: Path, stand: Stand, **more: Any) -> Settings:
    nowhere = f"https://127.0.0.1:{free_port()}"
    return settings_for("sqlite+aiosqlite:///x.db", folder, telephony=phone_settings(stand, public_url=nowhere, **more))


def with_trunk(folder: Path, trunk: str, telephony: dict[str, Any] | None = None, **sip: Any) -> Settings:
    values = {"trunk": trunk, "transport": "udp", "srtp": "off", "local_address": "127.0.0.1", **sip}
    return settings_for(
        "sqlite+aiosqlite:///x.db", folder, sip=SipSettings.model_validate(values),
        telephony=TelephonySettings.model_validate({"provider": "sip", "numbers": [f"RS={OWN_RS}"], **(telephony or {})}),
    )  # fmt: skip


async def test_without_a_carrier_it_says_so_and_how_to_get_one(tmp_path: Path) -> None:
    (only,) = await said(settings_for("sqlite+aiosqlite:///x.db", tmp_path))
    assert only.grade is Grade.NOTE
    assert "No telephone carrier is configured" in only.sentence
    assert "docs/telephony.md" in only.sentence


async def test_an_account_that_works_and_what_is_missing(tmp_path: Path, stand: Stand) -> None:
    found = await said(with_twilio(tmp_path, stand))
    assert of(Grade.BAD, found) == ""
    assert "the account is active" in of(Grade.OK, found)
    assert "MK, RS" in of(Grade.OK, found)
    notes = of(Grade.NOTE, found)
    assert "cannot be reached from here" in notes
    assert "price of a minute is set for MK" in notes
    assert "No sender of text messages" in notes
    assert "no voice for ps" in notes
    everything = str(found)
    assert not [secret for secret in (TOKEN, ACCOUNT, OWN_RS.lstrip("+")) if secret in everything]


async def test_an_account_that_does_not_work(tmp_path: Path, stand: Stand) -> None:
    stand.account_status = "suspended"
    assert "the account is suspended" in of(Grade.BAD, await said(with_twilio(tmp_path, stand)))
    wrong = await said(with_twilio(tmp_path, stand, auth_token="another"))
    assert "Both must be those of the region ie1" in of(Grade.BAD, wrong)
    stand.refusals.append(Refusal(500, 20500))
    assert "20500" in of(Grade.BAD, await said(with_twilio(tmp_path, stand)))
    away = await said(with_twilio(tmp_path, stand, api_base=f"http://127.0.0.1:{free_port()}"))
    assert "Twilio cannot be reached from here" in of(Grade.BAD, away)


async def test_the_way_in_leads_here_or_elsewhere(exchange: Exchange) -> None:
    here = await doctor.way_in(f"http://{exchange.stand.proxied}")
    assert here.grade is Grade.OK
    elsewhere = await doctor.way_in(exchange.stand.base)
    assert elsewhere.grade is Grade.BAD
    assert "404" in elsewhere.sentence


# A trunk


class Trunk(asyncio.DatagramProtocol):
    """Says that it tries, then answers the second copy; the first one is lost on the way."""

    def __init__(self, status: str) -> None:
        self._status = status
        self.seen = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        self.seen += 1
        if self.seen == 2:
            self.transport.sendto(answer_to(data, "100 Trying"), peer)
            self.transport.sendto(answer_to(data, self._status), peer)


def answer_to(request: bytes, status: str) -> bytes:
    assert request.startswith(b"OPTIONS sip:")
    kept = [
        line for line in request.split(b"\r\n") if line.split(b":")[0] in (b"Via", b"From", b"To", b"Call-ID", b"CSeq")
    ]
    return b"\r\n".join([f"SIP/2.0 {status}".encode(), *kept, b"Content-Length: 0", b"", b""])


@asynccontextmanager
async def over_udp(status: str = "200 OK") -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Trunk(status), local_addr=("127.0.0.1", 0))
    try:
        yield f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


@asynccontextmanager
async def over_tls(certificate: Path) -> AsyncIterator[str]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer_to(await reader.readuntil(b"\r\n\r\n"), "403 Forbidden"))
        await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_trunk_that_answers_and_what_is_missing(tmp_path: Path) -> None:
    async with over_udp() as trunk:
        found = await said(with_trunk(tmp_path, trunk, telephony={"numbers": []}))
    assert "The trunk answers (OPTIONS: 200)" in of(Grade.OK, found)
    notes = of(Grade.NOTE, found)
    assert "sound goes to the trunk in the clear" in notes
    assert "nobody can call in" in notes
    async with over_udp("401 Unauthorized") as trunk:
        assert "TARJUMAN_SIP__PASSWORD is not set" in of(Grade.NOTE, await said(with_trunk(tmp_path, trunk)))


async def test_a_trunk_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LIMIT_S", 1.0)
    closed = await said(with_trunk(tmp_path, f"127.0.0.1:{free_port()}", transport="tcp"))
    assert "cannot be reached by tcp" in of(Grade.BAD, closed)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    try:
        silent = await said(with_trunk(tmp_path, f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"))
    finally:
        transport.close()
    assert "does not answer by udp within 1 seconds" in of(Grade.BAD, silent)


async def test_certificates_of_a_trunk(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path, "authority"), Authority(tmp_path, "stranger")
    own = authority.certificate("ours")
    common: dict[str, Any] = {"transport": "tls", "srtp": "mandatory", "certificate_file": own}
    async with over_tls(authority.certificate("trunk")) as trunk:
        right = await said(with_trunk(tmp_path, trunk, ca_file=authority.ca_file, **common))
        assert "OPTIONS: 403" in of(Grade.OK, right)
        assert of(Grade.BAD, right) == ""
        foreign = await said(with_trunk(tmp_path, trunk, ca_file=stranger.ca_file, **common))
        assert "certificate is not accepted" in of(Grade.BAD, foreign)
    missing = await said(with_trunk(tmp_path, trunk, ca_file=tmp_path / "none.pem", **common))
    assert "CA_FILE" in of(Grade.BAD, missing)
    half = await said(
        with_trunk(tmp_path, trunk, ca_file=authority.ca_file, **common | {"certificate_file": authority.ca_file})
    )
    assert "a certificate and its key" in of(Grade.BAD, half)


async def test_the_stack_is_missing_or_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "installed", lambda: False)
    async with over_udp() as trunk:
        assert "requirements-sip.lock" in of(Grade.BAD, await said(with_trunk(tmp_path, trunk)))
        elsewhere = await said(with_trunk(tmp_path, trunk, agent=False))
    assert of(Grade.BAD, elsewhere) == ""
    assert "Another server holds the trunk" in of(Grade.NOTE, elsewhere)


@pytest.mark.parametrize(
    ("trunk", "address", "words"),
    [
        ("sip.example.org", "127.0.0.1", "the trunk is on another machine"),
        ("127.0.0.1:5070", "127.0.0.1", ""),
        ("localhost", "127.0.0.1", ""),
        ("127.0.0.1", "192.0.2.77", "is no address of this machine"),
        ("127.0.0.1", "not an address", "is no address of this machine"),
    ],
)
def test_our_own_end(trunk: str, address: str, words: str) -> None:
    sip = SipSettings.model_validate({"trunk": trunk, "transport": "udp", "srtp": "off", "local_address": address})
    found = list(doctor.own_end(sip))
    assert [finding.grade for finding in found] == ([Grade.BAD] if words else [])
    assert words in of(Grade.BAD, found)


@pytest.mark.parametrize(
    ("trunk", "transport", "expected"),
    [
        ("sip.example.org", "udp", ("sip.example.org", 5060)),
        ("sip.example.org", "tls", ("sip.example.org", 5061)),
        ("10.0.0.1:5070", "tls", ("10.0.0.1", 5070)),
    ],
)
def test_addresses(trunk: str, transport: Literal["udp", "tls"], expected: tuple[str, int]) -> None:
    assert trunk_address(trunk, transport) == expected


def test_only_a_final_answer_to_us_counts() -> None:
    assert final_status(b"SIP/2.0 404 Not Found\r\nCall-ID: ab\r\n\r\n", b"ab") == 404
    assert final_status(b"SIP/2.0 404 Not Found\r\nCall-ID: cd\r\n\r\n", b"ab") is None
    assert final_status(b"SIP/2.0 100 Trying\r\nCall-ID: ab\r\n\r\n", b"ab") is None
    assert final_status(b"HTTP/1.1 400 Bad Request\r\n\r\nab", b"ab") is None


async def test_who_answers_in_another_language_is_no_trunk() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionResetError):
            await options(f"127.0.0.1:{port}", "tcp", "tarjuman", timeout=20)
