"""What ``tarjuman doctor`` says about telephones: which carrier is configured, whether it answers, and what is missing. Calls nobody."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Iterator

import httpx
from pydantic import ValidationError

from core.i18n import LOCALES
from core.settings import Settings
from core.settings_sections import SipSettings, TelephonySettings
from media.sip.client import installed
from media.sip.prompts import voices
from signaling.findings import Finding, Grade
from signaling.telephony.port import PhoneTrouble
from signaling.telephony.services import carrier_url
from signaling.telephony.sip import trunk_options
from signaling.telephony.sip_options import options, trunk_address
from signaling.telephony.troubles import Trouble
from signaling.telephony.twilio import TwilioProvider
from signaling.telephony.twilio_markup import OWN_FILES, VOICES

LIMIT_S = 4.0
"""For one question over the network."""
_GUIDE = "docs/telephony.md"


async def telephony(settings: Settings) -> AsyncIterator[Finding]:
    """One finding after the other; none of them holds a number, an account or a secret."""
    chosen = settings.telephony
    if chosen.provider == "none":
        yield _note(
            "No telephone carrier is configured: nobody is rung by telephone and nobody can call in. "
            f"TARJUMAN_TELEPHONY__PROVIDER is twilio or sip where there is one ({_GUIDE})."
        )
        return
    if chosen.provider == "twilio":
        async for finding in _twilio(settings):
            yield finding
    else:
        async for finding in _trunk(settings):
            yield finding
    for finding in _missing(chosen):
        yield finding


async def _twilio(settings: Settings) -> AsyncIterator[Finding]:
    chosen = settings.telephony
    provider = TwilioProvider(chosen, carrier_url(settings))
    yield _ok(f"The carrier is Twilio (region {chosen.region or 'us1'}), with numbers of ours in {_countries(chosen)}.")
    try:
        async with asyncio.timeout(LIMIT_S):
            status = await provider.account_status()
    except PhoneTrouble as trouble:
        yield _bad(_refused(trouble, chosen))
    except TimeoutError:
        yield _bad(f"Twilio does not answer within {LIMIT_S:.0f} seconds. {_OUTWARD}")
    else:
        if status == "active":
            yield _ok("Twilio answers, and the account is active.")
        else:
            yield _bad(
                f"Twilio answers, but the account is {status}: it places no calls. Look at its notices at Twilio."
            )
    yield await way_in(carrier_url(settings))
    if not chosen.texts_from:
        yield _note("No sender of text messages is set (TARJUMAN_TELEPHONY__TEXTS_FROM): none are sent.")


_OUTWARD = "This server must reach api.twilio.com by https."


def _refused(trouble: PhoneTrouble, chosen: TelephonySettings) -> str:
    if trouble.code == Trouble.UNREACHED:
        return f"Twilio cannot be reached from here. {_OUTWARD}"
    if trouble.code == Trouble.ACCOUNT:
        return (
            "Twilio refuses account SID or auth token. Both must be those of the region "
            f"{chosen.region or 'us1'}: each region has tokens of its own."
        )
    number = f", number {trouble.carrier_code}" if trouble.carrier_code else ""
    return f"Twilio refuses to tell about the account ({trouble.code}{number})."


async def way_in(public: str) -> Finding:
    """Whether the address that Twilio is told leads here: a request that nobody signed is answered with our own refusal."""
    url = f"{public}/telephony/dial-in"
    try:
        async with asyncio.timeout(LIMIT_S), httpx.AsyncClient(timeout=LIMIT_S) as client:
            answer = await client.post(url, data={"doctor": "1"})
    except (httpx.HTTPError, TimeoutError):
        return _note(
            f"{public} cannot be reached from here, so nobody knows whether Twilio can: it comes by https on port 443."
        )
    if answer.status_code == 403 and "signature_wrong" in answer.text:
        return _ok(f"{public} leads to this program, and what Twilio did not sign is refused.")
    return _bad(
        f"{url} is answered with {answer.status_code}, not by this program. "
        "The proxy must pass /telephony/ on unchanged, its web sockets too."
    )


async def _trunk(settings: Settings) -> AsyncIterator[Finding]:
    sip = settings.sip
    yield _ok(
        f"The carrier is a trunk of our own, {sip.trunk} ({sip.transport}, SRTP {sip.srtp}), "
        f"with numbers of ours in {_countries(settings.telephony)}."
    )
    if not sip.agent:
        yield _note("Another server holds the trunk (TARJUMAN_SIP__AGENT=false here). Run doctor there too.")
        return
    if not installed():
        yield _bad(
            "The SIP stack is not installed, so every screen says that there is no telephone. "
            "Run: pip install --require-hashes -r requirements-sip.lock"
        )
    try:
        trunk_options(sip)
    except ValidationError as error:
        wrong = ", ".join(sorted({str(one["loc"][0]) for one in error.errors()}))
        yield _bad(f"The agent does not take these settings of TARJUMAN_SIP__: {wrong}.")
        return
    for finding in (*own_end(sip), *_files(sip)):
        yield finding
    yield await _asked(sip)


async def _asked(sip: SipSettings) -> Finding:
    try:
        context = _context(sip)
    except (OSError, ssl.SSLError):
        return _note("The trunk was not asked, because of the certificates above.")
    try:
        status = await options(sip.trunk, sip.transport, sip.user, tls=context, timeout=LIMIT_S)
    except ssl.SSLCertVerificationError as error:
        return _bad(f"The trunk's certificate is not accepted: {error.verify_message}. See TARJUMAN_SIP__CA_FILE.")
    except TimeoutError:
        return _bad(
            f"The trunk does not answer by {sip.transport} within {LIMIT_S:.0f} seconds. Look at the firewall and at what it "
            "expects of us; a few trunks answer no OPTIONS at all, then only a call tells."
        )
    except (OSError, ValueError) as error:
        return _bad(f"The trunk cannot be reached by {sip.transport}: {getattr(error, 'strerror', None) or error}.")
    if status in (401, 407) and sip.password is None:
        return _note(
            f"The trunk answers ({status}) and wants a password, but TARJUMAN_SIP__PASSWORD is not set. "
            "It may want one for calls too."
        )
    return _ok(f"The trunk answers (OPTIONS: {status}). Whether it lets us call, only a call tells.")


def _context(sip: SipSettings) -> ssl.SSLContext | None:
    if sip.transport != "tls":
        return None
    return ssl.create_default_context(cafile=str(sip.ca_file) if sip.ca_file else None)


def own_end(sip: SipSettings) -> Iterator[Finding]:
    """Our address towards the trunk."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((sip.local_address, 0))
    except OSError:
        yield _bad(f"TARJUMAN_SIP__LOCAL_ADDRESS={sip.local_address} is no address of this machine.")
        return
    host, _ = trunk_address(sip.trunk, sip.transport)
    if ipaddress.ip_address(sip.local_address).is_loopback and not _is_here(host):
        yield _bad(
            f"TARJUMAN_SIP__LOCAL_ADDRESS is {sip.local_address}, but the trunk is on another machine: "
            "neither its calls nor its sound would find us. Name this machine's address towards the trunk."
        )


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _files(sip: SipSettings) -> Iterator[Finding]:
    """Certificates that are named but cannot be read, and what is in the clear."""
    if sip.transport == "tls":
        try:
            _context(sip)
        except (OSError, ssl.SSLError):
            yield _bad(f"TARJUMAN_SIP__CA_FILE={sip.ca_file} holds no certificates that can be read.")
        if sip.certificate_file is None:
            yield _note(
                "No certificate of our own is set (TARJUMAN_SIP__CERTIFICATE_FILE): the trunk cannot call us by TLS."
            )
        else:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(sip.certificate_file)
            except (OSError, ssl.SSLError):
                yield _bad(
                    f"TARJUMAN_SIP__CERTIFICATE_FILE={sip.certificate_file} must hold a certificate and its key."
                )
    if sip.srtp != "mandatory":
        words = "may go" if sip.srtp == "optional" else "goes"
        yield _note(f"SRTP is {sip.srtp}: sound {words} to the trunk in the clear.")


