"""The differential of a decision: the most probable conditions that the system knows."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

DIFFERENTIAL_LENGTH = 3


def differentials(probabilities: NDArray[np.float64], names: NDArray[np.object_]) -> list[str]:
    """Return the differential of each case as JSON.

    Parameters
    ----------
    probabilities : float array [N, K]
        Calibrated.
    names : object array [K]
        Conditions.

    Returns
    -------
    list of str, length N
        The `DIFFERENTIAL_LENGTH` most probable conditions first, with their probabilities.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :DIFFERENTIAL_LENGTH]
    return [
        json.dumps(
            [{"condition": str(names[k]), "probability": round(float(row[k]), 6)} for k in ranked]
        )
        for row, ranked in zip(probabilities, order, strict=True)
    ]
