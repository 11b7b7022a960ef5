"""What stands when processes are killed with SIGKILL: web servers, media nodes, the database, Redis; and how long it takes until
it is as before. The seconds are printed and kept in ``build/recovery.jsonl``."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime

import psycopg
import pytest

from core.errors import AppError
from media.similarity import Samples
from signaling.rehearsal.client import RefusedError, Socket, StaffClient
from signaling.rehearsal.participant import RobotParticipant
from signaling.rehearsal.run import verified
from tests import people
from tests.browser.conftest import running
from tests.scenarios.conftest import Call, House
from tests.services import OWNER, Postgres, Redis, missing
from tests.stack import ROOT, Stack

pytestmark = [pytest.mark.services, pytest.mark.timeout(480)]
TIMINGS = ROOT / "build" / "recovery.jsonl"


def recorded(what: str, began: float) -> float:
    """Seconds since ``began`` (monotonic), told to people."""
    seconds = time.monotonic() - began
    TIMINGS.parent.mkdir(exist_ok=True)
    with TIMINGS.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"what": what, "seconds": round(seconds, 2)}) + "\n")
    print(f"{what}: {seconds:.2f} s")
    return seconds


async def resumed(robot: RobotParticipant, who: StaffClient) -> Socket:
    """The robot's socket goes on, as a browser's does."""
    welcome = robot.socket.welcome
    last = robot.socket.events[-1] if robot.socket.events else None
    after = {last["topic"]: {"epoch": last["epoch"], "seq": last["seq"]}} if last else {}
    return await who.socket(resume={"connection": welcome["connection"], "secret": welcome["secret"]}, after=after)


async def come_back(call: Call) -> None:
    """Both robots resume their sockets and take new media."""
    for robot, who in ((call.desk, call.officer), (call.booth, call.interpreter)):
        await robot.come_back(await resumed(robot, who))


def _heard(call: Call) -> list[float | None]:
    hearings = (call.desk.peer.hearing(call.booth.id), call.booth.peer.hearing(call.desk.id))
    return [None if hearing is None else hearing.first_sound_at for hearing in hearings]


async def both_heard(call: Call) -> None:
    """Both hear each other on their present connections."""
    await call.desk.peer.until(lambda: _heard(call)[0] is not None, timeout=30)
    await call.booth.peer.until(lambda: _heard(call)[1] is not None, timeout=30)


def frames_heard(call: Call) -> list[int]:
    """How many pieces of sound of the other each has heard on the present connection."""
    hearings = (call.desk.peer.hearing(call.booth.id), call.booth.peer.hearing(call.desk.id))
    return [0 if hearing is None else hearing.frames for hearing in hearings]


async def sound_goes_on(call: Call, before: list[int]) -> None:
    """A second of sound more than ``before`` has come to both, on the same connections."""
    await call.desk.peer.until(lambda: frames_heard(call)[0] >= before[0] + 50, timeout=30)
    await call.booth.peer.until(lambda: frames_heard(call)[1] >= before[1] + 50, timeout=30)


def _signals(call: Call) -> int:
    return len([event for event in call.desk.socket.events if event["name"] == "signal.raised"])


async def _another_signal(call: Call, told: int) -> None:
    await call.desk.socket.event("signal.raised", lambda _: _signals(call) > told, timeout=10)


async def word_passes(call: Call) -> None:
    """The interpreter asks for something and the officer's page shows it; sockets that were closed are resumed first."""
    async with asyncio.timeout(90):
        while True:
            try:
                for robot, who in ((call.desk, call.officer), (call.booth, call.interpreter)):
                    if robot.socket.closed is not None:
                        robot._sit(await resumed(robot, who))
                told = _signals(call)
                async with asyncio.timeout(10):  # A question that went down with its connection is asked again.
                    await call.booth.socket.ask("room.signal", kind="slower")
                await _another_signal(call, told)
                return
            except (AppError, TimeoutError, OSError):
                await asyncio.sleep(0.1)


async def answers_again(call: Call) -> None:
    """Requests work again."""
    async with asyncio.timeout(90):
        while True:
            try:
                await call.record()
                return
            except AppError:
                await asyncio.sleep(0.1)


