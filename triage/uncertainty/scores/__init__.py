"""Out-of-distribution scores, one file each; larger = more out-of-distribution.

`SCORES` is the registry: a bundle names its score, and this is where the name is looked up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.uncertainty.scores.max_softmax import max_softmax
from triage.uncertainty.scores.outlier_mass import outlier_mass

ScoreFunction = Callable[[NDArray[np.float64], int], NDArray[np.float64]]


@dataclass(frozen=True)
class Score:
    """One registered score.

    Parameters
    ----------
    function : callable
        Maps probabilities [N, C] and the number of inlier classes to scores [N].
    needs_outlier_classes : bool
        Whether the head must have outlier classes.
    source : str
        Where the formula comes from.
    """

    function: ScoreFunction
    needs_outlier_classes: bool
    source: str


SCORES: dict[str, Score] = {
    "max_softmax": Score(max_softmax, False, "Hendrycks & Gimpel 2017"),
    "outlier_mass": Score(outlier_mass, True, "Roy et al. 2022, hierarchical outlier detection"),
}

__all__ = ["SCORES", "Score", "max_softmax", "outlier_mass"]
