"""Arrays for metrics from labelled predictions with decisions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.data.spec import DataSpec
from triage.decisions.cost_matrix import case_costs, cost_matrix, largest_cost, subgroup_factors
from triage.decisions.fitting import truth_of
from triage.decisions.policy import Policy
from triage.errors import UsageError
from triage.evaluation.outcomes import Outcomes
from triage.predictions import Predictions
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency


def outcomes_of(predictions: Predictions, policy: Policy, spec: DataSpec) -> Outcomes:
    """Compare predictions and decisions with the true conditions.

    Parameters
    ----------
    predictions : Predictions
        Labelled with conditions of the spec, and decided.
    policy : Policy
        The one that decided.
    spec : DataSpec
        Gives the urgency of every condition, outliers too, the costs, and the prevalence of
        outliers that costs and rates are given at.

    Raises
    ------
    UsageError
        If a case has no label or no decision.
    """
    decisions = predictions.decisions
    if decisions is None:
        raise UsageError("the predictions carry no decisions", hint="Apply a policy first.")
    truth = truth_of(predictions)
    probabilities = policy.calibrated(predictions)
    abstained = (decisions["recommendation"] == NO_AI_OPINION).to_numpy()
    # The spec's costs: the cost of an error is defined by the users of the system, also
    # where the policy was set with other costs.
    subgroups = predictions.cases[list(predictions.subgroup_columns)].reset_index(drop=True)
    queue = _ranks([Urgency(name) for name in decisions["queue_urgency"]])
    cost = case_costs(
        cost_matrix(spec),
        list(predictions.cases["label"]),
        truth < 0,
        probabilities.argmax(axis=1) == truth,
        queue,
        abstained,
        subgroup_factors(spec.costs, subgroups),
    )
    return Outcomes(
        classes=predictions.inliers,
        truth=truth,
        probabilities=probabilities,
        ood_score=policy.ood_score(predictions),
        abstained=abstained,
        cost=cost,
        true_urgency=_ranks([spec.by_name[name].urgency for name in predictions.cases["label"]]),
        queue_urgency=queue,
        cluster=predictions.cases["cluster"].to_numpy(dtype=str),
        subgroups=subgroups,
        outlier_prevalence=spec.outlier_prevalence,
        largest_cost=largest_cost(spec),
    )


def _ranks(urgencies: list[Urgency]) -> NDArray[np.int64]:
    return np.array([urgency.rank for urgency in urgencies], dtype=np.int64)
