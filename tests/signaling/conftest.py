"""Fixtures of the signaling tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.clock import ManualClock
from tests.signaling.house import House, open_house, settings_for
from tests.signaling.world import World, make_world


@pytest.fixture
async def house(sqlite_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[House]:
    """A running server on SQLite."""
    async with open_house(settings_for(sqlite_url, tmp_path), clock) as opened:
        yield opened


@pytest.fixture
async def world(house: House) -> World:
    """People of both countries in a running server."""
    return await make_world(house)
