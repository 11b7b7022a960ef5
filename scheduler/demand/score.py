"""Which forecast is the better one: pinball loss and cover of the 90 % band on weeks that the models have not seen. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scheduler.demand.forecast import LEAST_WEEKS, Fitted, Level1, Model, SeasonalNaive
from scheduler.demand.series import Series
from scheduler.demand.slots import PER_WEEK
from scheduler.demand.spread import held_by_band, pinball

HELD_OUT = 4
"""Latest weeks on which models are scored, each forecast from what lay before it (rolling origin)."""
Fit = Callable[[Series], Fitted]
OWN_MODELS: Mapping[Model, Fit] = {Model.SEASONAL_NAIVE: SeasonalNaive.fit, Model.LEVEL1: Level1.fit}


@dataclass(frozen=True)
class Score:
    """How one model did."""

    model: Model
    weeks: int
    total_loss: float
    """Pinball loss of the total per half-hour."""
    language_loss: float
    """The same for single languages: on this the better model is chosen, because cover is planned per language."""
    total_held: float
    """Share of half-hours whose total lay in the 90 % band."""
    language_held: float

    def as_json(self) -> dict[str, Any]:
        """For storing and showing."""
        return {
            "model": self.model.value,
            "weeks": self.weeks,
            "total_loss": round(self.total_loss, 5),
            "language_loss": round(self.language_loss, 5),
            "total_held": round(self.total_held, 4),
            "language_held": round(self.language_held, 4),
        }


def score(series: Series, models: Mapping[Model, Fit] = OWN_MODELS, *, held_out: int = HELD_OUT) -> list[Score]:
    """Scores of all models on the last weeks of ``series``; empty when too few weeks are there.

    A model that cannot be fitted (``ValueError``) is left out.
    """
    weeks = min(held_out, series.weeks - LEAST_WEEKS)
    found: list[Score] = []
    for model, fit in models.items() if weeks > 0 else ():
        parts: list[tuple[float, float, float, float]] = []
        for back in range(weeks, 0, -1):
            end = len(series.grid) - (back - 1) * PER_WEEK
            try:
                fitted = fit(series.cut(0, end - PER_WEEK))
            except ValueError:
                break
            ahead = series.cut(end - PER_WEEK, end)
            told = fitted.tell(ahead.grid)
            parts.append(
                (
                    pinball(ahead.total, told.total_quantiles),
                    pinball(ahead.counts, told.quantiles),
                    held_by_band(ahead.total, told.total_quantiles),
                    held_by_band(ahead.counts, told.quantiles),
                )
            )
        if len(parts) == weeks:
            means = np.array(parts).mean(axis=0)
            found.append(Score(model, weeks, *(float(value) for value in means)))
    return found


def best(scores: Sequence[Score]) -> Model:
    """The model with the least loss per language; level 1 where nothing could be scored."""
    return min(scores, key=lambda one: one.language_loss).model if scores else Model.LEVEL1


def gain(scores: Sequence[Score], model: Model) -> float | None:
    """By which share ``model`` loses less than seasonal-naive (0.1 is 10 % less); none if either is missing."""
    by = {one.model: one for one in scores}
    if model not in by or Model.SEASONAL_NAIVE not in by or not by[Model.SEASONAL_NAIVE].language_loss:
        return None
    return 1 - by[model].language_loss / by[Model.SEASONAL_NAIVE].language_loss