def _missing(chosen: TelephonySettings) -> Iterator[Finding]:
    """What people will miss, whichever carrier it is."""
    if not chosen.numbers:
        yield _note("No numbers of ours are set (TARJUMAN_TELEPHONY__NUMBERS): nobody can call in.")
    priced = {entry.partition("=")[0] for entry in chosen.cost}
    unpriced = sorted({entry.partition("=")[0] for entry in chosen.numbers} - priced)
    if unpriced or not priced:
        where = f" for {', '.join(unpriced)}" if unpriced else ""
        yield _note(f"No price of a minute is set{where} (TARJUMAN_TELEPHONY__COST): coordinators see none.")
    spoken = voices() if chosen.provider == "sip" else (*VOICES, *OWN_FILES)
    silent = [locale for locale in LOCALES if locale not in spoken]
    if silent:
        yield _note(f"There is no voice for {', '.join(silent)}: people who have this language hear English.")


def _countries(chosen: TelephonySettings) -> str:
    return ", ".join(sorted({entry.partition("=")[0] for entry in chosen.numbers})) or "no country"


def _ok(sentence: str) -> Finding:
    return Finding("telephony", Grade.OK, sentence)


def _note(sentence: str) -> Finding:
    return Finding("telephony", Grade.NOTE, sentence)


def _bad(sentence: str) -> Finding:
    return Finding("telephony", Grade.BAD, sentence)
