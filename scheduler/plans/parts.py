"""Cuts a model into programs that are solved on their own: windows that improve a plan, and parts whose bounds add up.

Pure array work; which part is solved when is the engine's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from scheduler.plans.model import Model
from scheduler.plans.problem import DAYS_A_WEEK, NOBODY, Ints
from scheduler.plans.workers import Program

Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Piece:
    """A program, and where its columns and rows are in the model."""

    program: Program
    columns: Ints
    rows: Ints


def booking_days(model: Model) -> Ints:
    """Local day on which each booking begins; -1 if it has no way at all."""
    problem = model.problem
    day = np.full(len(problem.bookings), NOBODY, dtype=np.int64)
    day[problem.leg_booking] = problem.leg_day
    return day


def windows(day: Ints, size: int, shift: int) -> list[Flags]:
    """Bookings in spans of days inside weeks (shifted: across them), far ones next to each other so that two can run at once."""
    last = int(day.max(initial=0)) + 1
    weeks = range(-DAYS_A_WEEK + shift, last, DAYS_A_WEEK)
    cuts = [*(week + place for week in weeks for place in range(0, DAYS_A_WEEK, size)), last + 1]
    spans = [(day >= begin) & (day < end) for begin, end in pairwise(cuts)]
    spans = [span for span in spans if span.any()]
    half = (len(spans) + 1) // 2
    return [
        spans[at] for pair in zip(range(half), range(half, 2 * half), strict=True) for at in pair if at < len(spans)
    ]


def columns_of(model: Model, bookings: Flags, keep: Flags) -> Flags:
    """Columns of these bookings (options only where ``keep``)."""
    free = np.zeros(len(model.cost), dtype=np.bool_)
    free[: model.at_relay] = bookings[model.opt_booking] & keep
    free[model.at_relay : model.at_absent] = bookings[model.problem.way_booking[model.pairs]]
    free[model.at_absent : model.at_band] = bookings
    return free


class Cutter:
    """Makes pieces of one model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._options = model.matrix[:, : model.at_relay].tocsr()
        self._soft = np.zeros(len(model.upper), dtype=np.bool_)
        self._soft[model.load_at :] = True

    def relaxed(self, bookings: Flags, keep: Flags, share: Reals, only: Flags | None = None) -> Piece:
        """The program of these bookings without whole numbers. ``share``: their part of each person's fair load.

        ``only``: rows to look at; fewer are quicker and prove less.
        """
        model = self.model
        free = columns_of(model, bookings, keep)
        self._dependent(free)
        upper = model.upper.astype(np.float64)
        upper[model.load_at : model.case_at] *= share
        width = model.width.astype(np.float64)
        width[model.at_band : model.at_case] *= np.tile(share, 2)
        piece = self._piece(free, upper, np.zeros(len(model.cost)), width, only=only)
        return Piece(_continuous(piece.program), piece.columns, piece.rows)

    def window(self, chosen: Ints, bookings: Flags, keep: Flags, guide: Reals | None, guided: Flags) -> Piece:
        """The program that plans ``bookings`` anew while the rest of ``chosen`` stands.

        For bookings in ``guided`` (still to be planned) the relaxation ``guide`` stands in where load, weeks and cases are
        shared. Giving nobody anything is always possible, so that the program always has an answer.
        """
        model = self.model
        x = model.columns(chosen)
        free = columns_of(model, bookings, keep | (x[: model.at_relay] > 0))
        self._dependent(free)
        others = np.where(bookings[model.opt_booking], 0.0, x[: model.at_relay])
        softly = others
        if guide is not None:
            softly = np.where(guided[model.opt_booking] & ~bookings[model.opt_booking], guide, others)
        hard, soft = self._options @ others, self._options @ softly
        upper = model.upper.astype(np.float64)
        inner = np.maximum(upper - np.maximum(hard, np.minimum(soft, upper)), 0)
        upper = np.where(self._soft, upper - soft, np.where(model.equal, upper, inner))
        upper[model.case_at :] = 0
        met = np.zeros(model.case_count)
        np.maximum.at(met, model.case_column, softly[model.case_option])
        lower = np.zeros(len(model.cost))
        lower[model.at_case :] = np.minimum(met, 1)
        piece = self._piece(free, upper, lower, model.width.astype(np.float64))
        if guide is not None:
            return piece
        program = piece.program
        begin = Program(**{**program.__dict__, "begin": np.maximum(x[piece.columns], program.lower)})
        return Piece(begin, piece.columns, piece.rows)

    def priced(self, prices: Reals, part: Ints) -> tuple[float, list[Flags], Reals]:
        """What is left when rows between parts (``part`` per booking) are paid for by ``prices``.

        Returns a constant, the rows of each part, and the costs of all columns.
        """
        model = self.model
        y = model.clip(prices)
        of_column = np.full(len(model.cost), NOBODY, dtype=np.int64)
        of_column[: model.at_relay] = part[model.opt_booking]
        of_column[model.at_relay : model.at_absent] = part[model.problem.way_booking[model.pairs]]
        of_column[model.at_absent : model.at_band] = part
        matrix = model.matrix.tocoo()
        low = np.full(len(model.upper), np.iinfo(np.int64).max)
        high = np.full(len(model.upper), NOBODY, dtype=np.int64)
        np.minimum.at(low, matrix.row, of_column[matrix.col])
        np.maximum.at(high, matrix.row, of_column[matrix.col])
        inner = (low == high) & (low >= 0)
        y = np.where(inner, 0.0, y)
        cost = model.cost - model.matrix.T @ y
        constant = float(model.upper @ y) + model.base
        between = of_column < 0
        constant += float((np.minimum(cost[between], 0) * model.width[between]).sum())
        return constant, [inner & (low == each) for each in range(int(part.max(initial=-1)) + 1)], cost

    def part(self, bookings: Flags, keep: Flags, rows: Flags, cost: Reals) -> Piece:
        """One part with its own rows at these costs."""
        model = self.model
        free = columns_of(model, bookings, keep)
        return self._piece(
            free, model.upper.astype(np.float64), np.zeros(len(cost)), model.width.astype(np.float64), cost, rows
        )

    def _dependent(self, free: Flags) -> None:
        """Free the load and the cases that free options touch."""
        model, people = self.model, len(self.model.problem.people)
        who = np.zeros(people, dtype=np.bool_)
        who[model.problem.opt_person[free[: model.at_relay]]] = True
        free[model.at_band : model.at_band + people] = who
        free[model.at_band + people : model.at_case] = who
        case = np.zeros(model.case_count, dtype=np.bool_)
        case[model.case_column[free[model.case_option]]] = True
        free[model.at_case :] = case

    def _piece(
        self,
        free: Flags,
        upper: Reals,
        lower: Reals,
        width: Reals,
        cost: Reals | None = None,
        only: Flags | None = None,
    ) -> Piece:
        model = self.model
        columns = np.flatnonzero(free)
        by_row = sparse.csr_matrix(model.matrix[:, columns])
        touched = np.diff(by_row.indptr) > 0
        rows = np.flatnonzero(touched if only is None else touched & only)
        matrix = sparse.csc_matrix(by_row[rows])
        ends = upper[rows]
        program = Program(
            cost=(model.cost if cost is None else cost)[columns].astype(np.float64),
            lower=lower[columns],
            upper=width[columns],
            row_lower=np.where(model.equal[rows], ends, -np.inf),
            row_upper=ends,
            start=matrix.indptr.astype(np.int32),
            index=matrix.indices.astype(np.int32),
            value=matrix.data.astype(np.float64),
            whole=model.whole[columns],
        )
        return Piece(program, columns, rows)


def put(model: Model, chosen: Ints, piece: Piece, x: Reals) -> None:
    """Write the options of a window's answer into a plan."""
    options = piece.columns < model.at_relay
    columns, values = piece.columns[options], x[options]
    window = np.zeros(len(model.problem.bookings), dtype=np.bool_)
    absent = piece.columns[(piece.columns >= model.at_absent) & (piece.columns < model.at_band)]
    window[absent - model.at_absent] = True
    chosen[window[model.problem.leg_booking]] = NOBODY
    taken = columns[values > 0.5]
    chosen[model.problem.opt_leg[taken]] = taken


def meet(model: Model, one: Piece, other: Piece) -> bool:
    """Whether two pieces share a hard row."""
    hard_one, hard_other = (piece.rows[piece.rows < model.load_at] for piece in (one, other))
    return len(np.intersect1d(hard_one, hard_other, assume_unique=True)) > 0


def _continuous(program: Program) -> Program:
    return Program(**{**program.__dict__, "whole": np.zeros(len(program.cost), dtype=np.bool_)})
