"""How much may be worked by each day: all that the limits allow, or near an even pace, where a long period has too many states.

Over half a year somebody may have worked any number of hours and weekends by the middle. Rows that keep an even pace, as far as
free days allow one, are enough for a good roster, but not for a proven bound: who is asked within a corridor proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scheduler.rosters.engine.arrays import Flags, Ints

SLACK_DAYS = 6
"""Longest shifts that somebody may be ahead of or behind the pace."""
SLACK_WEEKENDS = 2
"""Weekends that somebody may be ahead or behind."""
WIDER = 3
"""How much wider the second corridor is, if there is no row in the first."""


@dataclass(frozen=True)
class Corridor:
    """Least and most units and weekends worked before each day, and at the end (D + 1)."""

    floor: Ints
    ceiling: Ints
    weekend_floor: Ints
    weekend_ceiling: Ints
    exact: bool
    """Whether it leaves out nothing."""


def everything(days: int, most: int, weekends: int) -> Corridor:
    """All that the limits allow."""
    none = np.zeros(days + 1, dtype=np.int64)
    return Corridor(none, np.full(days + 1, most), none, np.full(days + 1, weekends), True)


def paced(can: Flags, weekend: Ints, least: int, most: int, weekends: int, longest: int, width: int = 1) -> Corridor:
    """Near an even pace over the days on which somebody can work (``can``: D); ``longest``: units of the longest shift."""
    days = len(can)
    done = np.concatenate([[0], np.cumsum(can)]) / max(1, int(can.sum()))
    begun = np.concatenate([[0], np.cumsum(weekend == 1)]) / max(1, int((weekend == 1).sum()))
    slack, days_off = width * SLACK_DAYS * longest, width * SLACK_WEEKENDS
    floor = np.maximum(0, np.floor(least * done) - slack)
    ceiling = np.minimum(most, np.ceil(most * done) + slack)
    below = np.maximum(0, np.floor(weekends * begun) - days_off - weekends // 4)
    above = np.minimum(weekends, np.ceil(weekends * begun) + days_off)
    floor[days], below[days] = 0, 0
    floor, ceiling, below, above = (part.astype(np.int64) for part in (floor, ceiling, below, above))
    return Corridor(floor, ceiling, below, above, False)
