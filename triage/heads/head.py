"""Base class of heads: the classes, the network and the loss of each kind of head.

In evaluation mode every head maps embeddings to logits over its classes, inlier conditions
first; the mass on all later classes is its own out-of-distribution score. Heads that are no
softmax fit with one extra class: independent probabilities p_c become the logits
(logit p_1, ..., logit p_K, 0), since q_c ~ p_c prod_{j != c} (1 - p_j) and
q_none ~ prod_j (1 - p_j) is the softmax of these.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from triage.data.roles import RoleDraw
from triage.losses.cross_entropy import Criterion, cross_entropy
from triage.registry import Info

OUTLIER_CLASS = "outlier"


TRAINING_OUTLIERS = "training outliers"
"""The need of heads that are trained with outliers."""


@dataclass(frozen=True)
class HeadInfo(Info):
    """Description of a head for tables and the command line.

    Parameters
    ----------
    key, title, source, needs
        As in `triage.registry.Info`.
    has_outlier_class : bool
        Whether a class `outlier` follows the inlier conditions.
    class_per_outlier : bool
        Whether every training outlier condition is a class, after the inlier conditions.
    own_loss : bool
        Whether its loss takes no other criterion, such as the focal loss.
    perceptron : bool
        Whether its network is the plain perceptron `Head`, which some posteriors need.
    """

    has_outlier_class: bool = False
    class_per_outlier: bool = False
    own_loss: bool = False
    perceptron: bool = False

    @property
    def learns_outliers(self) -> bool:
        """Whether it must be trained with outliers."""
        return TRAINING_OUTLIERS in self.needs

    @property
    def has_outlier_mass(self) -> bool:
        """Whether its probabilities reach beyond the inlier conditions."""
        return self.has_outlier_class or self.class_per_outlier


class HeadNetwork(nn.Module):
    """A network on standardised embeddings.

    Parameters
    ----------
    width : int
        Length D of the embedding.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def standardise_by(self, embeddings: Tensor) -> None:
        """Set centre and scale from training embeddings [N, D]."""
        self.centre.copy_(embeddings.mean(0))
        self.scale.copy_(embeddings.std(0, correction=0).clamp_min(1e-6))

    def standardised(self, embeddings: Tensor) -> Tensor:
        """Return (embeddings - centre) / scale."""
        return (embeddings - self.centre) / self.scale

    def after_step(self, targets: Tensor) -> None:
        """Take in the targets [B] of the batch of the last training step."""

    def finish(self, embeddings: Tensor, targets: Tensor) -> None:
        """Learn what is left to learn once training is over, from the training inliers."""


class HeadDesign(ABC):
    """Base class of heads."""

    info: ClassVar[HeadInfo]

    def classes(self, draw: RoleDraw) -> tuple[str, ...]:
        """Return the class order: inliers first."""
        return (*draw.inliers, OUTLIER_CLASS) if self.info.has_outlier_class else draw.inliers

    def target(self, condition: str, draw: RoleDraw) -> int | None:
        """Return the target of a training condition; None where it does not train the head.

        Training outliers that are no class of their own have the first number after the inliers.
        """
        if condition in draw.inliers:
            return draw.inliers.index(condition)
        return len(draw.inliers) if self.info.learns_outliers and condition in draw.train else None

    def n_targets(self, draw: RoleDraw) -> int:
        """How many targets must each have a training case."""
        return len(draw.inliers) + self.info.learns_outliers

    @abstractmethod
    def build(
        self, width: int, n_inliers: int, n_classes: int, *, hidden: int, dropout: float
    ) -> HeadNetwork:
        """Return an untrained network for embeddings of some width."""

    @abstractmethod
    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        n_inliers: int,
        criterion: Criterion = cross_entropy,
    ) -> Tensor:
        """Loss of each case [B] from what the network gave in training mode."""
