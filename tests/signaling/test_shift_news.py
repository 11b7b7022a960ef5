"""What interpreters hear of rosters: that a shift may have changed, and nothing of drafts or of whom it concerns."""

from __future__ import annotations

from typing import Any, cast

import pytest

from core.clock import ManualClock
from core.db.session import Database
from core.events.bus import Event, EventBus
from signaling.realtime.news import News, Views
from signaling.realtime.protocol import parse


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


def test_every_topic_can_be_named_in_a_frame() -> None:
    """A topic that the shape of a frame refuses is followed by nobody, whatever the policy says."""
    for topic in ("user:u_1", "room:s_1", "booking:b_1", "board:RS", "shifts:MK"):
        parse(f'{{"t": "follow", "id": "1", "topic": "{topic}"}}')
        position = '{"epoch": "e", "seq": 1}'
        parse(f'{{"t": "hello", "id": "1", "v": 1, "after": {{"{topic}": {position}}}}}')
