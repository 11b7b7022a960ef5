"""The ladder at work: a lost line is counted down, rung, joined, left again; each step told and logged, nothing twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.errors import Conflict, Forbidden
from records.lifecycle import EndReason, Outcome, PauseReason, SessionState
from signaling.fallback.models import FallbackCall
from signaling.fallback.services import Fallback
from signaling.fallback.states import CallState
from signaling.realtime.protocol import RoomResume
from signaling.telephony.port import CallReason, LegWhy
from tests.signaling.fallback.ladder import SYSTEM, Stage, staged
from tests.signaling.house import settings_for


async def rung(stage: Stage) -> None:
    """The interpreter's line is lost until the telephone rings."""
    await stage.lose()
    await stage.after(5)
    await stage.after(16)
    assert [place for place, _ in stage.phone.placed] == [(await stage.place("interpreter")).id]


async def test_a_lost_line_is_counted_down_and_rung_within_thirty_seconds(stage: Stage) -> None:
    lost_at = stage.clock.now()
    await stage.lose()
    await stage.after(2)
    assert (await stage.view())["phone"] == [], "short losses heal by themselves"
    await stage.after(3)
    [shown] = (await stage.view())["phone"]
    assert (shown["state"], shown["why"]) == ("waiting", "line_lost")
    assert shown["at"] == (lost_at + timedelta(seconds=20)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert stage.phone.placed == []
    for _ in range(8):
        await stage.after(2)
    assert stage.phone.placed == [((await stage.place("interpreter")).id, CallReason.LOST_LINK)]
    assert stage.clock.now() - lost_at <= timedelta(seconds=30)
    for _ in range(10):
        await stage.after(2)
    assert len(stage.phone.placed) == 1, "once for each loss"
    assert [one["event"] for one in await stage.log("phone_call")] == ["rung"]


async def test_a_line_that_comes_back_in_time_is_not_rung(stage: Stage) -> None:
    await stage.lose()
    await stage.after(6)
    await stage.sit("interpreter")
    await stage.after(2)
    [call] = await stage.calls()
    assert (call.state, call.why) == (CallState.STOPPED, "line_back")
    await stage.after(60)
    assert stage.phone.placed == []
    assert (await stage.told())[-1]["phone"] == []


async def test_by_telephone_the_talk_goes_on_and_the_log_says_how(stage: Stage) -> None:
    await rung(stage)
    assert (await stage.session()).state is SessionState.PAUSED
    await stage.leg("ringing")
    assert (await stage.view())["phone"][0]["state"] == "ringing"
    stage.clock.advance(6)
    await stage.leg("in_room")
    await stage.heard("interpreter")
    session = await stage.session()
    assert session.state is SessionState.ACTIVE
    view = await stage.view()
    assert (view["medium"], view["block_limit_min"]) == ("phone", 30)
    assert (view["phone"][0]["state"], view["phone"][0]["browser"]) == ("in_room", False)
    back = await stage.log("line_back")
    assert [one["seconds"] for one in back] == [27]
    assert [(one["mode"], one["reason"]) for one in await stage.log("mode")][-1] == ("phone", "line_lost")
    await stage.after(30)
    assert (await stage.session()).state is SessionState.ACTIVE, "whoever is on the telephone is not lost"


async def test_the_way_back_is_a_tap_of_the_one_on_the_telephone(stage: Stage) -> None:
    await rung(stage)
    await stage.leg("in_room")
    await stage.heard("interpreter")
    await stage.sit("interpreter")
    await stage.after(30)
    assert stage.phone.ended == [], "never by itself in the middle of a sentence"
    assert (await stage.view())["phone"][0]["browser"] is True
    with pytest.raises(Forbidden):
        await stage.phone_word("officer", "back")
    await stage.phone_word("interpreter", "back")
    [leg_id] = stage.phone.ended
    assert stage.phone.ended_why is LegWhy.REPLACED, "nobody took it back: they are in by their page again"
    await stage.leg("ended", "replaced", leg_id)
    await stage.change("interpreter", media_lost_at=None, video=True)
    await stage.heard("interpreter")
    assert [(one["mode"], one["reason"]) for one in await stage.log("mode")][-1] == ("video", "back_to_video")
    assert (await stage.log("fallback"))[-1]["rung"] == "video"
    await stage.after(2)
    assert (await stage.view())["phone"] == []


async def test_somebody_says_not_by_phone(stage: Stage) -> None:
    await stage.lose()
    await stage.after(6)
    await stage.phone_word("officer", "stop")
    await stage.after(60)
    assert stage.phone.placed == []
    [shown] = (await stage.view())["phone"]
    assert (shown["state"], shown["why"]) == ("offer", "not_by_phone")
    await stage.phone_word("officer", "ring")
    assert len(stage.phone.placed) == 1, "asked for again, it rings at once"


async def test_ring_now_does_not_wait(stage: Stage) -> None:
    await stage.lose()
    await stage.after(6)
    await stage.phone_word("officer", "ring")
    assert len(stage.phone.placed) == 1
    with pytest.raises(Conflict, match="call_under_way"):
        await stage.phone_word("officer", "ring")


async def test_ringing_at_once_from_two_taps_and_a_round_is_one_call(stage: Stage) -> None:
    await stage.lose()
    await stage.after(6)
    stage.clock.advance(15)
    taps = [stage.phone_word("officer", "ring") for _ in range(3)]
    await asyncio.gather(*taps, stage.fallback.round(), stage.fallback.round(), return_exceptions=True)
    await stage.fallback.round()
    assert len(stage.phone.placed) == 1
    assert [one["event"] for one in await stage.log("phone_call")] == ["rung"]


async def test_a_call_that_nobody_takes_offers_the_next_rung(stage: Stage) -> None:
    await rung(stage)
    await stage.leg("ringing")
    await stage.leg("ended", "no_answer")
    await stage.after(2)
    view = await stage.view()
    assert (view["phone"][0]["state"], view["phone"][0]["why"]) == ("offer", "unanswered")
    assert view["offered"] == ["phone", "callback", "cards"]
    await stage.after(60)
    assert len(stage.phone.placed) == 1


async def test_news_of_a_leg_that_come_twice_late_or_first_change_nothing(stage: Stage) -> None:
    await rung(stage)
    await stage.leg("in_room")
    await stage.leg("ringing")
    assert (await stage.view())["phone"][0]["state"] == "in_room"
    leg_id = next(iter(stage.phone.legs))
    legs = dict(stage.phone.legs)
    await stage.leg("ended", "hung_up")
    stage.phone.legs.update(legs)
    await stage.leg("ended", "hung_up", leg_id)
    [call] = await stage.calls()
    assert (call.state, call.why) == (CallState.ENDED, "hung_up")


async def test_a_process_that_dies_while_it_places_the_call_is_followed_by_another(stage: Stage) -> None:
    await stage.lose()
    await stage.after(6)
    stage.clock.advance(15)
    real = stage.fallback.service._settle

    async def killed(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    stage.fallback.service._settle = killed  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await stage.fallback.round()
    stage.fallback.service._settle = real  # type: ignore[method-assign]
    [call] = await stage.calls()
    assert call.state is CallState.PLACING
    other = Fallback.build(
        stage.services.database, stage.services.catalogue, stage.services.session_log, stage.services.calls, stage.phone
    )
    stage.clock.advance(2)
    await other.round()
    assert (await stage.calls())[0].state is CallState.PLACING, "it may still be at work"
    stage.clock.advance(6)
    await other.round()
    [call] = await stage.calls()
    assert call.state is CallState.CALLING
    assert len(stage.phone.placed) == 1, "the same leg again"


async def test_without_a_telephone_the_product_says_so_and_goes_to_the_next_rung(stage: Stage) -> None:
    stage.phone.configured = False
    await stage.lose()
    await stage.after(22)
    await stage.after(2)
    view = await stage.view()
    assert view["closed"] == [{"rung": "phone", "why": "not_configured"}]
    assert view["offered"] == ["callback", "cards"]
    [noted] = await stage.log("fallback")
    assert (noted["rung"], noted["reason"]) == ("callback", "not_configured")
    with pytest.raises(Conflict, match="telephony_not_configured"):
        await stage.phone_word("officer", "ring")


async def test_an_interpreter_without_a_number_is_not_rung(stage: Stage) -> None:
    place = await stage.place("interpreter")
    stage.phone.nobody.add(str(place.user_id))
    await stage.lose()
    await stage.after(30)
    assert stage.phone.placed == []
    assert (await stage.view())["closed"] == [{"rung": "phone", "why": "no_number"}]


async def test_telephony_that_refuses_is_written_down_and_not_tried_for_ever(stage: Stage) -> None:
    stage.phone.refuses = "phone_not_allowed"
    await stage.lose()
    await stage.after(30)
    await stage.after(30)
    assert [(one["event"], one["reason"]) for one in await stage.log("phone_call")] == [
        ("not_rung", "phone_not_allowed")
    ]


async def test_in_a_break_nobody_is_rung_by_itself(stage: Stage) -> None:
    async with stage.world.database.unit(SYSTEM) as uow:
        await stage.world.log.pause(uow, stage.session_id, reason=PauseReason.BREAK)
    await stage.lose()
    await stage.after(30)
    assert stage.phone.placed == []
    assert (await stage.view())["phone"][0]["why"] == "break"


async def test_sound_only_for_everybody_and_back_by_one_tap(stage: Stage) -> None:
    await stage.sound_only(on=True)
    assert (await stage.told())[-1]["sound_only"] is True
    for part in ("officer", "interpreter"):
        await stage.change(part, video=False, has_video=False, video_why="sound_only")
    await stage.services.calls.note_mode(stage.session_id, "")
    assert (await stage.log("mode"))[-1] == {"kind": "mode", "mode": "audio", "reason": "sound_only"}
    await stage.sound_only(on=False)
    await stage.sound_only(on=False)
    assert [one["rung"] for one in await stage.log("fallback")] == ["audio", "video"]


async def test_after_more_than_a_minute_the_question_is_repeated(stage: Stage) -> None:
    stage.phone.configured = False
    await stage.lose()
    await stage.after(12)
    await stage.after(60)
    await stage.sit("interpreter")
    await stage.after(2)
    assert (await stage.view())["repeat"]["seconds"] == 72
    await stage.go_on("repeat")
    assert (await stage.view())["repeat"] is None


# the person's agreement (S-11)


async def on_phone(stage: Stage) -> None:
    await rung(stage)
    await stage.leg("in_room")
    await stage.heard("interpreter")


async def test_in_an_asylum_step_it_goes_on_by_telephone_only_when_the_person_agrees(asylum: Stage) -> None:
    await asylum.guest()
    await on_phone(asylum)
    assert (await asylum.session()).state is SessionState.PAUSED
    assert (await asylum.view())["agreement"] == {"answer": "asked", "how": None}
    room = asylum.services.live.socket.room
    with pytest.raises(Conflict, match="agreement_needed"):
        await room.handle(await asylum.place("officer"), RoomResume(t="room.resume", id="1"))
    await asylum.agree("applicant", yes=True)
    assert (await asylum.session()).state is SessionState.ACTIVE
    [answer] = await asylum.log("agreement")
    assert (answer["answer"], answer["how"], answer["question"]) == ("yes", "own_screen", "phone")


async def test_a_no_leads_to_the_proposal_to_stop_and_book_again(asylum: Stage) -> None:
    await on_phone(asylum)
    await asylum.agree("officer", yes=False)
    view = await asylum.view()
    assert (view["agreement"], view["stop"]["reason"]) == ({"answer": "no", "how": "interpreter"}, "person_refused")
    assert view["offered"] == ["callback"]
    assert (await asylum.session()).state is SessionState.PAUSED
    with pytest.raises(Conflict, match="agreement_needed"):
        await asylum.go_on("stop")
    await asylum.agree("officer", yes=True)
    assert (await asylum.view())["stop"] is None
    assert (await asylum.session()).state is SessionState.ACTIVE


async def test_the_next_time_the_person_is_asked_anew(asylum: Stage) -> None:
    await on_phone(asylum)
    await asylum.agree("officer", yes=True)
    await asylum.leg("ended", "hung_up")
    assert (await asylum.view())["agreement"] is None
    await asylum.after(5)
    await asylum.after(17)
    assert len(asylum.phone.placed) == 2, "a new loss is rung anew"
    await asylum.leg("in_room")
    assert (await asylum.view())["agreement"] == {"answer": "asked", "how": None}


async def test_interruptions_of_an_asylum_interview_propose_to_stop(
    sqlite_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    settings = settings_for(sqlite_url, tmp_path)
    async with staged(settings, clock, step="RS-ASY-10", as_step="RS-ASY-50") as interview:
        for number in range(4):
            assert (await interview.view())["stop"] is None, number
            await interview.lose()
            await interview.after(12)
            await interview.after(12)
            await interview.sit("interpreter")
        await interview.after(2)
        assert interview.phone.placed == [], "this step allows no telephone"
        assert (await interview.view())["stop"]["reason"] == "interruptions"
        assert len(await interview.log("stop_proposed")) == 1
        await interview.go_on("stop")
        await interview.after(2)
        assert (await interview.view())["stop"] is None
        assert [one["losses"] for one in await interview.log("stop_declined")] == [4]


async def test_a_talk_that_ends_while_a_call_is_counted_down_rings_nobody(stage: Stage) -> None:
    await stage.lose()
    await stage.after(5)
    assert [call.state for call in await stage.calls()] == [CallState.WAITING]
    await stage.services.calls.close(stage.session_id, Outcome.COMPLETED, EndReason.FINISHED, by="officer")
    stage.clock.advance(60)
    for _ in range(2):
        await stage.fallback.round()
    (call,) = await stage.calls()
    assert (call.state, call.why) == (CallState.STOPPED, "not_running")
    assert stage.phone.placed == []


async def test_a_call_that_was_being_placed_when_the_talk_ended_is_over(stage: Stage) -> None:
    """Its step has no place in the sealed log any more: without this it would be tried for ever."""
    await stage.lose()
    await stage.after(5)
    (call,) = await stage.calls()
    async with stage.world.database.unit(SYSTEM) as uow:
        row = await uow.session.get_one(FallbackCall, call.id)
        row.state, row.placed_at = CallState.PLACING, uow.now
    await stage.services.calls.close(stage.session_id, Outcome.COMPLETED, EndReason.FINISHED, by="officer")
    stage.phone.refuses = "session_over"
    stage.clock.advance(60)
    await stage.fallback.round()
    (call,) = await stage.calls()
    assert (call.state, call.why) == (CallState.ENDED, "session_over")
