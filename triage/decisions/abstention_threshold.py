"""The abstention threshold: where the expected clinical cost on validation is least."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError

ROUNDING = 1e-12
"""Sums of weights that are equal on paper differ by less."""


def cheapest_threshold(
    score: NDArray[np.float64],
    cost_of_opinion: NDArray[np.float64],
    cost_of_abstaining: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    most_abstained: float = 1.0,
) -> tuple[float, float]:
    """Find the score above which abstaining is cheapest on average.

    Parameters
    ----------
    score : float array [N]
        Out-of-distribution score of validation cases.
    cost_of_opinion, cost_of_abstaining : float array [N]
        What each case costs with an opinion, and without.
    weights : float array [N]
        Case weights, summing to one (re-weighted to the prevalence in use).
    most_abstained : float
        Largest weighted share of cases that may abstain.

    Returns
    -------
    threshold : float
        A case abstains when its score exceeds this. Half-way between neighbouring scores;
        the lowest of equally cheap ones. One above the highest score when never abstaining is
        cheapest, one below the lowest when always (scores lie in [0, 1]).
    cost : float
        Expected cost at the threshold.

    Raises
    ------
    UsageError
        If there is no case.
    """
    if len(score) == 0:
        raise UsageError("a threshold needs validation cases")
    values, place = np.unique(score, return_inverse=True)
    opinion = np.bincount(place, weights * cost_of_opinion, len(values))
    abstain = np.bincount(place, weights * cost_of_abstaining, len(values))
    # kept[i]: cost when the i lowest distinct scores keep their opinion.
    kept = np.concatenate([[0.0], np.cumsum(opinion)])
    dropped = np.concatenate([np.cumsum(abstain[::-1])[::-1], [0.0]])
    total = kept + dropped
    if most_abstained < 1.0:
        shares = np.bincount(place, weights, len(values))
        abstained = np.concatenate([np.cumsum(shares[::-1])[::-1], [0.0]])
        total[abstained > most_abstained + ROUNDING] = np.inf
    best = int(np.argmin(np.round(total, 12)))
    return threshold_after(values, best), float(total[best])


def threshold_after(values: NDArray[np.float64], n_kept: int) -> float:
    """Return the threshold that the first values do not exceed, and the others do.

    Parameters
    ----------
    values : float array [N > 0]
        Distinct, in rising order.
    n_kept : int
        How many do not exceed it, 0 to N.

    Returns
    -------
    float
        Half-way between the neighbours; one below the lowest for none, one above the highest for
        all.
    """
    if n_kept == 0:
        return float(values[0]) - 1.0
    if n_kept == len(values):
        return float(values[-1]) + 1.0
    below, above = values[n_kept - 1], values[n_kept]
    halfway = (below + above) / 2.0
    # Where neighbours are adjacent floats, half-way may round up to the one above.
    return float(halfway if halfway < above else below)
