"""Proper scores of the probabilities given to inliers, and the parts of the Brier score."""

from __future__ import annotations

import numpy as np

from triage.evaluation.metrics.bins import bin_sums, equal_width_bin
from triage.evaluation.metrics.classification import correct
from triage.evaluation.metrics.weighted import CaseValues, FloatArray, ratio, weighted_mean
from triage.evaluation.outcomes import Outcomes


def nll(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Mean negative log probability of the true condition on inliers, in nats.

    Probabilities are kept above the machine epsilon, as in scikit-learn's `log_loss`.

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
    chosen = outcomes.probabilities[np.arange(len(outcomes)), outcomes.truth]
    losses = -np.log(np.maximum(chosen, np.finfo(np.float64).eps))
    return weighted_mean(losses, ~outcomes.is_outlier, weights)


def brier(outcomes: Outcomes) -> CaseValues:
    """Squared distance of the probabilities from the true condition, of inliers, 0 to 2.

    Brier 1950, eq. 2: summed over all conditions.
    """
    target = outcomes.truth[:, None] == np.arange(len(outcomes.classes))
    distances = ((outcomes.probabilities - target) ** 2).sum(axis=1)
    return CaseValues(distances, ~outcomes.is_outlier, high=2.0)


def brier_reliability(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Squared gap between top-1 confidence and accuracy on inliers, averaged over bins.

    The first term of the partition of the Brier score of one event (Murphy 1973), here that the
    most probable condition is the true one, with bins for equal forecasts:

        Brier = reliability - resolution + uncertainty + v - 2 c

    where v is the mean variance of the confidence within its bin, and c the mean
    covariance of confidence and rightness there (Stephenson et al. 2008). Bins are the 15
    equal-width bins of `ece`.

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
    count, confident, right = _binned(outcomes, weights)
    gaps = np.nan_to_num(ratio((confident - right) ** 2, count))
    return ratio(gaps.sum(axis=1), count.sum(axis=1))


def brier_resolution(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Squared distance of each bin's accuracy from the overall one: the partition's second term.

    How well confidence separates right from wrong; see `brier_reliability`.

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
    count, _, right = _binned(outcomes, weights)
    overall = ratio(right.sum(axis=1), count.sum(axis=1))
    away = np.nan_to_num(ratio((right - count * overall[:, None]) ** 2, count))
    return ratio(away.sum(axis=1), count.sum(axis=1))


def brier_uncertainty(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Top-1 accuracy on inliers times one minus itself: the partition's third term.

    The Brier score of a confidence that is always the accuracy; see
    `brier_reliability`.

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
    accuracy = weighted_mean(correct(outcomes), ~outcomes.is_outlier, weights)
    return accuracy * (1 - accuracy)


def _binned(outcomes: Outcomes, weights: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Count, summed confidence and number right of inliers by bin, [B, 15] each."""
    inlier = (~outcomes.is_outlier).astype(np.float64)
    confidence = outcomes.probabilities.max(axis=1)
    bins = equal_width_bin(confidence)
    return (
        bin_sums(inlier, bins, weights),
        bin_sums(inlier * confidence, bins, weights),
        bin_sums(inlier * correct(outcomes), bins, weights),
    )
