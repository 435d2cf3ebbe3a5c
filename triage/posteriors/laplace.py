"""Laplace approximation of the last layer: a Gaussian with the inverse Hessian as covariance.

The last layer W [C, P], with its bias as the last of the P columns, has the posterior
N(W_MAP, (H + tau I)^-1): H is the generalised Gauss-Newton matrix of the cross-entropy, which
for a layer that is linear in its weights is the Hessian, and tau the precision of the prior
N(0, 1/tau), found by the marginal likelihood. Daxberger et al. 2021; MacKay 1992.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left
from copy import deepcopy
from functools import cache
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from triage.heads.head import HeadNetwork
from triage.heads.mlp import Head
from triage.posteriors.posterior import (
    PERCEPTRON,
    AfterTraining,
    CaseLoss,
    PosteriorInfo,
    linear_layers,
    perceptron,
)

LARGEST_FULL = 4000
"""Weights of the last layer up to which their whole covariance is used."""
PRECISIONS = tuple(10 ** (number / 4) for number in range(-16, 17))
"""Prior precisions that are tried."""


class Curvature(ABC):
    """H, and what follows from H + tau I.

    Parameters
    ----------
    features : float64 Tensor [N, P]
        Inputs of the last layer, with a last column of ones.
    probabilities : float64 Tensor [N, C]
    """

    @abstractmethod
    def __init__(self, features: Tensor, probabilities: Tensor) -> None: ...

    @abstractmethod
    def log_determinant(self, precision: float) -> float:
        """Log det(H + tau I)."""

    @abstractmethod
    def coloured(self, noise: Tensor, precision: float) -> Tensor:
        """Standard normal noise [S, C, P] with its covariance turned into (H + tau I)^-1."""

    @abstractmethod
    def logit_variance(self, features: Tensor, precision: float) -> Tensor:
        """Variance of each logit [N, C] that the weights' covariance gives."""


class FullCurvature(Curvature):
    """All of H = sum_n (diag p_n - p_n p_n^T) x phi_n phi_n^T, weights ordered as W.flatten()."""

    def __init__(self, features: Tensor, probabilities: Tensor) -> None:
        self.hessian = full_hessian(features, probabilities)

    def log_determinant(self, precision: float) -> float:
        """Twice the log of the Cholesky factor's diagonal."""
        return 2 * float(self._factor(precision).diagonal().log().sum())

    def coloured(self, noise: Tensor, precision: float) -> Tensor:
        """L^-T e, for the Cholesky factor L."""
        columns = noise.flatten(1).T
        upper = self._factor(precision).T
        solved: Tensor = torch.linalg.solve_triangular(upper, columns, upper=True)
        return solved.T.reshape(noise.shape)

    def logit_variance(self, features: Tensor, precision: float) -> Tensor:
        """phi^T Sigma_cc phi, Sigma_cc the block of class c."""
        width = features.shape[1]
        covariance = torch.cholesky_inverse(self._factor(precision))
        starts = range(0, len(covariance), width)
        blocks = [covariance[c : c + width, c : c + width] for c in starts]
        return torch.stack([((features @ block) * features).sum(1) for block in blocks], dim=1)

    def _factor(self, precision: float) -> Tensor:
        matrix = self.hessian.clone()
        matrix.diagonal().add_(precision)
        factor: Tensor = torch.linalg.cholesky(matrix)
        return factor


class KroneckerCurvature(Curvature):
    """H as the product B x A / N, A = sum phi phi^T and B = sum (diag p - p p^T)."""

    def __init__(self, features: Tensor, probabilities: Tensor) -> None:
        between = probabilities.sum(0).diag() - probabilities.T @ probabilities
        of_classes, self.class_vectors = torch.linalg.eigh(between)
        of_features, self.feature_vectors = torch.linalg.eigh(features.T @ features)
        products = torch.outer(of_classes.clamp_min(0), of_features.clamp_min(0))
        self.eigenvalues = products / len(features)

    def log_determinant(self, precision: float) -> float:
        """Sum of the logs of the eigenvalues lambda_ij + tau."""
        return float((self.eigenvalues + precision).log().sum())

    def coloured(self, noise: Tensor, precision: float) -> Tensor:
        """U (e / sqrt(lambda + tau)) V^T."""
        along = noise / (self.eigenvalues + precision).sqrt()
        return torch.einsum("ci,sij,pj->scp", self.class_vectors, along, self.feature_vectors)

    def logit_variance(self, features: Tensor, precision: float) -> Tensor:
        """sum_ij U_ci^2 (phi V)_j^2 / (lambda_ij + tau)."""
        along = (features @ self.feature_vectors).square()
        spread = 1 / (self.eigenvalues + precision)
        return torch.einsum("nj,ij,ci->nc", along, spread, self.class_vectors.square())


