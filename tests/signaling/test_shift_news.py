"""What interpreters hear of rosters: that a shift may have changed, and nothing of drafts or of whom it concerns."""

from __future__ import annotations

from typing import Any, cast

import pytest

from core.clock import ManualClock
from core.db.session import Database
from core.events.bus import Event, EventBus
from signaling.realtime.news import News, Views


class Told:
    """Keeps what is appended to topics."""

    def __init__(self) -> None:
        self.news: list[tuple[str, str, Any]] = []

    async def append(self, topic: str, body: Any, *, dedupe_id: str) -> None:
        self.news.append((topic, body["name"], body["data"]))


@pytest.mark.parametrize(
    ("name", "body", "heard"),
    [
        ("roster.changed", {"roster_id": "r", "country": "RS", "version": 4, "published": 4}, True),
        ("roster.changed", {"roster_id": "r", "country": "RS", "version": 5, "published": 4}, False),
        ("roster.changed", {"roster_id": "r", "country": "RS", "version": 1, "published": None}, False),
        ("swap.changed", {"swap_id": "s", "country": "RS", "state": "asked"}, True),
        ("calendar.changed", {"interpreter_id": "i", "country": "RS"}, False),
    ],
)
async def test_interpreters_hear_that_shifts_changed(name: str, body: dict[str, Any], heard: bool) -> None:
    told = Told()
    news = News(cast(Database, None), cast(EventBus, told), ManualClock(), cast(Views, None))
    await news.on_event(Event(name=name, country="RS", body=body, id="evt_1"))
    assert told.news[0] == ("board:RS", name, body)
    assert told.news[1:] == ([("shifts:RS", "shifts.changed", {})] if heard else [])
