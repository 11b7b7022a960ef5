"""Bookings that belong together across the weeks: whole cases that much the same people could serve.

Days planned anew one after the other never move a case, or a person's load, from one week into another; these do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from scheduler.plans.model import Model
from scheduler.plans.problem import Ints

Flags = NDArray[np.bool_]


class Neighbours:
    """Draws groups of cases by chance, around one of them."""

    def __init__(self, model: Model, dice: np.random.Generator) -> None:
        problem = model.problem
        self._model, self._dice = model, dice
        shape = (len(problem.bookings), len(problem.people))
        able = sparse.csr_matrix((np.ones(len(problem.opt_leg)), (model.opt_booking, problem.opt_person)), shape=shape)
        alone = problem.case < 0
        self._case: Ints = problem.case.copy()
        self._case[alone] = int(problem.case.max(initial=-1)) + 1 + np.arange(int(alone.sum()))
        self._cases = int(self._case.max(initial=-1)) + 1
        member = sparse.csr_matrix(
            (np.ones(shape[0]), (self._case, np.arange(shape[0]))), shape=(self._cases, shape[0])
        )
        self._able = sparse.csr_matrix(member @ able)
        self._able.data = np.minimum(self._able.data, 1.0)
        self._size = np.maximum(1, np.diff(self._able.indptr))
        self._seen = np.zeros(self._cases)

    def draw(self, keep: Flags, columns: int) -> Flags:
        """Bookings of some cases with about so many options among ``keep`` together; those drawn seldom come first."""
        options = np.bincount(self._case[self._model.opt_booking[keep]], minlength=self._cases)
        can = np.flatnonzero(options)
        chance = np.exp(-0.7 * (self._seen[can] - self._seen[can].min()))
        first = int(self._dice.choice(can, p=chance / chance.sum()))
        shared = np.asarray((self._able @ self._able[first].T).todense()).ravel()
        alike = shared / np.sqrt(self._size * self._size[first]) * np.exp(-0.3 * self._seen)
        alike *= self._dice.uniform(0.6, 1.0, self._cases)
        alike[first] = np.inf
        order = np.argsort(-alike, kind="stable")
        taken = order[: max(1, int(np.searchsorted(np.cumsum(options[order]), columns)))]
        self._seen[taken] += 1
        chosen = np.zeros(self._cases, dtype=np.bool_)
        chosen[taken] = True
        return np.asarray(chosen[self._case])
