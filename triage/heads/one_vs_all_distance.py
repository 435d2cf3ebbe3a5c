"""Distance heads: the logit of a condition is minus the distance of the features to its centre.

z_c = -||f - w_c|| with learned centres w_c, and p_c = 2 sigmoid(z_c), which is 1 at the centre
and 0 far away from all of them. The scale alpha stands in the losses only (Padhy et al. 2020).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from triage.heads.head import HeadDesign, HeadInfo, HeadNetwork
from triage.heads.kernel import log_expm1
from triage.heads.mlp import Head
from triage.losses.cross_entropy import Criterion, cross_entropy

ONE_VS_ALL_ALPHA = 1.0
SOFTMAX_ALPHA = 10.0
FEATURES = 32
CENTRE_NORM = 3.0
"""Expected norm of an untrained centre, where p is 0.1.

Ours: the paper starts with all centres at zero. That is as accurate on embeddings of a frozen
backbone, but the centres stay around the origin, which is where weak features of anything
unknown lie too: outliers then are nearer to a centre than inliers are.
"""


class DistanceHead(HeadNetwork):
    """A perceptron to 32 features, and one centre for every condition.

    Parameters
    ----------
    width : int
        Length D of the embedding.
    n_inliers : int
        Number of conditions K.
    hidden : int
        Hidden units; 0 makes the features linear.
    dropout : float
        Dropout before each layer while training.
    """

    def __init__(self, width: int, n_inliers: int, hidden: int = 256, dropout: float = 0.3) -> None:
        super().__init__(width)
        self.features = Head(width, FEATURES, hidden, dropout).layers
        spread = CENTRE_NORM / FEATURES**0.5
        self.centres = nn.Parameter(spread * torch.randn(n_inliers, FEATURES))

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings [B, D] to -||f - w_c|| [B, K] in training.

        In evaluation to [B, K + 1]: the log odds of p_c, log 2 - log(e^d - 1), and 0.
        """
        features = self.features(self.standardised(embeddings))
        distances: Tensor = torch.linalg.vector_norm(features[:, None] - self.centres, dim=2)
        if self.training:
            return -distances
        return functional.pad(math.log(2) - log_expm1(distances), (0, 1))


class OneVsAllDistance(HeadDesign):
    """Distances trained by one binary cross-entropy for every condition."""

    info = HeadInfo(
        "ova_dm",
        "One-vs-all and distance (OVA-DM)",
        "Padhy et al. 2020",
        has_outlier_class=True,
        own_loss=True,
    )

    def build(
        self, width: int, n_inliers: int, n_classes: int, *, hidden: int, dropout: float
    ) -> DistanceHead:
        """Return features with centres."""
        return DistanceHead(width, n_inliers, hidden, dropout)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        n_inliers: int,
        criterion: Criterion = cross_entropy,
    ) -> Tensor:
        """-log sigmoid(alpha z_y) - sum_(c != y) log(1 - sigmoid(alpha z_c)), alpha = 1."""
        truth = functional.one_hot(targets, n_inliers).to(outputs.dtype)
        return functional.binary_cross_entropy_with_logits(
            ONE_VS_ALL_ALPHA * outputs, truth, reduction="none"
        ).sum(1)


class Distance(OneVsAllDistance):
    """Distances trained by a softmax: only their differences count, which leaves their size free.

    The outlier probability therefore ranks cases by distance, but its level means little.
    """

    info = HeadInfo("dm", "Distance (DM)", "Padhy et al. 2020", has_outlier_class=True)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        n_inliers: int,
        criterion: Criterion = cross_entropy,
    ) -> Tensor:
        """The criterion on the logits alpha z, alpha = 10."""
        return criterion(SOFTMAX_ALPHA * outputs, targets)
