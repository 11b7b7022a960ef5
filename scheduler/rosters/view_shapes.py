"""The shapes of what coordinators and interpreters are shown of rosters. No reasons for leave, no addresses."""

from __future__ import annotations

from datetime import date, datetime
from typing import TypedDict


class RosterRow(TypedDict):
    """A roster in the list."""

    id: str
    country: str
    starts_on: date
    days: int
    state: str
    newest: int
    published: int | None
    gaps: int
    coverage_permille: int


class VersionView(TypedDict):
    """One version."""

    number: int
    cause: str
    cost: int
    bound: int | None
    coverage_permille: int
    fairness_permille: int
    gaps: int
    made_at: datetime


class SearchView(TypedDict):
    """The newest search."""

    state: str
    seconds: int
    begun_at: datetime
    ended_at: datetime | None


class KindView(TypedDict):
    """A kind of shift; its times are local."""

    id: str
    word: str
    line: str
    start: int
    """Minutes after midnight."""
    length: int
    on_call: bool
    night: bool


class BarView(TypedDict):
    """A day on which somebody cannot work at all, and the rule."""

    day: int
    rule: str


class RosterPerson(TypedDict):
    """A row of the grid."""

    id: str
    code: str
    lines: list[str]
    cells: list[str | None]
    pins: list[int]
    bars: list[BarView]
    target_minutes: int
    minutes: int
    nights: int
    weekends: int


class GapView(TypedDict):
    """A stretch of one day in which a line is short; ``women``: only a woman is missing (R-3)."""

    day: int
    line: str
    start: int
    end: int
    missing: int
    women: bool


class OvertakenView(TypedDict):
    """A shift to come on which an absence falls that was entered after people were read last."""

    interpreter_id: str
    day: int


class RosterView(TypedDict):
    """A roster with one version."""

    id: str
    country: str
    starts_on: date
    days: int
    zone: str
    state: str
    newest: int
    published: int | None
    version: VersionView
    search: SearchView | None
    kinds: list[KindView]
    lines: list[str]
    people: list[RosterPerson]
    gaps: list[GapView]
    overtaken: list[OvertakenView]


class ChangeView(TypedDict):
    """A cell in which two versions differ."""

    interpreter_id: str
    code: str
    day: int
    before: str | None
    after: str | None


class WhyView(TypedDict):
    """Whether somebody may have a cell, and which rules forbid it."""

    interpreter_id: str
    code: str
    fits: bool
    rules: list[str]
    minutes_left: int
    """Contract minutes to the target."""


class ShiftView(TypedDict):
    """An own shift."""

    id: str
    country: str
    zone: str
    """Of its roster: by whose clocks its day and its hours are told."""
    day: date
    kind: str
    word: str
    line: str
    on_call: bool
    starts_at: datetime
    ends_at: datetime


class WishView(TypedDict):
    """An own wish for a day."""

    day: date
    work: bool
    time: str | None
