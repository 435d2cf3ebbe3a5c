"""DUQ: deterministic uncertainty quantification by kernels around moving centroids.

A condition's kernel is K_c = exp(-mean((W_c f - e_c)^2) / (2 sigma^2)), with its own projection
W_c of the features f and its centroid e_c; a case far from all centroids is an outlier
(van Amersfoort et al. 2020).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from triage.heads.head import HeadDesign, HeadInfo, HeadNetwork
from triage.heads.kernel import log_expm1
from triage.losses.cross_entropy import Criterion, cross_entropy

SIGMA = 0.1
"""Length scale of the kernels."""
PENALTY = 0.05
"""Weight of the gradient penalty; 0.75 in the paper, for images.

Ours: a gradient of norm 1 takes a kernel from 1 to 0 within one standard deviation of one feature
of the embedding, a small part of the distance between two cases, so it is asked for less firmly.
"""
DECAY = 0.99
"""Decay of the centroids in a step; 0.999 in the paper, whose training has far more steps."""
CENTROID_SIZE = 32
"""Length of W_c f; 256 and more in the paper, for images."""
COUNT, SPREAD = 13.0, 0.05
"""Cases that an untrained centroid stands for, and the spread of untrained centroids."""


class DUQHead(HeadNetwork):
    """A hidden layer, a projection for every condition, and centroids as buffers.

    The trainer calls `after_step` with the targets of every batch: centroids are no parameters
    but the moving average of the projected features of their condition.

    Parameters
    ----------
    width : int
        Length D of the embedding.
    n_inliers : int
        Number of conditions K.
    hidden : int
        Features; with 0 the projections are of the embedding itself.
    dropout : float
        Dropout of the embedding while training.
    """

    counts: Tensor
    sums: Tensor

    def __init__(self, width: int, n_inliers: int, hidden: int = 256, dropout: float = 0.3) -> None:
        super().__init__(width)
        layers: list[nn.Module] = [nn.Dropout(dropout)]
        if hidden:
            layers += [nn.Linear(width, hidden), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        length = hidden or width
        # This spread leaves kernels of untrained heads well between 0 and 1.
        projections = torch.randn(n_inliers, CENTROID_SIZE, length) * SIGMA * (2 / length) ** 0.5
        self.projections = nn.Parameter(projections)
        self.register_buffer("counts", torch.full((n_inliers,), COUNT))
        self.register_buffer("sums", COUNT * SPREAD * torch.randn(n_inliers, CENTROID_SIZE))
        self._projected = torch.zeros(0)  # of the last training batch, for `after_step`

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings [B, D] to the log odds of the kernels and 0, [B, K + 1].

        In training mode to the log kernels, and in the last column the gradient penalty
        (||grad_x sum_c K_c|| - 1)^2 for the standardised embedding x; 0 without gradients.
        """
        inputs = self.standardised(embeddings)
        if self.training and torch.is_grad_enabled() and not inputs.requires_grad:
            inputs.requires_grad_()  # a frozen embedding: the penalty still needs its gradient
        projected = torch.einsum("bd,knd->bkn", self.features(inputs), self.projections)
        centroids = self.sums / self.counts[:, None]
        exponents = (projected - centroids).square().mean(2) / (2 * SIGMA**2)
        if not self.training:
            return functional.pad(-log_expm1(exponents), (0, 1))
        self._projected = projected.detach()
        return torch.cat([-exponents, _gradient_penalty(exponents, inputs)[:, None]], dim=1)

    def after_step(self, targets: Tensor) -> None:
        """Move the centroids by the last training batch.

        Parameters
        ----------
        targets : int Tensor [B]
            Condition of each case of the batch that `forward` saw last in training mode.
        """
        members = functional.one_hot(targets, len(self.counts)).to(self.sums.dtype)
        sums = torch.einsum("bk,bkn->kn", members, self._projected.to(self.sums.dtype))
        # The floor only guards a condition that many thousand steps do not see.
        self.counts.mul_(DECAY).add_((1 - DECAY) * members.sum(0)).clamp_min_(1e-6)
        self.sums.mul_(DECAY).add_((1 - DECAY) * sums)


def _gradient_penalty(exponents: Tensor, inputs: Tensor) -> Tensor:
    """Two-sided penalty of each case [B]: features must neither collapse nor explode."""
    if not torch.is_grad_enabled():
        return exponents.new_zeros(len(exponents))
    (gradient,) = torch.autograd.grad((-exponents).exp().sum(), inputs, create_graph=True)
    size: Tensor = torch.linalg.vector_norm(gradient, dim=1)
    return (size - 1).square()


class DUQ(HeadDesign):
    """Kernels around centroids, learned from inliers only."""

    info = HeadInfo(
        "duq",
        "Deterministic uncertainty quantification (DUQ)",
        "van Amersfoort et al. 2020",
        has_outlier_class=True,
        own_loss=True,
    )

    def build(
        self, width: int, n_inliers: int, n_classes: int, *, hidden: int, dropout: float
    ) -> DUQHead:
        """Return kernels."""
        return DUQHead(width, n_inliers, hidden, dropout)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        n_inliers: int,
        criterion: Criterion = cross_entropy,
    ) -> Tensor:
        """Mean binary cross-entropy of the kernels, and 0.05 x the gradient penalty."""
        log_kernels, penalty = outputs[:, :n_inliers], outputs[:, n_inliers]
        truth = functional.one_hot(targets, n_inliers)
        # log(1 - K) = log K + log(1 / K - 1)
        log_rest = log_kernels + log_expm1(-log_kernels)
        return -torch.where(truth == 1, log_kernels, log_rest).mean(1) + PENALTY * penalty
