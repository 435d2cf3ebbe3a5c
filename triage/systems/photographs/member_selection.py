"""Diverse ensembles: greedy forward selection with replacement on validation outliers.

The procedure is that of Caruana et al. 2004, as used for hyper-deep ensembles; the criterion
is the out-of-distribution AUROC on validation, whose outliers never train, of the score by which
the ensemble will decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from triage.uncertainty.auroc import auroc

ScoreOfEnsemble = Callable[[Sequence[int], NDArray[np.float64]], NDArray[np.float64]]


def select_diverse(
    probabilities: NDArray[np.float32],
    is_outlier: NDArray[np.bool_],
    score: ScoreOfEnsemble,
    size: int,
) -> list[int]:
    """Choose ensemble members one after another, each the best addition.

    Parameters
    ----------
    probabilities : float array [N, M, C]
        Validation probabilities of the M candidates.
    is_outlier : bool array [N]
        Validation outliers.
    score : callable
        Maps candidates and their averaged probabilities [N, C] to scores [N].
    size : int
        Members to choose; a candidate may be chosen more than once, which weights it.

    Returns
    -------
    list of int, length `size`
        Indices of candidates in the order chosen; ties go to the earlier candidate.
    """
    candidates = probabilities.astype(np.float64)
    total = np.zeros_like(candidates[:, 0])
    chosen: list[int] = []
    for _ in range(size):
        gains = [
            auroc(score([*chosen, m], (total + candidates[:, m]) / (len(chosen) + 1)), is_outlier)
            for m in range(candidates.shape[1])
        ]
        best = int(np.argmax(gains))
        chosen.append(best)
        total += candidates[:, best]
    return chosen
