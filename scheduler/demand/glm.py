"""Level 2 of the forecast, optional: a Poisson regression with trend, weekday, holiday and scheduled caseload (statsmodels).

Needs the extra ``forecast``; without it ``available`` says so and level 1 is used. Fitting is slow: call it in a thread or a
child process, never in the event loop. Importing this module imports no statsmodels.
"""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scheduler.demand.forecast import LEAST_WEEKS, Array, Shares, Told, told, weights_of
from scheduler.demand.series import Grid, Series
from scheduler.demand.slots import PER_DAY
from scheduler.demand.spread import dispersion

HALF_LIFE = 28.0
_HARMONICS = 5
_WEEKEND_HARMONICS = 2
_TREND_DAYS = 28.0
"""The trend goes on for about so long and then levels out."""
_PENALTY = 0.002
_SWING = 3.0
"""A forecast never leaves the highest or lowest daily level of the last weeks by more than this factor."""


def available() -> bool:
    """Whether statsmodels is installed (the extra ``forecast``)."""
    return importlib.util.find_spec("statsmodels") is not None


@dataclass(frozen=True)
class Level2:
    """The fitted coefficients."""

    coefficients: Array
    origin: int
    """Ordinal of the newest day it was fitted to."""
    top: float
    shares: Shares
    total_spread: float
    language_spread: float

    @classmethod
    def fit(cls, series: Series) -> Level2:
        """Raises ``ValueError`` with too little data, when the fit fails, and without statsmodels."""
        if series.weeks < LEAST_WEEKS + 1:
            raise ValueError("three whole weeks are needed")
        if not available():
            raise ValueError("the extra 'forecast' is not installed")
        import statsmodels.api as sm

        origin = int(series.grid.days.max())
        features = _features(series.grid, origin)
        weights = weights_of(series.grid.days, HALF_LIFE)
        # A light ridge keeps holidays and trends that were hardly seen near nothing.
        ridge = np.full(features.shape[1], _PENALTY)
        ridge[0] = 0.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model: Any = sm.GLM(series.total, features, family=sm.families.Poisson(), freq_weights=weights)
            fitted = model.fit_regularized(alpha=ridge, L1_wt=0.0, maxiter=100)
        coefficients: Array = np.asarray(fitted.params, dtype=np.float64)
        if not np.isfinite(coefficients).all():
            raise ValueError("the regression found no answer")
        means = np.exp(np.clip(features @ coefficients, -12, 12))
        shares = Shares.fit(series)
        return cls(
            coefficients=coefficients,
            origin=origin,
            top=float(means.max()) * _SWING,
            shares=shares,
            total_spread=dispersion(series.total, means, weights),
            language_spread=dispersion(
                series.counts, means[:, None] * shares.values, np.broadcast_to(weights[:, None], series.counts.shape)
            ),
        )

    def tell(self, grid: Grid) -> Told:
        """The regression's answer for days to come."""
        means = np.exp(np.clip(_features(grid, self.origin) @ self.coefficients, -12, 12))
        return told(np.minimum(means, self.top), self.shares, self.total_spread, self.language_spread)


def _features(grid: Grid, origin: int) -> NDArray[np.float64]:
    times, weekdays = grid.places % PER_DAY, grid.places // PER_DAY
    angle = 2 * np.pi * (times + 0.5) / PER_DAY
    weekend = (weekdays >= 5).astype(float)
    columns = [np.ones(len(grid))]
    for number in range(1, _HARMONICS + 1):
        columns += [np.sin(number * angle), np.cos(number * angle)]
    for number in range(1, _WEEKEND_HARMONICS + 1):
        columns += [weekend * np.sin(number * angle), weekend * np.cos(number * angle)]
    columns += [(weekdays == day).astype(float) for day in range(1, 7)]
    age = (grid.days - origin).astype(float)
    ahead = _TREND_DAYS * (1 - np.exp(-np.maximum(age, 0) / _TREND_DAYS))
    columns.append(np.where(age <= 0, np.maximum(age, -2 * _TREND_DAYS), ahead) / _TREND_DAYS)
    # The latest days against the ones before: what a trend over weeks cannot see.
    columns.append(np.where(age > -7, 1.0, 0.0))
    columns.append(grid.free.astype(float))
    columns.append(np.log1p(grid.scheduled))
    return np.column_stack(columns)
