"""Heads that are one softmax: of the inliers, with a reject bucket, or with outlier classes."""

from __future__ import annotations

from torch import Tensor

from triage.data.roles import RoleDraw
from triage.heads.head import HeadDesign, HeadInfo
from triage.heads.mlp import Head
from triage.losses.cross_entropy import Criterion, cross_entropy
from triage.losses.hod import coarse_loss


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


class RejectBucket(Softmax):
    """One more class, for all training outliers together."""

    info = HeadInfo(
        "reject",
        "Reject bucket",
        "background class; baseline of Roy et al. 2022",
        learns_outliers=True,
        has_outlier_class=True,
        perceptron=True,
    )


class HierarchicalOutlierDetection(Softmax):
    """One more class for every training outlier condition, and a coarse term; see `hod_loss`."""

    info = HeadInfo(
        "hod",
        "Hierarchical outlier detection (HOD)",
        "Roy et al. 2022",
        learns_outliers=True,
        class_per_outlier=True,
        perceptron=True,
    )

    def classes(self, draw: RoleDraw) -> tuple[str, ...]:
        """Return inliers, then training outliers."""
        return draw.classes

    def n_targets(self, draw: RoleDraw) -> int:
        """Every class needs a case."""
        return len(draw.classes)

    def target(self, condition: str, draw: RoleDraw) -> int | None:
        """Return the condition's own class."""
        return draw.classes.index(condition) if condition in draw.classes else None

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        n_inliers: int,
        criterion: Criterion = cross_entropy,
    ) -> Tensor:
        """The criterion over all classes, and the coarse term."""
        return criterion(outputs, targets) + coarse_loss(outputs, targets, n_inliers)
