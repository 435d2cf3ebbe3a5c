"""Area under the ROC curve: how well a score ranks positive cases above negative ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.uncertainty.ranked_steps import FloatArray, ranked_steps


def auroc(score: FloatArray, positive: NDArray[np.bool_]) -> float:
    """Probability that a positive case scores above a negative one, ties counting one half.

    Raises
    ------
    UsageError
        If there is no positive or no negative case.

    See Also
    --------
    weighted_auroc
    """
    if positive.all() or not positive.any():
        raise UsageError("an AUROC needs both inliers and outliers")
    return float(weighted_auroc(score, positive, np.ones((1, len(score))))[0])


def weighted_auroc(
    score: FloatArray, positive: NDArray[np.bool_], weights: FloatArray
) -> FloatArray:
    """AUROC of each resample, ties counting one half.

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
    return area_of_steps(*ranked_steps(score, positive, weights))


def area_of_steps(hits: FloatArray, others: FloatArray) -> FloatArray:
    """AUROC from the positive and the negative cases at each step of the score, highest first.

    Parameters
    ----------
    hits, others : float array [B, G]

    Returns
    -------
    float array [B]
        NaN where there are no positive or no negative cases.
    """
    above = hits.cumsum(axis=1) - hits / 2
    pairs = hits.sum(axis=1) * others.sum(axis=1)
    area: FloatArray = np.divide(
        (others * above).sum(axis=1), pairs, out=np.full(len(hits), np.nan), where=pairs > 0
    )
    return area
