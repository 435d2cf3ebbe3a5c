"""A network that neither tears near embeddings apart nor lets far ones meet.

A residual block h + g(h) whose branch g is c-Lipschitz keeps every distance within
[1 - c, 1 + c] of what it was, for c < 1 (Liu et al. 2020, SNGP). A Gaussian process on such
features knows how far a case is from the training cases.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from triage.errors import TrainingError

NORM_BOUND = 0.95
"""Bound c of Liu et al. 2020 for dense layers; theirs for wide convolutional networks is 6."""


class SpectralLinear(nn.Linear):
    """A linear layer W x + b whose W is scaled down to a spectral norm of at most c.

    One power iteration in each training step follows the largest singular value, sigma; the
    layer applies W / max(1, sigma / c) (Miyato et al. 2018; a bound rather than an equality
    as in Gouk et al. 2021). W starts orthogonal, all its singular values c.

    Parameters
    ----------
    n_in, n_out : int
    bound : float
        c > 0.
    """

    direction: Tensor

    def __init__(self, n_in: int, n_out: int, bound: float = NORM_BOUND) -> None:
        if not (math.isfinite(bound) and bound > 0):
            raise TrainingError(f"a bound of {bound} on a spectral norm", hint="Use, say, 0.95.")
        super().__init__(n_in, n_out)
        self.bound = bound
        nn.init.orthogonal_(self.weight, gain=bound)
        nn.init.zeros_(self.bias)
        self.register_buffer("direction", functional.normalize(torch.randn(n_out), dim=0))

    def bounded_weight(self) -> Tensor:
        """Return W / max(1, sigma / c), [n_out, n_in]."""
        if self.training:
            with torch.no_grad():
                image = self.weight @ functional.normalize(self.direction @ self.weight, dim=0)
                self.direction.copy_(functional.normalize(image, dim=0))
        # A copy: the next pass moves the buffer, perhaps before this one's gradient is taken.
        sigma = (self.direction.clone() @ self.weight).norm()
        bounded: Tensor = self.weight / (sigma / self.bound).clamp_min(1.0)
        return bounded

    @torch.no_grad()
    def settle(self) -> None:
        """Find sigma exactly: single iterations lag behind a weight that moves."""
        self.direction.copy_(torch.linalg.svd(self.weight, full_matrices=False).U[:, 0])

    def forward(self, inputs: Tensor) -> Tensor:
        """Map [B, n_in] to [B, n_out]."""
        return functional.linear(inputs, self.bounded_weight(), self.bias)


class SpectralBody(nn.Module):
    """Standardised embeddings to features of length about one, distances kept.

    h = P x, f = (h + relu(W h)) / sqrt(min(D, H)), P and W spectral-normalised. The divisor
    makes distances of features about one whatever the sizes, so that one length scale of a
    kernel fits all.

    Parameters
    ----------
    width : int
        Length D of the embedding.
    hidden : int
        Length H of the features; 0 leaves the embedding as it is, but for the divisor.
    dropout : float
        Dropout before each layer while training.
    bound : float
        Spectral norm of each layer.
    """

    def __init__(
        self, width: int, hidden: int, dropout: float = 0.0, bound: float = NORM_BOUND
    ) -> None:
        super().__init__()
        self.width = hidden or width
        self.unit = math.sqrt(min(width, self.width))
        self.dropout = nn.Dropout(dropout)
        self.projection = SpectralLinear(width, hidden, bound) if hidden else None
        self.branch = SpectralLinear(hidden, hidden, bound) if hidden else None

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map standardised embeddings [B, D] to features [B, H]."""
        features: Tensor = self.dropout(embeddings)
        if self.projection is not None and self.branch is not None:
            features = self.projection(features)
            features = features + functional.relu(self.branch(self.dropout(features)))
        return features / self.unit

    def settle(self) -> None:
        """Bring each layer's norm below the bound, exactly; for when training is over."""
        for layer in (self.projection, self.branch):
            if layer is not None:
                layer.settle()
