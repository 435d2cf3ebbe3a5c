"""SWAG: a Gaussian around the averaged weights, with the covariance of the training steps."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from triage.heads.head import HeadNetwork
from triage.posteriors.posterior import CaseLoss, PosteriorInfo
from triage.posteriors.swa import ConstantRate, with_weights


class SwagMoments:
    """Running moments of weights, and the Gaussian they make.

    Parameters
    ----------
    size : int
        Number of weights P.
    rank : int
        How many of the last deviations from the running mean are kept, K.
    """

    def __init__(self, size: int, rank: int) -> None:
        self.count = 0
        self.rank = rank
        self.mean = torch.zeros(size, dtype=torch.float64)
        self.mean_square = torch.zeros(size, dtype=torch.float64)
        self.deviations = torch.zeros(0, size, dtype=torch.float64)

    def collect(self, weights: Tensor) -> None:
        """Take in the weights [P] after one more epoch."""
        exact = weights.double()  # the variance is a small difference of large squares
        self.count += 1
        self.mean += (exact - self.mean) / self.count
        self.mean_square += (exact.square() - self.mean_square) / self.count
        deviation = (exact - self.mean)[None]
        self.deviations = torch.cat([self.deviations, deviation])[-self.rank :]

    def sample(self, scale: float, generator: torch.Generator) -> Tensor:
        """Draw weights, float64 [P]: mean + sqrt(scale) (sqrt(diagonal) e + D f / sqrt(K - 1)).

        With e and f standard normal; scale 1/2 gives each of the two parts half of the
        covariance (Maddox et al. 2019, equation 1).
        """
        variance = (self.mean_square - self.mean.square()).clamp_min(1e-30)
        kept = len(self.deviations)
        noise = torch.randn(len(self.mean), generator=generator, dtype=torch.float64)
        along = torch.randn(kept, generator=generator, dtype=torch.float64)
        wide = variance.sqrt() * noise + along @ self.deviations / math.sqrt(max(kept - 1, 1))
        return self.mean + math.sqrt(scale) * wide


class Swag(ConstantRate):
    """Draws of a Gaussian with the first two moments of the weights after each epoch.

    Parameters
    ----------
    rank : int
        Deviations kept beside the diagonal, K.
    scale : float
        Factor of the covariance.
    """

    info: ClassVar[PosteriorInfo] = PosteriorInfo(
        "swag", "SWA-Gaussian (SWAG)", "Maddox et al. 2019"
    )

    rank: Annotated[int, Field(ge=2)] = 20
    scale: Annotated[float, Field(gt=0)] = 0.5

    def members(
        self,
        head: HeadNetwork,
        embeddings: Tensor,
        targets: Tensor,
        *,
        loss: CaseLoss,
        n_members: int,
        seed: int,
    ) -> list[HeadNetwork]:
        """Return draws."""
        moments = SwagMoments(sum(part.numel() for part in head.parameters()), self.rank)
        for weights in self.walk(head, embeddings, targets, loss=loss, seed=seed):
            moments.collect(weights)
        generator = torch.Generator().manual_seed(seed)
        return [with_weights(head, moments.sample(self.scale, generator)) for _ in range(n_members)]
