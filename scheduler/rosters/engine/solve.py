"""What one child does with its time: by column generation (role ``columns``) or by neighbourhood search (role ``search``).

Both begin with a roster of single best rows, so there is an answer within a second; both take better rosters that the other
child found. Which of them finds what: docs/roster-engine.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from scheduler.rosters.engine.draft import Draft
from scheduler.rosters.engine.messages import News
from scheduler.rosters.engine.search import Search
from scheduler.rosters.engine.work import Work

if TYPE_CHECKING:
    from scheduler.rosters.engine.columns import Columns

FIRST_SEARCH = 0.12
"""Share of the time for annealing before column generation: a first pool."""
FIRST_SECONDS = 8.0
"""The same in seconds, at most."""
ROUND_SECONDS = 30.0
"""The first round of the searching child, at most."""
PROMISING = 0.5
"""Share of the cost within which a proven bound says that column generation works here, for the searching child, too."""
RELAX = 0.45
"""Share of the time after which the programme over all rows is left unsolved in favour of rosters."""
DIVE = 0.3
"""Share of the time that the first dive may take."""


def run(work: Work) -> None:
    """Work until the time is over or the best roster is proven to be best."""
    search = Search(work.arrays, work.finder, work.order.seed, work.clock)
    draft = search.build(work.arrays.to_rows(work.order.start or {}))
    if isinstance(draft, int):
        work.report(News(stuck=work.order.problem.people[draft].id))
        return
    work.better(draft)
    search.polish(draft, work.until)
    work.better(draft)
    if work.order.role == "columns":
        by_columns(work, search)
    else:
        by_search(work, search)


def by_search(work: Work, search: Search) -> None:
    """Annealing in rounds that get longer; every other one begins at the best roster known, the others where the last ended.

    Where the other child's bound is of use, this one goes on by column generation after a round, with dice of its own.
    """
    length, again = min(ROUND_SECONDS, work.order.seconds / 5), True
    draft = Draft(work.arrays, work.finder, work.rows)
    while not work.finished:
        work.listen()
        if again:
            draft = Draft(work.arrays, work.finder, work.rows)
        search.run(draft, min(work.until, work.clock() + length), work.better)
        work.listen()
        if work.best - work.bound < PROMISING * abs(work.best):
            by_columns(work, search)
            return
        length, again = length * 2, not again


def by_columns(work: Work, search: Search) -> None:
    """A pool from search, prices and a bound, a dive, and then a part at a time, larger ones as time allows.

    A long period has too many rows for prices of everything: there it is a part at a time from the beginning, and no bound.
    """
    # a child that only searches does not load HiGHS
    from scheduler.rosters.engine.columns import Columns
    from scheduler.rosters.engine.rerostering import Rerostering

    columns = Columns(work.arrays, work.finder, work.clock, work.tell_bound)
    columns.know(work.rows)
    begin = work.clock()

    def keep(draft: Draft) -> None:
        work.better(draft)
        columns.know(draft.copy_rows())

    first = min(FIRST_SECONDS, FIRST_SEARCH * (work.until - begin))
    search.run(Draft(work.arrays, work.finder, work.rows), begin + first, keep)
    if not work.finder.long:
        _descend(work, columns, search, begin, keep)
    Rerostering(work, columns, search).run()


def _descend(work: Work, columns: Columns, search: Search, begin: float, keep: Callable[[Draft], None]) -> None:
    """Prices and a bound, and a dive by them."""
    from scheduler.rosters.engine.dive import Dive
    from scheduler.rosters.engine.rerostering import KNOWN

    columns.relax(begin + RELAX * (work.until - begin))
    if work.finished:
        return
    everything = columns.local(columns.everybody, work.rows, np.zeros_like(columns.master.present), KNOWN)
    dive = Dive(columns, everything, work.dice)
    end = min(work.until, work.clock() + DIVE * (work.until - begin))
    rows = dive.run(work.best - columns.whole_step, end)
    if rows is None and dive.steps and work.clock() >= end:
        rows = dive.rest()
    if rows is not None:
        draft = Draft(work.arrays, work.finder, rows)
        search.polish(draft, work.until)
        keep(draft)
