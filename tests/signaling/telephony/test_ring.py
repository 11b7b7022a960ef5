"""The ring's phone rung: somebody on call without an open page is rung, 1 takes the offer by the same code as the browser."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import select

from core.access import Actor
from scheduler.models import Interpreter, Offer
from signaling.telephony.port import LegState, LegWhy
from tests.signaling.telephony.conftest import Exchange
from tests.signaling.telephony.stand_in import Call


async def on_call(exchange: Exchange, code: str = "I-RS") -> None:
    """Off line, and on call around the clock."""
    services = exchange.world.house.services
    async with services.database.unit(Actor.system()) as uow:
        person = await uow.session.get_one(Interpreter, exchange.world.interpreters[code])
        person.on_call = True
    interpreter = await exchange.world.browser(code)
    start = services.clock.now() - timedelta(hours=1)
    window = {
        "starts_local": start.strftime("%Y-%m-%dT%H:%M"),
        "ends_local": (start + timedelta(hours=20)).strftime("%Y-%m-%dT%H:%M"),
    }
    answer = await interpreter.post("/api/calendar/windows", window)
    assert answer.status_code in (200, 201), answer.text


async def rung(exchange: Exchange) -> tuple[str, str, Call]:
    """A request that goes to the one on call by telephone: booking, leg, call."""
    await on_call(exchange)
    booking = await exchange.world.book(await exchange.world.open_case())
    call = await exchange.stand.next_call()
    (leg,) = await exchange.legs()
    return booking["id"], leg.id, call


async def test_one_takes_the_offer_and_the_same_call_becomes_the_leg(exchange: Exchange) -> None:
    booking_id, leg_id, call = await rung(exchange)
    assert (await exchange.leg(leg_id)).session_id is None
    await call.tell("ringing")
    assert await call.lift() == "gather"
    assert "Farsi" in call.said
    assert "conflict of interest" in call.said
    assert await call.press("1") == "wait"
    assert "You have it" in call.said
    leg = await exchange.leg(leg_id)
    assert leg.state is LegState.HELD
    assert leg.session_id is not None
    officer = await exchange.world.browser("O-RS")
    shown = (await officer.get(f"/api/bookings/{booking_id}")).json()
    assert shown["state"] == "assigned"
    await exchange.officer_here(leg.session_id)
    assert await call.wait() == "connect", "no second call"
    assert len(exchange.stand.calls) == 1
    audited = (await (await exchange.world.browser("U-RS")).get("/api/audit")).text
    assert "offer.accepted" in audited


async def test_who_is_late_is_told_so(exchange: Exchange) -> None:
    booking_id, leg_id, call = await rung(exchange)
    await call.lift()
    officer = await exchange.world.browser("O-RS")
    assert (await officer.post(f"/api/bookings/{booking_id}/cancel", {"reason": "other"})).status_code == 200
    assert await call.press("1") == "hangup"
    assert "faster" in call.said
    assert (await exchange.leg(leg_id)).why is LegWhy.TOO_LATE


async def test_anything_else_declines(exchange: Exchange) -> None:
    _, leg_id, call = await rung(exchange)
    await call.lift()
    assert await call.press("2") == "hangup"
    async with exchange.world.house.services.database.read(Actor.system()) as unit:
        offer = (await unit.session.scalars(select(Offer))).one()
    assert offer.state.value == "declined"
    assert (await exchange.leg(leg_id)).why is LegWhy.DECLINED


async def test_a_ring_that_is_over_stops_ringing(exchange: Exchange) -> None:
    booking_id, leg_id, call = await rung(exchange)
    await call.tell("ringing")
    officer = await exchange.world.browser("O-RS")
    await officer.post(f"/api/bookings/{booking_id}/cancel", {"reason": "other"})
    await exchange.telephony.dialling.watch()
    assert call.ended_by_us.is_set()
    assert (await exchange.leg(leg_id)).why is LegWhy.CANCELLED


async def test_who_puts_the_receiver_down_at_the_question_said_no(exchange: Exchange) -> None:
    _, leg_id, call = await rung(exchange)
    await call.lift()
    await call.tell("completed")
    async with exchange.world.house.services.database.read(Actor.system()) as unit:
        offer = (await unit.session.scalars(select(Offer))).one()
    assert offer.state.value == "declined"
    assert (await exchange.leg(leg_id)).why is LegWhy.DECLINED


async def test_without_a_number_nobody_is_counted_as_reached(exchange: Exchange) -> None:
    await on_call(exchange)
    await (await exchange.world.browser("I-RS")).post("/api/me/phone/forget")
    await exchange.world.book(await exchange.world.open_case())
    await asyncio.sleep(0)
    assert await exchange.legs() == []
