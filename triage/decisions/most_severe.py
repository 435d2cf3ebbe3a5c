"""The most severe of the conditions that a case may plausibly have, which readers always see.

The rule is our own: a condition is plausible if the prediction set has it, or if the joint
probability that the case is of a known condition and has this one reaches `PLAUSIBLE`; the most
severe is the one whose urgency is highest, then that of high risk, then the more probable one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from triage.vocabulary.clinical import PLAUSIBLE, Risk

if TYPE_CHECKING:
    from triage.decisions.policy import KnownCondition


def severe_columns(
    conditions: Sequence[KnownCondition],
    probabilities: NDArray[np.float64],
    p_outlier: NDArray[np.float64],
    sets: Sequence[str],
) -> dict[str, Any]:
    """Columns `most_severe` and `p_most_severe` of the decisions on N cases.

    Parameters
    ----------
    conditions : sequence of K KnownCondition
    probabilities : float array [N, K]
        Calibrated, given that the condition is a known one.
    p_outlier : float array [N]
        Probability that it is none of them.
    sets : sequence of N str
        Each case's prediction set as JSON.

    Returns
    -------
    dict
        The condition, '' where none is plausible, and its probability given that the condition is
        a known one, NaN where there is none.
    """
    names = np.array([condition.name for condition in conditions], dtype=object)
    inside = np.array([[name in held for name in names] for held in map(json.loads, sets)])
    joint = probabilities * (1.0 - p_outlier[:, None])
    plausible = (joint >= PLAUSIBLE) | inside.reshape(probabilities.shape).astype(bool)
    urgency = np.array([-condition.urgency.rank for condition in conditions])
    risk = np.array([condition.risk is Risk.HIGH for condition in conditions])
    # The last key counts first; the last place is that of the most severe plausible condition.
    keys = (probabilities, *(np.broadcast_to(key, joint.shape) for key in (risk, urgency)))
    best = np.lexsort((*keys, plausible), axis=-1)[:, -1]
    cases, any_plausible = np.arange(len(best)), plausible.any(axis=1)
    return {
        "most_severe": np.where(any_plausible, names[best], ""),
        "p_most_severe": np.where(any_plausible, probabilities[cases, best].round(6), np.nan),
    }
