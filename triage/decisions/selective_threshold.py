"""The threshold on the expected saving above which a system abstains, by rule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
    kept = np.flatnonzero(wrongly <= error * answered + 1e-12)
    if len(kept) == 0:
        return float(values[0]) - 1.0
    last = int(kept[-1])
    if last == len(values) - 1:
        return float(values[last]) + 1.0
    halfway = (values[last] + values[last + 1]) / 2.0
    # Where neighbours are adjacent floats, half-way may round up to the one that abstains.
    return float(halfway if halfway < values[last + 1] else values[last])
