"""Sets, guarantee and abstention rule of the settings, added to a fitted policy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.data.spec import DataSpec
from triage.decisions.fitting import truth_of
from triage.decisions.guaranteed_threshold import fit_guaranteed_threshold
from triage.decisions.high_risk_floor import p_high_risk
from triage.decisions.policy import Policy
from triage.decisions.prediction_sets import PredictionSets
from triage.decisions.rule_settings import (
    GuaranteedSettings,
    PredictionSetSettings,
    SelectiveSettings,
)
from triage.decisions.selective_threshold import threshold_of_error
from triage.predictions import Predictions
from triage.uncertainty.outlier_probability import prevalence_weights
from triage.vocabulary.clinical import Risk


def with_rules(
    policy: Policy,
    predictions: Predictions,
    scores: NDArray[np.float64],
    spec: DataSpec,
    *,
    prediction_set: PredictionSetSettings | None,
    guaranteed: GuaranteedSettings | None,
    selective: SelectiveSettings,
) -> Policy:
    """Return the policy with what the settings ask for, fitted on validation predictions.

    Parameters
    ----------
    policy : Policy
        Fitted on the same predictions.
    predictions : Predictions
        N labelled validation cases.
    scores : float array [N]
        Their out-of-distribution scores.
    spec : DataSpec
    prediction_set, guaranteed : optional
        None for none.
    selective : SelectiveSettings
    """
    truth = truth_of(predictions)
    known = truth >= 0
    probabilities = policy.calibrated(predictions)
    found = dict(policy) | {"selective": selective}
    if prediction_set is not None:
        found["prediction_set"] = PredictionSets.fit(prediction_set, predictions, truth)
    if guaranteed is not None:
        risks = [condition.risk for condition in policy.conditions]
        risky = np.array([risk is Risk.HIGH for risk in risks])
        found["guaranteed"] = fit_guaranteed_threshold(
            p_high_risk(probabilities, risks)[known],
            risky[truth[known]],
            alpha=guaranteed.alpha,
            delta=guaranteed.delta,
            cluster=predictions.cases["cluster"].to_numpy(dtype=np.str_)[known],
        )
    if selective.rule == "chow":
        found["saving_threshold"] = 0.0
    elif selective.error is not None:
        saving = policy.choices(probabilities, policy.outlier_probability(scores)).saving
        found["saving_threshold"] = threshold_of_error(
            saving,
            probabilities.argmax(axis=1) != truth,
            prevalence_weights(~known, spec.outlier_prevalence),
            selective.error,
        )
    return Policy(**found)
