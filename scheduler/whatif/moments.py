"""Simulated time: from which moment the seconds of a plan are counted, and the steps of what happens in it. Pure."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import simpy

START = datetime(2026, 1, 4, 23, tzinfo=UTC)
"""Midnight of a Monday in both countries: the seconds of a plan are counted from here."""
Steps = Generator[simpy.Event, Any, None]


def moment(seconds: float) -> datetime:
    """The moment so many seconds after the beginning of a plan."""
    return START + timedelta(seconds=seconds)
