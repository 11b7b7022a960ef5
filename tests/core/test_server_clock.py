"""Processes with wrong clocks agree through the database server's."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from core.clock import SystemClock
from core.db.server_clock import ServerClock
from core.db.session import Database


class Wrong(SystemClock):
    def __init__(self, by: timedelta) -> None:
        self.by = by

    def now(self) -> datetime:
        return super().now() + self.by


@pytest.mark.parametrize("minutes", [-90, 7])
async def test_a_wrong_clock_follows_the_server(database_url: str, minutes: int) -> None:
    wrong = Wrong(timedelta(minutes=minutes))
    clock = ServerClock(wrong)
    database = Database.open(database_url, clock)
    try:
        await clock.measure(database)
        follows = database.dialect == "postgresql"
        expected = SystemClock().now() if follows else wrong.now()
        assert abs(clock.now() - expected) < timedelta(seconds=2)
        assert bool(clock.difference) is follows
    finally:
        await database.close()


async def test_an_unreachable_server_changes_nothing() -> None:
    clock = ServerClock(SystemClock())
    clock.difference = timedelta(seconds=3)
    database = Database.open("postgresql+psycopg://nobody@127.0.0.1:9/nothing", clock)
    try:
        await clock.measure(database)
    finally:
        await database.close()
    assert clock.difference == timedelta(seconds=3)
