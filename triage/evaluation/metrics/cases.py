"""What metrics read of cases, whether they are `Outcomes` or the columns of an audited table."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]
BoolColumn = NDArray[np.bool_]


class ScoreSteps(NamedTuple):
    """Steps of a score, highest first: its distinct values, or bins of it.

    Parameters
    ----------
    step : int array [N]
    size : int
        Number of steps.
    binned : bool
        Whether a step may hold different scores.
    """

    step: NDArray[np.int64]
    size: int
    binned: bool = False


class Cases(Protocol):
    """N cases. A metric reads only what the source of the cases has."""

    def __len__(self) -> int:
        """Return N."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The conditions that the system knows, K."""

    @property
    def truth(self) -> Column:
        """Index into `classes`, int [N]; negative where the true condition is none of them."""

    @property
    def labelled(self) -> BoolColumn:
        """Whether the true condition is known, bool [N]."""

    @property
    def is_inlier(self) -> BoolColumn:
        """Whether the true condition is one of the classes, bool [N]."""

    @property
    def is_outlier(self) -> BoolColumn:
        """Whether the true condition is known and none of the classes, bool [N]."""

    @property
    def named(self) -> BoolColumn:
        """Whether the system named a most probable class, bool [N]."""

    @property
    def correct(self) -> BoolColumn:
        """Whether the most probable class is the true one, bool [N]; never for outliers."""

    @property
    def confidence(self) -> Column:
        """Largest probability of each case, float [N]."""

    @property
    def p_truth(self) -> Column:
        """Probability of the true class, float [N]; ignored outside inliers."""

    @property
    def squared_error(self) -> Column:
        """Squared distance of the probabilities from the truth, float [N]; as `p_truth`."""

    def probability(self, label: int) -> Column:
        """Return the probability of one class, float [N]."""

    @property
    def abstained(self) -> BoolColumn:
        """Whether the system gave no opinion, bool [N]."""

    @property
    def cost(self) -> Column:
        """Clinical cost of what was done, float [N]; NaN where it is not known."""

    @property
    def cost_ceiling(self) -> float:
        """Largest possible cost of a case."""

    @property
    def true_urgency(self) -> Column:
        """Rank, int [N], 0 = urgent; negative where it is not known."""

    @property
    def queue_urgency(self) -> Column:
        """Rank of the urgency at which the case was queued; as `true_urgency`."""

    def steps(self, score: str) -> ScoreSteps:
        """Return the steps of a score, `ood_score` or `p_urgent`."""


def distinct_steps(score: Column) -> ScoreSteps:
    """Return one step for each distinct value of a score [N]."""
    values, place = np.unique(score, return_inverse=True)
    return ScoreSteps(len(values) - 1 - place.reshape(-1), len(values))
