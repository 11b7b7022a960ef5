"""The step-down ladder with real processes: the interpreter's line is cut, the telephone rings within 30 s, and the talk goes on.

The carrier is the stand-in of Twilio of tests/signaling/telephony; everything else is the product.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from media.similarity import Samples
from tests import people
from tests.scenarios.conftest import Call, House
from tests.signaling.telephony.stand_in import ACCOUNT, PUBLIC, TOKEN, Stand, open_stand
from tests.stack import Stack

pytestmark = [pytest.mark.services, pytest.mark.timeout(480)]
RINGS_WITHIN_S = 30.0
"""From the loss to the ringing telephone (S-11, platforms 2.3)."""


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    """The carrier."""
    async with open_stand() as opened:
        yield opened


@pytest.fixture
async def phone_house(stand: Stand, tmp_path: Path, speech: dict[str, Samples]) -> AsyncIterator[House]:
    """The embedded installation with a telephone account."""
    stack = Stack.make("single", tmp_path)
    await asyncio.to_thread(people.fill, stack.database_url)
    stack.environment |= {
        "TARJUMAN_TELEPHONY__PROVIDER": "twilio",
        "TARJUMAN_TELEPHONY__ACCOUNT_SID": ACCOUNT,
        "TARJUMAN_TELEPHONY__AUTH_TOKEN": TOKEN,
        "TARJUMAN_TELEPHONY__NUMBERS": '["RS=+381118000111"]',
        "TARJUMAN_TELEPHONY__PUBLIC_URL": PUBLIC,
        "TARJUMAN_TELEPHONY__API_BASE": stand.base,
    }
    await asyncio.to_thread(stack.start)
    stand.proxied = stack.url.removeprefix("http://")
    house = House(stack, speech)
    try:
        async with house.exits:
            yield house
    finally:
        await asyncio.to_thread(stack.stop)


async def give_number(house: House, stand: Stand, number: int) -> None:
    """The coordinator notes the interpreter's telephone, and both confirm it."""
    coordinator = await house.staff(people.COORDINATOR)
    code = people.interpreter(number).code
    found = await coordinator.call("GET", "/api/interpreters")
    rows = found["items"] if isinstance(found, dict) else found
    interpreter_id = next(row["id"] for row in rows if row["code"] == code)
    await coordinator.call("PUT", f"/api/interpreters/{interpreter_id}/phone", {"number": "+381631234577"})
    shown = await coordinator.call("POST", f"/api/interpreters/{interpreter_id}/phone/confirm")
    call = await stand.next_call()
    await call.lift()
    assert await call.press(shown["code"]) == "hangup"
    stand.calls.clear()


async def ladder(call: Call, state: str, *, timeout: float = 40) -> None:
    """The officer's page is told that the telephone of somebody is so far."""
    await call.desk.socket.event(
        "fallback.changed", lambda data: any(one["state"] == state for one in data["phone"]), timeout=timeout
    )


async def test_a_cut_line_is_rung_by_telephone_and_the_talk_goes_on(phone_house: House, stand: Stand) -> None:
    await give_number(phone_house, stand, 1)
    call = await phone_house.call(1)
    cut_at = time.monotonic()
    await call.booth.peer.close()
    call.booth.socket.cut()
    ringing = await stand.next_call(within=RINGS_WITHIN_S + 5)
    await ringing.tell("initiated")
    await ringing.tell("ringing")
    after = time.monotonic() - cut_at
    print(f"cut to ringing: {after:.1f} s")
    assert after <= RINGS_WITHIN_S
    assert len(stand.calls) == 1
    await ladder(call, "ringing")
    await ringing.tell("in-progress")
    assert await ringing.lift() == "gather"
    assert await ringing.press("1") == "connect"
    async with ringing.stream() as stream:
        stream.saying = b"\x10" * 80 + b"\x90" * 80
        await ladder(call, "in_room")
        by_phone = {"mode": "phone", "reason": "line_lost"}
        await call.desk.socket.event("log.appended", lambda entry: entry["data"] == by_phone, timeout=30)
        record = await call.record()
        kinds = [
            (entry["kind"], entry["data"].get("event") or entry["data"].get("mode")) for entry in record["entries"]
        ]
        assert ("phone_call", "rung") in kinds
        assert ("phone_call", "joined") in kinds
        assert kinds.index(("line_back", None)) < kinds.index(("mode", "phone"))
        assert "+381631234577" not in str(record)
        assert len(stand.calls) == 1, "rung once"
    ended = await call.end()
    assert ended["chain"]["ok"]
