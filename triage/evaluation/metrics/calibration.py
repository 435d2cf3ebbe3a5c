"""Calibration error of the probabilities given to inliers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from triage.evaluation.metrics.bins import Bins, bin_sums, equal_mass_bin, equal_width_bin
from triage.evaluation.metrics.classification import correct
from triage.evaluation.metrics.weighted import FloatArray, ratio
from triage.evaluation.outcomes import Outcomes


def ece(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Expected calibration error of top-1 confidence on inliers, 15 equal-width bins.

    The sum over bins of n_b / n * |accuracy_b - confidence_b|: Guo et al. 2017, eq. 3.

    Parameters
    ----------
    outcomes : Outcomes of N cases
    weights : float array [B, N]
        Case weights of each resample.

    Returns
    -------
    float array [B]
        NaN where a resample has no inlier.
    """
    return _top_error(outcomes, weights, equal_width_bin(outcomes.probabilities.max(axis=1)))


def ece_equal_mass(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Like `ece`, over 15 bins of equally many inliers.

    Nguyen & O'Connor 2015. The bins are fixed by the unweighted cases; equal confidences
    share one.

    Parameters
    ----------
    outcomes : Outcomes of N cases
    weights : float array [B, N]
        Case weights of each resample.

    Returns
    -------
    float array [B]
        NaN where a resample has no inlier.
    """
    confidence = outcomes.probabilities.max(axis=1)
    return _top_error(outcomes, weights, equal_mass_bin(confidence, ~outcomes.is_outlier))


def classwise_ece(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Calibration error of each condition's probability on inliers, averaged over conditions.

    Kull et al. 2019, with 15 equal-width bins. Every condition of the system counts
    equally, also one that no case has.

    Parameters
    ----------
    outcomes : Outcomes of N cases
    weights : float array [B, N]
        Case weights of each resample.

    Returns
    -------
    float array [B]
        NaN where a resample has no inlier.
    """
    return _classwise_error(outcomes, weights, equal_width_bin)


def adaptive_ece(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Like `classwise_ece`, over 15 ranges of each condition with equally many inliers.

    The adaptive calibration error (ACE) of Nixon et al. 2019. Ranges are fixed by the
    unweighted cases and weigh as much as the cases in them: the paper's plain mean
    wherever they hold equally many.

    Parameters
    ----------
    outcomes : Outcomes of N cases
    weights : float array [B, N]
        Case weights of each resample.

    Returns
    -------
    float array [B]
        NaN where a resample has no inlier.
    """
    inlier = ~outcomes.is_outlier
    return _classwise_error(outcomes, weights, lambda values: equal_mass_bin(values, inlier))


def _top_error(outcomes: Outcomes, weights: FloatArray, bins: Bins) -> FloatArray:
    inlier = ~outcomes.is_outlier
    gap = np.where(inlier, correct(outcomes) - outcomes.probabilities.max(axis=1), 0.0)
    gaps = np.abs(bin_sums(gap, bins, weights))
    return ratio(gaps.sum(axis=1), weights @ inlier.astype(np.float64))


def _classwise_error(
    outcomes: Outcomes, weights: FloatArray, bin_of: Callable[[FloatArray], Bins]
) -> FloatArray:
    inlier = ~outcomes.is_outlier
    total = np.zeros(len(weights))
    for label, p in enumerate(outcomes.probabilities.T):
        gap = np.where(inlier, (outcomes.truth == label) - p, 0.0)
        total += np.abs(bin_sums(gap, bin_of(p), weights)).sum(axis=1)
    return ratio(total / len(outcomes.classes), weights @ inlier.astype(np.float64))
