"""The dialogue of a call, whatever carrier plays it: question, PIN, waiting, going in, keys in the room, the end.

Repeated and late news of a carrier find the state that they would make and change nothing; a call that is over is told to hang up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from core.access import Actor
from core.db.session import Database, UnitOfWork
from core.errors import AppError, Conflict, NotFound, Param
from media.lines.protocol import Codec, LineTicket
from records.lifecycle import SESSION_OVER
from records.models import Session
from signaling import places
from signaling.telephony.checks import NumberChecks
from signaling.telephony.entering import CONFIRM, CONSENTS, LEAVE, SIGNALS, PhoneRooms
from signaling.telephony.legs import LegService
from signaling.telephony.models import PhoneLeg
from signaling.telephony.pins import DIGITS, TRIES_IN_CALL, Pins
from signaling.telephony.port import (
    CallReason,
    IncomingCall,
    LegId,
    LegMove,
    LegState,
    LegWhy,
    Sentence,
    Step,
    Then,
)
from signaling.telephony.ring import OfferKeys

CODE_S = 15
"""Time to look at the page and type the first digit."""
WAIT_S = 4
"""Pause between two looks of a held call; a carrier that can break a wait does it sooner."""
SPEAK_EVERY = 8
"""Waits after which a held call is told again that it waits."""
LONGEST_WAIT = timedelta(minutes=15)
MOST_LOSSES = 20
"""So often a call comes back into the room after its line was lost; then our side is broken, and the call ends."""
_HANG_UP = Step(Then.HANG_UP)
_OVER_WORDS: Mapping[LegWhy, str] = {
    LegWhy.TOO_LATE: "too_late",
    LegWhy.BROWSER_NEEDED: "open_page",
    LegWhy.SESSION_OVER: "session_over",
    LegWhy.PIN_REFUSED: "pin_refused",
    LegWhy.CONFIRMED: "confirmed",
    LegWhy.LEFT: "goodbye",
    LegWhy.DECLINED: "goodbye",
}


class Desk:
    """Answers carriers (``port.PhoneDesk``)."""

    def __init__(
        self,
        database: Database,
        legs: LegService,
        pins: Pins,
        checks: NumberChecks,
        rooms: PhoneRooms,
        offers: OfferKeys,
        countries: Mapping[str, str],
    ) -> None:
        self._database = database
        self._legs = legs
        self._pins = pins
        self._checks = checks
        self._rooms = rooms
        self._offers = offers
        self._countries = countries
        """Country by our own number."""

    async def placed(self, leg_id: LegId, call_id: str) -> None:
        """The carrier knows the call under this id."""
        async with self._database.unit(Actor.system()) as uow:
            leg = await self._legs.locked(uow, leg_id)
            if leg.call_id is None:
                leg.call_id = call_id
            over = leg.state is LegState.ENDED
        if over:
            await self._legs.drop(call_id)

    async def ringing(self, leg_id: LegId) -> None:
        """It rings."""
        async with self._database.unit(Actor.system()) as uow:
            leg = await self._legs.locked(uow, leg_id)
            if leg.state is LegState.QUEUED:
                self._legs.move(uow, leg, LegMove.RING)

    async def lifted(self, leg_id: LegId) -> Step:
        """Somebody lifted: the question."""
        async with self._database.unit(Actor.system()) as uow:
            leg = await self._legs.locked(uow, leg_id)
            if leg.state in (LegState.QUEUED, LegState.RINGING):
                self._legs.move(uow, leg, LegMove.LIFT)
            state, reason, offer_id, locale = leg.state, CallReason(leg.reason), leg.offer_id, leg.locale
        if state is LegState.ENDED:
            return _HANG_UP
        if state is not LegState.ASKED:
            return await self.waited(leg_id)
        if reason is CallReason.DIAL_IN:
            return _ask_pin(locale)
        if reason is CallReason.CONFIRM:
            said = (Sentence("greeting"), Sentence("confirm"))
            return Step(Then.ASK_PIN, said, locale, seconds=CODE_S, digits=DIGITS)
        if reason is CallReason.CALL_IN:
            return Step(Then.HANG_UP, (Sentence("greeting"), Sentence("call_in"), Sentence("call_in")), locale)
        if reason is not CallReason.RING:
            return Step(Then.ASK_KEY, (Sentence("greeting"), Sentence("into_session")), locale)
        heard = await self._offers.heard(offer_id or "")
        if heard is None or not heard.open:
            return await self._over(leg_id, LegWhy.TOO_LATE, locale)
        facts: dict[str, Param] = {"language": heard.language, "minutes": heard.minutes}
        return Step(Then.ASK_KEY, (Sentence("greeting"), Sentence("offer", facts), Sentence("offer_keys")), locale)

    async def called_in(self, call: IncomingCall) -> tuple[LegId, Step]:
        """Somebody calls us; asked for the PIN, unless too many wrong ones came from there."""
        country = self._countries.get(call.called, next(iter(self._countries.values()), "RS"))
        async with self._database.unit(Actor.system()) as uow:
            known = await self._legs.numbers.locale_of(uow, call.caller) if call.caller else None
            caller, called = self._digests(call)
            locale = known or {"RS": "sr-Cyrl", "MK": "mk"}.get(country, "en")
            leg = await self._legs.dialled_in(
                uow, call.call_id, country=country, locale=locale, caller=caller, called=called
            )
            leg_id, state, locale = leg.id, leg.state, leg.locale
            locked = await self._pins.locked(uow, caller=caller, called=called)
        if state is LegState.ENDED:
            return leg_id, _HANG_UP
        if not self._legs.configured or locked:
            return leg_id, await self._over(leg_id, LegWhy.PIN_REFUSED, locale)
        return leg_id, _ask_pin(locale)

    async def _typed_pin(self, leg_id: LegId, pin: str) -> Step:
        """Three tries in a call; then, or from a caller who tried too often, the call is over."""
        async with self._database.unit(Actor.system()) as uow:
            leg = await self._legs.locked(uow, leg_id)
            locale, caller, called = leg.locale, leg.caller or "", leg.called or ""
            if leg.state is not LegState.ASKED or leg.place_id is not None:
                return _again(leg)
            locked = await self._pins.locked(uow, caller=caller, called=called)
            right = None if locked else await self._pins.redeem(uow, pin, caller=caller, called=called)
            if right is not None:
                leg.session_id, leg.place_id = right.session_id, right.place_id
                leg.country, leg.locale = right.country, right.locale
                await uow.flush()
                why = await self._why_over(uow, leg)
                if why is None:
                    return await self._enter(uow, leg)
            else:
                why = LegWhy.PIN_REFUSED
                leg.tries += 1
            if right is None and not locked and leg.tries < TRIES_IN_CALL:
                return _wrong(locale)
        return await self._over(leg_id, why, locale)

    async def _typed_code(self, leg_id: LegId, code: str) -> Step:
        """The code of the page: three tries, then the call is over; right, it is over too."""
        async with self._database.unit(Actor.system()) as uow:
            leg = await self._legs.locked(uow, leg_id)
            locale = leg.locale
            if leg.state is not LegState.ASKED:
                return _again(leg)
            right = await self._checks.redeem(uow, leg_id, code)
            leg.tries += 1
            if not right and leg.tries < TRIES_IN_CALL:
                return _wrong(locale)
        return await self._over(leg_id, LegWhy.CONFIRMED if right else LegWhy.PIN_REFUSED, locale)

    async def keys(self, leg_id: LegId, digits: str) -> Step:
        """The answer to a question; empty when nothing was pressed in time: asked once more, then it is a no."""
        async with self._database.read(Actor.system()) as unit:
            seen = await unit.session.get(PhoneLeg, leg_id)
            if seen is None:
                raise NotFound("leg_unknown")
            by_pin = seen.reason == CallReason.DIAL_IN.value and seen.place_id is None
            by_code = seen.reason == CallReason.CONFIRM.value
        if by_code:
            return await self._typed_code(leg_id, digits)
        if by_pin:
            return await self._typed_pin(leg_id, digits)
        async with self._database.unit(Actor.system()) as uow:
            leg = await self._legs.locked(uow, leg_id)
            if leg.state is not LegState.ASKED:
                return _again(leg)
            reason, offer_id, locale = CallReason(leg.reason), leg.offer_id, leg.locale
            if digits == "" and leg.tries == 0:
                leg.tries = 1
                again = "offer_keys" if reason is CallReason.RING else "into_session"
                return Step(Then.ASK_KEY, (Sentence(again),), locale)
            why = LegWhy.DECLINED
            if digits == "1" and reason is not CallReason.RING:
                over = await self._why_over(uow, leg)
                if over is None:
                    return await self._enter(uow, leg)
                why = over
        if digits == "1" and reason is CallReason.RING:
            return await self._take(leg_id, offer_id or "", locale)
        if offer_id is not None:
            await self._offers.decline(offer_id)
        return await self._over(leg_id, why, locale)

    async def waited(self, leg_id: LegId) -> Step:
        """A wait is over, or the stream of sound ended although the call did not: on hold, into the room, or to the end."""
        async with self._database.unit(Actor.system()) as uow:
            leg = await self._legs.locked(uow, leg_id)
            if leg.state is LegState.ENDED or leg.place_id is None:
                return _HANG_UP
            locale = leg.locale
            why = await self._why_over(uow, leg)
            if why is None:
                return await self._enter(uow, leg)
        return await self._over(leg_id, why, locale)

    async def join(self, leg_id: LegId, codec: Codec) -> LineTicket:
        """As ``port.PhoneDesk.join``."""
        return await self._rooms.join(leg_id, codec)

    async def line_lost(self, leg_id: LegId) -> None:
        """The line into the room ended although the call did not: on hold until it is asked what to do."""
        await self._rooms.out(leg_id)

    async def stands(self, leg_id: LegId) -> bool:
        """Whether the leg is still to be in the room."""
        async with self._database.read(Actor.system()) as unit:
            leg = await unit.session.get(PhoneLeg, leg_id)
            return leg is not None and leg.state is LegState.IN_ROOM

    async def pressed(self, leg_id: LegId, digit: str) -> bool:
        """A key in the room; refusals of the room change nothing. True when the call is to end now."""
        async with self._database.read(Actor.system()) as unit:
            leg = await unit.session.get(PhoneLeg, leg_id)
            if leg is None or leg.state is not LegState.IN_ROOM or leg.session_id is None or leg.place_id is None:
                return False
            session_id, place_id = leg.session_id, leg.place_id
        if digit == LEAVE:
            await self._legs.end(leg_id, LegWhy.LEFT, at_carrier=False)
            await self._rooms.leave(session_id, place_id)
            return True
        try:
            if digit in SIGNALS:
                await self._rooms.signal(session_id, place_id, digit)
            elif digit in CONSENTS or digit == CONFIRM:
                await self._rooms.consent(place_id, digit)
        except (Conflict, NotFound):
            return False
        return False

    async def ended(
        self, leg_id: LegId, why: LegWhy, error: str | None = None, *, carrier_code: int | None = None
    ) -> None:
        """The call is over; who put the receiver down at the question said no."""
        async with self._database.read(Actor.system()) as unit:
            leg = await unit.session.get(PhoneLeg, leg_id)
            if leg is None or leg.state is LegState.ENDED:
                return
            asked = leg.state is LegState.ASKED and why is LegWhy.HUNG_UP
            offer_id = leg.offer_id if asked and leg.session_id is None else None
        if asked:
            why = LegWhy.PIN_REFUSED if leg.direction == "in" and leg.place_id is None else LegWhy.DECLINED
        if not await self._legs.end(leg_id, why, error=error, carrier_code=carrier_code, at_carrier=False):
            return
        if offer_id is not None:
            try:
                await self._offers.decline(offer_id)
            except AppError:
                return

    async def troubled(self, leg_id: LegId, error: str, *, carrier_code: int | None = None) -> None:
        """The carrier met this trouble in a call that goes on; it is kept with the call."""
        async with self._database.unit(Actor.system()) as uow:
            leg = await self._legs.locked(uow, leg_id)
            if leg.state is not LegState.ENDED:
                leg.error, leg.carrier_code = error, carrier_code

    async def unread(self, leg_id: LegId, error: str, *, carrier_code: int | None = None) -> Step:
        """The carrier could not fetch or use our last answer: it is given once more; the second time the call is over."""
        async with self._database.unit(Actor.system()) as uow:
            leg = await self._legs.locked(uow, leg_id)
            again, locale = leg.error is None, leg.locale
            if leg.state is LegState.ENDED:
                return _HANG_UP
            leg.error, leg.carrier_code = error, carrier_code
        return await self.lifted(leg_id) if again else await self._over(leg_id, LegWhy.LINE_FAILED, locale)

    async def _take(self, leg_id: LegId, offer_id: str, locale: str) -> Step:
        """1 at the offer: bound by the same code as in the browser; who is late is told so in words."""
        try:
            answer, code = await self._offers.accept(offer_id)
        except (Conflict, NotFound) as refused:
            late = refused.code in ("booking_taken", "offer_expired", "offer_withdrawn", "offer_unknown")
            step = await self._over(leg_id, LegWhy.TOO_LATE, locale)
            return step if late else Step(Then.HANG_UP, (Sentence("cannot_take"), Sentence("goodbye")), locale)
        session_id = answer["session_id"]
        async with self._database.unit(Actor.system()) as uow:
            leg = await self._legs.locked(uow, leg_id)
            session = None if session_id is None else await uow.session.get(Session, session_id)
            place = None if session is None else await self._rooms.place_of(uow, session.id, code)
            if session is not None and place is not None and leg.state is LegState.ASKED:
                leg.session_id, leg.place_id, leg.country = session.id, place.id, session.country
                await uow.flush()
                if self._legs.takes_phone(session):
                    return await self._enter(uow, leg, "taken")
        step = await self._over(leg_id, LegWhy.BROWSER_NEEDED, locale)
        return replace(step, say=(Sentence("taken"), *step.say))

    async def _enter(self, uow: UnitOfWork, leg: PhoneLeg, first: str | None = None) -> Step:
        """Go in if the other side is there, else wait outside. ``leg`` is locked and has a place."""
        words = [Sentence(first)] if first else []
        place = await places.get(uow, leg.place_id or "")
        await self._rooms.reserve(uow, place)
        if leg.joined_at is not None:
            leg.tries += 1
        if leg.state is LegState.IN_ROOM or await self._rooms.other_side_here(uow, place):
            said = () if leg.joined_at is not None else (*words, Sentence("joining"))
            return Step(Then.JOIN, said, leg.locale)
        if leg.state is LegState.ASKED:
            self._legs.move(uow, leg, LegMove.WAIT)
            leg.tries = 0
            words += [Sentence("hold")]
        elif leg.tries % SPEAK_EVERY == 0:
            words += [Sentence("hold")]
        leg.tries += 1
        return Step(Then.WAIT, tuple(words), leg.locale, seconds=WAIT_S)

    async def _why_over(self, uow: UnitOfWork, leg: PhoneLeg) -> LegWhy | None:
        session = await uow.session.get(Session, leg.session_id or "")
        if session is None or session.state in SESSION_OVER:
            return LegWhy.SESSION_OVER
        if not self._legs.takes_phone(session):
            return LegWhy.BROWSER_NEEDED
        place = await places.get(uow, leg.place_id or "")
        if place.state == "gone":
            return LegWhy.REPLACED
        if leg.joined_at is not None and leg.tries > MOST_LOSSES:
            return LegWhy.LINE_FAILED
        if leg.joined_at is None and leg.lifted_at is not None and uow.now - leg.lifted_at > LONGEST_WAIT:
            return LegWhy.CANCELLED
        return None

    async def _over(self, leg_id: LegId, why: LegWhy, locale: str) -> Step:
        """End the leg in words; the carrier hangs up when they are said."""
        await self._legs.end(leg_id, why, at_carrier=False)
        return Step(Then.HANG_UP, _words(why), locale)

    def _digests(self, call: IncomingCall) -> tuple[str, str]:
        """Who withholds the number counts as one caller with all others who do."""
        numbers = self._legs.numbers
        return numbers.digest(call.caller or "withheld"), numbers.digest(call.called)


def _again(leg: PhoneLeg) -> Step:
    """What to do when a question is answered that was answered already."""
    if leg.state is LegState.ENDED:
        return Step(Then.HANG_UP, _words(leg.why), leg.locale)
    return Step(Then.WAIT, (), leg.locale, seconds=1)


def _wrong(locale: str) -> Step:
    return Step(Then.ASK_PIN, (Sentence("pin_wrong"),), locale, seconds=10, digits=DIGITS)


def _words(why: LegWhy | None) -> tuple[Sentence, ...]:
    key = _OVER_WORDS.get(why) if why is not None else None
    return (Sentence(key),) if key else (Sentence("goodbye"),)


def _ask_pin(locale: str) -> Step:
    return Step(Then.ASK_PIN, (Sentence("greeting"), Sentence("pin")), locale, seconds=10, digits=DIGITS)
