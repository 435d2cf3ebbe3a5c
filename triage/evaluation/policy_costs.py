"""Policies compared by clinical cost on the same cases, and what a change of the threshold trades.

The cost matrix is that of the data spec, as in the metric `clinical_cost`; comparing systems by
such a cost is known to us of Roy et al. 2022, the costs are ours.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from triage.data.spec import DataSpec
from triage.decisions.choices import Choices
from triage.decisions.cost_matrix import case_costs, cost_matrix, subgroup_factors
from triage.decisions.policy import Policy
from triage.evaluation.evaluate import measure_scopes
from triage.evaluation.metrics import METRICS
from triage.evaluation.outcomes import Outcomes
from triage.evaluation.paired_comparison import Difference, paired_difference
from triage.evaluation.results import Estimate
from triage.evaluation.subgroups import select_cases
from triage.predictions import Predictions
from triage.vocabulary.clinical import ABSTAINED_PRIORITY

THIS = "this system"
COST = "clinical_cost"
RISK = "risk of the condition"
"""Axis beside the subgroups of the data."""
N_POINTS = 21
"""Thresholds of the curve: quantiles of the expected saving, from nearly none to all abstained."""
_AXES = ("abstention_rate", "urgent_at_observation_rate", "abstained_under_triage_rate")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PolicyCost(_Model):
    """Mean cost with one policy in one set of cases; `axis` is empty of all cases.

    `difference` is to this system on the same cases, of all cases only.
    """

    policy: str
    axis: str
    level: str
    cost: Estimate
    difference: Difference | None = None


class TradeOff(_Model):
    """Rates at one threshold, at the stated prevalence; None where no case counts."""

    abstained: float
    urgent_at_observation: float | None
    abstained_under_triaged: float | None
    cost: float | None


class PolicyCosts(_Model):
    """Costs of the policies, this system first, and the curve of the threshold."""

    schema_version: Literal["triage-policy-costs-1"] = "triage-policy-costs-1"
    rows: list[PolicyCost]
    curve: list[TradeOff]
    operating: TradeOff


def compare_policies(
    predictions: Predictions,
    policy: Policy,
    spec: DataSpec,
    outcomes: Outcomes,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> PolicyCosts:
    """Measure this system, the same without abstaining, always abstaining, and other thresholds.

    Parameters
    ----------
    predictions : Predictions
        Labelled and decided.
    policy : Policy
        The one that decided.
    spec : DataSpec
    outcomes : Outcomes
        As `outcomes_of` makes them of the same three.
    n_resamples, seed : int
        As for `evaluate`.
    """
    choices = policy.choices(outcomes.probabilities, policy.outlier_probability(outcomes.ood_score))
    risks = np.array([str(spec.by_name[name].risk) for name in predictions.cases["label"]])
    policies = {THIS: outcomes} | {
        name: _decided(predictions, spec, outcomes, choices, abstained)
        for name, abstained in (
            ("no abstentions", np.zeros(len(outcomes), dtype=np.bool_)),
            ("abstaining on every case", np.ones(len(outcomes), dtype=np.bool_)),
        )
    }
    rows = []
    for name, found in policies.items():
        measured = measure_scopes(found, [METRICS[COST]], n_resamples=n_resamples, seed=seed)
        for scope, table in measured:
            compared = None
            if not scope.axis and found is not outcomes:
                compared = paired_difference(
                    outcomes, found, [COST], n_resamples=n_resamples, seed=seed
                )[COST]
            rows.append(
                PolicyCost(
                    policy=name,
                    axis=scope.axis,
                    level=scope.level,
                    cost=table[COST],
                    difference=compared,
                )
            )
        for level in sorted(set(risks.tolist())):
            part = _at_risk(found, risks == level)
            (_, table), *_ = measure_scopes(
                part, [METRICS[COST]], n_resamples=n_resamples, seed=seed
            )
            rows.append(PolicyCost(policy=name, axis=RISK, level=level, cost=table[COST]))
    bare = replace(outcomes, subgroups=outcomes.subgroups[[]])
    curve = []
    for threshold in np.unique(np.quantile(choices.saving, np.linspace(0.0, 1.0, N_POINTS))):
        abstained = choices.saving > threshold
        curve.append(_rates(_decided(predictions, spec, bare, choices, abstained)))
    return PolicyCosts(rows=rows, curve=curve, operating=_rates(outcomes))


def _at_risk(outcomes: Outcomes, where: NDArray[np.bool_]) -> Outcomes:
    """Cases of one risk; of known or of unknown conditions alone no prevalence can be stated."""
    part = select_cases(outcomes, np.flatnonzero(where))
    one_kind = len(set(part.is_outlier.tolist())) < 2
    prevalence = None if one_kind else part.outlier_prevalence
    return replace(part, subgroups=part.subgroups[[]], outlier_prevalence=prevalence)


def _decided(
    predictions: Predictions,
    spec: DataSpec,
    outcomes: Outcomes,
    choices: Choices,
    abstained: NDArray[np.bool_],
) -> Outcomes:
    """Outcomes of the same cases if these were the ones without an opinion."""
    floor = np.minimum(choices.queue, ABSTAINED_PRIORITY.rank)
    queue = np.where(abstained, floor, choices.urgency)
    cost = case_costs(
        cost_matrix(spec),
        list(predictions.cases["label"]),
        outcomes.is_outlier,
        outcomes.probabilities.argmax(axis=1) == outcomes.truth,
        queue,
        abstained,
        subgroup_factors(spec.costs, predictions.cases),
    )
    return replace(outcomes, abstained=abstained, queue_urgency=queue, cost=cost)


def _rates(outcomes: Outcomes) -> TradeOff:
    once = np.ones((1, len(outcomes)))
    abstained, urgent, under, cost = (
        float(METRICS[key].measure(outcomes, once)[0]) for key in (*_AXES, COST)
    )
    return TradeOff(
        abstained=abstained,
        urgent_at_observation=_known(urgent),
        abstained_under_triaged=_known(under),
        cost=_known(cost),
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
