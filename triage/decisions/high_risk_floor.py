"""Cases in which a condition of high risk cannot be ruled out are referred semi-urgently or sooner.

The threshold on the summed probability of high-risk conditions is the certified one of
`triage.decisions.guaranteed_threshold`. Abstentions wait at that urgency or above in any case.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from triage.decisions.guaranteed_threshold import GuaranteedThreshold
from triage.vocabulary.clinical import ABSTAINED_PRIORITY, Risk

SENTENCE = "A condition of high risk cannot be ruled out, so the referral is semi-urgent at least."


def p_high_risk(probabilities: NDArray[np.float64], risks: Sequence[Risk]) -> NDArray[np.float64]:
    """Summed probability of the conditions of high risk, [N], from probabilities [N, K]."""
    summed: NDArray[np.float64] = probabilities[:, [risk is Risk.HIGH for risk in risks]].sum(
        axis=1
    )
    return summed


def raised(
    urgency: NDArray[np.integer],
    p_risk: NDArray[np.float64],
    guaranteed: GuaranteedThreshold | None,
) -> NDArray[np.bool_]:
    """Which cases are referred sooner than their urgency, bool [N].

    Parameters
    ----------
    urgency : int array [N]
        Ranks of urgency, 0 the most urgent.
    p_risk : float array [N]
        See `p_high_risk`.
    guaranteed : GuaranteedThreshold, optional
        None, or not certified: no case is.
    """
    if guaranteed is None or not guaranteed.certified:
        return np.zeros(len(urgency), dtype=np.bool_)
    late: NDArray[np.bool_] = urgency > ABSTAINED_PRIORITY.rank
    return late & guaranteed.flags(p_risk)
