"""Area under the precision-recall curve of the OOD score; outliers are the positive class."""

from __future__ import annotations

import numpy as np

from triage.evaluation.metrics.weighted import FloatArray, ratio
from triage.evaluation.outcomes import Outcomes
from triage.uncertainty.ranked_steps import ranked_steps


def ood_aupr(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Average precision of finding outliers: the sum of precision times each step in recall.

    No interpolation between steps, as in scikit-learn. Its chance level is the
    prevalence of outliers.

    Parameters
    ----------
    outcomes : Outcomes of N cases
    weights : float array [B, N]
        Case weights of each resample.

    Returns
    -------
    float array [B]
        NaN where a resample lacks outliers or inliers.
    """
    outliers, inliers = ranked_steps(outcomes.ood_score, outcomes.is_outlier, weights)
    found = outliers.cumsum(axis=1)
    precision = np.nan_to_num(ratio(found, found + inliers.cumsum(axis=1)))
    average = ratio((outliers * precision).sum(axis=1), outliers.sum(axis=1))
    return np.where(inliers.sum(axis=1) > 0, average, np.nan)
