"""Calls that we place, from the queue to the room's door, driven by Twilio's own client against the stand-in."""

from __future__ import annotations

import asyncio
import logging

import pytest

from core.access import Actor
from core.errors import Conflict, NotFound
from media.lines.protocol import Codec
from records.models import Session
from signaling.telephony.port import CallReason, LegState, LegWhy
from signaling.telephony.troubles import OF_ONE_NUMBER
from tests.signaling.telephony.conftest import OWN_RS, THEIR_NUMBER, Exchange
from tests.signaling.telephony.stand_in import PUBLIC, TOKEN, Refusal


async def test_a_question_before_anybody_is_connected(exchange: Exchange) -> None:
    session_id, place_id = await exchange.session()
    leg_id, call = await exchange.called(session_id, place_id)
    assert (call.to, call.from_, call.timeout) == (THEIR_NUMBER, OWN_RS, 30), "a domestic number calls"
    assert call.url == f"{PUBLIC}/telephony/legs/{leg_id}/lifted"
    assert (await call.tell("initiated")).status_code == 204
    assert (await call.tell("ringing")).status_code == 204
    assert (await exchange.leg(leg_id)).state is LegState.RINGING
    assert await call.lift() == "gather"
    assert "Press 1" in call.said
    assert call.voices == {("en-GB", "Google.en-GB-Standard-A")}
    assert (await exchange.leg(leg_id)).state is LegState.ASKED
    assert await call.press("1") == "wait", "the officer is not there: on hold"
    assert "hold the line" in call.said
    assert (await exchange.leg(leg_id)).state is LegState.HELD
    assert await call.wait() == "wait"
    assert call.said == "", "nobody is told every four seconds"
    await exchange.officer_here(session_id)
    async with asyncio.timeout(30):
        await call.redirected.wait()
    assert await call.ask(call.redirected_to) == "connect", "the wait was broken as soon as the officer came"
    assert "not encrypted" in call.said
    call.redirected.clear()
    await exchange.telephony.dialling.watch()
    assert not call.redirected.is_set(), "on its way in: the sentence is not begun anew"


async def test_a_repeated_answer_changes_nothing_and_another_key_is_a_no(exchange: Exchange) -> None:
    session_id, place_id = await exchange.session()
    leg_id, call = await exchange.called(session_id, place_id)
    await call.lift()
    assert await call.lift() == "gather", "Twilio asks again after a time-out of ours"
    assert await call.press("") == "gather", "asked once more"
    assert await call.press("5") == "hangup"
    leg = await exchange.leg(leg_id)
    assert (leg.state, leg.why) == (LegState.ENDED, LegWhy.DECLINED)
    assert await call.lift() == "hangup"
    assert (await call.tell("completed")).status_code == 204
    assert (await exchange.leg(leg_id)).why is LegWhy.DECLINED, "the first end counts"


@pytest.mark.parametrize(
    ("status", "why", "error", "fields"),
    [
        ("busy", LegWhy.BUSY, None, {}),
        ("no-answer", LegWhy.NO_ANSWER, None, {}),
        ("canceled", LegWhy.CANCELLED, None, {}),
        ("failed", LegWhy.FAILED, "number_refused", {}),
        ("failed", LegWhy.FAILED, "country_not_opened", {"ErrorCode": "13227"}),
        ("completed", LegWhy.HUNG_UP, None, {}),
    ],
)
async def test_how_calls_end(
    exchange: Exchange, status: str, why: LegWhy, error: str | None, fields: dict[str, str]
) -> None:
    session_id, place_id = await exchange.session()
    leg_id, call = await exchange.called(session_id, place_id)
    await call.tell("ringing", number=1)
    await call.tell(status, number=2, **fields)
    leg = await exchange.leg(leg_id)
    assert (leg.state, leg.why, leg.error) == (LegState.ENDED, why, error)
    await call.tell("ringing", number=1)
    await call.tell("ringing", number=3)
    assert (await exchange.leg(leg_id)).state is LegState.ENDED, "late news cannot bring a call back"


