"""Summed probability of the outlier classes: the score of HOD and of the reject bucket."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError


def outlier_mass(probabilities: NDArray[np.float64], n_inliers: int) -> NDArray[np.float64]:
    """Return sum of p_c over the outlier classes (Roy et al. 2022, hierarchical outlier detection).

    Parameters
    ----------
    probabilities : float array [N, C]
        Ensemble probabilities, inlier classes first.
    n_inliers : int
        Number of inlier classes K < C.

    Returns
    -------
    float array [N]
        In [0, 1]; larger = more out-of-distribution.

    Raises
    ------
    UsageError
        If the head has no outlier class.
    """
    if probabilities.shape[1] <= n_inliers:
        raise UsageError(
            "this score needs a head with outlier classes", mend="Use the head `reject` or `hod`."
        )
    score: NDArray[np.float64] = probabilities[:, n_inliers:].sum(axis=1)
    return score
