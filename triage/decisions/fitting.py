"""Fix a policy on validation predictions: temperature, outlier probability, threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.data.spec import DataSpec
from triage.decisions.costs import outcome_cost
from triage.decisions.policy import Condition, Policy
from triage.decisions.thresholds import cheapest_threshold
from triage.errors import UsageError
from triage.predictions import Predictions
from triage.uncertainty.calibration.temperature import fit_temperature
from triage.uncertainty.outlier_probability import (
    OutlierProbability,
    fit_outlier_probability,
    prevalence_weights,
)


def truth_of(predictions: Predictions) -> NDArray[np.int64]:
    """Index of each case's label among the inliers, -1 for any other condition, int [N].

    Raises
    ------
    UsageError
        If a case has no label.
    """
    labels = predictions.cases["label"]
    if labels.isna().any():
        raise UsageError("a case has no label", where="label")
    place = {name: index for index, name in enumerate(predictions.inliers)}
    return labels.map(lambda name: place.get(name, -1)).to_numpy(dtype=np.int64)


def fit_policy(predictions: Predictions, spec: DataSpec, score: str) -> Policy:
    """Fit calibration and threshold on labelled validation predictions.

    Parameters
    ----------
    predictions : Predictions
        Validation inliers and validation outliers.
    spec : DataSpec
        Costs, prevalence and the clinical meaning of the conditions.
    score : str
        Name of the out-of-distribution score.

    Returns
    -------
    Policy
    """
    truth = truth_of(predictions)
    is_outlier = truth < 0
    averaged = predictions.mean_probabilities()
    temperature = fit_temperature(averaged[~is_outlier], predictions.n_inliers, truth[~is_outlier])
    conditions = tuple(
        Condition(name=name, risk=spec.by_name[name].risk, urgency=spec.by_name[name].urgency)
        for name in predictions.inliers
    )
    draft = Policy(
        conditions=conditions,
        score=score,
        temperature=temperature,
        outlier_probability=OutlierProbability(slope=1.0, intercept=0.0),
        threshold=0.5,
        costs=spec.costs,
        outlier_prevalence=spec.outlier_prevalence,
    )
    scores = draft.ood_score(predictions)
    probabilities = draft.calibrated(predictions)
    ambiguous = draft.ambiguous(probabilities)
    correct = probabilities.argmax(axis=1) == truth
    costs = spec.costs.outcomes
    threshold, _ = cheapest_threshold(
        scores,
        # below the threshold an ambiguous case still abstains
        outcome_cost(costs, is_outlier, correct, ambiguous),
        outcome_cost(costs, is_outlier, correct, np.ones_like(ambiguous)),
        prevalence_weights(is_outlier, spec.outlier_prevalence),
    )
    probability = fit_outlier_probability(scores, is_outlier, spec.outlier_prevalence)
    return draft.model_copy(update={"threshold": threshold, "outlier_probability": probability})