def the_node_of(house: House, call: Call, postgres: Postgres) -> str:
    """Name of the media node that has the room."""
    name = house.stack.database_url.rpartition("/")[2]
    with psycopg.connect(f"{postgres.admin.rpartition('/')[0]}/{name}") as connection:
        row = connection.execute("SELECT media_node FROM sessions WHERE id = %s", (call.session_id,)).fetchone()
    assert row is not None
    return str(row[0])


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    """A server that may be killed and is started again; it keeps what it has acknowledged."""
    server = Postgres.start()
    if server.process is None:
        missing("a PostgreSQL server of our own to kill")
    with psycopg.connect(server.admin, autocommit=True) as connection:
        # The test server is started with late commits; a role's own setting goes before that.
        connection.execute(f"ALTER ROLE {OWNER} SET synchronous_commit = on")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def own_redis() -> Iterator[Redis]:
    """A server that may be killed and is started again."""
    server = Redis.own()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def fragile(own_postgres: Postgres, own_redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An installation of several processes on them, which outlives what they suffer."""
    yield from running("split", tmp_path_factory.mktemp("fragile"), own_postgres, own_redis)


@pytest.fixture
async def fragile_house(fragile: Stack, speech: dict[str, Samples]) -> AsyncIterator[House]:
    """People in it."""
    made = House(fragile, speech, shared=True)
    async with made.exits:
        yield made


@pytest.fixture
async def house(shared_house: House) -> AsyncIterator[House]:
    """People in an installation that all tests of this module use: what one of them kills is started again at its end."""
    yield shared_house
    await asyncio.to_thread(shared_house.stack.mend)


single_only = pytest.mark.parametrize("shared_stack", ["single"], indirect=True)
split_only = pytest.mark.parametrize("shared_stack", ["split"], indirect=True)


def kill_postgres(postgres: Postgres) -> None:
    """As in a crash: SIGKILL, nothing is written down in order."""
    assert postgres.process is not None
    postgres.process.kill()
    postgres.process.wait(10)


def start_postgres(postgres: Postgres) -> None:
    """The same server on its data again; returns when it takes connections."""
    assert postgres.process is not None
    postgres.process = subprocess.Popen(
        postgres.process.args, cwd=postgres.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(postgres.admin, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def kill_signaling(house: House) -> None:
    for name, program in house.stack.programs.items():
        if name.startswith("signaling"):
            program.kill()
    house.stack.mend()


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

    began = time.monotonic()
    await asyncio.to_thread(kill_signaling, house)
    ready = time.monotonic()
    recorded(f"{house.stack.kind}: all web servers killed and started again", began)
    await come_back(call)
    await both_heard(call)
    recorded(f"{house.stack.kind}: from there until both hear each other on new connections", ready)

    assert (await call.desk.hears(call.booth.id, house.speech["interpreter"])).similarity > 0.7
    assert (await call.booth.hears(call.desk.id, house.speech["officer"])).similarity > 0.7
    record = await call.end()
    assert record["state"] == "sealed"
    assert len(record["entries"]) > before
    assert [entry["seq"] for entry in record["entries"]] == list(range(1, len(record["entries"]) + 1))
    assert verified(record)
    case = await call.officer.call("GET", f"/api/cases/{call.case['id']}")
    assert case["steps"][0]["state"] == "held"


@single_only
async def test_a_long_gap_stands_in_the_log(house: House) -> None:
    call = await house.call()
    program = house.stack.programs["signaling-1"]
    await asyncio.to_thread(program.kill)
    await asyncio.sleep(13)  # The gap itself: only losses over 10 s are written (S-11).
    program.start()
    await asyncio.to_thread(program.wait_ready)
    await come_back(call)
    await call.desk.hears(call.booth.id, house.speech["interpreter"])

    record = await call.end()
    kinds = [entry["kind"] for entry in record["entries"]]
    assert "service_gap" in kinds
    assert kinds.count("line_lost") == kinds.count("line_back") == 2
    gap = next(entry for entry in record["entries"] if entry["kind"] == "service_gap")
    assert 8 <= gap["data"]["seconds"] <= 120
    # Nobody was heard meanwhile: but for the first ten seconds of a loss nothing of it counts as interpreted (S-11).
    begun, back, ended = (
        next(entry for entry in record["entries"] if entry["kind"] == kind) for kind in ("started", "resumed", "ended")
    )
    assert back["data"]["seconds"] >= gap["data"]["seconds"] - 11
    whole = (datetime.fromisoformat(ended["at"]) - datetime.fromisoformat(begun["at"])).total_seconds()
    assert ended["data"]["interpreting_s"] <= whole - back["data"]["seconds"] + 1
    assert len(record["interruptions"]) == 3, "both people's lines and our own service"
    assert all(one["seconds"] >= 8 for one in record["interruptions"])
    assert verified(record)


@split_only
async def test_one_media_node_is_killed(house: House, postgres_server: Postgres) -> None:
    call = await house.call()
    node = the_node_of(house, call, postgres_server)
    began = time.monotonic()
    house.stack.programs[node].kill()
    await asyncio.gather(call.desk.start_media(), call.booth.start_media())
    await both_heard(call)
    seconds = recorded("media node killed, another one lives: sound again", began)
    assert seconds < 15
    assert the_node_of(house, call, postgres_server) != node
    assert (await call.desk.hears(call.booth.id, house.speech["interpreter"])).similarity > 0.7
    record = await call.end()
    assert record["state"] == "sealed"
    assert verified(record)


@split_only
async def test_all_media_nodes_are_killed(house: House) -> None:
    call = await house.call()
    nodes = [program for name, program in house.stack.programs.items() if name.startswith("media")]
    for program in nodes:
        program.kill()
    began = time.monotonic()
    nodes[0].start()
    async with asyncio.timeout(90):
        while True:
            try:
                await call.desk.start_media()
                await call.booth.start_media()
                break
            except AppError:
                await asyncio.sleep(0.2)  # The new node has to announce itself first.
    await both_heard(call)
    recorded("all media nodes killed, one started again: sound again, with the start of its process", began)
    assert (await call.desk.hears(call.booth.id, house.speech["interpreter"])).similarity > 0.7
    record = await call.end()
    assert record["state"] == "sealed"
    assert verified(record)


@split_only
async def test_one_of_two_web_servers_is_killed(house: House) -> None:
    call = await house.call()
    other = house.stack.urls[1]
    desk, booth = await house.staff(people.OFFICER, other), await house.staff(people.interpreter(1), other)
    frames = frames_heard(call)
    house.stack.programs["signaling-1"].kill()
    began = time.monotonic()
    sockets = await asyncio.gather(resumed(call.desk, desk), resumed(call.booth, booth))
    recorded("one of two web servers killed: both sockets go on at the other", began)
    for robot, socket in zip((call.desk, call.booth), sockets, strict=True):
        robot._sit(socket)
    await call.booth.socket.ask("room.signal", kind="slower")
    await call.desk.socket.event("signal.raised")
    recorded("one of two web servers killed: word from one person reaches the other", began)
    await sound_goes_on(call, frames)
    call.officer = desk
    record = await call.end()
    assert record["state"] == "sealed"
    assert "line_lost" not in [entry["kind"] for entry in record["entries"]]
    assert verified(record)


async def test_the_database_is_killed_during_a_call(fragile_house: House, own_postgres: Postgres) -> None:
    call = await fragile_house.call()
    before = (await call.record())["entries"]
    frames = frames_heard(call)
    kill_postgres(own_postgres)
    with pytest.raises(RefusedError) as refused:
        await call.record()
    assert refused.value.http_status == 503
    assert refused.value.code != "unknown"
    await sound_goes_on(call, frames)
    start_postgres(own_postgres)
    began = time.monotonic()
    await answers_again(call)
    recorded("database killed and back: requests are answered again", began)
    await word_passes(call)
    recorded("database killed and back: words pass between the people", began)
    await sound_goes_on(call, frames_heard(call))
    record = await call.end()
    assert record["entries"][: len(before)] == before
    assert record["state"] == "sealed"
    assert verified(record)


async def test_redis_is_killed_during_a_call(fragile_house: House, own_redis: Redis) -> None:
    call = await fragile_house.call()
    before = (await call.record())["entries"]
    frames = frames_heard(call)
    own_redis.kill()
    assert (await call.record())["entries"] == before, "facts are read without Redis"
    await sound_goes_on(call, frames)
    own_redis.lose()
    own_redis.resume()
    began = time.monotonic()
    await word_passes(call)
    recorded("Redis killed, emptied and back: words pass between the people", began)
    await sound_goes_on(call, frames_heard(call))
    record = await call.end()
    assert record["entries"][: len(before)] == before
    assert record["state"] == "sealed"
    assert verified(record)
