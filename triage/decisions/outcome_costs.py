"""Clinical cost by outcome and by steps of urgency: policies without a cost matrix decide by it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.data.spec import OutcomeCosts, UrgencyCosts
from triage.vocabulary.clinical import Urgency

TIE = 1e-9
"""Expected costs no further apart, as a share of the largest cost, are equal."""


def outcome_cost(
    costs: OutcomeCosts,
    is_outlier: NDArray[np.bool_],
    is_correct: NDArray[np.bool_],
    abstained: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Cost of each case's outcome, float [N].

    Outcomes and values are our default: a cost metric of Roy et al. 2022 is known to us by
    its purpose only.

    Parameters
    ----------
    costs : OutcomeCosts
        Cost of each outcome; a correct label on an inlier costs nothing.
    is_outlier, is_correct, abstained : bool array [N]
        `is_correct` is read for inliers only.
    """
    on_inlier = np.where(
        abstained, costs.abstain_inlier, np.where(is_correct, 0.0, costs.wrong_inlier)
    )
    on_outlier = np.where(abstained, costs.abstain_outlier, costs.miss_outlier)
    cost: NDArray[np.float64] = np.where(is_outlier, on_outlier, on_inlier)
    return cost


def expected_outcome_cost(
    costs: OutcomeCosts, p_outlier: NDArray[np.float64], p_condition: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Expected cost of giving the top condition, and of abstaining.

    Parameters
    ----------
    p_outlier : float array [N]
        Probability that the case is an outlier.
    p_condition : float array [N]
        Probability of the top condition, given an inlier.

    Returns
    -------
    opinion, abstain : float array [N]
    """
    p_inlier = 1.0 - p_outlier
    opinion = p_outlier * costs.miss_outlier + p_inlier * (1.0 - p_condition) * costs.wrong_inlier
    abstain = p_outlier * costs.abstain_outlier + p_inlier * costs.abstain_inlier
    return opinion, abstain


def urgency_cost_matrix(costs: UrgencyCosts) -> NDArray[np.float64]:
    """Cost of recommending column's urgency when the row's is true, float [4, 4].

    Proportional to the number of steps, with under-triage (less urgent than needed) and
    over-triage priced apart; an ordinal default of ours.
    """
    ranks = np.arange(len(Urgency))
    steps_too_low = ranks[None, :] - ranks[:, None]
    matrix: NDArray[np.float64] = np.where(
        steps_too_low > 0, steps_too_low * costs.under_triage, -steps_too_low * costs.over_triage
    )
    return matrix


def cheapest_urgency(
    probabilities: NDArray[np.float64], ranks: NDArray[np.int64], costs: UrgencyCosts
) -> NDArray[np.int64]:
    """Rank of the urgency with the least expected cost, int [N].

    Parameters
    ----------
    probabilities : float array [N, K]
        Calibrated probability of each inlier condition.
    ranks : int array [K]
        Urgency rank of each condition (0 = urgent).
    costs : UrgencyCosts
        Price of a step. Ties go to the more urgent class.
    """
    matrix = urgency_cost_matrix(costs)
    expected = probabilities @ matrix[ranks]
    least = expected.min(axis=1, keepdims=True)
    # Sums that are equal on paper differ by rounding, which must not break the tie.
    tied = expected <= least + TIE * matrix.max()
    cheapest: NDArray[np.int64] = tied.argmax(axis=1)
    return cheapest
