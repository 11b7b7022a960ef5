"""No way by which a telephone could come into a sealed session lets one in, and each says why in the same code."""

from __future__ import annotations

import pytest

from core.access import Actor
from core.errors import Conflict
from media.lines.protocol import Codec
from records.models import Session
from signaling.telephony.port import CallReason, LegState, LegWhy
from tests.signaling.telephony.conftest import OWN_RS, Exchange
from tests.signaling.telephony.stand_in import Call
from tests.signaling.telephony.test_dial_in import CALLER, a_pin


async def told_to_open_the_page(exchange: Exchange, call: Call, answer: str) -> None:
    """In words, and the call is over."""
    assert answer == "hangup"
    assert "takes no telephone" in call.said or "не прима телефон" in call.said
    (leg,) = [leg for leg in await exchange.legs() if leg.call_id == call.sid]
    assert (leg.state, leg.why, leg.joined_at) == (LegState.ENDED, LegWhy.BROWSER_NEEDED, None)


async def test_who_calls_or_is_called_already_does_not_get_in(exchange: Exchange) -> None:
    session_id, place_id = await exchange.session()
    pin = await a_pin(exchange, session_id)
    leg_id, call = await exchange.called(session_id, place_id)
    await call.lift()
    dialled = exchange.stand.dialled(CALLER, OWN_RS)
    await dialled.lift()
    async with exchange.world.house.services.database.unit(Actor.system()) as uow:
        # As no client can do it yet.
        (await uow.session.get_one(Session, session_id)).mode = "sealed"
    refused = await (await exchange.world.browser("I-RS")).post(f"/api/sessions/{session_id}/dial-in")
    assert (refused.status_code, refused.json()["code"]) == (409, "phone_needs_open")
    with pytest.raises(Conflict, match="phone_needs_open"):
        await exchange.telephony.desk.join(leg_id, Codec.PCMU)
    await told_to_open_the_page(exchange, dialled, await dialled.press(pin))
    await told_to_open_the_page(exchange, call, await call.press("1"))
    with pytest.raises(Conflict, match="phone_needs_open"):
        await exchange.telephony.legs.call_out(session_id, place_id, await exchange.ref(), reason=CallReason.ASKED)


async def test_who_waits_on_hold_does_not_get_in(exchange: Exchange) -> None:
    session_id, place_id = await exchange.session()
    _, call = await exchange.called(session_id, place_id)
    await call.lift()
    assert await call.press("1") == "wait"
    async with exchange.world.house.services.database.unit(Actor.system()) as uow:
        (await uow.session.get_one(Session, session_id)).mode = "sealed"
    await exchange.officer_here(session_id)
    await told_to_open_the_page(exchange, call, await call.wait())
    assert (await exchange.seat(place_id)).phone_leg_id is None
