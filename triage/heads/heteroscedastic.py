"""Heteroscedastic head: logits whose noise, correlated between classes, depends on the case.

Cases whose label is doubtful get noisy logits instead of pulling at the boundary. Collier et
al. 2021, "Correlated input-dependent label noise in large-scale image classification".
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.quasirandom import SobolEngine

from triage.errors import TrainingError
from triage.heads.head import HeadDesign, HeadInfo, HeadNetwork
from triage.losses.cross_entropy import Criterion, cross_entropy

N_FACTORS = 6
TEMPERATURE = 1.3
N_SAMPLES = 128
_LEAST_DEVIATION = 1e-3


def quasi_normal(n_samples: int, n_dimensions: int) -> Tensor:
    """Standard normal points that fill space evenly, always the same: scrambled Sobol.

    Parameters
    ----------
    n_samples : int
        Best a power of two.
    n_dimensions : int

    Returns
    -------
    float32 Tensor [n_samples, n_dimensions]
    """
    uniform = SobolEngine(n_dimensions, scramble=True, seed=0).draw(n_samples)
    normal: Tensor = torch.special.ndtri(uniform.clamp(1e-6, 1 - 1e-6))
    return normal


def mean_log_softmax(
    mean: Tensor, factors: Tensor, variances: Tensor, noise: Tensor, temperature: float
) -> Tensor:
    """Log of E[softmax(z / T)], z ~ Normal(m, V V^T + diag d), averaged over given noise.

    Parameters
    ----------
    mean : float Tensor [B, K]
        m.
    factors : float Tensor [B, K, F]
        V.
    variances : float Tensor [B, K]
        d >= 0.
    noise : float Tensor [S, B, F + K] or [S, 1, F + K]
        Standard normal; of the factors first.
    temperature : float
        T.

    Returns
    -------
    float Tensor [B, K]
        Its softmax is its exponential.
    """
    _, n_classes, n_factors = factors.shape
    shared, own = noise.split([n_factors, n_classes], dim=-1)
    correlated = (factors @ shared[..., None]).squeeze(-1)
    samples = mean + correlated + variances.sqrt() * own
    log_p = torch.log_softmax(samples / temperature, dim=-1)
    return torch.logsumexp(log_p, dim=0) - math.log(len(noise))


class LogitNoise(nn.Module):
    """Covariance V V^T + diag d of the logits, from features of the case.

    Parameters
    ----------
    width : int
        Length of the features.
    n_classes : int
        K.
    n_factors : int
        Columns F of V.
    n_samples : int
        Samples of each average.
    temperature : float
        T of the softmax.
    """

    points: Tensor

    def __init__(
        self,
        width: int,
        n_classes: int,
        n_factors: int = N_FACTORS,
        n_samples: int = N_SAMPLES,
        temperature: float = TEMPERATURE,
    ) -> None:
        if min(n_factors, n_samples) < 1 or not (math.isfinite(temperature) and temperature > 0):
            raise TrainingError(
                f"{n_factors} factors, {n_samples} samples, temperature {temperature}",
                hint="All must be positive.",
            )
        super().__init__()
        self.factors = nn.Linear(width, n_classes * n_factors)
        self.deviations = nn.Linear(width, n_classes)
        self.shape = (n_classes, n_factors)
        self.temperature = temperature
        self.register_buffer("points", quasi_normal(n_samples, n_factors + n_classes)[:, None])

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Map features [B, width] to V [B, K, F] and d [B, K]."""
        factors = self.factors(features).unflatten(-1, self.shape)
        deviations = functional.softplus(self.deviations(features)) + _LEAST_DEVIATION
        return factors, deviations.square()

    def log_probability(self, mean: Tensor, factors: Tensor, variances: Tensor) -> Tensor:
        """Log of the mean softmax, [B, K]: fresh noise in training, always the same after."""
        noise = self.points
        if self.training:
            shape = (len(noise), len(mean), noise.shape[-1])
            noise = torch.randn(shape, device=mean.device, dtype=mean.dtype)
        return mean_log_softmax(mean, factors, variances, noise, self.temperature)


class HeteroscedasticNetwork(HeadNetwork):
    """A perceptron with at most one hidden layer, whose logits are noisy.

    Parameters
    ----------
    width : int
        Length D of the embedding.
    n_classes : int
        K.
    hidden : int
        Hidden units; 0 makes mean and noise linear in the embedding.
    dropout : float
        Dropout before each layer while training.
    n_factors, n_samples, temperature
        As in `LogitNoise`.
    """

    def __init__(
        self,
        width: int,
        n_classes: int,
        hidden: int = 256,
        dropout: float = 0.3,
        *,
        n_factors: int = N_FACTORS,
        n_samples: int = N_SAMPLES,
        temperature: float = TEMPERATURE,
    ) -> None:
        super().__init__(width)
        layers: list[nn.Module] = [nn.Dropout(dropout)]
        if hidden:
            layers += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)]
        self.body = nn.Sequential(*layers)
        self.mean = nn.Linear(hidden or width, n_classes)
        self.noise = LogitNoise(hidden or width, n_classes, n_factors, n_samples, temperature)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map embeddings [B, D] to log-probabilities [B, K]."""
        features = self.body(self.standardised(embeddings))
        return self.noise.log_probability(self.mean(features), *self.noise(features))


class Heteroscedastic(HeadDesign):
    """Inlier conditions only, with noisy logits."""

    info = HeadInfo("heteroscedastic", "Heteroscedastic", "Collier et al. 2021")

    def build(
        self, width: int, n_inliers: int, n_classes: int, *, hidden: int, dropout: float
    ) -> HeadNetwork:
        """Return an untrained network."""
        return HeteroscedasticNetwork(width, n_inliers, hidden, dropout)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        n_inliers: int,
        criterion: Criterion = cross_entropy,
    ) -> Tensor:
        """The criterion on the mean probabilities."""
        return criterion(outputs, targets)
