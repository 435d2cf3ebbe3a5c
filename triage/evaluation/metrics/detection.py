"""How well the OOD score ranks outliers above inliers; outliers are the positive class.

Cases with equal scores cannot be told apart by any threshold: they enter every curve
together, as one step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.evaluation.metrics.weighted import FloatArray, ratio
from triage.evaluation.outcomes import Outcomes


def ood_auroc(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Probability that an outlier scores above an inlier, ties counting one half.

    The Mann-Whitney form of the area under the ROC curve: Hanley & McNeil 1982.

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
    return auroc(outcomes.ood_score, outcomes.is_outlier, weights)


def auroc(score: FloatArray, positive: NDArray[np.bool_], weights: FloatArray) -> FloatArray:
    """Probability that a positive case scores above a negative one, ties counting one half.

    The Mann-Whitney form of the area under the ROC curve: Hanley & McNeil 1982.

    Parameters
    ----------
    score : float array [N]
    positive : bool array [N]
    weights : float array [B, N]
        Case weights of each resample.

    Returns
    -------
    float array [B]
        NaN where a resample lacks positive or negative cases.
    """
    if len(score) == 0:
        return np.full(len(weights), np.nan)
    hits, others = _steps(score, positive, weights)
    above = hits.cumsum(axis=1) - hits / 2
    return ratio((others * above).sum(axis=1), hits.sum(axis=1) * others.sum(axis=1))


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
    outliers, inliers = _steps(outcomes.ood_score, outcomes.is_outlier, weights)
    found = outliers.cumsum(axis=1)
    precision = np.nan_to_num(ratio(found, found + inliers.cumsum(axis=1)))
    average = ratio((outliers * precision).sum(axis=1), outliers.sum(axis=1))
    return np.where(inliers.sum(axis=1) > 0, average, np.nan)


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
    outliers, inliers = _steps(outcomes.ood_score, outcomes.is_outlier, weights)
    total = outliers.sum(axis=1)
    # 20 * found >= 19 * total is exact for whole counts, where 0.95 * total is not.
    reached = 20 * outliers.cumsum(axis=1) >= 19 * total[:, None]
    first = reached.argmax(axis=1)
    flagged = inliers.cumsum(axis=1)[np.arange(len(weights)), first]
    return np.where(total > 0, ratio(flagged, inliers.sum(axis=1)), np.nan)


def _steps(
    score: FloatArray, positive: NDArray[np.bool_], weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Weight of positives and of negatives at each distinct score, highest first; two [B, G]."""
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    sorted_weights = weights[:, order]
    positives = np.add.reduceat(sorted_weights * positive[order], starts, axis=1)
    negatives = np.add.reduceat(sorted_weights * ~positive[order], starts, axis=1)
    return positives, negatives
