"""TLS and SRTP, agent against agent, for Debian's SIPp has neither; against SIPp, that clear sound is refused."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from media.sip.client import SipAgent
from media.sip.protocol import Answer, Answered, CallEnd, Ended, HangUp, Incoming, Join, Joined, Place, TrunkOptions
from tests.media.sip.lines import SECRET, FakeLines
from tests.media.sip.rig import LOOPBACK, Ear, Handset, Sipp, free_port, share_of, tone, trunk, until

pytestmark = pytest.mark.usefixtures("sip_stack")
NUMBER = "+381111234567"


class Authority:
    """Makes certificates for 127.0.0.1."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.ca_file = folder / f"{name}.pem"
        certificate = self._signed(self._name, self._key, ca=True)
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _signed(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        address = x509.IPAddress(ipaddress.IPv4Address(LOOPBACK))
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def certificate(self, name: str) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, LOOPBACK)])
        path = self._folder / f"{name}.pem"
        path.write_bytes(
            self._signed(common, key, ca=False).public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return path


@asynccontextmanager
async def pair(
    tmp_path: Path, *, theirs: str = "mandatory", trusted: Authority | None = None
) -> AsyncIterator[tuple[SipAgent, Ear, SipAgent, Ear]]:
    """Our agent with TLS and mandatory SRTP, and another one as the trunk."""
    authority = Authority(tmp_path, "authority")
    trunk_port = free_port()
    common = {"transport": "tls", "ca_file": str(authority.ca_file)}
    ours = trunk(trunk_port, srtp="mandatory", **common, certificate_file=str(authority.certificate("ours")))
    if trusted is not None:
        ours = ours.model_copy(update={"ca_file": str(trusted.ca_file)})
    far = trunk(ours.local_port, srtp=theirs, **common, certificate_file=str(authority.certificate("trunk")))
    far = far.model_copy(update={"local_port": trunk_port})
    our_ear, far_ear = Ear(), Ear()
    async with AsyncExitStack() as stack:
        us = await stack.enter_async_context(SipAgent(TrunkOptions.model_validate(dict(ours)), our_ear.hear))
        them = await stack.enter_async_context(SipAgent(TrunkOptions.model_validate(dict(far)), far_ear.hear))
        async with asyncio.timeout(30):
            await us.usable.wait()
            await them.usable.wait()
        yield us, our_ear, them, far_ear


async def test_signalling_and_sound_are_encrypted(tmp_path: Path) -> None:
    async with (
        pair(tmp_path) as (us, ours, them, far),
        FakeLines.listening() as near_lines,
        FakeLines.listening() as far_lines,
    ):
        us.send(Place(call_id="leg_1", number=NUMBER))
        incoming = await far.first(Incoming)
        them.send(Answer(call_id=incoming.call_id))
        assert (await ours.first(Answered)).secure
        assert (await far.first(Answered)).secure
        us.send(Join(call_id="leg_1", url=near_lines.url, secret=SECRET))
        them.send(Join(call_id=incoming.call_id, url=far_lines.url, secret=SECRET))
        await ours.first(Joined)
        await far.first(Joined)
        near_lines.repeated, far_lines.repeated = tone(500, 1), tone(700, 1)
        await until(lambda: share_of(500, b"".join(far_lines.heard[-25:])) > 0.9)
        await until(lambda: share_of(700, b"".join(near_lines.heard[-25:])) > 0.9)
        them.send(HangUp(call_id=incoming.call_id))
        assert (await ours.first(Ended)).why is CallEnd.HUNG_UP_THERE


async def test_a_trunk_without_encrypted_sound_is_refused(tmp_path: Path) -> None:
    async with pair(tmp_path, theirs="off") as (us, ours, _them, _far):
        us.send(Place(call_id="leg_1", number=NUMBER))
        assert (await ours.first(Ended)).why is CallEnd.NOT_SECURE


async def test_a_trunk_that_nobody_vouches_for_is_not_called(tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    async with pair(tmp_path, trusted=stranger) as (us, ours, _them, far):
        us.send(Place(call_id="leg_1", number=NUMBER, ring_seconds=2))
        assert (await ours.first(Ended)).why is CallEnd.TRUNK_DOWN
        assert not [news for news in far.news if isinstance(news, Incoming)]


@pytest.mark.usefixtures("sipp")
async def test_clear_sound_in_answer_to_encrypted_is_hung_up(tmp_path: Path) -> None:
    peer = free_port()
    ear = Ear()
    async with (
        Handset.listening() as handset,
        Sipp.playing("uas_answers", peer, keys=handset.keys),
        SipAgent(trunk(peer, srtp="mandatory"), ear.hear) as agent,
    ):
        async with asyncio.timeout(30):
            await agent.usable.wait()
        agent.send(Place(call_id="leg_1", number=NUMBER))
        assert (await ear.first(Ended)).why is CallEnd.NOT_SECURE
        assert not [news for news in ear.news if isinstance(news, Answered)]
        assert not handset.heard
