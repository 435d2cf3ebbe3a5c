"""Distance to the k-th nearest training embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from triage.errors import UsageError
from triage.uncertainty.scores.covariance import check_components, principal_axes
from triage.uncertainty.scores.families import EmbeddingScore, Truth
from triage.uncertainty.scores.score import Floats, ScoreInfo, State
from triage.uncertainty.scores.unit_length import unit_length

EXACT_CASES = 2048
"""Up to so many training cases every distance is computed in full."""


@dataclass
class Knn(EmbeddingScore):
    """Distance to the k-th nearest training embedding, all of unit length (Sun et al. 2022).

    ||x - t||^2 = ||x||^2 + ||t||^2 - 2 x.t costs one product with all training cases. Up to 2,048
    of them it is computed in full. Beyond, vectors are turned to the principal axes of the
    training set; norms stay exact, while the inner product is taken over the leading `components`
    axes only, and what the trailing axes would add to it is neglected. They hold little
    of the variance and the neglected terms are of either sign, so ranks hardly move; a case next to
    its own copy in the training set is given a small distance instead of none.

    Parameters
    ----------
    k : int, optional
        Which neighbour; None takes 1 % of the training cases, but at least the nearest. Where a
        given k exceeds their number, the farthest is taken.
    components : int, optional
        Leading principal axes that the inner product is taken over with more than 2,048 training
        cases; None always computes it in full.

    Raises
    ------
    UsageError
        If k or the number of components is below 1.
    """

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="knn",
        title="k-th nearest neighbour",
        source="Sun et al. 2022",
        cost="one matrix product with all training cases",
        baseline=True,
    )

    k: int | None = None
    components: int | None = 512

    def __post_init__(self) -> None:
        """Check k and the number of components."""
        if self.k is not None and self.k < 1:
            raise UsageError(f"k is {self.k}: at least 1 is needed", where=self.info.key)
        check_components(self.components, self.info.key)

    def learn(self, embedding: Floats, truth: Truth) -> State:
        """Keep the training embeddings [N, D], on their principal axes where they are many."""
        n, width = embedding.shape
        cases = unit_length(embedding)
        centre = cases.mean(axis=0, dtype=np.float64)
        centred = cases - centre
        k = min(self.k or max(1, round(0.01 * n)), n)
        state = {"k": np.array(k), "centre": centre.astype(np.float32)}
        squares = np.einsum("nd,nd->n", centred, centred)
        if self.components is not None and self.components < width and n > EXACT_CASES:
            _, axes = principal_axes(centred, self.components)
            state["axes"] = axes.astype(np.float32)
            centred = centred @ axes
        # the training norms are the last row, so one product gives ||t||^2 - 2 x.t
        return state | {"table": np.vstack([-2 * centred.T, squares]).astype(np.float32)}

    def of(self, embedding: Floats, state: State) -> Floats:
        """Distance of embeddings [N, D] to the k-th nearest training case, float32 [N]."""
        cases = unit_length(embedding) - state["centre"]
        squares = np.einsum("nd,nd->n", cases, cases)
        if "axes" in state:
            cases = cases @ state["axes"]
        ones = np.ones((len(cases), 1), np.float32)
        far = np.hstack([cases, ones]) @ state["table"]
        far.partition(int(state["k"]) - 1, axis=1)
        distance: Floats = np.sqrt(np.maximum(squares + far[:, int(state["k"]) - 1], 0))
        return distance
