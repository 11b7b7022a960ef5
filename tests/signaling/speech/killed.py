"""A server process that listens to a running draft until somebody kills it: ``python -m tests.signaling.speech.killed <url> <talk>``.

Tells on stdout what happened: ``line <pid of its worker>`` when a line is written, ``missing`` when one is lost. Sound comes for ever.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import numpy as np

from core.clock import ManualClock
from core.db.session import Database
from media.lines.protocol import Piece
from media.speech.workers import SpeechWorkers
from signaling.speech.listening import Listeners
from tests.media.speech.clips import pcm, silence
from tests.signaling.speech.drafts import FakeTap, Talk

WORDS = "seven brothers of Zanzibar"
"""What the machine writes down, whatever it hears."""
SOUND = pcm(0.4 * np.sin(np.arange(16_000) * 0.3) * np.linspace(0.5, 1, 16_000))
PIECE = 640
"""20 ms."""


class Microphone(FakeTap):
    """Says a second, and a second nothing, again and again, once it may be heard."""

    def __init__(self, place_id: str, begins: datetime) -> None:
        super().__init__()
        self._place_id = place_id
        self._at = begins

    @asynccontextmanager
    async def opened(self, _: str) -> AsyncIterator[FakeTap]:
        """As ``OpenTap``."""
        yield self

    async def speak(self) -> None:
        sound = SOUND + silence(1)
        while True:
            if self._place_id in self.allowed:
                for at in range(0, len(sound), PIECE):
                    self._pieces.put_nowait(Piece(self._place_id, self._at, sound[at : at + PIECE]))
                    self._at += timedelta(milliseconds=20)
            await asyncio.sleep(0.3)


async def serve(url: str, begun: dict[str, str]) -> None:
    clock = ManualClock(datetime.fromisoformat(begun["now"]))
    database = Database.open(url, clock)
    talk = Talk(database, clock)
    talk.session_id = begun["session"]
    workers = SpeechWorkers([sys.executable, "-m", "tests.media.speech.fake_worker", "0", WORDS], 1)
    tap = Microphone(begun["place"], clock.now())
    house = Listeners(database, talk.bus, talk.drafts, talk.lines, workers, tap.opened)
    told: set[str] = set()
    async with house.running():
        speaking = asyncio.create_task(tap.speak())
        while not speaking.done():
            for line in await talk.all_lines():
                if line.id not in told:
                    told.add(line.id)
                    print(f"line {workers.pids[0]}" if line.text and workers.pids else line.missing, flush=True)
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], json.loads(sys.argv[2])))
