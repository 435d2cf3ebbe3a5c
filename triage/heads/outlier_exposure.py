"""Outlier exposure: a classifier of the inliers that learns to be undecided on outliers."""

from __future__ import annotations

from torch import Tensor

from triage.heads.head import HeadInfo
from triage.heads.softmax import Softmax
from triage.losses.cross_entropy import Criterion, cross_entropy, uniform_cross_entropy

OUTLIER_WEIGHT = 0.5
"""Weight of an outlier's cross-entropy to the uniform distribution."""


class OutlierExposure(Softmax):
    """Inlier conditions only; the outlier score is read from how undecided the softmax is."""

    info = HeadInfo(
        "outlier_exposure",
        "Outlier exposure",
        "Hendrycks et al. 2019, Deep anomaly detection with outlier exposure",
        learns_outliers=True,
        perceptron=True,
    )

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        n_inliers: int,
        criterion: Criterion = cross_entropy,
    ) -> Tensor:
        """The criterion for inliers; for outliers 0.5 x (logsumexp z - mean_c z_c)."""
        inlier = targets < n_inliers
        losses = OUTLIER_WEIGHT * uniform_cross_entropy(outputs)
        return losses.masked_scatter(inlier, criterion(outputs[inlier], targets[inlier]))
