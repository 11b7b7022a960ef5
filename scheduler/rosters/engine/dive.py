"""Descends from a linear programme over rows to a roster: settles a few cells at a time, and all rows adapt to them.

A cell (somebody works a kind on a day, or is free then) is much less than a whole row, so that the others, and the rest of the
person's own row, can make room before anything is lost. After each step new rows are priced within the cells still open.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scheduler.rosters.engine.arrays import Flags, Floats, Row
from scheduler.rosters.engine.columns import TINY, Columns
from scheduler.rosters.engine.master import Column, Master

SURE = 1 - 1e-5
ROUNDS = 4
"""Rounds of pricing between two steps, at most."""
NEAR = 1e-4
"""Share of the cost that further rounds may still gain for a step to be taken."""
LEAN = 0.4
"""Share under which a cell is only settled alone."""
RISE = 1e-4
"""Share of the cost that a step may cost without being taken back."""


class Dive:
    """One descent of a programme's people. Changes the programme: columns that contradict a settled cell are closed."""

    def __init__(
        self,
        columns: Columns,
        master: Master,
        dice: np.random.Generator,
        *,
        open_cells: Flags | None = None,
        shake: float = 0.05,
    ) -> None:
        """``shake``: how much chance is mixed into shares."""
        arrays = columns.arrays
        self._columns, self._master, self._dice = columns, master, dice
        self._shake = shake
        shape = (arrays.people, arrays.days, len(arrays.units) + 1)
        self._open = np.ones(shape, dtype=np.bool_) if open_cells is None else open_cells.copy()
        self._place = {person: at for at, person in enumerate(master.people)}
        self._days = np.arange(arrays.days)
        self._pace = 1.0
        self._cost = np.inf
        self._step: dict[int, Flags] = {}
        """People with cells settled in the last step, and what was open for them before."""
        self._settled: float | None = None
        """What settling one cell has cost, while it is tried to close it instead."""
        self.steps = 0

    def run(self, goal: float, until: float) -> list[Row] | None:
        """The rows of the programme's people, or None if no roster at ``goal`` or below is left, or time runs out."""
        middle = (self._columns.clock() + until) / 2
        while self._adapt(goal, until):
            if self._columns.clock() > middle:
                # better a dear roster than none
                self._pace = len(self._place) / 6
            elif self._repent():
                continue
            used = self._master.in_use()
            best = self._largest(used)
            if all(share > SURE for share, _ in best):
                return [column.row for _, column in best]
            self._settle(used, {at for at, (share, _) in enumerate(best) if share > SURE})
            self.steps += 1
        return None

    def _repent(self) -> bool:
        """Whether the last step was changed because it costs something, so that the programme must be solved again.

        Several cells: none is settled, and fewer at once from now on (more, as long as steps cost nothing). One cell: it is
        closed instead, if that costs less.
        """
        cost = self._master.cost
        if cost <= self._cost + RISE * max(1.0, abs(self._cost)):
            self._pace = min(len(self._place) / 3, self._pace * 1.5)
        elif len(self._step) > 1:
            self._pace = max(1.0, len(self._step) / 4)
            self._restore(self._step)
            self._step = {}
            return True
        elif self._settled is None:
            self._settled = cost
            ((person, before),) = self._step.items()
            after = self._open[person].copy()
            self._step = {person: after}
            changed = (before != after).any(axis=1)[:, None]
            self._restore({person: np.where(changed, before & ~after, before)})
            return True
        elif cost > self._settled:
            self._settled = np.inf
            self._restore(self._step)
            return True
        self._settled = None
        self._cost = cost
        return False

    def _restore(self, cells: dict[int, Flags]) -> None:
        for person, flags in cells.items():
            self._open[person] = flags
        self._master.reopen(self._open, cells)
        self._master.close(self._open, cells)

    def rest(self) -> list[Row]:
        """The rows with the largest shares now, whatever they cost together: for when time is over."""
        return [column.row for _, column in self._largest(self._master.in_use())]

    def _adapt(self, goal: float, until: float) -> bool:
        """Solve and price until little is left to gain; whether ``goal`` can still be reached."""
        master, columns = self._master, self._columns
        for _ in range(ROUNDS):
            if columns.clock() > until:
                return False
            master.solve()
            _, numbers, values = columns.price(master.pool, master.prices, master.people, self._open)
            gains = np.minimum(values - master.wages, 0.0)
            least = master.cost + float(gains.sum())
            if least > goal + TINY:
                return False
            near = NEAR * max(1.0, abs(master.cost))
            worth = [number for number in numbers if master.reduced(number) < -near / len(master.people)]
            if not master.enter(worth) or master.cost - least < near:
                break
        master.solve()
        return True

    def _largest(self, used: Sequence[tuple[float, Column]]) -> list[tuple[float, Column]]:
        """The largest share of each person."""
        found: dict[int, tuple[float, Column]] = {}
        for share, column in used:
            found.setdefault(column.person, (share, column))
        return [found[person] for person in self._master.people]

    def _settle(self, used: Sequence[tuple[float, Column]], done: set[int]) -> None:
        """Settle the cells that most of the solution agrees on, at least one."""
        shares = np.zeros((len(self._place), *self._open.shape[1:]))
        for share, column in used:
            at = self._place[column.person]
            shares[at, self._days, column.row] += share
        shares[list(done)] = 0
        shares[shares > SURE] = 0
        self._take(shares)

    def _take(self, shares: Floats) -> None:
        fractional = np.flatnonzero(shares > TINY)
        value = shares.reshape(-1)[fractional] - np.abs(self._dice.normal(0, self._shake, len(fractional)))
        served: set[tuple[int, int]] = set()
        self._step = {}
        for which in np.argsort(-value, kind="stable"):
            at, day, kind = (int(x) for x in np.unravel_index(fractional[which], shares.shape))
            if self._step and (len(self._step) >= int(self._pace) or value[which] < LEAN):
                break
            # one cell of a person: then a row for it exists; and two people half sure of one cell may not both be wanted in it
            person = self._master.people[at]
            if (day, kind) in served or person in self._step:
                continue
            self._step[person] = self._open[person].copy()
            self._open[person, day] = False
            self._open[person, day, kind] = True
            served.add((day, kind))
        self._master.close(self._open, self._step)
