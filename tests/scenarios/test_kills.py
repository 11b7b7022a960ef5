"""What stands when processes are killed: between accept and join, in the middle of a call, and the media node alone."""

from __future__ import annotations

import asyncio

import pytest

from core.errors import AppError
from signaling.rehearsal.run import verified
from tests import people
from tests.scenarios.conftest import Call, House

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]


async def come_back(call: Call) -> None:
    """Both robots resume their sockets, as browsers do, and take new media."""
    for robot, who in ((call.desk, call.officer), (call.booth, call.interpreter)):
        welcome = robot.socket.welcome
        last = robot.socket.events[-1] if robot.socket.events else None
        after = {last["topic"]: {"epoch": last["epoch"], "seq": last["seq"]}} if last else {}
        socket = await who.socket(
            resume={"connection": welcome["connection"], "secret": welcome["secret"]}, after=after
        )
        await robot.come_back(socket)


def kill_signaling(house: House) -> None:
    for name, program in house.stack.programs.items():
        if name.startswith("signaling"):
            program.kill()
    for name, program in house.stack.programs.items():
        if name.startswith("signaling"):
            program.start()
    for program in house.stack.programs.values():
        program.wait_ready()


async def test_killed_between_accept_and_join(house: House) -> None:
    officer = await house.staff(people.OFFICER)
    interpreter, bell = await house.available(1)
    case = await house.case(officer)
    booking = await house.ask(officer, case)
    session_id = (await house.accept(interpreter, bell))["session_id"]

    await asyncio.to_thread(kill_signaling, house)

    again = await officer.call("GET", f"/api/bookings/{booking['id']}")
    assert again["state"] == "assigned"
    assert again["session_id"] == session_id
    desk = await house.sit(officer, session_id, "officer")
    booth = await house.sit(interpreter, session_id, "interpreter")
    await desk.socket.event("session.changed", lambda data: data["state"] == "active", timeout=30)
    assert (await desk.hears(booth.id, house.speech["interpreter"])).similarity > 0.7


async def test_killed_in_the_middle_of_a_call(house: House) -> None:
    call = await house.call()
    before = len((await call.record())["entries"])

    await asyncio.to_thread(kill_signaling, house)
    await come_back(call)

    assert (await call.desk.hears(call.booth.id, house.speech["interpreter"])).similarity > 0.7
    assert (await call.booth.hears(call.desk.id, house.speech["officer"])).similarity > 0.7
    record = await call.end()
    assert record["state"] == "sealed"
    assert len(record["entries"]) > before
    assert [entry["seq"] for entry in record["entries"]] == list(range(1, len(record["entries"]) + 1))
    assert verified(record)
    case = await call.officer.call("GET", f"/api/cases/{call.case['id']}")
    assert case["steps"][0]["state"] == "held"


async def test_a_long_gap_stands_in_the_log(one_house: House) -> None:
    call = await one_house.call()
    program = one_house.stack.programs["signaling-1"]
    await asyncio.to_thread(program.kill)
    await asyncio.sleep(13)  # The gap itself: only losses over 10 s are written (S-11).
    program.start()
    await asyncio.to_thread(program.wait_ready)
    await come_back(call)
    await call.desk.hears(call.booth.id, one_house.speech["interpreter"])

    record = await call.end()
    kinds = [entry["kind"] for entry in record["entries"]]
    assert "service_gap" in kinds
    assert kinds.count("line_lost") == kinds.count("line_back") == 2
    gap = next(entry for entry in record["entries"] if entry["kind"] == "service_gap")
    assert 8 <= gap["data"]["seconds"] <= 60
    assert len(record["interruptions"]) == 3, "both people's lines and our own service"
    assert all(one["seconds"] >= 8 for one in record["interruptions"])
    assert verified(record)


async def test_the_media_nodes_alone_are_killed(split_house: House) -> None:
    house = split_house
    call = await house.call()
    described = {name: p for name, p in house.stack.programs.items() if name.startswith("media")}
    for program in described.values():
        program.kill()
    next(iter(described.values())).start()
    async with asyncio.timeout(40):
        while True:
            try:
                await call.desk.start_media()
                await call.booth.start_media()
                break
            except AppError:
                await asyncio.sleep(0.5)  # The new node has to announce itself first.
    assert (await call.desk.hears(call.booth.id, house.speech["interpreter"])).similarity > 0.7
    record = await call.end()
    assert record["state"] == "sealed"
    assert verified(record)
