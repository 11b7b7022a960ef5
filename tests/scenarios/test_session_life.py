"""The life of sessions between robots: breaks, a lost interpreter and a replacement, signals, appointments, who sees what."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from signaling.rehearsal.client import RefusedError, Socket
from signaling.rehearsal.run import verified
from tests import people
from tests.scenarios.conftest import House

pytestmark = [pytest.mark.services, pytest.mark.timeout(480)]


async def test_break_signals_and_language(shared_house: House) -> None:
    call = await shared_house.call()
    desk, booth = call.desk.socket, call.booth.socket
    await booth.ask("room.signal", kind="slower")
    raised = await desk.event("signal.raised")
    assert raised["data"]["kind"] == "slower"
    await desk.ask("room.got_it", signal_id=raised["data"]["signal_id"])
    await booth.event("signal.cleared")

    async with await call.officer.socket() as own:
        await booth.ask("room.signal", kind="concern")
        concern = await own.event("signal.raised", lambda data: data["kind"] == "concern")
        assert concern["data"]["session_id"] == call.session_id
    assert not [e for e in booth.events if e["name"] == "signal.raised" and e["data"]["kind"] == "concern"]

    await booth.ask("room.pause")
    await desk.event("session.changed", lambda data: data["state"] == "paused" and data["reason"] == "break")
    await desk.ask("room.resume")
    await booth.event("session.changed", lambda data: data["state"] == "active" and data["at"] > raised["at"])
    await booth.ask("room.language", code="prs")
    await desk.event("language.confirmed", lambda data: data["code"] == "prs")

    assert [e["name"] for e in booth.events if e["name"] == "log.appended"] == [], "the log is the officer's"
    record = await call.end()
    kinds = [entry["kind"] for entry in record["entries"]]
    assert kinds.count("paused") == kinds.count("resumed") == 1
    assert record["language_confirmed"] == "prs"
    assert "concern" not in str(record["entries"])
    case = await call.officer.call("GET", f"/api/cases/{call.case['id']}")
    assert [(one["state"], one["raised_by_part"]) for one in case["referrals"]] == [("open", "interpreter")], "S-10"
    assert case["languages"][0]["code"] == "prs"
    assert case["languages"][0]["source"] == "interpreter_confirmed"
    assert verified(record)


async def test_a_replacement_keeps_the_session(shared_house: House) -> None:
    call = await shared_house.call(1)
    second, bell = await shared_house.available(3)
    await call.booth.socket.ask("room.recuse", reason="knows_person")
    await call.desk.socket.event("session.changed", lambda data: data["state"] == "paused")

    accepted = await shared_house.accept(second, bell)
    assert accepted["session_id"] == call.session_id
    booth = await shared_house.sit(second, call.session_id, "interpreter")
    assert (await call.desk.hears(booth.id, shared_house.speech["interpreter"])).similarity > 0.7
    with pytest.raises(RefusedError, match="session_unknown"):
        await call.interpreter.call("POST", f"/api/sessions/{call.session_id}/join")

    record = await call.end()
    kinds = [entry["kind"] for entry in record["entries"]]
    assert {"recused", "recheck", "replaced"} <= set(kinds)
    assert record["interpreter"]["code"] == people.interpreter(3).code
    assert record["state"] == "sealed"
    assert verified(record)


async def test_a_lost_line_is_written_when_it_is_long(shared_one: House) -> None:
    call = await shared_one.call()
    lost = call.booth.socket
    lost.cut()
    await call.booth.peer.close()
    await call.desk.socket.event("participant.changed", lambda data: data["state"] == "lost")
    await call.desk.socket.event(
        "session.changed", lambda data: data["state"] == "paused" and data["reason"] == "interpreter_lost", timeout=30
    )
    resume = {"connection": lost.welcome["connection"], "secret": lost.welcome["secret"]}
    await call.booth.come_back(await call.interpreter.socket(resume=resume))
    await call.desk.socket.event(
        "session.changed", lambda data: data["state"] == "active" and data["interpreting_s"] > 0, timeout=30
    )
    record = await call.end()
    back = next(entry for entry in record["entries"] if entry["kind"] == "line_back")
    assert back["data"]["part"] == "interpreter"
    assert back["data"]["seconds"] >= 10
    assert record["interruptions"][0]["seconds"] >= 10


async def test_a_short_cut_leaves_no_trace_and_loses_nothing(shared_house: House) -> None:
    call = await shared_house.call()
    socket = call.desk.socket
    seen = {event["seq"]: event["name"] for event in socket.events if event["topic"].startswith("room:")}
    last = max(seen)
    epoch = socket.events[-1]["epoch"]
    socket.cut()
    for kind in ("slower", "repeat", "shorter"):
        await call.booth.socket.ask("room.signal", kind=kind)
    again = await call.officer.socket(
        resume={"connection": socket.welcome["connection"], "secret": socket.welcome["secret"]},
        after={f"room:{call.session_id}": {"epoch": epoch, "seq": last}},
    )
    assert again.welcome["replay"][f"room:{call.session_id}"] == "continued"
    await again.event("signal.raised", lambda data: data["kind"] == "shorter")
    numbers = [event["seq"] for event in again.events if event["topic"].startswith("room:")]
    assert numbers == list(range(last + 1, last + 1 + len(numbers))), "no gaps, no doubles"
    kinds = [event["data"]["kind"] for event in again.events if event["name"] == "signal.raised"]
    assert kinds == ["slower", "repeat", "shorter"]
    await call.desk.come_back(again)
    booth = call.booth.socket
    booth.cut()
    record = await call.end()
    assert "line_lost" not in [entry["kind"] for entry in record["entries"]]
    # Ended while the interpreter's line was away: that is what their page hears, and not that it may not come in.
    with pytest.raises(RefusedError, match="session_over"):
        await call.interpreter.socket(
            resume={"connection": booth.welcome["connection"], "secret": booth.welcome["secret"]}
        )


async def test_somebody_who_leaves_is_answered_and_never_lost(shared_house: House) -> None:
    call = await shared_house.call()
    booth = call.booth.socket
    await booth.ask("room.leave")
    assert await booth.wait_closed() == (1000, "left")
    await call.desk.socket.event("participant.left", lambda data: data["id"] == call.booth.id)
    states = [e["data"]["state"] for e in call.desk.socket.events if e["name"] == "participant.changed"]
    assert "lost" not in states
    resume = {"connection": booth.welcome["connection"], "secret": booth.welcome["secret"]}
    with pytest.raises(RefusedError, match="resume_refused"):
        await call.interpreter.socket(resume=resume)
    record = await call.end()
    assert [entry["data"]["part"] for entry in record["entries"] if entry["kind"] == "left"] == ["interpreter"]


async def test_an_end_that_was_pressed_into_a_broken_line_ends_the_talk_once(shared_one: House) -> None:
    """The line was away when it was pressed, and broke once more before the answer came: what the page sends again under one id."""
    call = await shared_one.call()

    async def back(before: Socket) -> Socket:
        resume = {"connection": before.welcome["connection"], "secret": before.welcome["secret"]}
        return await call.officer.socket(resume=resume)

    press = {"id": "press-1", "outcome": "completed"}
    call.desk.socket.cut()
    socket = await back(call.desk.socket)
    await socket.send_raw(json.dumps({"t": "room.end", **press}))
    await call.booth.socket.event("room.closed", timeout=45)
    mine = [e["data"] for e in call.booth.socket.events if e["name"] == "participant.left"]
    assert {data["reason"] for data in mine} <= {"ended"}, "nobody is told that they left"
    socket.cut()
    with pytest.raises(RefusedError, match="session_over"):
        await back(socket)
    record = await call.record()
    assert record["state"] == "sealed"
    assert [entry["kind"] for entry in record["entries"]].count("ended") == 1
    assert verified(record)


async def test_an_appointment_is_confirmed_and_opens(shared_house: House) -> None:
    officer = await shared_house.staff(people.OFFICER)
    interpreter, bell = await shared_house.available(1)
    case = await shared_house.case(officer)
    starts = (datetime.now(UTC) + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    booking = await shared_house.ask(officer, case, kind="appointment", starts_at=starts.isoformat(), minutes=30)
    assert booking["state"] == "offering"
    accepted = await shared_house.accept(interpreter, bell)
    with pytest.raises(RefusedError, match="join_not_open"):
        await officer.call("POST", f"/api/sessions/{accepted['session_id']}/join")
    own = await interpreter.call(
        "GET", f"/api/interpreter/assignments?from={starts.date()}T00:00:00Z&to={starts.date()}T23:59:59Z"
    )
    assert [one["state"] for one in own["items"]] == ["confirmed"]
    clash = await shared_house.case(officer)
    late = await shared_house.ask(officer, clash, kind="appointment", starts_at=starts.isoformat(), minutes=30)
    async with asyncio.timeout(30):
        while True:
            offers = (await interpreter.call("GET", "/api/interpreter/home"))["offers"]
            if not [one for one in offers if one["id"] not in shared_house.taken]:
                break
            await asyncio.sleep(0.1)
    view = await officer.call("GET", f"/api/bookings/{late['id']}")
    assert people.interpreter(1).code not in [offer["interpreter_code"] for offer in view["offers"]], (
        "already taken at that time"
    )


async def test_what_an_interpreter_is_told_before_accepting(shared_house: House) -> None:
    officer = await shared_house.staff(people.OFFICER)
    _, bell = await shared_house.available(1)
    case = await shared_house.case(officer, country_of_origin="AF", needs=["EXTRA_BREAKS"])
    await shared_house.ask(officer, case)
    offer = (await bell.event("offer.sent"))["data"]
    told = str(offer)
    for secret in (case["case_ref"], case["id"], people.OFFICER.code, "AF'", "RS-ID-10"):
        assert secret not in told
    assert offer["stage"] == "identification"
