"""What Twilio asks of us and what it is answered: signed forms in, TwiML out. The routes are ``signaling.api.telephony``.

Every form is checked before anything is read from it: signature, account, and that the call is the one that the leg knows.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from sqlalchemy import select

from core.access import Actor
from core.db.session import Database
from core.errors import Forbidden, Invalid, NotFound
from signaling.telephony.desk import Desk
from signaling.telephony.legs import LegService
from signaling.telephony.models import CarrierNews, PhoneLeg
from signaling.telephony.port import IncomingCall, LegId, LegWhy, Step, Then
from signaling.telephony.text_port import TextMove
from signaling.telephony.texting import Texting
from signaling.telephony.tickets import StreamTickets
from signaling.telephony.troubles import TWILIO, Trouble, of_twilio
from signaling.telephony.twilio_markup import Addresses, twiml, utterances
from signaling.telephony.twilio_signature import TwilioSignature
from signaling.telephony.wording import Wording

log = logging.getLogger(__name__)
_STREAM_NUMBER = re.compile(r"\b319\d\d\b")
"""Where Twilio tells what became of a stream it writes a sentence, in which a number may stand."""
STREAM_PATH = "/telephony/media"
VOICE_PATH = "/telephony/voice"
_ENDS: Mapping[str, LegWhy] = {
    "completed": LegWhy.HUNG_UP,
    "busy": LegWhy.BUSY,
    "no-answer": LegWhy.NO_ANSWER,
    "canceled": LegWhy.CANCELLED,
    "failed": LegWhy.FAILED,
}
_TEXT_MOVES: Mapping[str, TextMove] = {
    "delivered": TextMove.DELIVER,
    "read": TextMove.DELIVER,
    "undelivered": TextMove.FAIL,
    "failed": TextMove.FAIL,
    "canceled": TextMove.FAIL,
}
Form = Mapping[str, str]


class TwilioFront:
    """Answers Twilio."""

    def __init__(
        self,
        database: Database,
        signature: TwilioSignature,
        account_sid: str,
        public_url: str,
        legs: LegService,
        desk: Desk,
        tickets: StreamTickets,
        wording: Wording,
        texting: Texting,
    ) -> None:
        self._database = database
        self._signature = signature
        self._account = account_sid
        self._public = public_url.rstrip("/")
        self._legs = legs
        self._desk = desk
        self._tickets = tickets
        self._wording = wording
        self._texting = texting

    def form(self, path: str, query: str, body: bytes, headers: Mapping[str, str], *, about: str = "CallSid") -> Form:
        """The fields of a request of our account; ``about`` names the one that has to be there.

        Raises ``Forbidden('signature_wrong')``, ``Invalid('form_malformed')``."""
        fields = self._signature.form(path, query, body, headers)
        if fields.get("AccountSid") != self._account:
            raise Forbidden("signature_wrong")
        if not fields.get(about):
            raise Invalid("form_malformed")
        return fields

    async def lifted(self, leg_id: LegId, form: Form) -> str:
        """Somebody lifted."""
        await self._known(leg_id, form)
        return await self._document(leg_id, await self._desk.lifted(leg_id))

    async def keys(self, leg_id: LegId, form: Form) -> str:
        """Keys were pressed, or none in time."""
        await self._known(leg_id, form)
        digits = form.get("Digits", "")
        if not digits.isascii() or not digits.isdigit():
            digits = "" if digits == "" else "#"
        return await self._document(leg_id, await self._desk.keys(leg_id, digits))

    async def waited(self, leg_id: LegId, form: Form) -> str:
        """A wait is over, or a stream."""
        await self._known(leg_id, form)
        return await self._document(leg_id, await self._desk.waited(leg_id))

    async def refreshed(self, form: Form) -> str:
        """The same, by the call alone."""
        return await self.waited(await self._by_call(form), form)

    async def dialled_in(self, form: Form) -> str:
        """Somebody calls one of our numbers."""
        caller = form.get("From", "")
        call = IncomingCall(form["CallSid"], caller if caller.startswith("+") else "", form.get("To", ""))
        leg_id, step = await self._desk.called_in(call)
        return await self._document(leg_id, step)

    async def status(self, leg_id: LegId | None, form: Form) -> None:
        """News of a call: in any order, and as often as Twilio likes."""
        if leg_id is None:
            leg_id = await self._by_call(form)
        await self._known(leg_id, form)
        number = form.get("SequenceNumber", "")
        if number.isascii() and number.isdigit() and await self._heard(form["CallSid"], int(number)):
            return
        status = form.get("CallStatus", "")
        if status == "ringing":
            await self._desk.ringing(leg_id)
        elif status in _ENDS:
            await self._ended(leg_id, _ENDS[status], form)

    async def unread(self, leg_id: LegId | None, form: Form) -> str:
        """Twilio could not fetch or use what we answered last, and asks here instead."""
        if leg_id is None:
            try:
                leg_id = await self._by_call(form)
            except NotFound:
                return await self.dialled_in(form)
        await self._known(leg_id, form)
        known = _number(form.get("ErrorCode", ""))
        trouble = of_twilio(known) if known in TWILIO else Trouble.OUR_ANSWER
        log.warning("answer_unread", extra={"code": trouble.value, "carrier_code": known or 0})
        return await self._document(leg_id, await self._desk.unread(leg_id, trouble.value, carrier_code=known))

    async def stream_status(self, leg_id: LegId, form: Form) -> None:
        """What became of the stream of a call; of it only an error counts."""
        await self._known(leg_id, form)
        if form.get("StreamEvent") != "stream-error":
            return
        found = _STREAM_NUMBER.search(form.get("StreamError", ""))
        known = int(found[0]) if found else None
        trouble = of_twilio(known) if known in TWILIO else Trouble.STREAM
        log.warning("stream_failed", extra={"code": trouble.value, "carrier_code": known or 0})
        await self._desk.troubled(leg_id, trouble.value, carrier_code=known)

    async def text_status(self, text_id: str, form: Form) -> None:
        """News of a text message: in any order, and as often as Twilio likes. Raises ``NotFound('text_unknown')``."""
        move = _TEXT_MOVES.get(form.get("MessageStatus", ""))
        known = _number(form.get("ErrorCode", "")) if move is TextMove.FAIL else None
        trouble = of_twilio(known).value if move is TextMove.FAIL else None
        await self._texting.told(text_id, form["MessageSid"], move, trouble, known)

    async def _ended(self, leg_id: LegId, why: LegWhy, form: Form) -> None:
        known = _number(form.get("ErrorCode", ""))
        trouble: str | None = None
        if known is not None:
            trouble = of_twilio(known).value
        elif why is LegWhy.FAILED:
            # Twilio says "failed" without a number when no carrier could put it through.
            trouble = Trouble.NUMBER_INVALID.value
        await self._desk.ended(leg_id, why, trouble, carrier_code=known)

    async def _known(self, leg_id: LegId, form: Form) -> None:
        """The call of a form is the call of the leg. Raises ``NotFound('leg_unknown')`` for another one."""
        call_id = form["CallSid"]
        async with self._database.read(Actor.system()) as unit:
            row = (
                await unit.session.execute(select(PhoneLeg.call_id, PhoneLeg.provider).where(PhoneLeg.id == leg_id))
            ).one_or_none()
        if row is None or row.provider != "twilio" or row.call_id not in (None, call_id):
            raise NotFound("leg_unknown")
        if row.call_id is None:
            await self._desk.placed(leg_id, call_id)

    async def _by_call(self, form: Form) -> LegId:
        async with self._database.read(Actor.system()) as unit:
            found = await self._legs.by_call(unit, form["CallSid"])
        if found is None:
            raise NotFound("leg_unknown")
        return found

    async def _heard(self, call_id: str, number: int) -> bool:
        """Whether this news was heard before; it is from now on."""
        async with self._database.unit(Actor.system()) as uow:
            if await uow.session.get(CarrierNews, (call_id, number)) is not None:
                return True
            uow.session.add(CarrierNews(call_id=call_id, number=number, at=uow.now))
        return False

    async def _document(self, leg_id: LegId, step: Step) -> str:
        base = f"{self._public}/telephony/legs/{leg_id}"
        stream = "ws" + self._public.removeprefix("http") + STREAM_PATH
        ticket = await self._tickets.issue(leg_id) if step.then is Then.JOIN else ""
        to = Addresses(f"{base}/keys", f"{base}/waited", stream, self._public + VOICE_PATH, f"{base}/stream")
        return twiml(step, utterances(step, self._wording, to), to, ticket=ticket)


def _number(text: str) -> int | None:
    """An error number of Twilio's."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
