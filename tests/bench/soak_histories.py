"""Long random histories of bookings on both databases, under kills of workers, server and connections: not one contradiction."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from core.db import migrate
from tests.bench.figures import Better, Figure
from tests.contracts import histories
from tests.services import Postgres

SECONDS = float(os.environ.get("TARJUMAN_SOAK_SECONDS", "600"))
WORKERS, KILL_EVERY = 4, 5.0


async def run() -> list[Figure]:
    """Play on SQLite, then on PostgreSQL."""
    figures: list[Figure] = []
    folder = Path(tempfile.mkdtemp(prefix="tarjuman-histories-"))
    server = Postgres.start(durable=True)
    try:
        sqlite = f"sqlite+aiosqlite:///{folder / 'tarjuman.db'}"
        migrate.upgrade(sqlite)
        (folder / "sqlite").mkdir()
        (folder / "postgresql").mkdir()
        for name, url, mine in (("sqlite", sqlite, None), ("postgresql", server.create(), server)):
            played = await histories.play(
                url, folder / name, seconds=SECONDS, workers=WORKERS, kill_every=KILL_EVERY, seed=7, server=mine
            )
            kills = (
                f"{played.worker_kills} worker kills, {played.server_kills} server kills, {played.cut_connections} cut"
            )
            for violation in played.violations[:20]:
                print(f"{name}: {violation}")
            done = f"{played.operations['ok']} done, {played.operations['refused']} refused, {played.operations['unknown']} unknown"
            figures += [
                Figure(f"{name}: contradictions", len(played.violations), "", limit=0, note=kills),
                Figure(f"{name}: operations", played.total, "", Better.HIGHER, limit=SECONDS, note=done),
            ]
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return figures
