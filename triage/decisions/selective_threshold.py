"""The threshold on the expected saving above which a system abstains, by rule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.decisions.abstention_threshold import ROUNDING, threshold_after
from triage.errors import UsageError


def threshold_of_error(
    saving: NDArray[np.float64],
    wrong: NDArray[np.bool_],
    weights: NDArray[np.float64],
    error: float,
) -> float:
    """Find the highest threshold at which answered cases keep a share of wrong opinions.

    Selective classification with a target risk (Geifman & El-Yaniv 2017), without their bound:
    the share holds on the cases given, and on others on average only.

    Parameters
    ----------
    saving : float array [N]
        Expected saving of abstaining; a case is answered if it does not exceed the threshold.
    wrong : bool array [N]
        Whether an opinion on the case would be wrong.
    weights : float array [N]
        Case weights, such as to a stated prevalence of outliers.
    error : float
        Largest weighted share of wrong opinions among answered cases.

    Returns
    -------
    float
        Below every saving where no threshold keeps the share: nothing is answered then.

    Raises
    ------
    UsageError
        If there is no case.
    """
    if len(saving) == 0:
        raise UsageError("a threshold needs validation cases")
    values, place = np.unique(saving, return_inverse=True)
    answered = np.cumsum(np.bincount(place, weights, len(values)))
    wrongly = np.cumsum(np.bincount(place, weights * wrong, len(values)))
    keeps = np.flatnonzero(wrongly <= error * answered + ROUNDING)
    return threshold_after(values, int(keeps[-1]) + 1 if len(keeps) else 0)
