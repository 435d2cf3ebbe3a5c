"""Heteroscedastic SNGP: aleatoric and epistemic uncertainty in one set of logits.

The logits of an SNGP get noise that depends on the case (`heteroscedastic`); their posterior
variance adds to it. Fort et al. 2021 and Collier et al. 2021, as combined in "uncertainty
baselines".
"""

from __future__ import annotations

import torch
from torch import Tensor

from triage.heads.head import HeadInfo, HeadNetwork
from triage.heads.heteroscedastic import N_FACTORS, N_SAMPLES, LogitNoise
from triage.heads.mean_field import MEAN_FIELD, mean_field_logits, with_outlier_logit
from triage.heads.random_features import N_FEATURES, RandomFeatureGP
from triage.heads.sngp import Sngp
from triage.heads.spectral_norm import NORM_BOUND, SpectralBody

MOST_HIDDEN = 128
LENGTH_SCALE = 2.0
TEMPERATURE = 0.3


class HetSngpNetwork(HeadNetwork):
    """Spectral-normalised body, Gaussian process on random features, noisy logits.

    In training mode it gives log-probabilities [B, K] under the label noise alone. In
    evaluation mode the posterior variance v of the logits adds to the noise, and a class of
    Dempster-Shafer mass follows: its mass is K / (K + sum_c exp u_c), u the mean field of the
    logits under v (noise of the labels is no sign of the unknown), and the inliers share the
    rest in proportion to the averaged probabilities.

    Parameters
    ----------
    width : int
        Length D of the embedding.
    n_inliers : int
        K.
    hidden : int
        Features, at most 128 of them; 0 takes the embedding itself.
    dropout, bound
        As in `SpectralBody`.
    n_features, length_scale, ridge
        As in `RandomFeatureGP`.
    n_factors, n_samples, temperature
        As in `LogitNoise`.
    mean_field : float
        Factor of the variance in the mean field.
    """

    def __init__(
        self,
        width: int,
        n_inliers: int,
        hidden: int = MOST_HIDDEN,
        dropout: float = 0.3,
        *,
        bound: float = NORM_BOUND,
        n_features: int = N_FEATURES,
        length_scale: float = LENGTH_SCALE,
        ridge: float = 1.0,
        n_factors: int = N_FACTORS,
        n_samples: int = N_SAMPLES,
        temperature: float = TEMPERATURE,
        mean_field: float = MEAN_FIELD,
    ) -> None:
        super().__init__(width)
        self.body = SpectralBody(width, min(hidden, MOST_HIDDEN), dropout, bound)
        self.process = RandomFeatureGP(self.body.width, n_inliers, n_features, length_scale, ridge)
        self.noise = LogitNoise(n_features, n_inliers, n_factors, n_samples, temperature)
        self.mean_field = mean_field

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings [B, D] to logits, [B, K] in training and [B, K + 1] after."""
        features, mean = self.process(self.body(self.standardised(embeddings)))
        factors, variances = self.noise(features)
        if self.training:
            return self.noise.log_probability(mean, factors, variances)
        posterior = self.process.variance(features)
        log_p = self.noise.log_probability(mean, factors, variances + posterior)
        scale = self.noise.temperature
        shrunk = mean_field_logits(mean / scale, posterior / scale**2, self.mean_field)
        return with_outlier_logit(log_p + torch.logsumexp(shrunk, dim=-1, keepdim=True))

    @torch.no_grad()
    def finish(self, embeddings: Tensor, targets: Tensor) -> None:
        """Set the covariance over the training inliers, [N, D]; their classes do not matter."""
        self.eval()
        self.body.settle()
        features = self.body(self.standardised(embeddings))
        self.process.fit_covariance(features, self.noise.temperature)


class HeteroscedasticSngp(Sngp):
    """SNGP with noisy logits."""

    info = HeadInfo(
        "het_sngp",
        "Heteroscedastic SNGP",
        "Liu et al. 2020, Collier et al. 2021",
        has_outlier_class=True,
    )

    def build(
        self, width: int, n_inliers: int, n_classes: int, *, hidden: int, dropout: float
    ) -> HeadNetwork:
        """Return an untrained network; the outlier class has no weights."""
        return HetSngpNetwork(width, n_inliers, hidden, dropout)