class LastLayerLaplace:
    """The Gaussian posterior of a trained head's last layer.

    Parameters
    ----------
    head : Head
    embeddings : float32 Tensor [N, D]
        Training cases.
    targets : int Tensor [N]
        Cases of no class of the head, such as outliers that a term of its loss was for, are
        left out: the likelihood knows nothing of them.
    largest_full : int
        Weights up to which H is kept whole; beyond it is a Kronecker product.
    """

    def __init__(
        self, head: Head, embeddings: Tensor, targets: Tensor, largest_full: int = LARGEST_FULL
    ) -> None:
        self.head = deepcopy(head).eval()
        last = linear_layers(self.head)[-1]
        self.weights = torch.cat([last.weight, last.bias[:, None]], 1).detach().double()
        known = targets < len(self.weights)
        features = self.features(embeddings[known])
        logits = features @ self.weights.T
        kind = FullCurvature if self.weights.numel() <= largest_full else KroneckerCurvature
        self.curvature: Curvature = kind(features, logits.softmax(1))
        self.log_likelihood = float(
            -torch.nn.functional.cross_entropy(logits, targets[known], reduction="sum")
        )
        # The evidence is concave in tau, as its slope sum_i lambda_i / (lambda_i + tau) / tau -
        # |W|^2 only falls; so where it stops rising is found by bisection.
        evidence = cache(lambda number: self.log_marginal_likelihood(PRECISIONS[number]))
        steps = range(len(PRECISIONS) - 1)
        best = bisect_left(steps, True, key=lambda number: evidence(number + 1) <= evidence(number))
        self.precision = PRECISIONS[best]

    def features(self, embeddings: Tensor) -> Tensor:
        """Inputs of the last layer, with a column of ones, float64 [N, P]."""
        with torch.no_grad():
            found = self.head.layers[:-1](self.head.standardised(embeddings)).double()
        return torch.cat([found, torch.ones_like(found[:, :1])], 1)

    def log_marginal_likelihood(self, precision: float) -> float:
        """Log evidence log p(data | tau) by Laplace's method, in nats.

        log p(data | W) - tau/2 |W|^2 + (P/2) log tau - 1/2 log det(H + tau I).
        """
        size = float(self.weights.square().sum())
        prior = self.weights.numel() * math.log(precision) - precision * size
        return self.log_likelihood + 0.5 * (prior - self.curvature.log_determinant(precision))

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw last layers, their bias as the last column, float64 [S, C, P]."""
        shape = (count, *self.weights.shape)
        noise = torch.randn(shape, generator=generator, dtype=torch.float64)
        return self.weights + self.curvature.coloured(noise, self.precision)

    def sample(self, count: int, generator: torch.Generator) -> list[HeadNetwork]:
        """Draw heads."""
        members: list[HeadNetwork] = []
        for drawn in self.draw(count, generator):
            member = deepcopy(self.head)
            last = linear_layers(member)[-1]
            with torch.no_grad():
                last.weight.copy_(drawn[:, :-1])
                last.bias.copy_(drawn[:, -1])
            members.append(member)
        return members

    def probit(self, embeddings: Tensor) -> Tensor:
        """Predictive probabilities without sampling, float64 [N, C].

        softmax(z / sqrt(1 + pi/8 var z)), the mean-field probit approximation (MacKay 1992;
        Lu et al. 2020).
        """
        features = self.features(embeddings)
        variance = self.curvature.logit_variance(features, self.precision)
        logits = features @ self.weights.T
        return (logits / (1 + math.pi / 8 * variance).sqrt()).softmax(1)


class Laplace(AfterTraining):
    """Draws of the last layer from its Gaussian posterior under the cross-entropy.

    Parameters
    ----------
    largest_full : int
        Weights of the last layer up to which their covariance is exact.
    """

    info: ClassVar[PosteriorInfo] = PosteriorInfo(
        "laplace",
        "Laplace approximation, last layer",
        "Daxberger et al. 2021",
        needs=(PERCEPTRON,),
    )

    largest_full: Annotated[int, Field(ge=0)] = LARGEST_FULL

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
        """Return draws; the likelihood is that of the softmax, whatever loss trained it."""
        fitted = LastLayerLaplace(
            perceptron(head, self.info), embeddings, targets, self.largest_full
        )
        return fitted.sample(n_members, torch.Generator().manual_seed(seed))


def full_hessian(features: Tensor, probabilities: Tensor) -> Tensor:
    """Hessian of the summed cross-entropy in the weights of the last layer, [C P, C P].

    Parameters
    ----------
    features : float Tensor [N, P]
    probabilities : float Tensor [N, C]

    Returns
    -------
    float Tensor
        Block (c, d) is sum_n (p_c [c = d] - p_c p_d) phi phi^T; weights ordered as W.flatten().
    """
    n_classes, width = probabilities.shape[1], features.shape[1]
    hessian = features.new_empty(n_classes, width, n_classes, width)
    for c, of_c in enumerate(probabilities.T):
        for d, of_d in enumerate(probabilities.T[: c + 1]):
            curvature = of_c * (1 - of_c) if c == d else -of_c * of_d
            block = features.T @ (curvature[:, None] * features)
            hessian[c, :, d], hessian[d, :, c] = block, block
    return hessian.view(n_classes * width, -1)
