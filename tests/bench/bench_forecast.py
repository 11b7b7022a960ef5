"""How good the forecast is on demand whose true rates are known: seasonal-naive, level 1, level 2 and the truth itself.

Synthetic: a week's shape, day effects, four worlds; four weeks held out. Within ``make bench`` level 1 must lose less than
seasonal-naive in each world. As a program: ``python -m tests.bench.bench_forecast [--level2] [--seeds 5]``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from scheduler.demand.forecast import Fitted, Model, Told
from scheduler.demand.score import OWN_MODELS, Fit, score
from scheduler.demand.series import Grid, Series
from scheduler.demand.slots import PER_DAY
from scheduler.demand.spread import quantiles
from tests.bench.figures import Figure

LANGUAGES = ("acm", "apc", "ckb", "fra", "kmr", "pbt", "pes", "prs", "tur", "urd")
SHARES = np.array([0.09, 0.2, 0.04, 0.03, 0.05, 0.2, 0.11, 0.16, 0.04, 0.08])
WORLDS = ("steady", "trend", "jump", "mix")


@dataclass(frozen=True)
class World:
    """What was drawn, and from which rates."""

    series: Series
    rates: NDArray[np.float64]
    day_effect: float


def draw(world: str, seed: int, *, weeks: int = 12, per_day: float = 60.0, day_effect: float = 0.04) -> World:
    """``steady``; ``trend``: doubles over the span; ``jump``: three times as much from one day on (regime shift), half of it
    gone two weeks later; ``mix``: the Afghan share doubles in the last half (domain 4.1)."""
    dice = np.random.default_rng(seed)
    start = datetime(2026, 1, 4, 23, tzinfo=UTC)
    grid = Grid.of(start, start + timedelta(weeks=weeks), "Europe/Belgrade")
    times, weekdays = grid.places % PER_DAY, grid.places // PER_DAY
    shape = 0.35 + np.exp(-(((times - 19) / 9.0) ** 2)) + 0.5 * np.exp(-(((times - 41) / 5.0) ** 2))
    factor = np.array([1.15, 1.1, 1.0, 1.0, 1.05, 0.8, 0.7])[weekdays]
    rate = shape * factor
    rate *= per_day / PER_DAY / rate.mean()
    days = grid.days - grid.days.min()
    if world == "trend":
        rate = rate * 2.0 ** (days / days.max())
    if world == "jump":
        at = int(dice.integers(7 * weeks - 32, 7 * weeks - 18))
        rate = rate * np.where(days < at, 1.0, np.where(days < at + 14, 3.0, 2.0))
    shares = np.tile(SHARES, (len(grid), 1))
    if world == "mix":
        moved = np.clip((days - days.max() / 2) / (days.max() / 4), 0, 1)[:, None]
        afghan = np.isin(LANGUAGES, ("pbt", "prs"))
        shares = shares * np.where(afghan, 1 + moved, 1.0)
        shares /= shares.sum(axis=1, keepdims=True)
    whole_day = dice.gamma(1 / day_effect, day_effect, int(days.max()) + 1)[days]
    rates = (rate[:, None] * shares).astype(np.float64)
    return World(Series(grid, LANGUAGES, dice.poisson(rates * whole_day[:, None]).astype(float)), rates, day_effect)


def truth(world: World) -> Fit:
    """A model that knows the rates (not the luck of a day): nobody can do better on average."""
    first = world.series.grid.starts[0]

    class Oracle:
        def tell(self, grid: Grid) -> Told:
            begin = (grid.starts[0] - first) // timedelta(minutes=30)
            rates = world.rates[begin : begin + len(grid)]
            total = rates.sum(axis=1)
            spread = world.day_effect
            return Told(LANGUAGES, total, rates, quantiles(total, spread), quantiles(rates, spread))

    def fit(_: Series) -> Fitted:
        return Oracle()

    return fit


def measure(*, seeds: int, level2: bool) -> dict[str, object]:
    """Mean losses per world and model over the seeds."""
    models: dict[Model, Fit] = dict(OWN_MODELS)
    if level2:
        from scheduler.demand.glm import Level2

        models[Model.LEVEL2] = Level2.fit
    found: dict[str, object] = {}
    for name in WORLDS:
        rows: dict[str, list[tuple[float, float, float, float]]] = {}
        for seed in range(seeds):
            world = draw(name, seed)
            scores = score(world.series, models)
            best = score(world.series, {Model.LEVEL1: truth(world)})
            for label, one in [*((str(s.model), s) for s in scores), *(("truth", s) for s in best)]:
                rows.setdefault(label, []).append(
                    (one.total_loss, one.language_loss, one.total_held, one.language_held)
                )
        found[name] = {label: np.array(values).mean(axis=0).round(4).tolist() for label, values in rows.items()}
    return found


def run() -> list[Figure]:
    """Pinball losses of level 1 and of the truth as shares of seasonal-naive's, over five seeds of each world."""
    figures = []
    for world, rows in measure(seeds=5, level2=False).items():
        assert isinstance(rows, dict)
        naive = rows[str(Model.SEASONAL_NAIVE)]
        for label in (str(Model.LEVEL1), "truth"):
            for place, what in enumerate(("total", "per language")):
                limit = 1.0 if label == Model.LEVEL1 else None
                note = (
                    f"{rows[label][place]:.4g} against {naive[place]:.4g}; 90 % band held {rows[label][place + 2]:.1%}"
                )
                name = f"{world}, {what}: loss, {label} / seasonal-naive"
                figures.append(Figure(name, rows[label][place] / naive[place], "times", limit=limit, note=note))
    return figures


def table(found: Mapping[str, object]) -> str:
    """Lines for the performance page."""
    lines = [
        "| world | model | pinball total | pinball per language | less than naive | 90 % band total | 90 % band language |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for world, rows in found.items():
        assert isinstance(rows, dict)
        naive = rows["seasonal_naive"]
        for model, (total, language, held, held_language) in rows.items():
            less = f"{1 - total / naive[0]:.0%} / {1 - language / naive[1]:.0%}"
            lines.append(
                f"| {world} | {model} | {total:.3f} | {language:.4f} | {less} | {held:.3f} | {held_language:.3f} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--level2", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    began = time.perf_counter()
    found = measure(seeds=asked.seeds, level2=asked.level2)
    print(json.dumps(found) if asked.json else table(found))
    print(f"\n{asked.seeds} seeds x {len(WORLDS)} worlds, 12 weeks, 4 held out: {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
