"""Groups of cases that are planned anew across weeks."""

from __future__ import annotations

import numpy as np
import pytest

from scheduler.plans.model import Model
from scheduler.plans.neighbours import Neighbours
from tests.scheduler.plans.samples import any_problem


@pytest.mark.parametrize("seed", range(3))
def test_cases_are_drawn_whole_and_all_in_turn(seed: int) -> None:
    one = any_problem(seed, bookings=40, people=6)
    model = Model(one)
    keep = np.ones(model.at_relay, dtype=np.bool_)
    neighbours = Neighbours(model, np.random.default_rng(seed))
    seen = np.zeros(len(one.bookings), dtype=np.bool_)
    for _ in range(40):
        drawn = neighbours.draw(keep, 20)
        assert drawn.any()
        assert not np.isin(one.case[drawn], one.case[~drawn]).any()
        seen |= drawn
    able = np.isin(np.arange(len(one.bookings)), model.opt_booking)
    assert seen[able].all()
