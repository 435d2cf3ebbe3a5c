"""Margin: how close the two most probable classes of a case are."""

from __future__ import annotations

import numpy as np

from triage.acquisition.pool import Doubles, Pool
from triage.acquisition.strategy import RankedStrategy, StrategyInfo


def margin(mean: Doubles) -> Doubles:
    """1 - (p_1 - p_2) of the two largest probabilities, float64 [N]; of probabilities [N, C]."""
    if mean.shape[1] == 1:
        return np.zeros(len(mean))
    top = np.partition(mean, -2, axis=1)[:, -2:]
    found: Doubles = 1.0 - (top[:, 1] - top[:, 0])
    return found


class Margin(RankedStrategy):
    """The cases whose two most probable classes are closest."""

    info = StrategyInfo(
        "margin",
        "Smallest margin",
        "Scheffer et al. 2001",
        prefers="cases between two classes",
        reason="Chosen for labelling: the system finds cases like this one hard to tell apart.",
    )
    unit = "1 - margin"

    def values(self, pool: Pool, seed: int = 0) -> Doubles:
        """1 minus the margin of each case, float64 [N]."""
        return margin(pool.mean)
