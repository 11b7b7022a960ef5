"""The breaks that are owed between pieces of work (S-8), counted from what was really worked before. Pure.

A break is owed for *continuous* work: two short talks in a row owe one break together, and between two neighbours it is counted
once. Every length is taken in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

SHORT_BREAK = timedelta(minutes=10)
LONG_BREAK = timedelta(minutes=30)
LONG_FROM = 120
"""Minutes of interpreting without a long break after which one is owed."""
DAY_MINUTES = 240
"""Most minutes of interpreting for one interpreter on one day (S-8, M-2), whatever the profile says."""
PERSON_MINUTES, CHILD_MINUTES = 240, 120
"""Most minutes of interpreting with one person (or child) by one interpreter; more needs a second one."""


@dataclass(frozen=True)
class Work:
    """One piece of planned or finished work, half open."""

    start: datetime
    end: datetime
    """Without the break after it."""
    minutes: int
    """Of interpreting; for one of a team fewer than the span."""
    block: int = 45
    """After how many minutes without a pause a short break is owed: 45 by video, 30 by phone or with a child."""


def owed_after(work: Sequence[Work]) -> timedelta:
    """The break owed after the last piece of ``work`` (in order of time)."""
    short = long = 0
    ended: datetime | None = None
    for piece in work:
        gap = piece.start - ended if ended is not None else LONG_BREAK
        if gap >= LONG_BREAK:
            short = long = 0
        elif gap >= SHORT_BREAK:
            short = 0
        short += piece.minutes
        long += piece.minutes
        ended = piece.end
    if long >= LONG_FROM:
        return LONG_BREAK
    return SHORT_BREAK if work and short >= work[-1].block else timedelta(0)


def free_from(work: Sequence[Work]) -> list[datetime]:
    """For each piece (in order of time) when the interpreter is free again after it and the break that it owes."""
    return [piece.end + owed_after(work[: place + 1]) for place, piece in enumerate(work)]


def fits(new: Work, others: Iterable[Work]) -> bool:
    """Whether ``new`` can be done beside the others, with every break that is owed before and after it.

    What does not fit among the others already is not held against it.
    """
    before = sorted((piece for piece in others), key=lambda piece: piece.start)
    after = sorted([*before, new], key=lambda piece: piece.start)
    broken = _too_early(before)
    return _too_early(after) <= broken


def _too_early(work: Sequence[Work]) -> set[Work]:
    """Pieces that begin before the break after the work before them is over."""
    free = free_from(work)
    return {piece for place, piece in enumerate(work) if place and piece.start < max(free[:place])}
