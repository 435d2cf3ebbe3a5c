"""Abstention thresholds, or scores, fitted to each skin type with shrinkage to all types."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from triage.data.spec import DataSpec
from triage.decisions.fit_thresholds import Validated, fit_thresholds
from triage.decisions.fitting import truth_of
from triage.decisions.policy import Policy
from triage.predictions import Predictions

SHRINK = 100
"""Validation cases of a skin type at which its own threshold and that of all count alike."""
SHRINK_SCORE = 20
"""Validation inliers of a skin type at which half of its distance from all is taken off."""
COLUMN = "skin_type"


def centre_by_type(
    scores: dict[str, NDArray[np.float64]], predicted: dict[str, Predictions]
) -> dict[str, NDArray[np.float64]]:
    """Shift the scores of each skin type so that its inliers score as those of all types do.

    The shift of the logit of a score is `n / (n + SHRINK_SCORE)` times the distance between the
    mean logits of the n validation inliers of the type and of all validation inliers. The order of
    cases of one type stays.
    """
    raw = {split: logit(np.clip(score, 1e-9, 1 - 1e-9)) for split, score in scores.items()}
    known = truth_of(predicted["validation"]) >= 0
    of_case = predicted["validation"].cases[COLUMN].to_numpy()
    raw_validation = raw["validation"]
    mean = raw_validation[known].mean()
    for level in sorted(set(of_case[known])):
        own = raw_validation[known & (of_case == level)]
        shift = len(own) / (len(own) + SHRINK_SCORE) * (own.mean() - mean)
        for split, table in predicted.items():
            raw[split] = raw[split] - shift * (table.cases[COLUMN].to_numpy() == level)
    return {split: expit(values) for split, values in raw.items()}


def decide_by_type(
    policy: Policy,
    predicted: dict[str, Predictions],
    scores: dict[str, NDArray[np.float64]],
    spec: DataSpec,
) -> dict[str, pd.DataFrame]:
    """Decide with a threshold by skin type, of which each is set on its validation cases.

    A type's threshold is `t + n / (n + SHRINK) (own - t)`, t being that of all cases and n the
    number of its validation cases. A type without validation inliers or outliers keeps t.

    Returns
    -------
    dict of DataFrame
        Decisions by split, as `Policy.decide` returns them.
    """
    validation = predicted["validation"]
    probabilities = policy.calibrated(validation)
    p_outlier = policy.outlier_probability(scores["validation"])
    saving = policy.choices(probabilities, p_outlier).saving
    truth = truth_of(validation)
    labels = validation.cases["label"].astype(str).to_numpy()
    subgroups = validation.cases[list(validation.subgroup_columns)].reset_index(drop=True)
    of_case = subgroups[COLUMN].to_numpy()
    policies = {}
    for level in sorted(set(of_case)):
        rows = np.flatnonzero(of_case == level)
        if not (truth[rows] >= 0).any() or not (truth[rows] < 0).any():
            continue
        part = Validated(
            probabilities=probabilities[rows],
            p_outlier=p_outlier[rows],
            labels=tuple(labels[rows]),
            truth=truth[rows],
            subgroups=subgroups.iloc[rows].reset_index(drop=True),
        )
        found = fit_thresholds(part, spec, validation.inliers, policy.unknown).saving
        own = float(np.clip(found, saving.min(), saving.max()))
        shift = len(rows) / (len(rows) + SHRINK) * (own - policy.saving_threshold)
        threshold = policy.saving_threshold + shift
        policies[level] = policy.model_copy(update={"saving_threshold": threshold})
    decided = {}
    for split, table in predicted.items():
        found_levels = table.cases[COLUMN].to_numpy()
        chosen = policy.decide(table, ood_score=scores[split])
        for level, own_policy in policies.items():
            rows = np.flatnonzero(found_levels == level)
            chosen.iloc[rows] = own_policy.decide(table, ood_score=scores[split]).iloc[rows]
        decided[split] = chosen
    return decided
