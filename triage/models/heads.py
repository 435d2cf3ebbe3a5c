"""Heads: what is learned on top of a case embedding, and which classes it has.

| head    | classes                                   | out-of-distribution score      |
|---------|-------------------------------------------|--------------------------------|
| softmax | inliers                                   | 1 - largest probability        |
| reject  | inliers + one bucket of training outliers | probability of the bucket      |
| hod     | inliers + every training outlier          | summed outlier probability     |
"""

from __future__ import annotations

from enum import StrEnum

import torch
from torch import Tensor, nn

from triage.data.roles import RoleDraw
from triage.models.losses import cross_entropy, hod_loss

REJECT_CLASS = "outlier"


class HeadKind(StrEnum):
    """The heads one can train."""

    SOFTMAX = "softmax"
    REJECT = "reject"
    HOD = "hod"

    def classes(self, draw: RoleDraw) -> tuple[str, ...]:
        """Return the class order of this head: inliers first."""
        if self is HeadKind.SOFTMAX:
            return draw.inliers
        if self is HeadKind.REJECT:
            return (*draw.inliers, REJECT_CLASS)
        return draw.classes

    def target(self, condition: str, draw: RoleDraw) -> int | None:
        """Return the class index of a training condition, None where the head has none."""
        classes = self.classes(draw)
        if condition in classes:
            return classes.index(condition)
        if self is HeadKind.REJECT and condition in draw.train:
            return len(draw.inliers)
        return None

    def loss(self, logits: Tensor, targets: Tensor, n_inliers: int) -> Tensor:
        """Loss of each case, float [B]."""
        if self is HeadKind.HOD:
            return hod_loss(logits, targets, n_inliers)
        return cross_entropy(logits, targets)


class Head(nn.Module):
    """A two-layer perceptron on standardised embeddings.

    Parameters
    ----------
    width : int
        Length D of the embedding.
    n_classes : int
        Number of classes C.
    hidden : int
        Hidden units; 0 makes the head linear.
    dropout : float
        Dropout before each layer while training.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, width: int, n_classes: int, hidden: int = 256, dropout: float = 0.3) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        layers: list[nn.Module] = [nn.Dropout(dropout)]
        if hidden:
            layers += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)]
        layers.append(nn.Linear(hidden or width, n_classes))
        self.layers = nn.Sequential(*layers)

    def standardise_by(self, embeddings: Tensor) -> None:
        """Set centre and scale from training embeddings [N, D]."""
        self.centre.copy_(embeddings.mean(0))
        self.scale.copy_(embeddings.std(0, correction=0).clamp_min(1e-6))

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings [B, D] to logits [B, C]."""
        logits: Tensor = self.layers((embeddings - self.centre) / self.scale)
        return logits
