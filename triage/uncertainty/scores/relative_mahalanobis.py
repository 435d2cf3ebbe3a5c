"""Mahalanobis distance to the nearest class, less the distance to the training set as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from triage.uncertainty.scores.covariance import (
    centre_classes,
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
class RelativeMahalanobis(EmbeddingScore):
    """s = min_c MD_c(f) - MD_0(f) (Ren et al. 2021).

    MD_c is the Mahalanobis distance to class c with the covariance S shared by the classes; MD_0
    is that to the mean of all training cases, classes apart or not, with their covariance S_0.
    Both are divided by N and shrunk with one weight: chosen for each by itself, the weights differ,
    and the difference of the distances then depends on them more than on the case (on real
    embeddings it reversed the ranking). With one class the two distances are the same and the
    score is zero.

    One basis V makes S_0 the identity and S a diagonal matrix of l_j (the generalised
    eigenvectors of the pair), so that with y = V^T (f - mu_0) and m_c = V^T (mu_c - mu_0)::

        s = sum_j (1/l_j - 1) y_j^2 + min_c sum_j (m_cj^2 - 2 m_cj y_j) / l_j

    which is one product with V for both distances, and no difference of two large numbers.

    Parameters
    ----------
    shrinkage : float, optional
        As in `Mahalanobis`, for both covariances; None chooses it on S.

    Raises
    ------
    UsageError
        If the shrinkage is not from 0 to 1.
    """

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="relative_mahalanobis",
        title="Relative Mahalanobis distance",
        source="Ren et al. 2021; covariances shrunk after Ledoit & Wolf 2004",
        cost="one matrix product, D x D",
        baseline=True,
    )

    shrinkage: float | None = None

    def __post_init__(self) -> None:
        """Check the shrinkage."""
        check_shrinkage(self.shrinkage, self.info.key)

    def learn(self, embedding: Floats, truth: Truth) -> State:
        """Learn the common basis of the two covariances, and the class means in it."""
        cases = check_cases(embedding, self.info.key)
        floor = variance_floor(cases)
        means, within = centre_classes(cases, truth)
        centre = cases.mean(axis=0)
        shrinkage = chosen_shrinkage(within) if self.shrinkage is None else self.shrinkage
        ratio, basis = common_basis(
            shrunk_covariance(within, shrinkage, floor),
            shrunk_covariance(cases - centre, shrinkage, floor),
        )
        placed = (means - centre) @ basis
        return {
            "centre": centre.astype(np.float32),
            "basis": basis.astype(np.float32),
            "excess": (1 / ratio - 1).astype(np.float32),
            "slope": (-2 * placed / ratio).astype(np.float32),
            "offset": (placed**2 / ratio).sum(axis=1).astype(np.float32),
        }

    def of(self, embedding: Floats, state: State) -> Floats:
        """Difference of the two squared distances of embeddings [N, D], float32 [N]."""
        placed = (embedding.astype(np.float32, copy=False) - state["centre"]) @ state["basis"]
        nearest = (placed @ state["slope"].T + state["offset"]).min(axis=1)
        np.square(placed, out=placed)
        difference: Floats = placed @ state["excess"] + nearest
        return difference
