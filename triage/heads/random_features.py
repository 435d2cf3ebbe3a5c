"""Random Fourier features, and the Gaussian process classifier that is linear in them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from triage.errors import TrainingError

N_FEATURES = 512
"""Random features D of a head; Liu et al. 2020 take 1024 for whole networks."""
_BATCH = 1024


class RandomFeatures(nn.Module):
    """Phi(x) = sqrt(2 / D) cos(W x + b), so that E[Phi(x) . Phi(y)] = exp(-|x - y|^2 / 2 l^2).

    Rahimi and Recht 2007; rows of W orthogonal in blocks, which errs less (Yu et al. 2016).

    Parameters
    ----------
    width : int
        Length of x.
    n_features : int
        D.
    length_scale : float
        l.
    """

    weight: Tensor
    phase: Tensor

    def __init__(self, width: int, n_features: int = N_FEATURES, length_scale: float = 1.0) -> None:
        if n_features < 1 or not (math.isfinite(length_scale) and length_scale > 0):
            raise TrainingError(
                f"{n_features} random features of length scale {length_scale}",
                hint="Both must be positive.",
            )
        super().__init__()
        blocks = [
            nn.init.orthogonal_(torch.empty(min(width, n_features - start), width))
            for start in range(0, n_features, width)
        ]
        lengths = torch.randn(n_features, width).norm(dim=1, keepdim=True)
        self.register_buffer("weight", torch.cat(blocks) * lengths / length_scale)
        self.register_buffer("phase", 2 * math.pi * torch.rand(n_features))
        self.amplitude = math.sqrt(2 / n_features)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map [B, width] to features [B, D]."""
        return self.amplitude * torch.cos(inputs @ self.weight.T + self.phase)


class RandomFeatureGP(nn.Module):
    """Logits z_c = Phi(x) . beta_c under a Laplace approximation with one shared covariance.

    Posterior of every beta_c: Normal(MAP, S), S^-1 = ridge I + sum_i w_i Phi_i Phi_i^T,
    w_i = p_i (1 - p_i) with p_i the largest probability of case i (Liu et al. 2020, Eq. 9,
    give every class its own w_i = p_ic (1 - p_ic); the largest class has the largest of
    these, so that the shared variance is the least of theirs. C matrices would be C times the
    size of the head).

    Parameters
    ----------
    width : int
        Length of x.
    n_classes : int
    n_features : int
        D.
    length_scale : float
    ridge : float
        Prior precision, > 0.
    """

    covariance: Tensor

    def __init__(
        self,
        width: int,
        n_classes: int,
        n_features: int = N_FEATURES,
        length_scale: float = 1.0,
        ridge: float = 1.0,
    ) -> None:
        if not (math.isfinite(ridge) and ridge > 0):
            raise TrainingError(f"a prior precision of {ridge}", hint="It must be positive.")
        super().__init__()
        self.features = RandomFeatures(width, n_features, length_scale)
        self.output = nn.Linear(n_features, n_classes, bias=False)
        self.ridge = ridge
        self.register_buffer("covariance", torch.eye(n_features) / ridge)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Map [B, width] to random features [B, D] and logits [B, C]."""
        features = self.features(inputs)
        return features, self.output(features)

    def variance(self, features: Tensor) -> Tensor:
        """Posterior variance Phi^T S Phi of every logit, [B, 1], from random features [B, D]."""
        return ((features @ self.covariance) * features).sum(1, keepdim=True).clamp_min(0)

    @torch.no_grad()
    def fit_covariance(self, inputs: Tensor, temperature: float = 1.0) -> None:
        """Set the covariance S from all training cases, exactly.

        Parameters
        ----------
        inputs : float Tensor [N, width]
        temperature : float
            T of the likelihood softmax(z / T): p is taken so, and w = p (1 - p) / T^2.
        """
        precision = self.ridge * torch.eye(len(self.covariance), dtype=torch.float64)
        precision = precision.to(self.covariance.device)
        for batch in inputs.split(_BATCH):
            features, logits = self(batch)
            largest = torch.softmax(logits.double() / temperature, dim=1).amax(1, keepdim=True)
            weighted = features * (largest * (1 - largest) / temperature**2)
            precision += weighted.T @ features.double()
        self.covariance.copy_(torch.cholesky_inverse(torch.linalg.cholesky(precision)))
