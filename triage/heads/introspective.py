"""Introspective head: a softmax, and the log odds that a case is underrepresented in training.

The labels of that output come from `triage.models.introspection`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from triage.heads.head import HeadDesign, HeadInfo
from triage.heads.mlp import Head
from triage.losses.cross_entropy import Criterion, cross_entropy

WEIGHT = 1.0
"""Weight of the introspective term."""


def flagged(targets: Tensor, underrepresented: Tensor, n_inliers: int) -> Tensor:
    """Targets that also mark underrepresented cases: y + K for these.

    Parameters
    ----------
    targets : int Tensor [N]
        Inlier conditions, below K.
    underrepresented : bool Tensor [N]
    n_inliers : int
        K.

    Returns
    -------
    int Tensor [N]
    """
    return targets + n_inliers * underrepresented


class IntrospectiveHead(Head):
    """A perceptron with K logits of the conditions and the log odds of underrepresentation."""

    def __init__(self, width: int, n_inliers: int, hidden: int = 256, dropout: float = 0.3) -> None:
        super().__init__(width, n_inliers + 1, hidden, dropout)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings [B, D] to (z_1 ... z_K, g) in training, [B, K + 1].

        In evaluation to (log softmax z, g), whose softmax has the mass sigmoid(g) on its last
        class and shares the rest among the conditions as softmax z does.
        """
        outputs = super().forward(embeddings)
        if self.training:
            return outputs
        return torch.cat([outputs[:, :-1].log_softmax(1), outputs[:, -1:]], dim=1)


class Introspective(HeadDesign):
    """Inlier conditions, and underrepresentation as the outlier class.

    Targets of underrepresented training cases are `flagged`; without any the head is a softmax
    whose outlier mass goes to zero.
    """

    info = HeadInfo(
        "introspective",
        "Introspective self-play (ISP)",
        "Liu et al. 2022, Introspective self-play",
        has_outlier_class=True,
    )

    def build(
        self, width: int, n_inliers: int, n_classes: int, *, hidden: int, dropout: float
    ) -> IntrospectiveHead:
        """Return a perceptron."""
        return IntrospectiveHead(width, n_inliers, hidden, dropout)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        n_inliers: int,
        criterion: Criterion = cross_entropy,
    ) -> Tensor:
        """The criterion on z for the condition, and binary cross-entropy of g for the flag."""
        flags = (targets >= n_inliers).to(outputs.dtype)
        introspection = functional.binary_cross_entropy_with_logits(
            outputs[:, n_inliers], flags, reduction="none"
        )
        return criterion(outputs[:, :n_inliers], targets % n_inliers) + WEIGHT * introspection
