"""Spectral-normalised neural Gaussian process (SNGP): a distance-aware classifier.

Spectral normalisation keeps the distances between embeddings in the features, and the output
is a Gaussian process on random features, whose logits shrink where no training case is near.
Liu et al. 2020, "Simple and principled uncertainty estimation with deterministic deep
learning via distance awareness".
"""

from __future__ import annotations

import torch
from torch import Tensor

from triage.heads.head import HeadDesign, HeadInfo, HeadNetwork
from triage.heads.mean_field import MEAN_FIELD, mean_field_logits, with_outlier_logit
from triage.heads.random_features import N_FEATURES, RandomFeatureGP
from triage.heads.spectral_norm import NORM_BOUND, SpectralBody
from triage.losses.cross_entropy import Criterion, cross_entropy


class SngpNetwork(HeadNetwork):
    """Spectral-normalised body, Gaussian process on random features.

    In training mode it gives the K logits of the posterior mode; in evaluation mode their
    mean field and a class of Dempster-Shafer mass, K + 1 logits. Until `finish` has seen the
    training cases the variance is the prior's.

    Parameters
    ----------
    width : int
        Length D of the embedding.
    n_inliers : int
        K.
    hidden, dropout, bound
        As in `SpectralBody`.
    n_features, length_scale, ridge
        As in `RandomFeatureGP`.
    mean_field : float
        Factor of the variance in the mean field.
    """

    def __init__(
        self,
        width: int,
        n_inliers: int,
        hidden: int = 256,
        dropout: float = 0.3,
        *,
        bound: float = NORM_BOUND,
        n_features: int = N_FEATURES,
        length_scale: float = 1.0,
        ridge: float = 1.0,
        mean_field: float = MEAN_FIELD,
    ) -> None:
        super().__init__(width)
        self.body = SpectralBody(width, hidden, dropout, bound)
        self.process = RandomFeatureGP(self.body.width, n_inliers, n_features, length_scale, ridge)
        self.mean_field = mean_field

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings [B, D] to logits, [B, K] in training and [B, K + 1] after."""
        logits: Tensor
        features, logits = self.process(self.body(self.standardised(embeddings)))
        if self.training:
            return logits
        variance = self.process.variance(features)
        return with_outlier_logit(mean_field_logits(logits, variance, self.mean_field))

    @torch.no_grad()
    def finish(self, embeddings: Tensor, targets: Tensor) -> None:
        """Set the covariance over the training inliers, [N, D]; their classes do not matter."""
        self.eval()
        self.body.settle()
        self.process.fit_covariance(self.body(self.standardised(embeddings)))


class Sngp(HeadDesign):
    """A Gaussian process on random features of a spectral-normalised network."""

    info = HeadInfo(
        "sngp",
        "Spectral-normalised Gaussian process (SNGP)",
        "Liu et al. 2020",
        has_outlier_class=True,
    )

    def build(
        self, width: int, n_inliers: int, n_classes: int, *, hidden: int, dropout: float
    ) -> HeadNetwork:
        """Return an untrained network; the outlier class has no weights."""
        return SngpNetwork(width, n_inliers, hidden, dropout)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        n_inliers: int,
        criterion: Criterion = cross_entropy,
    ) -> Tensor:
        """The criterion over the inliers."""
        return criterion(outputs[:, :n_inliers], targets)
