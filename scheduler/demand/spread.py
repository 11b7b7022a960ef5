"""Counts are not their mean: Poisson and negative binomial quantiles, and how much wider than Poisson the past was. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        return _smallest(lambda count: special().pdtr(count, mu), wanted, mu, np.sqrt(mu))
    size = 1.0 / spread
    share = size / (size + mu)
    return _smallest(lambda count: special().betainc(size, count + 1, share), wanted, mu, np.sqrt(mu + spread * mu**2))


@cache
def special() -> Any:
    """``scipy.special``, which takes a third of a second to import: a server that forecasts nothing starts without it."""
    from scipy import special as module

    return module


def _smallest(
    chance: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    wanted: NDArray[np.float64],
    mean: NDArray[np.float64],
    deviation: NDArray[np.float64],
) -> NDArray[np.float64]:
    """By halving: the smallest count whose cumulated ``chance`` reaches ``wanted``. (``scipy.stats`` would do; it takes two
    seconds to import, in every process.)"""
    shape = np.broadcast_shapes(mean.shape, wanted.shape)
    low, high = np.full(shape, -1.0), np.broadcast_to(np.ceil(mean + 30 * deviation + 30), shape).copy()
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        enough = chance(np.maximum(middle, 0)) >= wanted
        enough &= middle >= 0
        high = np.where(enough, middle, high)
        low = np.where(enough, low, middle)
    return high


def pinball(actual: NDArray[np.float64], told: NDArray[np.float64], levels: Sequence[float] = LEVELS) -> float:
    """Mean quantile loss of ``told[..., level]`` for ``actual[...]``; smaller is better."""
    wanted = np.asarray(levels)
    miss = actual[..., None] - told
    return float(np.maximum(wanted * miss, (wanted - 1) * miss).mean())


def held_by_band(actual: NDArray[np.float64], told: NDArray[np.float64]) -> float:
    """Share of the counts inside the outer two quantiles, ends included. For small counts more than 0.9 even if all is right."""
    return float(((told[..., 0] <= actual) & (actual <= told[..., -1])).mean())
