"""Mahalanobis distance to the nearest class, one covariance shared by all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from triage.uncertainty.scores.covariance import (
    centre_classes,
    check_cases,
    check_shrinkage,
    chosen_shrinkage,
    inverse_root,
    shrunk_covariance,
    variance_floor,
)
from triage.uncertainty.scores.families import EmbeddingScore, Truth
from triage.uncertainty.scores.score import Floats, ScoreInfo, State


@dataclass
class Mahalanobis(EmbeddingScore):
    """s = min_c (f - mu_c)^T S^-1 (f - mu_c) (Lee et al. 2018).

    S is the covariance of the training embeddings about their class means (divided by N). With
    about as many cases as dimensions it has no usable inverse of its own, so it is shrunk.

    Parameters
    ----------
    shrinkage : float, optional
        Weight a of the identity in (1 - a) S + a tr(S)/D I, 0 to 1 (in effect at least 1e-6);
        None, the default, lets Ledoit and Wolf's formula choose it from the training cases.

    Raises
    ------
    UsageError
        If the shrinkage is not from 0 to 1.
    """

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="mahalanobis",
        title="Mahalanobis distance",
        source="Lee et al. 2018; covariance shrunk after Ledoit & Wolf 2004",
        cost="one matrix product, D x D",
        baseline=True,
    )

    shrinkage: float | None = None

    def __post_init__(self) -> None:
        """Check the shrinkage."""
        check_shrinkage(self.shrinkage, self.info.key)

    def learn(self, embedding: Floats, truth: Truth) -> State:
        """Learn the map that makes S the identity, and where it puts the class means."""
        cases = check_cases(embedding, self.info.key)
        means, centred = centre_classes(cases, truth)
        shrinkage = chosen_shrinkage(centred) if self.shrinkage is None else self.shrinkage
        whitening = inverse_root(shrunk_covariance(centred, shrinkage, variance_floor(cases)))
        centre = cases.mean(axis=0)
        return {
            "centre": centre.astype(np.float32),
            "whitening": whitening.astype(np.float32),
            "means": ((means - centre) @ whitening).astype(np.float32),
        }

    def of(self, embedding: Floats, state: State) -> Floats:
        """Squared distance of embeddings [N, D] to the nearest class mean, float32 [N]."""
        # centred before the product: far from the origin float32 would lose the differences
        white = (embedding.astype(np.float32, copy=False) - state["centre"]) @ state["whitening"]
        means = state["means"]
        to_means = (means**2).sum(axis=1) - 2 * (white @ means.T)
        nearest = np.einsum("nd,nd->n", white, white) + to_means.min(axis=1)
        distance: Floats = np.maximum(nearest, 0)
        return distance
