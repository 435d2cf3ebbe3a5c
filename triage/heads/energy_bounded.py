"""Energy-bounded training: the energy of inliers is pushed below a margin, of outliers above one.

The energy of a case is E = -logsumexp z over the inlier logits. The softmax does not change
when all logits of a case move together, so the energy can be trained independently.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from triage.heads.head import TRAINING_OUTLIERS, HeadDesign, HeadInfo
from triage.heads.mlp import Head
from triage.losses.cross_entropy import Criterion, cross_entropy
from triage.losses.energy_bounds import energy_bounds

WEIGHT = 0.1
"""Weight of the bounds, as in the paper."""

HALF_GAP = 3.0
"""Half the distance between the margins.

The paper's margins, about -25 and -5, are for the logits of wide convolutional networks; those
of a small perceptron start near zero, where the energy of K classes is -log K. The margins lie
a half gap to either side of that, so that an untrained head is undecided for every case and
a case at its margin has the outlier probability 1 / (1 + e^3) = 0.05, or 0.95.
"""


def margins(n_inliers: int) -> tuple[float, float]:
    """Margins of the energy of inliers (from above) and outliers (from below)."""
    return -math.log(n_inliers) - HALF_GAP, -math.log(n_inliers) + HALF_GAP


class EnergyHead(Head):
    """A perceptron; in evaluation mode a constant logit follows, midway between the margins.

    Then the outlier probability is 1 / (1 + exp(-E - boundary)), which rises with the energy.
    """

    boundary: Tensor

    def __init__(self, width: int, n_inliers: int, hidden: int = 256, dropout: float = 0.3) -> None:
        super().__init__(width, n_inliers, hidden, dropout)
        self.register_buffer("boundary", torch.tensor(-sum(margins(n_inliers)) / 2))

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings [B, D] to logits [B, K] in training, [B, K + 1] in evaluation."""
        logits = super().forward(embeddings)
        if self.training:
            return logits
        return torch.cat([logits, self.boundary.expand(len(logits), 1)], dim=1)


class EnergyBounded(HeadDesign):
    """Inlier conditions and an outlier class that the energy decides."""

    info = HeadInfo(
        "energy_bounded",
        "Energy-bounded",
        "Liu et al. 2020, Energy-based out-of-distribution detection",
        needs=(TRAINING_OUTLIERS,),
        has_outlier_class=True,
    )

    def build(
        self, width: int, n_inliers: int, n_classes: int, *, hidden: int, dropout: float
    ) -> EnergyHead:
        """Return a perceptron."""
        return EnergyHead(width, n_inliers, hidden, dropout)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        n_inliers: int,
        criterion: Criterion = cross_entropy,
    ) -> Tensor:
        """The criterion for inliers, and 0.1 x the squared hinge of the energy for all cases."""
        inlier = targets < n_inliers
        bounds = WEIGHT * energy_bounds(outputs, ~inlier, *margins(n_inliers))
        fine = criterion(outputs[inlier], targets[inlier])
        return bounds + torch.zeros_like(bounds).masked_scatter(inlier, fine)
