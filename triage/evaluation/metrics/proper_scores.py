"""Proper scores of the probabilities given to inliers, and the parts of the Brier score.

The partition of the Brier score of one event (Murphy 1973), here that the most probable condition
is the true one, with bins for equal forecasts:

    Brier = reliability - resolution + uncertainty + v - 2 c

where v is the mean variance of the confidence within its bin, and c the mean covariance of
confidence and rightness there (Stephenson et al. 2008). Bins are the 15 equal-width bins of `ECE`.
"""

from __future__ import annotations

import numpy as np

from triage.evaluation.metrics.bins import N_BINS, equal_width_bin
from triage.evaluation.metrics.cases import Cases
from triage.evaluation.metrics.sums import (
    Entry,
    SumForm,
    Sums,
    Terms,
    mean_form,
    numeric_gradient,
)
from triage.evaluation.metrics.weighted import CaseValues, FloatArray, ratio, share_of


def log_losses(cases: Cases) -> CaseValues:
    """Negative log probability of the true condition, of inliers, in nats.

    Probabilities are kept above the machine epsilon of float64, as in scikit-learn's `log_loss`.
    """
    least = np.finfo(np.float64).eps
    losses = -np.log(np.maximum(np.asarray(cases.p_truth, dtype=np.float64), least))
    return CaseValues(losses, cases.is_inlier, high=float(-np.log(least)))


NLL = mean_form(log_losses)
"""Mean of `log_losses`."""


def brier(cases: Cases) -> CaseValues:
    """Squared distance of the probabilities from the true condition, of inliers, 0 to 2.

    Brier 1950, eq. 2: summed over all conditions.
    """
    return CaseValues(cases.squared_error, cases.is_inlier, high=2.0)


def _binned_terms(cases: Cases) -> Terms:
    """Count, summed confidence and number right of inliers by bin, 15 sums each."""
    inlier, confidence = cases.is_inlier, cases.confidence
    bins = equal_width_bin(confidence)
    return Terms(
        3 * N_BINS,
        (
            Entry(bins, inlier),
            Entry(bins + N_BINS, inlier * confidence),
            Entry(bins + 2 * N_BINS, inlier & cases.correct),
        ),
    )


def _reliability(sums: Sums) -> FloatArray:
    count, confident, right = np.split(sums.values, 3, axis=1)
    gaps = share_of((confident - right) ** 2, count)
    return ratio(gaps.sum(axis=1), count.sum(axis=1))


def _resolution(sums: Sums) -> FloatArray:
    count, _, right = np.split(sums.values, 3, axis=1)
    overall = ratio(right.sum(axis=1), count.sum(axis=1))
    away = share_of((right - count * overall[:, None]) ** 2, count)
    return ratio(away.sum(axis=1), count.sum(axis=1))


def _uncertainty(sums: Sums) -> FloatArray:
    count, _, right = np.split(sums.values, 3, axis=1)
    accuracy = ratio(right.sum(axis=1), count.sum(axis=1))
    return accuracy * (1 - accuracy)


BRIER_RELIABILITY = SumForm(_binned_terms, Sums, _reliability, numeric_gradient(_reliability))
"""Squared gap between top-1 confidence and accuracy on inliers, averaged over bins."""

BRIER_RESOLUTION = SumForm(_binned_terms, Sums, _resolution, numeric_gradient(_resolution))
"""Squared distance of each bin's accuracy from the overall one."""

BRIER_UNCERTAINTY = SumForm(_binned_terms, Sums, _uncertainty, numeric_gradient(_uncertainty))
"""Top-1 accuracy on inliers times one minus itself."""
