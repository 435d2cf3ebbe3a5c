"""Is a scan of the kind the system was trained on? Distance of its acquisition from training's."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from triage.errors import UsageError

SHRINKAGE = 0.1
"""Share of the covariance replaced by its diagonal: few devices' scans span few directions."""


class AcquisitionShift(BaseModel):
    """Mahalanobis distance from the training scans, with the limit beyond which one is unseen.

    Parameters
    ----------
    centre : tuple of float
        Mean of the training scans' features.
    scale : tuple of float
        Their standard deviations.
    precision : tuple of (tuple of float)
        Inverse covariance of the standardised features.
    limit : float
        Distance that a stated share of validation scans does not exceed.
    quantile : float
        That share.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    centre: tuple[float, ...]
    scale: tuple[float, ...]
    precision: tuple[tuple[float, ...], ...]
    limit: float = Field(gt=0)
    quantile: float = Field(gt=0, le=1)

    @classmethod
    def fit(
        cls,
        training: NDArray[np.float64],
        validation: NDArray[np.float64],
        quantile: float = 0.99,
    ) -> Self:
        """Learn what training scans look like, and how far validation scans lie from them.

        Parameters
        ----------
        training, validation : float array [N, F]
        quantile : float

        Raises
        ------
        UsageError
            If there are fewer than two training scans, or no validation scan.
        """
        if len(training) < 2 or len(validation) < 1:
            raise UsageError("too few scans to learn how they are taken")
        centre = training.mean(axis=0)
        # A feature that never varied in training (the sampling of one device) still may not jump.
        scale = np.maximum(training.std(axis=0), 0.02)
        standard = (training - centre) / scale
        covariance = np.atleast_2d(np.cov(standard, rowvar=False))
        shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.eye(len(centre))
        precision = np.linalg.inv(shrunk)
        draft = cls(
            centre=tuple(centre.tolist()),
            scale=tuple(scale.tolist()),
            precision=tuple(tuple(row) for row in precision.tolist()),
            limit=1.0,
            quantile=quantile,
        )
        distances = draft.distance(validation)
        return draft.model_copy(update={"limit": float(np.quantile(distances, quantile))})

    def distance(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mahalanobis distance of each scan, float64 [N], from features [N, F]."""
        standard = (features - np.array(self.centre)) / np.array(self.scale)
        square = np.einsum("nf,fg,ng->n", standard, np.array(self.precision), standard)
        distance: NDArray[np.float64] = np.sqrt(np.maximum(square, 0.0))
        return distance
