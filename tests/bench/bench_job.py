"""How long the job takes for people: from the request to the ring, and from accepting to the first sound of the other side.

Robots over the public interface of one running process (SQLite, bus and media node inside), all on this machine. Robots encode
and decode speech themselves, which costs far more than serving them: the numbers with several calls at once are theirs too.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from media.robot import RobotPeer, read_wav
from media.similarity import Samples
from signaling.rehearsal.client import StaffClient
from tests import people
from tests.bench.figures import Figure, percentile
from tests.scenarios.conftest import House
from tests.speech import wav
from tests.stack import Stack

ALONE = 15
TOGETHER = 5


async def _job(house: House, officer: StaffClient, number: int) -> tuple[float, float]:
    """Seconds from the request to the ring, and from accepting to the first sound that the officer hears."""
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
    await desk.peer.until(lambda: _sounding(desk.peer, booth.id), timeout=30)
    hearing = desk.peer.hearing(booth.id)
    assert hearing is not None
    assert hearing.first_sound_at is not None
    await officer.call("POST", f"/api/sessions/{session_id}/end", {"outcome": "completed"})
    await asyncio.gather(desk.close(), booth.close())
    await interpreter.call("PUT", "/api/interpreter/presence", {"wanted": "away"})
    return rung - asked, hearing.first_sound_at - rung


def _sounding(peer: RobotPeer, other: str) -> bool:
    hearing = peer.hearing(other)
    return hearing is not None and hearing.first_sound_at is not None


async def _measure(stack: Stack, speech: dict[str, Samples]) -> list[Figure]:
    async with AsyncExitStack() as exits:
        house = House(stack, speech, exits)
        officer = await house.staff(people.OFFICER)
        await _job(house, officer, 1)
        alone = [await _job(house, officer, 2 + index) for index in range(ALONE)]
        first = 2 + ALONE
        together = await asyncio.gather(*(_job(house, officer, first + index) for index in range(TOGETHER)))
    figures = []
    for title, runs in ((f"one call at a time, {ALONE} runs", alone), (f"{TOGETHER} calls at once", together)):
        for name, values, limit in (
            ("request to ring", [ring for ring, _ in runs], 0.3),
            ("accept to first sound", [sound for _, sound in runs], 1.0),
        ):
            note = f"{title}; robots on the same two cores"
            figures.append(Figure(f"{name}, p50", percentile(values, 50), "s", note=note))
            only = limit if runs is alone else None
            figures.append(Figure(f"{name}, p95", percentile(values, 95), "s", limit=only, note=note))
    return figures


def run() -> list[Figure]:
    """Start an installation, let the robots work, stop it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stack = Stack.make("single", folder)
        stack.run("migrate")
        people.fill(stack.database_url, interpreters=2 * (ALONE + TOGETHER))
        stack.start()
        try:
            return asyncio.run(
                _measure(stack, {part: read_wav(wav(folder, part)) for part in ("officer", "interpreter")})
            )
        finally:
            stack.stop()
