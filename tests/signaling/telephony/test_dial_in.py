"""Calling in with a PIN: right once, wrong three times, and too often from one number."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from signaling.telephony.pins import LIFE, TRIES_BY_CALLER
from signaling.telephony.port import LegState, LegWhy
from tests.signaling.telephony.conftest import OWN_RS, Exchange

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
