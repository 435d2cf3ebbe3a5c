"""Maximum softmax probability, as an out-of-distribution score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def max_softmax(probabilities: NDArray[np.float64], n_inliers: int) -> NDArray[np.float64]:
    """Return 1 - max_c p_c over the inlier classes (Hendrycks & Gimpel 2017).

    Parameters
    ----------
    probabilities : float array [N, C]
        Ensemble probabilities, inlier classes first.
    n_inliers : int
        Number of inlier classes K.

    Returns
    -------
    float array [N]
        In [0, 1], and at most 1 - 1/K where the head has no outlier class; larger = more
        out-of-distribution.
    """
    score: NDArray[np.float64] = 1.0 - probabilities[:, :n_inliers].max(axis=1)
    return score
