"""Thresholds of a policy, set on validation at the least cost that a capacity allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triage.data.spec import DataSpec
from triage.decisions.choices import Choices, choices_by_matrix
from triage.decisions.cost_matrix import (
    CostMatrix,
    case_costs,
    cost_matrix,
    largest_cost,
    subgroup_factors,
)
from triage.decisions.joint_rejection import fit_saving_threshold
from triage.uncertainty.outlier_probability import prevalence_weights

N_MARGINS = 40
"""Margins of urgent tried, up to the largest cost, at which hardly a case is urgent."""


@dataclass(frozen=True)
class Validated:
    """Labelled validation cases with their calibrated probabilities.

    Parameters
    ----------
    probabilities : float array [N, K]
    p_outlier : float array [N]
    labels : tuple of str, length N
    truth : int array [N]
        Index of the label among the inliers, -1 for others.
    subgroups : DataFrame, N rows
    """

    probabilities: NDArray[np.float64]
    p_outlier: NDArray[np.float64]
    labels: tuple[str, ...]
    truth: NDArray[np.int64]
    subgroups: pd.DataFrame


@dataclass(frozen=True)
class Thresholds:
    """What was set, and the mean cost of a validation case with it at the stated prevalence."""

    saving: float
    urgent_margin: float
    cost: float


def fit_thresholds(
    seen: Validated, spec: DataSpec, known: Sequence[str], unknown: Sequence[str]
) -> Thresholds:
    """Find the thresholds at which validation cases cost least.

    A capacity limits the share of abstentions, and of cases queued as urgent, at the stated
    prevalence: the threshold on the saving and the margin of urgent are raised until both hold.
    Limits that cannot hold together are met as far as the largest margin does.

    Parameters
    ----------
    seen : Validated
    spec : DataSpec
        Costs, prevalence and capacity.
    known, unknown : sequence of str
        See `choices_by_matrix`.

    Raises
    ------
    UsageError
        If inliers or outliers are absent.
    """
    matrix, capacity = cost_matrix(spec), spec.capacity
    weights = prevalence_weights(seen.truth < 0, spec.outlier_prevalence)
    most = {"abstained": 1.0, "urgent": 1.0}
    if capacity is not None:
        for key, places in (
            ("abstained", capacity.abstentions_a_day),
            ("urgent", capacity.urgent_a_day),
        ):
            if places is not None:
                most[key] = min(1.0, places / capacity.cases_a_day)
    margins = [0.0]
    if most["urgent"] < 1.0:
        margins += (matrix.largest * np.geomspace(1e-3, 1.0, N_MARGINS)).tolist()
    for margin in margins:
        choices = choices_by_matrix(
            matrix, known, unknown, seen.probabilities, seen.p_outlier, margin
        )
        opinion, abstain = realised(seen, choices, matrix, spec)
        threshold, cost = fit_saving_threshold(
            choices.saving,
            opinion,
            abstain,
            weights,
            largest=largest_cost(spec),
            most_abstained=most["abstained"],
        )
        queue = np.where(choices.saving > threshold, choices.queue, choices.urgency)
        if weights @ (queue == 0) <= most["urgent"] + 1e-12:  # sums differ by rounding
            break
    return Thresholds(threshold, margin, cost)


def realised(
    seen: Validated, choices: Choices, matrix: CostMatrix, spec: DataSpec
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cost of an opinion on each case and of none, its true condition being known, float [N]."""
    factors = subgroup_factors(spec.costs, seen.subgroups)
    right = seen.probabilities.argmax(axis=1) == seen.truth
    never = np.zeros(len(right), dtype=np.bool_)
    opinion, abstain = (
        case_costs(matrix, seen.labels, seen.truth < 0, right, urgency, abstained, factors)
        for urgency, abstained in ((choices.urgency, never), (choices.queue, ~never))
    )
    return opinion, abstain
