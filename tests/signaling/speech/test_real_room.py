"""The whole way with nothing replaced: robots speak in a real room, a tap hears those who agreed, Whisper writes, a no wipes.

Voices are synthetic (espeak-ng), the model is the packaged base: what is asserted is who said which words, not how well.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update

from core.clock import ManualClock
from core.db.session import Database
from media.lines.client import SpeechTap
from media.robot import read_wav
from media.similarity import Samples
from media.speech.models import ModelDirectories
from media.speech.workers import SpeechWorkers, command
from records.models import Session
from signaling.speech.listening import Listeners
from signaling.speech.states import Answer
from signaling.speech.views import Line
from tests.media.rig import Rig, rig
from tests.media.speech.weights import base
from tests.scheduler.world import SYSTEM
from tests.signaling.speech.drafts import Talk

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.timeout(240)]
OFFICER = "The morning train leaves the station at nine and the office opens its doors at ten."
PERSON = "My brother and I walked through the forest for three days before we saw the river."


def spoken(folder: Path, name: str, voice: str, text: str, *, wait: float) -> Samples:
    """A sentence in a turn of 24 seconds that begins after ``wait``: robots say it again and again, one after the other."""
    path = folder / f"{name}.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", "140", "-w", str(path), text], check=True, timeout=20)
    turn = np.zeros(24 * 48_000, dtype=np.float32)
    sound = read_wav(path)
    start = int(wait * 48_000)
    turn[start : start + len(sound)] = sound
    return turn


@asynccontextmanager
async def listening(talk: Talk, room: Rig, workers: SpeechWorkers) -> AsyncIterator[None]:
    @asynccontextmanager
    async def open_tap(session_id: str) -> AsyncIterator[SpeechTap]:
        async with SpeechTap.connect(await room.client.open_tap(session_id, ())) as tap:
            yield tap

    house = Listeners(talk.database, talk.bus, talk.drafts, talk.lines, workers, open_tap)
    async with house.running():
        yield


async def until(talk: Talk, enough: str, part: str, seconds: float = 90) -> list[Line]:
    """Until somebody's lines hold a word."""
    async with asyncio.timeout(seconds):
        while True:
            lines = await talk.all_lines()
            if any(line.part == part and enough in (line.text or "").lower() for line in lines):
                return lines
            await asyncio.sleep(0.2)


async def test_lines_have_the_right_speaker_and_a_withdrawal_wipes(
    sqlite_url: str, clock: ManualClock, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        database = Database.open(sqlite_url, clock)
        stack.push_async_callback(database.close)
        talk = await Talk(database, clock).begin()
        async with database.unit(SYSTEM) as uow:
            await uow.session.execute(
                update(Session)
                .where(Session.id == talk.session_id)
                .values(officer_language="eng", language_declared="eng")
            )
        room = await stack.enter_async_context(rig())
        workers = SpeechWorkers(command(ModelDirectories(base()), compute_type="int8", beam=1))
        await room.client.open_room(talk.session_id)
        await stack.enter_async_context(listening(talk, room, workers))
        await talk.drafts.ask(talk.session_id)
        await room.join(talk.session_id, talk.places["officer"], spoken(tmp_path, "o", "en-us", OFFICER, wait=1))
        await room.join(talk.session_id, talk.places["applicant"], spoken(tmp_path, "p", "en-gb", PERSON, wait=13))
        await asyncio.sleep(1)
        assert await talk.all_lines() == [], "somebody has not answered"
        await talk.agree("interpreter", "applicant")
        await until(talk, "train", "officer")
        lines = await until(talk, "brother", "applicant")
        assert not [line for line in lines if line.part == "officer" and "brother" in (line.text or "").lower()]
        assert not [line for line in lines if line.part == "applicant" and "train" in (line.text or "").lower()]
        assert await talk.drafts.answer(talk.places["applicant"], agrees=False) is Answer.WITHDRAWN
        after = await talk.all_lines()
        assert {line.part for line in after} == {"officer"}
        await asyncio.sleep(3)
        assert [line.id for line in await talk.all_lines()] == [line.id for line in after], "nothing comes any more"
