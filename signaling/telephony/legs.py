"""Telephone legs: asking for one, taking it back, and the one place where their state changes. Places no calls itself.

Every change is made under the lock of the leg's row by the table of ``port.LEG_MOVES``; news that come late, twice or in the
wrong order find no move and change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from core.access import Actor
from core.clock import new_id
from core.db.session import Database, ReadUnit, UnitOfWork
from core.errors import AppError, Conflict, NotFound
from records.entry_kinds import EntryKind
from records.lifecycle import SESSION_OVER
from records.models import Session
from records.procedure_schema import Suitability
from records.procedures import Catalogue
from records.session_log import SessionLog
from signaling import places
from signaling.calls import running_session, tell_place
from signaling.telephony.models import PhoneLeg
from signaling.telephony.numbers import Called, NumberBook
from signaling.telephony.port import (
    ALIVE,
    LEG_CHANGED,
    LEG_MOVES,
    CallReason,
    LegId,
    LegMove,
    LegState,
    LegWhy,
    PhoneProvider,
)
from signaling.telephony.troubles import Trouble

USELESS_AFTER = timedelta(minutes=2)
"""A call into a session that could not be placed by then is not placed any more: the ladder goes on."""


@dataclass(frozen=True)
class Ended:
    """A call that is to be ended at the carrier too."""

    leg_id: LegId
    call_id: str | None


class LegService:
    """The legs of this installation (``port.PhoneLegs``)."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        session_log: SessionLog,
        numbers: NumberBook,
        provider: PhoneProvider,
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._log = session_log
        self.numbers = numbers
        self.provider = provider

    @property
    def configured(self) -> bool:
        """Whether this installation can call at all."""
        return self.provider.configured

    async def number_of(self, user_id: str) -> str | None:
        """The ``number_ref`` of somebody's telephone, if one is on file."""
        async with self._database.read(Actor.system()) as unit:
            return await self.numbers.ref_of_user(unit, user_id)

    async def call_out(self, session_id: str, place_id: str, number_ref: str, *, reason: CallReason) -> LegId:
        """As ``port.PhoneLegs.call_out``."""
        async with self._database.unit(Actor.system()) as uow:
            session = await running_session(uow, session_id)
            self.demand_phone(session)
            place = await places.get(uow, place_id)
            if place.session_id != session_id or place.state == "gone":
                raise NotFound("participant_unknown")
            called = await self.numbers.called(uow, number_ref)
            if place.user_id is None or called.user_id != place.user_id or not called.confirmed:
                raise NotFound("number_unknown")
            known = await self._under_way(uow, place_id)
            if known is not None:
                return known.id
            leg = self._new(uow, session.country, called, reason, expires_at=uow.now + USELESS_AFTER)
            leg.session_id, leg.place_id = session_id, place_id
            await uow.flush()
            tell_leg(uow, leg)
            return leg.id

    async def ring(
        self, uow: UnitOfWork, interpreter_id: str, *, offer_id: str | None, country: str, expires_at: datetime
    ) -> LegId:
        """Queue the call of the ring, or (no offer) the request to come on duty. Raises ``Conflict('telephony_not_configured')``,
        ``NotFound('number_unknown')``."""
        if not self.provider.configured:
            raise Conflict(Trouble.NOT_CONFIGURED)
        ref = await self.numbers.ref_of_interpreter(uow, interpreter_id)
        if ref is None:
            raise NotFound("number_unknown")
        called = await self.numbers.called(uow, ref)
        reason = CallReason.RING if offer_id is not None else CallReason.CALL_IN
        leg = self._new(uow, country, called, reason, expires_at=expires_at)
        leg.interpreter_id, leg.offer_id = interpreter_id, offer_id
        await uow.flush()
        tell_leg(uow, leg)
        return leg.id

    async def check(self, uow: UnitOfWork, number_ref: str, *, country: str) -> LegId:
        """Queue the call by which a number is confirmed. Raises ``Conflict('telephony_not_configured')``,
        ``NotFound('number_unknown')``."""
        if not self.provider.configured:
            raise Conflict(Trouble.NOT_CONFIGURED)
        called = await self.numbers.called(uow, number_ref)
        leg = self._new(uow, country, called, CallReason.CONFIRM, expires_at=uow.now + USELESS_AFTER)
        await uow.flush()
        tell_leg(uow, leg)
        return leg.id

    async def dialled_in(
        self, uow: UnitOfWork, call_id: str, *, country: str, locale: str, caller: str, called: str
    ) -> PhoneLeg:
        """The leg of somebody who called us; the same one when the carrier tells it again. ``caller``, ``called``: digests."""
        leg = await uow.session.scalar(select(PhoneLeg).where(PhoneLeg.call_id == call_id))
        if leg is not None:
            return leg
        leg = PhoneLeg(
            id=new_id("leg"), country=country, direction="in", reason=CallReason.DIAL_IN.value, asked_by="caller",
            locale=locale, provider=self.provider.name, call_id=call_id, state=LegState.ASKED, made_at=uow.now,
            due_at=uow.now, taken_at=uow.now, lifted_at=uow.now, attempts=0, tries=0, region="XX", caller=caller, called=called,
        )  # fmt: skip
        uow.session.add(leg)
        await uow.flush()
        tell_leg(uow, leg)
        return leg

    async def hang_up(self, leg_id: LegId, *, why: LegWhy = LegWhy.CANCELLED) -> None:
        """End a call in whatever state; nothing if it is over. Raises ``NotFound('leg_unknown')``."""
        await self.end(leg_id, why)

    async def end(
        self,
        leg_id: LegId,
        why: LegWhy,
        *,
        error: str | None = None,
        carrier_code: int | None = None,
        at_carrier: bool = True,
    ) -> bool:
        """End a leg, and its call at the carrier. False when it was over. Raises ``NotFound('leg_unknown')``."""

        async def work() -> str | None:
            async with self._database.unit(Actor.system()) as uow:
                leg = await self.locked(uow, leg_id)
                if leg.state is LegState.ENDED:
                    return None
                await self.finish(uow, leg, why, error=error, carrier_code=carrier_code)
                return leg.call_id or ""

        call_id = await self._database.retry(work)
        if call_id and at_carrier:
            await self.drop(call_id)
        return call_id is not None

    async def drop(self, call_id: str) -> None:
        """End a call at the carrier; its trouble is nobody's trouble any more."""
        try:
            await self.provider.hang_up(call_id)
        except AppError:
            return

    async def finish(
        self, uow: UnitOfWork, leg: PhoneLeg, why: LegWhy, *, error: str | None = None, carrier_code: int | None = None
    ) -> None:
        """End a locked leg in this transaction: its place is without telephone, the log says so, the others are told."""
        was_in = leg.joined_at is not None
        self.move(uow, leg, LegMove.END, why=why, error=error, carrier_code=carrier_code)
        if leg.session_id is None or leg.place_id is None or not was_in:
            return
        session = await uow.session.get(Session, leg.session_id, populate_existing=True)
        theirs = await places.end_phone(uow, leg.place_id, leg.id)
        if session is None or session.state in SESSION_OVER:
            return
        place = await places.get(uow, leg.place_id)
        data = {"event": "ended", "reason": why.value, "part": place.part, "code": place.code}
        await self._log.append(uow, session.id, EntryKind.PHONE_CALL, data)
        if theirs:
            tell_place(uow, session, leg.place_id)

    def move(
        self,
        uow: UnitOfWork,
        leg: PhoneLeg,
        move: LegMove,
        *,
        why: LegWhy | None = None,
        error: str | None = None,
        carrier_code: int | None = None,
    ) -> None:
        """The next state of a locked leg, by the table, and its news. Raises ``Conflict('move_not_allowed')``."""
        leg.state = LEG_MOVES.advance(leg.state, move)
        match move:
            case LegMove.RING:
                leg.rung_at = uow.now
            case LegMove.LIFT:
                leg.lifted_at = uow.now
            case LegMove.JOIN:
                if leg.joined_at is None:
                    leg.joined_at, leg.tries = uow.now, 0
            case LegMove.END:
                leg.ended_at, leg.why = uow.now, why or LegWhy.FAILED
                if error is not None:
                    leg.error, leg.carrier_code = error, carrier_code
                leg.ticket_hash = None
            case LegMove.WAIT:
                pass
        tell_leg(uow, leg)

    async def locked(self, uow: UnitOfWork, leg_id: LegId) -> PhoneLeg:
        """The leg under its row lock, read anew. Raises ``NotFound('leg_unknown')``."""
        leg = await uow.session.scalar(
            select(PhoneLeg).where(PhoneLeg.id == leg_id).with_for_update().execution_options(populate_existing=True)
        )
        if leg is None:
            raise NotFound("leg_unknown")
        return leg

    async def by_call(self, unit: ReadUnit, call_id: str) -> LegId | None:
        """The leg of a call of the carrier."""
        found: str | None = await unit.session.scalar(select(PhoneLeg.id).where(PhoneLeg.call_id == call_id))
        return found

    def demand_phone(self, session: Session) -> None:
        """Whether a telephone may come into this session. Raises ``Conflict``: ``telephony_not_configured``, ``phone_needs_open``,
        ``phone_not_allowed``."""
        if not self.provider.configured:
            raise Conflict(Trouble.NOT_CONFIGURED)
        if session.mode != "open":
            raise Conflict("phone_needs_open")
        if not self.step_allows(session.step_code):
            raise Conflict("phone_not_allowed")

    def takes_phone(self, session: Session) -> bool:
        """The same as an answer."""
        return self.provider.configured and session.mode == "open" and self.step_allows(session.step_code)

    def step_allows(self, step_code: str) -> bool:
        """Whether this step may be interpreted by telephone (``remote.phone`` of the procedure)."""
        return self._catalogue.step(step_code).remote.phone is not Suitability.NOT_ALLOWED

    def _new(
        self, uow: UnitOfWork, country: str, called: Called, reason: CallReason, *, expires_at: datetime
    ) -> PhoneLeg:
        leg = PhoneLeg(
            id=new_id("leg"), country=country, direction="out", reason=reason.value, asked_by=uow.actor.id,
            number_id=called.id, locale=called.locale, provider=self.provider.name, state=LegState.QUEUED,
            made_at=uow.now, due_at=uow.now, expires_at=expires_at, attempts=0, tries=0, region=called.region,
        )  # fmt: skip
        uow.session.add(leg)
        return leg

    async def _under_way(self, uow: UnitOfWork, place_id: str) -> PhoneLeg | None:
        found: Sequence[PhoneLeg] = (
            await uow.session.scalars(
                select(PhoneLeg).where(PhoneLeg.place_id == place_id, PhoneLeg.state.in_(ALIVE)).order_by(PhoneLeg.id)
            )
        ).all()
        return found[-1] if found else None


def tell_leg(uow: UnitOfWork, leg: PhoneLeg) -> None:
    """``telephony.leg_changed``, after the commit."""
    body = {
        "leg_id": leg.id,
        "session_id": leg.session_id,
        "place_id": leg.place_id,
        "state": leg.state.value,
        "why": leg.why.value if leg.why is not None else None,
    }
    uow.emit(LEG_CHANGED, body, country=leg.country)
