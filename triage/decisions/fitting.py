"""Fix a policy on validation predictions: temperature, outlier probability, threshold."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from triage.data.spec import DataSpec
from triage.decisions.cost_matrix import cost_matrix, unknown_conditions
from triage.decisions.fit_thresholds import Validated, fit_thresholds
from triage.decisions.policy import KnownCondition, Policy, ood_score
from triage.decisions.prediction_sets import known_shares
from triage.decisions.rule_settings import TEMPERATURE
from triage.errors import UsageError
from triage.predictions import Predictions
from triage.uncertainty.calibration import CALIBRATORS
from triage.uncertainty.calibration.temperature_scaling import apply_temperature, fit_temperature
from triage.uncertainty.feature_distance import FEATURE_DISTANCE, FeatureDistance
from triage.uncertainty.fitted_values import FittedValues
from triage.uncertainty.outlier_probability import fit_outlier_probability


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


def fit_policy(
    predictions: Predictions,
    spec: DataSpec,
    score: str,
    distance: FeatureDistance | None = None,
    scores: NDArray[np.float64] | None = None,
    calibrator: str = TEMPERATURE,
    unknown: Collection[str] = (),
) -> Policy:
    """Fit calibration and threshold on labelled validation predictions.

    Parameters
    ----------
    predictions : Predictions
        Validation inliers and validation outliers.
    spec : DataSpec
        Costs, prevalence and the clinical meaning of the conditions.
    score : str
        Name of the out-of-distribution score.
    distance : FeatureDistance, optional
        Fitted on training inliers, where the score is `feature_distance`.
    scores : float array [N], optional
        The scores, in [0, 1], where the score is `combination`.
    calibrator : str
        One of `triage.uncertainty.calibration.CALIBRATORS` that needs no distance.
    unknown : collection of str
        Outlier conditions of the training data. With those of the predictions, they give the costs
        of an unknown condition.

    Returns
    -------
    Policy

    Raises
    ------
    UsageError
        If a case has no label, or inliers or outliers are absent.
    """
    truth = truth_of(predictions)
    is_outlier = truth < 0
    calibrated, temperature, fitted = _calibration(predictions, truth, calibrator)
    conditions = tuple(
        KnownCondition(name=name, risk=spec.by_name[name].risk, urgency=spec.by_name[name].urgency)
        for name in predictions.inliers
    )
    scores = ood_score(predictions, score, distance) if scores is None else scores
    probability = fit_outlier_probability(scores, is_outlier, spec.outlier_prevalence)
    labels = predictions.cases["label"].astype(str)
    met = unknown_conditions(spec, {*unknown, *labels[is_outlier]})
    thresholds = fit_thresholds(
        Validated(
            probabilities=calibrated,
            p_outlier=probability(scores),
            labels=tuple(labels),
            truth=truth,
            subgroups=predictions.cases[list(predictions.subgroup_columns)],
        ),
        spec,
        predictions.inliers,
        met,
    )
    return Policy(
        conditions=conditions,
        score=score,
        temperature=temperature,
        outlier_probability=probability,
        saving_threshold=thresholds.saving,
        costs=spec.costs,
        outlier_prevalence=spec.outlier_prevalence,
        distance=distance if score == FEATURE_DISTANCE else None,
        matrix=cost_matrix(spec),
        unknown=met,
        urgent_margin=thresholds.urgent_margin,
        calibrator=fitted,
    )


def _calibration(
    predictions: Predictions, truth: NDArray[np.int64], calibrator: str
) -> tuple[NDArray[np.float64], float, FittedValues | None]:
    """Calibrated probabilities [N, K], the temperature, and the calibrator in place of it."""
    known = truth >= 0
    if calibrator == TEMPERATURE:
        averaged = predictions.mean_probabilities()
        temperature = fit_temperature(averaged[known], predictions.n_inliers, truth[known])
        return apply_temperature(averaged, predictions.n_inliers, temperature), temperature, None
    shares = known_shares(predictions)
    learned = CALIBRATORS[calibrator]().fit(shares[known], truth[known])
    return learned.calibrate(shares), 1.0, FittedValues.of(learned)
