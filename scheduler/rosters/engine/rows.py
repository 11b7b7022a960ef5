"""The cheapest row of one person for given costs of cells: prepares the dynamic programme and reads its answer.

Limits that seldom bind (nights with a soft limit, shifts of one kind, minutes of a week) are left out at first and counted
only when the row found breaks them: the row is the best of a relaxed problem, so if it keeps the limits it is the best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scheduler.rosters.engine.arrays import Arrays, Floats, Ints, Row, hours_cost
from scheduler.rosters.engine.corridor import WIDER, Corridor, everything, paced
from scheduler.rosters.engine.kernel import FOUND, FULL, best_row

COUNTERS = 4
MOST_STATES = 30_000_000
"""Size of the scratch over all states; a counter that would go beyond is left out, and its limit only checked."""
MOST_WIDE = 200_000_000
"""The same for the states of all days together: beyond, a search for one row takes seconds."""
EXACT_STATES = 6_000_000
"""States of all days together up to which a row is the best of all rows; beyond, the best at an even pace."""
FEW_OPEN = 35
"""Days that leave a choice up to which there are few states, however long the period is."""
MOST_REACHED = 50_000_000
"""States that may be reached in one search for a row; beyond, there is none."""


@dataclass(frozen=True)
class Limit:
    """Something counted along the days. ``steps``: what each kind adds; charged ``cost`` at the end by its count."""

    steps: tuple[int, ...]
    most: int
    weekly: bool = False
    soft_from: int | None = None
    """For a limit that only costs: the count up to which it costs nothing."""
    cost: tuple[float, ...] = ()


@dataclass(frozen=True)
class Layout:
    """The states of one person with some limits counted."""

    types: list[npt.NDArray[np.int64]]
    """Kinds that differ in nothing but cost and cover, together."""
    classes: Ints
    units: Ints
    follows: npt.NDArray[np.bool_]
    steps: Ints
    limits: Ints
    weekly: npt.NDArray[np.bool_]
    counter_cost: Floats
    states: int
    first_run: int


@dataclass(frozen=True)
class Best:
    """An answer. ``cost`` is exact; ``bound`` is what no row of the person can undercut (lower if a limit could not be counted)."""

    row: Row
    cost: float
    bound: float


class RowFinder:
    """Finds cheapest rows for the people of one problem. Not for two threads at once: it owns scratch memory."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays
        problem = arrays.problem
        kinds = problem.kinds
        self._succession = np.array(
            [[(a.id, b.id) not in problem.successions for b in kinds] for a in kinds], dtype=np.bool_
        ).reshape(len(kinds), len(kinds))
        self._limits = [self._limits_of(person) for person in range(arrays.people)]
        self._layouts: dict[tuple[int, tuple[int, ...]], Layout] = {}
        self._usual: list[tuple[int, ...]] = [() for _ in range(arrays.people)]
        self._missed = [0] * arrays.people
        self._value = np.full(1024, np.inf)
        self._place = np.full(1024, -1, dtype=np.int64)
        self._buffers(200_000)
        days = arrays.days
        self._corridors: dict[int, tuple[Corridor, ...]] = {}
        self._new_week = np.array([day > 0 and problem.weekday(day) == 0 for day in range(days)], dtype=np.bool_)
        self._weekend = arrays.weekend.astype(np.int64)
        self._units_cost, self._weekends, self._weekend_cost = self._soft()
        self.long = any(not self._ways(person)[0].exact for person in range(arrays.people))
        """Whether somebody's rows are too many to find the best one of all."""

    def _ways(self, number: int) -> tuple[Corridor, ...]:
        """Corridors in which to look for a row of a person, one after the other until there is one."""
        known = self._corridors.get(number)
        if known is None:
            arrays = self._arrays
            person, weekends = arrays.problem.people[number], self._weekends[number]
            most, least = self._most(person.max_minutes), -(-person.min_minutes // arrays.unit)
            wide = everything(arrays.days, most, weekends)
            known = (wide,)
            if self._layout_of(number, ()).states * arrays.days > EXACT_STATES:
                can, longest = arrays.allowed[number].any(axis=1), int(arrays.units.max(initial=1))
                narrow = (paced(can, self._weekend, least, most, weekends, longest, width) for width in (1, WIDER))
                known = (*narrow, wide)
            self._corridors[number] = known
        return known

    def _buffers(self, size: int) -> None:
        self._keys = np.zeros(size, dtype=np.int64)
        self._costs = np.zeros(size)
        self._parent = np.zeros(size, dtype=np.int64)
        self._action = np.zeros(size, dtype=np.int64)

    def _limits_of(self, number: int) -> list[Limit]:
        arrays, problem = self._arrays, self._arrays.problem
        person, days = problem.people[number], problem.days
        able = arrays.allowed[number].any(axis=0)
        found: list[Limit] = []
        if person.max_week_minutes is not None:
            most = person.max_week_minutes // arrays.unit
            found.append(Limit(tuple(int(u) for u in arrays.units), most, weekly=True))
        if person.nights and any(kind.night and able[k] for k, kind in enumerate(problem.kinds)):
            steps = tuple(int(kind.night) for kind in problem.kinds)
            cost = tuple(sum(n.weight * max(0, count - n.at) for n in person.nights) for count in range(days + 1))
            found.append(Limit(steps, days, soft_from=min(n.at for n in person.nights), cost=cost))
        for k, kind in enumerate(problem.kinds):
            if able[k] and person.max_of.get(kind.id, days) < days:
                found.append(
                    Limit(tuple(int(k == other) for other in range(len(problem.kinds))), person.max_of[kind.id])
                )
        return found

    def _soft(self) -> tuple[list[Floats], list[int], list[Floats]]:
        """For each person: cost of units worked, how many weekends are counted, cost of weekends worked."""
        arrays, problem = self._arrays, self._arrays.problem
        by_units: list[Floats] = []
        counted: list[int] = []
        by_weekends: list[Floats] = []
        for person in problem.people:
            most = self._most(person.max_minutes)
            by_units.append(
                np.array([hours_cost(person, units * arrays.unit) for units in range(most + 1)], dtype=np.float64)
            )
            limit = len(problem.weekends) if person.max_weekends is None else person.max_weekends
            counted.append(min(limit, len(problem.weekends)))
            beyond = [sum(w.weight * max(0, n - w.at) for w in person.weekends) for n in range(counted[-1] + 1)]
            by_weekends.append(np.array(beyond, dtype=np.float64))
        return by_units, counted, by_weekends

    def _most(self, minutes: int) -> int:
        arrays = self._arrays
        longest = int(arrays.units.max(initial=0))
        return min(minutes // arrays.unit, longest * arrays.days)

    def _layout(self, number: int, counted: tuple[int, ...]) -> Layout:
        arrays, problem = self._arrays, self._arrays.problem
        person = problem.people[number]
        limits = [self._limits[number][which] for which in counted]
        able = np.flatnonzero(arrays.allowed[number].any(axis=0))
        groups: dict[tuple[object, ...], list[int]] = {}
        for kind in able:
            before = self._succession[able, kind].tobytes()
            mark = (
                self._succession[kind, able].tobytes(),
                before,
                int(arrays.units[kind]),
                *(x.steps[kind] for x in limits),
            )
            groups.setdefault(mark, []).append(int(kind))
        types = [np.array(group, dtype=np.int64) for group in groups.values()]
        first = np.array([group[0] for group in types], dtype=np.int64)
        follow = self._succession[np.ix_(first, first)].reshape(len(first), len(first))
        rows: dict[bytes, int] = {}
        classes = np.array([rows.setdefault(follow[t].tobytes(), len(rows)) for t in range(len(types))], dtype=np.int64)
        follows = np.ones((len(rows) + 1, max(1, len(types))), dtype=np.bool_)
        for t in range(len(types)):
            follows[classes[t], : len(types)] = follow[t]
        runs = person.min_days_off + (len(rows) + 1) * person.max_run
        first_run = person.min_days_off - 1
        if person.history is not None:
            run = max(1, person.history.run)
            if person.history.kind is None:
                first_run = min(run, person.min_days_off) - 1
            else:
                # the last shift of the period before may be of a kind that the person may not work now: a class of its own
                last = next(k for k, kind in enumerate(problem.kinds) if kind.id == person.history.kind)
                follows[len(rows), : len(types)] = self._succession[last, first]
                first_run = person.min_days_off + len(rows) * person.max_run + min(run, person.max_run) - 1
        caps = np.array([limit.most for limit in limits], dtype=np.int64)
        steps = np.array([[limit.steps[f] for f in first] for limit in limits], dtype=np.int64).reshape(
            len(limits), len(first)
        )
        cost = np.zeros((len(limits), int(caps.max(initial=0)) + 1))
        for c, limit in enumerate(limits):
            cost[c, : len(limit.cost)] = limit.cost
        states = runs * (self._most(person.max_minutes) + 1) * (self._weekends[number] + 1) * int(np.prod(caps + 1))
        weekly = np.array([limit.weekly for limit in limits], dtype=np.bool_)
        return Layout(types, classes, arrays.units[first], follows, steps, caps, weekly, cost, states, first_run)

    def best(self, number: int, cells: Floats, free: Floats) -> Best | None:
        """The cheapest row of a person; ``cells`` (D, K) and ``free`` (D) are costs, infinite where not allowed.

        The answer's cost includes the person's soft limits. None if no row keeps the hard rules.
        """
        counted = self._usual[number]
        while True:
            found = self._solve(number, counted, cells, free)
            if found is None:
                return None
            row, cost, exact = found
            bound = cost if exact else -np.inf
            missed = [which for which in self._broken(number, row) if which not in counted]
            if not missed:
                return Best(row, cost, bound)
            wider = tuple(sorted((*counted, *missed)))[:COUNTERS]
            if (
                wider == counted
                or self._narrow(number, cells, free)
                or self._layout_of(number, wider).states > min(MOST_STATES, MOST_WIDE // self._arrays.days)
            ):
                return self._kept(number, counted, cells, free, bound)
            counted = wider
            self._missed[number] += 1
            if self._missed[number] > 8:
                self._usual[number] = counted

    def _kept(self, number: int, counted: tuple[int, ...], cells: Floats, free: Floats, bound: float) -> Best | None:
        """A row that keeps the limits which cannot be counted, by making what breaks them dearer; not always the best one."""
        priced = cells.copy()
        for _ in range(40):
            found = self._solve(number, counted, priced, free)
            if found is None:
                return None
            row = found[0]
            broken = self._broken(number, row, hard=True)
            if not broken:
                days = np.flatnonzero(row >= 0)
                cost = float(cells[days, row[days]].sum() + free[row < 0].sum())
                return Best(row, cost + self._end_cost(number, row), bound)
            for which in broken:
                limit = self._limits[number][which]
                kinds = np.flatnonzero(np.array(limit.steps))
                used = sorted((priced[d, row[d]], d) for d in np.flatnonzero(row >= 0) if row[d] in kinds)
                # a limit of one kind: everything above it at once
                over = 1 if limit.weekly else len(used) - limit.most
                for _, day in used[-max(1, over) :]:
                    priced[day, kinds] = np.inf
        return None

    def _narrow(self, number: int, cells: Floats, free: Floats) -> bool:
        """Whether a row of these cells is only looked for within a corridor."""
        if len(self._ways(number)) == 1:
            return False
        return int((np.isfinite(cells).sum(axis=1) + np.isfinite(free) > 1).sum()) > FEW_OPEN

    def _end_cost(self, number: int, row: Row) -> float:
        arrays = self._arrays
        worked = row >= 0
        units = int(arrays.units[row[worked]].sum())
        weekends = sum(any(worked[day] for day in weekend) for weekend in arrays.problem.weekends)
        cost = float(self._units_cost[number][units] + self._weekend_cost[number][weekends])
        for limit in self._limits[number]:
            if limit.soft_from is not None:
                cost += limit.cost[sum(limit.steps[kind] for kind in row[worked])]
        return cost

    def _broken(self, number: int, row: Row, *, hard: bool = False) -> list[int]:
        """Limits that a row breaks; the soft ones, too, unless ``hard``: from where they begin to cost."""
        broken: list[int] = []
        problem = self._arrays.problem
        for which, limit in enumerate(self._limits[number]):
            most = limit.most if limit.soft_from is None else limit.soft_from
            if hard and limit.soft_from is not None:
                continue
            steps = np.array([limit.steps[kind] if kind >= 0 else 0 for kind in row])
            if limit.weekly:
                weeks = np.bincount([problem.week(day) for day in range(len(row))], weights=steps)
                over = bool(weeks.max() > most)
            else:
                over = bool(steps.sum() > most)
            if over:
                broken.append(which)
        return broken

    def _layout_of(self, number: int, counted: tuple[int, ...]) -> Layout:
        layout = self._layouts.get((number, counted))
        if layout is None:
            layout = self._layouts[number, counted] = self._layout(number, counted)
        return layout

    def _solve(
        self, number: int, counted: tuple[int, ...], cells: Floats, free: Floats
    ) -> tuple[Row, float, bool] | None:
        """The best row, its cost, and whether it is the best of all rows and not only of those at an even pace."""
        arrays = self._arrays
        person = arrays.problem.people[number]
        layout = self._layout_of(number, counted)
        days = arrays.days
        work = np.full((days, max(1, len(layout.types))), np.inf)
        chosen = np.zeros((days, max(1, len(layout.types))), dtype=np.int64)
        every = np.arange(days)
        for t, kinds in enumerate(layout.types):
            if len(kinds) == 1:
                work[:, t], chosen[:, t] = cells[:, kinds[0]], kinds[0]
            else:
                part = cells[:, kinds]
                least = part.argmin(axis=1)
                work[:, t], chosen[:, t] = part[every, least], kinds[least]
        if layout.states > len(self._value):
            self._value = np.full(layout.states, np.inf)
            self._place = np.full(layout.states, -1, dtype=np.int64)
        out = np.zeros(days, dtype=np.int64)
        units = layout.units if len(layout.types) else np.zeros(1, dtype=np.int64)
        classes = layout.classes if len(layout.types) else np.zeros(1, dtype=np.int64)
        steps = layout.steps if len(layout.types) else np.zeros((len(counted), 1), dtype=np.int64)
        ways = self._ways(number)
        if not self._narrow(number, cells, free):
            ways = ways[-1:]
        for way in ways:
            while True:
                answer, cost = best_row(
                    work, free, classes, units, layout.follows, self._weekend, self._new_week,
                    person.max_run, person.min_run, person.min_days_off, layout.first_run, person.history is None,
                    self._most(person.max_minutes), -(-person.min_minutes // arrays.unit), self._weekends[number],
                    way.floor, way.ceiling, way.weekend_floor, way.weekend_ceiling,
                    steps, layout.limits, layout.weekly, self._units_cost[number], self._weekend_cost[number],
                    layout.counter_cost, self._value, self._place, self._keys, self._costs, self._parent, self._action,
                    out,
                )  # fmt: skip
                if answer != FULL or len(self._keys) >= MOST_REACHED:
                    break
                self._buffers(4 * len(self._keys))
            if answer == FOUND:
                row = np.where(out >= 0, chosen[every, np.maximum(out, 0)], -1).astype(np.int16)
                return row, float(cost), way.exact
        return None
