"""The watch over finder calls: each of them is ended, whatever becomes of another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from signaling.desk.finder import FinderCalls


class Rows:
    """A database whose only answer is the calls that are over."""

    session: Any
    now: Any

    def __init__(self, found: list[str]) -> None:
        self._found = found
        self.session = self

    def read(self, actor: object) -> Rows:
        return self

    async def __aenter__(self) -> Rows:
        self.now = datetime(2026, 11, 22, tzinfo=UTC)
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def scalars(self, query: object) -> list[str]:
        return self._found


class Calls:
    """The first call cannot be ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def close(self, session_id: str, *_: object, by: str) -> None:
        if session_id == "stuck":
            raise RuntimeError("no way to end it")
        self.ended.append(session_id)


async def test_a_call_that_cannot_be_ended_keeps_no_other_one() -> None:
    calls, none = Calls(), cast(Any, None)
    finder = FinderCalls(cast(Any, Rows(["stuck", "fine"])), none, none, none, cast(Any, calls))
    assert await finder.end_overdue() == 1
    assert calls.ended == ["fine"]
