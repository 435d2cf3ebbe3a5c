"""Outlier exposure loss: outliers are trained towards the uniform distribution."""

from __future__ import annotations

from torch import Tensor

from triage.losses.cross_entropy import Criterion, cross_entropy, uniform_cross_entropy

OUTLIER_WEIGHT = 0.5
"""Weight of an outlier's cross-entropy to the uniform distribution."""


def outlier_exposure_loss(
    logits: Tensor,
    targets: Tensor,
    n_inliers: int,
    criterion: Criterion = cross_entropy,
    weight: float = OUTLIER_WEIGHT,
) -> Tensor:
    """The criterion for inliers; for outliers w (logsumexp z - mean_c z_c).

    Formula and weight: Hendrycks et al. 2019, Deep anomaly detection with outlier exposure.

    Parameters
    ----------
    logits : float Tensor [B, K]
        Of the inlier classes.
    targets : int Tensor [B]
        Class of each inlier, below `n_inliers`; of outliers any number from there.
    n_inliers : int
        K.
    criterion : callable
        Loss of the inliers.
    weight : float
        w.

    Returns
    -------
    float Tensor [B]
    """
    inlier = targets < n_inliers
    losses = weight * uniform_cross_entropy(logits)
    return losses.masked_scatter(inlier, criterion(logits[inlier], targets[inlier]))
