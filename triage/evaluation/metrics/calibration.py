"""Whether the probabilities given to inliers mean what they say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.evaluation.metrics.classification import correct
from triage.evaluation.metrics.weighted import FloatArray, ratio, weighted_mean
from triage.evaluation.outcomes import Outcomes

N_BINS = 15


def confidence_bin(outcomes: Outcomes) -> NDArray[np.int64]:
    """Bin of each case's top-1 confidence, int [N]: bin b holds confidences in (b/15, (b+1)/15]."""
    confidence = outcomes.probabilities.max(axis=1)
    upper = np.ceil(confidence * N_BINS).astype(np.int64)
    bins: NDArray[np.int64] = np.clip(upper - 1, 0, N_BINS - 1)
    return bins


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
    inlier = ~outcomes.is_outlier
    gap = np.where(inlier, correct(outcomes) - outcomes.probabilities.max(axis=1), 0.0)
    membership = confidence_bin(outcomes)[:, None] == np.arange(N_BINS)
    gaps = np.abs(weights @ (membership * gap[:, None]))
    return ratio(gaps.sum(axis=1), weights @ inlier.astype(np.float64))


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


def brier(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
    """Mean squared distance of the probabilities from the true condition on inliers, 0 to 2.

    Brier 1950, eq. 2: summed over all conditions.

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
    target = outcomes.truth[:, None] == np.arange(len(outcomes.classes))
    distances = ((outcomes.probabilities - target) ** 2).sum(axis=1)
    return weighted_mean(distances, ~outcomes.is_outlier, weights)
