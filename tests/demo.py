"""The demo's data for tests that look at them, told once: telling takes a processor twenty seconds and each forecast four.

They are told through the program itself (``tarjuman seed``) and kept in ``build/told`` for an hour, or until the product changes,
so that all test processes of one ``make test`` copy the same.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from core.settings import load
from scheduler.demand.slots import ZONES
from signaling.bootstrap import build
from tests.stack import ROOT, Stack

FRESH_FOR_S = 3600.0
"""The story ends at the time at which it was told."""
_PLACE = ROOT / "build" / "told"
_PACKAGES = ("core", "records", "scheduler", "media", "signaling")
_KINDS = {".py", ".json", ".yaml", ".yml", ".sql", ".txt"}


def copy_told(folder: Path) -> None:
    """Put database and data of the demo into the existing ``folder``, as a ``Stack`` of one process keeps them."""
    _PLACE.mkdir(parents=True, exist_ok=True)
    kept = _PLACE / _fingerprint()
    whole = kept / "told"
    with (_PLACE / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not whole.exists() or time.time() - whole.stat().st_mtime > FRESH_FOR_S:
            for old in (path for path in _PLACE.iterdir() if path.is_dir()):
                shutil.rmtree(old)
            kept.mkdir()
            _tell(kept)
            whole.touch()
        shutil.copytree(kept, folder, dirs_exist_ok=True)


def _tell(folder: Path) -> None:
    stack = Stack.make("single", folder)
    stack.environment |= {"TARJUMAN_DEMO": "true"}
    said = stack.run("seed", timeout=600)
    assert said.startswith("Filled"), said
    asyncio.run(_foresee(stack))


async def _foresee(stack: Stack) -> None:
    """What the first start would do: else each copy that is started computes the same forecasts again."""
    services = build(load(stack.environment))
    try:
        for country in ZONES:
            assert await services.foresight.forecasts.make(services.database, country)
    finally:
        await services.close()


def _fingerprint() -> str:
    """Of everything that the story depends on."""
    made = hashlib.sha256()
    for path in sorted(_sources()):
        made.update(f"{path.relative_to(ROOT)}\0".encode())
        made.update(hashlib.sha256(path.read_bytes()).digest())
    return made.hexdigest()[:16]


def _sources() -> Iterator[Path]:
    yield ROOT / "requirements.lock"
    for package in _PACKAGES:
        yield from (path for path in (ROOT / package).rglob("*") if path.suffix in _KINDS and path.is_file())
