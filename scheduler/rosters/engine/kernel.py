"""The dynamic programme over one person's days, compiled: the cheapest row that keeps every sequence rule and limit.

State after a day: the run (free days up to the minimum, or class of the last shift x worked days in a row), units worked,
weekends worked, and up to four further counters. Only states that can be reached are kept. The layout of a state and the
meaning of counters are made in :mod:`scheduler.rosters.engine.rows`; nothing here knows people or kinds.
"""

from __future__ import annotations

import numpy as np

from scheduler.rosters.engine.arrays import Flags, Floats, Ints
from scheduler.rosters.engine.arrays import Row as Marks
from scheduler.rosters.engine.jit import compiled

FREE_TYPE = -1
FULL, NONE, FOUND = -2, -1, 0
"""What ``best_row`` answers: the buffers are too small, there is no row, a row was found."""


@compiled
def best_row(
    work: Floats, free: Floats, classes: Ints, units: Ints, follows: Flags, weekend: Ints, new_week: Flags,
    max_run: int, min_run: int, min_free: int, first_run: int, open_start: bool, most: int, least: int, weekends: int,
    floor: Ints, ceiling: Ints, weekend_floor: Ints, weekend_ceiling: Ints,
    steps: Ints, limits: Ints, weekly: Flags, units_cost: Floats, weekend_cost: Floats, counter_cost: Floats,
    value: Floats, place: Ints, keys: Ints, costs: Floats, parent: Ints, action: Ints, row: Ints,
) -> tuple[int, float]:  # fmt: skip
    """The cheapest row of shift types.

    ``work`` (D, T): cost of each type on each day, infinite if not allowed; ``free`` (D). ``classes`` (T): what may follow a
    type, by ``follows`` (classes, T). ``floor`` to ``weekend_ceiling`` (D + 1): a :class:`~.corridor.Corridor`. ``steps``
    (counters, T): what a type adds to each counter; ``limits``: the most each may reach; ``weekly``: counters that begin
    anew each week. The last costs are charged at the end. ``value`` and ``place`` are scratch over all states (infinite
    and -1 on entry and exit); the buffers hold the reached states.
    """
    days, types = work.shape
    counters = steps.shape[0]
    # strides of a state number: run, units, weekends, counters
    tail = 1
    strides = np.ones(counters + 1, dtype=np.int64)
    for c in range(counters):
        strides[c] = tail
        tail *= limits[c] + 1
    by_weekend = tail
    by_units = by_weekend * (weekends + 1)
    by_run = by_units * (most + 1)
    longest = 0
    for t in range(types):
        longest = max(longest, units[t])
    begin = np.zeros(days + 2, dtype=np.int64)
    keys[0] = first_run * by_run
    costs[0] = 0.0
    begin[1] = 1
    capacity = keys.size
    for day in range(days):
        end = begin[day + 1]
        fill = end
        # the most that can still be worked: full runs with the shortest breaks
        left = days - day - 1
        cycle = max_run + min_free
        still = (left // cycle * max_run + min(left % cycle, max_run)) * longest
        for at in range(begin[day], end):
            key, cost = keys[at], costs[at]
            run = key // by_run
            done = (key // by_units) % (most + 1)
            used = (key // by_weekend) % (weekends + 1)
            if new_week[day]:
                for c in range(counters):
                    if weekly[c]:
                        key -= ((key // strides[c]) % (limits[c] + 1)) * strides[c]
            inner = key % by_weekend
            if fill + types + 1 > capacity:
                for other in range(end, fill):
                    value[keys[other]] = np.inf
                    place[keys[other]] = -1
                return FULL, 0.0
            at_work = run >= min_free
            worked = (run - min_free) % max_run + 1 if at_work else 0
            # a free day
            if free[day] < np.inf and (not at_work or worked >= min_run or (open_start and worked == day)):
                then = 0 if at_work else min(run + 1, min_free - 1)
                if done + still >= least and done >= floor[day + 1] and used >= weekend_floor[day + 1]:
                    new = then * by_run + done * by_units + used * by_weekend + inner
                    total = cost + free[day]
                    if total < value[new]:
                        if place[new] < 0:
                            place[new] = fill
                            keys[fill] = new
                            fill += 1
                        value[new] = total
                        costs[place[new]] = total
                        parent[place[new]] = at
                        action[place[new]] = -1
            # a worked day
            if at_work:
                if worked >= max_run:
                    continue
            elif run < min_free - 1:
                continue
            after = used
            if weekend[day] == 1 or (weekend[day] == 2 and not at_work):
                after = used + 1
                if after > weekend_ceiling[day + 1]:
                    continue
            if after < weekend_floor[day + 1]:
                continue
            for t in range(types):
                if work[day, t] == np.inf or done + units[t] > ceiling[day + 1] or done + units[t] + still < least:
                    continue
                if done + units[t] < floor[day + 1]:
                    continue
                if at_work and not follows[(run - min_free) // max_run, t]:
                    continue
                fits = True
                more = 0
                for c in range(counters):
                    if steps[c, t] > 0:
                        if (inner // strides[c]) % (limits[c] + 1) + steps[c, t] > limits[c]:
                            fits = False
                            break
                        more += steps[c, t] * strides[c]
                if not fits:
                    continue
                then = min_free + classes[t] * max_run + worked
                new = then * by_run + (done + units[t]) * by_units + after * by_weekend + inner + more
                total = cost + work[day, t]
                if total < value[new]:
                    if place[new] < 0:
                        place[new] = fill
                        keys[fill] = new
                        fill += 1
                    value[new] = total
                    costs[place[new]] = total
                    parent[place[new]] = at
                    action[place[new]] = t
        for at in range(end, fill):
            value[keys[at]] = np.inf
            place[keys[at]] = -1
        begin[day + 2] = fill
        if fill == end:
            return NONE, 0.0
    best, chosen = np.inf, -1
    for at in range(begin[days], begin[days + 1]):
        key = keys[at]
        done = (key // by_units) % (most + 1)
        if done < least:
            continue
        total = costs[at] + units_cost[done] + weekend_cost[(key // by_weekend) % (weekends + 1)]
        for c in range(counters):
            total += counter_cost[c, (key // strides[c]) % (limits[c] + 1)]
        if total < best:
            best, chosen = total, at
    if chosen < 0:
        return NONE, 0.0
    for back in range(days):
        row[days - 1 - back] = action[chosen]
        chosen = parent[chosen]
    return FOUND, best


@compiled
def cell_sums(values: Floats, lines: Ints, start: Ints, out: Floats) -> None:
    """Sum of ``values`` over the lines of each cell: ``lines[start[c]:start[c + 1]]``, into the flat ``out``."""
    for cell in range(start.size - 1):
        total = 0.0
        for at in range(start[cell], start[cell + 1]):
            total += values[lines[at]]
        out[cell] = total


@compiled
def move_lines(
    row: Marks, step: int, kinds: int, lines: Ints, start: Ints, present: Ints, table: Floats
) -> float:  # fmt: skip
    """Put a row on its lines (``step`` 1) or take it off (-1): changes ``present``; what that changes in cost."""
    change = 0.0
    for day in range(row.size):
        if row[day] >= 0:
            cell = day * kinds + row[day]
            for at in range(start[cell], start[cell + 1]):
                line = lines[at]
                change -= table[line, present[line]]
                present[line] += step
                change += table[line, present[line]]
    return change
