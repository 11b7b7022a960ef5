"""Level 1 of the forecast: mean per weekday and half-hour with exponential forgetting, shares of languages, honest spread. Pure.

The total is modelled first, because one language in one half-hour is mostly 0 to 2; languages get shares of it. The
seasonal-naive twin (last week again) is the measure that every model has to beat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scheduler.demand.series import Grid, Series
from scheduler.demand.slots import PER_DAY, PER_WEEK
from scheduler.demand.spread import LEVELS, dispersion, quantiles

Array = NDArray[np.float64]
LEAST_WEEKS = 2
"""With fewer whole weeks nothing is forecast."""
PATTERN_HALF_LIFE, SHARE_HALF_LIFE, LEVEL_HALF_LIFE = 28.0, 10.0, 2.0
"""Days after which an observation counts half: for the shape of the week, the languages, the present level."""
_OLDEST_DAYS = 120
_KERNEL = (0.05, 0.15, 0.6, 0.15, 0.05)
"""Neighbouring half-hours are alike; a place of the week has only a handful of observations."""
_LEVEL_PRIOR = 12.0
"""Requests' worth of belief that the level is the pattern's own."""
_SHARE_PRIOR = 2.0


class Model(StrEnum):
    """Which model a forecast comes from."""

    SEASONAL_NAIVE = "seasonal_naive"
    LEVEL1 = "level1"
    LEVEL2 = "level2"


@dataclass(frozen=True)
class Told:
    """A forecast on a grid: means and quantiles of the total and of each language."""

    languages: tuple[str, ...]
    total: Array
    means: Array
    """``[half-hour, language]``."""
    total_quantiles: Array
    """``[half-hour, level]`` for ``spread.LEVELS``."""
    quantiles: Array
    """``[half-hour, language, level]``."""


class Fitted(Protocol):
    """A model that was fitted and can tell half-hours to come."""

    def tell(self, grid: Grid) -> Told:
        """Means and quantiles for the half-hours of ``grid``."""
        ...


def weights_of(days: NDArray[np.int64], half_life: float) -> Array:
    """Exponential forgetting by the age of a day against the newest one."""
    found: Array = 0.5 ** ((days.max() - days) / half_life)
    return found


@dataclass(frozen=True)
class Shares:
    """Which part of the total each language has, pooled over the hours; adds up to 1."""

    languages: tuple[str, ...]
    values: Array

    @classmethod
    def fit(cls, series: Series) -> Shares:
        """By weighted counts, with a little of the long run in them."""
        recent = (series.counts * weights_of(series.grid.days, SHARE_HALF_LIFE)[:, None]).sum(axis=0)
        ever = series.counts.sum(axis=0) + 0.5
        mixed = recent + _SHARE_PRIOR * ever / ever.sum()
        return cls(series.languages, mixed / mixed.sum())


@dataclass(frozen=True)
class Level1:
    """The shape of the week, the level at which it stands now, the shares of the languages and the spread."""

    week: Array
    level: float
    shares: Shares
    total_spread: float
    language_spread: float

    @classmethod
    def fit(cls, series: Series) -> Level1:
        """Raises ``ValueError`` with fewer than two whole weeks."""
        if series.weeks < LEAST_WEEKS:
            raise ValueError("two whole weeks are needed")
        series = _recent(series)
        grid, total = series.grid, series.total
        weights = weights_of(grid.days, PATTERN_HALF_LIFE)
        # Each day is brought to the common level before the shape is taken, so that a jump in level leaves the shape alone.
        ordinary = _daily_level(grid.days, total)
        top = np.bincount(grid.places, weights * total / ordinary, PER_WEEK)
        bottom = np.bincount(grid.places, weights, PER_WEEK)
        shape = _smoothed(top / np.maximum(bottom, 1e-9))
        base = float((weights * total).sum() / weights.sum())
        week = shape / max(float(shape.mean()), 1e-9) * base
        level = _level(grid, total, week)
        shares = Shares.fit(series)
        means = week[grid.places] * _level_by_day(grid.days, total, week[grid.places])
        return cls(
            week=week,
            level=level,
            shares=shares,
            total_spread=dispersion(total, means, weights),
            language_spread=dispersion(
                series.counts, means[:, None] * shares.values, np.broadcast_to(weights[:, None], series.counts.shape)
            ),
        )

    def tell(self, grid: Grid) -> Told:
        """The week again, at the present level."""
        return told(self.week[grid.places] * self.level, self.shares, self.total_spread, self.language_spread)

    def as_json(self) -> dict[str, Any]:
        """For storing."""
        return {
            "week": [round(float(value), 5) for value in self.week],
            "level": round(self.level, 5),
            "shares": shares_json(self.shares),
            "total_spread": self.total_spread,
            "language_spread": self.language_spread,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Level1:
        """What ``as_json`` gave."""
        return cls(
            week=np.array(data["week"]),
            level=float(data["level"]),
            shares=shares_from_json(data["shares"]),
            total_spread=float(data["total_spread"]),
            language_spread=float(data["language_spread"]),
        )


@dataclass(frozen=True)
class SeasonalNaive:
    """The same half-hour of last week, with the spread that this guess had before, by time of day."""

    languages: tuple[str, ...]
    last_total: Array
    last: Array
    total_misses: Array
    """``[time of day, level]``: quantiles of actual minus guess."""
    misses: Array

    @classmethod
    def fit(cls, series: Series) -> SeasonalNaive:
        """Raises ``ValueError`` with fewer than two whole weeks."""
        if series.weeks < LEAST_WEEKS:
            raise ValueError("two whole weeks are needed")
        series = _recent(series)
        last, last_total = np.zeros((PER_WEEK, len(series.languages))), np.zeros(PER_WEEK)
        last[series.grid.places[-PER_WEEK - 4 :]] = series.counts[-PER_WEEK - 4 :]
        last_total[series.grid.places[-PER_WEEK - 4 :]] = series.total[-PER_WEEK - 4 :]
        times = series.grid.places[PER_WEEK:] % PER_DAY
        off_total = series.total[PER_WEEK:] - series.total[:-PER_WEEK]
        off = series.counts[PER_WEEK:] - series.counts[:-PER_WEEK]
        total_misses, misses = np.zeros((PER_DAY, len(LEVELS))), np.zeros((PER_DAY, len(LEVELS)))
        for time in range(PER_DAY):
            at = times == time
            if at.any():
                total_misses[time] = np.quantile(off_total[at], LEVELS)
                misses[time] = np.quantile(off[at], LEVELS)
        return cls(series.languages, last_total, last, total_misses, misses)

    def tell(self, grid: Grid) -> Told:
        """Last week again."""
        times = grid.places % PER_DAY
        total, means = self.last_total[grid.places], self.last[grid.places]
        return Told(
            self.languages,
            total,
            means,
            np.maximum(0.0, total[:, None] + self.total_misses[times]),
            np.maximum(0.0, means[:, :, None] + self.misses[times][:, None, :]),
        )

    def as_json(self) -> dict[str, Any]:
        """For storing."""
        return {
            "languages": list(self.languages),
            "last_total": self.last_total.tolist(),
            "last": self.last.tolist(),
            "total_misses": self.total_misses.tolist(),
            "misses": self.misses.tolist(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SeasonalNaive:
        """What ``as_json`` gave."""
        arrays = {name: np.array(data[name]) for name in ("last_total", "last", "total_misses", "misses")}
        return cls(languages=tuple(data["languages"]), **arrays)


def told(total: Array, shares: Shares, total_spread: float, language_spread: float) -> Told:
    """Means and quantiles from the total and the shares."""
    means = total[:, None] * shares.values
    return Told(shares.languages, total, means, quantiles(total, total_spread), quantiles(means, language_spread))


def shares_json(shares: Shares) -> dict[str, float]:
    """For storing."""
    return {code: round(float(value), 6) for code, value in zip(shares.languages, shares.values, strict=True)}


def shares_from_json(data: Mapping[str, float]) -> Shares:
    """What ``shares_json`` gave."""
    return Shares(tuple(data), np.array(list(data.values())))


def _recent(series: Series) -> Series:
    newest = series.grid.days.max()
    first = int(np.searchsorted(series.grid.days, newest - _OLDEST_DAYS))
    return series.cut(first, len(series.grid))


def _daily_level(days: NDArray[np.int64], total: Array) -> Array:
    """Per half-hour the level of its day against the whole span, from the week around it, shrunk towards 1."""
    first = int(days.min())
    sums = np.bincount(days - first, total)
    seen = np.bincount(days - first, np.ones_like(total))
    mean = max(total.mean(), 1e-9)
    padded_sums, padded_seen = np.pad(sums, 3), np.pad(seen, 3)
    window = np.ones(7)
    near = np.convolve(padded_sums, window, "valid") + _LEVEL_PRIOR
    expected = np.convolve(padded_seen, window, "valid") * mean + _LEVEL_PRIOR
    found: Array = np.maximum(near / expected, 0.02)[days - first]
    return found


def _level_by_day(days: NDArray[np.int64], total: Array, pattern: Array) -> Array:
    """How each day stood against the pattern, from the days before it: what the model would have known."""
    first = int(days.min())
    actual, expected = np.bincount(days - first, total), np.bincount(days - first, pattern)
    forget = 0.5 ** (1 / LEVEL_HALF_LIFE)
    found, a, e = np.ones(len(actual)), 0.0, 0.0
    for day in range(len(actual)):
        found[day] = (a + _LEVEL_PRIOR) / (e + _LEVEL_PRIOR)
        a, e = a * forget + actual[day], e * forget + expected[day]
    levels: Array = found[days - first]
    return levels


def _level(grid: Grid, total: Array, week: Array) -> float:
    """The present level against the pattern, shrunk towards 1 where little was seen."""
    weights = weights_of(grid.days, LEVEL_HALF_LIFE)
    actual, expected = float((weights * total).sum()), float((weights * week[grid.places]).sum())
    return (actual + _LEVEL_PRIOR) / (expected + _LEVEL_PRIOR)


def _smoothed(week: Array) -> Array:
    half = len(_KERNEL) // 2
    around = np.concatenate([week[-half:], week, week[:half]])
    found: Array = np.convolve(around, _KERNEL, "valid")
    return found