async def test_replayed_news_count_once(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
    session_id, place_id = await exchange.session()
    leg_id, call = await exchange.called(session_id, place_id)
    for _ in range(3):
        assert (await call.tell("ringing", number=7)).status_code == 204
    fields = call.fields(SequenceNumber="7", CallStatus="completed")
    assert (await call.post(call.status_url, fields)).status_code == 204
    assert (await exchange.leg(leg_id)).state is LegState.RINGING, "sequence number 7 was heard already"


async def test_bad_signatures_get_nowhere(exchange: Exchange) -> None:
    session_id, place_id = await exchange.session()
    leg_id, call = await exchange.called(session_id, place_id)
    fields = call.fields(SequenceNumber="1")
    inside = f"http://{exchange.stand.proxied}/telephony/legs/{leg_id}/status"
    for changes in (
        {"token": "another token"},
        {"signed_as": inside},
        {"signed_as": f"{PUBLIC}/telephony/legs/{leg_id}/status/"},
        {"signed_as": f"http://phone.tarjuman.example/telephony/legs/{leg_id}/status"},
        {"signed_as": f"https://internal.example/telephony/legs/{leg_id}/status"},
    ):
        answer = await call.post(call.status_url, fields | {"CallStatus": "completed"}, **changes)
        assert (answer.status_code, answer.json()["code"]) == (403, "signature_wrong"), changes
    foreign = fields | {"AccountSid": "AC" + "0" * 32, "CallStatus": "completed"}
    assert (await call.post(call.status_url, foreign)).status_code == 403, "signed, of another account"
    other = fields | {"CallSid": "CA" + "0" * 32, "CallStatus": "completed"}
    await call.tell("ringing")
    assert (await call.post(call.status_url, other)).status_code == 404, "signed, of another call"
    assert (await exchange.leg(leg_id)).state is LegState.RINGING


async def test_too_many_is_tried_again_and_everything_else_is_told(exchange: Exchange) -> None:
    session_id, place_id = await exchange.session()
    exchange.stand.refusals += [Refusal(429, 20429), Refusal(429, 10004)]
    leg_id = await exchange.telephony.legs.call_out(
        session_id, place_id, await exchange.ref(), reason=CallReason.LOST_LINK
    )
    async with asyncio.timeout(30):
        while (await exchange.leg(leg_id)).attempts < 3:
            exchange.world.house.clock.advance(1)
            await asyncio.sleep(0.2)
    call = await exchange.stand.next_call()
    await call.tell("ringing")
    assert (await exchange.leg(leg_id)).state is LegState.RINGING
    await exchange.telephony.legs.hang_up(leg_id)
    assert call.ended_by_us.is_set(), "taken back at the carrier too"
    assert (await exchange.leg(leg_id)).why is LegWhy.CANCELLED


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (Refusal(400, 21211), "number_refused"),
        (Refusal(400, 21215), "country_not_opened"),
        (Refusal(401, 20003), "account_refused"),
        (Refusal(400, 99999), "carrier_other"),
    ],
)
async def test_refusals_are_told_in_our_words(
    exchange: Exchange, refusal: Refusal, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    session_id, place_id = await exchange.session()
    exchange.stand.refusals += [refusal]
    leg_id = await exchange.telephony.legs.call_out(session_id, place_id, await exchange.ref(), reason=CallReason.ASKED)
    async with asyncio.timeout(30):
        while (leg := await exchange.leg(leg_id)).state is not LegState.ENDED:  # noqa: ASYNC110 - rows tell nobody
            await asyncio.sleep(0.05)
    assert (leg.why, leg.error, leg.carrier_code) == (LegWhy.FAILED, error, refusal.code)
    status = (await (await exchange.world.browser("C-RS")).get("/api/telephony/status")).json()
    assert status["failed"][0]["error"] == error
    assert status["configured"]
    assert status["costs"] == [{"country": "RS", "currency": "EUR", "minor": 152}]
    assert status["silent_locales"] == ["ps"]
    assert set(status["machine_locales"]) == {"fa", "mk", "sq"}
    now = (await (await exchange.world.browser("C-RS")).get("/api/telephony/now")).json()
    ailing = None if error in OF_ONE_NUMBER else {"code": error, "carrier_code": refusal.code}
    assert now["configured"]
    assert (now["ailing"] and {key: now["ailing"][key] for key in ("code", "carrier_code")}) == ailing
    elsewhere = (await (await exchange.world.browser("C-MK")).get("/api/telephony/status")).json()
    assert elsewhere["failed"] == [], "calls of the other country are not theirs"
    _no_number(caplog, str(status))


async def test_an_answer_that_the_carrier_could_not_read_is_given_once_more_and_told(exchange: Exchange) -> None:
    session_id, place_id = await exchange.session()
    leg_id, call = await exchange.called(session_id, place_id)
    await call.tell("ringing")
    assert await call.unread(11200) == "gather", "a proxy that was away for a moment costs nobody the call"
    leg = await exchange.leg(leg_id)
    assert (leg.state, leg.error, leg.carrier_code) == (LegState.ASKED, "our_answer_unread", 11200)
    assert await _ailing(exchange) == ("our_answer_unread", 11200)
    assert await call.unread(12200) == "hangup"
    leg = await exchange.leg(leg_id)
    assert (leg.why, leg.error, leg.carrier_code) == (LegWhy.LINE_FAILED, "our_words_refused", 12200)
    incoming = exchange.stand.dialled("+381601112233", OWN_RS)
    assert await incoming.unread(11205) == "gather", "the first answer was lost: asked for the PIN all the same"


async def test_a_stream_that_does_not_come_about_is_told(exchange: Exchange) -> None:
    session_id, place_id = await exchange.session()
    leg_id, call = await exchange.called(session_id, place_id)
    await call.tell("ringing")
    await call.lift()
    await exchange.officer_here(session_id)
    assert await call.press("1") == "connect"
    assert (await call.stream_failed("31920 Stream - WebSocket - Handshake Error")).status_code == 204
    leg = await exchange.leg(leg_id)
    assert (leg.state, leg.error, leg.carrier_code) == (LegState.ASKED, "stream_refused", 31920)
    assert await _ailing(exchange) == ("stream_refused", 31920)
    assert (await call.stream_failed("no number in it")).status_code == 204
    assert (await exchange.leg(leg_id)).carrier_code is None
    await exchange.telephony.desk.join(leg_id, Codec.PCMU)
    assert await _ailing(exchange) is None, "the next one came about"


async def _ailing(exchange: Exchange) -> tuple[str, int | None] | None:
    now = (await (await exchange.world.browser("C-RS")).get("/api/telephony/now")).json()["ailing"]
    return None if now is None else (now["code"], now["carrier_code"])


async def test_who_may_not_be_called(exchange: Exchange) -> None:
    session_id, place_id = await exchange.session()
    legs, ref = exchange.telephony.legs, await exchange.ref()
    with pytest.raises(NotFound, match="number_unknown"):
        await legs.call_out(session_id, await exchange.place(session_id, "officer"), ref, reason=CallReason.ASKED)
    with pytest.raises(NotFound, match="participant_unknown"):
        await legs.call_out(session_id, "part_none", ref, reason=CallReason.ASKED)
    first = await legs.call_out(session_id, place_id, ref, reason=CallReason.ASKED)
    assert await legs.call_out(session_id, place_id, ref, reason=CallReason.LOST_LINK) == first, "one call at a time"
    await legs.hang_up(first)
    for values, code in (({"mode": "sealed"}, "phone_needs_open"), ({"step_code": "RS-ASY-50"}, "phone_not_allowed")):
        async with exchange.world.house.services.database.unit(Actor.system()) as uow:
            session = await uow.session.get_one(Session, session_id)
            old = {name: getattr(session, name) for name in values}
            for name, value in values.items():
                setattr(session, name, value)
        with pytest.raises(Conflict, match=code):
            await legs.call_out(session_id, place_id, ref, reason=CallReason.ASKED)
        async with exchange.world.house.services.database.unit(Actor.system()) as uow:
            session = await uow.session.get_one(Session, session_id)
            for name, value in old.items():
                setattr(session, name, value)


async def test_numbers_are_shown_by_two_digits_and_never_logged(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = f"/api/interpreters/{exchange.world.interpreters['I-RS']}/phone"
    coordinator = await exchange.world.browser("C-RS")
    shown = await coordinator.get(path)
    assert shown.json()["number"]["last_two"] == "77"
    assert shown.json()["number"]["cost"]["minor"] == 152
    bad = await coordinator.put(path, {"number": "063 123 4577 nobody"})
    assert (bad.status_code, bad.json()["code"]) == (400, "number_invalid")
    session_id, place_id = await exchange.session()
    _, call = await exchange.called(session_id, place_id)
    await call.tell("ringing")
    await call.lift()
    await call.press("2")
    own = await exchange.world.browser("I-RS")
    assert (await own.get("/api/me/phone")).json()["number"]["last_two"] == "77", "their own"
    assert (await own.post("/api/me/phone/forget")).status_code == 204
    assert (await coordinator.get(path)).json()["number"] is None
    log = str(await exchange.log(session_id))
    _no_number(caplog, shown.text + bad.text + log)


async def test_the_pace_of_the_carrier_is_kept(exchange: Exchange) -> None:
    session_id, place_id = await exchange.session()
    await (await exchange.world.browser("O-RS")).put("/api/me/phone", {"number": "+381641112233"})
    await exchange.confirmed(user_id=exchange.world.users["O-RS"])
    officer = await exchange.telephony.legs.number_of(exchange.world.users["O-RS"])
    legs = exchange.telephony.legs
    exchange.telephony.dialling._pause = 0.6
    await legs.call_out(session_id, place_id, await exchange.ref(), reason=CallReason.ASKED)
    place = await exchange.place(session_id, "officer")
    await legs.call_out(session_id, place, officer, reason=CallReason.ASKED)
    async with asyncio.timeout(30):
        while len(exchange.stand.placed_at) < 2:  # noqa: ASYNC110 - a list tells nobody
            await asyncio.sleep(0.05)
    first, second = exchange.stand.placed_at
    assert second - first >= 0.55


def _no_number(caplog: pytest.LogCaptureFixture, *more: str) -> None:
    """Neither a number nor its digits nor the account's token anywhere."""
    everything = "\n".join([*(f"{r.getMessage()} {r.__dict__}" for r in caplog.records), *more])
    for secret in (THEIR_NUMBER, THEIR_NUMBER[1:], "631234577", "38163000077", TOKEN):
        assert secret not in everything
