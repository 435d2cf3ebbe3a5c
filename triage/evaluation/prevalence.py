"""Case weights for a stated prevalence of outliers.

A test split holds as many outliers as were available. Metrics that depend on their share (cost,
rates of all cases, AUPR) are therefore given for the share that the data spec states, for which the
threshold was set.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.evaluation.metrics.weighted import FloatArray, ratio


def at_prevalence(
    weights: FloatArray, is_outlier: NDArray[np.bool_], prevalence: float
) -> FloatArray:
    """Weight cases so that outliers have a given share of the unchanged total.

    Parameters
    ----------
    weights : float array [B, N]
        How often each resample drew each case.
    is_outlier : bool array [N]
    prevalence : float
        The share that outliers shall have, between 0 and 1.

    Returns
    -------
    float array [B, N]
        NaN throughout a resample without outliers or without inliers: nothing is known of
        the kind that is absent.
    """
    outliers = weights @ is_outlier.astype(np.float64)
    inliers = weights @ (~is_outlier).astype(np.float64)
    both = np.where((outliers > 0) & (inliers > 0), outliers + inliers, np.nan)
    factor = np.where(
        is_outlier,
        prevalence * ratio(both, outliers)[:, None],
        (1.0 - prevalence) * ratio(both, inliers)[:, None],
    )
    weighted: FloatArray = weights * factor
    return weighted
