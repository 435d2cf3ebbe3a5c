"""Outcomes: the predictions and decisions of a system on labelled cases, as arrays for metrics."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triage.data.spec import OutcomeCosts
from triage.errors import UsageError
from triage.evaluation import outcome_arrays
from triage.evaluation.metrics.cases import ScoreSteps, distinct_steps
from triage.vocabulary.clinical import Urgency

SUM_TOLERANCE = 1e-3
"""How far probabilities of a case may sum from one: as for `Predictions`, kept as float32."""
_DEFAULT_LARGEST: float = max(OutcomeCosts().model_dump().values())
_TYPES = {
    "truth": outcome_arrays.whole_numbers,
    "probabilities": outcome_arrays.real_numbers,
    "ood_score": outcome_arrays.real_numbers,
    "abstained": outcome_arrays.truth_values,
    "cost": outcome_arrays.real_numbers,
    "true_urgency": outcome_arrays.whole_numbers,
    "queue_urgency": outcome_arrays.whole_numbers,
    "cluster": outcome_arrays.names,
    "subgroups": outcome_arrays.text_columns,
}


@dataclass(frozen=True)
class Outcomes:
    """Predictions and decisions for N labelled cases, K inlier conditions.

    Parameters
    ----------
    classes : tuple of str, length K
        The inlier conditions.
    truth : int array [N]
        Index into `classes`; -1 for an outlier (out-of-distribution) case.
    probabilities : float array [N, K]
        Calibrated probability of each condition, given that the case is an inlier.
    ood_score : float array [N]
        Larger = more out-of-distribution.
    abstained : bool array [N]
        Whether the system gave no opinion.
    cost : float array [N]
        Clinical cost of what was done, in the spec's cost units.
    true_urgency : int array [N]
        Rank of the urgency of the true condition (0 = urgent ... 3 = observation).
    queue_urgency : int array [N]
        Rank of the urgency at which the case was queued (also when abstained).
    cluster : str array [N]
        Unit of resampling: cases of one patient, or near-duplicates, share it.
    subgroups : DataFrame, N rows
        One string column per subgroup axis; missing values read "unknown".
    outlier_prevalence : float, optional
        Share of outliers expected where the system is used, in (0, 1). Costs, AUPR and rates of
        all cases are then given for that share; without it, for the share these cases hold.
    largest_cost : float, optional
        The largest entry of the cost matrix, which bounds the intervals of mean costs. Without
        it, the largest cost seen, or that of the default matrix if larger.
    """

    classes: tuple[str, ...]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    ood_score: NDArray[np.float64]
    abstained: NDArray[np.bool_]
    cost: NDArray[np.float64]
    true_urgency: NDArray[np.int64]
    queue_urgency: NDArray[np.int64]
    cluster: NDArray[np.str_]
    subgroups: pd.DataFrame
    outlier_prevalence: float | None = None
    largest_cost: float | None = None

    def __post_init__(self) -> None:
        """Check the length of every array and the range of its values.

        Raises
        ------
        UsageError
            If something is not an array of its kind, lengths differ, a value is not finite,
            probabilities are outside [0, 1] or do not sum to one, a label or an urgency is none
            there is, a cost is negative or larger than the largest, or the prevalence is not
            between 0 and 1.
        """
        self._convert()
        n = len(self.truth)
        if self.probabilities.shape != (n, len(self.classes)):
            raise UsageError(f"probabilities have shape {self.probabilities.shape} for {n} cases")
        for name in ("ood_score", "abstained", "cost", "true_urgency", "queue_urgency", "cluster"):
            if len(getattr(self, name)) != n:
                raise UsageError(f"{name} has {len(getattr(self, name))} rows for {n} cases")
        if len(self.subgroups) != n:
            raise UsageError(f"subgroups have {len(self.subgroups)} rows for {n} cases")
        for name in ("probabilities", "ood_score", "cost"):
            if not np.isfinite(getattr(self, name)).all():
                raise UsageError(f"{name} has values that are not finite")
        self._check_domains()

    def _convert(self) -> None:
        """Convert the inputs to arrays and text columns of the documented types."""
        for name, kind in _TYPES.items():
            # The class is frozen for its users; this is still its construction.
            object.__setattr__(self, name, kind(name, getattr(self, name)))

    def _check_domains(self) -> None:
        p, k = self.probabilities, len(self.classes)
        if (p < -SUM_TOLERANCE).any() or (p > 1 + SUM_TOLERANCE).any():
            raise UsageError("holds values outside [0, 1]", where="probabilities")
        if (np.abs(p.sum(axis=1) - 1.0) > SUM_TOLERANCE).any():
            raise UsageError("do not sum to one in every row", where="probabilities")
        ranks = range(len(Urgency))
        allowed = {"truth": range(-1, k), "true_urgency": ranks, "queue_urgency": ranks}
        for name, values in allowed.items():
            found = getattr(self, name)
            if not np.isin(found, list(values)).all():
                raise UsageError(
                    f"holds values that are not whole numbers from {values[0]} to {values[-1]}",
                    where=name,
                )
        if not np.isin(self.abstained, [False, True]).all():
            raise UsageError("holds values that are neither true nor false", where="abstained")
        if (self.cost < 0).any():
            raise UsageError("a cost is negative", where="cost")
        top = self.largest_cost
        if top is not None and not (math.isfinite(top) and (self.cost <= top * (1 + 1e-9)).all()):
            raise UsageError(
                f"is {top}, which is not finite or is less than a cost of these cases",
                where="largest_cost",
                hint="Give the largest entry of the cost matrix.",
            )
        if self.outlier_prevalence is not None and not 0.0 < self.outlier_prevalence < 1.0:
            raise UsageError(
                f"must lie between 0 and 1, not {self.outlier_prevalence}",
                where="outlier_prevalence",
            )

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def cost_ceiling(self) -> float:
        """Largest possible cost of a case."""
        if self.largest_cost is not None:
            return float(self.largest_cost)
        return max(_DEFAULT_LARGEST, float(self.cost.max(initial=0.0)))

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Every case has a true condition, or is known to be an outlier, bool [N]."""
        return np.ones(len(self), dtype=np.bool_)

    @property
    def is_inlier(self) -> NDArray[np.bool_]:
        """Whether each case is of one of the classes, bool [N]."""
        return self.truth >= 0

    @property
    def is_outlier(self) -> NDArray[np.bool_]:
        """Whether each case is out-of-distribution, bool [N]."""
        return self.truth < 0

    @property
    def named(self) -> NDArray[np.bool_]:
        """Every case has a most probable condition, bool [N]."""
        return np.ones(len(self), dtype=np.bool_)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the most probable condition is the true one, bool [N]; never for outliers."""
        matches: NDArray[np.bool_] = self.probabilities.argmax(axis=1) == self.truth
        return matches

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Largest probability of each case, float [N]."""
        largest: NDArray[np.float64] = self.probabilities.max(axis=1)
        return largest

    @property
    def p_truth(self) -> NDArray[np.float64]:
        """Probability of the true condition, float [N]; of inliers only."""
        return self.probabilities[np.arange(len(self)), self.truth]

    @property
    def squared_error(self) -> NDArray[np.float64]:
        """Squared distance of the probabilities from the truth, float [N]; of inliers only."""
        target = self.truth[:, None] == np.arange(len(self.classes))
        distance: NDArray[np.float64] = ((self.probabilities - target) ** 2).sum(axis=1)
        return distance

    def probability(self, label: int) -> NDArray[np.float64]:
        """Return the probability of one condition, float [N]."""
        return self.probabilities[:, label]

    def steps(self, score: str) -> ScoreSteps:
        """Return the distinct values of a score, highest first."""
        return distinct_steps(getattr(self, score))
