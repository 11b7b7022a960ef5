"""Counts as arrays: every half-hour of a span, nothing left out, per language; what the models are fitted to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from scheduler.demand.slots import PER_WEEK, SLOT, local_day, slots_between, week_slot

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """Half-hours one after the other, with what the calendar says about each."""

    starts: tuple[datetime, ...]
    places: NDArray[np.int64]
    """Place in the local week, 0 to 335."""
    days: NDArray[np.int64]
    """Local calendar day as a proleptic ordinal."""
    free: NDArray[np.bool_]
    """Public holiday."""
    scheduled: Counts
    """Appointments that begin in the half-hour; what is not known is 0."""

    @classmethod
    def of(
        cls,
        start: datetime,
        end: datetime,
        zone: str,
        *,
        holidays: Iterable[int] = (),
        scheduled: dict[datetime, float] | None = None,
    ) -> Grid:
        """The half-hours of [start, end); ``holidays`` are ordinals of local days."""
        starts = slots_between(start, end)
        days = np.array([local_day(at, zone).toordinal() for at in starts], dtype=np.int64)
        known = scheduled or {}
        return cls(
            starts=tuple(starts),
            places=np.array([week_slot(at, zone) for at in starts], dtype=np.int64),
            days=days,
            free=np.isin(days, list(holidays)),
            scheduled=np.array([known.get(at, 0.0) for at in starts], dtype=np.float64),
        )

    def __len__(self) -> int:
        return len(self.starts)

    def cut(self, begin: int, end: int) -> Grid:
        """The half-hours with numbers [begin, end)."""
        return Grid(
            self.starts[begin:end],
            self.places[begin:end],
            self.days[begin:end],
            self.free[begin:end],
            self.scheduled[begin:end],
        )


@dataclass(frozen=True)
class Series:
    """Arrivals on a grid: ``counts[half-hour, language]``."""

    grid: Grid
    languages: tuple[str, ...]
    counts: Counts

    def __post_init__(self) -> None:
        if self.counts.shape != (len(self.grid), len(self.languages)):
            raise ValueError("counts do not fit the half-hours and languages")

    @property
    def total(self) -> Counts:
        """All languages together."""
        sums: Counts = self.counts.sum(axis=1)
        return sums

    @property
    def weeks(self) -> int:
        """Whole weeks."""
        return len(self.grid) // PER_WEEK

    def cut(self, begin: int, end: int) -> Series:
        """The half-hours with numbers [begin, end)."""
        return Series(self.grid.cut(begin, end), self.languages, self.counts[begin:end])


def series_of(grid: Grid, rows: Sequence[tuple[datetime, str, int]]) -> Series:
    """From (start of the half-hour, language, arrivals); what is outside the grid is left out, missing ones are 0."""
    languages = tuple(sorted({language for _, language, _ in rows}))
    column = {language: number for number, language in enumerate(languages)}
    first = grid.starts[0] if grid.starts else None
    counts = np.zeros((len(grid), len(languages)))
    for at, language, arrivals in rows:
        number = -1 if first is None else (at - first) // SLOT
        if 0 <= number < len(grid):
            counts[number, column[language]] += arrivals
    return Series(grid, languages, counts)
