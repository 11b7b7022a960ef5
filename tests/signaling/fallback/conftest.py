"""Fixtures of the ladder's tests: sessions on both database engines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.clock import ManualClock
from tests.signaling.fallback.ladder import Stage, staged
from tests.signaling.house import settings_for


@pytest.fixture
async def stage(database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Stage]:
    """An identification talk: the telephone is allowed and nobody has to be asked."""
    async with staged(settings_for(database_url, tmp_path), clock) as made:
        yield made


@pytest.fixture
async def asylum(sqlite_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Stage]:
    """A talk of the asylum stage in which the telephone is allowed and the person is asked."""
    async with staged(settings_for(sqlite_url, tmp_path), clock, step="RS-ASY-10") as made:
        yield made


@pytest.fixture
async def sealed(database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Stage]:
    """A sealed talk, which no client can make yet."""
    async with staged(settings_for(database_url, tmp_path), clock, mode="sealed") as made:
        yield made
