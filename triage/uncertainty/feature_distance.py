"""How far an embedding lies from the training inliers: fitted, and small enough for a policy."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from triage.errors import UsageError

FEATURE_DISTANCE = "feature_distance"
DIMENSIONS = 32
_FLOOR = 1e-6


class FeatureDistance(BaseModel):
    """Mahalanobis distance in the leading principal directions of standardised embeddings.

    As Lee et al. 2018 with one Gaussian for all inliers; only the leading directions are kept
    (ours), since a covariance of hundreds of features needs more cases than there are.

    Parameters
    ----------
    centre : tuple of float, length D
        Mean embedding of the training inliers.
    directions : tuple of (tuple of float), d rows of length D
        Along each, training inliers have unit variance.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    centre: tuple[float, ...]
    directions: tuple[tuple[float, ...], ...]

    @classmethod
    def fit(cls, embedding: NDArray[np.float32], dimensions: int = DIMENSIONS) -> Self:
        """Learn what the embeddings of inliers look like.

        Parameters
        ----------
        embedding : float array [N, D]
            Of training inliers.
        dimensions : int
            Directions kept, at most N - 1 and D.

        Raises
        ------
        UsageError
            If there are fewer than two inliers.
        """
        if len(embedding) < 2:
            raise UsageError("too few cases to learn a distance from")
        values = embedding.astype(np.float64)
        centre, scale = values.mean(axis=0), values.std(axis=0) + _FLOOR
        _, singular, right = np.linalg.svd((values - centre) / scale, full_matrices=False)
        kept = int((singular[:dimensions] > _FLOOR).sum())
        deviation = singular[:kept] / np.sqrt(len(values) - 1)
        directions = right[:kept] / deviation[:, None] / scale
        # Seven digits are those of the embedding; more would only swell the bundle.
        return cls(
            centre=tuple(float(f"{value:.7g}") for value in centre),
            directions=tuple(tuple(float(f"{x:.7g}") for x in row) for row in directions),
        )

    def of(self, embedding: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score d / (1 + d) of each case, float64 [N] in [0, 1), from embeddings [N, D].

        The distance d itself has no bounds, as a probability fitted to a score wants them; the
        logit of this score is log d.
        """
        distance = self.distance(embedding)
        return distance / (1.0 + distance)

    def distance(self, embedding: NDArray[np.float32]) -> NDArray[np.float64]:
        """Mahalanobis distance of each case, float64 [N], from embeddings [N, D]."""
        offset = embedding.astype(np.float64) - np.array(self.centre)
        along = offset @ np.array(self.directions).T
        distance: NDArray[np.float64] = np.sqrt((along**2).sum(axis=1))
        return distance
