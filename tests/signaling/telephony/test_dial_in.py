"""Calling in with a PIN: right once, wrong three times, and too often from one number."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core.access import Actor
from core.i18n import Catalogues
from records.models import Session
from scheduler.languages import load_languages
from signaling.bootstrap import catalogue_folder
from signaling.telephony.models import DialInPin
from signaling.telephony.pins import LIFE, TRIES_BY_CALLER
from signaling.telephony.port import LegState, LegWhy, Sentence, Step, Then
from signaling.telephony.twilio_markup import Addresses, utterances
from signaling.telephony.wording import Wording
from tests.media.sip.rig import rms_dbfs
from tests.signaling.telephony.conftest import OWN_MK, OWN_RS, Exchange
from tests.signaling.telephony.stand_in import PUBLIC

CALLER = "+38164555666"


async def a_pin(exchange: Exchange, session_id: str) -> str:
    answer = await (await exchange.world.browser("I-RS")).post(f"/api/sessions/{session_id}/dial-in")
    assert answer.status_code == 201, answer.text
    assert OWN_RS in answer.json()["numbers"]
    return str(answer.json()["pin"])


async def test_a_pin_opens_one_place_once(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    session_id, place_id = await exchange.session()
    await exchange.officer_here(session_id)
    pin = await a_pin(exchange, session_id)
    call = exchange.stand.dialled(CALLER, OWN_RS)
    assert await call.lift() == "gather"
    assert call.voices == {("sr-RS", "Google.sr-RS-Standard-A")}, "an unknown caller at the Serbian number"
    assert await call.press(pin) == "connect"
    (leg,) = await exchange.legs()
    assert (leg.direction, leg.session_id, leg.place_id) == ("in", session_id, place_id)
    again = exchange.stand.dialled(CALLER, OWN_RS)
    await again.lift()
    assert await again.press(pin) == "gather", "used up"
    logged = "\n".join(f"{r.getMessage()} {r.__dict__}" for r in caplog.records)
    assert pin not in logged
    assert CALLER[1:] not in logged


async def test_three_wrong_ones_and_then_the_caller_waits(exchange: Exchange) -> None:
    session_id, _ = await exchange.session()
    pin = await a_pin(exchange, session_id)
    wrong = "000000" if pin != "000000" else "111111"
    for _ in range(TRIES_BY_CALLER // 3):
        call = exchange.stand.dialled(CALLER, OWN_RS)
        await call.lift()
        assert await call.press(wrong) == "gather"
        assert await call.press("") == "gather", "nothing typed is a try too"
        assert await call.press(wrong) == "hangup"
        await call.tell("completed")
    call = exchange.stand.dialled(CALLER, OWN_RS)
    assert await call.lift() == "hangup", "locked out, before a PIN can be typed"
    other = exchange.stand.dialled("+38164555667", OWN_RS)
    assert await other.lift() == "gather", "others are not"
    legs = await exchange.legs()
    assert {leg.why for leg in legs if leg.state is LegState.ENDED} == {LegWhy.PIN_REFUSED}
    exchange.world.house.clock.advance(timedelta(minutes=31).total_seconds())
    later = exchange.stand.dialled(CALLER, OWN_RS)
    assert await later.lift() == "gather"


async def test_a_pin_lives_minutes_and_a_newer_one_replaces_it(exchange: Exchange) -> None:
    session_id, _ = await exchange.session()
    old = await a_pin(exchange, session_id)
    new = await a_pin(exchange, session_id)
    call = exchange.stand.dialled(CALLER, OWN_RS)
    await call.lift()
    if old != new:
        assert await call.press(old) == "gather"
    exchange.world.house.clock.advance(LIFE.total_seconds() + 1)
    assert await call.press(new) == "gather"


async def test_only_for_ones_own_place(exchange: Exchange) -> None:
    session_id, _ = await exchange.session()
    for code, status in (("O-RS2", 404), ("I-MK", 404), ("C-RS", 403)):
        answer = await (await exchange.world.browser(code)).post(f"/api/sessions/{session_id}/dial-in")
        assert answer.status_code == status, code


async def test_the_way_in_is_shown_without_a_pin_and_says_why_not(exchange: Exchange) -> None:
    session_id, _ = await exchange.session()
    own = await exchange.world.browser("I-RS")
    path = f"/api/sessions/{session_id}/dial-in"
    assert (await own.get(path)).json() == {"numbers": [OWN_RS, OWN_MK], "minutes": 10, "why_not": None}
    async with exchange.world.house.services.database.unit(Actor.system()) as uow:
        assert await uow.session.scalar(select(func.count()).select_from(DialInPin)) == 0, "looking makes no PIN"
        (await uow.session.get_one(Session, session_id)).mode = "sealed"
    assert (await own.get(path)).json() == {"numbers": [], "minutes": 10, "why_not": "phone_needs_open"}
    refused = await own.post(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "phone_needs_open")
    for code, status in (("O-RS2", 404), ("I-MK", 404), ("C-RS", 403)):
        assert (await (await exchange.world.browser(code)).get(path)).status_code == status, code


async def test_a_language_without_a_voice_of_the_carrier_is_played_from_our_files(exchange: Exchange) -> None:
    call = exchange.stand.dialled(CALLER, OWN_MK)
    assert await call.lift() == "gather"
    assert call.said == "", "nothing is said in English"
    assert [url.removeprefix(f"{PUBLIC}/telephony/voice/") for url in call.played] == ["mk/greeting", "mk/pin"]
    heard = await call.fetch(call.played[1])
    assert heard.headers["content-type"] == "audio/wav"
    assert heard.content[:4] == b"RIFF"
    assert -27 < rms_dbfs(heard.content[44:]) < -17, "somebody speaks"
    for path in ("mk/nothing", "ps/pin", "en/pin"):
        assert (await call.fetch(f"{PUBLIC}/telephony/voice/{path}")).status_code == 404, path


def test_a_sentence_is_whole_in_one_way() -> None:
    house = Wording(Catalogues.read(catalogue_folder() / "telephony"), load_languages())
    to = Addresses("keys", "waited", "stream", "voice", "news")
    known, unknown = ({"language": code, "minutes": 40} for code in ("pbu", "kmr"))
    step = Step(Then.ASK_KEY, (Sentence("offer", known), Sentence("offer", unknown)), "sq")
    first, second, third = utterances(step, house, to)
    assert [first.url, second.url] == ["voice/sq/offer.language.pus", "voice/sq/offer.minutes.45"]
    assert (third.url, third.locale) == ("", "en"), "no file names this language"
    assert "40" in third.text
    assert [one.locale for one in utterances(Step(Then.WAIT, (Sentence("hold"),), "ps"), house, to)] == ["en"]
    assert [one.locale for one in utterances(Step(Then.WAIT, (Sentence("hold"),), "ar"), house, to)] == ["ar"]
