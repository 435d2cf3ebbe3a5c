"""Cost of each case as a sum of parts, one for each price that the plan states.

A cost is linear in the prices of the cost matrix, so a part is the cost under a matrix in which all
other prices are zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.auditing.analyses.group_sums import BoolArray, FloatArray
from triage.decisions.cost_matrix import CostMatrix, case_costs

PRICES = {
    "under_triage": "queued less urgently than needed",
    "over_triage": "queued more urgently than needed",
    "right_urgency": "queued at the right urgency",
    "wrong_name": "known condition named wrongly",
    "named_unknown": "unknown condition given a name",
    "abstain_known": "no opinion on a known condition",
    "abstain_unknown": "no opinion on an unknown condition",
}
"""Prices and what they are paid for."""


def price_matrices(matrix: CostMatrix, own_urgency: NDArray[np.int64]) -> dict[str, CostMatrix]:
    """Return, for each price, the matrix in which all others are zero.

    Parameters
    ----------
    matrix : CostMatrix
        With C conditions.
    own_urgency : int array [C]
        Rank of the urgency that each condition needs.
    """
    table = matrix.of_urgency
    steps = np.arange(table.shape[1])[None] - own_urgency[:, None]
    none = tuple(0.0 for _ in matrix.conditions)
    nothing = CostMatrix(
        conditions=matrix.conditions, urgency=tuple((0.0, 0.0, 0.0, 0.0) for _ in none),
        abstain_known=none, abstain_unknown=none, wrong_name=0.0, named_unknown=0.0,
    )  # fmt: skip
    found = {}
    for price, where in (
        ("under_triage", steps > 0), ("over_triage", steps < 0), ("right_urgency", steps == 0),
    ):  # fmt: skip
        kept = tuple((a, b, c, d) for a, b, c, d in np.where(where, table, 0.0).tolist())
        found[price] = nothing.model_copy(update={"urgency": kept})
    for price in ("wrong_name", "named_unknown", "abstain_known", "abstain_unknown"):
        found[price] = nothing.model_copy(update={price: getattr(matrix, price)})
    return found


def needed_urgency(matrix: CostMatrix, stated: dict[str, int]) -> NDArray[np.int64]:
    """Return the rank of the urgency that each condition needs, int [C].

    The stated one, or else the cheapest of the matrix.
    """
    cheapest = matrix.of_urgency.argmin(axis=1)
    return np.array(
        [
            stated.get(name, int(rank))
            for name, rank in zip(matrix.conditions, cheapest, strict=True)
        ],
        dtype=np.int64,
    )


def component_costs(
    matrices: dict[str, CostMatrix],
    condition: NDArray[np.int64],
    is_outlier: BoolArray,
    is_correct: BoolArray,
    urgency: NDArray[np.int64],
    abstained: BoolArray,
) -> FloatArray:
    """Return the parts of the cost of each case, float [N, prices].

    Parameters
    ----------
    matrices : dict of CostMatrix
        Of `price_matrices`.
    condition : int array [N]
        Row of the matrix.
    is_outlier, is_correct, urgency, abstained : array [N]
        As for `case_costs`.
    """
    (names, *_) = {matrix.conditions for matrix in matrices.values()}
    code = ((condition * 4 + urgency) * 2 + is_outlier) * 4 + is_correct * 2 + abstained
    kinds, kind = np.unique(code, return_inverse=True)
    rest, last = np.divmod(kinds, 4)
    rest, outlier = np.divmod(rest, 2)
    row, rank = np.divmod(rest, 4)
    of_kind = [
        case_costs(
            matrix, [names[each] for each in row], outlier == 1, last >= 2, rank, last % 2 == 1
        )
        for matrix in matrices.values()
    ]
    found: FloatArray = np.stack(of_kind, axis=1)[kind]
    return found
