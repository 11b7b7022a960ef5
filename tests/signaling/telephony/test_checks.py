"""A number is rung for work only after somebody there has typed the code of the page: entered, called, confirmed, refused, limited."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from sqlalchemy import select

from core.access import Actor
from core.errors import NotFound
from signaling.telephony.checks import CALLS_TO_NUMBER, LIFE, WINDOW
from signaling.telephony.models import NumberCheck
from signaling.telephony.pins import TRIES_IN_CALL
from signaling.telephony.port import CallReason, LegState
from tests.signaling.telephony.conftest import Exchange
from tests.signaling.telephony.stand_in import Call

NEW, OTHER = "+381641112233", "+381641112244"
PATH = "/api/me/phone"


async def entered(exchange: Exchange) -> Any:
    """The interpreter enters another number; gives their browser."""
    own = await exchange.world.browser("I-RS")
    answer = await own.put(PATH, {"number": NEW})
    assert answer.json()["number"]["confirmed"] is False
    return own


async def called(exchange: Exchange, own: Any, path: str = PATH) -> tuple[str, Call]:
    """The call for it, and the code that the page shows."""
    answer = await own.post(f"{path}/confirm")
    assert answer.status_code == 201, answer.text
    call = await exchange.stand.next_call()
    assert call.to == NEW
    return str(answer.json()["code"]), call


def another(code: str) -> str:
    return "000000" if code != "000000" else "111111"


async def status(own: Any) -> tuple[bool, str | None]:
    """Whether the number is confirmed, and how the newest call for it ended."""
    seen = (await own.get(PATH)).json()
    return seen["number"]["confirmed"], seen["check"] and seen["check"]["why"]


async def reached(exchange: Exchange) -> bool:
    """Whether the ring would call the interpreter."""
    interpreter_id = exchange.world.interpreters["I-RS"]
    async with exchange.world.house.services.database.read(Actor.system()) as unit:
        return interpreter_id in await exchange.telephony.numbers.of_interpreters(unit, [interpreter_id])


async def test_a_number_is_used_only_after_the_code_was_typed_there(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    session_id, place_id = await exchange.session()
    legs = exchange.telephony.legs
    own = await entered(exchange)
    assert await legs.number_of(exchange.world.users["I-RS"]) is None
    assert not await reached(exchange)
    async with exchange.world.house.services.database.read(Actor.system()) as unit:
        view = await exchange.telephony.numbers.view(unit, interpreter_id=exchange.world.interpreters["I-RS"])
    with pytest.raises(NotFound, match="number_unknown"):
        await legs.call_out(session_id, place_id, view.id, reason=CallReason.LOST_LINK)
    code, call = await called(exchange, own)
    assert (await own.post(f"{PATH}/confirm")).json()["code"] == "check_under_way"
    assert await call.lift() == "gather"
    assert "type the six digits" in call.said
    assert code not in call.said, "the telephone hears no code"
    async with exchange.world.house.services.database.read(Actor.system()) as unit:
        row = (await unit.session.scalars(select(NumberCheck))).one()
        stored = " ".join(str(value) for value in vars(row).values())
    assert code not in stored
    assert NEW[1:] not in stored
    assert await call.press(another(code)) == "gather"
    assert not await reached(exchange)
    assert await call.press(code) == "hangup"
    assert "confirmed" in call.said
    assert await status(own) == (True, "confirmed")
    assert await reached(exchange)
    assert (await own.post(f"{PATH}/confirm")).json()["code"] == "number_confirmed"
    (leg,) = await exchange.legs()
    assert (leg.reason, leg.state, leg.session_id) == (CallReason.CONFIRM.value, LegState.ENDED, None)
    logged = "\n".join(f"{r.getMessage()} {r.__dict__}" for r in caplog.records)
    assert code not in logged
    assert NEW[1:] not in logged


async def test_wrong_late_and_foreign_codes_confirm_nothing_and_nobody_is_pestered(exchange: Exchange) -> None:
    own = await entered(exchange)
    code, call = await called(exchange, own)
    await call.lift()
    for _ in range(TRIES_IN_CALL - 1):
        assert await call.press(another(code)) == "gather"
    assert await call.press(another(code)) == "hangup"
    assert await call.ask(call.url.replace("/lifted", "/keys"), Digits=code) == "hangup", "too late"
    assert await status(own) == (False, "pin_refused")

    code, call = await called(exchange, own)
    await call.lift()
    await call.tell("completed")
    assert await status(own) == (False, "declined"), "the receiver was put down"
    exchange.world.house.clock.advance(LIFE.total_seconds() + 1)
    async with exchange.world.house.services.database.unit(Actor.system()) as uow:
        assert not await exchange.telephony.checks.redeem(uow, (await exchange.legs())[-1].id, code), "too old"

    code, call = await called(exchange, own)
    await call.lift()
    await own.put(PATH, {"number": OTHER})
    assert await call.press(code) == "gather", "the number was replaced meanwhile"
    assert await status(own) == (False, None)

    await own.put(PATH, {"number": NEW})
    assert CALLS_TO_NUMBER == 3
    refused = await own.post(f"{PATH}/confirm")
    assert (refused.status_code, refused.json()["code"]) == (429, "number_checks_too_many")
    assert 0 < refused.json()["params"]["retry_after"] <= 3600
    officer = await exchange.world.browser("O-RS")
    await officer.put(PATH, {"number": NEW})
    assert (await officer.post(f"{PATH}/confirm")).status_code == 429, "by another account neither"
    exchange.world.house.clock.advance(WINDOW.total_seconds() + 1)
    await called(exchange, await exchange.world.house.signed_in("I-RS"))


async def test_a_coordinator_confirms_together_with_the_interpreter(exchange: Exchange) -> None:
    path = f"/api/interpreters/{exchange.world.interpreters['I-RS']}/phone"
    coordinator = await exchange.world.browser("C-RS")
    await coordinator.put(path, {"number": NEW})
    assert not await reached(exchange), "what a coordinator typed can be wrong, too"
    code, call = await called(exchange, coordinator, path)
    await call.lift()
    assert await call.press(code) == "hangup"
    assert (await coordinator.get(path)).json()["number"]["confirmed"] is True
    assert await reached(exchange)
