"""Outlier exposure: a softmax of the inliers, trained towards uniform outputs on outliers."""

from __future__ import annotations

from torch import Tensor

from triage.heads.head import TRAINING_OUTLIERS, HeadInfo
from triage.heads.softmax import Softmax
from triage.losses.cross_entropy import Criterion, cross_entropy
from triage.losses.outlier_exposure import outlier_exposure_loss


class OutlierExposure(Softmax):
    """Inlier conditions only; the outlier score is that of the softmax."""

    info = HeadInfo(
        "outlier_exposure",
        "Outlier exposure",
        "Hendrycks et al. 2019, Deep anomaly detection with outlier exposure",
        needs=(TRAINING_OUTLIERS,),
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
        return outlier_exposure_loss(outputs, targets, n_inliers, criterion)
