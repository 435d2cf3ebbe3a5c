"""The cheapest urgency of an opinion and of an abstention, and what each is expected to cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.data.spec import Costs
from triage.decisions.cost_matrix import CostMatrix
from triage.decisions.outcome_costs import TIE, cheapest_urgency, expected_outcome_cost
from triage.vocabulary.clinical import ABSTAINED_PRIORITY, Urgency

Floats = NDArray[np.float64]
N_ABSTAINED = ABSTAINED_PRIORITY.rank + 1
"""Urgencies in which a case without an opinion may wait."""


@dataclass(frozen=True)
class Choices:
    """What could be done with each of N cases at the least expected cost.

    Parameters
    ----------
    urgency, queue : int array [N]
        Rank of the urgency of an opinion, and of the queue without one.
    by_urgency : float array [N, 4]
        Expected cost of an opinion with each urgency, most urgent first.
    abstain : float array [N]
        Expected cost of no opinion.
    unknown, doubtful : float array [N]
        Parts of `opinion`: where the condition is unknown, and where it is known.
    """

    urgency: NDArray[np.int64]
    queue: NDArray[np.int64]
    by_urgency: Floats
    abstain: Floats
    unknown: Floats
    doubtful: Floats

    @property
    def opinion(self) -> Floats:
        """Expected cost of an opinion with the cheapest urgency, float [N]."""
        return self.with_urgency(self.urgency)

    def with_urgency(self, urgency: NDArray[np.integer]) -> Floats:
        """Expected cost of an opinion with the urgency given by rank, int [N], float [N]."""
        found: Floats = self.by_urgency[np.arange(len(urgency)), urgency]
        return found

    @property
    def saving(self) -> Floats:
        """What abstaining is expected to save, float [N]; it may be negative."""
        return self.opinion - self.abstain


def choices_by_matrix(
    matrix: CostMatrix,
    known: Sequence[str],
    unknown: Sequence[str],
    probabilities: Floats,
    p_outlier: Floats,
    urgent_margin: float = 0.0,
) -> Choices:
    """Choose by the cost matrix; the most probable condition is the one named.

    Parameters
    ----------
    matrix : CostMatrix
    known : sequence of str, length K
        Inlier conditions in class order.
    unknown : sequence of str
        Conditions whose costs, averaged with equal weights, are those of an unknown one: outlier
        conditions of training and validation. Which condition is met in use is not known, and
        prevalences of rare conditions are not in a data spec.
    probabilities : float array [N, K]
        Calibrated probability of each inlier condition, given an inlier.
    p_outlier : float array [N]
        Probability that the condition is unknown.
    urgent_margin : float
        What urgent must save, compared with the next urgency, to be chosen; above 0 where the
        urgent places of a day are few.

    Returns
    -------
    Choices
        Ties go to the more urgent.
    """
    inside, outside = matrix.rows(known), matrix.rows(unknown)
    table, q = matrix.of_urgency, p_outlier[:, None]
    of_known = (1.0 - q) * (probabilities @ table[inside])
    of_unknown = q * table[outside].mean(axis=0)
    of_urgency = of_known + of_unknown
    urgency = _cheapest(of_urgency, table.max(), urgent_margin)
    queue = _cheapest(of_urgency[:, :N_ABSTAINED], table.max(), urgent_margin)
    case = np.arange(len(probabilities))
    p_wrong = 1.0 - probabilities.max(axis=1, initial=0.0)
    misnamed = (1.0 - p_outlier) * p_wrong * matrix.wrong_name
    named_unknown = p_outlier * matrix.named_unknown
    abstain = (1.0 - p_outlier) * (probabilities @ np.array(matrix.abstain_known)[inside])
    abstain += p_outlier * np.array(matrix.abstain_unknown)[outside].mean()
    return Choices(
        urgency=urgency,
        queue=queue,
        by_urgency=of_urgency + (misnamed + named_unknown)[:, None],
        abstain=abstain + of_urgency[case, queue],
        unknown=of_unknown[case, urgency] + named_unknown,
        doubtful=of_known[case, urgency] + misnamed,
    )


def _cheapest(expected: Floats, largest: float, urgent_margin: float) -> NDArray[np.int64]:
    """Rank of the least cost of each row; equal on paper, though not in floats, is a tie."""
    compared = expected.copy()
    compared[:, 0] += urgent_margin
    least = compared.min(axis=1, keepdims=True)
    found: NDArray[np.int64] = (compared <= least + TIE * largest).argmax(axis=1)
    return found


def choices_by_outcomes(
    costs: Costs, ranks: NDArray[np.int64], probabilities: Floats, p_outlier: Floats
) -> Choices:
    """Choose as policies did before the cost matrix; an abstention costs the same in any queue.

    Parameters
    ----------
    costs : Costs
    ranks : int array [K]
        Urgency rank of each inlier condition.
    probabilities, p_outlier : float array
        As for `choices_by_matrix`.
    """
    p_top = probabilities.max(axis=1)
    urgency = cheapest_urgency(probabilities, ranks, costs.urgency)
    opinion, abstain = expected_outcome_cost(costs.outcomes, p_outlier, p_top)
    return Choices(
        urgency=urgency,
        queue=np.minimum(urgency, ABSTAINED_PRIORITY.rank),
        by_urgency=np.repeat(opinion[:, None], len(Urgency), axis=1),
        abstain=abstain,
        unknown=p_outlier * costs.outcomes.miss_outlier,
        doubtful=(1.0 - p_outlier) * (1.0 - p_top) * costs.outcomes.wrong_inlier,
    )
