"""How long the job takes for people: from the request to the ring, and from accepting to the first sound of the other side; one call
at a time, first alone, then while 49 other calls stand.

Robots over the public interface of one running process (SQLite, bus and media node inside), all on this machine. The measured robots
encode and decode speech; those of the other calls do not (``tests.bench.standing_calls``), since 100 of them would need cores of their own.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path

import numpy as np
import uvloop

from media.robot import RobotPeer, read_wav
from media.similarity import Samples
from signaling.rehearsal.client import StaffClient
from tests import people
from tests.bench.figures import Figure, percentile
from tests.bench.standing_calls import Offices, standing
from tests.scenarios.conftest import House
from tests.speech import wav
from tests.stack import Stack

RUNS, STANDING = 15, 49
LOUD = 0.01
SET_UP_LIMIT_S = 150.0


async def _job(house: House, officer: StaffClient, number: int) -> tuple[float, float]:
    """Seconds from the request to the ring, and from accepting to the first sound, the later of both sides."""
    interpreter, bell = await house.available(number)
    case = await house.case(officer)
    asked = time.monotonic()
    await house.ask(officer, case)
    await bell.event("offer.sent", lambda data: data["id"] not in house.taken, timeout=60)
    rung = time.monotonic()
    session_id = (await house.accept(interpreter, bell))["session_id"]
    desk, booth = await asyncio.gather(
        house.sit(officer, session_id, "officer"), house.sit(interpreter, session_id, "interpreter")
    )
    await asyncio.gather(
        desk.peer.until(lambda: _first_sound(desk.peer, booth.id), timeout=30),
        booth.peer.until(lambda: _first_sound(booth.peer, desk.id), timeout=30),
    )
    sounds = [_first_sound(desk.peer, booth.id), _first_sound(booth.peer, desk.id)]
    await officer.call("POST", f"/api/sessions/{session_id}/end", {"outcome": "completed"})
    await asyncio.gather(desk.close(), booth.close())
    await interpreter.call("PUT", "/api/interpreter/presence", {"wanted": "away"})
    await bell.close()
    return rung - asked, max(at for at in sounds if at is not None) - rung


def _first_sound(peer: RobotPeer, other: str) -> float | None:
    hearing = peer.hearing(other)
    return None if hearing is None else hearing.first_sound_at


def _from_first_sound(speech: Samples) -> Samples:
    """Without the silence before the first word (0.2 s): a robot says something as soon as it may."""
    return speech[int(np.argmax(np.abs(speech) > LOUD)) :]


async def _measure(stack: Stack, speech: dict[str, Samples], numbers: list[int]) -> list[Figure]:
    left = iter(numbers)
    async with AsyncExitStack() as exits:
        house = Offices(stack, speech, exits)
        officer = await house.staff(people.OFFICER)
        await _job(house, officer, next(left))
        alone = [await _job(house, officer, next(left)) for _ in range(RUNS)]
        async with standing(stack.url, list(islice(left, STANDING)), timeout=SET_UP_LIMIT_S):
            among = [await _job(house, officer, next(left)) for _ in range(RUNS)]
    figures = []
    for title, runs in (("1 session", alone), (f"{STANDING + 1} sessions", among)):
        for name, values, limit in (
            ("request to ring", [ring for ring, _ in runs], 0.3),
            ("accept to first sound", [sound for _, sound in runs], 1.0),
        ):
            note = f"{RUNS} runs; robots on the same cores"
            figures.append(Figure(f"{name}, {title}, p50", percentile(values, 50), "s", note=note))
            figures.append(Figure(f"{name}, {title}, p95", percentile(values, 95), "s", limit=limit, note=note))
    return figures


def run() -> list[Figure]:
    """Start an installation, let the robots work, stop it."""
    in_serbia = [number for number in range(1, 2 * (2 * RUNS + STANDING + 1)) if number % 5]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stack = Stack.make("single", folder)
        stack.run("migrate")
        people.fill(stack.database_url, interpreters=in_serbia[-1])
        stack.start()
        try:
            speech = {part: _from_first_sound(read_wav(wav(folder, part))) for part in ("officer", "interpreter")}
            return uvloop.run(_measure(stack, speech, in_serbia))
        finally:
            stack.stop()
