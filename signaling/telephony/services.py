"""Puts telephony together: carrier, legs, dialogue, queue. Chosen by settings; holds no behaviour."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core.clock import Clock
from core.crypto import FieldCipher
from core.db.session import Database
from core.events.bus import EventBus
from core.i18n import Catalogues
from core.jobs import Job
from core.settings import Settings
from media.lines.client import PhoneLine
from records.audit import AuditTrail
from records.procedures import Catalogue
from records.session_log import SessionLog
from scheduler.conduct import ConductService
from scheduler.languages import LanguageTable
from scheduler.offers import OfferService
from signaling.call_room import CallRoom
from signaling.calls import CallService
from signaling.nodes import Placement
from signaling.telephony.checks import NumberChecks
from signaling.telephony.desk import Desk
from signaling.telephony.dialling import Dialling
from signaling.telephony.entering import PhoneRooms
from signaling.telephony.legs import LegService
from signaling.telephony.numbers import NumberBook
from signaling.telephony.overview import TelephonyOverview
from signaling.telephony.pins import Pins
from signaling.telephony.port import LegId, LegWhy, NoProvider, PhoneProvider
from signaling.telephony.ring import OfferKeys, RingPhone
from signaling.telephony.text_port import NoTexts, TextCarrier
from signaling.telephony.texting import Texting
from signaling.telephony.texts import RingTexts
from signaling.telephony.tickets import StreamTickets
from signaling.telephony.twilio import TwilioProvider
from signaling.telephony.twilio_front import TwilioFront
from signaling.telephony.twilio_signature import TwilioSignature
from signaling.telephony.twilio_stream import StreamLimits, TwilioStreams
from signaling.telephony.wording import Wording


@dataclass(frozen=True)
class Telephony:
    """Telephone legs of this installation."""

    legs: LegService
    numbers: NumberBook
    pins: Pins
    checks: NumberChecks
    desk: Desk
    dialling: Dialling
    texting: Texting
    overview: TelephonyOverview
    front: TwilioFront | None
    """What Twilio asks; none with another carrier."""
    streams: TwilioStreams | None

    def jobs(self) -> list[Job]:
        """What one process at a time does for all."""
        return [*self.dialling.jobs(), *self.texting.jobs()]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While open, calls go out and come in."""
        async with self.legs.provider.running(self.desk):
            yield


def open_legs(
    settings: Settings,
    database: Database,
    bus: EventBus,
    catalogue: Catalogue,
    session_log: SessionLog,
    cipher: FieldCipher,
) -> LegService:
    """Legs over the configured carrier; without one they say so."""
    return LegService(database, catalogue, session_log, NumberBook(cipher), open_provider(settings, bus))


def open_provider(settings: Settings, bus: EventBus) -> PhoneProvider:
    """The carrier that the settings name."""
    telephony = settings.telephony
    if telephony.provider == "twilio":
        return TwilioProvider(telephony, carrier_url(settings))
    if telephony.provider == "sip":
        # Only with a trunk of our own: its module needs the extra ``sip`` when it runs.
        from signaling.telephony.sip import SipProvider

        return SipProvider(settings.sip, bus, own_numbers(settings))
    return NoProvider()


def ring_phone(database: Database, legs: LegService) -> RingPhone:
    """The telephone as a means of the ring."""
    return RingPhone(database, legs)


def ring_texts(database: Database, legs: LegService) -> RingTexts:
    """Text messages as a means of the ring: by Twilio where a sender is set up, else by nobody."""
    carrier = legs.provider if isinstance(legs.provider, TwilioProvider) else NoTexts()
    return RingTexts(database, legs.numbers, carrier, legs.provider.name)


def own_numbers(settings: Settings) -> dict[str, str]:
    """Our own numbers by country."""
    return dict(entry.split("=", 1) for entry in settings.telephony.numbers)


def carrier_url(settings: Settings) -> str:
    """The address under which the carrier reaches us, as it signs it."""
    return (settings.telephony.public_url or settings.public_url).rstrip("/")


def build_telephony(
    settings: Settings,
    clock: Clock,
    database: Database,
    cipher: FieldCipher,
    texts: Catalogues,
    languages: LanguageTable,
    legs: LegService,
    carrier: TextCarrier,
    session_log: SessionLog,
    audit: AuditTrail,
    offers: OfferService,
    conduct: ConductService,
    calls: CallService,
    room: CallRoom,
    placement: Placement,
    limits: StreamLimits | None = None,
) -> Telephony:
    """Wire it; nothing connects before ``running``. ``texts``: the catalogue of the area; ``carrier``: of text messages."""
    pins, checks, tickets = Pins(cipher), NumberChecks(cipher, legs), StreamTickets(database)
    rooms = PhoneRooms(database, legs, session_log, conduct, calls, room, placement)
    countries: Mapping[str, str] = {number: country for country, number in own_numbers(settings).items()}
    desk = Desk(database, legs, pins, checks, rooms, OfferKeys(database, offers, audit), countries)
    dialling = Dialling(
        database,
        legs,
        desk,
        rooms,
        clock,
        ring_seconds=settings.telephony.ring_seconds,
        calls_per_second=settings.telephony.calls_per_second,
    )
    texting = Texting(
        database, legs.numbers, carrier, texts, clock, texts_per_second=settings.telephony.texts_per_second
    )
    front: TwilioFront | None = None
    streams: TwilioStreams | None = None
    if settings.telephony.provider == "twilio" and settings.telephony.auth_token is not None:
        url = carrier_url(settings)
        signature = TwilioSignature(settings.telephony.auth_token.get_secret_value(), url)
        wording = Wording(texts, languages)
        account = settings.telephony.account_sid
        front = TwilioFront(database, signature, account, url, legs, desk, tickets, wording, texting)

        async def hang_up(leg_id: LegId, why: LegWhy) -> None:
            await legs.end(leg_id, why)

        streams = TwilioStreams(signature, tickets, desk, hang_up, PhoneLine.connect, clock, limits)
    overview = TelephonyOverview(legs.provider, carrier, settings.telephony.cost)
    return Telephony(legs, legs.numbers, pins, checks, desk, dialling, texting, overview, front, streams)
