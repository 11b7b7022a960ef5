"""The ring by telephone: who can be rung so, placing the call, and answering the offer with a key, by the same code as the browser."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import select

from core.access import Actor
from core.db.session import Database, ReadUnit, UnitOfWork
from core.errors import Conflict, NotFound
from core.notify import Delivery, Note, NoteKind
from records.audit import AuditTrail
from scheduler.lifecycle import DeclineReason, OfferState
from scheduler.models import Booking, Interpreter, Offer
from scheduler.offers import AcceptAnswer, OfferService
from signaling.telephony.legs import LegService


@dataclass(frozen=True)
class OfferHeard:
    """What is said of an offer before it is taken: coarse facts, as on the ring card."""

    language: str
    minutes: int
    open: bool
    """Whether it can still be taken."""


class RingPhone:
    """``core.notify.NumberPort`` over telephone legs."""

    def __init__(self, database: Database, legs: LegService) -> None:
        self._database = database
        self._legs = legs

    @property
    def configured(self) -> bool:
        """Whether this installation can do it at all."""
        return self._legs.configured

    async def reaches(self, unit: ReadUnit, interpreter_ids: Iterable[str]) -> frozenset[str]:
        """Who of them has a number on file."""
        return await self._legs.numbers.of_interpreters(unit, interpreter_ids)

    async def call(self, interpreter_id: str, note: Note) -> Delivery:
        """Queue the call; what becomes of it is the leg's story. Never raises for the carrier's trouble."""
        async with self._database.unit(Actor.system()) as uow:
            offer_id = note.reference if note.kind is NoteKind.RING else None
            country = await country_of(uow, interpreter_id, note)
            try:
                await self._legs.ring(
                    uow, interpreter_id, offer_id=offer_id, country=country, expires_at=note.expires_at
                )
            except NotFound:
                return Delivery.GONE
            except Conflict:
                return Delivery.NOT_CONFIGURED
        return Delivery.SENT


async def country_of(unit: ReadUnit, interpreter_id: str, note: Note) -> str:
    """The country that somebody is called for: of the offer, else of the interpreter's base."""
    asked = (
        select(Offer.country).where(Offer.id == note.reference)
        if note.kind is NoteKind.RING
        else select(Interpreter.base_country).where(Interpreter.id == interpreter_id)
    )
    return await unit.session.scalar(asked) or "RS"


class OfferKeys:
    """Offers as they are answered on a telephone."""

    def __init__(self, database: Database, offers: OfferService, audit: AuditTrail) -> None:
        self._database = database
        self._offers = offers
        self._audit = audit

    async def heard(self, offer_id: str) -> OfferHeard | None:
        """What is asked; none for an offer that is gone."""
        async with self._database.read(Actor.system()) as unit:
            row = (
                await unit.session.execute(
                    select(Offer.state, Offer.expires_at, Booking.need)
                    .join(Booking, Booking.id == Offer.booking_id)
                    .where(Offer.id == offer_id)
                )
            ).one_or_none()
            if row is None:
                return None
            still = row.state is OfferState.PENDING and row.expires_at > unit.now
        return OfferHeard(str(row.need["languages"][0]["code"]), int(row.need["minutes"]), still)

    async def accept(self, offer_id: str) -> tuple[AcceptAnswer, str]:
        """Take it, if nobody was faster; also the interpreter's code. Raises what ``OfferService.accept`` raises."""

        async def attempt() -> tuple[AcceptAnswer, str]:
            async with self._database.read(Actor.system()) as unit:
                offer, who = await self._own(unit, offer_id)
                number = offer.round
            async with self._database.unit(self._acting(who)) as uow:
                answer = await self._offers.accept(uow, offer_id, interpreter_id=who.id, round_no=number)
                self._record(uow, "offer.accepted", offer)
            return answer, who.code

        return await self._database.retry(attempt)

    async def decline(self, offer_id: str) -> None:
        """Say no, about the moment only. Nothing for an offer that is over."""
        async with self._database.read(Actor.system()) as unit:
            offer, who = await self._own(unit, offer_id)
            number = offer.round
        async with self._database.unit(self._acting(who)) as uow:
            await self._offers.decline(
                uow, offer_id, interpreter_id=who.id, round_no=number, reason=DeclineReason.NOT_NOW
            )
            self._record(uow, "offer.declined", offer)

    async def _own(self, unit: ReadUnit, offer_id: str) -> tuple[Offer, Interpreter]:
        offer = await unit.session.get(Offer, offer_id)
        who = None if offer is None else await unit.session.get(Interpreter, offer.interpreter_id)
        if offer is None or who is None:
            raise NotFound("offer_unknown")
        unit.session.expunge_all()
        return offer, who

    def _acting(self, who: Interpreter) -> Actor:
        """The interpreter, seen in both countries as in ``scheduler.pool.regional``."""
        return replace(Actor.system(), id=who.user_id or who.id, code=who.code)

    def _record(self, uow: UnitOfWork, action: str, offer: Offer) -> None:
        data = {"booking_id": offer.booking_id, "by": "phone"}
        self._audit.record(uow, action, offer.id, country=offer.country, purpose="interpreting", data=data)
