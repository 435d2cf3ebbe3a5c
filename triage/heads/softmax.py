"""Softmax head: one class for each inlier condition."""

from __future__ import annotations

from torch import Tensor

from triage.heads.head import HeadDesign, HeadInfo
from triage.heads.mlp import Head
from triage.losses.cross_entropy import Criterion, cross_entropy


class Softmax(HeadDesign):
    """Inlier conditions only."""

    info = HeadInfo("softmax", "Softmax", "the usual classifier", perceptron=True)

    def build(
        self, width: int, n_inliers: int, n_classes: int, *, hidden: int, dropout: float
    ) -> Head:
        """Return a perceptron."""
        return Head(width, n_classes, hidden, dropout)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        n_inliers: int,
        criterion: Criterion = cross_entropy,
    ) -> Tensor:
        """The criterion over all classes."""
        return criterion(outputs, targets)
