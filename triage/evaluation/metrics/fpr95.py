"""False positive rate of the OOD score at 95 % of outliers found."""

from __future__ import annotations

import numpy as np

from triage.evaluation.metrics.weighted import FloatArray, ratio
from triage.evaluation.outcomes import Outcomes
from triage.uncertainty.ranked_steps import ranked_steps


def ood_fpr95(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Share of inliers flagged at the highest threshold that flags 95 % of outliers.

    Only thresholds that exist are used: all cases scoring at least the threshold are
    flagged, so ties are flagged together and nothing is interpolated.

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
    total = outliers.sum(axis=1)
    # 20 * found >= 19 * total is exact for whole counts, where 0.95 * total is not.
    reached = 20 * outliers.cumsum(axis=1) >= 19 * total[:, None]
    first = reached.argmax(axis=1)
    flagged = inliers.cumsum(axis=1)[np.arange(len(weights)), first]
    return np.where(total > 0, ratio(flagged, inliers.sum(axis=1)), np.nan)
