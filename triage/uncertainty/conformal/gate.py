"""Out-of-distribution gate in front of the sets: rejected cases get no set.

A set guarantees nothing for an outlier: it holds conditions that the system knows. Cases
above the gate therefore get no set, and the guarantee is for the *answered inliers*. It holds if
the sets were calibrated on cases that passed the same gate, with a threshold fixed before:
of exchangeable inliers, those that pass are exchangeable again, as passing depends on each
case alone. Calibrated on all inliers, the guarantee is for all inliers, and among those
that pass coverage may be too low or too high.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError


def passes(ood_score: NDArray[np.floating], threshold: float) -> NDArray[np.bool_]:
    """Whether each case is answered, bool [N]: its score does not exceed the threshold.

    Raises
    ------
    UsageError
        If a score is not finite or the threshold is NaN.
    """
    score = np.asarray(ood_score)
    if not np.isfinite(score).all() or np.isnan(threshold):
        raise UsageError("the gate needs finite scores and a threshold")
    answered: NDArray[np.bool_] = score <= threshold
    return answered


def gated_sets(
    sets: NDArray[np.bool_], ood_score: NDArray[np.floating], threshold: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Take the sets from cases that do not pass the gate.

    Parameters
    ----------
    sets : bool array [N, K]
        Fitted on calibration cases that passed (`passes`) the same threshold.
    ood_score : float array [N]
        Larger = more out-of-distribution.
    threshold : float

    Returns
    -------
    sets : bool array [N, K]
        Empty for cases that are not answered.
    answered : bool array [N]
        Tells those from answered cases whose set is empty.

    Raises
    ------
    UsageError
        As `passes`, or if sets and scores are of different numbers of cases.
    """
    if len(sets) != len(ood_score):
        raise UsageError(f"{len(ood_score)} scores for {len(sets)} sets")
    answered = passes(ood_score, threshold)
    return sets & answered[:, None], answered
