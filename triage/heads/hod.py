"""Hierarchical outlier detection (HOD): a softmax with a class for each outlier condition."""

from __future__ import annotations

from torch import Tensor

from triage.data.roles import RoleDraw
from triage.heads.head import TRAINING_OUTLIERS, HeadInfo
from triage.heads.softmax import Softmax
from triage.losses.cross_entropy import Criterion, cross_entropy
from triage.losses.hod import coarse_loss


class HierarchicalOutlierDetection(Softmax):
    """One more class for every training outlier condition, and a coarse term; see `hod_loss`."""

    info = HeadInfo(
        "hod",
        "Hierarchical outlier detection (HOD)",
        "Roy et al. 2022",
        needs=(TRAINING_OUTLIERS,),
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
