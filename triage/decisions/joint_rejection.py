"""Joint rejection: refer a case where an opinion is expected to cost more than none.

One ordering for both reasons to abstain, a condition named wrongly and an outlier taken for
something known: cases are rejected in order of what abstaining is expected to save. With
calibrated probabilities the best threshold on that saving is zero, Chow's rule (Chow 1970) with
a cost matrix; the threshold fitted on validation cases makes up for what calibration missed.
It takes many cases to do so: in our simulation with calibrated probabilities and costs of up to 2
the fitted threshold varied by 0.33 around zero with 100 validation cases, by 0.07 with 1,000.
`JointRejection(threshold=0.0, ...)` is Chow's rule itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from triage.data.spec import OutcomeCosts
from triage.decisions.abstention_threshold import cheapest_threshold
from triage.decisions.outcome_costs import expected_outcome_cost, outcome_cost
from triage.errors import UsageError
from triage.uncertainty.outlier_probability import prevalence_weights


def joint_saving(
    p_outlier: NDArray[np.float64], p_condition: NDArray[np.float64], costs: OutcomeCosts
) -> NDArray[np.float64]:
    """Expect what abstaining saves on each case, float [N], in cost units; it may be negative.

    Parameters
    ----------
    p_outlier : float array [N]
        Calibrated probability that the case is an outlier.
    p_condition : float array [N]
        Calibrated probability of the most probable condition, given an inlier.
    costs : OutcomeCosts

    Raises
    ------
    UsageError
        If the arrays differ in length or hold anything but probabilities.
    """
    check_probabilities(p_outlier, p_condition)
    opinion, abstain = expected_outcome_cost(costs, p_outlier, p_condition)
    return opinion - abstain


def check_probabilities(p_outlier: NDArray[np.float64], p_condition: NDArray[np.float64]) -> None:
    """Refuse arrays that differ in length or hold anything but probabilities; see `joint_saving`.

    Raises
    ------
    UsageError
        With the name of the array.
    """
    if p_outlier.shape != p_condition.shape:
        raise UsageError(f"p_condition has shape {p_condition.shape}, not {p_outlier.shape}")
    for name, p in (("p_outlier", p_outlier), ("p_condition", p_condition)):
        # written so that NaN fails
        if not ((p >= 0.0) & (p <= 1.0)).all():
            raise UsageError("holds values outside [0, 1]", where=name)


class JointRejection(BaseModel):
    """A fitted rule of joint rejection.

    Parameters
    ----------
    threshold : float
        A case abstains when its saving exceeds this, in cost units; zero is Chow's rule.
    costs : OutcomeCosts
        The cost matrix it was fitted with.
    outlier_prevalence : float
        The prevalence it was fitted for; `p_outlier` must be meant for the same.
    expected_cost : float, optional
        Mean cost of a validation case at the threshold and prevalence; optimistic, as the
        threshold was chosen on the same cases.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    threshold: float
    costs: OutcomeCosts
    outlier_prevalence: float = Field(gt=0.0, lt=1.0)
    expected_cost: float | None = None

    def abstains(
        self, p_outlier: NDArray[np.float64], p_condition: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Whether each case goes to a specialist, bool [N]; see `joint_saving`."""
        rejected: NDArray[np.bool_] = (
            joint_saving(p_outlier, p_condition, self.costs) > self.threshold
        )
        return rejected


def fit_joint_rejection(
    p_outlier: NDArray[np.float64],
    p_condition: NDArray[np.float64],
    is_outlier: NDArray[np.bool_],
    is_correct: NDArray[np.bool_],
    costs: OutcomeCosts,
    outlier_prevalence: float,
) -> JointRejection:
    """Find the threshold on the saving at which validation cases cost least.

    Parameters
    ----------
    p_outlier, p_condition : float array [N]
        Calibrated, of validation cases; see `joint_saving`.
    is_outlier : bool array [N]
    is_correct : bool array [N]
        Whether the most probable condition is the true one; read for inliers only.
    costs : OutcomeCosts
    outlier_prevalence : float
        Share of outliers expected in use; validation is weighted to it.

    Returns
    -------
    JointRejection
        Where never, or always, abstaining is cheapest on validation, it does so in use too.

    Raises
    ------
    UsageError
        As `joint_saving`, or if inliers or outliers are absent.
    """
    saving = joint_saving(p_outlier, p_condition, costs)
    if not len(saving) == len(is_outlier) == len(is_correct):
        raise UsageError(
            f"{len(is_outlier)} and {len(is_correct)} truths for {len(saving)} validation cases"
        )
    never = np.zeros(len(saving), dtype=np.bool_)
    threshold, cost = fit_saving_threshold(
        saving,
        outcome_cost(costs, is_outlier, is_correct, never),
        outcome_cost(costs, is_outlier, is_correct, ~never),
        prevalence_weights(is_outlier, outlier_prevalence),
        largest=max(costs.model_dump().values()),
    )
    return JointRejection(
        threshold=threshold,
        costs=costs,
        outlier_prevalence=outlier_prevalence,
        expected_cost=cost,
    )


def fit_saving_threshold(
    saving: NDArray[np.float64],
    opinion: NDArray[np.float64],
    abstain: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    largest: float,
    most_abstained: float = 1.0,
) -> tuple[float, float]:
    """Find the threshold on the expected saving at which validation cases cost least.

    Parameters
    ----------
    saving : float array [N]
        What abstaining is expected to save.
    opinion, abstain : float array [N]
        What each choice costs, the true condition being known.
    weights : float array [N]
        See `prevalence_weights`.
    largest : float
        Largest cost of a case: no saving lies beyond it.
    most_abstained : float
        Weighted share of cases that may abstain, where a capacity limits it.

    Returns
    -------
    threshold, cost : float
        The threshold where never, or always, abstaining is cheapest holds for cases beyond those
        seen too.
    """
    threshold, cost = cheapest_threshold(
        saving, opinion, abstain, weights, most_abstained=most_abstained
    )
    if threshold >= saving.max():
        threshold = largest
    elif threshold < saving.min():
        threshold = -largest - 1.0
    return threshold, cost
