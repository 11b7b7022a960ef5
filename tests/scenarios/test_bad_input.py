"""Whatever comes over the socket: coded answers, closed doors, and the room goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import string
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from core.clock import new_id
from signaling.rehearsal.client import RefusedError
from tests import people
from tests.scenarios.conftest import House

pytestmark = [pytest.mark.services, pytest.mark.timeout(480)]
FLOOD = 10_000
SOCKETS = 40


async def code_of(awaitable: Any) -> str:
    with pytest.raises(RefusedError) as refused:
        await awaitable
    return refused.value.code


async def test_the_room_goes_on(shared_one: House) -> None:
    call = await shared_one.call()
    desk, booth = call.desk.socket, call.booth.socket

    assert await code_of(desk.ask("media.answer", generation=1, negotiation=99, sdp="v=0")) in {
        "sdp_invalid", "stale_generation", "stale_negotiation",
    }  # fmt: skip
    for sdp in (
        "",
        "nonsense",
        "v=0\r\n" * 500,
        "\x00\x01\x02",
        "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:99\r\n",
    ):
        offered = call.desk.peer.generation
        found = await code_of(desk.ask("media.answer", generation=offered, negotiation=1, sdp=sdp))
        assert found in {"sdp_invalid", "stale_generation", "stale_negotiation"}
    for candidate in ("", "candidate:x", "candidate:1 1 udp 1 999.999.1.1 1 typ host", "\u202e" * 200):
        with contextlib.suppress(RefusedError):
            await desk.ask("media.candidate", generation=call.desk.peer.generation, candidate=candidate, mid="0")
    assert await code_of(desk.ask("room.dance")) == "message_malformed"
    assert await code_of(desk.ask("room.language", code="pes")) == "not_for_your_part"
    assert await code_of(booth.ask("room.end", outcome="completed")) == "not_for_your_part"
    assert await code_of(booth.ask("room.language", code="zzz")) == "language_unknown"
    assert await code_of(desk.ask("follow", topic="room:session_of_others")) == "topic_not_yours"
    assert await code_of(desk.ask("follow", topic="board:RS")) == "topic_not_yours"
    assert await code_of(desk.ask("hello", v=1)) in {"hello_again", "message_malformed"}

    first = await desk.ask("room.signal", id="the-same", kind="slower")
    assert await desk.ask("room.signal", id="the-same", kind="slower") == first, "a repeated message is done once"

    assert (await call.desk.hears(call.booth.id, shared_one.speech["interpreter"])).similarity > 0.7
    record = await call.end()
    assert [entry["kind"] for entry in record["entries"]].count("signal") == 1


async def test_grants_tickets_and_origins(shared_one: House) -> None:
    officer = await shared_one.staff(people.OFFICER)
    interpreter, bell = await shared_one.available(1)
    booking = await shared_one.ask(officer, await shared_one.case(officer))
    session_id = (await shared_one.accept(interpreter, bell))["session_id"]
    join = await officer.call("POST", f"/api/sessions/{session_id}/join")

    assert await code_of(interpreter.socket(grant=join["grant"])) == "not_signed_in", "somebody else's grant"
    join = await officer.call("POST", f"/api/sessions/{session_id}/join")
    async with await officer.socket(grant=join["grant"]):
        assert await code_of(officer.socket(grant=join["grant"])) == "token_invalid", "a replayed grant"
    assert await code_of(officer.socket(grant="x" * 43)) == "token_invalid"
    assert await code_of(officer.socket(resume={"connection": "conn_x", "secret": "y" * 32})) == "resume_refused"

    ticket = (await officer.call("POST", "/api/socket-ticket"))["ticket"]
    async with await officer.socket(ticket=ticket):
        pass
    stranger = await shared_one.staff(people.COORDINATOR)
    assert await code_of(stranger.call("POST", f"/api/sessions/{session_id}/join")) in {
        "forbidden",
        "session_unknown",
        "not_allowed",
    }
    assert await code_of(stranger.call("POST", f"/api/bookings/{booking['id']}/callback")) in {
        "forbidden",
        "not_allowed",
    }


async def test_ten_thousand_random_messages(shared_one: House) -> None:
    call = await shared_one.call()
    rnd = random.Random(7)
    kinds = [
        "hello",
        "ping",
        "follow",
        "media.start",
        "media.answer",
        "room.signal",
        "room.end",
        "room.pause",
        "x",
        "",
        None,
        7,
    ]

    def value(depth: int = 0) -> Any:
        makers: list[Callable[[], Any]] = [
            lambda: rnd.random() * 1e9,
            lambda: rnd.choice([True, False, None]),
            lambda: "".join(rnd.choices(string.printable, k=rnd.randrange(60))),
            lambda: rnd.randrange(-(2**63), 2**63),
            lambda: "\u0627\u202e" * rnd.randrange(20),
            lambda: [value(depth + 1) for _ in range(rnd.randrange(4))],
            lambda: {str(rnd.random()): value(depth + 1)},
        ]
        return rnd.choice(makers if depth < 3 else makers[:5])()

    def message() -> str:
        if rnd.random() < 0.3:
            return "".join(rnd.choices(string.printable, k=rnd.randrange(200)))
        body = {"t": rnd.choice(kinds), "id": rnd.choice([new_id("m"), value(), "m"])}
        body |= {rnd.choice(["sdp", "topic", "kind", "want", "code", "outcome", "grant"]): value() for _ in range(3)}
        return json.dumps(body)

    sent, closed = 0, list[int]()
    stranger = await shared_one.staff(people.OFFICER_MK)
    while sent < FLOOD and len(closed) < FLOOD:
        socket = await stranger.socket()
        with contextlib.suppress(ConnectionClosed):
            for _ in range(FLOOD // SOCKETS):
                sent += 1
                await socket.send_raw(message())
        code, _ = await socket.wait_closed(timeout=30) if socket.closed is None else socket.closed
        closed.append(code)
        await socket.close()
    assert set(closed) <= {4400, 4429}, closed
    assert (await call.desk.hears(call.booth.id, shared_one.speech["interpreter"])).similarity > 0.7
    assert (await call.end())["state"] == "sealed"


async def test_an_oversized_frame_closes_only_its_socket(shared_one: House) -> None:
    call = await shared_one.call()
    stranger = await shared_one.staff(people.OFFICER_MK)
    socket = await stranger.socket()
    await socket.send_raw(json.dumps({"t": "ping", "id": "x" * 100_000}))
    code, _ = await socket.wait_closed()
    assert code in {1009, 4400}
    await asyncio.gather(call.desk.socket.ask("ping"), call.booth.socket.ask("ping"))
    assert (await call.end())["state"] == "sealed"
