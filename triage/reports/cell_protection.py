"""Which counts to withhold so that no small one can be computed from those that stay.

Counts are cells; a sum says that one cell is the total of others. Small cells are withheld (primary
suppression), then further cells (complementary suppression) until whoever knows all sums, and that
no count is negative, cannot bound any small cell by `LARGEST_SMALL`: then it may as well be a count
that is not small. Cells that no report prints, such as the difference of two printed ones, are
protected like the others.

Terms and rule: L. Willenborg and T. de Waal, "Elements of Statistical Disclosure Control", 2001.
The choice of further cells is greedy and ours; it withholds more than the best choice would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array

LARGEST_SMALL = 10
"""Counts of 1 up to this are withheld."""
_SMALL_BELOW = LARGEST_SMALL + 0.5
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Sum:
    """One cell, `whole`, is the total of others."""

    whole: int
    parts: tuple[int, ...]


@dataclass(frozen=True)
class Rule:
    """If one of some cells is withheld, so are others."""

    of: tuple[int, ...]
    withheld: tuple[int, ...]


@dataclass(frozen=True)
class Cells:
    """Counts and what is known of them.

    Parameters
    ----------
    values : float array [C]
        NaN where there is no such cell.
    printed : bool array [C]
        Whether the report has the cell; the others are only to be protected.
    guarded : bool array [C]
        Whether a small count there is one of cases; the others say that one count is no larger
        than another.
    weights : float array [C]
        How much of the report is lost with a cell.
    sums : sequence of Sum
    rules : sequence of Rule
    """

    values: NDArray[np.float64]
    printed: NDArray[np.bool_]
    guarded: NDArray[np.bool_]
    weights: NDArray[np.float64]
    sums: Sequence[Sum]
    rules: Sequence[Rule]


def is_small(count: float | NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say whether counts are from 1 to `LARGEST_SMALL`; sums that are no whole numbers are too."""
    value = np.asarray(count, dtype=np.float64)
    return (value > _TOLERANCE) & (value < _SMALL_BELOW)


def cells_to_withhold(cells: Cells) -> NDArray[np.bool_]:
    """Return which cells to withhold.

    Parameters
    ----------
    cells : Cells

    Returns
    -------
    bool array [C]
        True for cells that are not printed, too.
    """
    small = is_small(cells.values) & cells.guarded
    hidden = ~cells.printed | small
    # Withholding more only widens what a small cell can be: what is free once stays free.
    unproven = set(np.flatnonzero(small).tolist())
    while True:
        _apply(cells.rules, hidden)
        if _withhold_in_sums(cells, hidden, small):
            continue
        choices = _bounds(cells, hidden, unproven)
        if not choices:
            return hidden
        hidden[_cheapest(choices, cells)] = True


def _cheapest(choices: list[int], cells: Cells) -> int:
    return min(choices, key=lambda cell: (cells.weights[cell], cells.values[cell], cell))


def _apply(rules: Sequence[Rule], hidden: NDArray[np.bool_]) -> None:
    changed = True
    while changed:
        changed = False
        for rule in rules:
            if hidden[list(rule.of)].any() and not hidden[list(rule.withheld)].all():
                hidden[list(rule.withheld)] = True
                changed = True


def _withhold_in_sums(cells: Cells, hidden: NDArray[np.bool_], small: NDArray[np.bool_]) -> bool:
    """Withhold a cell of each sum whose printed cells bound a small cell in it."""
    found = False
    for each in cells.sums:
        parts = [part for part in each.parts if hidden[part]]
        if hidden[each.whole]:
            bounded = not parts and small[each.whole]
        else:
            bounded = any(small[part] for part in parts) and is_small(cells.values[parts].sum())
        if bounded:
            members = (each.whole, *each.parts)
            choices = [c for c in members if not hidden[c] and cells.values[c] > 0]
            hidden[_cheapest(choices, cells)] = found = True
    return found


def _bounds(cells: Cells, hidden: NDArray[np.bool_], unproven: set[int]) -> list[int]:
    """Printed cells that bound one small cell by `LARGEST_SMALL`, when all sums are taken together.

    The first unproven cell, which was bounded before, is maximised alone. If it is free, a linear
    program maximises the sum of min(cell, LARGEST_SMALL + 1) over the unproven cells; all that
    reach it are removed from `unproven`. When none does, each cell has a program of its own, whose
    dual solution tells the sums that bound it.
    """
    used = [each for each in cells.sums if hidden[[each.whole, *each.parts]].any()]
    inside = sorted({c for each in used for c in (each.whole, *each.parts) if hidden[c]})
    place = {cell: i for i, cell in enumerate(inside)}
    unproven.intersection_update(place)  # in place: `&=` with keys makes another set
    system = _equations(used, cells.values, hidden, place)
    together: bool | None = None
    while unproven:
        asked = sorted(unproven) if together else [min(unproven)]
        found = _maximum(*system, [place[cell] for cell in asked])
        reached = {c for c in unproven if found.x[place[c]] > LARGEST_SMALL + 1 - 1e-3}
        if not reached and not together:
            weights: dict[int, float] = {}
            for each, dual in zip(used, found.eqlin.marginals, strict=True):
                for cell, sign in ((each.whole, -1.0), *((part, 1.0) for part in each.parts)):
                    weights[cell] = weights.get(cell, 0.0) + sign * dual
            return [
                cell
                for cell, weight in weights.items()
                if abs(weight) > _TOLERANCE and not hidden[cell] and cells.values[cell] > 0
            ]
        together = together is None or (together and bool(reached))
        unproven -= reached
    return []


def _equations(
    sums: Sequence[Sum],
    values: NDArray[np.float64],
    hidden: NDArray[np.bool_],
    place: dict[int, int],
) -> tuple[coo_array, NDArray[np.float64]]:
    rows, columns, signs = [], [], []
    totals = np.zeros(len(sums))
    for row, each in enumerate(sums):
        for cell, sign in ((each.whole, -1.0), *((part, 1.0) for part in each.parts)):
            if hidden[cell]:
                rows.append(row)
                columns.append(place[cell])
                signs.append(sign)
            else:
                totals[row] -= sign * values[cell]
    shape = (len(sums), len(place))
    return coo_array((signs, (rows, columns)), shape=shape), totals


def _maximum(matrix: coo_array, totals: NDArray[np.float64], asked: list[int]) -> Any:
    """Solve for withheld cells that fit the sums and make the asked ones large."""
    n_rows, n_cells = matrix.shape
    n_asked = len(asked)
    grid = np.arange(n_asked)
    # x are the cells, t the asked ones cut at LARGEST_SMALL + 1: t <= x.
    below = coo_array(
        (
            np.concatenate([np.ones(n_asked), -np.ones(n_asked)]),
            (np.concatenate([grid, grid]), np.concatenate([n_cells + grid, asked])),
        ),
        shape=(n_asked, n_cells + n_asked),
    )
    equal = coo_array((matrix.data, (matrix.row, matrix.col)), shape=(n_rows, n_cells + n_asked))
    found = linprog(
        np.concatenate([np.zeros(n_cells), -np.ones(n_asked)]),
        A_ub=below.tocsr(),
        b_ub=np.zeros(n_asked),
        A_eq=equal.tocsr(),
        b_eq=totals,
        bounds=[(0, None)] * n_cells + [(0, LARGEST_SMALL + 1)] * n_asked,
        method="highs",
    )
    if found.x is None:  # never: the true counts fit all sums
        raise RuntimeError(f"the linear program of the withheld cells failed: {found.message}")
    return found
