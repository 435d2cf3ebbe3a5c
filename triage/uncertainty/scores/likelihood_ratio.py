"""Ratio of the embedding's density to its density under a background model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from triage.errors import UsageError
from triage.uncertainty.scores.covariance import (
    Array,
    check_cases,
    check_shrinkage,
    chosen_shrinkage,
    common_basis,
    shrunk_covariance,
    variance_floor,
)
from triage.uncertainty.scores.families import EmbeddingScore, Truth
from triage.uncertainty.scores.score import Floats, ScoreInfo, State


@dataclass
class LikelihoodRatio(EmbeddingScore):
    """s = -(log p(f) - log p_0(f)), p_0 a background model (Ren et al. 2019).

    Our reading of the method for embeddings: p is one Gaussian of all training cases, without
    labels; p_0 is the Gaussian of the same cases corrupted, where each value is replaced with
    probability `mutation` by a draw from all the values its dimension takes in training. What is
    common to both, such as the spread of single dimensions, cancels; how dimensions go together
    is what is left. A Gaussian is fitted by moments alone, so the corruption is not sampled: the
    mean stays, covariances between dimensions are multiplied by (1 - mutation)^2, variances stay.
    The regularisation that the paper gives the background model is a second shrinkage.

    Parameters
    ----------
    mutation : float
        Fraction of the values that are replaced, above 0 and up to 1.
    shrinkage : float, optional
        Of the covariance of p (and through it of p_0), as in `Mahalanobis`.
    background_shrinkage : float
        Of the covariance of p_0 once more, 0 to 1.

    Raises
    ------
    UsageError
        If a setting is out of its range.
    """

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="likelihood_ratio",
        title="Likelihood ratio",
        source="Ren et al. 2019, on Gaussian models of embeddings",
        cost="one matrix product, D x D",
    )

    mutation: float = 0.2
    shrinkage: float | None = None
    background_shrinkage: float = 0.1

    def __post_init__(self) -> None:
        """Check the settings."""
        if not 0 < self.mutation <= 1:
            raise UsageError(f"a mutation of {self.mutation} is not in (0, 1]", where=self.info.key)
        check_shrinkage(self.shrinkage, self.info.key)
        check_shrinkage(self.background_shrinkage, self.info.key)

    def learn(self, embedding: Floats, truth: Truth) -> State:
        """Learn both covariances in a basis where both are diagonal."""
        cases = check_cases(embedding, self.info.key)
        centre = cases.mean(axis=0)
        centred = cases - centre
        shrinkage = chosen_shrinkage(centred) if self.shrinkage is None else self.shrinkage
        model = shrunk_covariance(centred, shrinkage, variance_floor(cases))
        ratio, basis = common_basis(model, self.background(model))
        return {
            "centre": centre.astype(np.float32),
            "basis": basis.astype(np.float32),
            "excess": (1 / ratio - 1).astype(np.float32),
            "constant": np.array(np.log(ratio).sum()),
        }

    def background(self, covariance: Array) -> Array:
        """Covariance [D, D] of corrupted cases, given that of the cases."""
        corrupted: Array = (1 - self.mutation) ** 2 * covariance
        np.fill_diagonal(corrupted, np.diag(covariance))
        variance = np.trace(corrupted) / len(corrupted)
        even = variance * np.eye(len(corrupted))
        corrupted *= 1 - self.background_shrinkage
        corrupted += self.background_shrinkage * even
        return corrupted

    def of(self, embedding: Floats, state: State) -> Floats:
        """Negative log-likelihood ratio of embeddings [N, D], float64 [N].

        With y the centred embedding in the basis, whose variances are r_j under p and 1 under
        p_0, it is sum_j (y_j^2 (1/r_j - 1) + log r_j) / 2.
        """
        placed = (embedding.astype(np.float32, copy=False) - state["centre"]) @ state["basis"]
        np.square(placed, out=placed)
        score: Floats = (placed @ state["excess"] + float(state["constant"])) / 2
        return score
