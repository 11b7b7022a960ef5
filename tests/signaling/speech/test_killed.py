"""Worker and server are killed in the middle of a draft: nobody goes on listening, no sound and no text lies on a disk, and the wiping
at the end of the session, by whichever process comes next, leaves not even the sealed lines in the database."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.db.session import Database
from tests.signaling.speech.drafts import Talk
from tests.signaling.speech.killed import SOUND, WORDS

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.timeout(300)
async def test_a_killed_worker_and_a_killed_server_leave_nothing(
    sqlite_url: str, clock: ManualClock, tmp_path: Path
) -> None:
    file = Path(sqlite_url.partition(":///")[2])
    database = Database.open(sqlite_url, clock)
    talk = await Talk(database, clock).begin()
    await talk.run()
    begun = {"now": clock.now().isoformat(), "session": talk.session_id, "place": talk.places["officer"]}
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.signaling.speech.killed", sqlite_url, json.dumps(begun),
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
    )  # fmt: skip
    try:
        worker = await told(server, "line")
        assert core_file_limit(worker) == "0"
        os.kill(worker, signal.SIGKILL)
        await told(server, "lost")
        again = await told(server, "line")
        assert again != worker, "started again, and it goes on"
    finally:
        server.kill()
        await server.wait()
    await gone(again)
    sealed = [line.draft_sealed for line in await talk.raw() if line.draft_sealed is not None]
    assert sealed
    for content in contents(tmp_path, file.parent):
        assert WORDS.encode() not in content
        assert SOUND[4000:4064] not in content
    await talk.end()
    assert await talk.raw() == []
    await database.close()
    assert not [one for content in contents(tmp_path, file.parent) for one in sealed if one in content]


async def told(server: asyncio.subprocess.Process, what: str) -> int:
    """Until the server tells it; the number behind it."""
    assert server.stdout is not None
    async with asyncio.timeout(90):
        while True:
            word, _, number = (await server.stdout.readline()).decode().strip().partition(" ")
            assert word, "the server ended"
            if word == what:
                return int(number or 0)


async def gone(pid: int) -> None:
    """Until there is no such process: a worker ends with its server."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(handle, ended.set)
        try:
            async with asyncio.timeout(30):
                await ended.wait()
        finally:
            asyncio.get_running_loop().remove_reader(handle)
            os.close(handle)


def core_file_limit(pid: int) -> str:
    """How much of its memory the kernel may write to a file when it dies."""
    rows = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(row.split()[5] for row in rows if row.startswith("Max core file size"))


def contents(*folders: Path) -> Iterator[bytes]:
    """What lies in every file below the folders."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                yield path.read_bytes()
