"""Hang-ups at each moment, by them and by us: led by the table of states, so that a new state without a test fails here."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from core.errors import Conflict
from media.lines.protocol import Codec
from signaling.telephony.port import ALIVE, LEG_MOVES, CallReason, LegMove, LegState, LegWhy
from signaling.telephony.troubles import AGAIN, OF_ONE_NUMBER, TWILIO, Trouble, of_twilio, wait_before
from tests.signaling.telephony.conftest import Exchange
from tests.signaling.telephony.stand_in import Call

CATALOGUES = Path(__file__).resolve().parents[3] / "web_client/locales/telephony"
Reach = Callable[[Exchange, str, Call], Awaitable[None]]


async def _queued(_exchange: Exchange, _leg: str, _call: Call) -> None:
    """Placed, and no news yet."""


async def _ringing(_exchange: Exchange, _leg: str, call: Call) -> None:
    await call.tell("ringing")


async def _asked(exchange: Exchange, leg: str, call: Call) -> None:
    await _ringing(exchange, leg, call)
    assert await call.lift() == "gather"


async def _held(exchange: Exchange, leg: str, call: Call) -> None:
    await _asked(exchange, leg, call)
    assert await call.press("1") == "wait"


async def _in_room(exchange: Exchange, leg: str, call: Call) -> None:
    await _held(exchange, leg, call)
    await exchange.telephony.desk.join(leg, Codec.PCMU)


MOMENTS: dict[LegState, tuple[Reach, LegWhy]] = {
    LegState.QUEUED: (_queued, LegWhy.HUNG_UP),
    LegState.RINGING: (_ringing, LegWhy.HUNG_UP),
    LegState.ASKED: (_asked, LegWhy.DECLINED),
    LegState.HELD: (_held, LegWhy.HUNG_UP),
    LegState.IN_ROOM: (_in_room, LegWhy.HUNG_UP),
}
"""How each state is reached, and what it is called when they hang up in it."""


def test_the_table_knows_every_state() -> None:
    assert set(MOMENTS) == set(ALIVE) == set(LegState) - {LegState.ENDED}
    assert LEG_MOVES.is_final(LegState.ENDED)
    assert LEG_MOVES.states_before(LegMove.END) == set(ALIVE), "a call can end in every state"
    for state in LegState:
        for move in set(LegMove) - LEG_MOVES.moves_from(state):
            with pytest.raises(Conflict, match="move_not_allowed"):
                LEG_MOVES.advance(state, move)


async def test_hang_ups_at_each_moment(exchange: Exchange) -> None:
    session_id, place_id = await exchange.session()
    for state, (reach, why) in MOMENTS.items():
        for by_us in (False, True):
            leg_id, call = await exchange.called(session_id, place_id)
            await reach(exchange, leg_id, call)
            assert (await exchange.leg(leg_id)).state is state
            seat = await exchange.seat(place_id)
            assert seat.phone_leg_id == (leg_id if state is LegState.IN_ROOM else None)
            if by_us:
                await exchange.telephony.legs.hang_up(leg_id)
                await exchange.telephony.legs.hang_up(leg_id)
                assert call.ended_by_us.is_set(), state
            await call.tell("completed")
            await call.tell("completed", number=call.sequence)
            leg = await exchange.leg(leg_id)
            assert (leg.state, leg.why) == (LegState.ENDED, LegWhy.CANCELLED if by_us else why), state
            assert leg.ended_at is not None
            assert (await exchange.seat(place_id)).phone_leg_id is None, state
            assert await call.ask(f"{call.url.removesuffix('/lifted')}/waited") == "hangup", "nothing goes on"
    calls = [e["data"]["event"] for e in await exchange.log(session_id) if e["kind"] == "phone_call"]
    assert calls.count("joined") == calls.count("ended") == 2, "only who was in the room is in the log"
    assert CallReason.LOST_LINK.value in str(await exchange.log(session_id))


def test_every_number_of_twilio_has_our_word() -> None:
    assert all(10_000 <= number < 100_000 for number in TWILIO)
    assert {TWILIO[20429], TWILIO[10004]} == {Trouble.BUSY_LINES}
    assert {TWILIO[31901], TWILIO[31920], TWILIO[31921], TWILIO[31922]} == {Trouble.STREAM}
    assert {TWILIO[31924], TWILIO[31951], TWILIO[12200]} == {Trouble.OUR_WORDS}, (
        "malformed by us, whatever the proxy does"
    )
    assert TWILIO[31930] is Trouble.STREAM_SLOW
    assert TWILIO[22005] is Trouble.BUSY_LINES, "its queue is full; nothing waited"
    assert {TWILIO[13227], TWILIO[21215], TWILIO[32205]} == {Trouble.COUNTRY_CLOSED}
    assert {TWILIO[21219], TWILIO[21608], TWILIO[21264]} == {Trouble.TRIAL}
    assert set(Trouble) - set(TWILIO.values()) == {
        Trouble.NOT_CONFIGURED,
        Trouble.NO_MONEY,
        Trouble.UNREACHED,
        Trouble.PLACING_LOST,
    }, "known otherwise than by a number"
    assert not OF_ONE_NUMBER & {
        Trouble.ACCOUNT,
        Trouble.INACTIVE,
        Trouble.STREAM,
        Trouble.OUR_ANSWER,
        Trouble.OUR_WORDS,
    }
    assert Trouble.BUSY_LINES in AGAIN
    assert Trouble.NUMBER_INVALID not in AGAIN
    for locale in ("en", "sr-Cyrl", "mk", "sq", "ar", "fa", "ps"):
        texts = json.loads((CATALOGUES / f"{locale}.json").read_text(encoding="utf-8"))
        for trouble in Trouble:
            assert all(texts[f"telephony.trouble.{trouble.value}{end}"] for end in ("", ".next")), locale
    assert {of_twilio(number, 400) for number in (30010, 31960, 99999)} == {Trouble.UNKNOWN}, "never guessed"
    assert of_twilio(99999, 402) is Trouble.NO_MONEY
    assert (of_twilio(None, 429), of_twilio(1, 503)) == (Trouble.BUSY_LINES, Trouble.CARRIER)
    assert [wait_before(n) for n in (1, 2, 3, 9)] == [1, 2, 4, 30]
