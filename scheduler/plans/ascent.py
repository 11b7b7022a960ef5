"""Prices for a large linear program by a first-order method: never exact, but soon near, where simplex would need minutes.

Reflected Halpern steps of the primal-dual hybrid gradient with restarts (Lu and Yang, "Restarted Halpern PDHG for linear
programming", 2024), on rows and columns scaled after Ruiz and Pock and Chambolle. Whoever asks turns the prices into a bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]
Quick = np.float32
"""Half as long as the usual numbers, so twice as quick: the prices need not be exact."""
_EVEN = 10
"""Rounds of Ruiz scaling."""
_LOOK = 16
"""Steps between two looks at how far the point still moves."""
_ENOUGH, _SOME, _LONG = 0.2, 0.8, 0.36
"""Restart when the move has shrunk to the first share; to the second and grows again; or after this share of all steps."""
_FIRST_WEIGHT = 5.0
"""Weight of prices against columns without anything to begin from; measured."""


@dataclass(frozen=True)
class Shape:
    """min cost x, matrix x <= upper (``equal``: =), low <= x <= high."""

    matrix: sparse.csr_matrix
    cost: Reals
    low: Reals
    high: Reals
    upper: Reals
    equal: Flags


def ascend(
    shape: Shape,
    x: Reals,
    prices: Reals,
    *,
    over: Callable[[], bool],
    report: Callable[[Reals, Reals], None],
) -> int:
    """Go on from ``x`` and ``prices`` (<= 0 on rows with an upper end) until ``over``; how many steps were taken.

    ``report`` is called with x and prices at every look; x keeps the columns' ends, not the rows'.
    """
    by_row, by_col = _scales(shape)
    matrix = sparse.csr_matrix(sparse.diags(by_row) @ shape.matrix @ sparse.diags(by_col)).astype(Quick)
    turned = sparse.csr_matrix(matrix.T)
    cost, upper = (shape.cost * by_col).astype(Quick), (shape.upper * by_row).astype(Quick)
    low, high = (shape.low / by_col).astype(Quick), (shape.high / by_col).astype(Quick)
    most = np.where(shape.equal, np.inf, 0.0).astype(Quick)
    x = np.clip((x / by_col).astype(Quick), low, high)
    y = np.minimum((prices / by_row).astype(Quick), most)
    first_x, first_y = x.copy(), y.copy()
    weight = _ratio(y, x, _FIRST_WEIGHT)
    steps = inside = 0
    moved_first = moved_last = np.inf
    while not over():
        new_x = np.clip(x - (cost - turned @ y) / weight, low, high)
        new_y = np.minimum(y + weight * (upper - matrix @ (2 * new_x - x)), most)
        if inside % _LOOK == 0:
            moved = _moved(new_x - x, new_y - y, matrix, weight)
            if inside:
                report(np.clip(new_x * by_col, shape.low, shape.high), new_y * by_row)
            else:
                moved_first = moved_last = moved
            worse = moved > moved_last
            moved_last = moved
            if inside and (
                moved <= _ENOUGH * moved_first or (moved <= _SOME * moved_first and worse) or inside >= _LONG * steps
            ):
                weight = float(np.sqrt(weight * _ratio(new_y - first_y, new_x - first_x, weight)))
                x, y = new_x, new_y
                first_x, first_y = x.copy(), y.copy()
                inside = 0
                steps += 1
                continue
        share = (inside + 1) / (inside + 2)
        x = share * (2 * new_x - x) + (1 - share) * first_x
        y = share * (2 * new_y - y) + (1 - share) * first_y
        inside += 1
        steps += 1
    return steps


def _moved(x: NDArray[Any], y: NDArray[Any], matrix: sparse.csr_matrix, weight: float) -> float:
    """How far a step goes, in the norm in which steps never grow."""
    square = weight * float(x @ x) + 2 * float(y @ (matrix @ x)) + float(y @ y) / weight
    return float(np.sqrt(max(0.0, square)))


def _ratio(above: NDArray[Any], below: NDArray[Any], otherwise: float) -> float:
    """Length of the first by that of the second."""
    long, short = float(np.linalg.norm(above)), float(np.linalg.norm(below))
    return long / short if long > 1e-12 and short > 1e-12 else otherwise


def _scales(shape: Shape) -> tuple[Reals, Reals]:
    """Factors of rows and columns after which no singular value is above one."""
    entries = shape.matrix.tocoo()
    row, col, size = entries.row, entries.col, np.abs(entries.data)
    by_row, by_col = np.ones(shape.matrix.shape[0]), np.ones(shape.matrix.shape[1])

    def divide(rows: Reals, cols: Reals) -> None:
        nonlocal size, by_row, by_col
        rows, cols = np.where(rows > 0, np.sqrt(rows), 1.0), np.where(cols > 0, np.sqrt(cols), 1.0)
        by_row, by_col = by_row / rows, by_col / cols
        size = size / (rows[row] * cols[col])

    for _ in range(_EVEN):
        rows, cols = np.zeros(len(by_row)), np.zeros(len(by_col))
        np.maximum.at(rows, row, size)
        np.maximum.at(cols, col, size)
        divide(rows, cols)
    divide(
        np.bincount(row, size, len(by_row)).astype(np.float64), np.bincount(col, size, len(by_col)).astype(np.float64)
    )
    return by_row, by_col
