"""Text messages of the ring: what they say, to whom, in which pace, and what is known of them afterwards; by Twilio's own client."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from core.access import Actor
from core.i18n import LOCALES, Catalogues
from core.notify import Delivery, Note, NoteKind
from core.settings_sections import TelephonySettings
from signaling.bootstrap import catalogue_folder
from signaling.telephony.models import PhoneText
from signaling.telephony.text_port import TEXT_MOVES, NoTexts, TextState
from signaling.telephony.texts import RingTexts
from signaling.telephony.troubles import Trouble, of_twilio
from tests.signaling.telephony.conftest import OWN_RS, THEIR_NUMBER, Exchange
from tests.signaling.telephony.stand_in import PUBLIC, TOKEN, Refusal
from tests.signaling.telephony.test_ring import on_call


@pytest.fixture
def phone_extras() -> dict[str, Any]:
    return {"texts_from": OWN_RS, "texts_per_second": 20}


async def texts(exchange: Exchange) -> list[PhoneText]:
    async with exchange.world.house.services.database.read(Actor.system()) as unit:
        return list(await unit.session.scalars(select(PhoneText).order_by(PhoneText.id)))


async def settled(exchange: Exchange, *states: TextState) -> PhoneText:
    """The only message, once it is in one of these states."""
    async with asyncio.timeout(30):
        while True:
            found = await texts(exchange)
            if found and found[0].state in states:
                return found[0]
            await asyncio.sleep(0.05)


async def test_whoever_is_on_call_is_told_that_a_request_waits_and_nothing_else(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await on_call(exchange)
    case = await exchange.world.open_case()
    booking = await exchange.world.book(case)
    message = await exchange.stand.next_message()
    assert (message.form["To"], message.form["From"]) == (THEIR_NUMBER, OWN_RS)
    assert message.form["Body"] == "Tarjuman: a request waits. Open Tarjuman or answer the call."
    assert 1 <= int(message.form["ValidityPeriod"]) <= 120, "it is of no use after the ring"
    text = await settled(exchange, TextState.SENT)
    assert message.form["StatusCallback"] == f"{PUBLIC}/telephony/texts/{text.id}/status"
    for secret in (case["case_ref"], case["id"], booking["id"], "O-RS", "RS", "Farsi"):
        assert secret not in message.form["Body"]
    assert (await message.tell("delivered", token="somebody else's")).status_code == 403
    assert (await message.tell("delivered", sid="SM" + "0" * 32)).status_code == 404
    assert (await message.tell("sent")).status_code == 204
    assert (await message.tell("delivered")).status_code == 204
    assert (await message.tell("failed", ErrorCode="30003")).status_code == 204, "late news"
    assert (await settled(exchange, TextState.DELIVERED)).error is None
    status = (await (await exchange.world.browser("C-RS")).get("/api/telephony/status")).json()
    assert status["texts"] == {"handed_over": 1, "delivered": 1, "failed": 0, "error": None, "carrier_code": None}
    elsewhere = (await (await exchange.world.browser("C-MK")).get("/api/telephony/status")).json()
    assert elsewhere["texts"]["handed_over"] == 0
    own = (await (await exchange.world.browser("I-RS")).get("/api/me/phone")).json()
    assert own["texts"] is True
    logged = "\n".join(f"{r.getMessage()} {r.__dict__}" for r in caplog.records) + str(status)
    for secret in (THEIR_NUMBER, THEIR_NUMBER[1:], TOKEN):
        assert secret not in logged


async def test_too_many_waits_and_then_goes_out_once(exchange: Exchange) -> None:
    port = _port(exchange)
    exchange.stand.refusals += [Refusal(429, 20429)]
    note = _note(exchange, seconds=3600)  # The clock of the house runs while it waits, however long that takes.
    assert await port.call(exchange.world.interpreters["I-RS"], note) is Delivery.SENT
    assert await port.call(exchange.world.interpreters["I-RS"], note) is Delivery.SENT, "asked for twice, queued once"
    async with asyncio.timeout(30):
        while not exchange.stand.messages:
            exchange.world.house.clock.advance(1)
            await asyncio.sleep(0.1)
    text = await settled(exchange, TextState.SENT)
    assert (text.attempts, len(exchange.stand.messages)) == (2, 1)


async def test_a_refusal_is_told_in_our_words(exchange: Exchange) -> None:
    exchange.stand.refusals += [Refusal(400, 21614)]
    await _port(exchange).call(exchange.world.interpreters["I-RS"], _note(exchange))
    text = await settled(exchange, TextState.FAILED)
    assert (text.error, text.carrier_code) == (Trouble.NOT_MOBILE, 21614)
    status = (await (await exchange.world.browser("C-RS")).get("/api/telephony/status")).json()
    assert (status["texts"]["failed"], status["texts"]["error"]) == (1, "number_not_mobile")


async def test_what_is_over_is_not_sent_and_who_has_no_number_is_gone(exchange: Exchange) -> None:
    port = _port(exchange)
    await port.call(exchange.world.interpreters["I-RS"], _note(exchange, seconds=-1))
    await settled(exchange, TextState.LATE)
    assert await port.call(exchange.world.interpreters["I-MK"], _note(exchange)) is Delivery.GONE
    assert exchange.stand.messages == {}


async def test_without_a_sender_it_says_so(exchange: Exchange) -> None:
    database = exchange.world.house.services.database
    port = RingTexts(database, exchange.telephony.numbers, NoTexts(), "none")
    assert not port.configured
    assert await port.call(exchange.world.interpreters["I-RS"], _note(exchange)) is Delivery.NOT_CONFIGURED
    async with database.read(Actor.system()) as unit:
        assert await port.reaches(unit, [exchange.world.interpreters["I-RS"]]) == frozenset()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", NoteKind)
def test_each_sentence_fits_into_one_message(locale: str, kind: NoteKind) -> None:
    """70 characters where letters outside of the GSM alphabet need two bytes each (3GPP TS 23.040)."""
    text = Catalogues.read(catalogue_folder() / "telephony").text(f"telephony.text.{kind.value}", locale)
    assert text is not None
    assert len(text) <= 70
    assert "{" not in text


@pytest.mark.parametrize("sender", ["+381111234567", "Tarjuman", "MG" + "0a" * 16, ""])
def test_senders(sender: str) -> None:
    assert TelephonySettings(texts_from=sender).texts_from == sender


@pytest.mark.parametrize("sender", ["12345", "a name that is too long", "MG" + "0a" * 15, "+0", "Tarjuman\n"])
def test_what_is_no_sender(sender: str) -> None:
    with pytest.raises(ValidationError):
        TelephonySettings(texts_from=sender)


def test_ends_are_final_and_the_numbers_of_messages_are_known() -> None:
    assert {state for state in TextState if TEXT_MOVES.is_final(state)} == {
        TextState.DELIVERED, TextState.FAILED, TextState.LATE,
    }  # fmt: skip
    assert of_twilio(30006) is Trouble.NOT_MOBILE
    assert of_twilio(30007) is Trouble.TEXT_BARRED
    assert of_twilio(21408) is Trouble.COUNTRY_CLOSED


def _port(exchange: Exchange) -> RingTexts:
    services = exchange.world.house.services
    return RingTexts(services.database, exchange.telephony.numbers, exchange.telephony.texting.carrier, "twilio")


def _note(exchange: Exchange, *, seconds: float = 60) -> Note:
    at = exchange.world.house.clock.now() + timedelta(seconds=seconds)
    return Note(NoteKind.CALL_IN, f"reach_{at:%H%M%S%f}", at)
