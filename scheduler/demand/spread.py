"""Counts are not their mean: Poisson and negative binomial quantiles, and how much wider than Poisson the past was. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVELS: tuple[float, ...] = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95)
"""The quantiles that forecasts tell and are scored on; the outer two are the 90 % band."""
_POISSON_BELOW = 1e-4
_WIDEST = 4.0


def dispersion(counts: NDArray[np.float64], means: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """``a`` of variance = mean + a x mean^2, by weighted moments; 0 is Poisson."""
    top = float((weights * ((counts - means) ** 2 - means)).sum())
    bottom = float((weights * means**2).sum())
    return min(_WIDEST, max(0.0, top / bottom)) if bottom > 0 else 0.0


def quantiles(means: NDArray[np.float64], spread: float, levels: Sequence[float] = LEVELS) -> NDArray[np.float64]:
    """Per mean (any shape) and level (last axis) the smallest count that is not exceeded with that probability."""
    mu = np.maximum(means, 1e-9)[..., None]
    wanted = np.asarray(levels)
    if spread < _POISSON_BELOW:
        found: NDArray[np.float64] = stats.poisson.ppf(wanted, mu)
    else:
        size = 1.0 / spread
        found = stats.nbinom.ppf(wanted, size, size / (size + mu))
    return np.maximum(found, 0.0)


def pinball(actual: NDArray[np.float64], told: NDArray[np.float64], levels: Sequence[float] = LEVELS) -> float:
    """Mean quantile loss of ``told[..., level]`` for ``actual[...]``; smaller is better."""
    wanted = np.asarray(levels)
    miss = actual[..., None] - told
    return float(np.maximum(wanted * miss, (wanted - 1) * miss).mean())


def held_by_band(actual: NDArray[np.float64], told: NDArray[np.float64]) -> float:
    """Share of the counts inside the outer two quantiles, ends included. For small counts more than 0.9 even if all is right."""
    return float(((told[..., 0] <= actual) & (actual <= told[..., -1])).mean())
