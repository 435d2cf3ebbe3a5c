"""ASH-S: energy after small activations are pruned and the others scaled up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from triage.errors import UsageError
from triage.uncertainty.scores.energy import energy
from triage.uncertainty.scores.families import FeatureScore, Truth
from triage.uncertainty.scores.score import Floats, ScoreInfo, State


def large_activations(features: Floats, percentile: float) -> tuple[Floats, Floats]:
    """Find each case's large activations, and by how much they are to be scaled.

    Parameters
    ----------
    features : float array [N, H]
    percentile : float
        Share of a case's features that counts as small, in [0, 100).

    Returns
    -------
    pruned : float array [N, H]
        The features, with the small ones set to zero; equal ones at the border stay.
    factor : float array [N, 1]
        exp(s1 / s2), s1 the sum of the features and s2 that of the pruned ones, both over
        positive features only: after a ReLU there are no others, and the features of a linear
        head, which may be negative, so give a bounded ratio. exp(1) where none is positive.
    """
    width = features.shape[1]
    kept = max(1, width - round(width * percentile / 100))
    border = np.partition(features, width - kept, axis=1)[:, [width - kept]]
    pruned = np.where(features >= border, features, 0)
    total = np.maximum(features, 0).sum(axis=1, keepdims=True)
    large = np.maximum(pruned, 0).sum(axis=1, keepdims=True)
    return pruned, np.exp(np.divide(total, large, out=np.ones_like(total), where=large > 0))


def check_percentile(percentile: float, where: str) -> None:
    """Raise UsageError unless the percentile lies in [0, 100)."""
    if not 0 <= percentile < 100:
        raise UsageError("the percentile must lie in [0, 100)", where=where)


@dataclass
class Ash(FeatureScore):
    """s = energy of W f' + b: f without its smallest activations, times exp(s1 / s2).

    s1 and s2 are the sums of a case's activations before and after pruning (Djurisic et al.
    2023, the variant ASH-S). Meant for features after a ReLU; nothing is fitted.

    Parameters
    ----------
    percentile : float
        Share of each case's features that is pruned, in [0, 100).

    Raises
    ------
    UsageError
        If the percentile is out of bounds.
    """

    percentile: float = 90.0

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="ash",
        title="ASH-S with energy",
        source="Djurisic et al. 2023, ASH-S",
        cost="the last layer once more, and a partial sort",
    )
    fitted: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_percentile(self.percentile, self.info.key)

    def learn(self, features: Floats, truth: Truth, weight: Floats, bias: Floats) -> State:
        """Learn nothing: each case is pruned by its own features."""
        return {}

    def of(self, features: Floats, weight: Floats, bias: Floats, state: State) -> Floats:
        """Score features [N, H]; returns [N]."""
        pruned, factor = large_activations(features, self.percentile)
        return energy(factor * (pruned @ weight.T) + bias)
